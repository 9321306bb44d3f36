"""A pod that goes as a whole: its rows in bounded steps, and the name that stays."""

from __future__ import annotations

from vault.storage.engines import Transaction
from vault.values import PodName

# Members first, those below before what holds them; auxiliaries and the storage, which have no parent, after them.
_CLEAR = """
    DELETE FROM resources WHERE pod = ? AND path IN (
        SELECT path FROM resources WHERE pod = ? AND parent IS NOT NULL ORDER BY path DESC LIMIT ?) RETURNING size
"""
_CLEAR_REST = """
    DELETE FROM resources WHERE pod = ? AND path IN (
        SELECT path FROM resources WHERE pod = ? ORDER BY path DESC LIMIT ?) RETURNING size
"""
_RETIRE = "UPDATE pods SET owner = '', quota_bytes = 0 WHERE name = ?"


async def clear(transaction: Transaction, pod: PodName, *, limit: int) -> list[int]:
    """The sizes of what was removed."""
    gone = await transaction.returning(_CLEAR, (pod, pod, limit))
    gone = gone or await transaction.returning(_CLEAR_REST, (pod, pod, limit))
    return [row[0] for row in gone]


async def retire(transaction: Transaction, pod: PodName) -> None:
    """Takes the owner and the room away."""
    await transaction.run(_RETIRE, (pod,))
