"""Where somebody is signed in: the browsers, each in words, and the way to end one or all of them (UX-31)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from aiohttp import web

from vault.identity.accounts import Session, session_holds
from vault.identity.sign_in import end_session_of, session_handle, sign_out_everywhere
from vault.web.pages import read_form, render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import end_session, require_citizen, require_person
from vault.web.signing_out import signed_out

SESSIONS: Final = "/my/account/sessions"
EVERYWHERE: Final = "/my/account/sessions/everywhere"

# What a browser calls itself → what people call it. The first that fits: many name others beside themselves.
_BROWSERS: Final = (
    (re.compile(r"Edg(?:e|A|iOS)?/"), "Edge"),
    (re.compile(r"OPR/|Opera"), "Opera"),
    (re.compile(r"SamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"Firefox/|FxiOS/"), "Firefox"),
    (re.compile(r"Chrome/|CriOS/|Chromium/"), "Chrome"),
    (re.compile(r"Safari/"), "Safari"),
)
_SYSTEMS: Final = (
    (re.compile(r"iPhone"), "iPhone"),
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"Android"), "Android"),
    (re.compile(r"CrOS"), "ChromeOS"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Macintosh|Mac OS X"), "Mac"),
    (re.compile(r"Linux|X11"), "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """One signed-in browser. `browser` and `system` are empty where nobody can tell; `network` is the address without
    its last part."""

    handle: str
    browser: str
    system: str
    network: str
    since: datetime
    last_seen: datetime
    this: bool


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """The browsers, this one first. `ended`: one was just ended."""

    template: ClassVar[str] = "account/sessions.html"
    nav: ClassVar[str] = "account"
    devices: tuple[Device, ...]
    ended: bool


async def get_sessions(request: web.Request) -> web.Response:
    """The list."""
    vault, person = request.app[VAULT], await require_person(request)
    now, this = vault.clock(), person.session.id_hash
    async with vault.reading() as work:
        found = await work.sessions.of(person.account.id)
    lasting = [one for one in found if session_holds(one, vault.settings.identity, now)]
    devices = sorted((device_of(one, this=one.id_hash == this) for one in lasting), key=lambda one: not one.this)
    return render(request, SessionsPage(tuple(devices), "ended" in request.query))


async def post_sessions(request: web.Request) -> web.Response:
    """Ends one of them."""
    citizen = await require_citizen(request)
    form, vault = await read_form(request), request.app[VAULT]
    async with vault.writing() as work:
        await end_session_of(work, citizen.account, form.text("session", limit=64), now=vault.clock())
    raise web.HTTPSeeOther(f"{SESSIONS}?ended=1")


async def post_everywhere(request: web.Request) -> web.Response:
    """Ends all of them, and what every app holds."""
    person, vault = await require_person(request), request.app[VAULT]
    await read_form(request)
    async with vault.writing() as work:
        await sign_out_everywhere(work, person.account.id, now=vault.clock())
    response = web.HTTPSeeOther(signed_out(vault, person))
    end_session(request, response)
    raise response


ROUTES: Final = (
    Route("GET", SESSIONS, get_sessions, Credentials.SESSION),
    Route("POST", SESSIONS, post_sessions, Credentials.SESSION),
    Route("POST", EVERYWHERE, post_everywhere, Credentials.SESSION),
)


def device_of(session: Session, *, this: bool) -> Device:
    """The session as its owner knows it."""
    said = session.user_agent
    return Device(
        handle=session_handle(session),
        browser=_name(said, _BROWSERS),
        system=_name(said, _SYSTEMS),
        network=session.address,
        since=session.created,
        last_seen=session.last_seen,
        this=this,
    )


def _name(said: str, known: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    return next((name for pattern, name in known if pattern.search(said)), "")
