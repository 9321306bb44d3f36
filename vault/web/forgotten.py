"""A forgotten password: a letter, and behind its link a new one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Malformed, Missing, TooMany, Unprocessable
from vault.identity.correspond import has_mail
from vault.identity.renew import ask_for_password, owner_of_link, set_password_by_link
from vault.web.letters import RESET
from vault.web.pages import (
    Problems,
    SentPage,
    later,
    locale_of,
    new_password,
    password_words,
    read_form,
    render,
    t,
    wait_words,
)
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import visitor_of

FORGOT: Final = "/idp/forgot"


@dataclass(frozen=True, slots=True)
class ForgotPage:
    """Which address?"""

    template: ClassVar[str] = "account/forgot.html"
    email: str = ""
    back: str = FORGOT
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResetPage:
    """A new password, twice; `link` is the token that was mailed."""

    template: ClassVar[str] = "account/reset.html"
    email: str
    link: str
    back: str
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResetDonePage:
    """It is set; sign in with it."""

    template: ClassVar[str] = "account/reset-done.html"


async def get_forgot(request: web.Request) -> web.Response:
    """Asks for the address; offered where there is mail."""
    _require_mail(request)
    return render(request, SentPage("password") if "sent" in request.query else ForgotPage())


async def post_forgot(request: web.Request) -> web.Response:
    """A letter. The same page and the same work for every address (ATK-29)."""
    _require_mail(request)
    form, vault = await read_form(request), request.app[VAULT]
    email, locale = form.text("email", limit=254), locale_of(request)
    try:
        await ask_for_password(
            writing=vault.writing,
            tries=vault.tries,
            email=email,
            visitor=visitor_of(request),
            language=locale,
            settings=vault.settings,
            now=vault.clock(),
        )
    except Malformed:
        return render(request, ForgotPage(email, problems={"email": t(locale, "account.sign-up.email")}), status=422)
    except TooMany as refusal:
        page = render(request, ForgotPage(email, problems=wait_words(request, "email")), status=429)
        return later(page, refusal)
    raise web.HTTPSeeOther(f"{FORGOT}?sent=1")


async def get_reset(request: web.Request) -> web.Response:
    """The form behind the link. Looking at it uses nothing up: programs that read mail follow links too."""
    if "done" in request.query:
        return render(request, ResetDonePage())
    return await _reset_page(request, request.query.get("link", ""))


async def post_reset(request: web.Request) -> web.Response:
    """Sets the password and signs everybody out who was signed in with the old one."""
    form, vault = await read_form(request), request.app[VAULT]
    token = form.text("link")
    try:
        await set_password_by_link(
            reading=vault.reading,
            writing=vault.writing,
            tries=vault.tries,
            token=token,
            key=vault.secrets.links,
            password=new_password(form),
            settings=vault.settings,
            now=vault.clock(),
        )
    except Unprocessable as refusal:
        return await _reset_page(request, token, problems=password_words(request, refusal), status=422)
    raise web.HTTPSeeOther(f"{RESET}?done=1")


ROUTES: Final = (
    Route("GET", FORGOT, get_forgot, Credentials.VISITOR),
    Route("POST", FORGOT, post_forgot, Credentials.VISITOR),
    Route("GET", RESET, get_reset, Credentials.VISITOR),
    Route("POST", RESET, post_reset, Credentials.VISITOR),
)


async def _reset_page(
    request: web.Request, token: str, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    vault = request.app[VAULT]
    async with vault.reading() as work:
        account = await owner_of_link(work, token, key=vault.secrets.links, now=vault.clock())
    page = ResetPage(account.email, token, f"{RESET}?link={token}", problems or {})
    return render(request, page, status=status)


def _require_mail(request: web.Request) -> None:
    if not has_mail(request.app[VAULT].settings):
        raise Missing("no-mail", "This server sends no mail: ask the operator for a new password.")
