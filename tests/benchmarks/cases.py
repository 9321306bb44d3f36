"""The hot paths, as raw requests ready to send: what is measured is the server, not the making of requests.

`CASES` are those every Solid server has; `own_cases` are ours alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from examples.manage_my_career.party import Party
from tests.benchmarks import load
from tests.benchmarks.ecosystem import Shared
from tests.benchmarks.places import Place

FEW, SOME, MANY = 100, 1000, 10_000  # members
LOADS = (16, 64)  # connections
_OLD = "x" * 970


@dataclass(frozen=True)
class Case:
    """One row: its name, its requests, the statuses it may have, and on how many connections it runs.

    `bar`: the share of the bare handler that it is to reach, in percent. `work`: the time of the server's core that it
    may take at most, in milliseconds. `meanwhile`: one of these is sent each second, on a connection of its own.
    `probe`: sent without a pause on another connection, and timed: what everybody else notices of the row.
    """

    name: str
    requests: Iterator[bytes]
    statuses: frozenset[int]
    connections: int = 16
    bar: float | None = None
    work: float | None = None
    meanwhile: Iterator[bytes] | None = None
    probe: bytes | None = None
    signed: bool = False

    @property
    def key(self) -> str:
        """What rows of two servers are compared by."""
        return f"{self.name}, {self.connections}"


async def fill(place: Place, *, many: int) -> None:
    """The documents that are read, laid down through HTTP; `many` members in the longest listing."""
    language = place.language
    for path in (_public(place), _private(place)):
        await place.put(path, language.document, language.media_type)
    await _share(place, _public(place))
    for folder, count in ((_folder(place, "short"), FEW), (_folder(place, "long"), many)):
        members = _puts(place, count, folder=folder, body=language.member, by=place.owner)
        laid = await load.run("members", place.port, members, connections=place.writers)
        assert laid.statuses == {201: count}, laid.statuses
        await _share(place, folder)
    await place.put(f"{_folder(place, 'open')}first{language.suffix}", language.member, language.media_type)
    await _share(place, _folder(place, "open"), "acl:Read, acl:Write")


def _folder(place: Place, name: str) -> str:
    return f"{place.pod}bench/{name}/"


def _public(place: Place) -> str:
    return f"{place.pod}bench/public{place.language.suffix}"


def _private(place: Place) -> str:
    return f"{place.pod}bench/private{place.language.suffix}"


async def _share(place: Place, path: str, modes: str = "acl:Read") -> None:
    """Everybody may read it, or more."""
    acl = (
        "@prefix acl: <http://www.w3.org/ns/auth/acl#> .\n"
        f"<#owner> a acl:Authorization; acl:agent <{place.base_url}{place.pod}profile/card#me>;\n"
        f"  acl:accessTo </{path}>; acl:default </{path}>; acl:mode acl:Read, acl:Write, acl:Control .\n"
        "<#all> a acl:Authorization; acl:agentClass <http://xmlns.com/foaf/0.1/Agent>;\n"
        f"  acl:accessTo </{path}>; acl:default </{path}>; acl:mode {modes} .\n"
    )
    await place.put(f"{path}.acl", acl.encode(), "text/turtle")


async def cases(place: Place, scale: float, *, many: int) -> AsyncIterator[Case]:
    """The rows of every server. `scale` multiplies the number of requests, beside the scale of the place."""

    def times(count: int) -> int:
        return max(50, int(count * scale * place.scale))

    path, language = _public(place), place.language
    public = request("GET", place, path, accept=language.media_type)
    known = request("GET", place, path, accept=language.media_type, none_match=await _tag(place, path))
    other = request("GET", place, path, accept=language.other)
    short, ok = _folder(place, "short"), frozenset({200})
    listing = request("GET", place, short, accept=language.media_type)
    first = FEW
    for at in LOADS:
        yield Case("GET 1 kB, public, as it is stored", repeat(public, times(40_000)), ok, at, 40)
        yield Case("GET the same, not modified", repeat(known, times(40_000)), frozenset({304}), at, 42)
        yield Case("GET the same in another syntax", repeat(other, times(30_000)), ok, at, 33)
        signed = _signed(place, "GET", _private(place), times(8_000))
        yield Case("GET 1 kB, with a fresh proof each", signed, ok, at, 13, signed=True)
        changes = _puts(place, 60, folder=short, first=first, body=language.member, by=place.owner)
        first += 60
        name = f"GET {FEW}-member listing, changed each second"
        yield Case(name, repeat(listing, times(16_000)), ok, at, 9, meanwhile=changes)
    long = _folder(place, "long")
    changes = _puts(place, 60, folder=long, first=many, body=language.member, by=place.owner)
    requests = repeat(request("GET", place, long, accept=language.media_type), times(4_000))
    name = f"GET {many:,}-member listing, changed each second"
    yield Case(name, requests, ok, 1, work=40, meanwhile=changes, probe=public)
    async for case in _writes(place, times):
        yield case


async def _writes(place: Place, times: Callable[[int], int]) -> AsyncIterator[Case]:
    """By anybody, in a container that is open to all; and by the owner, who has to show who that is."""
    made, new, edited = 0, frozenset({201}), frozenset({200, 204, 205})
    for at in LOADS:
        for by, who in ((None, ""), (place.owner, ", signed")):
            folder, count = _folder(place, "open" if by is None else "puts"), times(5_000)
            puts = _puts(place, count, folder=folder, first=made, by=by)
            yield Case(f"PUT new 1 kB document, durable{who}", puts, new, at, 8)
            patches = _patches(place, times(4_000), folder=folder, first=made, by=by)
            yield Case(f"N3 PATCH with where, durable{who}", patches, edited, at, 8)
        made += count


async def own_cases(place: Place, shared: Shared, scale: float) -> AsyncIterator[Case]:
    """The rows that no other server has: a listing made for one caller, and a read through a grant."""

    def times(count: int) -> int:
        return max(50, int(count * scale))

    folder, ok = _folder(place, "some"), frozenset({200})
    members = _puts(place, SOME, folder=folder, body=place.language.member, by=place.owner)
    laid = await load.run("members", place.port, members, connections=16)
    assert laid.statuses == {201: SOME}, laid.statuses
    yield Case(f"GET {SOME:,}-member listing, with a proof", _signed(place, "GET", folder, times(400)), ok)
    view = shared.view.removeprefix(place.base_url)
    yield Case("read a diploma through a grant", _signed(place, "GET", view, times(2_000), shared.reader), ok)


async def _tag(place: Place, path: str) -> str:
    accept = {"Accept": place.language.media_type}
    answer = await place.owner.call("GET", f"{place.base_url}{path}", headers=accept)
    return next(value for name, value in answer.headers.items() if name.lower() == "etag")


def _signed(place: Place, method: str, path: str, count: int, party: Party | None = None) -> Iterator[bytes]:
    accept = place.language.media_type
    made = [request(method, place, path, accept=accept, by=party or place.owner) for _ in range(count)]
    return iter(made)


def _puts(
    place: Place, count: int, *, folder: str, by: Party | None, first: int = 0, body: bytes | None = None
) -> Iterator[bytes]:
    kind, content = place.language.media_type, place.language.document if body is None else body
    paths = [f"{folder}{number:06}{place.language.suffix}" for number in range(first, first + count)]
    return iter([request("PUT", place, path, by=by, body=content, media_type=kind) for path in paths])


def _patches(place: Place, count: int, *, folder: str, first: int, by: Party | None) -> Iterator[bytes]:
    """Each replaces the description of a document of its own: one of those that were put before."""
    made = []
    for number in range(first, first + count):
        path = f"{folder}{number:06}{place.language.suffix}"
        patch = place.language.patch(_OLD, f"{number}").encode()
        made.append(request("PATCH", place, path, by=by, body=patch, media_type="text/n3"))
    return iter(made)


def request(
    method: str,
    place: Place,
    path: str,
    *,
    accept: str = "",
    by: Party | None = None,
    body: bytes = b"",
    media_type: str = "",
    none_match: str = "",
) -> bytes:
    """One request as it goes over the wire, signed when it is `by` somebody."""
    lines = [f"{method} /{path} HTTP/1.1", f"Host: localhost:{place.port}"]
    lines += [f"Accept: {accept}"] if accept else []
    if by is not None and place.bearer and method != "GET":
        lines.append(f"Authorization: Bearer {place.bearer}")
    elif by is not None:
        lines += [f"Authorization: DPoP {by.token}", f"DPoP: {by.proof(method, f'{place.base_url}{path}')}"]
    lines += [f"If-None-Match: {none_match}"] if none_match else []
    lines += [f"Content-Type: {media_type}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
