"""Browser sessions: the cookie, who is behind it, and the way to the sign-in page when nobody is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from vault.identity.accounts import SessionKind, acting_for, citizen, session_holds
from vault.identity.authorization import Person
from vault.identity.levels import reaches
from vault.identity.sign_in import Opened, Visitor
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import Citizen
from vault.web.middleware import GUARD
from vault.web.pages import CLOSES, LOOKED_AT
from vault.web.routing import VAULT

SIGN_IN: Final = "/idp/login"
CONFIRM: Final = "/idp/confirm"
HOME: Final = "/my/"
UPSTREAM: Final = "/idp/upstream"  # to the other provider, if there is one
LEVEL: Final = "/idp/upstream/level"
ELSEWHERE: Final = "/my/account/elsewhere"

# Where a sign-in may lead: our own pages and our own authorization endpoint (no open redirect).
_NEXT = re.compile(r"/(?:my|idp/auth|idp/password)(?:[/?][!-~]*)?")
_NEXT_CHARACTERS = 6000
_NOTED_EVERY = timedelta(seconds=60)  # a session's last use is written at most this often
_FOUND: Final = web.RequestKey("person", object)


def cookie_name(base_url: str) -> str:
    """`__Host-` binds the cookie to this very host (ATK-02). Over plain http, which is for this machine only, a browser
    may refuse a Secure cookie, so there the plain name is used."""
    return "__Host-datakluis" if base_url.startswith("https:") else "datakluis"


async def person_of(request: web.Request) -> Person | None:
    """The signed-in person: account and session. None when nobody is, or no longer. Looked up once a request."""
    if _FOUND in request:
        found = request[_FOUND]
        return found if isinstance(found, Person) else None
    person = await _load(request)
    request[_FOUND] = person
    if person is not None and person.account.closes is not None:
        request[CLOSES] = person.account.closes
    if person is not None and person.several:
        request[LOOKED_AT] = acting_for(person.account, person.held).pod
    return person


async def current_citizen(request: web.Request) -> Citizen | None:
    """The citizen at this browser, if somebody is signed in."""
    person = await person_of(request)
    if person is None:
        return None
    vault = request.app[VAULT]
    return citizen(person.account, person.session, vault.settings.identity, vault.clock(), held=person.held)


async def require_citizen(request: web.Request) -> Citizen:
    """The citizen, or a 303 to the sign-in page that comes back here."""
    found = await current_citizen(request)
    if found is None:
        raise web.HTTPSeeOther(way_to(SIGN_IN, _here(request)))
    return found


async def require_person(request: web.Request) -> Person:
    """The account and the session behind the citizen, or the same 303."""
    await require_citizen(request)
    person = await person_of(request)
    assert person is not None  # require_citizen has passed
    return person


async def require_step_up(request: web.Request, *, back: str = "") -> Citizen:
    """A citizen who proved a moment ago who is there, and with the level of assurance that the operator demands for
    managing an account; or a 303 to the page that asks for it and comes back here; from a form, which cannot be sent
    again by itself, to the page `back`."""
    found, level = await require_citizen(request), request.app[VAULT].settings.upstream.level_to_manage
    if level:
        # Only the other provider gives a level, so it is the one that proves her anew too.
        found = await require_level(request, level, back=back, fresh=not found.stepped_up)
    if not found.stepped_up:
        raise web.HTTPSeeOther(way_to(CONFIRM, back or _here(request)))
    return found


async def require_manager(request: web.Request, *, back: str = "") -> Citizen:
    """A citizen with the level that the operator demands for managing an account: for pages that ask for a proof of
    their own. Where that is none, anybody who is signed in."""
    return await require_level(request, request.app[VAULT].settings.upstream.level_to_manage, back=back)


async def require_level(request: web.Request, level: str, *, back: str = "", fresh: bool = False) -> Citizen:
    """A citizen whom the other provider vouched for at this level or a higher one, and `fresh`ly if that is asked; or a
    303 to the page that leads there and comes back here, or to `back`. An empty level asks for nothing. A session that
    was opened by password or passkey has no level (what was proved is the key, not the person)."""
    found, person = await require_citizen(request), await person_of(request)
    levels = request.app[VAULT].settings.upstream.upstream_levels
    if person is not None and reaches(person.session.level, level, levels) and not (level and fresh):
        return found
    wishes = {"level": level, **({"fresh": "1"} if fresh else {})}
    raise web.HTTPSeeOther(way_to(LEVEL, back or _here(request), **wishes))


async def signs_in_elsewhere(request: web.Request) -> bool:
    """Whether the person who is signed in may come from the other provider too, if there is one."""
    vault, person = request.app[VAULT], await person_of(request)
    if vault.upstream is None or person is None:
        return False
    async with vault.reading() as work:
        links = await work.upstream_links.of(person.account.id)
    return any(link.issuer == vault.settings.upstream.upstream_issuer for link in links)


def start_session(request: web.Request, response: web.StreamResponse, opened: Opened) -> None:
    """Gives the browser its cookie: no script reads it, no other site sends it with a form, and it ends with the
    browser at the latest."""
    base_url = request.app[VAULT].base_url
    response.set_cookie(
        cookie_name(base_url),
        opened.cookie.reveal(),
        path="/",
        secure=base_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )


def end_session(request: web.Request, response: web.StreamResponse) -> None:
    """Takes the cookie back; the row in the store is `sign_out`'s business."""
    base_url = request.app[VAULT].base_url
    secure = base_url.startswith("https:")
    response.del_cookie(cookie_name(base_url), path="/", secure=secure, httponly=True, samesite="Lax")


def visitor_of(request: web.Request) -> Visitor:
    """Who knocks, for the limits on tries and for the list of sessions."""
    agent = "".join(ch for ch in request.headers.get("User-Agent", "") if ch.isprintable())
    return Visitor(request.app[GUARD].source(request), agent)


def session_hash(request: web.Request) -> str | None:
    """The hash of the cookie the browser sent, whether or not a session stands behind it."""
    value = request.cookies.get(cookie_name(request.app[VAULT].base_url))
    return digest(value) if value and value.isascii() and len(value) <= 128 else None


def safe_next(text: str) -> str:
    """A place of ours to go on to; the citizen's home for anything else (VEC-R23, no open redirect)."""
    return text if len(text) <= _NEXT_CHARACTERS and _NEXT.fullmatch(text) else HOME


def way_to(page: str, onward: str, **more: str) -> str:
    """The address of a page that leads on to `onward`."""
    return f"{page}?{urlencode({'next': onward, **more})}"


def form_targets(onward: str) -> tuple[str, ...]:
    """Where a form whose answer leads to `onward` may end up besides our own pages: at the app that asked (browsers
    hold a page's form-action against every redirect that follows)."""
    parts = urlsplit(onward)
    if parts.path != "/idp/auth":
        return ()
    return redirect_targets(dict(parse_qsl(parts.query)))


def redirect_targets(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The origin of the redirect URI as a source expression of CSP; none when it has no safe form."""
    try:
        parts = urlsplit(parameters.get("redirect_uri", ""))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ()
    if parts.scheme in ("https", "http") and re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:]+", host):
        shown = f"[{host}]" if ":" in host else host
        return (f"{parts.scheme}://{shown}{f':{port}' if port else ''}",)
    return (f"{parts.scheme}:",) if re.fullmatch(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", parts.scheme) else ()


async def _load(request: web.Request) -> Person | None:
    vault, key = request.app[VAULT], session_hash(request)
    if key is None:
        return None
    now = vault.clock()
    async with vault.reading() as work:
        session = await work.sessions.get(key)
        if session is None or session.kind is not SessionKind.BROWSER:
            return None
        if not session_holds(session, vault.settings.identity, now):
            return None
        account = await work.accounts.get(session.account)
        pods = await work.accounts.pods(session.account)
    if account is None or account.locked:
        return None
    held = next((one for one in pods if one.pod == session.pod), None)
    person = Person(account, session, held, several=len(pods) > 1)
    if now - session.last_seen > _NOTED_EVERY:
        await _note_use(vault, person)
    return person


async def _note_use(vault: Vault, person: Person) -> None:
    async with vault.writing() as work:
        session = await work.sessions.get(person.session.id_hash)
        if session is not None:  # it may have been ended meanwhile
            await work.sessions.replace(replace(session, last_seen=vault.clock()))


def _here(request: web.Request) -> str:
    """Where to come back to: this page, or the home page after a form that cannot be sent again by itself."""
    return safe_next(request.path_qs) if request.method in ("GET", "HEAD") else HOME
