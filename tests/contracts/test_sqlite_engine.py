"""What only the SQLite engine can show: shared commits, failed commits, settings, the schema and its growth."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest

from tests.contracts.stores import ALICE, BACK_ENDS, FixedClock, a_pod, at, bytes_at, put
from tests.contracts.test_transactions import held, settle
from vault.config import StorageSettings
from vault.errors import Unavailable
from vault.storage.database import SCHEMA_VERSION, TABLES_WITHOUT_POD, Database, schema_steps
from vault.storage.engines import NewerSchema, SqliteEngine, StatementFailed, Transaction
from vault.storage.sqlite import Turnstile, connect

NO_SUCH_POD = (
    "INSERT INTO deposits (pod, path, data_type, reference, delivered, record) VALUES ('x','/','d','r',0,'{}')"
)


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "vault.db"


def _bare(transaction: Transaction) -> Transaction:
    return transaction


def _frames(database_file: Path) -> int:
    """Commits in the write-ahead log: a frame's second word is not zero when it ends a transaction."""
    log = database_file.with_name("vault.db-wal").read_bytes()
    page = int.from_bytes(log[8:12], "big")
    salt = log[16:24]
    frames = (log[start : start + 24] for start in range(32, len(log), page + 24))
    return sum(1 for frame in frames if frame[8:16] == salt and frame[4:8] != b"\0\0\0\0")


async def test_many_writers_share_few_commits(store: Database, database_file: Path) -> None:
    async def write(number: int) -> None:
        async with store.writing() as work:
            await put(work, f"/{number}")

    before = _frames(database_file)
    async with held(store):
        writers = [asyncio.create_task(write(number)) for number in range(100)]
        await settle()
    await asyncio.gather(*writers)
    assert 1 <= _frames(database_file) - before <= 10


async def test_a_writer_that_changed_nothing_costs_no_commit(store: Database, database_file: Path) -> None:
    before = _frames(database_file)
    for _ in range(3):
        async with store.writing() as work:
            assert await work.resources.pod(ALICE) is not None
    assert _frames(database_file) == before


async def test_a_failed_commit_is_told_to_every_writer_in_it(store: Database) -> None:
    """A broken reference that SQLite looks at only in the commit makes a real commit fail."""

    async def break_the_commit() -> None:
        async with store._engine.writing(_bare) as transaction:
            await transaction.all("PRAGMA defer_foreign_keys = ON")
            await transaction.run(NO_SUCH_POD)

    async def write() -> None:
        async with store.writing() as work:
            await put(work, "/neighbour")

    async def look() -> bool:
        async with store.writing() as work:
            return await work.resources.get(at("/neighbour")) is not None

    async with held(store):
        writers = [asyncio.create_task(step) for step in (break_the_commit(), write(), look())]
        await settle()
    results = await asyncio.gather(*writers, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 3
    async with store.reading() as work:
        assert await work.resources.get(at("/neighbour")) is None
    async with store.writing() as work:
        await put(work, "/after")
    async with store.reading() as work:
        assert await work.resources.get(at("/after")) is not None


async def test_when_sqlite_gives_up_the_transaction_nothing_of_the_batch_is_kept(store: Database) -> None:
    """As on a full disk: the whole transaction is undone, and a later statement must not stand on its own."""
    after: list[type[BaseException]] = []

    async def lose_it() -> None:
        async with store._engine.writing(_bare) as transaction:
            with pytest.raises(StatementFailed):
                await transaction.run("INSERT OR ROLLBACK INTO pods SELECT * FROM pods")
            with pytest.raises(RuntimeError) as refused:
                await transaction.run(NO_SUCH_POD.replace("'x'", "'alice'"))
            after.append(refused.type)

    async def write(path: str) -> None:
        async with store.writing() as work:
            await put(work, path)

    async with held(store):
        writers = [asyncio.create_task(step) for step in (write("/before"), lose_it(), write("/after"))]
        await settle()
        holder = asyncio.create_task(write("/last"))
    results = await asyncio.gather(*writers, holder, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable, type(None), type(None)]
    assert after == [RuntimeError]
    async with store.reading() as work:
        assert [child.url.path async for child in work.resources.children(at("/"))] == ["/after", "/last"]
        assert await work.deposits.for_pod(ALICE) == []


async def test_a_wrong_statement_is_a_mistake_and_not_an_outage(store: Database) -> None:
    with pytest.raises(StatementFailed):
        async with store._engine.writing(_bare) as transaction:
            await transaction.run(NO_SUCH_POD)
    with pytest.raises(StatementFailed):
        async with store._engine.reading(_bare) as transaction:
            await transaction.all("SELECT nothing FROM nowhere")
    async with asyncio.timeout(2), store.writing() as work:
        await put(work, "/a")


@pytest.mark.requirement("D17")
async def test_what_is_answered_is_on_disk_and_one_log_serves_all(store: Database, database_file: Path) -> None:
    async with store._engine.writing(_bare) as transaction:
        assert await transaction.one("PRAGMA journal_mode") == ("wal",)
        assert await transaction.one("PRAGMA synchronous") == (2,)
        assert await transaction.one("PRAGMA foreign_keys") == (1,)
    async with store._engine.reading(_bare) as transaction:
        assert await transaction.one("PRAGMA query_only") == (1,)


async def test_nobody_else_on_the_machine_can_read_the_store(store: Database, database_file: Path) -> None:
    async with store.writing() as work:
        await put(work, "/a")
    await store.replays.claim("x", until=FixedClock()())
    open_to_others = [path.name for path in database_file.parent.iterdir() if path.stat().st_mode & 0o077]
    assert open_to_others == []


async def test_a_warm_read_asks_the_database_for_the_version_of_the_pod_and_no_more(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/.acl")
        await put(work, "/c/x", b"123")

    async def look() -> None:
        async with store.reading() as work:
            assert await work.acls.effective(at("/c/x")) is not None
            assert await work.resources.get(at("/c/x")) is not None
            assert await bytes_at(work, "/c/x") == b"123"

    await look()
    asked: list[str] = []
    engine = store._engine
    assert isinstance(engine, SqliteEngine)
    engine._idle[-1].set_trace_callback(asked.append)
    await look()
    assert asked == ["BEGIN", "SELECT version FROM pods WHERE name = 'alice'", "ROLLBACK"]
    async with store.writing() as work:
        await put(work, "/elsewhere")
    asked.clear()
    await look()
    assert len(asked) == 5


def test_the_schema_version_is_that_of_the_last_file() -> None:
    versions = [step.version for step in schema_steps()]
    assert versions == list(range(1, SCHEMA_VERSION + 1))


async def test_every_table_is_keyed_by_pod_first_but_for_those_in_the_list(
    store: Database, database_file: Path
) -> None:
    connection = sqlite3.connect(database_file)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    first_of_key = {}
    for table in tables:
        key = {row[5]: row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        first_of_key[table] = key.get(1)
    connection.close()
    by_pod = {table for table, column in first_of_key.items() if column == "pod"} | {"pods"}
    assert first_of_key["pods"] == "name"
    assert tables == by_pod | TABLES_WITHOUT_POD
    assert not by_pod & TABLES_WITHOUT_POD


async def test_every_statement_finds_its_rows_by_an_index(store: Database, database_file: Path) -> None:
    """No look-up may grow with the store: only the short list of participants is read whole."""
    connection = sqlite3.connect(database_file)
    scanned = []
    for statement in _statements():
        marks = statement.count("?")
        for row in connection.execute("EXPLAIN QUERY PLAN " + statement, ["x"] * marks):
            if re.match(r"SCAN (?!CONSTANT|newest|waiting|\(subquery)", row[3]):
                scanned.append((row[3], " ".join(statement.split())))
    connection.close()
    assert [plan for plan, _ in scanned] == ["SCAN participants USING INDEX sqlite_autoindex_participants_1"], scanned


def _statements() -> list[str]:
    from vault.storage import database, datasluis, identity, journal, notify, resources

    found = []
    for module in (database, datasluis, identity, journal, notify, resources):
        for value in vars(module).values():
            if isinstance(value, str) and re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT) ", value):
                found.append(value.format(marks="?, ?"))
    assert len(found) > 60
    return found


async def test_a_store_opened_again_is_the_same_store(tmp_path: Path, clock: FixedClock) -> None:
    for expected in (None, a_pod()):
        store = await BACK_ENDS["sqlite"](tmp_path, clock)
        async with store.writing() as work:
            assert await work.resources.pod(ALICE) == expected
            if expected is None:
                await work.resources.add_pod(a_pod())
        assert await store.migrate() == SCHEMA_VERSION
        await store.close()


async def test_many_that_start_together_make_one_schema(tmp_path: Path, clock: FixedClock) -> None:
    stores = await asyncio.gather(*(BACK_ENDS["sqlite"](tmp_path, clock) for _ in range(6)))
    for number, store in enumerate(stores):
        async with store.writing() as work:
            if number == 0:
                await work.resources.add_pod(a_pod())
            await put(work, f"/{number}")
    await asyncio.gather(*(store.close() for store in stores))


@pytest.mark.parametrize("lock", ["vault.lock", "claims.lock"])
async def test_who_gives_up_waiting_for_a_turn_to_open_leaves_nothing_locked(
    tmp_path: Path, clock: FixedClock, lock: str
) -> None:
    first = await BACK_ENDS["sqlite"](tmp_path, clock)
    await first.close()
    holder = Turnstile(tmp_path / lock)
    assert holder.enter_now()
    waiting = asyncio.ensure_future(BACK_ENDS["sqlite"](tmp_path, clock))
    await asyncio.sleep(0.2)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    holder.close()
    async with asyncio.timeout(10):
        store = await BACK_ENDS["sqlite"](tmp_path, clock)
    await store.close()


@pytest.mark.requirement("PAIN-10")
async def test_a_newer_store_is_refused_with_a_clear_reason_and_left_alone(tmp_path: Path, clock: FixedClock) -> None:
    store = await BACK_ENDS["sqlite"](tmp_path, clock)
    await store.close()
    connection = sqlite3.connect(tmp_path / "vault.db")
    connection.execute("INSERT INTO schema_versions (version, applied) VALUES (?, 0)", (SCHEMA_VERSION + 3,))
    connection.commit()
    connection.close()
    with pytest.raises(NewerSchema, match=f"schema {SCHEMA_VERSION + 3}.*up to {SCHEMA_VERSION}.*newer program"):
        await BACK_ENDS["sqlite"](tmp_path, clock)


@pytest.mark.requirement("PAIN-10")
async def test_an_older_store_is_brought_up_to_date_with_its_data(tmp_path: Path, clock: FixedClock) -> None:
    steps = schema_steps()
    connection = connect(tmp_path / "vault.db", synchronous="FULL", patience=1.0)
    connection.execute("CREATE TABLE schema_versions (version INTEGER NOT NULL PRIMARY KEY, applied BIGINT NOT NULL)")
    connection.executescript(steps[0].script)
    connection.execute("INSERT INTO schema_versions VALUES (1, 0)")
    connection.execute("INSERT INTO pods VALUES ('alice', 'https://vault.example/alice/#me', 0, 10, 0, 0)")
    connection.close()
    store = await BACK_ENDS["sqlite"](tmp_path, clock)
    async with store.writing() as work:
        await put(work, "/a", b"123")
        assert await work.audit.entries(ALICE) == []
    await store.close()


async def test_a_migration_that_fails_half_way_changes_nothing(tmp_path: Path, clock: FixedClock) -> None:
    """A table that stands in the way of the second half of a step."""
    connection = connect(tmp_path / "vault.db", synchronous="FULL", patience=1.0)
    connection.execute("CREATE TABLE resources (something TEXT)")
    connection.close()
    with pytest.raises(sqlite3.OperationalError):
        await BACK_ENDS["sqlite"](tmp_path, clock)
    connection = sqlite3.connect(tmp_path / "vault.db")
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert tables == {"resources", "schema_versions"}


async def test_a_broken_file_of_replays_starts_anew(tmp_path: Path, clock: FixedClock) -> None:
    store = await BACK_ENDS["sqlite"](tmp_path, clock)
    await store.replays.claim("x", until=clock())
    await store.close()
    (tmp_path / "claims.db").write_bytes(b"not a database at all" * 1000)
    store = await Database.open(StorageSettings(data=tmp_path), clock=clock)
    assert await store.replays.claim("x", until=clock())
    assert not await store.replays.claim("x", until=clock())
    await store.close()
