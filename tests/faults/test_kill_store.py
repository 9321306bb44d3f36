"""kill -9 in the middle of 200 concurrent puts: nothing acknowledged is missing, nothing is torn, the chain holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contracts.stores import ALICE, a_pod, at, open_sqlite, put, rows_of
from tests.faults.processes import started
from tests.faults.store_process import content
from vault.audit import AuditEntry, Intact, verify_chain
from vault.ports import Work
from vault.solid.resource import Inline
from vault.storage.database import Database


def now() -> datetime:
    return datetime.now(UTC)


def _acknowledged_until_killed(folder: Path, round_: int, lines: int) -> list[tuple[str, int, str]]:
    """(path, version, round) of each put that the process said was kept before it died."""
    with started("put-for-ever", folder, f"round{round_}") as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()  # SIGKILL: it runs nothing more, and its event loop is full of writers at this moment
        said += process.stdout.readlines()
    found = [line.split() for line in said if line.startswith("kept ") and line.endswith("\n")]
    return [(path, int(version), step) for _, path, version, step in found]


async def _body(store: Database, work: Work, path: str) -> bytes:
    body = await work.resources.body(at(path))
    assert body is not None
    return body.data if isinstance(body, Inline) else b"".join([chunk async for chunk in store.blobs.open(body)])


async def _whole_chain(work: Work) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    while page := await work.audit.entries(ALICE, after=len(entries)):
        entries += page
    return entries


@pytest.mark.slow
@pytest.mark.requirement("D17")
async def test_nothing_acknowledged_is_lost_or_torn_by_a_kill(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path, now)
    async with store.writing() as work:
        await work.resources.add_pod(a_pod(quota_bytes=10**12))
        await put(work, "/")
    await store.close()
    acknowledged: dict[int, tuple[str, str]] = {}
    for round_, lines in enumerate((1, 40, 300, 700, 1500)):
        kept = _acknowledged_until_killed(tmp_path, round_, lines + 1)
        assert len(kept) >= lines
        acknowledged |= {version: (path, step) for path, version, step in kept}
        store = await open_sqlite(tmp_path, now)
        await _check(store, acknowledged)
        await store.close()


async def _check(store: Database, acknowledged: dict[int, tuple[str, str]]) -> None:
    async with store.reading() as work:
        entries = await _whole_chain(work)
        assert isinstance(verify_chain(entries), Intact)
        recorded = {int(entry.facts["version"]): (entry.subject, entry.facts["round"]) for entry in entries}
        assert acknowledged.items() <= recorded.items()
        assert len(await rows_of(store, "SELECT 1 FROM outbox")) == len(entries)
        last = {subject: (version, step) for version, (subject, step) in sorted(recorded.items())}
        members = {child.url.path: child async for child in work.resources.children(at("/"))}
        assert members.keys() == last.keys()
        total = 0
        for path, member in members.items():
            version, step = last[path]
            data = await _body(store, work, path)
            assert (member.version, data) == (version, content(path, step))
            total += member.size
            assert member.size == len(data)
        pod = await work.resources.pod(ALICE)
        assert pod is not None
        assert pod.used_bytes == total
