"""ATK-20: credentials that are no text at all. They never come from a client library, so they come by a socket; each is
refused with the error of its own kind, and none makes the server stumble (RS-9)."""

from __future__ import annotations

import pytest

from tests.attacks.raw import authority, exchange
from tests.browser import App, machine
from tests.people import Person, Visitor

BYTES = [
    pytest.param(b"\xff", id="no-utf-8"),
    pytest.param(b"\xed\xa0\x80", id="half-a-surrogate"),
    pytest.param("\u00e9".encode(), id="utf-8"),
]


async def say(http: Visitor, method: str, path: str, *lines: bytes, body: bytes = b"") -> bytes:
    """The whole answer to these header lines."""
    host, port = authority(http.base_url)
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", f"Content-Length: {len(body)}"]
    return await exchange(http.base_url, b"\r\n".join([*(line.encode() for line in head), *lines, b"", body]))


def inside(text: bytes, what: bytes) -> list[bytes]:
    """A token with these bytes before, in, and behind each of its parts."""
    parts = text.split(b".")
    return [b".".join([*parts[:at], parts[at] + what, *parts[at + 1 :]]) for at in range(3)] + [what, what + text]


@pytest.mark.requirement("ATK-20", "VEC-T27", "RS-9")
@pytest.mark.parametrize("what", BYTES)
async def test_token_that_is_no_text_is_an_invalid_token(http: Visitor, alice: Person, what: bytes) -> None:
    holder = await machine(http, alice)
    for token in inside(holder.token.encode(), what):
        proof = holder.proof("GET", alice.pod, ath=None).encode()  # good, so that the token is what is looked at
        for lines in ((b"Authorization: DPoP " + token, b"DPoP: " + proof), (b"Authorization: Bearer " + token,)):
            answer = await say(http, "GET", "/alice/", *lines)
            assert answer.startswith(b"HTTP/1.1 401 "), answer[:200]
            assert b'error="invalid_token"' in answer


@pytest.mark.requirement("ATK-20", "VEC-P04", "RS-9", "OP-12")
@pytest.mark.parametrize("what", BYTES)
async def test_proof_that_is_no_text_is_an_invalid_proof(http: Visitor, alice: Person, what: bytes) -> None:
    holder, app = await machine(http, alice), App(http, alice.client_id, "", alice.client_secret)
    form = f"grant_type=client_credentials&client_id={alice.client_id}&client_secret={alice.client_secret}".encode()
    kind = b"Content-Type: application/x-www-form-urlencoded"
    for proof in inside(holder.proof("GET", alice.pod).encode(), what):
        answer = await say(http, "GET", "/alice/", b"Authorization: DPoP " + holder.token.encode(), b"DPoP: " + proof)
        assert answer.startswith(b"HTTP/1.1 401 "), answer[:200]
        assert b'error="invalid_dpop_proof"' in answer
    for proof in inside(app.holder.proof("POST", app.token_url).encode(), what):
        answer = await say(http, "POST", "/idp/token", kind, b"DPoP: " + proof, body=form)
        assert answer.startswith(b"HTTP/1.1 400 "), answer[:200]
        assert b'"error":"invalid_dpop_proof"' in answer


@pytest.mark.requirement("ATK-20", "VEC-K09")
@pytest.mark.parametrize("what", BYTES)
async def test_other_credentials_that_are_no_text_are_nobodys(http: Visitor, what: bytes) -> None:
    answer = await say(http, "GET", "/.account/", b"Authorization: CSS-Account-Token " + what)
    assert answer.startswith(b"HTTP/1.1 401 "), answer[:200]
    kind, form = b"Content-Type: application/x-www-form-urlencoded", b"grant_type=client_credentials"
    answer = await say(http, "POST", "/idp/token", kind, b"Authorization: Basic " + what, body=form)
    assert answer.startswith(b"HTTP/1.1 401 "), answer[:200]
    assert b'"error":"invalid_client"' in answer
    cookies = b"Cookie: datakluis=" + what * 43 + b"; form=" + what * 43
    assert (await say(http, "GET", "/my/account", cookies)).startswith(b"HTTP/1.1 303 ")
