"""What the citizen shares: every permission, one permission, pausing it, ending it, and ending all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from vault.datasluis.answer import pause_grant, resume_grant, revoke_all, revoke_grant
from vault.datasluis.grants import OPEN, Grant, GrantState, state_at
from vault.datasluis.history import Outcome, Wanted, read_history
from vault.datasluis.registry import Participant
from vault.errors import Conflict, Missing
from vault.ports import Vault, Work
from vault.values import Citizen, GrantId, ParticipantId, PodName, RequestId
from vault.web.holdings import SharedItem, names_in, shared_items
from vault.web.locales import locale_of
from vault.web.pages import read_form, render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_citizen, require_level
from vault.web.telling import LogLine, tell
from vault.web.wording import NAME_CHARACTERS, Organisation, Tongue, capital, clean, organisation

SOON: Final = timedelta(days=14)
_SHOWN = 48
_MOST = 5000  # permissions that the list looks through
_OF_A_GRANT: Final = 10  # log lines
_GROUPS: Final = ("active", "paused", "ended")


@dataclass(frozen=True, slots=True)
class GrantCard:
    """A permission in a list."""

    id: GrantId
    who: str
    purpose: str | None
    what: tuple[str, ...]
    since: datetime
    until: datetime
    ended: datetime | None
    reads: int
    last_read: datetime | None
    state: str
    days_left: int | None  # only when it ends soon


@dataclass(frozen=True, slots=True)
class Group:
    """The permissions of one state; `total` counts those on other pages too."""

    key: str
    total: int
    cards: tuple[GrantCard, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the list, from its address."""

    query: str = ""
    type: str = ""
    state: str = ""
    sort: str = "new"
    page: int = 1

    def address(self, page: int) -> str:
        pairs = {"q": self.query, "type": self.type, "state": self.state, "sort": self.sort, "page": str(page)}
        return f"/my/sharing?{urlencode(pairs)}"


@dataclass(frozen=True, slots=True)
class SharingPage:
    """Active, paused and ended permissions (UX-12)."""

    template: ClassVar[str] = "datasluis/sharing.html"
    nav: ClassVar[str] = "sharing"
    groups: tuple[Group, ...]
    types: tuple[tuple[str, str], ...]
    query: str
    type: str
    state: str
    sort: str
    filtered: bool
    stoppable: bool
    stopped: int | None
    older: str | None
    newer: str | None


@dataclass(frozen=True, slots=True)
class GrantPage:
    """One permission: what, with whom, until when, and who looked."""

    template: ClassVar[str] = "datasluis/grant.html"
    nav: ClassVar[str] = "sharing"
    id: GrantId
    request: RequestId
    who: Organisation
    purpose: str | None
    state: str
    since: datetime
    until: datetime
    ended: datetime | None
    reads: int
    last_read: datetime | None
    items: tuple[SharedItem, ...]
    lines: tuple[LogLine, ...]
    done: str | None


@dataclass(frozen=True, slots=True)
class RevokePage:
    """The one question before a permission ends (UX-14)."""

    template: ClassVar[str] = "datasluis/revoke.html"
    nav: ClassVar[str] = "sharing"
    id: GrantId
    who: str
    what: tuple[str, ...]
    reads: int
    last_read: datetime | None


@dataclass(frozen=True, slots=True)
class StopPage:
    """The guarded question before all permissions end (UX-16)."""

    template: ClassVar[str] = "datasluis/stop.html"
    nav: ClassVar[str] = "sharing"
    back: ClassVar[str] = "/my/sharing/stop"
    total: int
    who: tuple[str, ...]
    problems: Mapping[str, str] = field(default_factory=dict)


async def sharing(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    now = vault.clock()
    tongue = Tongue(locale_of(request), vault.catalogue)
    wanted = _wanted(request.query)
    async with vault.reading() as work:
        grants = await _all(work, citizen.pod)
        names = await _names(work, grants, tongue)
    found = _sorted([_card(grant, names, tongue, now) for grant in grants if _fits(grant, names, wanted, now)], wanted)
    start = (wanted.page - 1) * _SHOWN
    shown = found[start : start + _SHOWN]
    page = SharingPage(
        groups=_groups(found, shown),
        types=tuple((key, capital(tongue.data_type(key))) for key in vault.catalogue.data_types),
        query=wanted.query,
        type=wanted.type,
        state=wanted.state,
        sort=wanted.sort,
        filtered=bool(wanted.query or wanted.type or wanted.state),
        stoppable=any(state_at(grant, now) in OPEN for grant in grants),
        stopped=_count(request.query.get("stopped")),
        older=wanted.address(wanted.page + 1) if start + _SHOWN < len(found) else None,
        newer=wanted.address(wanted.page - 1) if wanted.page > 1 else None,
    )
    return render(request, page)


async def one(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    done = request.query.get("done")
    async with vault.reading() as work:
        grant = await own_grant(work, citizen, request.match_info["grant"])
        participant = await work.participants.get(grant.data_user)
        lines = await _looks(vault, work, citizen, grant, tongue)
        items = await shared_items(vault, work, grant, tongue)
    page = GrantPage(
        id=grant.id,
        request=grant.request,
        who=organisation(participant, tongue),
        purpose=tongue.purpose(grant.purpose),
        state=state_at(grant, vault.clock()).value,
        since=grant.since,
        until=grant.until,
        ended=_ended(grant, vault.clock()),
        reads=grant.reads,
        last_read=grant.last_read,
        items=items,
        lines=lines,
        done=done if done in ("paused", "resumed", "revoked") else None,
    )
    return render(request, page)


async def ask_revoke(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    async with vault.reading() as work:
        grant = await own_grant(work, citizen, request.match_info["grant"])
        names = await _names(work, [grant], tongue)
    if state_at(grant, vault.clock()) not in OPEN:
        raise web.HTTPSeeOther(f"/my/sharing/{grant.id}")
    page = RevokePage(grant.id, names[grant.data_user], _what(grant, tongue), grant.reads, grant.last_read)
    return render(request, page)


async def revoke(request: web.Request) -> web.Response:
    return await _move(request, "revoked")


async def pause(request: web.Request) -> web.Response:
    return await _move(request, "paused")


async def resume(request: web.Request) -> web.Response:
    return await _move(request, "resumed")


async def ask_stop(request: web.Request) -> web.Response:
    return await _stop_page(request, await require_citizen(request), {})


async def stop(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    form = await read_form(request)
    if form.get("sure") != "yes":
        tongue = Tongue(locale_of(request), vault.catalogue)
        return await _stop_page(request, citizen, {"sure": tongue.say("problem.sure")})
    async with vault.writing() as work:
        ended = await revoke_all(work, citizen=citizen, now=vault.clock())
    raise web.HTTPSeeOther(f"/my/sharing?stopped={ended}")


async def own_grant(work: Work, citizen: Citizen, grant_id: str) -> Grant:
    """A permission of this citizen; one of somebody else is answered like one that does not exist."""
    grant = await work.grants.get(GrantId(grant_id))
    if grant is None or grant.pod != citizen.pod or grant.citizen != citizen.webid:
        raise Missing("no-such-grant", "There is no such permission.")
    return grant


async def _move(request: web.Request, done: str) -> web.Response:
    """Pause, resume or revoke: the same steps, and back to the page of the permission, which says what was done."""
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    await read_form(request)
    grant_id = GrantId(request.match_info["grant"])
    if done == "resumed":  # it opens again what was closed; to close needs nothing
        level = vault.settings.upstream.level_to_share
        await require_level(request, level, back=f"/my/sharing/{grant_id}")
    act = {"revoked": revoke_grant, "paused": pause_grant, "resumed": resume_grant}[done]
    try:
        async with vault.writing() as work:
            await act(work, citizen=citizen, grant_id=grant_id, now=vault.clock())
    except Conflict:
        # It changed in another window: the page shows how it stands, and nothing was done here.
        raise web.HTTPSeeOther(f"/my/sharing/{grant_id}") from None
    raise web.HTTPSeeOther(f"/my/sharing/{grant_id}?done={done}")


async def _looks(vault: Vault, work: Work, citizen: Citizen, grant: Grant, tongue: Tongue) -> tuple[LogLine, ...]:
    """The latest reads of one permission, and the refused tries."""
    wanted = Wanted(grant=grant.id)
    found = await read_history(
        work, pod=citizen.pod, citizen=citizen.webid, catalogue=tongue.catalogue, wanted=wanted, limit=_OF_A_GRANT * 3
    )
    looks = [line for line in found.lines if line.outcome in (Outcome.GIVEN, Outcome.REFUSED)][:_OF_A_GRANT]
    return tell(looks, await names_in(vault, work, citizen.pod, looks, tongue), tongue)


async def _stop_page(request: web.Request, citizen: Citizen, problems: Mapping[str, str]) -> web.Response:
    vault = request.app[VAULT]
    now = vault.clock()
    tongue = Tongue(locale_of(request), vault.catalogue)
    async with vault.reading() as work:
        grants = [grant for grant in await _all(work, citizen.pod) if state_at(grant, now) in OPEN]
        names = await _names(work, grants, tongue)
    if not grants:
        raise web.HTTPSeeOther("/my/sharing")
    who = tuple(sorted({names[grant.data_user] for grant in grants}))
    return render(request, StopPage(len(grants), who, problems), status=422 if problems else 200)


async def _all(work: Work, pod: PodName) -> list[Grant]:
    found: list[Grant] = []
    before = None
    while len(found) < _MOST and (page := await work.grants.for_pod(pod, before=before, limit=500)):
        found += page
        before = page[-1].since
    return found


async def _names(work: Work, grants: Sequence[Grant], tongue: Tongue) -> dict[ParticipantId, str]:
    found: dict[ParticipantId, Participant | None] = {}
    for grant in grants:
        if grant.data_user not in found:
            found[grant.data_user] = await work.participants.get(grant.data_user)
    unknown = tongue.say("who.unknown")
    return {key: clean(one.legal_name, NAME_CHARACTERS) if one else unknown for key, one in found.items()}


def _wanted(query: Mapping[str, str]) -> Filters:
    state, sort = query.get("state", ""), query.get("sort", "new")
    return Filters(
        query=query.get("q", "").strip()[:100],
        type=query.get("type", "")[:100],
        state=state if state in ("active", "ending", "paused", "ended") else "",
        sort=sort if sort in ("new", "end", "who") else "new",
        page=max(1, _count(query.get("page")) or 1),
    )


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 6 else None


def _fits(grant: Grant, names: Mapping[ParticipantId, str], wanted: Filters, now: datetime) -> bool:
    state = state_at(grant, now)
    soon = state is GrantState.ACTIVE and grant.until - now <= SOON
    by_state = {"ending": soon, "ended": state not in OPEN, "": True}.get(wanted.state, state.value == wanted.state)
    by_type = not wanted.type or any(item.data_type == wanted.type for item in grant.items)
    return by_state and by_type and wanted.query.casefold() in names[grant.data_user].casefold()


def _card(grant: Grant, names: Mapping[ParticipantId, str], tongue: Tongue, now: datetime) -> GrantCard:
    state = state_at(grant, now)
    left = grant.until - now
    return GrantCard(
        id=grant.id,
        who=names[grant.data_user],
        purpose=tongue.aim(grant.purpose),
        what=_what(grant, tongue),
        since=grant.since,
        until=grant.until,
        ended=_ended(grant, now),
        reads=grant.reads,
        last_read=grant.last_read,
        state=state.value,
        days_left=max(1, left.days) if state in OPEN and left <= SOON else None,
    )


def _what(grant: Grant, tongue: Tongue) -> tuple[str, ...]:
    """The kinds of data, each once: diploma or certificate (3 fields)."""
    kinds = dict.fromkeys(item.data_type for item in grant.items)
    return tuple(tongue.data_type(key) for key in kinds)


def _ended(grant: Grant, now: datetime) -> datetime | None:
    return None if state_at(grant, now) in OPEN else grant.ended or grant.until


def _sorted(cards: list[GrantCard], wanted: Filters) -> list[GrantCard]:
    """Running before paused before ended, and within each as the citizen chose."""
    match wanted.sort:
        case "end":
            cards.sort(key=lambda card: card.until)
        case "who":
            cards.sort(key=lambda card: card.who.casefold())
        case _:
            cards.sort(key=lambda card: card.since, reverse=True)
    return sorted(cards, key=lambda card: _GROUPS.index(_group(card)))


def _group(card: GrantCard) -> str:
    return card.state if card.state in ("active", "paused") else "ended"


def _groups(found: Sequence[GrantCard], shown: Sequence[GrantCard]) -> tuple[Group, ...]:
    totals = {key: sum(_group(card) == key for card in found) for key in _GROUPS}
    cards = {key: tuple(card for card in shown if _group(card) == key) for key in _GROUPS}
    return tuple(Group(key, totals[key], cards[key]) for key in _GROUPS if cards[key])


ROUTES: Final = (
    Route("GET", "/my/sharing", sharing, Credentials.SESSION, "sharing"),
    Route("GET", "/my/sharing/stop", ask_stop, Credentials.SESSION, "stop"),
    Route("POST", "/my/sharing/stop", stop, Credentials.SESSION),
    Route("GET", "/my/sharing/{grant}", one, Credentials.SESSION, "grant"),
    Route("GET", "/my/sharing/{grant}/revoke", ask_revoke, Credentials.SESSION, "revoke"),
    Route("POST", "/my/sharing/{grant}/revoke", revoke, Credentials.SESSION),
    Route("POST", "/my/sharing/{grant}/pause", pause, Credentials.SESSION),
    Route("POST", "/my/sharing/{grant}/resume", resume, Credentials.SESSION),
)
