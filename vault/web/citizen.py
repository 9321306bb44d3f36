"""The citizen's first page and the inbox of requests; and the table of all citizen's pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from vault.audit import AuditEvent
from vault.datasluis.grants import Grant, GrantState
from vault.datasluis.grants import state_at as grant_state_at
from vault.datasluis.requests import AccessRequest, RequestState, state_at
from vault.ports import Work
from vault.values import Citizen, ParticipantId, PodName, RequestId
from vault.web import assets, browser, deciding, holdings, logbook, sharing
from vault.web.locales import locale_of
from vault.web.pages import render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_citizen
from vault.web.wording import NAME_CHARACTERS, Tongue, capital, clean

SOON: Final = timedelta(days=14)
_SHOWN = 24  # cards on one page
_LOOKED_BACK = 2000  # log lines that the count of reads looks through


@dataclass(frozen=True, slots=True)
class RequestCard:
    """A request in a list."""

    id: RequestId
    who: str
    purpose: str | None
    what: tuple[str, ...]
    submitted: datetime
    lapses: datetime
    state: str


@dataclass(frozen=True, slots=True)
class HomePage:
    """What waits, what runs, what ends soon, and how often somebody looked since the last visit (UX-11)."""

    template: ClassVar[str] = "datasluis/home.html"
    nav: ClassVar[str] = "home"
    waiting: int
    active: int
    ending: int
    looked: int
    requests: tuple[RequestCard, ...]


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """Requests, waiting or all, newest first."""

    template: ClassVar[str] = "datasluis/requests.html"
    nav: ClassVar[str] = "home"
    all: bool
    requests: tuple[RequestCard, ...]
    older: str | None
    newer: str | None


async def home(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    now = vault.clock()
    tongue = Tongue(locale_of(request), vault.catalogue)
    async with vault.reading() as work:
        waiting = await _waiting(work, citizen.pod, now)
        active = await _active(work, citizen.pod, now)
        page = HomePage(
            waiting=len(waiting),
            active=len(active),
            ending=sum(grant.until - now <= SOON for grant in active),
            looked=await _looked(work, citizen),
            requests=await _cards(work, waiting[:_SHOWN], tongue, now),
        )
    return render(request, page)


async def inbox(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    now = vault.clock()
    tongue = Tongue(locale_of(request), vault.catalogue)
    everything = request.query.get("state") == "all"
    before = _moment(request.query.get("before"))
    async with vault.reading() as work:
        if everything:
            found = await work.requests.for_pod(citizen.pod, before=before, limit=_SHOWN + 1)
        else:
            found = [r for r in await _waiting(work, citizen.pod, now) if before is None or r.submitted < before]
        shown = found[:_SHOWN]
        cards = await _cards(work, shown, tongue, now)
    start = "/my/requests?state=all" if everything else "/my/requests?state=pending"
    last = urlencode({"before": shown[-1].submitted.isoformat()}) if shown else ""
    older = f"{start}&{last}" if len(found) > len(shown) else None
    return render(request, RequestsPage(everything, cards, older, start if before else None))


async def _cards(
    work: Work, requests: Iterable[AccessRequest], tongue: Tongue, now: datetime
) -> tuple[RequestCard, ...]:
    names: dict[ParticipantId, str] = {}
    cards = []
    for one in requests:
        if one.data_user not in names:
            participant = await work.participants.get(one.data_user)
            name = participant.legal_name if participant else tongue.say("who.unknown")
            names[one.data_user] = clean(name, NAME_CHARACTERS)
        cards.append(
            RequestCard(
                id=one.id,
                who=names[one.data_user],
                purpose=tongue.aim(one.purpose),
                what=tuple(capital(tongue.data_type(asked.data_type)) for asked in one.asked),
                submitted=one.submitted,
                lapses=one.lapses,
                state=state_at(one, now).value,
            )
        )
    return tuple(cards)


async def _waiting(work: Work, pod: PodName, now: datetime) -> list[AccessRequest]:
    found: list[AccessRequest] = []
    before = None
    while page := await work.requests.for_pod(pod, state=RequestState.PENDING, before=before):
        found += [one for one in page if state_at(one, now) is RequestState.PENDING]
        before = page[-1].submitted
    return found


async def _active(work: Work, pod: PodName, now: datetime) -> list[Grant]:
    found: list[Grant] = []
    before = None
    while page := await work.grants.for_pod(pod, state=GrantState.ACTIVE, before=before):
        found += [one for one in page if grant_state_at(one, now) is GrantState.ACTIVE]
        before = page[-1].since
    return found


async def _looked(work: Work, citizen: Citizen) -> int:
    """Reads since the sign-in before this one; all of them on a first visit. Looks back a bounded way."""
    reads = visits = seen = after = 0
    while seen < _LOOKED_BACK:
        entries = await work.audit.entries(citizen.pod, after=after, limit=500, newest_first=True)
        for entry in entries:
            visits += entry.event is AuditEvent.SIGNED_IN
            if visits == 2:
                return reads
            reads += entry.event is AuditEvent.GRANT_READ
        if len(entries) < 500:
            break
        seen += len(entries)
        after = entries[-1].number
    return reads


def _moment(text: str | None) -> datetime | None:
    """A time stamp from a paging link; one that cannot be read means the start."""
    try:
        found = datetime.fromisoformat(text[:40]) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


ROUTES = (
    Route("GET", "/my/", home, Credentials.SESSION, "home"),
    Route("GET", "/my/requests", inbox, Credentials.SESSION, "inbox"),
    *deciding.ROUTES,
    *sharing.ROUTES,
    *logbook.ROUTES,
    *holdings.ROUTES,
    *browser.ROUTES,
    *assets.ROUTES,
)
