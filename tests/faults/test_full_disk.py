"""A disk without room: an error that says so, nothing half written, and all well once there is room again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.contracts.stores import ALICE, a_pod, at, open_sqlite
from tests.faults.processes import finish, started
from vault.audit import Intact, verify_chain


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_full_disk_refuses_writes_whole_and_keeps_answering_reads(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path, now)
    async with store.writing() as work:
        await work.resources.add_pod(a_pod())
    await store.close()
    with started("fill-the-disk", tmp_path, str(tmp_path)) as process:
        said = finish(process)
    kept = {path: int(version) for word, path, version in (line.split() for line in said if line.startswith("kept "))}
    refused = [line.split()[1] for line in said if line.startswith("refused ")]
    assert 20 <= len(kept) < 400
    assert set(refused) == {"Unavailable"}
    assert len(refused) + len(kept) == 401
    assert [line for line in said if line.startswith("ready ")] == ["ready True", "ready False", "ready True"]
    assert "blob refused 0" in said
    assert "pod True" in said
    store = await open_sqlite(tmp_path, now)
    async with store.reading() as work:
        entries = await work.audit.entries(ALICE)
        members = {child.url.path: child.version async for child in work.resources.children(at("/"))}
        pod = await work.resources.pod(ALICE)
    await store.close()
    assert members == kept
    assert {entry.subject: int(entry.facts["version"]) for entry in entries} == kept
    assert isinstance(verify_chain(entries), Intact)
    assert pod is not None
    assert pod.used_bytes == 3000 * len(kept)
