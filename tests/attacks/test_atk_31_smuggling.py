"""ATK-31: one answer for each request on a connection, and none where it could be two."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.attacks.raw import authority, exchange, statuses
from tests.live import Live
from tests.people import Visitor, path_of


def _host(server: Live) -> bytes:
    host, port = authority(server.base_url)
    return f"{host}:{port}".encode()


SECOND = b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n"

AMBIGUOUS = {
    "both lengths": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 6\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
    "two lengths": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a list of lengths": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5, 6\r\n\r\nhello",
    "a signed length": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: +5\r\n\r\nhello",
    "a hexadecimal length": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0x5\r\n\r\nhello",
    "a negative length": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: -5\r\n\r\nhello",
    "an unknown coding": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"POST /alice/ HTTP/1.1\r\nHost: HOST\r\nContent-Length : 5\r\n\r\nhello",
    "an obsolete fold": b"GET /alice/ HTTP/1.1\r\nHost: HOST\r\nX-A: b\r\n c\r\n\r\n",
    "a bare carriage return": b"GET /alice/ HTTP/1.1\r\nHost: HOST\r\nX-A: b\rX-B: c\r\n\r\n",
    "a NUL": b"GET /alice/ HTTP/1.1\r\nHost: HOST\r\nX-A: b\0c\r\n\r\n",
    "two hosts": b"GET /alice/ HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
    "another host": b"GET /alice/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET /alice/ HTTP/1.1\r\n\r\n",
    "another authority": b"GET http://evil.example/alice/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "another protocol": b"GET /alice/ HTTP/3.7\r\nHost: HOST\r\n\r\n",
    "a space in the target": b"GET /alice/ x HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a control character in the target": b"GET /alice/\x01 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a chunk size that is none": b"PUT /idp/register HTTP/1.1\r\nHost: HOST\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
}


@pytest.mark.requirement("ATK-31", "PR-1")
@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_what_could_be_read_in_two_ways_is_refused(server: Live, name: str) -> None:
    received = await exchange(server.base_url, AMBIGUOUS[name].replace(b"HOST", _host(server)), patience=2.0)
    codes = statuses(received)
    assert len(codes) <= 1
    assert all(400 <= code < 500 for code in codes), received[:300]


@pytest.mark.requirement("ATK-31")
@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_nothing_hides_behind_a_request_that_is_refused(server: Live, name: str) -> None:
    hidden = AMBIGUOUS[name] + b"GET /alice/hidden HTTP/1.1\r\nHost: HOST\r\n\r\n"
    received = await exchange(server.base_url, hidden.replace(b"HOST", _host(server)), patience=2.0)
    codes = statuses(received)
    assert all(400 <= code < 500 for code in codes), codes
    assert len(codes) <= 2


@pytest.mark.requirement("ATK-31")
async def test_requests_in_one_packet_each_get_their_own_answer(server: Live) -> None:
    first = b"GET /readyz HTTP/1.1\r\nHost: HOST\r\n\r\n"
    refused = b"GET /alice/ HTTP/1.1\r\nHost: HOST\r\n\r\n"
    last = SECOND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    received = await exchange(server.base_url, (first + refused + last).replace(b"HOST", _host(server)))
    assert statuses(received) == [200, 401, 200]


@pytest.mark.requirement("ATK-31")
async def test_a_body_nobody_wanted_is_not_taken_for_a_request(server: Live) -> None:
    inner = b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n".replace(b"HOST", _host(server))
    outer = b"PUT /alice/doc HTTP/1.1\r\nHost: HOST\r\nContent-Type: text/turtle\r\nContent-Length: %d\r\n\r\n" % len(
        inner
    )
    last = SECOND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    received = await exchange(
        server.base_url, (outer.replace(b"HOST", _host(server)) + inner + last.replace(b"HOST", _host(server)))
    )
    assert statuses(received) == [401, 200]


@pytest.mark.requirement("ATK-31", "PR-1")
async def test_the_absolute_form_of_our_own_address_is_understood(server: Live) -> None:
    request = b"GET http://HOST/healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n".replace(
        b"HOST", _host(server)
    )
    assert statuses(await exchange(server.base_url, request)) == [200]


@pytest.mark.requirement("ATK-31")
async def test_chunk_extensions_and_trailers_change_nothing(server: Live) -> None:
    body = b'5;ext="a"\r\nhello\r\n0\r\nHost: evil.example\r\nAuthorization: DPoP x\r\n\r\n'
    head = b"PUT /alice/doc HTTP/1.1\r\nHost: HOST\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    last = SECOND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n").replace(b"HOST", _host(server))
    codes = statuses(await exchange(server.base_url, head.replace(b"HOST", _host(server)) + body + last))
    assert codes in ([401, 200], [401], [400])


UNREADABLE = {
    "an unknown method": (b"DAHU /alice/ HTTP/1.1\r\nHost: HOST\r\n\r\n", 501),
    "a long header": (b"GET /alice/ HTTP/1.1\r\nHost: HOST\r\nX-Secret: " + b"s" * 30_000 + b"\r\n\r\n", 413),
    "a long address": (b"GET /alice/" + b"s" * 30_000 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n", 413),
    "many headers": (b"GET /alice/ HTTP/1.1\r\nHost: HOST\r\n" + b"X-Secret: sss\r\n" * 2000 + b"\r\n", 400),
    "no HTTP at all": (b"\x16\x03\x01sss\r\n\r\n", 501),
    "another protocol": (AMBIGUOUS["another protocol"], 400),
    "a NUL": (AMBIGUOUS["a NUL"], 400),
}


@pytest.mark.requirement("ATK-31", "ATK-34", "PR-6", "PR-9", "CO-1", "TR-1")
@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_is_answered_like_everything_else(server: Live, name: str) -> None:
    """As a problem document, to scripts too; nothing of what came is repeated, nor what runs here."""
    sent, status = UNREADABLE[name]
    received = await exchange(server.base_url, sent.replace(b"HOST", _host(server)), patience=2.0)
    assert statuses(received) == [status]
    head, _, body = received.lower().partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"access-control-allow-origin: *" in head
    assert b"x-request-id: " in head
    assert b"server:" not in head
    assert b"aiohttp" not in received.lower()
    assert b"sss" not in body
    assert json.loads(body)["status"] == status


@pytest.mark.requirement("ATK-31", "PR-1")
async def test_a_transfer_coding_that_is_not_understood_is_not_implemented(server: Live, home: str) -> None:
    alice = server.people["alice"]
    async with aiohttp.ClientSession() as session:
        http = Visitor(session, server.base_url)
        token, url = await http.token_of(alice), f"{home}coded"
        head = (
            f"PUT {path_of(url)} HTTP/1.1\r\nHost: {_host(server).decode()}\r\nAuthorization: DPoP {token}\r\n"
            f"DPoP: {alice.proof('PUT', url)}\r\nContent-Type: text/plain\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        )
        received = await exchange(server.base_url, head.encode() + b"3\r\nabc\r\n0\r\n\r\n", patience=2.0)
        assert statuses(received)[0] == 501
        assert (await http.get(url, by=alice)).status == 404
