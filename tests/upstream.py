"""Another OpenID provider for a vault of ours: one that says whatever a test wants, and a second Datakluis; and people
who go there and come back, in browsers without scripts."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from aiohttp import web
from joserfc.jwk import Key

from tests.browser import Browser, challenge
from tests.elsewhere import Elsewhere, elsewhere_server
from tests.forge import changed, jws, new_key, public
from tests.live import Live, serving
from tests.people import Answer, Person, Visitor
from vault.identity.accounts import Account, Session
from vault.identity.clients import parse_client
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import ClientId, PodName, Secret

CLIENT, SECRET = "our vault", "s3cret & more"  # both need encoding in Basic
LEVELS = ("urn:low", "urn:substantial", "urn:high")
NAME = "Burgerlogin"
CALLBACK = "/idp/upstream/callback"
SIGNED_OUT_THERE = "/idp/upstream/signed-out"

Sign = Callable[[Mapping[str, Any]], str]


@dataclass
class Forged:
    """A provider that knows its client, keeps to PKCE, and says in its ID tokens what it is told to say."""

    there: Elsewhere
    key: Key = field(default_factory=new_key)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    visitor: dict[str, Any] = field(default_factory=dict)  # the claims about whoever signs in at its page
    exchanges: list[dict[str, str]] = field(default_factory=list)
    sign: Sign | None = None  # makes the ID token; None: as it should be
    checks_pkce: bool = True
    secret: str = SECRET

    @property
    def issuer(self) -> str:
        return self.there.base_url.rstrip("/")

    def configure(self, **changes: Any) -> None:
        """Its configuration, as it should be but for the changes."""
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        text = json.dumps(changed(said, changes))
        self.there.publish("/.well-known/openid-configuration", text, "application/json")
        self.there.documents["/authorize"] = self._authorize
        self.there.documents["/token"] = self._token
        self.there.documents["/userinfo"] = self._userinfo
        self.keys({**public(self.key), "kid": "one", "use": "sig", "alg": "ES256"})
        self.userinfo, self.sign, self.checks_pkce, self.secret = {}, None, True, SECRET

    def keys(self, *keys: dict[str, Any]) -> None:
        self.there.publish("/jwks", json.dumps({"keys": keys}), "application/json")

    def back(self, location: str, /, **claims: Any) -> str:
        """Where the provider sends the browser after it signed somebody in: the callback, with a code that will yield
        these claims."""
        asked = query(location)
        code = secrets.token_urlsafe(12)
        self.codes[code] = {"nonce": asked["nonce"], "challenge": asked["code_challenge"], "claims": claims}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def claims(self, nonce: str, /, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        whole = {"iss": self.issuer, "aud": CLIENT, "sub": "person-1", "nonce": nonce, "iat": now, "exp": now + 300}
        return changed({**whole, "auth_time": now}, changes)

    def signed(self, claims: Mapping[str, Any], *, kid: str = "one", key: Key | None = None) -> str:
        return jws({"alg": "ES256", "kid": kid, "typ": "JWT"}, claims, key or self.key)

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        """Its page, for those who come with a real browser."""
        back = self.back(str(request.url), **self.visitor)
        no = altered(back, code=None, error="access_denied")
        text = (
            f'<!doctype html><html lang="en"><title>Provider</title><h1>Provider</h1>'
            f'<a id="yes" href="{escape(back)}">Yes</a> <a id="no" href="{escape(no)}">No</a>'
        )
        return web.Response(text=text, content_type="text/html")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.exchanges.append(form)
        pair = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        given = tuple(dict(parse_qsl(f"v={part}"))["v"] for part in pair.split(":")) if ":" in pair else ()
        if given != (CLIENT, self.secret):
            return web.json_response({"error": "invalid_client"}, status=401)
        found = self.codes.pop(form.get("code", ""), None)
        wrong = found is None or challenge(form.get("code_verifier", "")) != found["challenge"]
        if found is None or (wrong and self.checks_pkce):
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = self.claims(found["nonce"], **found["claims"])
        token = self.signed(claims) if self.sign is None else self.sign(claims)
        return web.json_response({"access_token": "at", "token_type": "Bearer", "id_token": token})

    async def _userinfo(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer at":
            return web.json_response({"error": "invalid_token"}, status=401)
        return web.json_response(self.userinfo)


@contextmanager
def forged_provider() -> Iterator[Forged]:
    with elsewhere_server() as there:
        forged = Forged(there)
        forged.configure()
        yield forged


def trusting(far: Forged, **upstream: Any) -> dict[str, dict[str, Any]]:
    """Sections of settings for a vault whose people may come from there; nothing of what it says is remembered."""
    settings = {
        "upstream_issuer": far.issuer,
        "upstream_name": NAME,
        "upstream_client_id": CLIENT,
        "upstream_client_secret": Secret(SECRET),
        "upstream_number_claim": "rrn",
        "upstream_levels": LEVELS,
        **upstream,
    }
    quick = {"issuer_cache_seconds": 0, "negative_cache_seconds": 0, "total_seconds": 1.0}
    return {"upstream": settings, "outbound": quick}


@contextmanager
def forged_upstream(
    folder: Path, *, upstream: Mapping[str, Any] | None = None, outbound: Mapping[str, Any] | None = None, **more: Any
) -> Iterator[FarAndNear]:
    """A forged provider and a vault whose people may come from it."""
    with forged_provider() as far:
        sections = trusting(far, **(upstream or {}))
        sections["outbound"] |= outbound or {}
        with serving(folder, **sections, **more) as live:
            yield FarAndNear(far, live)


@dataclass(frozen=True)
class FarAndNear:
    """The forged provider, and the vault that trusts it."""

    far: Forged
    near: Live


@pytest.fixture
def far(place: FarAndNear) -> Forged:
    """The provider as it should be. Test modules import this and `near` by name, and have a `place` of their own."""
    place.far.configure()
    return place.far


@pytest.fixture
def near(http: Visitor, place: FarAndNear) -> Browser:
    """A browser at the vault."""
    return at(http, place.near)


@contextmanager
def second_datakluis(folder: Path, server: Live, *, by_key: bool = False, **upstream: Any) -> Iterator[Live]:
    """A vault whose people may come from the vault `server`, which knows it as a client, by a secret or `by_key`."""
    proof = {"upstream_client_auth": "private_key_jwt", "upstream_client_secret": Secret("")} if by_key else {}
    settings = {
        "upstream_issuer": server.base_url,
        "upstream_name": "Datakluis Noord",
        "upstream_client_id": CLIENT,
        "upstream_client_secret": Secret(SECRET),
        "upstream_scope": "openid",
        "upstream_levels": LEVELS,
        **proof,
        **upstream,
    }
    with serving(folder, upstream=settings) as live:
        keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"{live.base_url}idp/jwks"}
        metadata = {
            "client_name": "Datakluis Zuid",
            "redirect_uris": [f"{live.base_url}{CALLBACK[1:]}"],
            "post_logout_redirect_uris": [f"{live.base_url}{SIGNED_OUT_THERE[1:]}"],
            **(keys if by_key else {"token_endpoint_auth_method": "client_secret_basic"}),
        }
        secret = None if by_key else SECRET

        async def know(vault: Vault) -> None:
            now = vault.clock()
            client = parse_client(metadata, client_id=ClientId(CLIENT), secret=secret, now=now, dynamic=False)
            async with vault.writing() as work:
                await work.clients.put(client)

        server.within(know)
        yield live


def at(visitor: Visitor, live: Live) -> Browser:
    """A browser for one server; a pair of them is one person's browser with its two origins."""
    return Browser(Visitor(visitor.session, live.base_url))


async def departed(near: Browser, path: str = "/idp/upstream?next=/my/") -> str:
    """Presses the link to the provider; the URL the browser is sent to."""
    answer = await near.open(path, follow=False)
    assert answer.status == 303, answer.text
    return answer.headers["Location"]


async def sign_in_there(far: Browser, location: str, person: Person) -> str:
    """Signs in at a second Datakluis as far as it asks, and says yes; the callback URL it sends the browser to."""
    page = await far.open(location)
    if page.status == 200 and 'action="/idp/login"' in page.text:
        page = await far.sign_in(person, page)
    if page.status == 200:
        page = await far.submit(page, "/idp/consent", press="allow")
    assert page.status == 303, page.text
    return page.headers["Location"]


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def altered(url: str, **changes: str | None) -> str:
    """The URL with other parameters; None takes one away."""
    parts = urlsplit(url)
    kept = {name: value for name, value in {**query(url), **changes}.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


async def is_signed_in(near: Browser) -> bool:
    return (await near.open("/my/account", follow=False)).status == 200


def path_of(answer: Answer) -> str:
    return urlsplit(answer.url).path


def account_of(live: Live, pod: str) -> Account:
    async def look(vault: Vault) -> Account:
        async with vault.reading() as work:
            found = await work.accounts.by_pod(PodName(pod))
        assert found is not None
        return found

    return live.within(look)


def session_of(live: Live, browser: Browser) -> Session:
    """The session behind the browser's cookie."""

    async def look(vault: Vault) -> Session:
        async with vault.reading() as work:
            found = await work.sessions.get(digest(browser.cookies["datakluis"]))
        assert found is not None
        return found

    return live.within(look)
