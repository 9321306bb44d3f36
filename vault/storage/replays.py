"""Proof ids already seen and failed sign-ins, shared by all workers (D19), outside the transaction and its fsync.

Only hashes are kept: a proof id may be long, and a key of `Tries` is somebody's address.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from vault.storage.records import to_micros
from vault.storage.shared_file import SharedFile

SCRIPT = """
CREATE TABLE IF NOT EXISTS replays (proof BLOB NOT NULL PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
DROP INDEX IF EXISTS replays_by_expiry;
CREATE TABLE IF NOT EXISTS tries (id INTEGER NOT NULL PRIMARY KEY, who BLOB NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS tries_by_who ON tries (who, at);
CREATE INDEX IF NOT EXISTS tries_by_time ON tries (at);
"""

_CLAIM = "INSERT OR IGNORE INTO replays (proof, expires) VALUES (?, ?)"
_END_OF_STRETCH = "SELECT proof FROM replays WHERE proof > ? ORDER BY proof LIMIT 1 OFFSET ?"
_FORGET_STRETCH = "DELETE FROM replays WHERE proof > ? AND proof <= ? AND expires < ?"
_FORGET_REST = "DELETE FROM replays WHERE proof > ? AND expires < ?"
_ADD_TRY = "INSERT INTO tries (who, at) VALUES (?, ?)"
_COUNT_TRIES = "SELECT count(*) FROM tries WHERE who = ? AND at > ?"
_CLEAR_TRIES = "DELETE FROM tries WHERE who = ?"
_FORGET_TRIES = "DELETE FROM tries WHERE id IN (SELECT id FROM tries WHERE at < ? ORDER BY at LIMIT ?)"

_REMEMBER_TRIES = timedelta(days=1)  # longer than any window a limit looks at


class SharedReplays:
    """`Replays`: a claim is one insert, so of two at once exactly one gets True, in whatever transaction.

    A claim comes with every signed request, and an index by time would make it half as dear again: so what has had its
    time is looked for in the order of the hashes, stretch by stretch and round again.
    """

    def __init__(self, file: SharedFile) -> None:
        self._file = file
        self._looked_through = b""  # up to this hash

    async def claim(self, proof_id: str, /, *, until: datetime) -> bool:
        return await self._file.run_with_others(_CLAIM, (_digest(proof_id), to_micros(until))) == 1

    async def forget(self, now: datetime, /, *, limit: int) -> int:
        """Looks through the next `limit` of them; through the first, when none was left behind the last stretch."""
        gone = await self._forget_stretch(to_micros(now), limit)
        return gone or (await self._forget_stretch(to_micros(now), limit) if not self._looked_through else 0)

    async def _forget_stretch(self, now: int, limit: int) -> int:
        start, self._looked_through = self._looked_through, b""
        end = await self._file.one(_END_OF_STRETCH, (start, limit))
        if end is None:
            return await self._file.run(_FORGET_REST, (start, now))
        self._looked_through = end[0]
        return await self._file.run(_FORGET_STRETCH, (start, end[0], now))


class SharedTries:
    """`Tries`, one row for each failed sign-in."""

    def __init__(self, file: SharedFile) -> None:
        self._file = file

    async def count(self, key: str, /, *, window_seconds: int, now: datetime) -> int:
        since = to_micros(now - timedelta(seconds=window_seconds))
        row = await self._file.one(_COUNT_TRIES, (_digest(key), since))
        return int(row[0]) if row else 0

    async def add(self, key: str, /, *, now: datetime) -> None:
        await self._file.run(_ADD_TRY, (_digest(key), to_micros(now)))

    async def clear(self, key: str, /) -> None:
        await self._file.run(_CLEAR_TRIES, (_digest(key),))

    async def forget(self, now: datetime, /, *, limit: int) -> int:
        return await self._file.run(_FORGET_TRIES, (to_micros(now - _REMEMBER_TRIES), limit))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
