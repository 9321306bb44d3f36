"""The door to the other provider, in the browser: the way there, the way back, and the page for a higher level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Forbidden, Missing, Refusal, TooMany, Unavailable
from vault.identity.envelopes import USE as ENVELOPE
from vault.identity.envelopes import written_to
from vault.identity.errands import ARRIVAL_SECONDS, Arrival, Errand, Purpose, open_arrival, seal_arrival
from vault.identity.federate import CALLBACK, Gate, let_in, receive, send, take_back
from vault.ports import Vault
from vault.web.forms import new_visitor_key, remember_visitor, visitor_key
from vault.web.locales import has_text
from vault.web.oidc import FOR_MINUTES, JWK_SET, NOT_STORED, query_pairs
from vault.web.pages import locale_of, render
from vault.web.responses import REASON, json_response, status_of
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import (
    ELSEWHERE,
    HOME,
    LEVEL,
    SIGN_IN,
    UPSTREAM,
    person_of,
    require_citizen,
    safe_next,
    session_hash,
    start_session,
    visitor_of,
    way_to,
)

KEYS: Final = "/idp/upstream/jwks"
WELCOME: Final = "/idp/upstream/welcome"
LINK: Final = f"{ELSEWHERE}/link"


@dataclass(frozen=True, slots=True)
class LevelPage:
    """Why the person is sent to the other provider now. `optional`: an app would like it, and it can be left."""

    template: ClassVar[str] = "account/level.html"
    provider: str
    go: str
    onward: str
    optional: bool
    back: str


@dataclass(frozen=True, slots=True)
class ElsewhereRefusedPage:
    """The sign-in elsewhere did not lead here: what happened, and the way to try again."""

    template: ClassVar[str] = "account/elsewhere-refused.html"
    provider: str
    words: str  # the name of the text
    again: str
    back: str


async def get_start(request: web.Request) -> web.StreamResponse:
    """Sends the visitor to the provider; with `confirm` as somebody who is signed in and proves anew who she is."""
    purpose = Purpose.CONFIRM if "confirm" in request.query else Purpose.SIGN_IN
    if purpose is Purpose.CONFIRM:
        await require_citizen(request)
    onward, level = safe_next(request.query.get("next", "")), _known_level(request)
    return await depart(request, purpose, onward, level=level, fresh="fresh" in request.query)


async def get_keys(request: web.Request) -> web.StreamResponse:
    """The keys that the provider needs of this server: those that sign its assertions, and those to encrypt to."""
    vault = require_upstream(request)
    async with vault.reading() as work:
        envelopes = written_to(await work.signing_keys.all(ENVELOPE))
    return json_response({"keys": [*vault.keys.public_keys(), *envelopes]}, headers=FOR_MINUTES, media_type=JWK_SET)


async def get_callback(request: web.Request) -> web.StreamResponse:
    """Where the provider sends the browser back to: straight on, or to the page for somebody new."""
    gate, again = await gate_of(request), SIGN_IN
    try:
        returned = await take_back(_once(request), gate)
        errand = returned.errand
        again = _place_of(errand)
        if returned.code is None:  # she changed her mind there: back to where she came from, and no fuss
            raise web.HTTPSeeOther(again)
        arrival = await receive(returned, gate)
        opened = await let_in(arrival, errand, gate)
    except Refusal as refusal:
        return refused(request, refusal, again)
    if opened is None:
        response = web.HTTPSeeOther(WELCOME if errand.purpose is Purpose.SIGN_IN else LINK)
        _remember_arrival(request, response, arrival)
        raise response
    response = web.HTTPSeeOther(errand.onward)
    start_session(request, response, opened)
    raise response


async def get_level(request: web.Request) -> web.StreamResponse:
    """Says why the provider is needed now, and leads there. A page and a link, since a form may not lead to another
    origin (CSP form-action)."""
    vault, onward, level = require_upstream(request), safe_next(request.query.get("next", "")), _known_level(request)
    await require_citizen(request)
    wishes = {name: "1" for name in ("fresh",) if name in request.query} | ({"level": level} if level else {})
    page = LevelPage(
        provider=provider_name(vault),
        go=way_to(UPSTREAM, onward, confirm="1", **wishes),
        onward=onward,
        optional="optional" in request.query,
        back=way_to(LEVEL, onward, **wishes),
    )
    return render(request, page)


ROUTES: Final = (
    Route("GET", UPSTREAM, get_start, Credentials.VISITOR),
    Route("GET", KEYS, get_keys, Credentials.NOTHING),
    Route("GET", CALLBACK, get_callback, Credentials.VISITOR),
    Route("GET", LEVEL, get_level, Credentials.SESSION),
)


def require_upstream(request: web.Request) -> Vault:
    """The vault, where it has another provider; without one these addresses do not exist."""
    vault = request.app[VAULT]
    if vault.upstream is None:
        raise Missing("no-upstream", "Nobody signs in through another provider here.")
    return vault


def provider_name(vault: Vault) -> str:
    """What the provider is called on our pages."""
    return vault.settings.upstream.upstream_name or vault.settings.upstream.upstream_issuer


async def gate_of(request: web.Request, *, browser: str | None = None) -> Gate:
    """What a sign-in elsewhere works with. A visitor without a form cookie has begun nothing."""
    vault = require_upstream(request)
    assert vault.upstream is not None  # require_upstream has passed
    return Gate(
        reading=vault.reading,
        writing=vault.writing,
        replays=vault.replays,
        tries=vault.tries,
        upstream=vault.upstream,
        settings=vault.settings,
        key=vault.secrets.forms,
        number_key=vault.secrets.national_numbers,
        now=vault.clock(),
        visitor=visitor_of(request),
        browser=browser or visitor_key(request) or new_visitor_key(),
        language=locale_of(request),
        replaces=session_hash(request),
        person=await person_of(request),
    )


async def depart(
    request: web.Request, purpose: Purpose, onward: str, *, level: str = "", fresh: bool = False
) -> web.Response:
    """To the provider; the visitor gets a form cookie first, which everything under way is bound to."""
    known = visitor_key(request)
    gate = await gate_of(request, browser=known)
    try:
        url = await send(purpose, onward, gate, home=HOME, level=level, fresh=fresh)
    except Unavailable as refusal:
        return refused(request, refusal, str(request.rel_url))
    response = web.Response(status=303, headers={"Location": url, **NOT_STORED})
    if known is None:
        remember_visitor(request, response, gate.browser)
    return response


def refused(request: web.Request, refusal: Refusal, again: str) -> web.Response:
    """The page for a sign-in elsewhere that did not lead here; its reason is a slug with a text of its own."""
    request[REASON] = refusal.reason
    own = f"elsewhere.refused.{refusal.reason}"
    words = own if has_text(own) else "elsewhere.refused"
    page = ElsewhereRefusedPage(provider_name(request.app[VAULT]), words, again, again)
    response = render(request, page, status=status_of(refusal))
    if isinstance(refusal, (TooMany, Unavailable)):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def arrival_of(request: web.Request) -> Arrival | None:
    """Who came to this browser from the provider and is not let in yet."""
    vault, browser = request.app[VAULT], visitor_key(request)
    text = request.cookies.get(_cookie_name(vault.base_url))
    if browser is None or not text:
        return None
    return open_arrival(text, key=vault.secrets.forms, visitor=browser, now=vault.clock())


def forget_arrival(request: web.Request, response: web.StreamResponse) -> None:
    base_url = request.app[VAULT].base_url
    secure = base_url.startswith("https:")
    response.del_cookie(_cookie_name(base_url), path="/", secure=secure, httponly=True, samesite="Lax")


def _remember_arrival(request: web.Request, response: web.StreamResponse, arrival: Arrival) -> None:
    vault = request.app[VAULT]
    sealed = seal_arrival(arrival, key=vault.secrets.forms, visitor=visitor_key(request) or "")
    response.set_cookie(
        _cookie_name(vault.base_url),
        sealed,
        max_age=ARRIVAL_SECONDS,
        path="/",
        secure=vault.base_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )


def _cookie_name(base_url: str) -> str:
    return "__Host-arrival" if base_url.startswith("https:") else "arrival"


def _known_level(request: web.Request) -> str:
    level = request.query.get("level", "")
    return level if level in request.app[VAULT].settings.upstream.upstream_levels else ""


def _place_of(errand: Errand) -> str:
    """Where an errand that came to nothing began."""
    match errand.purpose:
        case Purpose.SIGN_IN:
            return way_to(SIGN_IN, errand.onward)
        case Purpose.LINK:
            return ELSEWHERE
        case Purpose.CONFIRM:
            wishes = {"level": errand.level} if errand.level else {}
            return way_to(LEVEL, errand.onward, **(wishes | ({"fresh": "1"} if errand.fresh else {})))


def _once(request: web.Request) -> dict[str, str]:
    pairs = query_pairs(request.rel_url.raw_query_string)
    found = dict(pairs)
    if len(found) != len(pairs):  # RFC 6749 §3.1
        raise Forbidden("upstream-state", "A parameter is there twice.")
    return found
