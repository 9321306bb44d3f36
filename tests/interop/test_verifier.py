"""The verifier with which other Solid servers judge our tokens: it takes the right ones, and each wrong one it refuses
by an error of its own."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.browser import App, Browser, machine, register
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import Holder, changed, jws, new_key, public, read
from tests.interop.node import client, require
from tests.live import Live
from tests.people import Person, Visitor
from vault.ports import Vault

__all__ = ["elsewhere"]

Case = dict[str, Any]


def case(holder: Holder, url: str, *, token: str | None = None, proof: str | None = None, **changes: Any) -> Case:
    """A request as another server would see it; `changes` alter the claims of the proof."""
    presented = holder.token if token is None else token
    bound = replace(holder, token=presented)
    return {
        "token": presented,
        "proof": bound.proof("GET", url, **changes) if proof is None else proof,
        "method": "GET",
        "url": url,
    }


def altered(token: str, **claims: Any) -> str:
    """The token with other claims under the signature it had."""
    header, old = read(token)
    return f"{jws(header, {**old, **claims}, None)}{token.rpartition('.')[2]}"


def signed_by_us(server: Live, token: str, **claims: Any) -> str:
    """The token with other claims, signed with the server's own key."""
    full = changed(read(token)[1], claims)

    async def sign(vault: Vault) -> str:
        return vault.keys.sign(full, "at+jwt")

    return server.within(sign)


async def signed_in(http: Visitor, person: Person) -> App:
    """An app with an access token of the code flow."""
    app = await register(http, token_endpoint_auth_method="none")
    answer = await app.redeem(await app.code_for(Browser(http), person))
    assert answer.status == 200, answer.text
    app.holder.token = answer.json["access_token"]
    return app


@pytest.mark.requirement("OP-9")
async def test_the_verifier_of_others_takes_our_tokens(server: Live, http: Visitor, alice: Person) -> None:
    require("@solid/access-token-verifier")
    app, holder = await signed_in(http, alice), await machine(http, alice)
    rsa = await machine(http, alice, algorithm="RS256")
    url = "https://pod.other.example/diary?day=1"
    seen = await client(
        "verifier",
        server,
        cases={
            "code": case(app.holder, url),
            "machine": case(holder, url),
            "RSA": case(rsa, url, proof=rsa.proof("GET", url, header={"jwk": {**public(rsa.key), "alg": "RS256"}})),
            "without ath": case(holder, url, ath=None),
        },
    )
    by_machine = {"webid": alice.webid, "client": alice.client_id, "iss": server.base_url}
    assert seen == {
        "code": {**by_machine, "client": app.client_id},
        "machine": by_machine,
        "RSA": by_machine,
        "without ath": by_machine,
    }


@pytest.mark.requirement("OP-9")
async def test_the_verifier_of_others_refuses_what_was_tampered_with(
    server: Live, http: Visitor, elsewhere: Elsewhere, alice: Person, bob: Person
) -> None:
    require("@solid/access-token-verifier")
    holder, thief = await machine(http, alice), Holder()
    token, url, now = holder.token, "https://pod.other.example/diary", int(time.time())
    header, claims = read(token)
    once = case(holder, url)
    stranger = elsewhere.webid("zoe", "https://idp.other.example/")

    def ours(**changes: Any) -> Case:
        return case(holder, url, token=signed_by_us(server, token, **changes))

    cases = {
        "cut": case(holder, url, token=token[:-8]),
        "no signature": case(holder, url, token=f"{token.rpartition('.')[0]}."),
        "two parts": case(holder, url, token=token.rpartition(".")[0]),
        "as somebody else": case(holder, url, token=altered(token, webid=bob.webid)),
        "longer": case(holder, url, token=altered(token, exp=now + 86400)),
        "key of the thief": case(holder, url, token=jws(header, claims, new_key())),
        "unknown key": case(holder, url, token=jws({**header, "kid": "other"}, claims, new_key())),
        "unsigned": case(holder, url, token=jws({**header, "alg": "none"}, claims, None) + "e30"),
        "expired": ours(iat=now - 900, exp=now - 300),
        "from the future": ours(iat=now + 600, exp=now + 1200),
        "of another audience": ours(aud="https://app.example/"),
        "for a WebID that does not name us": ours(webid=stranger),
        "of an issuer that the WebID does not name": case(holder, url, token=altered(token, iss=elsewhere.issuer)),
        "plain http": ours(webid="http://pod.other.example/card#me"),
        "no WebID": ours(webid=None),
        "proof of the thief": case(thief, url, token=token),
        "other address": case(holder, url, htu="https://pod.other.example/letters"),
        "other method": case(holder, url, htm="PUT"),
        "other token": case(holder, url, ath="e" * 43),
        "old proof": case(holder, url, iat=now - 600),
        "once": once,
        "twice": once,
        "no scheme": {**case(holder, url), "scheme": "Basic"},
    }
    seen = await client("verifier", server, cases=cases)
    right = {"webid": alice.webid, "client": alice.client_id, "iss": server.base_url}
    assert seen == {
        "cut": "JWSSignatureVerificationFailed",
        "no signature": "Base64TokenSegmentError",
        "two parts": "JwtStructureError",
        "as somebody else": "JWSSignatureVerificationFailed",
        "longer": "JWSSignatureVerificationFailed",
        "key of the thief": "JWSSignatureVerificationFailed",
        "unknown key": "JWKSNoMatchingKey",
        "unsigned": "JOSEAlgNotAllowed",
        "expired": "JWTExpired exp",
        "from the future": "JWTClaimValidationFailed iat",
        "of another audience": "JWTClaimValidationFailed aud",
        "for a WebID that does not name us": "IssuerVerificationError",
        "of an issuer that the WebID does not name": "IssuerVerificationError",
        "plain http": "SecureUriClaimVerificationError",
        "no WebID": "RequiredClaimVerificationError",
        "proof of the thief": "JwkThumbprintVerificationError",
        "other address": "HttpUriVerificationError",
        "other method": "HttpMethodVerificationError",
        "other token": "AccessTokenHashVerificationError",
        "old proof": "JWTExpired iat",
        "once": right,
        "twice": "JwtIdentifierVerificationError",
        "no scheme": "AuthenticationSchemeVerificationError",
    }
