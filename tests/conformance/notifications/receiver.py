"""Somebody's webhook: it takes what comes, answers as a test wants, and checks who sent it as a stranger would."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import queue
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from multidict import CIMultiDict

from tests.elsewhere import Elsewhere, elsewhere_server
from tests.forge import read
from tests.people import JSON_LD, TERMS, Visitor


@dataclass(frozen=True)
class Call:
    """One POST as it arrived."""

    url: str
    headers: CIMultiDict[str]
    body: bytes
    at: float

    @property
    def message(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """`answers` are the statuses of the next calls, after them 200; a negative one means no answer at all."""

    place: str
    there: Elsewhere
    came: queue.Queue[Call] = field(default_factory=queue.Queue)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    always: int = 200

    async def next(self, seconds: float = 8.0) -> Call:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return self.came.get_nowait()
                except queue.Empty:
                    await asyncio.sleep(0.01)

    async def kinds(self, count: int) -> list[str]:
        return [(await self.next()).message["type"] for _ in range(count)]

    async def is_left_alone(self, seconds: float = 0.8) -> bool:
        await asyncio.sleep(seconds)
        return self.came.empty()

    async def take(self, request: web.Request) -> web.StreamResponse:
        assert request.method == "POST"
        body = await request.read()
        loop = asyncio.get_running_loop()
        self.came.put(Call(self.place, CIMultiDict(request.headers), body, loop.time()))
        status = self.answers.pop(0) if self.answers else self.always
        if status < 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=abs(status), headers=self.headers)


@contextmanager
def receiver() -> Iterator[Receiver]:
    with elsewhere_server() as there:
        made = Receiver(f"{there.base_url}hook", there)
        there.documents["/hook"] = made.take
        yield made


async def verified_sender(http: Visitor, call: Call) -> str:
    """The WebID that sent the call, checked as any resource server checks a caller (RS-3 to RS-7); raises when
    something does not fit."""
    scheme, _, token = call.headers["Authorization"].partition(" ")
    assert scheme == "DPoP"
    header, claims = read(token)
    proof_header, proof = read(call.headers["DPoP"])
    issuer = claims["iss"]
    document = await http.get(claims["webid"].partition("#")[0], accept="application/n-triples")
    assert f"<{claims['webid']}> <{TERMS}oidcIssuer> <{issuer}> ." in document.text
    keys = await keys_of(http, issuer)
    check(token, keys[header["kid"]])
    assert (header["typ"], claims["aud"]) == ("at+jwt", "solid")
    held = ECKey.import_key(proof_header["jwk"])
    check(call.headers["DPoP"], held)
    assert proof_header["typ"] == "dpop+jwt"
    assert (proof["htm"], proof["htu"]) == ("POST", call.url.partition("?")[0])
    assert claims["cnf"]["jkt"] == held.thumbprint()
    assert proof["ath"] == base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    return str(claims["webid"])


async def keys_of(http: Visitor, issuer: str) -> dict[str, ECKey]:
    configuration = (await http.get(f"{issuer}.well-known/openid-configuration")).json
    jwks = (await http.get(configuration["jwks_uri"])).json
    return {key["kid"]: ECKey.import_key(key) for key in jwks["keys"] if key["kty"] == "EC"}


def check(token: str, key: ECKey) -> None:
    signing_input, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    assert JWSRegistry.algorithms["ES256"].verify(signing_input.encode(), raw, key)


async def is_signed(http: Visitor, call: Call, **changes: Any) -> bool:
    """RFC 9421, as a receiver verifies it; `changes` are what an attacker altered: `body`, `url`, or a header."""
    headers = CIMultiDict(call.headers)
    headers.update({name.replace("_", "-"): value for name, value in changes.items() if name not in ("body", "url")})
    body, url = changes.get("body", call.body), changes.get("url", call.url)
    digest = content_digest(body)
    parameters = headers["Signature-Input"].partition("=")[2]
    found = re.fullmatch(
        r'\("@method" "@target-uri" "content-type" "content-digest"\);created=(\d+);keyid="([^"]+)"'
        r';alg="ecdsa-p256-sha256";nonce="([^"]+)";tag="datakluis-webhook"',
        parameters,
    )
    assert found, parameters
    values = {
        "@method": "POST",
        "@target-uri": url,
        "content-type": headers["Content-Type"],
        "content-digest": headers["Content-Digest"],
    }
    key = (await keys_of(http, http.base_url))[found[2]]
    fits = verifies(values, parameters, headers["Signature"].partition("=")[2], key)
    if not changes:
        assert found[3] == call.message["id"]
        assert headers["Content-Type"] == JSON_LD
    return fits and headers["Content-Digest"] == digest


def verifies(values: Mapping[str, str], parameters: str, signature: str, key: ECKey) -> bool:
    """Whether a signature by ecdsa-p256-sha256 holds (RFC 9421, sections 2.5 and 3.3.4). `values` are those of the
    components that `parameters` covers; `signature` is a byte sequence between colons."""
    covered = re.findall(r'"([^"]+)"', parameters.partition(")")[0])
    lines = [f'"{name}": {values[name]}' for name in covered] + [f'"@signature-params": {parameters}']
    raw = base64.b64decode(signature.strip(":"))
    return bool(JWSRegistry.algorithms["ES256"].verify("\n".join(lines).encode(), raw, key))


def content_digest(body: bytes) -> str:
    """RFC 9530, section 2."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
