"""Programs of an account, on pages: an organisation makes credentials for its software, renews them, and ends them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Conflict, Missing, OAuthRefusal
from vault.identity.clients import Client, ClientAuth
from vault.identity.programs import (
    MOST,
    NAME_CHARACTERS,
    OVERLAPS,
    add_program,
    programs_of,
    replace_keys,
    revoke_program,
    rotate_secret,
    written_keys,
)
from vault.identity.register import Registered
from vault.identity.sign_in import standing_account
from vault.identity.tokens import digest
from vault.values import WebId
from vault.web.forms import Form
from vault.web.pages import Problems, locale_of, read_form, render, t
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_person, require_step_up

PROGRAMS: Final = "/my/account/programs"
_NEW: Final = f"{PROGRAMS}/new"
_DAYS: Final = {str(overlap.days): overlap for overlap in OVERLAPS}


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """A program, as its owner sees it. `former_until`: a former secret counts until then."""

    path: str
    id: str
    name: str
    webid: str
    since: datetime
    last_used: datetime | None
    by_key: bool
    keys_at: str | None  # where its keys are fetched from; None where it has its own list
    former_until: datetime | None


@dataclass(frozen=True, slots=True)
class ProgramsPage:
    """The programs of the account that are not revoked."""

    template: ClassVar[str] = "account/programs.html"
    nav: ClassVar[str] = "account"
    programs: tuple[ProgramRow, ...]
    full: bool
    most: int = MOST
    done: str = ""  # keys or revoked


@dataclass(frozen=True, slots=True)
class NewProgramPage:
    """What a new program is called, as whom it acts, and how it proves itself."""

    template: ClassVar[str] = "account/program-new.html"
    nav: ClassVar[str] = "account"
    webids: tuple[str, ...]
    name: str = ""
    webid: str = ""
    by_key: bool = False
    keys: str = ""
    longest: int = NAME_CHARACTERS
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProgramPage:
    """One program: another secret, or other keys."""

    template: ClassVar[str] = "account/program.html"
    nav: ClassVar[str] = "account"
    program: ProgramRow
    keys: str = ""
    days: tuple[str, ...] = tuple(_DAYS)
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CredentialsPage:
    """What the program needs to sign in; a secret is shown this once."""

    template: ClassVar[str] = "account/program-credentials.html"
    nav: ClassVar[str] = "account"
    program: ProgramRow
    secret: str | None
    issuer: str
    back: str = PROGRAMS


@dataclass(frozen=True, slots=True)
class RevokeProgramPage:
    """Before a program ends."""

    template: ClassVar[str] = "account/program-revoke.html"
    nav: ClassVar[str] = "account"
    program: ProgramRow


async def get_programs(request: web.Request) -> web.Response:
    """The list."""
    person, done = await require_person(request), request.query.get("done", "")
    async with request.app[VAULT].reading() as work:
        known = await programs_of(work, person.account)
    rows = tuple(_row(one, person.account.webid) for one in known)
    return render(request, ProgramsPage(rows, full=len(rows) >= MOST, done=done if done in ("keys", "revoked") else ""))


async def get_new(request: web.Request) -> web.Response:
    """Where one is made."""
    await require_step_up(request)
    return await _new_page(request, Form([]))


async def post_new(request: web.Request) -> web.Response:
    """Makes it, and shows its credentials."""
    form, vault = await read_form(request), request.app[VAULT]
    await require_step_up(request, back=_NEW)
    person, name = await require_person(request), form.text("name", limit=NAME_CHARACTERS)
    if not name:
        words = {"name": t(locale_of(request), "programs.name.missing")}
        return await _new_page(request, form, problems=words, status=422)
    try:
        async with vault.writing() as work:
            account = await standing_account(work, person.session)
            made = await add_program(
                work,
                account,
                name=name,
                webid=WebId(form.get("webid") or account.webid),
                keys=written_keys(form.get("keys", "")) if form.get("way") == "key" else None,
                now=vault.clock(),
            )
    except OAuthRefusal as refusal:
        return await _new_page(request, form, problems=_bad_keys(request, refusal), status=422)
    except Conflict:
        raise web.HTTPSeeOther(PROGRAMS) from None  # which says how many there may be
    return _credentials(request, made, account.webid)


async def get_program(request: web.Request) -> web.Response:
    """One of them."""
    client, row = await _program(request)
    return render(request, ProgramPage(row, keys=_shown_keys(client)))


async def post_secret(request: web.Request) -> web.Response:
    """Another secret; the former one counts for as long as was chosen."""
    form, vault, (client, row) = await read_form(request), request.app[VAULT], await _program(request)
    await require_step_up(request, back=row.path)
    person, overlap = await require_person(request), _DAYS.get(form.get("days", ""))
    if overlap is None:
        words = {"days-0": t(locale_of(request), "programs.days.missing")}
        return render(request, ProgramPage(row, problems=words), status=422)
    async with vault.writing() as work:
        account = await standing_account(work, person.session)
        made = await rotate_secret(work, account, client.id, overlap=overlap, now=vault.clock())
    return _credentials(request, made, account.webid)


async def post_keys(request: web.Request) -> web.Response:
    """Other keys."""
    form, vault, (client, row) = await read_form(request), request.app[VAULT], await _program(request)
    await require_step_up(request, back=row.path)
    person = await require_person(request)
    try:
        async with vault.writing() as work:
            account = await standing_account(work, person.session)
            await replace_keys(work, account, client.id, keys=written_keys(form.get("keys", "")), now=vault.clock())
    except OAuthRefusal as refusal:
        page = ProgramPage(row, keys=form.get("keys", ""), problems=_bad_keys(request, refusal))
        return render(request, page, status=422)
    raise web.HTTPSeeOther(f"{PROGRAMS}?done=keys")


async def get_revoke(request: web.Request) -> web.Response:
    """Asks whether it may end."""
    await require_step_up(request)
    return render(request, RevokeProgramPage((await _program(request))[1]))


async def post_revoke(request: web.Request) -> web.Response:
    """Ends it, and its tokens with it (VEC-T28)."""
    await read_form(request)
    vault, (client, row) = request.app[VAULT], await _program(request)
    await require_step_up(request, back=f"{row.path}/revoke")
    person = await require_person(request)
    async with vault.writing() as work:
        account = await standing_account(work, person.session)
        await revoke_program(work, account, client.id, now=vault.clock())
    raise web.HTTPSeeOther(f"{PROGRAMS}?done=revoked")


_ONE: Final = PROGRAMS + "/{program:[0-9a-f]{32}}"

ROUTES: Final = (
    Route("GET", PROGRAMS, get_programs, Credentials.SESSION),
    Route("GET", _NEW, get_new, Credentials.SESSION),
    Route("POST", _NEW, post_new, Credentials.SESSION),
    Route("GET", _ONE, get_program, Credentials.SESSION),
    Route("POST", f"{_ONE}/secret", post_secret, Credentials.SESSION),
    Route("POST", f"{_ONE}/keys", post_keys, Credentials.SESSION),
    Route("GET", f"{_ONE}/revoke", get_revoke, Credentials.SESSION),
    Route("POST", f"{_ONE}/revoke", post_revoke, Credentials.SESSION),
)


async def _program(request: web.Request) -> tuple[Client, ProgramRow]:
    """The program of the address, if it is this account's. Raises Missing."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        known = await programs_of(work, person.account)
    found = next((one for one in known if _reference(one) == request.match_info["program"]), None)
    if found is None:
        raise Missing("program", "There is no such program.")
    return found, _row(found, person.account.webid)


async def _new_page(
    request: web.Request, form: Form, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        webids = tuple(await work.accounts.webids(person.account.id))
    page = NewProgramPage(
        webids,
        name=form.text("name", limit=NAME_CHARACTERS),
        webid=form.get("webid") or webids[0],
        by_key=form.get("way") == "key",
        keys=form.get("keys", ""),
        problems=problems or {},
    )
    return render(request, page, status=status)


def _credentials(request: web.Request, made: Registered, webid: WebId) -> web.Response:
    secret = None if made.secret is None else made.secret.reveal()
    return render(request, CredentialsPage(_row(made.client, webid), secret, request.app[VAULT].base_url))


def _shown_keys(client: Client) -> str:
    if client.jwks_uri is not None:
        return client.jwks_uri
    return json.dumps({"keys": client.jwks}, indent=1) if client.jwks else ""


def _bad_keys(request: web.Request, refusal: OAuthRefusal) -> Problems:
    return {"keys": t(locale_of(request), "programs.keys.wrong", why=refusal.detail)}


def _row(client: Client, first: WebId) -> ProgramRow:
    return ProgramRow(
        path=f"{PROGRAMS}/{_reference(client)}",
        id=client.id,
        name=client.name,
        webid=client.webid or first,
        since=client.created,
        last_used=client.last_used,
        by_key=client.auth is ClientAuth.PRIVATE_KEY,
        keys_at=client.jwks_uri,
        former_until=client.former_until,
    )


def _reference(client: Client) -> str:
    """What stands in the address: an id may hold what an address cannot."""
    return digest(client.id)[:32]
