"""The account pages: sign in, sign up, sign out, the password again, another password."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Conflict, Forbidden, Malformed, Refusal, TooMany, Unprocessable
from vault.identity.accounts import check_new_password, parse_email
from vault.identity.sign_in import (
    change_password,
    confirm_password,
    count_sign_up,
    create_account,
    hashed,
    open_session,
    sign_in,
    sign_out,
)
from vault.solid.provision import create_pod
from vault.values import PodName, Secret, parse_pod_name
from vault.web.forms import Form
from vault.web.pages import locale_of, read_form, render, t
from vault.web.recovering import NEW_PASSWORD
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import (
    SIGN_IN,
    end_session,
    form_targets,
    person_of,
    require_citizen,
    require_manager,
    require_person,
    safe_next,
    session_hash,
    signs_in_elsewhere,
    start_session,
    visitor_of,
    way_to,
)

Problems = dict[str, str]  # field → what is wrong with it, in the visitor's language

SIGN_UP: Final = "/idp/signup"
SIGNED_OUT: Final = "/idp/signed-out"


@dataclass(frozen=True, slots=True)
class SignInPage:
    """E-mail address and password; `app` when an app is what brought the visitor here."""

    template: ClassVar[str] = "account/sign-in.html"
    script: ClassVar[str] = "passkey.js"
    onward: str
    email: str
    open_to_all: bool
    app: bool
    back: str
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignUpPage:
    """A new account with its pod."""

    template: ClassVar[str] = "account/sign-up.html"
    onward: str
    name: str
    email: str
    pod: str
    base_url: str
    back: str
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """A passkey or the password once more, before something sensitive: what the account has of them."""

    template: ClassVar[str] = "account/confirm.html"
    script: ClassVar[str] = "passkey.js"
    onward: str
    email: str
    back: str
    has_passkey: bool
    has_password: bool
    elsewhere: bool  # she may prove it at the other provider too
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PasswordPage:
    """Another password."""

    template: ClassVar[str] = "account/password.html"
    nav: ClassVar[str] = "account"
    email: str
    done: bool = False
    back: str = "/idp/password"
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedOutPage:
    """The last page of a session."""

    template: ClassVar[str] = "account/signed-out.html"


async def get_sign_in(request: web.Request) -> web.StreamResponse:
    """The sign-in page; somebody who is signed in goes straight on, unless another sign-in is what is asked for."""
    onward = safe_next(request.query.get("next", ""))
    if "again" not in request.query and await person_of(request) is not None:
        raise web.HTTPSeeOther(onward)
    return _sign_in_page(request, onward)


async def post_sign_in(request: web.Request) -> web.StreamResponse:
    """Opens a session. The same words for an unknown address and a wrong password (ATK-29)."""
    form, vault = await read_form(request), request.app[VAULT]
    onward, email = safe_next(form.get("next", "")), form.text("email", limit=254)
    try:
        opened = await sign_in(
            reading=vault.reading,
            writing=vault.writing,
            tries=vault.tries,
            email=email,
            password=Secret(form.get("password", "")),
            visitor=visitor_of(request),
            settings=vault.settings,
            now=vault.clock(),
            replaces=session_hash(request),
        )
    except Forbidden:
        words = t(locale_of(request), "account.sign-in.refused")
        return _sign_in_page(request, onward, email=email, problems={"email": words}, status=403)
    except TooMany as refusal:
        page = _sign_in_page(request, onward, email=email, problems=_wait(request), status=429)
        return _later(page, refusal)
    response = web.HTTPSeeOther(onward)
    start_session(request, response, opened)
    raise response


async def post_sign_out(request: web.Request) -> web.StreamResponse:
    """Ends the session of this browser."""
    await read_form(request)
    person, vault = await person_of(request), request.app[VAULT]
    if person is not None:
        async with vault.writing() as work:
            await sign_out(work, person.session, now=vault.clock())
    response = web.HTTPSeeOther(SIGNED_OUT)
    end_session(request, response)
    raise response


async def get_signed_out(request: web.Request) -> web.StreamResponse:
    """Says that nobody is signed in any more."""
    return render(request, SignedOutPage())


async def get_sign_up(request: web.Request) -> web.StreamResponse:
    """The sign-up page, where the operator lets everybody in."""
    _require_open(request)
    return _sign_up_page(request, safe_next(request.query.get("next", "")), Form([]))


async def post_sign_up(request: web.Request) -> web.StreamResponse:
    """An account, its pod and a session."""
    _require_open(request)
    form, vault = await read_form(request), request.app[VAULT]
    onward, visitor, now = safe_next(form.get("next", "")), visitor_of(request), vault.clock()
    email, name, password = form.text("email"), form.text("name", limit=100), Secret(form.get("password", ""))
    problems = _sign_up_problems(request, form)
    if problems:
        return _sign_up_page(request, onward, form, problems=problems, status=422)
    try:
        await count_sign_up(vault.tries, visitor=visitor, settings=vault.settings, now=now)
        kept = await hashed(password, settings=vault.settings)
        async with vault.writing() as work:
            account = await create_account(
                work,
                email=email,
                password=kept,
                pod=parse_pod_name(form.text("pod")),
                display_name=name,
                create_pod=partial(create_pod, work),
                settings=vault.settings,
                now=now,
            )
            opened = await open_session(work, account, visitor=visitor, now=now, replaces=session_hash(request))
    except Conflict:
        # One answer for both: it does not say whose address is known here.
        words = t(locale_of(request), "account.sign-up.taken")
        return _sign_up_page(request, onward, form, problems={"email": words}, status=409)
    except TooMany as refusal:
        return _later(_sign_up_page(request, onward, form, problems=_wait(request), status=429), refusal)
    response = web.HTTPSeeOther(onward)
    start_session(request, response, opened)
    raise response


async def get_confirm(request: web.Request) -> web.StreamResponse:
    """Asks for the password once more."""
    await require_citizen(request)
    return await _confirm_page(request, safe_next(request.query.get("next", "")))


async def post_confirm(request: web.Request) -> web.StreamResponse:
    """Steps the session up, under a new cookie value (ATK-02)."""
    await require_citizen(request)
    form, vault, person = await read_form(request), request.app[VAULT], await person_of(request)
    onward = safe_next(form.get("next", ""))
    assert person is not None  # require_citizen has passed
    try:
        opened = await confirm_password(
            reading=vault.reading,
            writing=vault.writing,
            tries=vault.tries,
            session=person.session,
            password=Secret(form.get("password", "")),
            visitor=visitor_of(request),
            settings=vault.settings,
            now=vault.clock(),
        )
    except Forbidden:
        words = t(locale_of(request), "account.password.wrong")
        return await _confirm_page(request, onward, problems={"password": words}, status=403)
    except TooMany as refusal:
        return _later(await _confirm_page(request, onward, problems=_wait(request), status=429), refusal)
    response = web.HTTPSeeOther(onward)
    start_session(request, response, opened)
    raise response


async def get_password(request: web.Request) -> web.StreamResponse:
    """The page to change the password on; without one, the page to choose one on."""
    await require_manager(request)
    if (await require_person(request)).account.password_hash is None:
        raise web.HTTPSeeOther(NEW_PASSWORD)
    return await _password_page(request, done="done" in request.query)


async def post_password(request: web.Request) -> web.StreamResponse:
    """Changes the password and signs every other browser and every app out."""
    await require_manager(request, back="/idp/password")
    form, vault, person = await read_form(request), request.app[VAULT], await person_of(request)
    assert person is not None  # require_citizen has passed
    new, locale = Secret(form.get("new", "")), locale_of(request)
    if form.get("again", "") != new.reveal():
        return await _password_page(request, problems={"again": t(locale, "account.password.differ")}, status=422)
    try:
        opened = await change_password(
            reading=vault.reading,
            writing=vault.writing,
            tries=vault.tries,
            session=person.session,
            old=Secret(form.get("old", "")),
            new=new,
            visitor=visitor_of(request),
            settings=vault.settings,
            now=vault.clock(),
        )
    except Unprocessable as refusal:
        words = {"new": t(locale, f"account.{refusal.reason}")}
        return await _password_page(request, problems=words, status=422)
    except Forbidden:
        words = {"old": t(locale, "account.password.wrong")}
        return await _password_page(request, problems=words, status=403)
    except TooMany as refusal:
        return _later(await _password_page(request, problems=_wait(request, "old"), status=429), refusal)
    response = web.HTTPSeeOther("/idp/password?done=1")
    start_session(request, response, opened)
    raise response


ROUTES: Final = (
    Route("GET", SIGN_IN, get_sign_in, Credentials.VISITOR),
    Route("POST", SIGN_IN, post_sign_in, Credentials.VISITOR),
    Route("GET", SIGN_UP, get_sign_up, Credentials.VISITOR),
    Route("POST", SIGN_UP, post_sign_up, Credentials.VISITOR),
    Route("POST", "/idp/logout", post_sign_out, Credentials.VISITOR),
    Route("GET", SIGNED_OUT, get_signed_out, Credentials.VISITOR),
    Route("GET", "/idp/confirm", get_confirm, Credentials.SESSION),
    Route("POST", "/idp/confirm", post_confirm, Credentials.SESSION),
    Route("GET", "/idp/password", get_password, Credentials.SESSION),
    Route("POST", "/idp/password", post_password, Credentials.SESSION),
)


def _sign_in_page(
    request: web.Request, onward: str, *, email: str = "", problems: Problems | None = None, status: int = 200
) -> web.Response:
    settings = request.app[VAULT].settings.identity
    page = SignInPage(
        onward=onward,
        email=email,
        open_to_all=settings.sign_up == "open",
        app=onward.startswith("/idp/auth"),
        back=way_to(SIGN_IN, onward, **({"again": "1"} if "again" in request.query else {})),
        problems=problems or {},
    )
    return render(request, page, status=status, forms_to=form_targets(onward))


def _sign_up_page(
    request: web.Request, onward: str, form: Form, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    page = SignUpPage(
        onward=onward,
        name=form.text("name", limit=100),
        email=form.text("email", limit=254),
        pod=form.text("pod", limit=63),
        base_url=request.app[VAULT].base_url,
        back=way_to(SIGN_UP, onward),
        problems=problems or {},
    )
    return render(request, page, status=status, forms_to=form_targets(onward))


async def _confirm_page(
    request: web.Request, onward: str, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    account = (await require_person(request)).account
    async with request.app[VAULT].reading() as work:
        has_passkey = bool(await work.passkeys.of(account.id))
    has_password = account.password_hash is not None
    back = way_to("/idp/confirm", onward)
    elsewhere = await signs_in_elsewhere(request)
    page = ConfirmPage(onward, account.email, back, has_passkey, has_password, elsewhere, problems or {})
    return render(request, page, status=status)


async def _password_page(
    request: web.Request, *, done: bool = False, problems: Problems | None = None, status: int = 200
) -> web.Response:
    person = await person_of(request)
    page = PasswordPage(person.account.email if person is not None else "", done, problems=problems or {})
    return render(request, page, status=status)


def _sign_up_problems(request: web.Request, form: Form) -> Problems:
    """Everything that is wrong with the form, at once."""
    vault, locale, found = request.app[VAULT], locale_of(request), Problems()
    email, pod = form.text("email"), form.text("pod")
    if not form.text("name"):
        found["name"] = t(locale, "account.sign-up.no-name")
    try:
        parse_email(email)
    except Malformed:
        found["email"] = t(locale, "account.sign-up.email")
    try:
        parse_pod_name(pod)
    except Malformed:
        found["pod"] = t(locale, "account.sign-up.pod")
    try:
        check_new_password(
            Secret(form.get("password", "")), email=email, pod=PodName(pod), limits=vault.settings.limits
        )
    except Refusal as refusal:
        found["password"] = t(locale, f"account.{refusal.reason}")
    return found


def _require_open(request: web.Request) -> None:
    if request.app[VAULT].settings.identity.sign_up != "open":
        raise Forbidden("sign-up-closed", "This server does not take new accounts.")


def _wait(request: web.Request, place: str = "password") -> Problems:
    return {place: t(locale_of(request), "account.tries")}


def _later(page: web.Response, refusal: TooMany) -> web.Response:
    page.headers["Retry-After"] = str(refusal.retry_after)
    return page
