"""Forms that come back: who may send them (ATK-03), and what is in them.

A form carries a token that only our pages can have written: random bytes and their keyed hash over the visitor's own
form cookie. Beside it the browser's word on where the form came from must be good: both are checked on every POST.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from vault.errors import Forbidden, Malformed, UnsupportedMedia
from vault.web.requests import read_limited
from vault.web.routing import VAULT

FIELD: Final = "csrf"
_MAX_FIELDS = 2000


class Form(Mapping[str, str]):
    """The fields of one form. `form["name"]` is the first value, `form.all("name")` every one."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str, *, limit: int = 1000) -> str:
        """One trimmed line of text; empty when it is not there."""
        return self.get(name, "").strip()[:limit]

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self._values.get(name, ()))


def cookie_name(base_url: str) -> str:
    """`__Host-` binds the cookie to this very host, so that no sibling can plant one; over plain http, which is for
    this machine only, a browser may refuse a Secure cookie, so there the plain name is used."""
    return "__Host-form" if base_url.startswith("https:") else "form"


def visitor_key(request: web.Request) -> str | None:
    """What the form cookie holds; None when this visitor has none yet."""
    value = request.cookies.get(cookie_name(request.app[VAULT].base_url), "")
    return value if len(value) == 43 and value.isascii() else None


def new_visitor_key() -> str:
    return secrets.token_urlsafe(32)


def remember_visitor(request: web.Request, response: web.StreamResponse, visitor: str) -> None:
    """Gives the browser its form cookie, until it closes."""
    base_url = request.app[VAULT].base_url
    response.set_cookie(
        cookie_name(base_url), visitor, path="/", secure=base_url.startswith("https:"), httponly=True, samesite="Lax"
    )


def token_for(request: web.Request, visitor: str) -> str:
    """A fresh token for one form of this visitor; each differs, so that compression tells nothing (BREACH)."""
    nonce = secrets.token_hex(16)
    return f"{nonce}.{_seal(request, visitor, nonce)}"


async def read_form(request: web.Request) -> Form:
    """The urlencoded form of this POST. Raises Forbidden when another site sent it or its token does not hold,
    UnsupportedMedia, TooLarge or Malformed when it cannot be read."""
    require_own_origin(request)
    if request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMedia(
            "form-type", "A form is sent urlencoded.", accepted=("application/x-www-form-urlencoded",)
        )
    form = _parse(await read_limited(request, request.app[VAULT].settings.limits.form_bytes))
    require_token(request, form.get(FIELD, ""))
    return form


def require_own_origin(request: web.Request) -> None:
    """The browser says that one of our own pages sent this; without its word the answer is no."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        raise Forbidden("cross-site-form", "This form was sent by another site.")
    origin = request.headers.get("Origin")
    if origin is None and site is None:
        raise Forbidden("cross-site-form", "The browser did not say which page sent this form.")
    # A page under no-referrer sends "null", which says nothing; then Sec-Fetch-Site has to have spoken.
    ours = _origin(request.app[VAULT].base_url)
    if origin is not None and origin != ours and not (origin == "null" and site == "same-origin"):
        raise Forbidden("cross-site-form", "This form was sent by another site.")


def require_token(request: web.Request, token: str) -> None:
    """Raises Forbidden unless one of our pages made this token for this visitor."""
    visitor = visitor_key(request)
    nonce, _, seal = token.partition(".")
    good = visitor is not None and seal.isascii() and hmac.compare_digest(seal, _seal(request, visitor, nonce))
    if not good:
        raise Forbidden("form-token", "This form is too old. Open the page again and send it once more.")


def _seal(request: web.Request, visitor: str, nonce: str) -> str:
    key = request.app[VAULT].secrets.forms
    return hmac.new(key, f"{visitor}.{nonce}".encode(), hashlib.sha256).hexdigest()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _parse(body: bytes) -> Form:
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise Malformed("form", "This form cannot be read.") from None
    return Form(pairs)
