"""ATK-32 and the limits whose door is HTTP: slow heads and bodies, floods, and sizes that are too much."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.attacks.raw import authority, exchange, statuses
from tests.live import Live, serving
from tests.people import JSON_LD, N3, SPARQL, TURTLE, Person, Visitor, n3_patch, visiting

SOME = "<#it> <#is> <#here>."


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with small limits, so that each can be hit."""
    limits = {
        "header_seconds": 1.0,
        "body_seconds": 1.0,
        "rdf_bytes": 4096,
        "patch_bytes": 1024,
        "json_bytes": 2048,
        "form_bytes": 2048,
        "upload_bytes": 100_000,
        "quota_bytes": 150_000,
        "url_bytes": 1024,
        "header_bytes": 8192,
        "requests_per_minute": 100_000,
    }
    with serving(tmp_path_factory.mktemp("strict"), limits=limits) as live:
        yield live


@pytest.fixture
async def visitor(strict: Live) -> AsyncIterator[Visitor]:
    async with visiting(strict.base_url) as visitor:
        yield visitor


@pytest.fixture
def owner(strict: Live) -> Person:
    return strict.people["alice"]


def _host(live: Live) -> bytes:
    host, port = authority(live.base_url)
    return f"{host}:{port}".encode()


@pytest.mark.requirement("ATK-32")
async def test_a_head_that_drips_is_cut_off(strict: Live) -> None:
    start = time.monotonic()
    pieces = [b"GET /healthz HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 60]
    received = await exchange(strict.base_url, *pieces, pause=0.1)
    assert statuses(received) == []
    assert time.monotonic() - start < 8


@pytest.mark.requirement("ATK-32")
async def test_a_connection_that_says_nothing_is_closed(strict: Live) -> None:
    start = time.monotonic()
    assert await exchange(strict.base_url, patience=8) == b""
    assert time.monotonic() - start < 5


@pytest.mark.requirement("ATK-32")
async def test_a_body_that_drips_is_refused(strict: Live, visitor: Visitor, owner: Person) -> None:
    url = f"{owner.pod}slow"
    token = await visitor.token_of(owner)
    head = (
        f"PUT /alice/slow HTTP/1.1\r\nHost: {_host(strict).decode()}\r\nAuthorization: DPoP {token}\r\n"
        f"DPoP: {owner.proof('PUT', url)}\r\nContent-Type: text/turtle\r\nContent-Length: 1000\r\n\r\n"
    )
    start = time.monotonic()
    received = await exchange(strict.base_url, head.encode(), *[b" "] * 30, pause=0.1)
    assert statuses(received) == [400]
    assert b"body-too-slow" in received
    assert time.monotonic() - start < 15
    assert (await visitor.get(url, by=owner)).status == 404


@pytest.mark.requirement("ATK-32")
async def test_slow_connections_hold_nobody_else_up(strict: Live, visitor: Visitor) -> None:
    slow = [asyncio.open_connection(*authority(strict.base_url)) for _ in range(100)]
    opened = await asyncio.gather(*slow)
    for _, writer in opened:
        writer.write(b"GET /healthz HTTP/1.1\r\nX-Slow:")
    start = time.monotonic()
    assert (await visitor.get(f"{strict.base_url}healthz")).status == 200
    assert time.monotonic() - start < 1.0
    for _, writer in opened:
        writer.close()


@pytest.mark.requirement("ATK-32")
async def test_a_gigabyte_that_is_refused_is_never_sent(strict: Live) -> None:
    """A client that waits for the go-ahead hears the refusal instead."""
    head = (
        b"PUT /alice/big HTTP/1.1\r\nHost: HOST\r\nContent-Type: video/mp4\r\nContent-Length: 1000000000\r\n"
        b"Expect: 100-continue\r\n\r\n"
    ).replace(b"HOST", _host(strict))
    received = await exchange(strict.base_url, head, patience=1.0)
    assert received.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in received


@pytest.mark.requirement("PR-1")
async def test_a_client_that_waits_gets_the_go_ahead_when_it_may(visitor: Visitor, owner: Person) -> None:
    url = f"{owner.pod}waited"
    token = await visitor.token_of(owner)
    headers = {"Authorization": f"DPoP {token}", "DPoP": owner.proof("PUT", url), "Content-Type": TURTLE}
    async with visitor.session.put(url, data=SOME, headers=headers, expect100=True) as answer:
        assert answer.status == 201
    headers = {"Expect": "something-else", "Content-Type": TURTLE}
    async with visitor.session.put(url, data=SOME, headers=headers) as answer:
        assert answer.status == 417
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.requirement("LIM-02")
@pytest.mark.parametrize(
    ("method", "kind", "size"),
    [
        ("PUT", TURTLE, 4096),
        ("POST", TURTLE, 4096),
        ("PUT", JSON_LD, 4096),
        ("PATCH", N3, 1024),
        ("PATCH", SPARQL, 1024),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_rdf_and_patches_have_a_size(
    visitor: Visitor, owner: Person, method: str, kind: str, size: int, chunked: bool
) -> None:
    fits = {
        TURTLE: SOME,
        JSON_LD: "{}",
        N3: n3_patch(inserts="<#a> <#b> <#c>"),
        SPARQL: "INSERT DATA {<#a> <#b> <#c>}",
    }[kind]
    url = owner.pod if method == "POST" else f"{owner.pod}sized-{kind[-3:]}-{chunked}"
    for total, accepted in ((size, True), (size + 1, False)):
        body = fits.encode().ljust(total)
        status = await _send(visitor, owner, method, url, body, kind, chunked)
        assert (status in (201, 204)) if accepted else (status == 413)


async def _send(visitor: Visitor, owner: Person, method: str, url: str, body: bytes, kind: str, chunked: bool) -> int:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 700):
            yield body[start : start + 700]

    if not chunked:
        return (await visitor.send(method, url, by=owner, body=body, kind=kind)).status
    token = await visitor.token_of(owner)
    headers = {"Authorization": f"DPoP {token}", "DPoP": owner.proof(method, url), "Content-Type": kind}
    async with visitor.session.request(method, url, data=pieces(), headers=headers) as answer:
        return answer.status


@pytest.mark.requirement("LIM-02")
async def test_other_json_has_a_size(visitor: Visitor) -> None:
    body = b'{"redirect_uris":["https://app.example/cb"],"client_name":"%s"}'
    small, large = body % (b"x" * 100), body % (b"x" * 3000)
    url = f"{visitor.base_url}idp/register"
    assert (await visitor.post(url, small, kind="application/json")).status == 201
    assert (await visitor.post(url, large, kind="application/json")).status == 413


@pytest.mark.requirement("LIM-03")
@pytest.mark.parametrize("chunked", [False, True])
async def test_uploads_have_a_cap_and_leave_nothing_behind(
    strict: Live, visitor: Visitor, owner: Person, chunked: bool
) -> None:
    url = f"{owner.pod}film-{chunked}"
    assert await _send(visitor, owner, "PUT", url, b"x" * 100_001, "video/mp4", chunked) == 413
    assert (await visitor.get(url, by=owner)).status == 404
    assert await _send(visitor, owner, "PUT", url, b"x" * 60_000, "video/mp4", chunked) == 201
    assert strict.machine is not None
    arriving = Path(strict.machine.vault.settings.storage.data) / "blobs" / "arriving"
    assert list(arriving.iterdir()) == []
    assert (await visitor.delete(url, by=owner)).status == 204


@pytest.mark.requirement("LIM-03", "PR-1")
async def test_a_full_pod_says_so_and_has_room_again_after_a_deletion(visitor: Visitor, strict: Live) -> None:
    bob = strict.people["bob"]
    first = f"{bob.pod}one"
    assert (await visitor.put(first, b"x" * 90_000, by=bob, kind="video/mp4")).status == 201
    full = await visitor.put(f"{bob.pod}two", b"y" * 90_000, by=bob, kind="video/mp4")
    assert (full.status, full.json["reason"]) == (507, "over-quota")
    assert (await visitor.get(f"{bob.pod}two", by=bob)).status == 404
    assert (await visitor.put(first, b"z" * 95_000, by=bob, kind="video/mp4")).status == 204
    assert (await visitor.delete(first, by=bob)).status == 204
    assert (await visitor.put(f"{bob.pod}two", b"y" * 90_000, by=bob, kind="video/mp4")).status == 201


@pytest.mark.requirement("LIM-17", "ATK-32")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x-unknown"])
@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
async def test_compressed_bodies_are_not_read(visitor: Visitor, owner: Person, coding: str, method: str) -> None:
    url = owner.pod if method == "POST" else f"{owner.pod}packed"
    kind = N3 if method == "PATCH" else TURTLE
    bomb = gzip.compress(b" " * 5_000_000)
    headers = {"Content-Encoding": coding}
    answer = await visitor.send(method, url, by=owner, body=bomb[:4000], kind=kind, headers=headers)
    assert answer.status == 415
    assert (await visitor.get(f"{owner.pod}packed", by=owner)).status == 404


@pytest.mark.requirement("LIM-17")
@pytest.mark.parametrize("place", ["idp/token", "idp/register", "datasluis/requests"])
async def test_compressed_bodies_are_not_read_elsewhere_either(visitor: Visitor, owner: Person, place: str) -> None:
    kind = "application/x-www-form-urlencoded" if place == "idp/token" else "application/json"
    url = visitor.base_url + place
    by = owner if place.startswith("datasluis") else None
    answer = await visitor.send(
        "POST", url, by=by, body=gzip.compress(b"{}"), kind=kind, headers={"Content-Encoding": "gzip"}
    )
    assert 400 <= answer.status < 500


@pytest.mark.requirement("LIM-19")
async def test_a_token_has_a_size(visitor: Visitor, owner: Person) -> None:
    for size in (8 * 1024 + 1, 9 * 1024 - 100):
        answer = await visitor.get(owner.pod, Authorization=f"DPoP {'x' * size}", DPoP="x")
        assert answer.status in (400, 401, 413)
        if answer.status == 401:
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.requirement("LIM-19", "VEC-P")
async def test_a_proof_id_has_a_size(visitor: Visitor, owner: Person) -> None:
    token = await visitor.token_of(owner)
    for size, status in ((256, 200), (257, 401)):
        proof = owner.proof("GET", owner.pod, jti="x" * size)
        answer = await visitor.get(owner.pod, Authorization=f"DPoP {token}", DPoP=proof)
        assert answer.status == status


@pytest.mark.requirement("ATK-32", "LIM-19")
async def test_urls_and_heads_have_a_size(visitor: Visitor, owner: Person) -> None:
    assert (await visitor.get(f"{owner.pod}{'x' * 900}", by=owner)).status == 404
    assert (await visitor.get(f"{owner.pod}{'x' * 1100}", by=owner)).status == 413
    assert (await visitor.get(f"{owner.pod}?{'x' * 1100}", by=owner)).status == 413
    assert (await visitor.get(f"{owner.pod}{'x' * 100_000}")).status in (400, 413, 414)
    many = {f"X-Header-{number}": "x" * 200 for number in range(60)}
    assert (await visitor.send("GET", owner.pod, headers=many)).status in (400, 413)
    assert (await visitor.send("GET", owner.pod, headers={f"X-{n}": "y" for n in range(500)})).status in (400, 413)
    assert (await visitor.send("GET", owner.pod, headers={"X-Large": "x" * 50_000})).status == 413


@pytest.mark.requirement("ATK-32", "CH-10")
async def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path, limits={"requests_per_minute": 40}) as live:
        async with aiohttp.ClientSession() as session:
            http = Visitor(session, live.base_url)
            alice = live.people["alice"]
            token = await http.token_of(alice)
            answers = [await http.get(f"{live.base_url}healthz") for _ in range(60)]
            assert {answer.status for answer in answers} == {200, 429}
            refused = next(answer for answer in answers if answer.status == 429)
            assert 1 <= int(refused.headers["Retry-After"]) <= 61
            assert refused.headers["Access-Control-Allow-Origin"] == "*"
            # A script hears of it too: its preflight passes, and then it reads 429 (CO-2).
            asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
            assert (await http.send("OPTIONS", alice.pod, headers=asks)).status == 204
            assert (await http.send("OPTIONS", alice.pod)).status == 429
            # Decided before the proof is recorded: the very same request may be sent again.
            proof = alice.proof("GET", alice.pod)
            headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
            assert (await http.send("GET", alice.pod, headers=headers)).status == 429


@pytest.mark.requirement("ATK-32")
async def test_a_flood_of_connections_leaves_no_descriptors_behind(strict: Live, visitor: Visitor) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        opened = await asyncio.gather(*(asyncio.open_connection(*authority(strict.base_url)) for _ in range(60)))
        for _, writer in opened:
            writer.write(b"\x00\xff" * 50)
        for _, writer in opened:
            writer.close()
    await asyncio.sleep(1.5)
    assert len(os.listdir("/proc/self/fd")) < before + 30
    assert (await visitor.get(f"{strict.base_url}healthz")).status == 200
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 1024


@pytest.mark.requirement("LIM-04", "LIM-05", "LIM-07", "LIM-09", "LIM-13")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON_LD, '{"a":' * 70 + "1" + "}" * 70),
        (JSON_LD, "[" * 1000 + "]" * 1000),
        (TURTLE, "<#a> <#b> " + "[ <#c> " * 300 + "1" + "]" * 300 + "."),
        (TURTLE, "<#a> <#b> " + "(" * 1000 + ")" * 1000 + "."),
        (JSON_LD, json.dumps({"@context": {f"a{n}": "a:" for n in range(260)}}, separators=(",", ":"))),
    ],
)  # fmt: skip
async def test_structures_that_kill_parsers_are_refused_and_the_server_lives(
    visitor: Visitor, owner: Person, kind: str, body: str
) -> None:
    answer = await visitor.put(f"{owner.pod}deep", body, by=owner, kind=kind)
    assert answer.status == 422
    assert (await visitor.get(owner.pod, by=owner)).status == 200


@pytest.mark.requirement("ATK-29")
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:1", "127.0.0.1", "", "a@localhost", "localhost:3000.evil"]
)
async def test_no_other_host_is_taken_for_ours(strict: Live, host: str) -> None:
    request = f"GET /alice/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    received = await exchange(strict.base_url, request)
    assert statuses(received) == [400]
    assert b"evil" not in received


@pytest.mark.requirement("TR-1", "ATK-34")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", b"\xff\xfe"),
        ("Origin", "https://caf\u00e9.example".encode()),
        ("Accept", b"\xff/\xff"),
        ("Accept", b"," * 3000),
        ("If-None-Match", b"\xff"),
        ("If-Match", b'"' * 1000),
        ("Range", b"bytes=" + b"9" * 500 + b"-"),
        ("Link", b"<" * 2000),
        ("Slug", b"\xff\xfe"),
        ("Content-Type", b"\xff"),
        ("Content-Type", b";" * 1000),
        ("Authorization", b"\xff"),
        ("Authorization", b"DPoP \xff"),
        ("DPoP", b"\xff"),
        ("Prefer", b"=" * 2000),
        ("Cookie", b"\xff=\xff"),
        ("Access-Control-Request-Headers", b"\xff"),
        ("X-Forwarded-For", b"\xff"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "OPTIONS", "DELETE"])
async def test_no_header_makes_the_server_stumble(strict: Live, name: str, value: bytes, method: str) -> None:
    request = b"%s /alice/doc HTTP/1.1\r\nHost: %s\r\n%s: %s\r\nConnection: close\r\n\r\n" % (
        method.encode(), _host(strict), name.encode(), value,
    )  # fmt: skip
    codes = statuses(await exchange(strict.base_url, request))
    assert len(codes) == 1
    assert codes[0] < 500
