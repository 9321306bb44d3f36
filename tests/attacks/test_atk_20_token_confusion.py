"""ATK-20: nothing in a token chooses how it is verified; what one door accepts, another does not."""

from __future__ import annotations

import json

import pytest
from joserfc.jwk import ECKey, OctKey

from tests.browser import Browser, ask, machine, refused, register
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import Holder, encoded, jws, new_key, public, read
from tests.people import Person, Visitor
from vault.identity.tokens import ALGORITHMS

__all__ = ["elsewhere"]


@pytest.mark.requirement("ATK-20", "RS-6")
def test_atk_20_no_symmetric_algorithm_is_in_the_table() -> None:
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name == "none"]


@pytest.mark.requirement("ATK-20")
async def test_atk_20_keys_of_an_issuer_that_could_not_verify_do_not(
    http: Visitor, home: str, elsewhere: Elsewhere
) -> None:
    """A key set with a shared secret, a private key, a key for encryption and a weak key: no token of them holds."""
    webid = elsewhere.webid("dora")
    shared, private, weak = OctKey.generate_key(256), ECKey.generate_key("P-256"), new_key("RS256", bits=1024)
    encrypting = ECKey.generate_key("P-256")
    keys = [
        {**shared.as_dict(), "kid": "shared"},
        {**private.as_dict(private=True), "kid": "private"},
        {**public(weak), "kid": "weak"},
        {**public(encrypting), "kid": "encrypting", "use": "enc"},
        {"kid": "nothing"},
    ]
    elsewhere.publish_issuer()
    elsewhere.publish("/jwks", json.dumps({"keys": [*keys, "no key at all"]}), "application/json")
    for algorithm, kid, key in (
        ("HS256", "shared", shared),
        ("ES256", "private", private),
        ("RS256", "weak", weak),
        ("ES256", "encrypting", encrypting),
        ("ES256", "nothing", private),
    ):
        holder = elsewhere.holder(webid)
        claims = read(holder.token)[1]
        holder.token = jws({"alg": algorithm, "typ": "at+jwt", "kid": kid}, claims, key)
        assert refused(await ask(http, holder, home), "invalid_token"), kid


@pytest.mark.requirement("ATK-20")
async def test_atk_20_proof_is_no_token_and_token_is_no_proof(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    proof = holder.proof("GET", alice.pod)
    assert refused(await ask(http, Holder(proof, key=holder.key), alice.pod), "invalid_token")
    assert refused(await ask(http, holder, alice.pod, proof=holder.token), "invalid_dpop_proof")


@pytest.mark.requirement("ATK-20")
async def test_atk_20_key_of_the_proof_signs_no_token(http: Visitor, alice: Person) -> None:
    """A holder who signs claims of her own choice with the key the token is bound to."""
    holder = await machine(http, alice)
    header, claims = read(holder.token)
    for changes in ({}, {"kid": None}, {"jwk": public(holder.key)}):
        forged = {name: value for name, value in {**header, **changes}.items() if value is not None}
        holder.token = jws(forged, {**claims, "exp": claims["exp"] + 1}, holder.key)
        assert refused(await ask(http, holder, alice.pod), "invalid_token")


@pytest.mark.requirement("ATK-20")
async def test_atk_20_id_token_hint_is_no_credential(http: Visitor, alice: Person) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice))).json
    app.holder.token = tokens["id_token"]
    assert refused(await ask(http, app.holder, f"{http.base_url}idp/userinfo"), "invalid_token")
    answer = await http.get(f"{http.base_url}idp/userinfo", Authorization=f"Bearer {tokens['access_token']}")
    assert refused(answer, "invalid_token")


@pytest.mark.requirement("ATK-20", "VEC-T18")
async def test_atk_20_remembered_token_does_not_cover_its_neighbours(http: Visitor, alice: Person) -> None:
    """A token that was verified a moment ago is known by its every byte."""
    holder = await machine(http, alice)
    assert (await ask(http, holder, alice.pod)).status == 200
    good = holder.token
    head, body, signature = good.split(".")
    claims = {**read(good)[1], "webid": alice.webid.replace("alice", "bob")}
    for altered in (
        f"{head}.{encoded(json.dumps(claims).encode())}.{signature}",
        f"{good[:-2]}{'A' if good[-2] != 'A' else 'B'}{good[-1]}",
        f"{head}.{body}",
    ):
        holder.token = altered
        assert refused(await ask(http, holder, alice.pod), "invalid_token")
    holder.token = good
    assert (await ask(http, holder, alice.pod)).status == 200
