"""A second database beside the store, for facts that all workers share and that may be lost with the machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from vault.storage.engines import LOCK_PATIENCE, statements
from vault.storage.sqlite import Row, Turnstile, Value, connect, primary_code, translated


class SharedFile:
    """A second database for facts that all workers share and that need not outlive the machine: no fsync at all.

    Each statement is a transaction of its own, but for those that may share one. When another process holds the lock,
    it is asked again without blocking the loop.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sharing: list[tuple[str, Sequence[Value], asyncio.Future[int]]] = []

    @classmethod
    async def open(cls, path: Path, lock: Path, script: str) -> SharedFile:
        return cls(await asyncio.to_thread(_open_in_turn, path, lock, script))

    async def run(self, sql: str, values: Sequence[Value] = (), /) -> int:
        """The number of rows changed."""
        cursor = await self._execute(sql, values)
        return cursor.rowcount

    async def run_with_others(self, sql: str, values: Sequence[Value] = (), /) -> int:
        """Like `run`, in one transaction with everybody who asks in the same turn of the event loop: on a busy server
        the transaction costs several times what is done in it."""
        loop = asyncio.get_running_loop()
        changed: asyncio.Future[int] = loop.create_future()
        self._sharing.append((sql, values, changed))
        if len(self._sharing) == 1:
            loop.call_soon(self._run_together, None)
        return await changed

    async def one(self, sql: str, values: Sequence[Value] = (), /) -> Row | None:
        cursor = await self._execute(sql, values)
        rows: list[Row] = cursor.fetchall()
        return rows[0] if rows else None

    def close(self) -> None:
        self._connection.close()

    async def _execute(self, sql: str, values: Sequence[Value]) -> sqlite3.Cursor:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LOCK_PATIENCE
        while True:
            try:
                return self._connection.execute(sql, values)
            except sqlite3.Error as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or loop.time() > deadline:
                    raise translated(error) from error
            await asyncio.sleep(0.001)

    def _run_together(self, deadline: float | None) -> None:
        """One transaction for all who wait; `deadline` is that of the first of them, once it had to be asked again."""
        loop = asyncio.get_running_loop()
        waiting = self._sharing
        try:
            counts = self._changed_by(waiting)
        except sqlite3.Error as error:
            deadline = loop.time() + LOCK_PATIENCE if deadline is None else deadline
            if primary_code(error) == sqlite3.SQLITE_BUSY and loop.time() <= deadline:
                loop.call_later(0.001, self._run_together, deadline)
                return
            self._sharing = []
            for _, _, changed in waiting:
                if not changed.done():
                    changed.set_exception(translated(error))
            return
        self._sharing = []
        for (_, _, changed), count in zip(waiting, counts, strict=True):
            if not changed.done():
                changed.set_result(count)

    def _changed_by(self, waiting: Sequence[tuple[str, Sequence[Value], asyncio.Future[int]]]) -> list[int]:
        if len(waiting) == 1:
            sql, values, _ = waiting[0]
            return [self._connection.execute(sql, values).rowcount]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            counts = [self._connection.execute(sql, values).rowcount for sql, values, _ in waiting]
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        return counts


def _open_in_turn(path: Path, lock: Path, script: str) -> sqlite3.Connection:
    turnstile = Turnstile(lock)
    try:
        return turnstile.through(partial(_open_shared, path, script))
    finally:
        turnstile.close()


def _open_shared(path: Path, script: str) -> sqlite3.Connection:
    """Without fsync, a power cut may leave the file broken: then it starts anew, as it would on a new machine."""
    try:
        connection = connect(path, synchronous="OFF", patience=LOCK_PATIENCE)
        healthy = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        healthy = False
    if not healthy:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = connect(path, synchronous="OFF", patience=LOCK_PATIENCE)
    # A checkpoint runs on the event loop here: often and small is better than seldom and long.
    connection.execute("PRAGMA wal_autocheckpoint = 200").fetchall()
    for statement in statements(script):
        connection.execute(statement)
    connection.execute("PRAGMA busy_timeout = 0").fetchall()  # from here on nobody waits on the event loop
    return connection
