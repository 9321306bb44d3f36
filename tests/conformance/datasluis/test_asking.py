"""A data user asks: the law first, then the contract, then what must be said, and the citizen last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.lock import (
    APPLICANT,
    DAY,
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
    the_terms,
    webid_of,
)
from vault.audit import AuditEvent
from vault.datasluis.admission import RequestDraft
from vault.datasluis.ask import record_rejection
from vault.datasluis.onboard import suspend_participant
from vault.datasluis.registry import Admission
from vault.datasluis.requests import Asked, RequestState
from vault.errors import Conflict, Forbidden, Malformed, Missing, Refusal, TooMany
from vault.values import AccountId, ParticipantId, PodName, RequestId, WebId

WAGES = (Asked("wage", ("gross",)),)


async def _refused(counter: Counter, draft: RequestDraft | None = None, *, by: str = "hr") -> Refusal:
    """The refusal; and nothing was stored, and the citizen's log has no line."""
    with pytest.raises(Refusal) as refused:
        await counter.ask(draft, by=by)
    async with counter.vault.reading() as work:
        assert await work.requests.for_pod(LOTTE) == []
    assert await counter.events() == []
    return refused.value


async def test_a_question_stands_in_the_inbox_with_its_line_and_its_notice(counter: Counter) -> None:
    request = await counter.ask(client="hr-app")
    async with counter.vault.reading() as work:
        assert await work.requests.for_pod(LOTTE) == [request]
    assert (request.state, request.version, request.client) == (RequestState.PENDING, 1, "hr-app")
    assert request.submitted == NOON
    line = await counter.last()
    assert (line.event, line.actor, line.subject) == (AuditEvent.REQUEST_SUBMITTED, "hr", request.id)
    assert line.facts["organisation"] == "HR nv"
    assert line.facts["data"] == "diploma"


async def test_the_advice_that_it_met_is_stored_with_it(counter: Counter) -> None:
    assert (await counter.ask()).advice == ("A4",)  # the grade is more than this purpose needs


async def test_a_question_lapses_at_its_own_end_when_that_comes_first(counter: Counter) -> None:
    assert (await counter.ask()).lapses == NOON + 30 * DAY
    assert (await counter.ask(a_question(until=NOON + 3 * DAY))).lapses == NOON + 3 * DAY


# The law


@pytest.mark.parametrize(
    "asked",
    [WAGES, (Asked("employment", ("employer", "remuneration")),), (Asked("diploma", ("title",)), *WAGES)],
    ids=["payslip", "declared amount", "beside a diploma"],
)
async def test_a_recruiter_who_asks_what_an_applicant_earned_hears_the_article(
    counter: Counter, asked: tuple[Asked, ...]
) -> None:
    refusal = await _refused(counter, a_question(asked=asked))
    assert isinstance(refusal, Forbidden)
    assert refusal.reason == "pay-history"
    law = refusal.facts["law"]
    assert isinstance(law, dict)
    assert set(law) == {"nl", "fr", "de", "en"}
    assert all("2023/970" in text for text in law.values())


async def test_the_law_comes_before_the_contract_and_before_the_form(counter: Counter) -> None:
    """HR's contract has no wages, and this draft says nothing it should: the reason is still the law."""
    bare = RequestDraft(webid_of(LOTTE), WAGES, purpose=APPLICANT)
    assert (await _refused(counter, bare)).reason == "pay-history"


async def test_wages_for_a_home_and_for_payroll_after_hiring_are_asked_lawfully(counter: Counter) -> None:
    rent = a_question(purpose=RENT, asked=WAGES, until=NOON + 20 * DAY)
    assert (await counter.ask(rent, by="landlord")).state is RequestState.PENDING
    payroll = a_contract(data_types=frozenset(["wage"]), purposes=frozenset([PAYROLL]))
    await counter.participant(a_participant("hr", contract=payroll))
    assert (await counter.ask(a_question(purpose=PAYROLL, asked=WAGES))).state is RequestState.PENDING


async def test_the_compatible_profile_stores_the_question_with_the_advice(counter: Counter) -> None:
    request = await counter.ask(a_question(asked=WAGES), by="lenient")
    assert "A1" in request.advice
    assert "A11" in request.advice  # its contract does not cover wages: nobody checked this


# The contract


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (a_question(purpose=RENT, asked=WAGES), "outside-contract"),
        (a_question(purpose=RENT), "outside-contract"),
        (a_question(purpose=PAYROLL, asked=WAGES), "outside-contract"),
        (a_question(purpose=f"{DPV}PersonnelHiring"), "outside-contract"),
    ],
    ids=["both", "purpose", "data", "wider purpose"],
)
async def test_a_question_outside_the_contract_never_reaches_the_citizen(
    counter: Counter, draft: RequestDraft, reason: str
) -> None:
    assert (await _refused(counter, draft)).reason == reason


async def test_a_suspended_organisation_asks_nothing(counter: Counter) -> None:
    async with counter.vault.writing() as work:
        await suspend_participant(work, ParticipantId("hr"), now=NOON)
    assert (await _refused(counter)).reason == "participant-suspended"


@pytest.mark.parametrize("by", ["school", STRANGER, LOTTE, "nobody-at-all"])
async def test_only_a_registered_data_user_asks(counter: Counter, by: str) -> None:
    assert (await _refused(counter, by=by)).reason == "not-a-participant"


# What must be said


async def test_strict_names_all_that_is_missing_and_forbidden(counter: Counter) -> None:
    wrong = a_question(purpose=f"{DPV}HiringManagement", terms=the_terms(notice=None, retention="soon"))
    refusal = await _refused(counter, wrong)
    assert isinstance(refusal, Malformed)
    assert refusal.facts == {"missing": ["terms.notice"], "forbidden": ["terms.retention", "purpose"]}


async def test_compatible_shows_what_was_not_said_as_missing(counter: Counter) -> None:
    request = await counter.ask(RequestDraft(webid_of(LOTTE), (Asked("diploma", ("title",)),)), by="lenient")
    assert "purpose" in request.terms.unstated
    assert (request.purpose, request.until, request.terms.legal_basis) == (None, None, None)
    assert set(request.advice) == {"A2", "A11"}


# The citizen


async def test_an_unknown_citizen_is_answered_like_one_who_takes_no_requests(counter: Counter) -> None:
    """No vault here, an organisation's account, a locked account, somebody who lost the pod: one answer."""
    async with counter.vault.writing() as work:
        account = await work.accounts.by_webid(webid_of(STRANGER))
        assert account is not None
        await work.accounts.replace(replace(account, locked=True))
        await work.accounts.add(
            replace(account, id=AccountId("x"), email="x@x.example", webid=WebId("https://else.example/#x"),
                    pod=PodName("elsewhere"), locked=False)
        )  # fmt: skip
    answers = set()
    for webid in (
        webid_of("nobody"),
        webid_of("hr"),
        webid_of(STRANGER),
        "https://else.example/#x",
        "https://a.example/",
    ):
        refusal = await _refused(counter, a_question(citizen=WebId(webid)))
        answers.add((type(refusal), refusal.reason, refusal.detail, str(refusal.facts)))
    assert len(answers) == 1
    assert answers.pop()[1] == "no-requests"


async def test_a_question_that_is_refused_anyway_tells_nothing_about_who_has_a_vault(counter: Counter) -> None:
    for wrong in ({"asked": WAGES}, {"purpose": RENT}, {"terms": the_terms(notice=None)}):
        known: Any = await _refused(counter, a_question(**wrong))
        unknown: Any = await _refused(counter, a_question(**wrong, citizen=webid_of("nobody")))
        assert (known.reason, known.facts) == (unknown.reason, unknown.facts)


async def test_an_organisation_has_a_few_questions_waiting_and_no_more(counter: Counter) -> None:
    for _ in range(counter.vault.settings.datasluis.pending_requests):
        last = await counter.ask()
        counter.clock.move(seconds=1)
    with pytest.raises(TooMany) as refused:
        await counter.ask()
    assert refused.value.reason == "pending-requests"
    rent = a_question(purpose=RENT, asked=WAGES, until=NOON + 20 * DAY)
    await counter.ask(rent, by="landlord")  # another organisation has its own count
    await counter.ask(a_question(citizen=webid_of(STRANGER)))  # and another citizen too
    await counter.withdraw(last.id)
    await counter.ask()


async def test_a_question_past_its_time_makes_room_before_the_housekeeping_notices(counter: Counter) -> None:
    for _ in range(counter.vault.settings.datasluis.pending_requests):
        await counter.ask(a_question(until=NOON + DAY))
        counter.clock.move(seconds=1)
    counter.clock.move(days=1)
    assert (await counter.ask()).state is RequestState.PENDING


# The lock's own no is a line


async def test_a_refused_question_is_a_line_in_the_operators_log_without_the_citizen(counter: Counter) -> None:
    refusal = await _refused(counter, a_question(asked=WAGES))
    async with counter.vault.writing() as work:
        await record_rejection(work, agent=agent("hr"), draft=a_question(asked=WAGES), refusal=refusal, now=NOON)
    line = (await counter.server_log())[-1]
    assert (line.event, line.actor) == (AuditEvent.REQUEST_REJECTED, "hr")
    assert line.facts == {
        "reason": "pay-history",
        "organisation": "HR nv",
        "purpose": APPLICANT,
        "data": "wage",
    }


async def test_a_stranger_leaves_no_line(counter: Counter) -> None:
    before = await counter.server_log()
    async with counter.vault.writing() as work:
        await record_rejection(work, agent=agent("eve"), draft=None, refusal=Forbidden("no"), now=NOON)
    assert await counter.server_log() == before


# Taking it back


async def test_a_pending_question_is_taken_back_by_the_one_who_asked(counter: Counter) -> None:
    request = await counter.ask()
    withdrawn = await counter.withdraw(request.id)
    assert withdrawn.state is RequestState.WITHDRAWN
    assert (await counter.last()).event is AuditEvent.REQUEST_WITHDRAWN
    with pytest.raises(Conflict):
        await counter.withdraw(request.id)


async def test_a_question_of_somebody_else_is_not_there_to_be_taken_back(counter: Counter) -> None:
    request = await counter.ask()
    for request_id in (request.id, RequestId("guess")):
        with pytest.raises(Missing) as refused:
            await counter.withdraw(request_id, by="landlord")
        assert refused.value.reason == "no-such-request"


async def test_an_approved_question_cannot_be_taken_back(counter: Counter) -> None:
    request = await counter.ask()
    await counter.approve(request)
    with pytest.raises(Conflict):
        await counter.withdraw(request.id)


async def test_asking_more_than_the_last_time_is_noticed(counter: Counter) -> None:
    await counter.ask(a_question(asked=(Asked("diploma", ("title",)),)))
    counter.clock.move(days=1)
    assert "A14" in (await counter.ask()).advice


async def test_the_profile_is_the_participants_and_not_the_requests(counter: Counter) -> None:
    await counter.participant(a_participant("hr", admission=Admission.COMPATIBLE))
    assert (await counter.ask(a_question(asked=WAGES))).state is RequestState.PENDING
    await counter.participant(a_participant("hr"))
    with pytest.raises(Forbidden):
        await counter.ask(a_question(asked=WAGES))
