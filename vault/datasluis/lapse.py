"""What the clock ends: unanswered requests and grants past their end, in bounded batches.

Nothing waits for this: a request or grant past its time is over at that moment for everybody who looks. The log and
the lists catch up here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from vault.audit import AuditDraft, AuditEvent
from vault.datasluis import grants, requests
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.requests import AccessRequest
from vault.values import Notice, ParticipantId

CLOCK = "clock"  # the actor of what nobody did

_Transact = Callable[[], AbstractAsyncContextManager[DatasluisWork]]


async def lapse(writing: _Transact, *, now: datetime, limit: int = 100, batches: int = 50) -> int:
    """Ends all that is past its time, a transaction per batch, so that it never holds the writer for long; how many it
    ended. What is left after `batches` waits for the next round."""
    ended = 0
    for _ in range(batches):
        async with writing() as work:
            count = await lapse_requests(work, now=now, limit=limit) + await lapse_grants(work, now=now, limit=limit)
        ended += count
        if count < limit:
            break
    return ended


async def lapse_requests(work: DatasluisWork, *, now: datetime, limit: int = 100) -> int:
    lapsed = await work.requests.lapsed(now, limit=limit)
    for request in lapsed:
        await lapse_request(work, request, now=now)
    return len(lapsed)


async def lapse_request(work: DatasluisWork, request: AccessRequest, *, now: datetime) -> None:
    """Nobody answered this one in time."""
    expired = requests.expire(request, now)
    await work.requests.replace(expired)
    facts = {"organisation": await _name(work, request.data_user)}
    facts |= {"data": " ".join(asked.data_type for asked in request.asked)}
    facts |= {"purpose": request.purpose} if request.purpose else {}
    event = AuditEvent.REQUEST_EXPIRED
    await work.audit.append(AuditDraft(request.pod, now, event, CLOCK, request.id, facts))
    await work.outbox.append(request.pod, Notice(f"urn:uuid:{request.id}", event.value, now, state=expired.state.value))


async def lapse_grants(work: DatasluisWork, *, now: datetime, limit: int = 100) -> int:
    lapsed = await work.grants.lapsed(now, limit=limit)
    for grant in lapsed:
        expired = grants.expire(grant, now)
        await work.grants.replace(expired)
        facts = {"organisation": await _name(work, grant.data_user), "request": grant.request}
        facts |= {"data": " ".join(dict.fromkeys(item.data_type for item in grant.items))}
        facts |= {"until": grant.until.isoformat()} | ({"purpose": grant.purpose} if grant.purpose else {})
        event = AuditEvent.GRANT_EXPIRED
        await work.audit.append(AuditDraft(grant.pod, now, event, CLOCK, grant.id, facts))
        await work.outbox.append(grant.pod, Notice(f"urn:uuid:{grant.id}", event.value, now, state=expired.state.value))
    return len(lapsed)


async def _name(work: DatasluisWork, participant: ParticipantId) -> str:
    found = await work.participants.get(participant)
    return found.legal_name if found else participant
