"""Signing in elsewhere, as the owner of an account sees it: what is joined to it, joining, and ending that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Conflict, Forbidden
from vault.identity.errands import Purpose
from vault.identity.federate import link_account, unlink_account
from vault.values import Citizen
from vault.web.pages import read_form, render
from vault.web.routing import Credentials, Route
from vault.web.sessions import (
    CONFIRM,
    ELSEWHERE,
    form_targets,
    require_citizen,
    require_person,
    require_step_up,
    start_session,
    way_to,
)
from vault.web.upstream import (
    LINK,
    arrival_of,
    depart,
    forget_arrival,
    gate_of,
    provider_name,
    refused,
    require_upstream,
)

_ADD: Final = f"{ELSEWHERE}/add"
_END: Final = f"{ELSEWHERE}/end"


@dataclass(frozen=True, slots=True)
class JoinedSignIn:
    """A sign-in elsewhere that leads to this account."""

    issuer: str
    subject: str
    name: str
    since: datetime
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class ElsewherePage:
    """What is joined, and what can be. `done`: linked or unlinked, just now."""

    template: ClassVar[str] = "account/elsewhere.html"
    nav: ClassVar[str] = "account"
    provider: str
    joined: tuple[JoinedSignIn, ...]
    can_add: bool
    done: str
    back: str = ELSEWHERE


@dataclass(frozen=True, slots=True)
class LinkPage:
    """Shall this sign-in lead to this account from now on?"""

    template: ClassVar[str] = "account/link.html"
    nav: ClassVar[str] = "account"
    provider: str
    who: str  # as the provider knows her
    email: str  # the account
    back: str = LINK


async def get_elsewhere(request: web.Request) -> web.StreamResponse:
    """The list."""
    vault = require_upstream(request)
    person = await require_person(request)
    ours = vault.settings.upstream.upstream_issuer
    async with vault.reading() as work:
        links = await work.upstream_links.of(person.account.id)
    joined = tuple(
        JoinedSignIn(
            link.issuer,
            link.subject,
            provider_name(vault) if link.issuer == ours else link.issuer,
            link.since,
            link.last_used,
        )
        for link in links
    )
    done = request.query.get("done", "")
    page = ElsewherePage(
        provider=provider_name(vault),
        joined=joined,
        can_add=all(link.issuer != ours for link in links),
        done=done if done in ("linked", "ended") else "",
    )
    return render(request, page)


async def get_add(request: web.Request) -> web.StreamResponse:
    """To the provider, to come back with a sign-in that can be joined. Nothing is joined by that: the page for it
    follows, so that nobody can be made to join a stranger's."""
    vault = require_upstream(request)
    await _proved(request, _ADD)
    level = vault.settings.upstream.level_to_manage
    return await depart(request, Purpose.LINK, f"{ELSEWHERE}?done=linked", level=level)


async def get_link(request: web.Request) -> web.StreamResponse:
    """The question."""
    vault = require_upstream(request)
    await _proved(request, LINK)
    arrival, person = arrival_of(request), await require_person(request)
    if arrival is None:
        raise web.HTTPSeeOther(ELSEWHERE)
    page = LinkPage(provider_name(vault), arrival.name or arrival.email, person.account.email)
    return render(request, page, forms_to=form_targets(arrival.onward))


async def post_link(request: web.Request) -> web.StreamResponse:
    """Yes: from now on. No: it is forgotten."""
    require_upstream(request)
    form = await read_form(request)
    await _proved(request, LINK)
    arrival = arrival_of(request)
    if arrival is None or form.get("choice") != "link":
        response = web.HTTPSeeOther(ELSEWHERE)
        forget_arrival(request, response)
        raise response
    try:
        opened = await link_account(arrival, await gate_of(request))
    except (Conflict, Forbidden) as refusal:
        return refused(request, refusal, ELSEWHERE)
    response = web.HTTPSeeOther(arrival.onward)
    start_session(request, response, opened)
    forget_arrival(request, response)
    raise response


async def post_end(request: web.Request) -> web.StreamResponse:
    """Ends one; every other browser is signed out."""
    require_upstream(request)
    form = await read_form(request)
    await require_step_up(request, back=ELSEWHERE)
    try:
        opened = await unlink_account(form.get("issuer", ""), form.get("subject", ""), await gate_of(request))
    except (Conflict, Forbidden) as refusal:
        return refused(request, refusal, ELSEWHERE)
    response = web.HTTPSeeOther(f"{ELSEWHERE}?done=ended")
    start_session(request, response, opened)
    raise response


ROUTES: Final = (
    Route("GET", ELSEWHERE, get_elsewhere, Credentials.SESSION),
    Route("GET", _ADD, get_add, Credentials.SESSION),
    Route("GET", LINK, get_link, Credentials.SESSION),
    Route("POST", LINK, post_link, Credentials.SESSION),
    Route("POST", _END, post_end, Credentials.SESSION),
)


async def _proved(request: web.Request, back: str) -> Citizen:
    """Somebody who proved a moment ago that the account is hers, with what it has. Not `require_step_up`: a level can
    only come from the provider, and to join its sign-in is how one gets there."""
    found = await require_citizen(request)
    if not found.stepped_up:
        raise web.HTTPSeeOther(way_to(CONFIRM, back))
    return found
