"""The audit chain under any history: what was committed verifies, whatever was rolled back in between."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.stores import FixedClock, open_sqlite
from vault.audit import SERVER, AuditDraft, AuditEntry, AuditEvent, Broken, Intact, link, verify_chain
from vault.values import PodName

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
PODS = st.sampled_from([SERVER, PodName("alice"), PodName("bob")])
DRAFTS = st.builds(
    AuditDraft,
    pod=PODS,
    at=st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    event=st.sampled_from(AuditEvent),
    actor=TEXT,
    subject=TEXT,
    facts=st.dictionaries(TEXT, TEXT, max_size=4),
)


@pytest.mark.requirement("UX-21")
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(DRAFTS, max_size=4), st.booleans()), max_size=8))
def test_every_history_of_commits_and_rollbacks_leaves_chains_that_verify(
    history: list[tuple[list[AuditDraft], bool]],
) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = await open_sqlite(Path(folder), FixedClock())
            written: dict[PodName, list[AuditEntry]] = {}

            async def write(drafts: list[AuditDraft], fails: bool) -> list[AuditEntry]:
                async with store.writing() as work:
                    entries = [await work.audit.append(draft) for draft in drafts]
                    if fails:
                        raise LookupError
                return entries

            writers = [write(drafts, fails) for drafts, fails in history]
            for entries in await asyncio.gather(*writers, return_exceptions=True):
                for entry in entries if isinstance(entries, list) else ():
                    written.setdefault(entry.pod, []).append(entry)
            async with store.reading() as work:
                assert await work.audit.pods() == sorted(written)
                for pod, entries in written.items():
                    found = await work.audit.entries(pod)
                    assert found == entries
                    assert verify_chain(found) == Intact(len(entries), entries[-1].digest)
            await store.close()

    asyncio.run(run())


def _chain(drafts: list[AuditDraft]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for draft in drafts:
        previous = entries[-1].digest if entries else "0" * 64
        entries.append(link(replace(draft, pod=SERVER), number=len(entries) + 1, previous=previous))
    return entries


@given(st.lists(DRAFTS, min_size=2, max_size=8), st.data())
def test_any_line_altered_removed_or_moved_is_found(drafts: list[AuditDraft], data: st.DataObject) -> None:
    entries = _chain(drafts)
    place = data.draw(st.integers(0, len(entries) - 1))
    line = entries[place]
    altered = [
        replace(line, at=line.at + timedelta(microseconds=1)),
        replace(line, actor=line.actor + "x"),
        replace(line, subject=line.subject + "x"),
        replace(line, facts={**line.facts, "more": "x"}),
        replace(line, previous="f" * 64),
        replace(line, digest="f" * 64),
        replace(line, number=line.number + 1),
        replace(line, pod=PodName("other")),
    ]
    for other in altered:
        assert isinstance(verify_chain([*entries[:place], other, *entries[place + 1 :]]), Broken)
    other_place = data.draw(st.integers(0, len(entries) - 1).filter(lambda number: number != place))
    swapped = list(entries)
    swapped[place], swapped[other_place] = swapped[other_place], swapped[place]
    assert isinstance(verify_chain(swapped), Broken)
    if place < len(entries) - 1:
        assert isinstance(verify_chain(entries[:place] + entries[place + 1 :]), Broken)
