"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): an app asks that the person be signed out here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from vault.errors import OAuthRefusal
from vault.identity.authorization import Person
from vault.identity.claims import read_id_hint
from vault.identity.clients import Client
from vault.identity.prove import find_client
from vault.identity.sign_in import sign_out
from vault.values import ClientId, WebId
from vault.web.consenting import to_client
from vault.web.forms import FIELD, require_own_origin, require_token
from vault.web.oidc import END_SESSION, posted, query_pairs
from vault.web.pages import render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import end_session, person_of, redirect_targets
from vault.web.signing_out import SIGNED_OUT, signed_out


@dataclass(frozen=True, slots=True)
class SignOutPage:
    """Shall the person be signed out? Asked where the app cannot prove that it speaks of this person."""

    template: ClassVar[str] = "account/sign-out.html"
    email: str
    resume: tuple[tuple[str, str], ...]
    back: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the app asks, as far as it holds."""

    parameters: Mapping[str, str]
    client: Client | None
    about: WebId | None  # whom the app's ID token names
    target: str  # where the browser goes afterwards


async def get_end_session(request: web.Request) -> web.StreamResponse:
    """With an ID token of the signed-in person as its hint, the app has what nobody else has, and the sign-out happens
    at once; otherwise the person is asked (ATK-03)."""
    asked = await _read(request, dict(query_pairs(request.rel_url.raw_query_string)))
    person = await person_of(request)
    if person is None and asked.about is None:
        # §3: without a hint and without anybody to confirm it, no legitimate reason to lead a browser away; a stranger
        # can register an address for that (RFC 9700 §4.11.2).
        asked = replace(asked, target=SIGNED_OUT)
    if person is None or asked.about == person.account.webid:
        return await _signed_out(request, asked, person)
    resume = tuple((name, value) for name, value in asked.parameters.items() if name in _KEPT)
    page = SignOutPage(person.account.email, resume, f"{END_SESSION}?{urlencode(resume)}")
    targets = redirect_targets({"redirect_uri": asked.target}) if asked.target != SIGNED_OUT else ()
    return render(request, page, forms_to=targets)


async def post_end_session(request: web.Request) -> web.StreamResponse:
    """Our own page's answer, or an app's request by form, which comes back as a GET so that the browser brings its
    session along."""
    fields = dict(await posted(request))
    if FIELD not in fields:
        raise web.HTTPSeeOther(f"{END_SESSION}?{urlencode(fields)}")
    require_own_origin(request)
    require_token(request, fields[FIELD])
    asked = await _read(request, fields)
    return await _signed_out(request, asked, await person_of(request))


ROUTES: Final = (
    Route("GET", END_SESSION, get_end_session, Credentials.VISITOR),
    Route("POST", END_SESSION, post_end_session, Credentials.VISITOR),
)

_KEPT = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


async def _read(request: web.Request, parameters: Mapping[str, str]) -> _Asked:
    vault, hint = request.app[VAULT], parameters.get("id_token_hint", "")
    named = read_id_hint(hint, vault.keys.public_keys(), own_issuer=vault.base_url, limits=vault.settings.limits)
    said = ClientId(parameters.get("client_id", ""))
    if named is not None and said not in ("", named[1]):  # §2: "the OP MUST verify that the Client Identifier matches"
        named, said = None, ClientId("")
    client_id = named[1] if named is not None else said
    try:
        client = await find_client(client_id, reading=vault.reading, issuers=vault.issuers) if client_id else None
    except OAuthRefusal:
        client = None
    target = SIGNED_OUT
    wanted = parameters.get("post_logout_redirect_uri")
    if client is not None and wanted is not None and wanted in client.post_logout_redirect_uris:  # VEC-R23
        state = parameters.get("state")
        tail = urlencode({"state": state}) if state is not None else ""
        target = f"{wanted}{'&' if '?' in wanted else '?'}{tail}" if tail else wanted
    return _Asked(parameters, client, named[0] if named is not None else None, target)


async def _signed_out(request: web.Request, asked: _Asked, person: Person | None) -> web.Response:
    vault = request.app[VAULT]
    if person is not None:
        async with vault.writing() as work:
            await sign_out(work, person.session, now=vault.clock())
            if asked.client is not None:  # VEC-F05: what this app still held ends with the session
                await work.refresh_tokens.end_for(person.account.id, asked.client.id)
    response = to_client(asked.target if asked.target != SIGNED_OUT else signed_out(vault, person))
    end_session(request, response)
    return response
