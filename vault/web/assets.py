"""The few files that pages need, from our own origin and from memory, and the language switch in every footer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiohttp import web

from vault.errors import Missing
from vault.web.forms import read_form
from vault.web.locales import COOKIE, LANGUAGES
from vault.web.routing import VAULT, Credentials, Route

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent; `version` changes with its bytes."""

    data: bytes
    media_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """Every file of the folder, read once."""
    found = {}
    for file in sorted(FOLDER.iterdir()):
        if file.suffix in _TYPES:
            data = file.read_bytes()
            found[file.name] = Asset(data, _TYPES[file.suffix], hashlib.sha256(data).hexdigest()[:16])
    return found


def asset_url(name: str) -> str:
    """The address of a file, with its version: so it may be kept for a year."""
    return f"/static/{name}?v={assets()[name].version}"


async def get_asset(request: web.Request) -> web.Response:
    asset = assets().get(request.match_info["name"])
    if asset is None:
        raise Missing("asset", "There is no such file.")
    fresh = request.query.get("v") == asset.version
    headers = {
        "Content-Type": asset.media_type,
        "Cache-Control": f"public, max-age={_YEAR}, immutable" if fresh else "no-cache",
        "ETag": f'"{asset.version}"',
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    return web.Response(body=asset.data, headers=headers)


async def post_language(request: web.Request) -> web.Response:
    """Remembers the language and comes back to the same page (UX-35)."""
    form = await read_form(request)
    response = web.Response(status=303, headers={"Location": safe_path(form.text("next", limit=4000))})
    if form.text("language") in LANGUAGES:
        secure = request.app[VAULT].base_url.startswith("https:")
        response.set_cookie(
            COOKIE, form.text("language"), path="/", max_age=_YEAR, secure=secure, httponly=True, samesite="Lax"
        )
    return response


def safe_path(text: str, *, otherwise: str = "/my/") -> str:
    """A path on this server, for a redirect; anything that could lead elsewhere becomes `otherwise`."""
    plain = text.isascii() and text.isprintable() and "\\" not in text
    local = text.startswith("/") and not text.startswith("//")
    return text if plain and local else otherwise


ROUTES = (
    Route("GET", "/static/{name}", get_asset, Credentials.NOTHING, "asset"),
    Route("POST", "/my/language", post_language, Credentials.VISITOR, "language"),
)
