"""A citizen answers: approves (whole or in part), refuses, pauses, resumes, revokes.

Only a `Citizen` can: a person in a browser session, never a token. A request or grant of somebody else is answered
like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import uuid4

from vault.audit import AuditDraft, AuditEvent
from vault.datasluis import grants, requests
from vault.datasluis.advice import Considered, Hit, advise, blocking
from vault.datasluis.ask import is_admitted
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.grants import Grant, GrantState
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import Participant, check_entitled
from vault.datasluis.requests import AccessRequest, Asked, Choice
from vault.errors import Conflict, Forbidden, Missing, Unprocessable
from vault.solid.resource import Kind
from vault.values import Citizen, GrantId, Notice, RequestId, ResourceUrl

__all__ = [
    "Choice",
    "approve_request",
    "end_grant",
    "pause_grant",
    "refuse_request",
    "resume_grant",
    "revoke_all",
    "revoke_grant",
]

STEP_UP_RULE = "special-category"  # UX-08: such data leaves only shortly after the password was given
_PAGE = 100


async def approve_request(
    work: DatasluisWork,
    *,
    citizen: Citizen,
    request_id: RequestId,
    choice: Choice,
    catalogue: Catalogue,
    now: datetime,
) -> Grant:
    """Gives what was switched on, and no more than was asked or is allowed. Raises Conflict when the request changed
    or is closed, Forbidden when the law or the contract forbids it, Unprocessable when the choice cannot be given."""
    request = await _request_of(work, citizen, request_id)
    account = await work.accounts.get(citizen.account)
    if account is not None and account.closes is not None:
        raise Forbidden("account-closing", "This vault is to be closed: nothing new is shared. Keep it first.")
    participant = await _participant(work, request)
    purpose = catalogue.purposes.get(request.purpose or "")
    types = {url: await _data_type(work, request, url, fields, catalogue) for url, fields in choice.items}
    approved, grant = requests.approve(
        request,
        choice,
        data_types=types,
        latest=requests.latest_end(request, participant=participant, purpose=purpose, now=now),
        grant_id=GrantId(str(uuid4())),
        now=now,
    )
    given = tuple(Asked(item.data_type, item.fields) for item in grant.items)
    check_entitled(participant, [a.data_type for a in given], request.purpose, catalogue=catalogue, now=now)
    admitted = is_admitted(participant, tuple(a.data_type for a in given), request.purpose, catalogue, now)
    considered = Considered(request.purpose, given, grant.until, request.terms, now, admitted)
    hits = advise(considered, catalogue)
    _check_advice(hits, citizen)
    await work.requests.replace(approved)
    await work.grants.add(grant)
    await _record(work, citizen, grant, AuditEvent.GRANT_ISSUED, now=now, more=_given(grant, hits))
    return grant


async def refuse_request(
    work: DatasluisWork,
    *,
    citizen: Citizen,
    request_id: RequestId,
    version: int,
    reason: str | None = None,
    now: datetime,
) -> AccessRequest:
    """Says no; the reason is optional, and the organisation reads it when it is given."""
    request = await _request_of(work, citizen, request_id)
    refused = requests.refuse(request, version=version, reason=reason, now=now)
    await work.requests.replace(refused)
    participant = await work.participants.get(request.data_user)
    facts = {"organisation": participant.legal_name if participant else request.data_user, "how": "page"}
    facts |= {"data": " ".join(asked.data_type for asked in request.asked)}
    facts |= {"purpose": request.purpose} if request.purpose else {}
    event = AuditEvent.REQUEST_REFUSED
    await work.audit.append(AuditDraft(request.pod, now, event, citizen.webid, request.id, facts))
    await work.outbox.append(request.pod, Notice(f"urn:uuid:{request.id}", event.value, now, state=refused.state.value))
    return refused


async def pause_grant(work: DatasluisWork, *, citizen: Citizen, grant_id: GrantId, now: datetime) -> Grant:
    return await _move(work, citizen, grant_id, grants.pause, event=AuditEvent.GRANT_PAUSED, now=now)


async def resume_grant(work: DatasluisWork, *, citizen: Citizen, grant_id: GrantId, now: datetime) -> Grant:
    return await _move(work, citizen, grant_id, grants.resume, event=AuditEvent.GRANT_RESUMED, now=now)


async def revoke_grant(work: DatasluisWork, *, citizen: Citizen, grant_id: GrantId, now: datetime) -> Grant:
    """Ends it for good. The next read meets the new state, because every read looks (UX-15)."""
    return await _move(work, citizen, grant_id, grants.revoke, event=AuditEvent.GRANT_REVOKED, now=now)


async def revoke_all(work: DatasluisWork, *, citizen: Citizen, now: datetime) -> int:
    """Stops all sharing in one transaction (UX-16); how many grants it ended."""
    ended = 0
    for state in (GrantState.ACTIVE, GrantState.PAUSED):
        while page := await work.grants.for_pod(citizen.pod, state=state, limit=_PAGE):
            for grant in page:
                ended += await end_grant(work, citizen, grant, now=now)
    return ended


async def end_grant(work: DatasluisWork, citizen: Citizen, grant: Grant, *, now: datetime) -> bool:
    """Ends a grant that is open, whatever the clock says of it; whether it was the citizen who ended it."""
    over = now >= grant.until  # it expired, unnoticed so far, and the log says that
    moved = grants.expire(grant, now) if over else grants.revoke(grant, now)
    await work.grants.replace(moved)
    await _record(work, citizen, moved, AuditEvent.GRANT_EXPIRED if over else AuditEvent.GRANT_REVOKED, now=now)
    return not over


async def _move(
    work: DatasluisWork,
    citizen: Citizen,
    grant_id: GrantId,
    move: Callable[[Grant, datetime], Grant],
    *,
    event: AuditEvent,
    now: datetime,
) -> Grant:
    grant = await work.grants.get(grant_id)
    if grant is None or grant.pod != citizen.pod or grant.citizen != citizen.webid:
        raise Missing("no-such-grant", "There is no such permission.")
    moved = move(grant, now)
    await work.grants.replace(moved)
    await _record(work, citizen, moved, event, now=now)
    return moved


async def _request_of(work: DatasluisWork, citizen: Citizen, request_id: RequestId) -> AccessRequest:
    """The request, addressed to this citizen, whose pod is still hers."""
    request = await work.requests.get(request_id)
    if request is None or request.pod != citizen.pod or request.citizen != citizen.webid:
        raise Missing("no-such-request", "There is no such request.")
    pod = await work.resources.pod(request.pod)
    if pod is None or pod.owner != citizen.webid:
        raise Forbidden("not-the-owner", "This vault belongs to somebody else now.")
    return request


async def _participant(work: DatasluisWork, request: AccessRequest) -> Participant:
    participant = await work.participants.get(request.data_user)
    if participant is None:
        raise Conflict("participant-gone", "This organisation is not registered any more.")
    return participant


async def _data_type(
    work: DatasluisWork,
    request: AccessRequest,
    url: ResourceUrl,
    fields: tuple[str, ...],
    catalogue: Catalogue,
) -> str:
    """Which kind of document this is: as the lock delivered it, or by the folder it stands in for what the citizen
    wrote herself. Her own document only, and only when it is there."""
    resource = await work.resources.get(url) if url.pod == request.pod else None
    if resource is None or resource.kind is not Kind.GRAPH:
        raise Unprocessable("no-such-document", "A chosen document is not there.")
    if (deposited := await work.deposits.get(url)) is not None:
        return deposited.data_type
    folder = url.parent
    for asked in request.asked:
        data_type = catalogue.data_types.get(asked.data_type)
        at_home = data_type is not None and folder is not None and folder.path == f"/{data_type.container}"
        if at_home and set(fields) <= set(asked.fields):
            return asked.data_type
    raise Unprocessable("not-asked", "A document was chosen that was not asked for.")


def _check_advice(hits: tuple[Hit, ...], citizen: Citizen) -> None:
    """A blocked item cannot be switched on, whatever a form says; special data needs the password again."""
    for hit in blocking(hits):
        raise Forbidden(hit.rule.slug, hit.rule.texts["en"], facts={"rule": hit.rule.id, "law": dict(hit.rule.law)})
    if not citizen.stepped_up and any(hit.rule.slug == STEP_UP_RULE for hit in hits):
        raise Forbidden("step-up", "Give your password again before you share this.")


def _given(grant: Grant, hits: tuple[Hit, ...]) -> Mapping[str, str]:
    """What the log keeps of an approval: each document with its fields, and the advice that was shown."""
    facts = {f"fields.{item.key}": " ".join(item.fields) for item in grant.items}
    facts |= {f"resource.{item.key}": item.url.path for item in grant.items}
    return facts | ({"advice": " ".join(hit.rule.id for hit in hits)} if hits else {})


async def _record(
    work: DatasluisWork,
    citizen: Citizen,
    grant: Grant,
    event: AuditEvent,
    *,
    now: datetime,
    more: Mapping[str, str] | None = None,
) -> None:
    participant = await work.participants.get(grant.data_user)
    facts = {"organisation": participant.legal_name if participant else grant.data_user, "how": "page"}
    facts |= {"request": grant.request, "until": grant.until.isoformat()}
    facts |= {"data": " ".join(dict.fromkeys(item.data_type for item in grant.items))}
    facts |= {"purpose": grant.purpose} if grant.purpose else {}
    actor = "clock" if event is AuditEvent.GRANT_EXPIRED else citizen.webid
    await work.audit.append(AuditDraft(grant.pod, now, event, actor, grant.id, {**facts, **(more or {})}))
    await work.outbox.append(grant.pod, Notice(f"urn:uuid:{grant.id}", event.value, now, state=grant.state.value))
