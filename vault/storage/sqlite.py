"""SQLite as the stores need it: connections, one transaction on one connection, and what its errors mean to us.

Statements run on the event loop: a cached read takes a few microseconds, a hop to a thread sixty. Only what waits for
the disk, the commit, goes to a thread (group_commit.py).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from vault.errors import Unavailable

_T = TypeVar("_T")
Value = str | int | bytes | None
Row = tuple[Any, ...]

# What the machine may do to us: a full or broken disk, a lock that stays. Everything else is a mistake of ours.
_BEYOND_US = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
     sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
     sqlite3.SQLITE_NOTADB}
)  # fmt: skip


_MOST_REMEMBERED = 8  # values in one transaction
_SETTING_UP = 5.0  # seconds; some are opened on the event loop


def connect(path: Path, *, synchronous: str, patience: float) -> sqlite3.Connection:
    """A connection in WAL mode without implicit transactions. `patience`: seconds SQLite itself waits for a lock, once
    the connection is there; while it is made, others may hold one for a moment that nobody could be told of."""
    _make_private(path)
    connection = sqlite3.connect(
        path, timeout=max(patience, _SETTING_UP), isolation_level=None, check_same_thread=False, cached_statements=256
    )
    for pragma in (
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
        "cache_size = -8192",
        "journal_size_limit = 67108864",
        f"busy_timeout = {int(patience * 1000)}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def _make_private(path: Path) -> None:
    """The database holds people's data: nobody else on this machine reads it. Its side files take over the mode.

    Never opens one that is there: to close a file ends every lock that this process has on it (POSIX, fcntl), and the
    next process to go would take itself for the last and remove the log that this one writes to."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def primary_code(error: sqlite3.Error) -> int:
    """The result code without its extension; 0 when the error is the binding's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def beyond_us(error: Exception) -> bool:
    """Whether the machine did this to us: a folder that is not ours, a full disk, a file that is no database."""
    return isinstance(error, OSError) or (isinstance(error, sqlite3.Error) and primary_code(error) in _BEYOND_US)


class StatementFailed(Exception):
    """A statement was wrong, or broke a constraint: a mistake in our own code. The cause has the words."""


def translated(error: sqlite3.Error) -> Exception:
    """What the caller hears: Unavailable when the machine failed us, StatementFailed when we did."""
    return (
        unavailable() if primary_code(error) in _BEYOND_US else StatementFailed(f"SQLite result {primary_code(error)}")
    )


def unavailable() -> Unavailable:
    return Unavailable("storage-unavailable", "The store cannot do this now; try again.")


class Turnstile:
    """Which process writes next: it stands here while it waits for the database's write lock.

    Without it, a process that writes without a pause takes the lock back before a waiting one looks again. The lock
    ends with the process, however that ends.
    """

    __slots__ = ("_file", "_inside")

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._inside = False

    def enter_now(self) -> bool:
        """True when this process stands in the turnstile; asking again is harmless."""
        if not self._inside:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._inside = True
        return True

    def through(self, deed: Callable[[], _T]) -> _T:
        """Does something when it is free, and makes it free again; blocks the thread. In one piece, so that whoever
        gives up waiting meanwhile leaves nothing locked."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._inside = True
        try:
            return deed()
        finally:
            self.leave()

    def leave(self) -> None:
        if self._inside:
            self._inside = False
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


class FileDuty:
    """`Duty`: the process that holds the lock on a file does it, until it ends or closes the file."""

    __slots__ = ("_turnstile",)

    def __init__(self, path: Path) -> None:
        self._turnstile = Turnstile(path)

    def take(self) -> bool:
        return self._turnstile.enter_now()

    def close(self) -> None:
        self._turnstile.close()


class SqliteTransaction:
    """An open transaction on one connection; after `end()` it answers nothing any more."""

    __slots__ = ("_before", "_connection", "_open", "_remembered", "writable")

    def __init__(self, connection: sqlite3.Connection, *, writable: bool) -> None:
        self._connection = connection
        self.writable = writable
        self._open = True
        self._before = connection.total_changes
        self._remembered: dict[object, Any] = {}

    async def one(self, sql: str, values: Sequence[Value] = (), /) -> Row | None:
        rows = self._rows(sql, values)
        return rows[0] if rows else None

    async def all(self, sql: str, values: Sequence[Value] = (), /) -> list[Row]:
        return self._rows(sql, values)

    async def run(self, sql: str, values: Sequence[Value] = (), /) -> int:
        self._check_writable()
        self._remembered.clear()
        try:
            return self._connection.execute(sql, values).rowcount
        except sqlite3.Error as error:
            raise self._failed(error) from error

    async def returning(self, sql: str, values: Sequence[Value] = (), /) -> list[Row]:
        self._check_writable()
        self._remembered.clear()
        return self._rows(sql, values)

    def remember(self, key: object, value: Any) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = value

    def recall(self, key: object) -> Any:
        return self._remembered.get(key)

    @property
    def wrote(self) -> bool:
        """Whether a row was changed since the transaction began."""
        return self._connection.total_changes != self._before

    def end(self) -> None:
        self._open = False
        self._remembered.clear()

    def _rows(self, sql: str, values: Sequence[Value]) -> list[Row]:
        if not self._open:
            raise RuntimeError("the transaction is over")
        try:
            # All rows at once: a statement that is left half-way would keep the snapshot and block the savepoint.
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _check_writable(self) -> None:
        if not self.writable:
            raise RuntimeError("this transaction only reads")
        if not self._open:
            raise RuntimeError("the transaction is over")

    def _failed(self, error: sqlite3.Error) -> Exception:
        # On a full disk SQLite may give up the whole transaction; the next statement would then stand on its own.
        if not self._connection.in_transaction:
            self._open = False
        return translated(error)
