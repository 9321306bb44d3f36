"""Recovery codes: making them, signing in with one, and the pages that lead on from there: a password without the old
one, and an account without any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Conflict, Forbidden, TooMany, Unprocessable
from vault.identity.recovery import (
    choose_password,
    make_codes,
    may_choose_password,
    password_can_go,
    remove_password,
    sign_in_by_code,
)
from vault.values import Secret
from vault.web.pages import Problems, later, locale_of, new_password, password_words, read_form, render, t, wait_words
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import (
    CONFIRM,
    require_manager,
    require_person,
    require_step_up,
    safe_next,
    session_hash,
    start_session,
    visitor_of,
    way_to,
)

RECOVER: Final = "/idp/recover"
RECOVERY: Final = "/my/account/recovery"
RECOVERED: Final = "/my/account/recovered"
NEW_PASSWORD: Final = "/my/account/new-password"  # noqa: S105 - a path
NO_PASSWORD: Final = "/my/account/no-password"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class RecoveryPage:
    """How many codes are left, and the way to new ones. `onward`: where somebody was going who is offered them on the
    way, or empty; `new`: the account was just opened with a passkey."""

    template: ClassVar[str] = "account/recovery.html"
    nav: ClassVar[str] = "account"
    left: int
    onward: str
    new: bool


@dataclass(frozen=True, slots=True)
class RecoveryCodesPage:
    """The codes, this once: to be printed or copied."""

    template: ClassVar[str] = "account/recovery-codes.html"
    nav: ClassVar[str] = "account"
    codes: tuple[str, ...]
    email: str
    made: datetime
    address: str  # where they are used
    onward: str
    back: str = RECOVERY


@dataclass(frozen=True, slots=True)
class RecoverPage:
    """E-mail address and a code."""

    template: ClassVar[str] = "account/recover.html"
    onward: str
    email: str
    back: str
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecoveredPage:
    """A code was used: what to do now, so that the next sign-in needs none."""

    template: ClassVar[str] = "account/recovered.html"
    nav: ClassVar[str] = "account"
    left: int
    onward: str


@dataclass(frozen=True, slots=True)
class NewPasswordPage:
    """A password, where there is none or nobody remembers it."""

    template: ClassVar[str] = "account/new-password.html"
    nav: ClassVar[str] = "account"
    email: str
    back: str = NEW_PASSWORD
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoPasswordPage:
    """An account without a password; `possible` once a passkey and codes are there."""

    template: ClassVar[str] = "account/no-password.html"
    nav: ClassVar[str] = "account"
    has_password: bool
    possible: bool
    done: bool = False


async def get_recover(request: web.Request) -> web.Response:
    """The page for those who lost what they sign in with."""
    return _recover_page(request, safe_next(request.query.get("next", "")))


async def post_recover(request: web.Request) -> web.StreamResponse:
    """Opens a session for a code. The same words for an unknown address, a wrong code and a used one (ATK-29)."""
    form, vault = await read_form(request), request.app[VAULT]
    onward, email = safe_next(form.get("next", "")), form.text("email", limit=254)
    try:
        recovered = await sign_in_by_code(
            reading=vault.reading,
            writing=vault.writing,
            tries=vault.tries,
            email=email,
            code=Secret(form.text("code")),
            visitor=visitor_of(request),
            settings=vault.settings,
            language=locale_of(request),
            now=vault.clock(),
            replaces=session_hash(request),
        )
    except Forbidden:
        words = {"code": t(locale_of(request), "recovery.refused")}
        return _recover_page(request, onward, email=email, problems=words, status=403)
    except TooMany as refusal:
        page = _recover_page(request, onward, email=email, problems=wait_words(request, "code"), status=429)
        return later(page, refusal)
    response = web.HTTPSeeOther(way_to(RECOVERED, onward))
    start_session(request, response, recovered)
    raise response


async def get_recovered(request: web.Request) -> web.Response:
    """How many are left, and what to set up now."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        left = await work.recovery_codes.count(person.account.id)
    return render(request, RecoveredPage(left, safe_next(request.query.get("next", ""))))


async def get_recovery(request: web.Request) -> web.Response:
    """Where codes are made."""
    await require_step_up(request)
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        left = await work.recovery_codes.count(person.account.id)
    return render(request, RecoveryPage(left, _onward(request.query), "new" in request.query))


async def post_recovery(request: web.Request) -> web.Response:
    """Makes ten codes and shows them; they stand nowhere else."""
    onward = _onward(await read_form(request))
    await require_step_up(request, back=way_to(RECOVERY, onward) if onward else RECOVERY)
    person, vault = await require_person(request), request.app[VAULT]
    now = vault.clock()
    async with vault.writing() as work:
        codes = await make_codes(work, person.session, settings=vault.settings, language=locale_of(request), now=now)
    page = RecoveryCodesPage(codes, person.account.email, now, f"{vault.base_url}{RECOVER[1:]}", onward)
    return render(request, page)


async def get_new_password(request: web.Request) -> web.Response:
    """For those who need not give the old one; the others go to the page where it is asked."""
    await require_manager(request)
    person, vault = await require_person(request), request.app[VAULT]
    if not may_choose_password(person.account, person.session, settings=vault.settings, now=vault.clock()):
        has_one = person.account.password_hash is not None
        raise web.HTTPSeeOther("/idp/password" if has_one else way_to(CONFIRM, NEW_PASSWORD))
    return render(request, NewPasswordPage(person.account.email))


async def post_new_password(request: web.Request) -> web.StreamResponse:
    """Sets the password and signs every other browser and every app out."""
    await require_manager(request, back=NEW_PASSWORD)
    form, vault, person = await read_form(request), request.app[VAULT], await require_person(request)
    try:
        opened = await choose_password(
            reading=vault.reading,
            writing=vault.writing,
            session=person.session,
            new=new_password(form),
            visitor=visitor_of(request),
            settings=vault.settings,
            language=locale_of(request),
            now=vault.clock(),
        )
    except Unprocessable as refusal:
        page = NewPasswordPage(person.account.email, problems=password_words(request, refusal))
        return render(request, page, status=422)
    except Forbidden:
        raise web.HTTPSeeOther(NEW_PASSWORD) from None  # it says where to go first
    response = web.HTTPSeeOther("/idp/password?done=1")
    start_session(request, response, opened)
    raise response


async def get_no_password(request: web.Request) -> web.Response:
    """Says what is needed before the password can go."""
    await require_step_up(request)
    return await _no_password_page(request, done="done" in request.query)


async def post_no_password(request: web.Request) -> web.Response:
    """Removes the password."""
    await read_form(request)
    await require_step_up(request, back=NO_PASSWORD)
    person, vault = await require_person(request), request.app[VAULT]
    try:
        async with vault.writing() as work:
            await remove_password(
                work, person.session, settings=vault.settings, language=locale_of(request), now=vault.clock()
            )
    except Conflict:
        return await _no_password_page(request, status=409)
    raise web.HTTPSeeOther(f"{NO_PASSWORD}?done=1")


ROUTES: Final = (
    Route("GET", RECOVER, get_recover, Credentials.VISITOR),
    Route("POST", RECOVER, post_recover, Credentials.VISITOR),
    Route("GET", RECOVERED, get_recovered, Credentials.SESSION),
    Route("GET", RECOVERY, get_recovery, Credentials.SESSION),
    Route("POST", RECOVERY, post_recovery, Credentials.SESSION),
    Route("GET", NEW_PASSWORD, get_new_password, Credentials.SESSION),
    Route("POST", NEW_PASSWORD, post_new_password, Credentials.SESSION),
    Route("GET", NO_PASSWORD, get_no_password, Credentials.SESSION),
    Route("POST", NO_PASSWORD, post_no_password, Credentials.SESSION),
)


def _onward(said: Mapping[str, str]) -> str:
    """Where somebody is going to; empty when that is nowhere in particular."""
    return safe_next(said["next"]) if said.get("next") else ""


def _recover_page(
    request: web.Request, onward: str, *, email: str = "", problems: Problems | None = None, status: int = 200
) -> web.Response:
    page = RecoverPage(onward, email, way_to(RECOVER, onward), problems or {})
    return render(request, page, status=status)


async def _no_password_page(request: web.Request, *, done: bool = False, status: int = 200) -> web.Response:
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        possible = await password_can_go(work, person.account)
    has_password = person.account.password_hash is not None
    return render(request, NoPasswordPage(has_password, possible, done and not has_password), status=status)
