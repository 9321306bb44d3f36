"""The password: another one, given the old one. Without an old one, `recovering` has the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Forbidden, TooMany, Unprocessable
from vault.identity.sign_in import change_password
from vault.values import Secret
from vault.web.pages import Problems, later, locale_of, new_password, password_words, read_form, render, t, wait_words
from vault.web.recovering import NEW_PASSWORD
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import person_of, require_manager, require_person, start_session, visitor_of


@dataclass(frozen=True, slots=True)
class PasswordPage:
    """Another password."""

    template: ClassVar[str] = "account/password.html"
    nav: ClassVar[str] = "account"
    email: str
    done: bool = False
    back: str = "/idp/password"
    problems: Problems = field(default_factory=dict)


async def get_password(request: web.Request) -> web.StreamResponse:
    """The page to change the password on; without one, the page to choose one on."""
    await require_manager(request)
    if (await require_person(request)).account.password_hash is None:
        raise web.HTTPSeeOther(NEW_PASSWORD)
    return await _password_page(request, done="done" in request.query)


async def post_password(request: web.Request) -> web.StreamResponse:
    """Changes the password and signs every other browser and every app out."""
    await require_manager(request, back="/idp/password")
    person = await require_person(request)
    form, vault = await read_form(request), request.app[VAULT]
    try:
        opened = await change_password(
            reading=vault.reading,
            writing=vault.writing,
            tries=vault.tries,
            session=person.session,
            old=Secret(form.get("old", "")),
            new=new_password(form),
            visitor=visitor_of(request),
            settings=vault.settings,
            now=vault.clock(),
        )
    except Unprocessable as refusal:
        return await _password_page(request, problems=password_words(request, refusal), status=422)
    except Forbidden:
        words = {"old": t(locale_of(request), "account.password.wrong")}
        return await _password_page(request, problems=words, status=403)
    except TooMany as refusal:
        return later(await _password_page(request, problems=wait_words(request, "old"), status=429), refusal)
    response = web.HTTPSeeOther("/idp/password?done=1")
    start_session(request, response, opened)
    raise response


ROUTES: Final = (
    Route("GET", "/idp/password", get_password, Credentials.SESSION),
    Route("POST", "/idp/password", post_password, Credentials.SESSION),
)


async def _password_page(
    request: web.Request, *, done: bool = False, problems: Problems | None = None, status: int = 200
) -> web.Response:
    person = await person_of(request)
    email = person.account.email if person is not None else ""
    page = PasswordPage(email, done, problems=problems or {})
    return render(request, page, status=status)
