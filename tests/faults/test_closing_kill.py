"""kill -9 in the middle of removing an account: the next one goes on from there, and the receipt counts all of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.processes import ROOT
from tests.live import serving, settings_for
from vault.app import open_vault
from vault.audit import GENESIS, SERVER, AuditEntry, AuditEvent, Intact, verify_chain
from vault.ports import Vault
from vault.solid.paths import storage_of
from vault.solid.resource import Draft, Inline, Kind
from vault.values import TURTLE, PodName, ResourceUrl

ALICE = PodName("alice")
DOCUMENTS = 12


async def fill_and_close(vault: Vault) -> int:
    """Some documents, and an account whose time is over; how many resources there are."""
    now = vault.clock()
    async with vault.writing() as work:
        for number in range(DOCUMENTS):
            draft = Draft(ResourceUrl(ALICE, f"/n{number}"), Kind.GRAPH, TURTLE, now)
            await work.resources.put(draft, Inline(b"<#a> <#b> <#c>."))
        account = await work.accounts.by_pod(ALICE)
        assert account is not None
        await work.accounts.replace(replace(account, closes=now - timedelta(seconds=1)))
    async with vault.writing() as work:  # counted, and put back by not committing
        count = await work.resources.clear(ALICE, limit=10_000) + await work.resources.clear(ALICE, limit=10_000)
        raise _NotNow(count)


class _NotNow(Exception):
    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


async def look(vault: Vault) -> tuple[list[AuditEntry], list[str]]:
    """The server's own log, and of which of Alice's documents it was told that they are gone."""
    async with vault.reading() as work:
        assert await work.accounts.by_pod(ALICE) is None
        assert await work.resources.get(storage_of(ALICE)) is None
        posted = await work.notices.of_pod(ALICE, after=0, limit=10_000)
        told = [one.notice.topic for one in posted if one.notice.kind == "Delete"]
        return await work.audit.entries(SERVER), told


async def looked(folder: Path) -> tuple[list[AuditEntry], list[str]]:
    async with open_vault(settings_for(folder, 3000)) as vault:
        return await look(vault)


def one_round(folder: Path, steps: int | None) -> list[str]:
    """Runs a removal and kills it after so many steps; to its end without."""
    command = [sys.executable, "-m", "tests.faults.closing_process", str(folder), "3000"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line.strip())
            if steps is not None and len(said) == steps:
                break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return said


@pytest.mark.requirement("UX-33")
def test_removal_that_is_killed_goes_on_and_its_receipt_counts_everything(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as live, pytest.raises(_NotNow) as counted:
        live.within(fill_and_close)
    assert one_round(folder, 1) == ["step"]
    assert one_round(folder, 4) == ["step"] * 4
    assert one_round(folder, None)[-1] == "done"
    assert one_round(folder, None) == ["done"]  # and there is nothing left to do
    entries, told = asyncio.run(looked(folder))
    # Each document is told of with its removal: once, and before what held it.
    assert len(told) == len(set(told))
    assert {f"http://localhost:3000/alice/n{number}" for number in range(DOCUMENTS)} < set(told)
    assert told[-1] == "http://localhost:3000/alice/"
    assert not any(topic.endswith((".acl", ".meta")) for topic in told)
    (closed,) = [entry for entry in entries if entry.event is AuditEvent.ACCOUNT_CLOSED]
    assert int(closed.facts["documents"]) == counted.value.count
    assert isinstance(verify_chain(entries, previous=GENESIS), Intact)
