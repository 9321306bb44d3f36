"""Passkeys: what the one script of the pages asks and answers (JSON), and the pages to list, add, name and remove them.

The script's requests carry the form token of their page in a header, which no other site can send (ATK-03), beside the
browser's word on where they come from. A refusal is a problem document whose `reason` the script has words for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from aiohttp import web

from vault.errors import Conflict, Forbidden, Missing
from vault.identity.accounts import citizen
from vault.identity.authorization import Person
from vault.identity.credentials import Passkey
from vault.identity.levels import reaches
from vault.identity.passkeys import (
    NAME_CHARACTERS,
    Booth,
    add_passkey,
    ask_to_add,
    ask_to_confirm,
    ask_to_sign_in,
    confirm_by_passkey,
    reference,
    remove_passkey,
    rename_passkey,
    sign_in_by_passkey,
)
from vault.identity.sign_in import Opened
from vault.web.forms import require_own_origin, require_token, visitor_key
from vault.web.pages import Problems, locale_of, read_form, render, t
from vault.web.requests import read_json
from vault.web.responses import json_response
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import (
    CONFIRM,
    person_of,
    require_manager,
    require_person,
    require_step_up,
    safe_next,
    session_hash,
    start_session,
    visitor_of,
)

PASSKEYS: Final = "/my/account/passkeys"
TOKEN_HEADER: Final = "X-Form-Token"  # noqa: S105 - the name of a header
_ANSWER_BYTES: Final = 32 * 1024  # an attestation with a chain of certificates stays well below
_T = TypeVar("_T")


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A request for options says nothing but who asks."""


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser made of the options."""

    credential: dict[str, Any]
    next: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey, as its owner sees it."""

    path: str
    name: str
    since: datetime
    last_used: datetime | None
    backed_up: bool


@dataclass(frozen=True, slots=True)
class PasskeysPage:
    """The passkeys of the account; `urge`: nothing but them opens it, and there are no recovery codes."""

    template: ClassVar[str] = "account/passkeys.html"
    nav: ClassVar[str] = "account"
    passkeys: tuple[PasskeyRow, ...]
    urge: bool
    done: str = ""  # added, renamed or removed


@dataclass(frozen=True, slots=True)
class NewPasskeyPage:
    """A passkey is made: on this device, or on another one that the browser reaches."""

    template: ClassVar[str] = "account/passkey-new.html"
    nav: ClassVar[str] = "account"
    script: ClassVar[str] = "passkey.js"
    name: str
    longest: int = NAME_CHARACTERS


@dataclass(frozen=True, slots=True)
class PasskeyPage:
    """One passkey: another name, or away with it."""

    template: ClassVar[str] = "account/passkey.html"
    nav: ClassVar[str] = "account"
    passkey: PasskeyRow
    longest: int = NAME_CHARACTERS
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemovePasskeyPage:
    """Before a passkey goes. `problem`: why it cannot."""

    template: ClassVar[str] = "account/passkey-remove.html"
    nav: ClassVar[str] = "account"
    passkey: PasskeyRow
    problem: str = ""


async def post_sign_in_options(request: web.Request) -> web.Response:
    """A challenge for whoever is at this browser."""
    await from_own_page(request, _Nothing)
    return said(ask_to_sign_in(booth_of(request)))


async def post_sign_in(request: web.Request) -> web.Response:
    """Opens a session for the holder of a passkey."""
    answer = await from_own_page(request, _Answer)
    opened = await sign_in_by_passkey(booth_of(request), answer.credential, replaces=session_hash(request))
    return _let_in(request, opened, answer)


async def post_confirm_options(request: web.Request) -> web.Response:
    """A challenge for one of the passkeys of who is signed in."""
    await from_own_page(request, _Nothing)
    person = await _person(request)
    return said(await ask_to_confirm(booth_of(request), person.session))


async def post_confirm(request: web.Request) -> web.Response:
    """Steps the session up."""
    answer, person = await from_own_page(request, _Answer), await _person(request)
    opened = await confirm_by_passkey(booth_of(request), person.session, answer.credential)
    return _let_in(request, opened, answer)


async def post_new_options(request: web.Request) -> web.Response:
    """What the new passkey has to be like."""
    await from_own_page(request, _Nothing)
    person = await _person(request, manages=True)
    return said(await ask_to_add(booth_of(request), person.session))


async def post_new(request: web.Request) -> web.Response:
    """Adds the passkey that was just made."""
    answer, person = await from_own_page(request, _Answer), await _person(request, manages=True)
    name = _name(answer.name) or t(locale_of(request), "passkeys.unnamed")
    await add_passkey(booth_of(request), person.session, answer.credential, name=name)
    return said({"next": f"{PASSKEYS}?done=added"})


async def get_passkeys(request: web.Request) -> web.Response:
    """The list."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        known = await work.passkeys.of(person.account.id)
        codes = await work.recovery_codes.count(person.account.id)
    done = request.query.get("done", "")
    page = PasskeysPage(
        passkeys=tuple(_row(one) for one in known),
        urge=bool(known) and person.account.password_hash is None and not codes,
        done=done if done in ("added", "renamed", "removed") else "",
    )
    return render(request, page)


async def get_new(request: web.Request) -> web.Response:
    """Where a passkey is made."""
    await require_step_up(request)
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        number = len(await work.passkeys.of(person.account.id)) + 1
    return render(request, NewPasskeyPage(t(locale_of(request), "passkeys.new.suggested", number=number)))


async def get_passkey(request: web.Request) -> web.Response:
    """One of them."""
    return render(request, PasskeyPage(_row(await _passkey(request))))


async def post_passkey(request: web.Request) -> web.Response:
    """Gives it another name."""
    await require_manager(request, back=request.path)
    form, passkey = await read_form(request), await _passkey(request)
    person, name = await require_person(request), _name(form.get("name", ""))
    if not name:
        problems = {"name": t(locale_of(request), "passkeys.name.missing")}
        return render(request, PasskeyPage(_row(passkey), problems=problems), status=422)
    vault = request.app[VAULT]
    async with vault.writing() as work:
        await rename_passkey(work, person.session, passkey.id, name=name, now=vault.clock())
    raise web.HTTPSeeOther(f"{PASSKEYS}?done=renamed")


async def get_remove(request: web.Request) -> web.Response:
    """Asks whether it may go."""
    await require_step_up(request)
    return render(request, RemovePasskeyPage(_row(await _passkey(request))))


async def post_remove(request: web.Request) -> web.Response:
    """Takes it away, unless nothing else opens the account."""
    await read_form(request)
    passkey, person, vault = await _passkey(request), await require_person(request), request.app[VAULT]
    await require_step_up(request, back=request.path)
    try:
        async with vault.writing() as work:
            await remove_passkey(
                work,
                person.session,
                passkey.id,
                settings=vault.settings,
                language=locale_of(request),
                now=vault.clock(),
            )
    except Conflict:
        words = t(locale_of(request), "passkeys.remove.last")
        return render(request, RemovePasskeyPage(_row(passkey), words), status=409)
    raise web.HTTPSeeOther(f"{PASSKEYS}?done=removed")


ROUTES: Final = (
    Route("POST", "/idp/passkey/options", post_sign_in_options, Credentials.VISITOR),
    Route("POST", "/idp/passkey", post_sign_in, Credentials.VISITOR),
    Route("POST", f"{CONFIRM}/passkey/options", post_confirm_options, Credentials.SESSION),
    Route("POST", f"{CONFIRM}/passkey", post_confirm, Credentials.SESSION),
    Route("GET", PASSKEYS, get_passkeys, Credentials.SESSION),
    Route("POST", PASSKEYS, post_new, Credentials.SESSION),
    Route("POST", f"{PASSKEYS}/options", post_new_options, Credentials.SESSION),
    Route("GET", f"{PASSKEYS}/new", get_new, Credentials.SESSION),
    Route("GET", PASSKEYS + "/{passkey:[0-9a-f]{32}}", get_passkey, Credentials.SESSION),
    Route("POST", PASSKEYS + "/{passkey:[0-9a-f]{32}}", post_passkey, Credentials.SESSION),
    Route("GET", PASSKEYS + "/{passkey:[0-9a-f]{32}}/remove", get_remove, Credentials.SESSION),
    Route("POST", PASSKEYS + "/{passkey:[0-9a-f]{32}}/remove", post_remove, Credentials.SESSION),
)


async def from_own_page(request: web.Request, kind: type[_T]) -> _T:
    """The JSON that the script of one of our own pages sent. Raises Forbidden for anybody else's."""
    require_own_origin(request)
    require_token(request, request.headers.get(TOKEN_HEADER, ""))
    return await read_json(request, kind, _ANSWER_BYTES)


def booth_of(request: web.Request) -> Booth:
    """What a ceremony in this browser works with."""
    vault = request.app[VAULT]
    return Booth(
        reading=vault.reading,
        writing=vault.writing,
        replays=vault.replays,
        tries=vault.tries,
        settings=vault.settings,
        key=vault.secrets.forms,
        now=vault.clock(),
        visitor=visitor_of(request),
        browser=visitor_key(request) or "",  # never empty here: the token was made for it
        language=locale_of(request),
    )


async def _person(request: web.Request, *, manages: bool = False) -> Person:
    """Who is signed in, for the script: it cannot be sent to another page. Raises Forbidden with what is missing. Who
    `manages` the account proved a moment ago who they are, at the level that the operator demands."""
    person, vault = await person_of(request), request.app[VAULT]
    if person is None:
        raise Forbidden("signed-out", "Nobody is signed in.")
    found = citizen(person.account, person.session, vault.settings.identity, vault.clock())
    upstream = vault.settings.upstream
    level = reaches(person.session.level, upstream.level_to_manage, upstream.upstream_levels)
    if manages and not (found.stepped_up and level):
        raise Forbidden("step-up", "Prove once more who you are.")
    return person


async def _passkey(request: web.Request) -> Passkey:
    """The passkey of the address, if it is this person's."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        known = await work.passkeys.of(person.account.id)
    found = next((one for one in known if reference(one) == request.match_info["passkey"]), None)
    if found is None:
        raise Missing("passkey", "There is no such passkey.")
    return found


def _row(passkey: Passkey) -> PasskeyRow:
    path = f"{PASSKEYS}/{reference(passkey)}"
    return PasskeyRow(path, passkey.name, passkey.created, passkey.last_used, passkey.backed_up)


def _name(text: str) -> str:
    """One line that can be read."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())[:NAME_CHARACTERS]


def _let_in(request: web.Request, opened: Opened, answer: _Answer) -> web.Response:
    response = said({"next": safe_next(answer.next)})
    start_session(request, response, opened)
    return response


def said(data: object) -> web.Response:
    """An answer to the script; never stored."""
    return json_response(data, headers={"Cache-Control": "no-store"})
