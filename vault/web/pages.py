"""Pages for people: one frozen dataclass and one template each, always escaped, always under a strict CSP.

A page class names its template and, in `nav`, the part of the menu it belongs to ("" for pages outside the citizen's
own part, such as sign in); in `script` the one file of `static/` that it runs, if any. Templates know `page`, `t`,
`lang`, `csrf()`, and the formats day, moment, exact, number, money, size, duration, listed. Nothing is inlined:
`base.html` has the blocks `title` and `main`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import ClassVar, Final, Protocol, TypeAlias
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vault.errors import Refusal, TooMany, Unprocessable
from vault.values import Secret
from vault.web import locales
from vault.web.assets import asset_url
from vault.web.forms import FIELD, Form, new_visitor_key, read_form, remember_visitor, token_for, visitor_key
from vault.web.locales import has_text, locale_of, preferred, t
from vault.web.routing import VAULT, Credentials, route_of

__all__ = [
    "ErrorPage",
    "Form",
    "Page",
    "Problems",
    "SentPage",
    "csrf",
    "error_page",
    "later",
    "locale_of",
    "new_password",
    "password_words",
    "read_form",
    "render",
    "t",
    "wait_words",
]

# When the account of the person at this browser is closed, if it is; set by whoever finds out who that is.
CLOSES: Final = web.RequestKey("closes", datetime)
# The pod that the person at this browser looks at, if she has several; set likewise.
LOOKED_AT: Final = web.RequestKey("looked-at", str)

TEMPLATES = Path(__file__).parent / "templates"

Problems: TypeAlias = dict[str, str]  # field → what is wrong with it, in the visitor's language


class Page(Protocol):
    """What a template shows. Each page is a frozen dataclass of its own: no dicts."""

    template: ClassVar[str]


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """An expected no, or our own mistake, for people: what happened, what to do, a number to mention (UX-30)."""

    template: ClassVar[str] = "error/error.html"
    status: int
    title: str
    words: str
    reference: str
    again: str | None = None  # where "try again" leads


@dataclass(frozen=True, slots=True)
class SentPage:
    """Look into your mailbox; the same whoever asked. `what`: sign-up, password or address."""

    template: ClassVar[str] = "account/sent.html"
    what: str


def render(request: web.Request, page: Page, *, status: int = 200, forms_to: Sequence[str] = ()) -> web.Response:
    """The page in the visitor's language. `forms_to`: further origins that a form of this page may lead to, by a
    redirect (a consent page ends at the app that asked; browsers hold form-action against the redirect too)."""
    private = _is_private(request)
    known = visitor_key(request) if private else None
    visitor = known or new_visitor_key()
    locale = _locale(request)
    html = _environment().get_template(page.template).render(page=page, **_words(request, locale, page, visitor))
    response = web.Response(text=html, status=status, content_type="text/html", charset="utf-8")
    response.headers.update(page_headers(forms_to, script=_script(request, page)))
    response.headers["Content-Language"] = locale
    if private and known is None:
        remember_visitor(request, response, visitor)
    return response


def page_headers(forms_to: Sequence[str] = (), *, script: str | None = None) -> dict[str, str]:
    """No inline code, no foreign origin, never framed (ATK-04), never cached (ATK-17). `script` is the address of the
    one script that may run: not our whole origin, where pods hold whatever their owners put there (ATK-01)."""
    form_action = " ".join(("'self'", *forms_to))
    directives = (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        *((f"script-src {script}", "connect-src 'self'") if script else ()),
        f"form-action {form_action}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(directives),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "private, no-store",
        "Vary": "Cookie, Accept-Language",
    }


def csrf(request: web.Request, visitor: str) -> Markup:
    """The hidden field that every POST form carries."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token_for(request, visitor))


def error_page(request: web.Request, status: int, refusal: Refusal | None, request_id: str) -> web.Response:
    """A refusal, or an error of ours when there is none, as a page. Says nothing that the problem document does not."""
    locale = _locale(request)
    own = f"refusal.{refusal.reason}" if refusal else ""
    family = str(status) if has_text(f"error.{status}.title") else "500" if status >= 500 else "400"
    words = t(locale, own) if own and has_text(own) else t(locale, f"error.{family}.words")
    again = request.path_qs if request.method in ("GET", "HEAD") and status in (429, 503) else None
    page = ErrorPage(status, t(locale, f"error.{family}.title"), words, request_id, again)
    return render(request, page, status=status)


def wait_words(request: web.Request, place: str = "password") -> Problems:
    """What a form says at `place` when it came too often."""
    return {place: t(locale_of(request), "account.tries")}


def new_password(form: Form) -> Secret:
    """The password that was typed twice, into `new` and `again`. Raises Unprocessable("password-differ")."""
    new = form.get("new", "")
    if form.get("again", "") != new:
        raise Unprocessable("password-differ", "The two passwords are not the same.")
    return Secret(new)


def password_words(request: web.Request, refusal: Unprocessable) -> Problems:
    """What such a form says of a password that will not do."""
    place = "again" if refusal.reason == "password-differ" else "new"
    return {place: t(locale_of(request), f"account.{refusal.reason}")}


def later(page: web.Response, refusal: TooMany) -> web.Response:
    """The page, with the time to wait."""
    page.headers["Retry-After"] = str(refusal.retry_after)
    return page


def _script(request: web.Request, page: Page) -> str | None:
    """Where the page's script stands, without its version."""
    name = getattr(page, "script", None)
    return f"{request.app[VAULT].base_url}static/{name}" if isinstance(name, str) else None


def _words(request: web.Request, locale: str, page: Page, visitor: str) -> dict[str, object]:
    """What every template may use beside its page."""
    formats: dict[str, Callable[..., str]] = {
        name: partial(getattr(locales, name), locale)
        for name in ("day", "moment", "exact", "number", "money", "size", "duration", "listed")
    }
    return {
        "t": partial(t, locale),
        "lang": locale,
        "languages": locales.NAMES if _is_private(request) else {},
        "nav": getattr(page, "nav", ""),
        "closes": request.get(CLOSES),
        "looked_at": request.get(LOOKED_AT),
        "script": getattr(page, "script", None),
        "here": _here(request, page),
        "operator": request.app[VAULT].settings.operator,
        "upstream": request.app[VAULT].settings.upstream,
        "csrf": lambda: csrf(request, visitor),
        **formats,
    }


def _is_private(request: web.Request) -> bool:
    """Whether this address is one of the pages. Elsewhere cookies mean nothing (CO-10), and an answer may be read by
    scripts of other origins: a page that tells of a refusal there looks at no cookie, sets none and holds no form."""
    return route_of(request).credentials in (Credentials.SESSION, Credentials.VISITOR)


def _locale(request: web.Request) -> str:
    return locale_of(request) if _is_private(request) else preferred(request.headers.get("Accept-Language", ""))


def _here(request: web.Request, page: Page) -> str:
    """Where the language switch comes back to: this page, or for a form that was refused the page it stood on."""
    back = getattr(page, "back", None)
    if isinstance(back, str):
        return back
    return str(request.rel_url) if request.method in ("GET", "HEAD") else str(request.rel_url.path)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset_url
    environment.filters["query"] = lambda pairs: urlencode(list(pairs))
    return environment
