"""A deposit is two steps: what takes time holds no writer, and what changed in between is judged again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.conformance.datasluis.depositing import BASE, DMFA, KEY, LED, NOON, WEBID, Desk, a_source, open_desk, sample
from vault.audit import AuditEvent
from vault.datasluis.deposits import Fate
from vault.datasluis.parcels import Delivery
from vault.datasluis.registry import Participant, Role
from vault.errors import Forbidden, Missing, Refusal, Unavailable
from vault.identity.accounts import Account, hash_national_number
from vault.values import JSON_LD, TURTLE, XML, Agent, WebId

BACHELOR = "5d0f7a52-0c41-4a8e-8f6e-1b7c3c90a101"
JSON = b"""{"@context": {"elm": "http://data.europa.eu/snb/model/elm/", "rov": "http://www.w3.org/ns/regorg#"},
  "@id": "#it", "@type": "elm:LearningAchievement",
  "http://purl.org/dc/terms/title": {"@value": "Lasser", "@language": "nl"},
  "elm:awardedBy": {"@id": "#award", "@type": "elm:AwardingProcess",
    "elm:awardingBody": {"@id": "#body", "@type": "elm:Organisation",
      "rov:legalName": {"@value": "CVO De Trekvogel", "@language": "nl"}}}}"""
SLOW = ("vault.rdf.syntax", "vault.rdf.isolate", "vault.rdf.shapes", "vault.connectors", "pyshacl", "asyncio.threads")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, LED, DMFA) as opened:
        yield opened


@contextmanager
def watched(seen: set[str]) -> Iterator[None]:
    """Notes the slow modules that run on this thread, or are sent to another one."""

    def note(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith(SLOW) and frame.f_code.co_name != "is_rdf":
            seen.add(name)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


async def _all_kinds(desk: Desk) -> list[list[str]]:
    reports = [
        await desk.deposit(sample("led-diplomas.xml")),
        await desk.deposit(sample("led-changed-and-cancelled.xml")),
        await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA),
        await desk.deposit(sample("dmfa-later.xml"), person=DMFA),
        await desk.deposit(sample("diploma-master.ttl"), media_type=TURTLE),
        await desk.deposit(JSON, media_type=JSON_LD, reference="lasser"),
    ]
    await desk.refused(sample("led-busy.xml"))
    return [[item.fate.value for item in report.items if item.fate.was_written] for report in reports]


async def test_nothing_is_parsed_mapped_or_checked_while_the_writer_is_held(desk: Desk) -> None:
    within: set[str] = set()
    desk.watch = lambda: watched(within)
    written = await _all_kinds(desk)
    ended = await desk.held("employment", "6104471103")
    assert ended is not None
    assert ended.withdrawn
    assert list(map(len, written)) == [2, 2, 4, 3, 1, 1]
    assert within == set()


async def test_the_watch_sees_what_it_looks_for_outside_the_transaction(desk: Desk) -> None:
    around: set[str] = set()
    with watched(around):
        await _all_kinds(desk)
    assert {"vault.rdf.syntax", "vault.rdf.isolate", "asyncio.threads"} <= around


async def _register(desk: Desk, source: Participant) -> None:
    async with desk.store.writing() as work:
        await work.participants.put(source)


async def _change_account(desk: Desk, **changes: Any) -> None:
    async with desk.store.writing() as work:
        account = await work.accounts.by_webid(WEBID)
        assert isinstance(account, Account)
        await work.accounts.replace(replace(account, **changes))


@pytest.mark.requirement("UX-21")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"suspended": True}, "participant-suspended"),
        ({"roles": frozenset({Role.DATA_USER})}, "not-a-participant"),
        ({"contract": replace(a_source().contract, until=NOON)}, "contract-ended"),
        ({"contract": replace(a_source().contract, data_types=frozenset({"wage"}))}, "outside-contract"),
    ],
)
async def test_a_source_that_lost_its_contract_meanwhile_stores_nothing_and_leaves_a_line(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    desk.meanwhile.append(lambda: _register(desk, a_source(**changes)))
    refusal = await desk.refused(sample("led-diplomas.xml"))
    assert isinstance(refusal, Forbidden)
    assert refusal.reason == reason
    assert await desk.records() == []
    lines = [*await desk.log(), *await desk.operators_log()]
    assert [(line.event, line.facts["reason"]) for line in lines] == [(AuditEvent.MESSAGE_REFUSED, reason)]


async def test_a_contract_that_ends_between_the_steps_has_ended(desk: Desk) -> None:
    async def a_year_later() -> None:
        desk.now = NOON + timedelta(days=365)

    desk.meanwhile.append(a_year_later)
    assert (await desk.refused(sample("led-diplomas.xml"))).reason == "contract-ended"
    assert await desk.records() == []


async def test_a_citizen_who_took_her_number_back_meanwhile_gets_nothing(desk: Desk) -> None:
    desk.meanwhile.append(lambda: _change_account(desk, national_numbers=frozenset()))
    assert isinstance(await desk.refused(sample("led-diplomas.xml")), Missing)
    assert await desk.records() == []
    assert await desk.log() == []
    (line,) = await desk.operators_log()
    assert line.facts["reason"] == "no-vault"


async def test_a_message_is_read_anew_when_the_numbers_of_its_citizen_changed_meanwhile(desk: Desk) -> None:
    """Routed by WebID, its items were hers by a number that is not hers any more."""
    numbers = frozenset({hash_national_number(KEY, "71440822672")})
    desk.meanwhile.append(lambda: _change_account(desk, national_numbers=numbers))
    report = await desk.deposit(sample("led-diplomas.xml"), person=None, citizen=WEBID)
    assert {item.reason for item in report.items} == {"foreign-person"}
    assert await desk.records() == []


async def test_a_vault_that_never_stands_still_gets_nothing_and_the_source_may_come_again(desk: Desk) -> None:
    def with_number(number: str) -> Callable[[], Awaitable[None]]:
        numbers = frozenset({hash_national_number(KEY, each) for each in (LED, number)})
        return lambda: _change_account(desk, national_numbers=numbers)

    desk.meanwhile += [with_number("71440822672"), with_number("88520311864")]
    refusal = await desk.refused(sample("led-diplomas.xml"))
    assert isinstance(refusal, Unavailable)
    assert refusal.reason == "vault-busy"
    assert (await desk.records(), await desk.log(), await desk.operators_log()) == ([], [], [])
    assert len((await desk.deposit(sample("led-diplomas.xml"))).documents) == 2


async def test_the_same_message_that_came_in_meanwhile_is_not_stored_twice(desk: Desk) -> None:
    desk.meanwhile.append(lambda: desk.deposit(sample("led-diplomas.xml")))
    report = await desk.deposit(sample("led-diplomas.xml"))
    assert [item.fate for item in report.items] == [Fate.UNCHANGED] * 2
    assert len(await desk.records()) == 2
    events = [entry.event for entry in await desk.log()]
    assert events.count(AuditEvent.MESSAGE_DEPOSITED) == 2


async def test_an_older_message_that_was_overtaken_meanwhile_changes_nothing(desk: Desk) -> None:
    desk.meanwhile.append(lambda: desk.deposit(sample("led-changed-and-cancelled.xml")))
    report = await desk.deposit(sample("led-diplomas.xml"))
    assert report.items[0].fate is Fate.OLDER
    held = await desk.held("diploma", BACHELOR)
    body = await desk.body(f"/diplomas/{BACHELOR}")
    assert held is not None
    assert body is not None
    assert b"2015-06-30" in body


async def test_what_looked_unchanged_is_written_when_another_version_came_in_meanwhile(desk: Desk) -> None:
    raw = sample("payslip-2026-10.ttl")
    other = raw.replace(b"2414.46", b"2414.50")
    await desk.deposit(raw, media_type=TURTLE, person=DMFA)
    desk.meanwhile.append(lambda: desk.deposit(other, media_type=TURTLE, person=DMFA))
    report = await desk.deposit(raw, media_type=TURTLE, person=DMFA)
    assert [item.fate for item in report.items] == [Fate.UPDATED]
    body = await desk.body("/wages/LN-2026-10-77140")
    assert body is not None
    assert b"2414.46" in body
    events = [entry.event for entry in await desk.log()]
    assert events.count(AuditEvent.MESSAGE_DEPOSITED) == 3


async def test_a_copy_that_its_citizen_changed_meanwhile_is_replaced_with_a_word(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    desk.meanwhile.append(lambda: desk.overwrite(f"/diplomas/{BACHELOR}", b"<#it> <urn:note> 'mine' ."))
    report = await desk.deposit(sample("led-changed-and-cancelled.xml"))
    assert report.items[0].warnings == ("citizen-copy-replaced",)


async def test_a_predecessor_that_its_citizen_changed_meanwhile_keeps_her_words(desk: Desk) -> None:
    await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA)
    desk.meanwhile.append(lambda: desk.overwrite("/employment/6104471103", b"<#it> <urn:note> 'mine' ."))
    await desk.deposit(sample("dmfa-later.xml"), person=DMFA)
    assert await desk.body("/employment/6104471103") == b"<#it> <urn:note> 'mine' ."
    held = await desk.held("employment", "6104471103")
    assert held is not None
    assert held.withdrawn


async def test_a_document_that_its_citizen_deleted_meanwhile_stays_deleted(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    desk.meanwhile.append(lambda: desk.remove(f"/diplomas/{BACHELOR}"))
    report = await desk.deposit(sample("led-diplomas.xml"))
    assert [item.fate for item in report.items] == [Fate.DELETED, Fate.UNCHANGED]
    assert await desk.body(f"/diplomas/{BACHELOR}") is None


async def test_the_same_message_handed_in_many_times_at_once_is_stored_once(desk: Desk) -> None:
    reports = await asyncio.gather(*(desk.deposit(sample("led-diplomas.xml")) for _ in range(6)))
    fates = [item.fate for report in reports for item in report.items]
    assert (fates.count(Fate.STORED), fates.count(Fate.UNCHANGED)) == (2, 10)
    events = [entry.event for entry in await desk.log()]
    assert events.count(AuditEvent.MESSAGE_DEPOSITED) == 6


async def test_one_message_with_two_versions_of_one_document_leaves_the_last(desk: Desk) -> None:
    """The second looks unchanged beside what is held, and is not any more once the first has been written."""
    first, _, rest = sample("led-diplomas.xml").partition(b"</Bewijs>")
    head, tag, certificate = first.rpartition(b"<Bewijs>")
    await desk.deposit(sample("led-diplomas.xml"))
    before = await desk.held("diploma", BACHELOR)
    assert before is not None
    changed = certificate.replace(before.mutation.encode(), b"another-version")
    both = head + tag + changed + b"</Bewijs>" + tag + certificate + b"</Bewijs>" + rest
    report = await desk.deposit(both)
    assert [item.fate for item in report.items][:2] == [Fate.UPDATED, Fate.UPDATED]
    after = await desk.held("diploma", BACHELOR)
    assert after is not None
    assert after.mutation == before.mutation


async def test_a_stranger_stores_nothing_learns_nothing_and_leaves_no_line(desk: Desk) -> None:
    stranger = Agent(WebId("https://stranger.example/#me"), None, BASE)
    reasons = []
    for person in (LED, "71440822672"):
        with pytest.raises(Refusal) as refused:
            await desk.hand_in(stranger, Delivery(sample("led-diplomas.xml"), XML, person=person))
        reasons.append((type(refused.value), refused.value.reason, refused.value.detail))
    assert reasons[0] == reasons[1]
    assert reasons[0][0] is Forbidden
    assert (await desk.records(), await desk.log(), await desk.operators_log()) == ([], [], [])


async def test_a_source_without_a_contract_does_not_learn_who_has_a_vault(desk: Desk) -> None:
    suspended = a_source(suspended=True)
    known = await desk.refused(sample("led-diplomas.xml"), source=suspended)
    unknown = await desk.refused(sample("led-diplomas.xml"), source=suspended, person="71440822672")
    assert (known.reason, known.detail) == (unknown.reason, unknown.detail)
    (line,) = await desk.log()
    assert line.facts["reason"] == "participant-suspended"


def test_a_delivery_prints_neither_its_bytes_nor_whom_it_is_for() -> None:
    said = repr(Delivery(b"<secret/>", XML, person=LED, citizen=WEBID))
    assert LED not in said
    assert WEBID not in said
    assert "secret" not in said
