"""Sign in, and the password once more before something sensitive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Forbidden, TooMany
from vault.identity.correspond import has_mail
from vault.identity.sign_in import confirm_password, sign_in
from vault.values import Secret
from vault.web.pages import Problems, later, locale_of, read_form, render, t, wait_words
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import (
    SIGN_IN,
    form_targets,
    person_of,
    require_citizen,
    require_person,
    safe_next,
    session_hash,
    signs_in_elsewhere,
    start_session,
    visitor_of,
    way_to,
)


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
    can_renew: bool = False  # a forgotten password, by mail
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
        page = _sign_in_page(request, onward, email=email, problems=wait_words(request), status=429)
        return later(page, refusal)
    response = web.HTTPSeeOther(onward)
    start_session(request, response, opened)
    raise response


async def get_confirm(request: web.Request) -> web.StreamResponse:
    """Asks for the password once more."""
    await require_citizen(request)
    return await _confirm_page(request, safe_next(request.query.get("next", "")))


async def post_confirm(request: web.Request) -> web.StreamResponse:
    """Steps the session up, under a new cookie value (ATK-02)."""
    person = await require_person(request)
    form, vault = await read_form(request), request.app[VAULT]
    onward = safe_next(form.get("next", ""))
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
        return later(await _confirm_page(request, onward, problems=wait_words(request), status=429), refusal)
    response = web.HTTPSeeOther(onward)
    start_session(request, response, opened)
    raise response


ROUTES: Final = (
    Route("GET", SIGN_IN, get_sign_in, Credentials.VISITOR),
    Route("POST", SIGN_IN, post_sign_in, Credentials.VISITOR),
    Route("GET", "/idp/confirm", get_confirm, Credentials.SESSION),
    Route("POST", "/idp/confirm", post_confirm, Credentials.SESSION),
)


def _sign_in_page(
    request: web.Request, onward: str, *, email: str = "", problems: Problems | None = None, status: int = 200
) -> web.Response:
    settings = request.app[VAULT].settings
    page = SignInPage(
        onward=onward,
        email=email,
        open_to_all=settings.identity.sign_up == "open",
        app=onward.startswith("/idp/auth"),
        back=way_to(SIGN_IN, onward, **({"again": "1"} if "again" in request.query else {})),
        can_renew=has_mail(settings),
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
