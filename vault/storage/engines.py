"""The engines under the stores, behind one small interface: `Transaction` is all that a store ever sees.

SQLite is the only engine so far: readers with a snapshot each, one writer with group commit (D17). PostgreSQL (D19)
joins here: it brings an `Engine` whose transactions turn `?` into `$1`, and passes the same contract suite.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from vault.errors import Unavailable
from vault.storage.group_commit import GroupCommit
from vault.storage.lines import Line
from vault.storage.sqlite import (
    Row,
    SqliteTransaction,
    StatementFailed,
    Turnstile,
    Value,
    connect,
    translated,
)

__all__ = [
    "CannotOpen",
    "Engine",
    "NewerSchema",
    "Row",
    "SqliteEngine",
    "StatementFailed",
    "Step",
    "Transaction",
]

W = TypeVar("W")
W_co = TypeVar("W_co", covariant=True)

_PATIENCE = 10.0  # seconds a request waits for its turn
LOCK_PATIENCE = 5.0  # seconds SQLite waits where a lock is held for an instant only
_KEPT_READERS = 8
_MOST_READERS = 64


class Transaction(Protocol):
    """An open transaction. Statements have `?` for their values, in order; they are constants of the stores."""

    async def one(self, sql: str, values: Sequence[Value] = (), /) -> Row | None: ...
    async def all(self, sql: str, values: Sequence[Value] = (), /) -> list[Row]: ...
    async def run(self, sql: str, values: Sequence[Value] = (), /) -> int:
        """Writes; the number of rows changed."""
        ...

    async def returning(self, sql: str, values: Sequence[Value] = (), /) -> list[Row]:
        """Writes; the rows of its RETURNING clause."""
        ...

    @property
    def writable(self) -> bool: ...
    def remember(self, key: object, value: Any) -> None:
        """Keeps a few values that were read, for a second look in this transaction; any write forgets them."""
        ...

    def recall(self, key: object) -> Any: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered move of the schema, forward only."""

    version: int
    script: str


class CannotOpen(Exception):
    """The store cannot be opened. The text says why, to whoever started the program."""


class NewerSchema(CannotOpen):
    """The database was written by a newer program; this one would misread it."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"the database has schema {found}, this program knows up to {known}: start the newer program")
        self.found = found
        self.known = known


class Engine(Protocol):
    """What `Database` asks of an engine. `wrap` makes the caller's view of the transaction; `after_commit` is called
    after each commit of this process, once it is on disk."""

    after_commit: Callable[[], None]

    def reading(self, wrap: Callable[[Transaction], W], /) -> AbstractAsyncContextManager[W]: ...
    def writing(self, wrap: Callable[[Transaction], W], /) -> AbstractAsyncContextManager[W]: ...
    async def glance(self, sql: str, values: Sequence[Value], /) -> Row | None:
        """One row by one statement, as of the last commit: what needs no consistent state costs no transaction."""
        ...

    async def migrate(self, steps: Sequence[Step], /, *, at: int) -> int: ...
    async def close(self) -> None: ...


class SqliteEngine:
    """One database file, shared by all worker processes."""

    def __init__(self, path: Path, turnstile: Turnstile, writer: sqlite3.Connection) -> None:
        self._path = path
        self._group = GroupCommit(writer, turnstile, patience=_PATIENCE)
        self._idle: list[sqlite3.Connection] = []
        self._readers = 0
        self._line: Line[sqlite3.Connection] = Line(self.give_back, patience=_PATIENCE)
        self._closed = False
        self._all_back = asyncio.Event()
        self.after_commit: Callable[[], None] = _nothing

    @classmethod
    async def open(cls, path: Path, lock: Path) -> SqliteEngine:
        """Opens or makes the database. Processes that start together do it one after the other."""
        turnstile = Turnstile(lock)
        open_writer = partial(connect, path, synchronous="FULL", patience=0.0)
        writer = await asyncio.to_thread(turnstile.through, open_writer)
        return cls(path, turnstile, writer)

    def reading(self, wrap: Callable[[Transaction], W], /) -> AbstractAsyncContextManager[W]:
        return _Reading(self, wrap)

    def writing(self, wrap: Callable[[Transaction], W], /) -> AbstractAsyncContextManager[W]:
        return _Writing(self, self._group, wrap)

    async def glance(self, sql: str, values: Sequence[Value], /) -> Row | None:
        connection = await self.take()
        try:
            rows: list[Row] = connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self.drop(connection)
            raise translated(error) from error
        self.give_back(connection)
        return rows[0] if rows else None

    async def migrate(self, steps: Sequence[Step], /, *, at: int) -> int:
        """Runs the steps that this database has not seen, each in one transaction; returns the version reached."""
        return await asyncio.to_thread(_migrate, self._path, steps, at)

    async def close(self) -> None:
        self._closed = True
        self._line.dismiss(lambda: Unavailable("storage-closed", "The server is stopping."))
        if self._readers > len(self._idle):
            await self._all_back.wait()
        for connection in self._idle:
            connection.close()
        self._idle.clear()
        self._readers = 0
        await self._group.close()

    async def take(self) -> sqlite3.Connection:
        """A connection that reads; the caller gives it back."""
        if self._closed:
            raise Unavailable("storage-closed", "The server is stopping.")
        if self._idle:
            return self._idle.pop()
        if self._readers >= _MOST_READERS:
            return await self._line.wait()
        connection = connect(self._path, synchronous="FULL", patience=LOCK_PATIENCE)
        connection.execute("PRAGMA query_only = ON").fetchall()
        self._readers += 1
        return connection

    def give_back(self, connection: sqlite3.Connection) -> None:
        if self._line.serve(connection):
            return
        if len(self._idle) < _KEPT_READERS and not self._closed:
            self._idle.append(connection)
        else:
            self.drop(connection)

    def drop(self, connection: sqlite3.Connection) -> None:
        self._readers -= 1
        connection.close()
        if self._closed and self._readers == len(self._idle):
            self._all_back.set()


def _nothing() -> None:
    """What happens after a commit until somebody wants to hear of it."""


class _Reading(Generic[W]):
    """One consistent state, from the first statement to the end; waits for no writer."""

    __slots__ = ("_connection", "_engine", "_transaction", "_wrap")

    def __init__(self, engine: SqliteEngine, wrap: Callable[[Transaction], W]) -> None:
        self._engine = engine
        self._wrap = wrap

    async def __aenter__(self) -> W:
        self._connection = await self._engine.take()
        try:
            self._connection.execute("BEGIN")
        except sqlite3.Error as error:
            self._engine.drop(self._connection)
            raise translated(error) from error
        self._transaction = SqliteTransaction(self._connection, writable=False)
        return self._wrap(self._transaction)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transaction.end()
        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._engine.drop(self._connection)
        else:
            self._engine.give_back(self._connection)


class _Writing(Generic[W]):
    """One writer's turn in a group commit."""

    __slots__ = ("_engine", "_group", "_transaction", "_wrap")

    def __init__(self, engine: SqliteEngine, group: GroupCommit, wrap: Callable[[Transaction], W]) -> None:
        self._engine = engine
        self._group = group
        self._wrap = wrap

    async def __aenter__(self) -> W:
        self._transaction = await self._group.enter()
        return self._wrap(self._transaction)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._group.leave(self._transaction, keep=kind is None)
        if kind is None:
            self._engine.after_commit()


_SCHEMA_TABLE = (
    "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER NOT NULL PRIMARY KEY, applied BIGINT NOT NULL)"
)
_SCHEMA_FOUND = "SELECT coalesce(max(version), 0) FROM schema_versions"
_SCHEMA_APPLIED = "INSERT INTO schema_versions (version, applied) VALUES (?, ?)"


def _migrate(path: Path, steps: Sequence[Step], at: int) -> int:
    known = steps[-1].version
    connection = connect(path, synchronous="FULL", patience=30.0)
    try:
        connection.execute(_SCHEMA_TABLE)
        while True:
            # Under the write lock: of two processes that start together, the second finds the work done.
            connection.execute("BEGIN IMMEDIATE")
            found = int(connection.execute(_SCHEMA_FOUND).fetchone()[0])
            if found > known:
                raise NewerSchema(found, known)
            step = next((step for step in steps if step.version > found), None)
            if step is None:
                return found
            for statement in statements(step.script):
                connection.execute(statement)
            connection.execute(_SCHEMA_APPLIED, (step.version, at))
            connection.execute("COMMIT")
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        connection.close()


def statements(script: str) -> list[str]:
    found, open_lines = [], ""
    for line in script.splitlines(keepends=True):
        open_lines += line
        if sqlite3.complete_statement(open_lines):
            found.append(open_lines)
            open_lines = ""
    return found
