"""The store as the rest of the server sees it: `reading()` and `writing()`, each one transaction as one `Work`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from vault.config import IdentitySettings, StorageSettings
from vault.errors import Unavailable
from vault.ports import Work
from vault.storage.accounts import SqlAccounts
from vault.storage.acls import SqlAcls
from vault.storage.blobs import FileBlobs
from vault.storage.credentials import SqlLetters, SqlMailLinks, SqlPasskeys, SqlRecoveryCodes, SqlUpstreamLinks
from vault.storage.datasluis import SqlAccessRequests, SqlDeposits, SqlGrants, SqlParticipants
from vault.storage.engines import CannotOpen, Engine, SqliteEngine, Step, Transaction
from vault.storage.identity import (
    SqlClients,
    SqlCodes,
    SqlEndedTokens,
    SqlPushedRequests,
    SqlRefreshTokens,
    SqlSecrets,
    SqlSessions,
    SqlSigningKeys,
)
from vault.storage.journal import SqlAuditLog, SqlOutbox
from vault.storage.notify import SqlDeliveries, SqlNotices, SqlSubscriptions, forget
from vault.storage.records import to_micros
from vault.storage.replays import SCRIPT, SharedReplays, SharedTries
from vault.storage.resources import SqlResources, referenced
from vault.storage.rows import POD_VERSION, PodReader
from vault.storage.shared_file import SharedFile
from vault.storage.sqlite import FileDuty, beyond_us
from vault.storage.versions import Versions
from vault.values import Clock, PodName

SCHEMA_VERSION = 6  # the highest number in schema/; a test compares them

# Every table is keyed by pod first, but for the facts that belong to no pod. A test holds this list to the schema.
TABLES_WITHOUT_POD = frozenset(
    {"accounts", "national_numbers", "clients", "consents", "sessions", "codes", "refresh_tokens", "signing_keys",
     "secrets", "webids", "passkeys", "recovery_codes", "upstream_links", "mail_links", "letters",
     "pushed_requests", "ended_tokens", "participants", "sharing_out", "heartbeat", "schema_versions"}
)  # fmt: skip

_FILE = "vault.db"
_SCHEMA = Path(__file__).with_name("schema")
_BEAT = "INSERT INTO heartbeat (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at"

# A used code or token stays a day after its time, so that its reuse is still seen for what it is.
_FORGET_SESSIONS = """
    DELETE FROM sessions WHERE id_hash IN (
        SELECT id_hash FROM sessions WHERE last_seen < ? OR created < ? LIMIT ?)
"""
_FORGET_CODES = """
    DELETE FROM codes WHERE code_hash IN (SELECT code_hash FROM codes WHERE expires < ? ORDER BY expires LIMIT ?)
"""
_FORGET_TOKENS = """
    DELETE FROM refresh_tokens WHERE token_hash IN (
        SELECT token_hash FROM refresh_tokens WHERE expires < ? ORDER BY expires LIMIT ?)
"""
_FORGET_NOTICES = """
    DELETE FROM outbox WHERE (pod, number) IN (SELECT pod, number FROM outbox WHERE at < ? ORDER BY at LIMIT ?)
"""
_FORGET_PUSHED = """
    DELETE FROM pushed_requests WHERE uri_hash IN (
        SELECT uri_hash FROM pushed_requests WHERE expires < ? ORDER BY expires LIMIT ?)
"""
_FORGET_ENDED = """
    DELETE FROM ended_tokens WHERE token_hash IN (
        SELECT token_hash FROM ended_tokens WHERE expires < ? ORDER BY expires LIMIT ?)
"""
_FORGET_LINKS = """
    DELETE FROM mail_links WHERE id IN (SELECT id FROM mail_links WHERE expires < ? ORDER BY expires LIMIT ?)
"""
_FORGET_LETTERS = """
    DELETE FROM letters WHERE id IN (SELECT id FROM letters WHERE given_up = 1 AND due < ? ORDER BY due LIMIT ?)
"""
_REUSE_IS_SEEN = timedelta(days=1)
_NOTICES_STAY = timedelta(days=7)
_UNDELIVERED_STAY = timedelta(days=30)  # letters that could not be sent, for the operator to look at
_FORGOTTEN_AT_ONCE = 200  # of each kind: a few milliseconds on the event loop
_LOOKED_THROUGH_AT_ONCE = 5000  # proofs, most of which stay
_READY_STAYS_TRUE = 1.0  # seconds
_READY_WITHIN = 2.0


class SqlWork:
    """One transaction over everything: the one `Work` that satisfies every package's slice."""

    __slots__ = ("_transaction", "_versions", "acls", "resources")

    def __init__(self, transaction: Transaction, blobs: FileBlobs, versions: Versions, reader: PodReader) -> None:
        self._transaction = transaction
        self._versions = versions
        self.resources = SqlResources(transaction, versions, reader)  # asked for several times by most
        self.acls = SqlAcls(transaction, blobs, reader)

    @property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self._transaction, self._versions)

    @property
    def notices(self) -> SqlNotices:
        return SqlNotices(self._transaction)

    @property
    def subscriptions(self) -> SqlSubscriptions:
        return SqlSubscriptions(self._transaction)

    @property
    def deliveries(self) -> SqlDeliveries:
        return SqlDeliveries(self._transaction)

    @property
    def audit(self) -> SqlAuditLog:
        return SqlAuditLog(self._transaction)

    @property
    def accounts(self) -> SqlAccounts:
        return SqlAccounts(self._transaction)

    @property
    def clients(self) -> SqlClients:
        return SqlClients(self._transaction)

    @property
    def sessions(self) -> SqlSessions:
        return SqlSessions(self._transaction)

    @property
    def codes(self) -> SqlCodes:
        return SqlCodes(self._transaction)

    @property
    def refresh_tokens(self) -> SqlRefreshTokens:
        return SqlRefreshTokens(self._transaction)

    @property
    def passkeys(self) -> SqlPasskeys:
        return SqlPasskeys(self._transaction)

    @property
    def recovery_codes(self) -> SqlRecoveryCodes:
        return SqlRecoveryCodes(self._transaction)

    @property
    def upstream_links(self) -> SqlUpstreamLinks:
        return SqlUpstreamLinks(self._transaction)

    @property
    def mail_links(self) -> SqlMailLinks:
        return SqlMailLinks(self._transaction)

    @property
    def letters(self) -> SqlLetters:
        return SqlLetters(self._transaction)

    @property
    def pushed_requests(self) -> SqlPushedRequests:
        return SqlPushedRequests(self._transaction)

    @property
    def ended_tokens(self) -> SqlEndedTokens:
        return SqlEndedTokens(self._transaction)

    @property
    def signing_keys(self) -> SqlSigningKeys:
        return SqlSigningKeys(self._transaction)

    @property
    def secrets(self) -> SqlSecrets:
        return SqlSecrets(self._transaction)

    @property
    def participants(self) -> SqlParticipants:
        return SqlParticipants(self._transaction)

    @property
    def requests(self) -> SqlAccessRequests:
        return SqlAccessRequests(self._transaction)

    @property
    def grants(self) -> SqlGrants:
        return SqlGrants(self._transaction)

    @property
    def deposits(self) -> SqlDeposits:
        return SqlDeposits(self._transaction)


class Database:
    """The embedded store in one folder: the database, the shared file of replays and tries, and the blobs."""

    SCHEMA_VERSION: ClassVar[int] = SCHEMA_VERSION

    def __init__(
        self, engine: Engine, shared: SharedFile, blobs: FileBlobs, *, delivering: FileDuty, clock: Clock
    ) -> None:
        self._engine = engine
        self._shared = shared
        self._clock = clock
        self._versions = Versions(clock)
        self._reader = PodReader()
        self._asked_at = float("-inf")
        self._was_ready = False
        self.blobs = blobs
        self.replays = SharedReplays(shared)
        self.tries = SharedTries(shared)
        self.delivering = delivering

    @classmethod
    async def open(cls, settings: StorageSettings, *, clock: Clock) -> Database:
        """Opens or makes the store and brings its schema up to date. Raises CannotOpen."""
        try:
            return await cls._open(settings.data, clock)
        except Exception as error:
            if not beyond_us(error):
                raise
            why = getattr(error, "strerror", None) or error
            raise CannotOpen(f"the store in {settings.data} cannot be opened: {why}") from error

    @staticmethod
    def stands(settings: StorageSettings) -> bool:
        """Whether there is a store to look into: who looks does not want one to be made."""
        return (settings.data / _FILE).is_file()

    @classmethod
    async def _open(cls, folder: Path, clock: Clock) -> Database:
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        engine = await SqliteEngine.open(folder / _FILE, folder / "vault.lock")
        try:
            await engine.migrate(schema_steps(), at=to_micros(clock()))
            shared = await SharedFile.open(folder / "claims.db", folder / "claims.lock", SCRIPT)
        except BaseException:
            await engine.close()
            raise
        delivering = FileDuty(folder / "delivering.lock")
        return cls(engine, shared, FileBlobs(folder / "blobs"), delivering=delivering, clock=clock)

    def reading(self) -> AbstractAsyncContextManager[Work]:
        """One consistent state; never waits for a writer."""
        return self._engine.reading(self._work)

    def writing(self) -> AbstractAsyncContextManager[Work]:
        """Joins the group commit: ended without an error, the change is on disk; with one, nothing happened."""
        return self._engine.writing(self._work)

    async def pod_version(self, pod: PodName, /) -> int:
        """The version of a pod after the last commit of any process; 0 when there is no such pod."""
        row = await self._engine.glance(POD_VERSION, (pod,))
        return int(row[0]) if row else 0

    def after_commit(self, call: Callable[[], None]) -> None:
        """Has `call` called after each commit of this process, once it is on disk; it must be quick."""
        self._engine.after_commit = call

    async def migrate(self) -> int:
        """Brings the schema up to date, which `open` has done already; returns its version."""
        return await self._engine.migrate(schema_steps(), at=to_micros(self._clock()))

    async def ready(self) -> bool:
        """Whether a write reaches the disk. Asks once a second at most, so that a probe costs next to nothing."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._asked_at >= _READY_STAYS_TRUE:
            try:
                async with asyncio.timeout(_READY_WITHIN), self._engine.writing(_bare) as transaction:
                    await transaction.run(_BEAT, (to_micros(self._clock()),))
                self._was_ready = True
            except (Unavailable, TimeoutError):
                self._was_ready = False
            self._asked_at = loop.time()
        return self._was_ready

    async def referenced(self, digests: list[str]) -> frozenset[str]:
        """Which of these blobs some resource stands on: what `FileBlobs.sweep` asks."""
        async with self._engine.reading(_bare) as transaction:
            return await referenced(transaction, digests)

    async def housekeeping(self, now: datetime, *, identity: IdentitySettings | None = None) -> int:
        """Forgets a bounded number of rows whose time is over; returns how many: the caller comes again until none.

        `identity` says how long sessions last; its defaults hold when it is not given.
        """
        lasting = identity or IdentitySettings()
        idle = to_micros(now - timedelta(seconds=lasting.session_idle_seconds))
        created = to_micros(now - timedelta(seconds=lasting.session_seconds))
        over = to_micros(now - _REUSE_IS_SEEN)
        most = _FORGOTTEN_AT_ONCE
        async with self._engine.writing(_bare) as transaction:
            gone = await transaction.run(_FORGET_SESSIONS, (idle, created, most))
            gone += await transaction.run(_FORGET_CODES, (over, most))
            gone += await transaction.run(_FORGET_TOKENS, (over, most))
            gone += await transaction.run(_FORGET_PUSHED, (to_micros(now), most))
            gone += await transaction.run(_FORGET_ENDED, (to_micros(now), most))
            gone += await transaction.run(_FORGET_LINKS, (over, most))
            gone += await transaction.run(_FORGET_LETTERS, (to_micros(now - _UNDELIVERED_STAY), most))
            gone += await transaction.run(_FORGET_NOTICES, (to_micros(now - _NOTICES_STAY), most))
            gone += await forget(transaction, ended=to_micros(now), limit=most)
        gone += await self.replays.forget(now, limit=_LOOKED_THROUGH_AT_ONCE)
        gone += await self.tries.forget(now, limit=most)
        return gone

    async def close(self) -> None:
        """Lets what has begun finish; whoever comes later is told Unavailable."""
        await self._engine.close()
        self._shared.close()
        self.delivering.close()

    def _work(self, transaction: Transaction) -> Work:
        return SqlWork(transaction, self.blobs, self._versions, self._reader)


def schema_steps() -> tuple[Step, ...]:
    """The numbered files of schema/, in order."""
    files = sorted(_SCHEMA.glob("[0-9]*.sql"))
    return tuple(Step(int(file.name.split("_")[0]), file.read_text(encoding="utf-8")) for file in files)


def _bare(transaction: Transaction) -> Transaction:
    return transaction
