"""RFC 9449 section 5 and 6: what the token endpoint does with proofs, and what its tokens are bound to."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.browser import Browser, ask, machine, refused, register
from tests.forge import Holder, read
from tests.people import Person, Visitor


@pytest.mark.requirement("OP-8", "OP-10")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_tokens_are_bound_to_the_key_of_the_proof(http: Visitor, alice: Person, algorithm: str) -> None:
    holder = await machine(http, alice, algorithm=algorithm)
    assert read(holder.token)[1]["cnf"]["jkt"] == holder.thumbprint
    thief = Holder(token=holder.token)
    assert refused(await ask(http, thief, alice.pod), "invalid_token")
    assert (await ask(http, holder, alice.pod)).status == 200


@pytest.mark.requirement("OP-12", "RS-7")
async def test_htu_is_the_external_url_of_the_endpoint(http: Visitor, alice: Person) -> None:
    app = await register(http)
    for url in (app.token_url.replace("localhost", "LOCALHOST"), f"{app.token_url}?x=y"):
        code = await app.code_for(Browser(http), alice)
        proof = app.holder.proof("POST", app.token_url, htu=url)
        assert (await app.redeem(code, proof=proof)).status == 200
    code = await app.code_for(Browser(http), alice)
    for url in (app.token_url + "/", app.token_url.replace("localhost", "127.0.0.1"), "/idp/token"):
        answer = await app.redeem(code, proof=app.holder.proof("POST", app.token_url, htu=url))
        assert (answer.status, answer.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.requirement("OP-13")
async def test_refresh_token_of_a_confidential_client_is_bound_to_its_secret_not_to_the_key(
    http: Visitor, alice: Person
) -> None:
    """RFC 9449 §5: only a public client's refresh token is bound to the key; this one may change its key."""
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice))).json
    changed = replace(app, holder=Holder())
    renewed = await changed.refresh(tokens["refresh_token"])
    assert renewed.status == 200
    assert read(renewed.json["access_token"])[1]["cnf"]["jkt"] == changed.holder.thumbprint


@pytest.mark.requirement("OP-12")
async def test_proof_of_the_token_request_opens_no_resource(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    proof = holder.proof("POST", f"{http.base_url}idp/token")
    assert refused(await ask(http, holder, alice.pod, proof=proof), "invalid_dpop_proof")


@pytest.mark.requirement("OP-12", "PAIN-16")
async def test_clock_that_is_off_is_told_at_the_token_endpoint_too(http: Visitor, alice: Person) -> None:
    app = await register(http)
    proof = app.holder.proof("POST", app.token_url, iat=int(time.time()) - 1000)
    answer = await app.redeem("a-code", proof=proof)
    assert answer.json["error"] == "invalid_dpop_proof"
    assert -1005 < answer.json["clock_skew"] <= -1000
    assert "behind" in answer.json["error_description"]
