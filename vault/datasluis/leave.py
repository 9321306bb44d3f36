"""A citizen leaves: what ends and what others keep, and ending it, so that each organisation is told and logged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from vault.datasluis.answer import end_grant, refuse_request
from vault.datasluis.grants import OPEN, Grant, GrantState
from vault.datasluis.lapse import lapse_request
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.requests import RequestState, state_at
from vault.errors import Forbidden
from vault.identity.accounts import Account
from vault.values import Citizen, PodName

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Reader:
    """An organisation that read something, and keeps what it read as long as its own terms say."""

    name: str
    last_read: datetime


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a citizen is told before: grants and requests that end, and who has read something."""

    grants: int
    requests: int
    readers: tuple[Reader, ...]


async def check_may_leave(work: DatasluisWork, account: Account) -> None:
    """Raises Forbidden("organisation-account"): a participant's account stays as long as others' grants name it; the
    operator ends that with the organisation."""
    for webid in await work.accounts.webids(account.id):
        if await work.participants.by_webid(webid) is not None:
            raise Forbidden("organisation-account", "An organisation's account is closed with the operator.")


async def leaving(work: DatasluisWork, pod: PodName, *, now: datetime) -> Leaving:
    """What closing would end in this pod, and what others keep."""
    held, waiting, before = list[Grant](), 0, None
    while page := await work.grants.for_pod(pod, before=before, limit=_PAGE):
        held += page
        before = page[-1].since
    before = None
    while asked := await work.requests.for_pod(pod, state=RequestState.PENDING, before=before, limit=_PAGE):
        waiting += sum(state_at(one, now) is RequestState.PENDING for one in asked)
        before = asked[-1].submitted
    last: dict[str, datetime] = {}
    for grant in held:
        if grant.last_read is not None:
            participant = await work.participants.get(grant.data_user)
            name = participant.legal_name if participant is not None else grant.data_user
            last[name] = max(grant.last_read, last.get(name, grant.last_read))
    open_now = sum(grant.state in OPEN and now < grant.until for grant in held)
    return Leaving(open_now, waiting, tuple(Reader(name, last[name]) for name in sorted(last)))


async def end_sharing(work: DatasluisWork, citizen: Citizen, *, now: datetime, limit: int) -> int:
    """Refuses requests that wait and ends grants that are open, up to `limit`; 0 when nothing is left."""
    ended = 0
    for request in await work.requests.for_pod(citizen.pod, state=RequestState.PENDING, limit=limit):
        ended += 1
        if state_at(request, now) is not RequestState.PENDING:
            await lapse_request(work, request, now=now)
            continue
        addressed = replace(citizen, webid=request.citizen)
        await refuse_request(work, citizen=addressed, request_id=request.id, version=request.version, now=now)
    for state in (GrantState.ACTIVE, GrantState.PAUSED):
        if ended >= limit:
            break
        for grant in await work.grants.for_pod(citizen.pod, state=state, limit=limit - ended):
            ended += 1
            await end_grant(work, citizen, grant, now=now)
    return ended
