"""The hot paths, as raw requests ready to send: what is measured is the server, not the making of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import repeat

from examples.manage_my_career.party import Party
from tests.benchmarks import load
from tests.benchmarks.bare import BODY
from tests.benchmarks.ecosystem import Ecosystem, Shared, put

PUBLIC = "alice/bench/public.ttl"
PRIVATE = "alice/bench/private.ttl"
LISTING = "alice/bench/many/"
SHORT, LONG = "alice/bench/short/", "alice/bench/long/"
MEMBERS, FEW, MANY = 1000, 100, 10_000
_MEMBER = b"<#it> <#p> 1 ."


@dataclass(frozen=True)
class Case:
    """One row: its name, its requests, the status each must have, and on how many connections it runs.

    `meanwhile`: one of these is sent each second, on a connection of its own. `probe`: sent without a pause on another
    connection, and timed: what everybody else notices of the row.
    """

    name: str
    requests: Iterator[bytes]
    status: int
    connections: int = 16
    meanwhile: Iterator[bytes] | None = None
    probe: bytes | None = None


async def fill(eco: Ecosystem) -> None:
    """The documents that are read, laid down through HTTP."""
    await put(eco, PUBLIC, BODY)
    await _share(eco, PUBLIC)
    await put(eco, PRIVATE, BODY)
    for number in range(MEMBERS):
        await put(eco, f"{LISTING}{number:04}.ttl", _MEMBER)
    for folder, count in ((SHORT, FEW), (LONG, MANY)):
        members = _puts(eco, count, folder=folder, body=_MEMBER)
        laid = await load.run("members", eco.port, members, connections=16)
        assert laid.statuses == {201: count}, laid.statuses
        await _share(eco, folder)


async def _share(eco: Ecosystem, path: str) -> None:
    """Everybody may read it."""
    acl = (
        "@prefix acl: <http://www.w3.org/ns/auth/acl#> .\n"
        f"<#owner> a acl:Authorization; acl:agent <{eco.base_url}alice/profile/card#me>;\n"
        f"  acl:accessTo </{path}>; acl:default </{path}>; acl:mode acl:Read, acl:Write, acl:Control .\n"
        "<#all> a acl:Authorization; acl:agentClass <http://xmlns.com/foaf/0.1/Agent>;\n"
        f"  acl:accessTo </{path}>; acl:mode acl:Read .\n"
    )
    await put(eco, f"{path}.acl", acl.encode())


async def cases(eco: Ecosystem, shared: Shared, scale: float) -> AsyncIterator[Case]:
    """Every row after the baseline. `scale` multiplies the number of requests."""

    def times(count: int) -> int:
        return max(50, int(count * scale))

    public = _request("GET", eco, PUBLIC, accept="text/turtle")
    yield Case("GET public Turtle, 1 kB", repeat(public, times(40_000)), 200)
    yield Case("GET public Turtle, 64 connections", repeat(public, times(40_000)), 200, 64)
    tag = await _tag(eco, PUBLIC)
    known = _request("GET", eco, PUBLIC, accept="text/turtle", none_match=tag)
    yield Case("GET the same, not modified", repeat(known, times(40_000)), 304)
    as_json = _request("GET", eco, PUBLIC, accept="application/ld+json")
    yield Case("GET the same as JSON-LD, converted once", repeat(as_json, times(30_000)), 200)
    yield Case("GET authenticated, fresh proof each", _signed(eco, "GET", PRIVATE, times(8_000)), 200)
    listing = _request("GET", eco, SHORT, accept="text/turtle")
    changes = _puts(eco, 60, folder=SHORT, first=FEW, body=_MEMBER)
    yield Case("GET 100-member listing, changed each second", repeat(listing, times(10_000)), 200, 16, changes)
    long = _request("GET", eco, LONG, accept="text/turtle")
    changes = _puts(eco, 60, folder=LONG, first=MANY, body=_MEMBER)
    yield Case("GET 10,000-member listing, changed each second", repeat(long, times(400)), 200, 1, changes, public)
    yield Case("GET 1,000-member listing", _signed(eco, "GET", LISTING, times(400)), 200)
    yield Case("PUT new 1 kB document, durable", _puts(eco, times(5_000)), 201)
    yield Case("N3 PATCH with where, durable", _patches(eco, times(4_000)), 204)
    view = shared.view.removeprefix(eco.base_url)
    yield Case("read a diploma through a grant", _signed(eco, "GET", view, times(2_000), shared.reader), 200)


async def _tag(eco: Ecosystem, path: str) -> str:
    answer = await eco.owner.call("GET", f"{eco.base_url}{path}", headers={"Accept": "text/turtle"})
    return next(value for name, value in answer.headers.items() if name.lower() == "etag")


def _signed(eco: Ecosystem, method: str, path: str, count: int, party: Party | None = None) -> Iterator[bytes]:
    who = party or eco.owner
    url = f"{eco.base_url}{path}"
    made = [
        _request(method, eco, path, accept="text/turtle", token=who.token, proof=who.proof(method, url))
        for _ in range(count)
    ]
    return iter(made)


def _puts(
    eco: Ecosystem, count: int, *, folder: str = "alice/bench/puts/", first: int = 0, body: bytes = BODY
) -> Iterator[bytes]:
    made = []
    for number in range(first, first + count):
        path = f"{folder}{number:06}.ttl"
        proof = eco.owner.proof("PUT", f"{eco.base_url}{path}")
        made.append(_request("PUT", eco, path, token=eco.owner.token, proof=proof, body=body, media_type="text/turtle"))
    return iter(made)


def _patches(eco: Ecosystem, count: int) -> Iterator[bytes]:
    """Each replaces the title of a document of its own, found by a where clause."""
    made = []
    for number in range(count):
        path = PRIVATE if number == 0 else f"alice/bench/puts/{number - 1:06}.ttl"
        patch = (
            "@prefix solid: <http://www.w3.org/ns/solid/terms#> .\n"
            "_:p a solid:InsertDeletePatch;\n"
            "  solid:where { ?it <http://purl.org/dc/terms/description> ?old . };\n"
            "  solid:deletes { ?it <http://purl.org/dc/terms/description> ?old . };\n"
            f'  solid:inserts {{ ?it <http://purl.org/dc/terms/description> "{number}" . }} .\n'
        )
        proof = eco.owner.proof("PATCH", f"{eco.base_url}{path}")
        made.append(
            _request("PATCH", eco, path, token=eco.owner.token, proof=proof, body=patch.encode(), media_type="text/n3")
        )
    return iter(made)


def _request(
    method: str,
    eco: Ecosystem,
    path: str,
    *,
    accept: str = "",
    token: str = "",
    proof: str = "",
    body: bytes = b"",
    media_type: str = "",
    none_match: str = "",
) -> bytes:
    lines = [f"{method} /{path} HTTP/1.1", f"Host: localhost:{eco.port}"]
    lines += [f"Accept: {accept}"] if accept else []
    lines += [f"Authorization: DPoP {token}", f"DPoP: {proof}"] if token else []
    lines += [f"If-None-Match: {none_match}"] if none_match else []
    lines += [f"Content-Type: {media_type}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
