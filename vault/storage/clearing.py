"""A pod that goes as a whole: its rows in bounded steps, and the name that stays."""

from __future__ import annotations

from vault.storage.engines import Transaction
from vault.values import PodName

# Members first, those below before what holds them, and the storage last of them.
_CLEAR_DOCUMENTS = """
    DELETE FROM resources WHERE pod = ? AND path IN (
        SELECT path FROM resources WHERE pod = ? AND (parent IS NOT NULL OR path = '/') ORDER BY path DESC LIMIT ?)
    RETURNING path, size
"""
_CLEAR_AUXILIARIES = """
    DELETE FROM resources WHERE pod = ? AND path IN (
        SELECT path FROM resources WHERE pod = ? ORDER BY path DESC LIMIT ?) RETURNING size
"""
_RETIRE = "UPDATE pods SET owner = '', quota_bytes = 0 WHERE name = ?"


async def clear_documents(transaction: Transaction, pod: PodName, *, limit: int) -> list[tuple[str, int]]:
    """Path and size of what was removed, members before what held them; descriptions and ACLs stay."""
    gone = [(str(path), int(size)) for path, size in await transaction.returning(_CLEAR_DOCUMENTS, (pod, pod, limit))]
    return sorted(gone, reverse=True)


async def clear(transaction: Transaction, pod: PodName, *, limit: int) -> list[int]:
    """The sizes of what was removed: documents, and when there is none left, descriptions and ACLs."""
    if gone := await clear_documents(transaction, pod, limit=limit):
        return [size for _, size in gone]
    return [int(row[0]) for row in await transaction.returning(_CLEAR_AUXILIARIES, (pod, pod, limit))]


async def retire(transaction: Transaction, pod: PodName) -> None:
    """Takes the owner and the room away."""
    await transaction.run(_RETIRE, (pod,))
