"""The audit chain: what was written is found again, and every tampering shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from vault.audit import GENESIS, AuditDraft, AuditEntry, AuditEvent, Broken, Intact, link, verify_chain
from vault.values import PodName

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def chain(length: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    previous = GENESIS
    for number in range(1, length + 1):
        facts = {"purpose": "urn:p", "item": str(number)}
        draft = AuditDraft(
            PodName("alice"), NOON + timedelta(minutes=number), AuditEvent.GRANT_READ, "hr", f"g{number}", facts
        )
        entries.append(link(draft, number=number, previous=previous))
        previous = entries[-1].digest
    return entries


def test_a_chain_as_written_is_intact() -> None:
    entries = chain(5)
    assert verify_chain(entries) == Intact(5, entries[-1].digest)


def test_no_entries_are_an_intact_chain() -> None:
    assert verify_chain([]) == Intact(0, GENESIS)


def test_a_removed_line_is_found() -> None:
    entries = chain(5)
    assert verify_chain(entries[:2] + entries[3:]) == Broken(3, "entry 3 is missing")


def test_reordered_lines_are_found() -> None:
    entries = chain(4)
    assert isinstance(verify_chain([entries[0], entries[2], entries[1], entries[3]]), Broken)


def test_a_removed_first_line_is_found() -> None:
    assert isinstance(verify_chain(chain(3)[1:]), Broken)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "somebody-else"},
        {"subject": "g9"},
        {"event": AuditEvent.GRANT_REVOKED},
        {"at": NOON},
        {"facts": {"purpose": "urn:other", "item": "2"}},
        {"facts": {}},
        {"pod": PodName("bob")},
    ],
)
def test_an_altered_line_is_found(change: dict[str, object]) -> None:
    entries = chain(3)
    entries[1] = replace(entries[1], **change)  # type: ignore[arg-type]
    assert verify_chain(entries) == Broken(2, "its content was altered")


def test_a_line_replaced_with_its_own_digest_breaks_the_next() -> None:
    entries = chain(3)
    forged = link(
        AuditDraft(PodName("alice"), NOON, AuditEvent.GRANT_READ, "x", "y"), number=2, previous=entries[0].digest
    )
    assert verify_chain([entries[0], forged, entries[2]]) == Broken(3, "it does not follow the entry before it")


def test_the_zone_a_time_was_written_in_does_not_matter() -> None:
    draft = AuditDraft(PodName("alice"), NOON, AuditEvent.GRANT_READ, "hr", "g")
    elsewhere = replace(draft, at=NOON.astimezone(timezone(timedelta(hours=2))))
    assert link(draft, number=1, previous=GENESIS) == link(elsewhere, number=1, previous=GENESIS)
