"""One writer after the other inside one SQLite transaction; one commit, and so one fsync, for all of them (D17).

Each writer works in a savepoint of its own and is rolled back alone. When nobody waits any more, the transaction stays
open for a few turns of the event loop: a busy loop brings more writers in them, an idle one has passed them in no time.
Then, or when the batch is full or old, the commit runs in a thread while new writers line up for the next batch. A
writer hears of success only after the commit that holds its work; when the commit fails, every writer in it hears that.

    free ──▶ beginning ──▶ a writer's turn ◀──▶ lingering, or the next turn ──▶ committing ──▶ free, or beginning
                 └─ waits here while another process writes
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from vault.errors import Unavailable
from vault.storage.lines import Line
from vault.storage.sqlite import SqliteTransaction, Turnstile, primary_code, translated, unavailable

_MOST_WRITERS = 128  # in one batch
_LONGEST_BATCH = 0.025  # seconds: the first writer of a batch waits for its last
_LINGERS = 4  # turns of the event loop
_ASK_AGAIN = 0.001  # seconds between two looks at a lock that another process holds


class GroupCommit:
    """The one connection of this process that writes, and whose turn it is."""

    def __init__(self, connection: sqlite3.Connection, turnstile: Turnstile, *, patience: float) -> None:
        """`patience`: seconds a writer waits for its turn before it is told Unavailable."""
        self._connection = connection
        self._turnstile = turnstile
        self._line: Line[None] = Line(lambda _: self._pass_on(), patience=patience)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
        self._batch: list[asyncio.Future[None]] = []
        self._began = 0.0
        self._free = asyncio.Event()  # not held by a writer, the commit, or the wait for another process
        self._free.set()
        self._lingering = 0  # above zero: the transaction is open and it is nobody's turn
        self._lingered = 0  # how often, so that each wait has its number
        self._closed = False

    async def enter(self) -> SqliteTransaction:
        """Waits for the turn of this writer; every `enter` that returns must be followed by `leave`."""
        if self._closed:
            raise _closed()
        if self._lingering:
            self._lingering = 0
        elif self._free.is_set():
            await self._start()
        else:
            await self._line.wait()
        try:
            self._connection.execute("SAVEPOINT writer")
        except sqlite3.Error as error:
            self._abandon()
            raise translated(error) from error
        return SqliteTransaction(self._connection, writable=True)

    async def leave(self, transaction: SqliteTransaction, *, keep: bool) -> None:
        """Ends the turn. With `keep`, returns when the work is on disk; without, the work is undone."""
        transaction.end()
        if not self._settle(keep):
            self._abandon()
            if keep:
                raise unavailable()
            return
        # A writer that only looked may have seen what its neighbours in the batch wrote: it waits with them.
        if not keep or not (transaction.wrote or self._batch):
            self._pass_on()
            return
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._batch.append(committed)
        self._pass_on()
        await committed

    async def close(self) -> None:
        """Lets everybody who stands in the line finish; whoever comes later is told Unavailable."""
        self._closed = True
        await self._free.wait()
        self._thread.shutdown()
        self._connection.close()
        self._turnstile.close()

    def _settle(self, keep: bool) -> bool:
        """Ends the writer's savepoint; False when SQLite gave up the whole transaction, or must."""
        if not self._connection.in_transaction:
            return False
        try:
            if not keep:
                self._connection.execute("ROLLBACK TO writer")
            self._connection.execute("RELEASE writer")
        except sqlite3.Error:
            return False
        return True

    async def _start(self) -> None:
        self._free.clear()
        try:
            begun = self._begin()
        except sqlite3.Error as error:
            self._free.set()
            raise translated(error) from error
        if not begun:
            asyncio.get_running_loop().call_later(_ASK_AGAIN, self._next_batch)
            await self._line.wait()

    def _begin(self) -> bool:
        """Opens the transaction; False when another process writes: it then stands in the turnstile."""
        if not self._turnstile.enter_now():
            return False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if primary_code(error) == sqlite3.SQLITE_BUSY:
                return False
            self._turnstile.leave()
            raise
        self._turnstile.leave()
        self._began = asyncio.get_running_loop().time()
        return True

    def _next_batch(self) -> None:
        """No transaction is open: opens one for whoever waits, now or as soon as the other process is done."""
        if not self._line:
            self._turnstile.leave()
            self._free.set()
            return
        try:
            begun = self._begin()
        except sqlite3.Error:
            self._free.set()
            self._line.dismiss(unavailable)
            return
        if not begun:
            asyncio.get_running_loop().call_later(_ASK_AGAIN, self._next_batch)
        elif not self._line.serve(None):
            self._finish()

    def _pass_on(self) -> None:
        """A turn has ended and the transaction is open: the next writer, or the commit."""
        age = asyncio.get_running_loop().time() - self._began
        due = len(self._batch) >= _MOST_WRITERS or age >= _LONGEST_BATCH
        if not due and self._line.serve(None):
            return
        if due or self._closed or not self._batch:
            self._finish()
            return
        self._lingering = _LINGERS
        self._lingered += 1
        asyncio.get_running_loop().call_soon(self._linger, self._lingered)

    def _linger(self, number: int) -> None:
        """A turn of the loop has passed; unless somebody came, and this is about an earlier wait."""
        if not self._lingering or number != self._lingered:
            return
        self._lingering -= 1
        if self._lingering:
            asyncio.get_running_loop().call_soon(self._linger, number)
        else:
            self._finish()

    def _finish(self) -> None:
        if not self._batch:
            self._roll_back()
            self._next_batch()
            return
        commit = asyncio.get_running_loop().run_in_executor(self._thread, self._connection.commit)
        commit.add_done_callback(self._committed)

    def _committed(self, commit: asyncio.Future[None]) -> None:
        error = None if commit.cancelled() else commit.exception()
        if error is None and not commit.cancelled():
            batch, self._batch = self._batch, []
            for writer in batch:
                if not writer.done():
                    writer.set_result(None)
        else:
            self._fail_batch(error)
        self._next_batch()

    def _abandon(self) -> None:
        """The whole transaction is lost, for everybody in it."""
        self._fail_batch(None)
        self._next_batch()

    def _fail_batch(self, cause: BaseException | None) -> None:
        self._roll_back()
        batch, self._batch = self._batch, []
        for writer in batch:
            if not writer.done():
                told = unavailable()
                told.__cause__ = cause
                writer.set_exception(told)

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _closed() -> Unavailable:
    return Unavailable("storage-closed", "The server is stopping.")
