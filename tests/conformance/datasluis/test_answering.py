"""A citizen answers: approves, whole or in part; refuses; pauses, resumes, revokes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.contracts.stores import a_draft
from tests.lock import (
    APPLICANT,
    DAY,
    LOTTE,
    NOON,
    RENT,
    STRANGER,
    Counter,
    a_citizen,
    a_contract,
    a_participant,
    a_question,
    document,
    webid_of,
)
from vault.audit import AuditEvent
from vault.datasluis.answer import pause_grant, resume_grant, revoke_all, revoke_grant
from vault.datasluis.grants import Grant, GrantState
from vault.datasluis.onboard import suspend_participant
from vault.datasluis.requests import AccessRequest, Asked, Choice, RequestState
from vault.errors import Conflict, Forbidden, Missing, Refusal
from vault.solid.resource import Inline
from vault.values import GrantId, ParticipantId, RequestId, ResourceUrl

WAGES = (Asked("wage", ("period", "net"), ("gross",)),)


async def _refusal(counter: Counter, request: AccessRequest, choice: Choice) -> Refusal:
    """What an approval is refused with; and nothing changed."""
    before = await counter.log()
    with pytest.raises(Refusal) as refused:
        await counter.approve(request, choice)
    async with counter.vault.reading() as work:
        assert await work.requests.get(request.id) == request
        assert await work.grants.for_pod(LOTTE) == []
    assert await counter.log() == before
    return refused.value


# Approving


async def test_an_approval_is_a_grant_and_a_line_that_names_what_was_given(counter: Counter) -> None:
    request = await counter.ask()
    grant = await counter.approve(request, counter.choose(request, "title", "date"))
    assert grant.items[0].fields == ("title", "date")
    async with counter.vault.reading() as work:
        assert await work.grants.for_request(request.id) == grant
        stored = await work.requests.get(request.id)
    assert stored is not None
    assert stored.state is RequestState.APPROVED
    line = await counter.last()
    assert (line.event, line.actor, line.subject) == (AuditEvent.GRANT_ISSUED, webid_of(LOTTE), grant.id)
    assert line.facts["fields.diploma-1"] == "title date"
    assert line.facts["resource.diploma-1"] == "/diplomas/one"
    assert line.facts["organisation"] == "HR nv"
    assert line.facts["purpose"] == APPLICANT


async def test_a_part_can_be_given_of_several_documents(counter: Counter) -> None:
    await counter.write("diploma", "two")
    request = await counter.ask()
    items = ((document("diploma", "two"), ("title",)), (document("diploma"), ("date", "grade")))
    grant = await counter.approve(request, Choice(items, NOON + DAY, request.version))
    assert [(item.key, item.url.path, item.fields) for item in grant.items] == [
        ("diploma-1", "/diplomas/two", ("title",)),
        ("diploma-2", "/diplomas/one", ("date", "grade")),
    ]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (document("diploma", "never-written"), "no-such-document"),
        (document("diploma", pod=STRANGER), "no-such-document"),
        (document("wage"), "not-asked"),
        (ResourceUrl(LOTTE, "/diplomas/"), "no-such-document"),
        (ResourceUrl(LOTTE, "/diplomas/one.acl"), "no-such-document"),
    ],
    ids=["absent", "somebody else's", "another kind", "the folder", "the ACL"],
)
async def test_only_her_own_documents_of_the_kind_that_was_asked(
    counter: Counter, url: ResourceUrl, reason: str
) -> None:
    request = await counter.ask()
    refusal = await _refusal(counter, request, Choice(((url, ("title",)),), NOON + DAY, 1))
    assert refusal.reason == reason


async def test_a_document_outside_the_folder_of_its_kind_is_not_given(counter: Counter) -> None:
    request = await counter.ask()
    async with counter.vault.writing() as work:
        await work.resources.put(a_draft("/private/diary", pod=LOTTE), Inline(b""))
    url = ResourceUrl(LOTTE, "/private/diary")
    assert (await _refusal(counter, request, Choice(((url, ("title",)),), NOON + DAY, 1))).reason == "not-asked"


async def test_a_field_that_was_not_asked_is_not_given(counter: Counter) -> None:
    request = await counter.ask()
    refusal = await _refusal(counter, request, counter.choose(request, "title", "credits"))
    assert refusal.reason == "not-asked"


async def test_the_end_is_capped_by_request_purpose_and_contract(counter: Counter) -> None:
    request = await counter.ask()
    for days in (61, 3650):
        assert (await _refusal(counter, request, counter.choose(request, days=days))).reason == "too-long"
    assert (await _refusal(counter, request, counter.choose(request, days=0))).reason == "end-passed"
    await counter.participant(a_participant("hr", contract=a_contract(max_days=10)))
    assert (await _refusal(counter, request, counter.choose(request, days=11))).reason == "too-long"
    assert (await counter.approve(request, counter.choose(request, days=10))).until == NOON + 10 * DAY


@pytest.mark.requirement("UX-10")
async def test_a_request_that_changed_after_it_was_opened_is_not_granted_in_its_old_form(counter: Counter) -> None:
    opened = await counter.ask()
    async with counter.vault.writing() as work:
        await work.requests.replace(replace(opened, asked=(Asked("diploma", ("grade",)),), version=2))
    with pytest.raises(Conflict) as refused:
        await counter.approve(opened, counter.choose(opened, "title"))
    assert refused.value.reason == "request-changed"


async def test_the_contract_is_looked_at_again_when_the_citizen_decides(counter: Counter) -> None:
    request = await counter.ask()
    async with counter.vault.writing() as work:
        await suspend_participant(work, ParticipantId("hr"), now=NOON)
    assert (await _refusal(counter, request, counter.choose(request))).reason == "participant-suspended"


async def test_a_blocked_item_cannot_be_switched_on_whatever_the_form_says(counter: Counter) -> None:
    """Under the compatible profile the question arrives; the pay slip in it stays locked."""
    asked = (Asked("diploma", ("title",)), Asked("wage", ("gross",)))
    request = await counter.ask(a_question(asked=asked), by="lenient")
    wages = Choice(((document("wage"), ("gross",)),), NOON + DAY, 1)
    refusal = await _refusal(counter, request, wages)
    assert isinstance(refusal, Forbidden)
    assert refusal.reason == "pay-history"
    both = Choice(((document("diploma"), ("title",)), (document("wage"), ("gross",))), NOON + DAY, 1)
    assert (await _refusal(counter, request, both)).reason == "pay-history"
    assert (await counter.approve(request, counter.choose(request, "title"))).items[0].data_type == "diploma"


async def test_somebody_elses_request_is_not_there(counter: Counter) -> None:
    request = await counter.ask()
    with pytest.raises(Missing) as approved:
        await counter.approve(request, citizen=a_citizen(STRANGER))
    with pytest.raises(Missing) as refused:
        await counter.refuse(request.id, citizen=a_citizen(STRANGER))
    assert approved.value.reason == refused.value.reason == "no-such-request"


async def test_a_request_that_does_not_exist_is_answered_the_same(counter: Counter) -> None:
    with pytest.raises(Missing) as refused:
        await counter.refuse(RequestId("guess"))
    assert refused.value.reason == "no-such-request"


async def test_wages_are_given_without_the_gross_amount(counter: Counter) -> None:
    draft = a_question(purpose=RENT, asked=WAGES, until=NOON + 20 * DAY)
    grant = await counter.granted("period", "net", draft=draft, by="landlord", days=10)
    assert grant.items[0].fields == ("period", "net")


# Refusing


@pytest.mark.requirement("UX-07")
async def test_a_refusal_is_a_line_and_its_reason_is_optional(counter: Counter) -> None:
    request = await counter.ask()
    refused = await counter.refuse(request.id, reason="Not now.")
    assert (refused.state, refused.decision_reason) == (RequestState.REFUSED, "Not now.")
    line = await counter.last()
    assert (line.event, line.actor) == (AuditEvent.REQUEST_REFUSED, webid_of(LOTTE))
    assert "Not now." not in str(line.facts)


async def test_what_was_refused_cannot_be_approved_afterwards(counter: Counter) -> None:
    request = await counter.ask()
    await counter.refuse(request.id)
    with pytest.raises(Conflict) as refused:
        await counter.approve(request)
    assert refused.value.reason == "request-closed"


# Pausing, resuming, revoking


async def test_each_move_of_a_grant_is_stored_with_its_line(counter: Counter) -> None:
    grant = await counter.granted()
    moves = [
        (pause_grant, GrantState.PAUSED, AuditEvent.GRANT_PAUSED),
        (resume_grant, GrantState.ACTIVE, AuditEvent.GRANT_RESUMED),
        (revoke_grant, GrantState.REVOKED, AuditEvent.GRANT_REVOKED),
    ]
    for move, state, event in moves:
        await counter.move(move, grant.id)
        assert (await counter.stored(grant.id)).state is state
        line = await counter.last()
        assert (line.event, line.actor, line.subject) == (event, webid_of(LOTTE), grant.id)


@pytest.mark.parametrize("move", [pause_grant, resume_grant, revoke_grant])
async def test_nobody_moves_somebody_elses_grant(counter: Counter, move: Callable[..., Awaitable[Grant]]) -> None:
    grant = await counter.granted()
    for grant_id, person in ((grant.id, a_citizen(STRANGER)), (GrantId("guess"), counter.citizen)):
        with pytest.raises(Missing) as refused:
            await counter.move(move, grant_id, citizen=person)
        assert refused.value.reason == "no-such-grant"
    assert (await counter.stored(grant.id)).state is GrantState.ACTIVE


@pytest.mark.requirement("UX-16")
async def test_stop_all_sharing_ends_everything_at_once(counter: Counter) -> None:
    grants: list[Grant] = []
    for _ in range(4):
        grants.append(await counter.granted())
        counter.clock.move(seconds=1)
    await counter.move(pause_grant, grants[0].id)
    await counter.move(revoke_grant, grants[1].id)
    async with counter.vault.writing() as work:
        assert await revoke_all(work, citizen=counter.citizen, now=counter.clock()) == 3
    for grant in grants:
        assert await counter.refused(grant) == "grant-revoked"
    async with counter.vault.writing() as work:
        assert await revoke_all(work, citizen=counter.citizen, now=counter.clock()) == 0


async def test_stop_all_leaves_what_expired_as_expired_and_touches_nobody_else(counter: Counter) -> None:
    short = await counter.granted(days=1)
    other = await counter.ask(a_question(citizen=webid_of(STRANGER)))
    theirs = await counter.approve(other, citizen=a_citizen(STRANGER))
    counter.clock.move(days=2)
    async with counter.vault.writing() as work:
        assert await revoke_all(work, citizen=counter.citizen, now=counter.clock()) == 0
    assert (await counter.stored(short.id)).state is GrantState.EXPIRED
    assert (await counter.last()).event is AuditEvent.GRANT_EXPIRED
    assert (await counter.stored(theirs.id)).state is GrantState.ACTIVE


async def test_stop_all_reaches_beyond_one_page(counter: Counter) -> None:
    grant = await counter.granted()
    async with counter.vault.writing() as work:
        for number in range(230):
            await work.grants.add(replace(grant, id=GrantId(f"more-{number}")))
    async with counter.vault.writing() as work:
        assert await revoke_all(work, citizen=counter.citizen, now=counter.clock()) == 231


async def test_data_of_a_special_category_needs_the_password_again(counter: Counter) -> None:
    """The catalogue that is shipped has no such data: one is made here by widening a rule."""
    request = await counter.ask()
    rules = tuple(
        replace(rule, data=("https://w3id.org/dpv/pd#EducationQualification",)) if rule.id == "A8" else rule
        for rule in counter.vault.catalogue.rules
    )
    catalogue = replace(counter.vault.catalogue, rules=rules)

    with pytest.raises(Forbidden) as refused:
        await counter.approve(request, catalogue=catalogue)
    assert refused.value.reason == "step-up"
    fresh = replace(counter.citizen, stepped_up=True)
    assert (await counter.approve(request, citizen=fresh, catalogue=catalogue)).state is GrantState.ACTIVE
