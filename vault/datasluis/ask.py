"""A data user asks a citizen for data, or takes the question back.

The order matters. The law comes first, so that a recruiter who asks what an applicant earned hears the article and not
"your contract does not cover that"; then the contract; then what the request has to say; and the citizen last, so that
a question that is refused anyway tells nothing about who has a vault here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import DatasluisSettings, Settings
from vault.datasluis.admission import Admitted, DraftTerms, RequestDraft, check_admitted, named_types
from vault.datasluis.advice import Considered, Hit, advise, blocking, with_earlier
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.leave_note import note_request
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import (
    Admission,
    Participant,
    Role,
    Standing,
    beyond_contract,
    check_entitled,
    check_role,
    standing,
)
from vault.datasluis.requests import AccessRequest, RequestState, Terms, state_at, withdraw
from vault.errors import Forbidden, Missing, Refusal, TooMany
from vault.identity.accounts import Account
from vault.identity.hold import holder_of
from vault.values import Agent, Notice, PodName, RequestId, WebId

__all__ = ["DraftTerms", "RequestDraft", "record_rejection", "submit_request", "withdraw_request"]

_PAGE = 100
_EARLIER = 50  # how many earlier requests of one organisation to one citizen the rules look at
_TRY_AGAIN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class _Before:
    """What the same organisation asked the same citizen earlier."""

    requests: tuple[AccessRequest, ...]
    pending: int


async def submit_request(
    work: DatasluisWork, *, agent: Agent, draft: RequestDraft, catalogue: Catalogue, settings: Settings, now: datetime
) -> AccessRequest:
    """Puts the question before the citizen. Raises Forbidden (law, contract, or a citizen who takes no requests),
    Malformed (what it must say), TooMany. A caller that catches one tells `record_rejection`."""
    data_user = check_role(await work.participants.by_webid(agent.webid), Role.DATA_USER)
    draft = named_types(draft, catalogue)
    _check_law(draft, data_user, catalogue, now)
    known = [asked.data_type for asked in draft.asked if asked.data_type in catalogue.data_types]
    purpose = draft.purpose if draft.purpose in catalogue.purposes else None
    check_entitled(data_user, known, purpose, catalogue=catalogue, now=now)
    admitted = check_admitted(draft, participant=data_user, catalogue=catalogue, now=now)
    account = await _citizen(work, draft.citizen)
    before = await _before(work, account.pod, data_user, now)
    if before.pending >= settings.datasluis.pending_requests:
        raise TooMany(
            "pending-requests",
            "This citizen has enough unanswered requests of this organisation.",
            retry_after=_TRY_AGAIN_SECONDS,
        )
    hits = advise(with_earlier(_considered(draft, admitted, data_user, catalogue, now), before.requests), catalogue)
    request = _request(
        draft,
        admitted,
        participant=data_user,
        agent=agent,
        pod=account.pod,
        hits=hits,
        settings=settings.datasluis,
        now=now,
    )
    await work.requests.add(request)
    await note_request(work, request, data_user, base_url=settings.server.base_url, limits=settings.limits, now=now)
    await _record(work, request, AuditEvent.REQUEST_SUBMITTED, participant=data_user, now=now)
    return request


async def record_rejection(
    work: DatasluisWork, *, agent: Agent, draft: RequestDraft | None, refusal: Refusal, now: datetime
) -> None:
    """The lock's own no, in the operator's chain: it is committed although nothing else is. The citizen is not named
    in it, and somebody who is no participant leaves no line: a stranger cannot make the log grow."""
    participant = await work.participants.by_webid(agent.webid)
    if participant is None:
        return
    facts = {"reason": refusal.reason, "organisation": participant.legal_name}
    if draft is not None and draft.purpose:
        facts["purpose"] = draft.purpose[:200]
    if draft is not None:
        facts["data"] = " ".join(asked.data_type for asked in draft.asked)[:200]
    entry = AuditDraft(SERVER, now, AuditEvent.REQUEST_REJECTED, participant.id, "", facts)
    await work.audit.append(entry)


async def withdraw_request(work: DatasluisWork, *, agent: Agent, request_id: RequestId, now: datetime) -> AccessRequest:
    """The data user takes it back. Raises Missing for an id that is not its own, Conflict when it is answered."""
    data_user = check_role(await work.participants.by_webid(agent.webid), Role.DATA_USER)
    request = await work.requests.get(request_id)
    if request is None or request.data_user != data_user.id:
        raise Missing("no-such-request", "There is no such request.")
    withdrawn = withdraw(request, now)
    await work.requests.replace(withdrawn)
    await _record(work, withdrawn, AuditEvent.REQUEST_WITHDRAWN, participant=data_user, now=now)
    return withdrawn


def _check_law(draft: RequestDraft, participant: Participant, catalogue: Catalogue, now: datetime) -> None:
    """Rules of class block refuse under the strict profile, before the contract is looked at."""
    if participant.admission is Admission.COMPATIBLE:
        return  # the item is shown locked instead; it cannot be switched on
    admitted = Considered(draft.purpose, draft.asked, None, _terms_as_sent(draft.terms), now)
    for hit in blocking(advise(admitted, catalogue)):
        rule = hit.rule
        raise Forbidden(
            rule.slug,
            rule.texts["en"],
            facts={"rule": rule.id, "law": dict(rule.law), "text": dict(rule.texts)},
        )


def _terms_as_sent(draft: DraftTerms) -> Terms:
    return Terms(
        legal_basis=draft.legal_basis,
        retention=draft.retention,
        recipients=draft.recipients or (),
        locations=draft.locations or (),
        notice=draft.notice,
        reason=None,
        consequence=None,
        automated_decision=draft.automated_decision,
        jurisdiction=draft.jurisdiction,
    )


async def _citizen(work: DatasluisWork, webid: WebId) -> Account:
    """The account that this WebID belongs to, with a pod it still owns. One answer for every other case: no vault
    here, an organisation, a locked account or one that is to be closed."""
    account = await holder_of(work.accounts, webid)
    pod = await work.resources.pod(account.pod) if account is not None else None
    organisation = await work.participants.by_webid(webid)
    if (
        account is None
        or account.locked
        or account.closes is not None
        or pod is None
        or pod.owner != webid
        or organisation is not None
    ):
        raise Forbidden("no-requests", "This person takes no requests here.")
    return account


async def _before(work: DatasluisWork, pod: PodName, participant: Participant, now: datetime) -> _Before:
    """Pages through what waits for this citizen, and looks at the latest requests for what went before."""
    pending, before = 0, None
    while page := await work.requests.for_pod(pod, state=RequestState.PENDING, before=before, limit=_PAGE):
        pending += sum(one.data_user == participant.id and state_at(one, now) is RequestState.PENDING for one in page)
        before = page[-1].submitted
    latest = await work.requests.for_pod(pod, limit=_EARLIER)
    return _Before(tuple(request for request in latest if request.data_user == participant.id), pending)


def _considered(
    draft: RequestDraft, admitted: Admitted, participant: Participant, catalogue: Catalogue, now: datetime
) -> Considered:
    return Considered(
        purpose=draft.purpose,
        asked=admitted.asked,
        until=draft.until,
        terms=admitted.terms,
        at=now,
        admitted=is_admitted(participant, tuple(a.data_type for a in admitted.asked), draft.purpose, catalogue, now),
    )


def is_admitted(
    participant: Participant, data_types: tuple[str, ...], purpose: str | None, catalogue: Catalogue, now: datetime
) -> bool:
    """Whether the operator's contract covers this, whichever profile applies (advice A11)."""
    covered = purpose is not None and not beyond_contract(participant, data_types, purpose, catalogue)
    return covered and standing(participant, now) is Standing.IN_FORCE


def _request(
    draft: RequestDraft,
    admitted: Admitted,
    *,
    participant: Participant,
    agent: Agent,
    pod: PodName,
    hits: tuple[Hit, ...],
    settings: DatasluisSettings,
    now: datetime,
) -> AccessRequest:
    lapses = now + timedelta(days=settings.request_days)
    return AccessRequest(
        id=RequestId(str(uuid4())),
        data_user=participant.id,
        client=agent.client,
        citizen=draft.citizen,
        pod=pod,
        purpose=draft.purpose,
        asked=admitted.asked,
        until=draft.until,
        terms=admitted.terms,
        advice=tuple(hit.rule.id for hit in hits),
        state=RequestState.PENDING,
        version=1,
        submitted=now,
        lapses=min(lapses, draft.until) if draft.until else lapses,
    )


async def _record(
    work: DatasluisWork,
    request: AccessRequest,
    event: AuditEvent,
    *,
    participant: Participant,
    now: datetime,
) -> None:
    facts = {"organisation": participant.legal_name, "how": "api"}
    facts |= {"data": " ".join(asked.data_type for asked in request.asked)}
    facts |= {"client": request.client} if request.client else {}
    facts |= {"purpose": request.purpose} if request.purpose else {}
    await work.audit.append(AuditDraft(request.pod, now, event, participant.id, request.id, facts))
    topic = f"urn:uuid:{request.id}"
    await work.outbox.append(request.pod, Notice(topic, event.value, now, state=request.state.value))
