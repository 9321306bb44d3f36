"""Reading through a grant: exactly what was granted leaves, with a line in the log; and each refusal with its reason
and its line (datasluis.md section 13)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.lock import (
    APPLICANT,
    DAY,
    DIPLOMA,
    DPV,
    LOTTE,
    NOON,
    PAYROLL,
    RENT,
    STRANGER,
    Counter,
    a_contract,
    a_participant,
    a_question,
    agent,
    document,
    webid_of,
)
from vault.audit import AuditEvent
from vault.datasluis.answer import pause_grant, resume_grant, revoke_grant
from vault.datasluis.grants import Grant, GrantState
from vault.datasluis.onboard import reinstate_participant, suspend_participant
from vault.datasluis.read import Look, Withheld, explain_look
from vault.datasluis.requests import Asked, Choice
from vault.errors import Forbidden, Missing
from vault.rdf.graph import DCT, ELM, RDF, Graph, Iri, Literal, V, lang
from vault.rdf.syntax import parse
from vault.solid.resource import Draft
from vault.values import JSON_LD, TURTLE, GrantId, MediaType, ParticipantId

READ, REFUSED = AuditEvent.GRANT_READ, AuditEvent.GRANT_READ_REFUSED


def _texts(graph: Graph) -> set[str]:
    return {one.object.value for one in graph if isinstance(one.object, Literal)}


async def _check_refused(
    counter: Counter, reason: str, grant: Grant | GrantId, item: str = "diploma-1", **more: Any
) -> None:
    """Refused for this reason, nothing counted, one line with the same reason."""
    before = await counter.events()
    assert await counter.refused(grant, item, **more) == reason
    assert await counter.events() == [*before, REFUSED]
    assert (await counter.last()).facts["reason"] == reason


# What leaves


async def test_a_read_gives_the_granted_fields_and_no_other(counter: Counter) -> None:
    grant = await counter.granted("title", "date")
    view = await counter.viewed(grant)
    assert _texts(view.graph) == {"Master in de rechten", "2014-07-01", "SCHOOL nv"}
    for kept_back in ("grote onderscheiding", "Hogeschool aan de Leie", "eqf/7", "Rechten"):
        assert kept_back not in view.body.decode().replace("de rechten", "")


@pytest.mark.parametrize("form", [TURTLE, JSON_LD], ids=str)
async def test_the_bytes_that_leave_are_the_graph_that_was_logged(counter: Counter, form: MediaType) -> None:
    grant = await counter.granted("title")
    view = await counter.viewed(grant, form=form)
    url = f"{counter.vault.base_url}datasluis/view/{grant.id}/diploma-1"
    read_back = parse(view.body, view.media_type, base=url, limits=counter.vault.settings.limits)
    assert read_back == view.graph
    assert (await counter.last()).facts["digest"] == view.digest


async def test_the_view_never_names_the_document_it_was_cut_from(counter: Counter) -> None:
    view = await counter.viewed(await counter.granted())
    assert "lotte" not in view.body.decode()
    assert "/diplomas/" not in view.body.decode()


async def test_a_field_left_out_is_absent_and_not_empty(counter: Counter) -> None:
    view = await counter.viewed(await counter.granted("title"))
    subject = next(iter(view.graph.subjects(RDF.type, ELM.LearningAchievement)))
    assert view.graph.objects(subject, DCT.title) == (lang("Master in de rechten", "nl"),)
    assert not list(view.graph.match(None, ELM.awardedBy))


async def test_every_read_is_one_line_with_purpose_fields_and_digest(counter: Counter) -> None:
    grant = await counter.granted("title", "date")
    view = await counter.viewed(grant, client="hr-app", purpose=APPLICANT)
    line = await counter.last()
    assert line.event is READ
    assert line.actor == "hr"
    assert line.subject == grant.id
    assert line.facts == {
        "organisation": "HR nv",
        "client": "hr-app",
        "item": "diploma-1",
        "resource": "/diplomas/one",
        "data": "diploma",
        "fields": "title date",
        "purpose": APPLICANT,
        "declared": APPLICANT,
        "digest": view.digest,
        "verification": "as-delivered",
        "method": "GET",
        "how": "api",
    }


async def test_as_many_lines_as_calls_and_the_grant_counts_its_reads(counter: Counter) -> None:
    grant = await counter.granted()
    for _ in range(3):
        await counter.viewed(grant)
    assert (await counter.events()).count(READ) == 3
    kept = await counter.stored(grant.id)
    assert (kept.reads, kept.last_read) == (3, NOON)


async def test_no_value_of_the_document_is_in_the_log(counter: Counter) -> None:
    await counter.viewed(await counter.granted())
    log = str([entry.facts for entry in await counter.log()])
    for value in ("Master in de rechten", "Hogeschool", "onderscheiding", "2014"):
        assert value not in log


# Whose word it is


async def _mark(counter: Counter, name: str) -> Iri:
    request = await counter.ask()
    choice = Choice(((document("diploma", name), ("title",)),), NOON + DAY, request.version)
    view = await counter.viewed(await counter.approve(request, choice))
    marks = [one.object for one in view.graph.match(None, V.verification)]
    assert len(marks) == 1
    assert isinstance(marks[0], Iri)
    return marks[0]


async def test_a_delivered_document_is_marked_as_delivered(counter: Counter) -> None:
    assert await _mark(counter, "one") == V.AsDelivered


async def test_an_edited_document_is_marked_as_changed(counter: Counter) -> None:
    await counter.write("diploma", "one", body=DIPLOMA.replace("Master", "Doctor"))
    assert await _mark(counter, "one") == V.ChangedSinceDelivery


async def test_a_document_the_citizen_wrote_is_marked_as_her_own_word(counter: Counter) -> None:
    await counter.write("diploma", "mine")
    assert await _mark(counter, "mine") == V.SelfDeclared


async def test_a_withdrawn_document_says_so_though_it_was_edited(counter: Counter) -> None:
    await counter.write("diploma", "gone", delivered=True, withdrawn=True)
    assert await _mark(counter, "gone") == V.Withdrawn
    await counter.write("diploma", "gone", body=DIPLOMA + "# still valid, honestly\n")
    assert await _mark(counter, "gone") == V.Withdrawn


async def test_a_change_at_the_source_shows_at_the_next_read(counter: Counter) -> None:
    grant = await counter.granted("title")
    first = await counter.viewed(grant)
    await counter.write("diploma", "one", body=DIPLOMA.replace("Master", "Doctor"), delivered=True)
    second = await counter.viewed(grant)
    assert "Doctor in de rechten" in second.body.decode()
    assert second.digest != first.digest


async def test_a_document_too_large_for_its_row_is_read_as_well(counter: Counter) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield (DIPLOMA + "#" * 40_000).encode()

    ref = await counter.vault.blobs.save(pieces(), limit=1_000_000)
    async with counter.vault.writing() as work:
        resource = await work.resources.get(document("diploma"))
        assert resource is not None
        await work.resources.put(Draft(resource.url, resource.kind, TURTLE, NOON), ref)
    view = await counter.viewed(await counter.granted("title"))
    assert "Master in de rechten" in view.body.decode()


# Wrong holder


async def test_a_grant_of_another_recipient_looks_like_one_that_does_not_exist(counter: Counter) -> None:
    grant = await counter.granted()
    theirs = await counter.look(grant, by="landlord")
    absent = await counter.look(GrantId("6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11"), by="landlord")
    assert isinstance(theirs, Withheld)
    assert isinstance(absent, Withheld)
    told = [(type(one.refusal), one.refusal.reason, one.refusal.detail, one.refusal.facts) for one in (theirs, absent)]
    assert told[0] == told[1]
    assert told[0][0] is Missing


async def test_the_try_of_another_organisation_is_in_the_citizens_log_under_its_name(counter: Counter) -> None:
    grant = await counter.granted()
    await counter.refused(grant, by="landlord")
    line = await counter.last()
    assert (line.event, line.actor, line.facts["reason"]) == (REFUSED, "landlord", "wrong-recipient")
    assert line.facts["organisation"] == "LANDLORD nv"


async def test_a_person_who_is_no_organisation_reads_nothing_and_leaves_a_line(counter: Counter) -> None:
    grant = await counter.granted()
    assert await counter.refused(grant, by=STRANGER) == "no-such-grant"
    line = await counter.last()
    assert (line.event, line.actor) == (REFUSED, webid_of(STRANGER))


async def test_the_citizen_herself_does_not_read_through_the_companys_grant(counter: Counter) -> None:
    grant = await counter.granted()
    assert await counter.refused(grant, by=LOTTE) == "no-such-grant"


async def test_a_data_source_does_not_read_with_its_role(counter: Counter) -> None:
    grant = await counter.granted()
    assert await counter.refused(grant, by="school") == "no-such-grant"


async def test_a_guessed_id_is_a_line_in_the_operators_log(counter: Counter) -> None:
    assert await counter.refused(GrantId("guess")) == "no-such-grant"
    line = (await counter.server_log())[-1]
    assert (line.event, line.actor, line.facts["reason"]) == (REFUSED, "hr", "no-such-grant")


async def test_a_stranger_who_guesses_cannot_make_the_log_grow(counter: Counter) -> None:
    before = len(await counter.server_log())
    for number in range(5):
        await counter.refused(GrantId(f"guess-{number}"), by=STRANGER)
    assert len(await counter.server_log()) == before


async def test_a_request_is_not_a_grant(counter: Counter) -> None:
    request = await counter.ask()
    assert await counter.refused(GrantId(request.id)) == "no-such-grant"


@pytest.mark.requirement("ATK-27")
async def test_other_software_of_the_same_organisation_is_refused(counter: Counter) -> None:
    request = await counter.ask(client="hr-app")
    grant = await counter.approve(request)
    await counter.viewed(grant, client="hr-app")
    await _check_refused(counter, "wrong-client", grant, client="other-app")
    await _check_refused(counter, "wrong-client", grant)


# Time and state


@pytest.mark.requirement("UX-15")
async def test_a_revoked_grant_releases_nothing(counter: Counter) -> None:
    grant = await counter.granted()
    await counter.viewed(grant)
    await counter.move(revoke_grant, grant.id)
    await _check_refused(counter, "grant-revoked", grant)
    assert (await counter.stored(grant.id)).reads == 1


async def test_a_paused_grant_releases_nothing_until_it_is_resumed(counter: Counter) -> None:
    grant = await counter.granted()
    await counter.move(pause_grant, grant.id)
    await _check_refused(counter, "grant-paused", grant)
    await counter.move(resume_grant, grant.id)
    await counter.viewed(grant)


async def test_the_clock_ends_a_grant_to_the_microsecond(counter: Counter) -> None:
    grant = await counter.granted(days=1)
    counter.clock.now = grant.until - timedelta(microseconds=1)
    await counter.viewed(grant)
    counter.clock.now = grant.until
    await _check_refused(counter, "grant-expired", grant)


async def test_a_clock_that_steps_back_opens_nothing_before_its_time(counter: Counter) -> None:
    grant = await counter.granted()
    counter.clock.move(seconds=-1)
    await _check_refused(counter, "grant-not-yet", grant)


# Place


async def test_an_item_that_was_not_granted_is_refused(counter: Counter) -> None:
    grant = await counter.granted()
    for item in ("diploma-2", "wage-1", "", "*", "diploma-1/", "../diploma-1", "one.acl", "DIPLOMA-1"):
        await _check_refused(counter, "not-covered", grant, item)


async def test_an_item_of_another_grant_is_refused(counter: Counter) -> None:
    await counter.write("diploma", "two")
    request = await counter.ask()
    both = Choice(
        ((document("diploma"), ("title",)), (document("diploma", "two"), ("title",))), NOON + DAY, request.version
    )
    await counter.approve(request, both)
    narrow = await counter.granted("title")
    await _check_refused(counter, "not-covered", narrow, "diploma-2")


# Ownership


async def test_a_citizen_who_lost_the_vault_gives_nothing_any_more(counter: Counter) -> None:
    grant = await counter.granted()
    kept = await counter.stored(grant.id)
    async with counter.vault.writing() as work:
        await work.grants.replace(replace(kept, citizen=webid_of(STRANGER), version=kept.version + 1))
    await _check_refused(counter, "not-the-owner", grant)


async def test_a_grant_on_somebody_elses_document_never_opens_it(counter: Counter) -> None:
    grant = await counter.granted()
    kept = await counter.stored(grant.id)
    elsewhere = replace(kept.items[0], url=document("diploma", pod=STRANGER))
    async with counter.vault.writing() as work:
        await work.grants.replace(replace(kept, items=(elsewhere,), version=kept.version + 1))
    await _check_refused(counter, "not-the-owner", grant)


async def test_a_document_that_is_gone_is_refused_in_words(counter: Counter) -> None:
    grant = await counter.granted()
    async with counter.vault.writing() as work:
        await work.resources.remove(document("diploma"))
    await _check_refused(counter, "document-gone", grant)


@pytest.mark.parametrize(
    "body", ["this is not Turtle", "<#it> a <https://example.org/Dog> .", ""], ids=["broken", "other", "empty"]
)
async def test_a_document_that_says_nothing_readable_is_refused(counter: Counter, body: str) -> None:
    grant = await counter.granted()
    await counter.write("diploma", body=body or " ")
    await _check_refused(counter, "document-unreadable", grant)


# Contract


async def test_a_suspended_organisation_is_stopped_at_its_next_read_and_let_in_again(counter: Counter) -> None:
    grant = await counter.granted()
    async with counter.vault.writing() as work:
        await suspend_participant(work, ParticipantId("hr"), now=counter.clock())
    await _check_refused(counter, "participant-suspended", grant)
    async with counter.vault.writing() as work:
        await reinstate_participant(work, ParticipantId("hr"), now=counter.clock())
    await counter.viewed(grant)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"until": NOON + DAY}, "contract-ended"),
        ({"data_types": frozenset(["employment"])}, "outside-contract"),
        ({"purposes": frozenset([PAYROLL])}, "outside-contract"),
    ],
)
async def test_a_contract_that_ended_or_shrank_stops_the_grants_under_it(
    counter: Counter, changes: dict[str, object], reason: str
) -> None:
    grant = await counter.granted()
    await counter.participant(a_participant("hr", contract=a_contract(**changes)))
    counter.clock.move(days=2)
    await _check_refused(counter, reason, grant)


# Purpose at use


async def test_the_purpose_declared_at_use_must_be_the_one_that_was_granted(counter: Counter) -> None:
    grant = await counter.granted()
    await counter.viewed(grant, purpose=APPLICANT)
    for other in (PAYROLL, RENT, f"{DPV}PersonnelHiring", "x", "https://hr.example/own"):
        await _check_refused(counter, "purpose-not-granted", grant, purpose=other)


async def test_a_narrower_purpose_at_use_is_within_the_grant(counter: Counter) -> None:
    wide = a_contract(purposes=frozenset([f"{DPV}PersonnelHiring"]))
    await counter.participant(a_participant("hr", contract=wide))
    grant = await counter.granted(draft=a_question(purpose=f"{DPV}PersonnelHiring"))
    await counter.viewed(grant, purpose=APPLICANT)
    assert (await counter.last()).facts["declared"] == APPLICANT


async def test_a_grant_without_a_purpose_cannot_be_used_for_one(counter: Counter) -> None:
    draft = a_question(purpose=None)
    grant = await counter.granted("title", draft=draft, by="lenient")
    await counter.viewed(grant, by="lenient")
    await _check_refused(counter, "purpose-not-granted", grant, by="lenient", purpose=APPLICANT)


# The refusal is said once, for one reason


async def test_a_revocation_outranks_a_wrong_purpose_and_a_wrong_item(counter: Counter) -> None:
    grant = await counter.granted()
    await counter.move(revoke_grant, grant.id)
    await _check_refused(counter, "grant-revoked", grant, "wage-1", purpose=RENT)


async def test_a_refusal_tells_a_sentence_and_no_value(counter: Counter) -> None:
    grant = await counter.granted()
    counter.clock.move(days=90)
    outcome = await counter.look(grant)
    assert isinstance(outcome, Withheld)
    assert isinstance(outcome.refusal, Forbidden)
    assert outcome.refusal.detail == "This permission has ended."
    assert (await counter.stored(grant.id)).state is GrantState.ACTIVE  # the housekeeping has not run


async def test_wages_leave_for_a_landlord_and_only_the_net_amount(counter: Counter) -> None:
    draft = a_question(purpose=RENT, asked=(Asked("wage", ("period", "net"), ("gross",)),), until=NOON + 20 * DAY)
    grant = await counter.granted("net", draft=draft, by="landlord", days=10)
    view = await counter.viewed(grant, "wage-1", by="landlord")
    text = view.body.decode()
    assert "2287.13" in text
    assert "3412.5" not in text
    assert "Drukkerij" not in text


# What the operator is told (datakluis access explain)


async def _explained(counter: Counter, grant: GrantId, item: str = "diploma-1", *, by: str = "hr") -> list[str]:
    async with counter.vault.reading() as work:
        return await explain_look(
            work,
            agent=agent(by),
            look=Look(grant, item, TURTLE),
            catalogue=counter.vault.catalogue,
            now=counter.clock(),
        )


async def test_the_same_judgement_is_explained_to_the_operator_and_nothing_is_written(counter: Counter) -> None:
    grant = await counter.granted("title")
    before = await counter.events()
    said = await _explained(counter, grant.id)
    assert "  It opens diploma-1 (title)." in said
    assert said[-1] == "Allowed, by the grant: the view of /diplomas/one."
    assert await counter.events() == before


async def test_each_no_is_explained_with_the_reason_that_the_log_keeps(counter: Counter) -> None:
    grant = await counter.granted("title")
    assert (await _explained(counter, grant.id, "wage-1"))[-1].startswith("Refused: not-covered.")
    elsewhere = await _explained(counter, grant.id, by="landlord")
    assert elsewhere[-1] == "Refused: wrong-recipient. The caller is told: There is no such grant."
    assert (await _explained(counter, GrantId("none")))[-1] == "Refused: no-such-grant."
    await counter.move(revoke_grant, grant.id)
    said = await _explained(counter, grant.id)
    assert said[-1].startswith("Refused: grant-revoked.")
    assert said[1].startswith("  It is revoked;")
