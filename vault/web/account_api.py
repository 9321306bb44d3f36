"""The account API: what tools need of an account, as JSON, in the shape of version 0.5 that the Community Solid Server
has (its release 7), so that tools written for that work here too.

Every answer carries `controls`: where to go on, as far as the one who asks may. A token comes in the Authorization
header and nowhere else; cookies are neither read nor set (CO-10). Changes need a token that was given a moment ago, as
the pages ask for the password again, and the level of assurance that the operator demands for managing an account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from vault.errors import Conflict, Forbidden, Malformed, Missing, Unauthenticated
from vault.identity.accounts import SessionKind
from vault.identity.levels import reaches
from vault.identity.sign_in import change_password, sign_in, sign_out
from vault.identity.tools import (
    Holder,
    Newcomer,
    choose_password,
    holder_of,
    join,
    may_join,
    newcomer_of,
)
from vault.ports import Vault
from vault.values import Secret
from vault.web.requests import read_json
from vault.web.responses import ACCOUNT_SCHEME, json_response
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import visitor_of

API: Final = "/.account/"
ACCOUNT: Final = API + "account/{account:[0-9a-f]{32}}/"
_VERSION: Final = "0.5"
BODY_BYTES: Final = 16 * 1024
_OWN: Final = "login/password/own/"  # an account has one password; this is its place


class _Login(msgspec.Struct):
    email: str
    password: str


class _Passwords(msgspec.Struct):
    oldPassword: str
    newPassword: str


async def get_index(request: web.Request) -> web.Response:
    """Where everything is; more of it for who is signed in."""
    who = await _who(request) if hdrs.AUTHORIZATION in request.headers else None
    return said(request, {}, who)


async def get_logins(request: web.Request) -> web.Response:
    """The ways to sign in here. Passkeys and other providers are for browsers."""
    return said(request, {"logins": {"Email/password combination": url(request, "login/password/")}})


async def get_login(request: web.Request) -> web.Response:
    """What a sign-in is made of."""
    return said(request, fields(email="string", password="string"))  # noqa: S106 - the type of a field


async def post_login(request: web.Request) -> web.Response:
    """A token for an address and its password: counted, refused and timed as on the page (ATK-29)."""
    vault, login = request.app[VAULT], await read_json(request, _Login, BODY_BYTES)
    opened = await sign_in(
        reading=vault.reading,
        writing=vault.writing,
        tries=vault.tries,
        email=login.email,
        password=Secret(login.password),
        visitor=visitor_of(request),
        settings=vault.settings,
        now=vault.clock(),
        kind=SessionKind.TOOL,
    )
    who = await _holder(request, opened.cookie)
    return said(request, {"authorization": opened.cookie.reveal()}, who)


async def post_account(request: web.Request) -> web.Response:
    """The first step of a new account."""
    vault = request.app[VAULT]
    newcomer = await join(
        writing=vault.writing,
        tries=vault.tries,
        visitor=visitor_of(request),
        settings=vault.settings,
        now=vault.clock(),
    )
    return said(request, {"authorization": newcomer.token.reveal()}, newcomer)


async def post_logout(request: web.Request) -> web.Response:
    """The token ends."""
    who, vault = await account(request), request.app[VAULT]
    async with vault.writing() as work:
        await sign_out(work, who.session, now=vault.clock())
    return said(request, {})


async def get_passwords(request: web.Request) -> web.Response:
    """Whether there is a password, and where it is changed."""
    who = await either(request)
    logins = {}
    if isinstance(who, Holder) and who.account.password_hash is not None:
        logins = {who.account.email: url(request, _OWN, who)}
    return said(request, {**fields(email="string", password="string"), "passwordLogins": logins}, who)  # noqa: S106


async def post_password(request: web.Request) -> web.Response:
    """A newcomer's e-mail address and password. Who has an account chooses a first password on its page."""
    who, vault = await either(request), request.app[VAULT]
    login = await read_json(request, _Login, BODY_BYTES)
    if isinstance(who, Holder):
        raise Conflict(
            "password-known", "This account has its e-mail address already; a password is chosen on its page."
        )
    await choose_password(
        who,
        email=login.email,
        password=Secret(login.password),
        writing=vault.writing,
        settings=vault.settings,
        now=vault.clock(),
    )
    return said(request, {"resource": url(request, _OWN, who)}, who)


async def get_password(request: web.Request) -> web.Response:
    """What changing it takes."""
    who = await account(request)
    return said(request, fields(oldPassword="string", newPassword="string"), who)


async def post_new_password(request: web.Request) -> web.Response:
    """Another password; as on the page, everything that was signed in ends, and one new token goes on."""
    who, vault = await account(request), request.app[VAULT]
    _require_level(vault, who)
    given = await read_json(request, _Passwords, BODY_BYTES)
    opened = await change_password(
        reading=vault.reading,
        writing=vault.writing,
        tries=vault.tries,
        session=who.session,
        old=Secret(given.oldPassword),
        new=Secret(given.newPassword),
        visitor=visitor_of(request),
        settings=vault.settings,
        now=vault.clock(),
    )
    return said(request, {"authorization": opened.cookie.reveal()}, who)


ROUTES: Final = (
    Route("GET", API, get_index, Credentials.ACCOUNT),
    Route("GET", API + "login/", get_logins, Credentials.ACCOUNT),
    Route("GET", API + "login/password/", get_login, Credentials.ACCOUNT),
    Route("POST", API + "login/password/", post_login, Credentials.ACCOUNT),
    Route("POST", API + "account/", post_account, Credentials.ACCOUNT),
    Route("POST", ACCOUNT + "logout/", post_logout, Credentials.ACCOUNT),
    Route("GET", ACCOUNT + "login/password/", get_passwords, Credentials.ACCOUNT),
    Route("POST", ACCOUNT + "login/password/", post_password, Credentials.ACCOUNT),
    Route("GET", ACCOUNT + _OWN, get_password, Credentials.ACCOUNT),
    Route("POST", ACCOUNT + _OWN, post_new_password, Credentials.ACCOUNT),
)


async def either(request: web.Request) -> Holder | Newcomer:
    """Whose token this is, if the address is that of their own account. Raises Unauthenticated, and Missing for the
    address of another account, whether or not there is one (ATK-29)."""
    who = await _who(request)
    mine = who.account.id if isinstance(who, Holder) else who.id
    if request.match_info["account"] != mine:
        raise Missing("account", "There is no such account.")
    return who


async def account(request: web.Request) -> Holder:
    """The same, for what a newcomer does not have yet."""
    who = await either(request)
    if isinstance(who, Newcomer):
        raise Forbidden("newcomer", "First choose a password and make a pod.")
    return who


async def manager(request: web.Request) -> Holder:
    """The same, to change something."""
    who = await account(request)
    require_manager(request.app[VAULT], who)
    return who


def require_manager(vault: Vault, who: Holder) -> None:
    """Raises Forbidden for a token that was given too long ago, or without the level asked for."""
    _require_level(vault, who)
    lasts = timedelta(seconds=vault.settings.identity.step_up_seconds)
    if vault.clock() >= who.session.authenticated_at + lasts:
        raise Forbidden("step-up", "Sign in again before changing this.")


def said(request: web.Request, data: Mapping[str, Any], who: Holder | Newcomer | None = None) -> web.Response:
    """An answer with its controls. Never stored: tokens and secrets are told in some of them."""
    answer = {**data, "controls": _controls(request, who), "version": _VERSION}
    return json_response(answer, headers={"Cache-Control": "no-store"})


def url(request: web.Request, path: str, who: Holder | Newcomer | None = None) -> str:
    """An address of the API; with `who`, one below their account."""
    below = API[1:] if who is None else f"{API[1:]}account/{who.account.id if isinstance(who, Holder) else who.id}/"
    return f"{request.app[VAULT].base_url}{below}{path}"


def fields(*, optional: tuple[str, ...] = (), **kinds: str) -> dict[str, Any]:
    """What may be sent here: the type of each member, and whether it is needed."""
    return {"fields": {name: {"required": name not in optional, "type": kind} for name, kind in kinds.items()}}


def _controls(request: web.Request, who: Holder | Newcomer | None) -> dict[str, Any]:
    base = request.app[VAULT].base_url
    found: dict[str, dict[str, Any]] = {
        "main": {"index": url(request, ""), "logins": url(request, "login/")},
        "password": {"login": url(request, "login/password/")},
        "account": {},
        "html": {"main": {"login": f"{base}idp/login"}, "account": {"account": f"{base}my/account"}},
    }
    if may_join(request.app[VAULT].settings):
        found["account"]["create"] = url(request, "account/")
    if who is not None:
        found["password"]["create"] = url(request, "login/password/", who)
        found["account"]["pod"] = url(request, "pod/", who)
    if isinstance(who, Holder):
        for name, path in (("logout", "logout/"), ("webId", "webid/"), ("clientCredentials", "client-credentials/")):
            found["account"][name] = url(request, path, who)
    return {name: part for name, part in found.items() if part}


async def _who(request: web.Request) -> Holder | Newcomer:
    token = _token(request)
    newcomer = await newcomer_of(token, reading=request.app[VAULT].reading, now=request.app[VAULT].clock())
    return newcomer or await _holder(request, token)


async def _holder(request: web.Request, token: Secret) -> Holder:
    vault = request.app[VAULT]
    return await holder_of(
        token, reading=vault.reading, writing=vault.writing, settings=vault.settings, now=vault.clock()
    )


def _token(request: web.Request) -> Secret:
    values = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(values) > 1:
        raise Malformed("invalid_request", "A request has one Authorization header.")
    scheme, _, token = (values[0] if values else "").strip().partition(" ")
    if scheme.lower() != ACCOUNT_SCHEME.lower() or not token or len(token) > 128 or not token.isascii():
        raise Unauthenticated("account-token", "This needs the token of somebody who is signed in.")
    return Secret(token.strip())


def _require_level(vault: Vault, who: Holder) -> None:
    upstream = vault.settings.upstream
    if not reaches(who.session.level, upstream.level_to_manage, upstream.upstream_levels):
        raise Forbidden("level", "Accounts are managed here by those whom another provider vouched for: on the pages.")
