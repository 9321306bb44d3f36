"""The cast, and how they speak to a server: ordinary HTTP, with DPoP-bound tokens from the server's own token endpoint.

Nothing here imports the server: the same people visit any deployment that was seeded with cast.json.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.jwk import ECKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

CAST = Path(__file__).with_name("cast.json")

TURTLE = "text/turtle"
JSON_LD = "application/ld+json"
N3 = "text/n3"
SPARQL = "application/sparql-update"
LDP = "http://www.w3.org/ns/ldp#"
CONTAINER_LINK = f'<{LDP}BasicContainer>; rel="type"'
TERMS = "http://www.w3.org/ns/solid/terms#"


@dataclass
class Person:
    """Somebody with a pod, a WebID, and client credentials for machine login as that WebID."""

    name: str
    email: str
    password: str
    webid: str
    pod: str  # the URL of the storage
    client_id: str
    client_secret: str
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    token: str = ""
    token_ends: float = 0.0

    def proof(self, method: str, url: str, **changes: Any) -> str:
        """A DPoP proof for one request; `changes` alter claims, None removes one."""
        claims: dict[str, Any] = {
            "htm": method,
            "htu": url.partition("?")[0].partition("#")[0],
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(12),
        }
        if self.token:
            digest = hashlib.sha256(self.token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)}
        return jwt.encode(header, claims, self.key)


def read_cast(base_url: str, cast: Path = CAST) -> dict[str, Person]:
    """The people of cast.json at one server, by name; or those of a like file, where their credentials are others."""
    found = {}
    for entry in json.loads(cast.read_text(encoding="utf-8"))["accounts"]:
        pod = f"{base_url}{entry['pod']}/"
        found[entry["pod"]] = Person(
            name=entry["name"],
            email=entry["email"],
            password=entry["password"],
            webid=f"{pod}profile/card#me",
            pod=pod,
            client_id=entry["credentials"]["id"],
            client_secret=entry["credentials"]["secret"],
        )
    return found


@dataclass(frozen=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return urljoin(self.url, self.headers["Location"])

    @property
    def links(self) -> dict[str, list[str]]:
        """Link targets by relation, one link on each header line (CH-6)."""
        found: dict[str, list[str]] = {}
        for line in self.headers.getall("Link", ()):
            read = re.fullmatch(r'<([^<>"]*)>; rel="([^"]+)"', line)
            assert read, f"more than one link on a line, or an odd one: {line}"
            found.setdefault(read[2], []).append(read[1])
        return found

    @property
    def modes(self) -> dict[str, set[str]]:
        """WAC-Allow as sets of modes by group."""
        return {group: set(words.split()) for group, words in re.findall(r'(\w+)="([^"]*)"', self.headers["WAC-Allow"])}

    def listed(self, header: str) -> set[str]:
        """The members of a comma-separated header that stands on one line (CH-7)."""
        lines = self.headers.getall(header, ())
        assert len(lines) <= 1, f"{header} stands on {len(lines)} lines"
        return {member.strip() for line in lines for member in line.split(",") if member.strip()}


class Visitor:
    """An HTTP client that can act for each of the cast, or for nobody.

    `alike`: statuses by which another server says the same as ours does; ours is asked to the letter. `left_behind`:
    what a deployment would keep for weeks, were it not deleted in the end, and by whom.
    """

    def __init__(self, session: aiohttp.ClientSession, base_url: str, alike: Mapping[int, int] | None = None) -> None:
        self.session = session
        self.base_url = base_url
        self.alike = alike or {}
        self.left_behind: list[tuple[str, Person | None]] = []

    async def leave(self) -> None:
        """Nothing is left behind; some of it may be gone already, or not be ours any more."""
        for url, by in self.left_behind:
            await self.delete(url, by=by)
        self.left_behind.clear()

    async def send(
        self,
        method: str,
        url: str,
        *,
        by: Person | None = None,
        body: bytes | str | None = None,
        kind: str | None = None,
        headers: Mapping[str, str] | CIMultiDict[str] | None = None,
    ) -> Answer:
        """One request; `by` signs it, `kind` is its Content-Type. The URL goes out exactly as it is written."""
        sent: CIMultiDict[str] = CIMultiDict(headers or {})
        if kind is not None:
            sent["Content-Type"] = kind
        if by is not None:
            token = await self.token_of(by)
            sent["Authorization"] = f"DPoP {token}"
            sent["DPoP"] = by.proof(method, url)
        data = body.encode() if isinstance(body, str) else body
        async with self.session.request(
            method,
            URL(url, encoded=True),
            data=data,
            headers=sent,
            allow_redirects=False,
            skip_auto_headers=("Content-Type", "Accept", "User-Agent", "Accept-Encoding"),
        ) as response:
            status = self.alike.get(response.status, response.status)
            return Answer(status, response.headers, await response.read(), url)

    async def get(self, url: str, *, by: Person | None = None, accept: str | None = None, **more: str) -> Answer:
        """GET; `more` are headers with _ for -."""
        return await self.send("GET", url, by=by, headers=_headers(accept, more))

    async def head(self, url: str, *, by: Person | None = None, accept: str | None = None, **more: str) -> Answer:
        return await self.send("HEAD", url, by=by, headers=_headers(accept, more))

    async def options(self, url: str, **more: str) -> Answer:
        return await self.send("OPTIONS", url, headers=_headers(None, more))

    async def put(
        self, url: str, body: bytes | str = "", *, by: Person | None = None, kind: str | None = TURTLE, **more: str
    ) -> Answer:
        return await self.send("PUT", url, by=by, body=body, kind=kind, headers=_headers(None, more))

    async def post(
        self, url: str, body: bytes | str = "", *, by: Person | None = None, kind: str | None = TURTLE, **more: str
    ) -> Answer:
        return await self.send("POST", url, by=by, body=body, kind=kind, headers=_headers(None, more))

    async def patch(
        self, url: str, body: bytes | str = "", *, by: Person | None = None, kind: str | None = N3, **more: str
    ) -> Answer:
        return await self.send("PATCH", url, by=by, body=body, kind=kind, headers=_headers(None, more))

    async def delete(self, url: str, *, by: Person | None = None, **more: str) -> Answer:
        return await self.send("DELETE", url, by=by, headers=_headers(None, more))

    async def insert(self, url: str, triples: str, *, by: Person | None = None, **more: str) -> Answer:
        """An N3 Patch that only inserts."""
        return await self.patch(url, n3_patch(inserts=triples), by=by, **more)

    async def share(self, url: str, rules: str, *, by: Person) -> None:
        """Writes the ACL of `url`; `rules` as `acl()` makes them."""
        answer = await self.put((await self.acl_of(url, by=by)), rules, by=by)
        assert answer.status in (201, 204), answer.text

    async def acl_of(self, url: str, *, by: Person) -> str:
        """Where the ACL stands, found as clients find it: by its Link, on whatever the answer is."""
        found = (await self.head(url, by=by)).links.get("acl")
        return found[0] if found else f"{url}.acl"

    async def token_of(self, person: Person) -> str:
        """An access token bound to the person's key, by client credentials; kept until shortly before its end."""
        if person.token_ends < time.time():
            person.token = ""
            metadata = await self.session.get(f"{self.base_url}.well-known/openid-configuration")
            endpoint = (await metadata.json())["token_endpoint"]
            response = await self.session.post(
                endpoint,
                data={"grant_type": "client_credentials", "scope": "webid"},
                headers={
                    "Authorization": aiohttp.encode_basic_auth(person.client_id, person.client_secret),
                    "DPoP": person.proof("POST", endpoint),
                },
            )
            answer = await response.json()
            assert response.status == 200, answer
            assert answer["token_type"] == "DPoP"
            person.token = answer["access_token"]
            person.token_ends = time.time() + answer["expires_in"] - 60
        return person.token


@asynccontextmanager
async def visiting(base_url: str) -> AsyncIterator[Visitor]:
    """A client without cookies for one server."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Visitor(session, base_url)


def n3_patch(*, where: str = "", deletes: str = "", inserts: str = "", prefixes: str = "") -> str:
    """The text of one N3 Patch; a part that is empty is left out."""
    parts = [
        f"solid:{name} {{ {triples} }}"
        for name, triples in (("where", where), ("deletes", deletes), ("inserts", inserts))
        if triples
    ]
    body = "; ".join(["_:patch a solid:InsertDeletePatch", *parts])
    return f"@prefix solid: <{TERMS}>.\n{prefixes}\n{body}.\n"


def rule(
    *,
    modes: str,
    agent: str | None = None,
    agent_class: str | None = None,
    group: str | None = None,
    to: str | None = None,
    default: str | None = None,
) -> str:
    """One authorization in Turtle. `modes`: "read write"; `agent_class`: "public" or "authenticated"."""
    classes = {"public": "foaf:Agent", "authenticated": "acl:AuthenticatedAgent"}
    lines = ["[] a acl:Authorization"]
    lines += [f"acl:agent <{agent}>"] if agent else []
    lines += [f"acl:agentClass {classes[agent_class]}"] if agent_class else []
    lines += [f"acl:agentGroup <{group}>"] if group else []
    lines += [f"acl:accessTo <{to}>"] if to else []
    lines += [f"acl:default <{default}>"] if default else []
    lines += ["acl:mode " + ", ".join(f"acl:{mode.capitalize()}" for mode in modes.split())]
    return "; ".join(lines) + "."


def acl(*rules: str) -> str:
    """A whole ACL document."""
    return "\n".join(
        ["@prefix acl: <http://www.w3.org/ns/auth/acl#>.", "@prefix foaf: <http://xmlns.com/foaf/0.1/>.", *rules]
    )


def path_of(url: str) -> str:
    """The path of a URL, as it is written."""
    return urlsplit(url).path


def _headers(accept: str | None, more: Mapping[str, str]) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict({name.replace("_", "-"): value for name, value in more.items()})
    if accept is not None:
        headers["Accept"] = accept
    return headers
