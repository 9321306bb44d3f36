"""The operator registers, changes and suspends organisations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.lock import NOON, Counter, a_contract, a_participant, webid_of
from vault.audit import AuditEvent
from vault.datasluis.onboard import reinstate_participant, suspend_participant
from vault.datasluis.registry import Contact, Role
from vault.errors import Conflict, Malformed, Missing
from vault.values import ParticipantId, WebId


async def test_a_registration_is_a_line_in_the_operators_log(counter: Counter) -> None:
    participant = await counter.participant(a_participant("bakery", kbo="BE 0612.345.657"))
    assert participant.kbo == "0612345657"
    line = (await counter.server_log())[-1]
    assert (line.event, line.actor, line.subject) == (AuditEvent.PARTICIPANT_REGISTERED, "operator", "bakery")
    assert line.facts["organisation"] == "BAKERY nv"
    assert line.facts["data"] == "diploma employment"


async def test_the_same_registration_again_changes_nothing(counter: Counter) -> None:
    before = await counter.server_log()
    await counter.participant(a_participant("hr", registered=NOON))
    assert await counter.server_log() == before


async def test_a_change_is_a_line_of_its_own_and_keeps_the_date_of_registration(counter: Counter) -> None:
    changed = await counter.participant(a_participant("hr", registered=NOON, contract=a_contract(max_days=5)))
    assert changed.registered == a_participant("hr").registered
    assert (await counter.server_log())[-1].event is AuditEvent.PARTICIPANT_CHANGED


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"contract": a_contract(data_types=frozenset(["passport"]))}, "data type passport"),
        ({"contract": a_contract(purposes=frozenset(["https://w3id.org/dpv#HiringManagement"]))},
         "purpose https://w3id.org/dpv#HiringManagement"),
        ({"contract": a_contract(max_days=0)}, "contract: the longest grant of a data user is at least one day"),
        ({"contract": a_contract(until=NOON - (NOON - a_contract().since))}, "contract: it ends before it begins"),
        ({"roles": frozenset[Role]()}, "roles: at least one"),
        ({"roles": frozenset([Role.DATA_SOURCE])}, "contract: a data source asks nothing and has no purposes"),
        ({"legal_name": "\u202e \n"}, "legal name"),
        ({"dpo": Contact("Nobody", "no address")}, "data protection officer: an e-mail address"),
        ({"website": "javascript:alert(1)"}, "website: an address"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_registration_is_named(
    counter: Counter, changes: dict[str, Any], wrong: str
) -> None:
    before = await counter.server_log()
    with pytest.raises(Malformed) as refused:
        await counter.participant(a_participant("bakery", **changes))
    found = refused.value.facts["wrong"]
    assert isinstance(found, list)
    assert wrong in found
    assert await counter.server_log() == before


@pytest.mark.parametrize(
    "changes", [{"kbo": "0712398782"}, {"webid": WebId("not a webid")}, {"webid": WebId("ftp://hr.example/#x")}]
)
async def test_a_number_or_webid_that_does_not_hold_is_refused(counter: Counter, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        await counter.participant(a_participant("bakery", **changes))


async def test_two_organisations_never_share_a_webid(counter: Counter) -> None:
    with pytest.raises(Conflict):
        await counter.participant(a_participant("impostor", webid=webid_of("hr")))


async def test_a_name_is_cleaned_of_direction_tricks(counter: Counter) -> None:
    participant = await counter.participant(a_participant("bakery", legal_name="Bak\u202eery\nnv"))
    assert participant.legal_name == "Bakery nv"


async def test_suspending_and_reinstating_are_lines_and_only_a_change_is_one(counter: Counter) -> None:
    async with counter.vault.writing() as work:
        assert (await suspend_participant(work, ParticipantId("hr"), now=NOON)).suspended
        assert (await suspend_participant(work, ParticipantId("hr"), now=NOON)).suspended
        assert not (await reinstate_participant(work, ParticipantId("hr"), now=NOON)).suspended
    events = [entry.event for entry in await counter.server_log()]
    assert events[-2:] == [AuditEvent.PARTICIPANT_SUSPENDED, AuditEvent.PARTICIPANT_REINSTATED]
    assert events.count(AuditEvent.PARTICIPANT_SUSPENDED) == 1


async def test_an_organisation_that_is_not_there_cannot_be_suspended(counter: Counter) -> None:
    with pytest.raises(Missing):
        async with counter.vault.writing() as work:
            await suspend_participant(work, ParticipantId("nobody"), now=NOON)


async def test_a_stored_participant_is_the_one_that_was_registered(counter: Counter) -> None:
    wanted = a_participant("bakery", roles=frozenset(Role))
    await counter.participant(wanted)
    async with counter.vault.reading() as work:
        assert await work.participants.get(wanted.id) == replace(wanted)
        assert await work.participants.by_webid(wanted.webid) == wanted
