"""RFC 7523 and OpenID Connect Core 9: clients that prove themselves by a key (private_key_jwt)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import Key

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, ask, register
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import ASSERTION_TYPE, Now, assertion, new_key, public, read
from tests.live import Live
from tests.people import Answer, Person, Visitor
from vault.identity.clients import ClientAuth
from vault.ports import Vault
from vault.values import ClientId

__all__ = ["elsewhere"]

BY_KEY = {"token_endpoint_auth_method": "private_key_jwt"}


async def with_key(http: Visitor, key: Key, **metadata: Any) -> App:
    return await register(http, **{**BY_KEY, "jwks": {"keys": [{**public(key), "kid": "one"}]}, **metadata})


async def refreshed(app: App, proof: dict[str, Any], **changes: Any) -> Answer:
    """A token request that fails for its refresh token only once the client is believed."""
    form = {"grant_type": "refresh_token", "refresh_token": "never-given-out", "client_id": app.client_id}
    return await app.post_token(**{**form, **proof, **changes})


def believed(answer: Answer) -> bool:
    return is_error(answer, "invalid_grant")


@pytest.mark.requirement("RFC7523-3", "OP-8")
async def test_app_signs_people_in_with_its_key(http: Visitor, alice: Person) -> None:
    key = new_key()
    app = await with_key(http, key)
    assert app.client_secret is None
    code = await app.code_for(Browser(http), alice)
    tokens = await app.redeem(code, **assertion(app.client_id, app.token_url, key))
    assert tokens.status == 200, tokens.text
    renewed = await app.refresh(tokens.json["refresh_token"], **assertion(app.client_id, app.token_url, key))
    assert renewed.status == 200
    # Like the refresh token of any client that authenticates, this one is bound to the client, not to a DPoP key.
    other = replace(app, holder=replace(app.holder, key=new_key()))
    answer = await other.refresh(renewed.json["refresh_token"], **assertion(app.client_id, app.token_url, key))
    assert answer.status == 200


@pytest.mark.requirement("RFC7523-3")
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256", "PS256", "PS384", "PS512", "EdDSA"])
async def test_every_algorithm_that_discovery_names_signs_an_assertion(http: Visitor, algorithm: str) -> None:
    key = new_key(algorithm)
    app = await with_key(http, key)
    proof = assertion(app.client_id, http.base_url, key, header={"alg": algorithm, "kid": "one"})
    assert believed(await refreshed(app, proof))


FINE: dict[str, dict[str, Any]] = {
    "audience-in-a-list": {"aud": ["https://other.example/", "{issuer}"]},
    "just-expired": {"exp": Now(-60)},
    "a-little-ahead": {"iat": Now(60)},
    "no-iat": {"iat": None},
    "an-hour": {"exp": Now(3600)},
}


@pytest.mark.requirement("RFC7523-3")
@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in FINE.items()])
async def test_assertion_is_accepted(http: Visitor, changes: dict[str, Any]) -> None:
    key = new_key()
    app = await with_key(http, key)
    given: dict[str, Any] = {
        name: [http.base_url, "x"] if isinstance(value, list) else value for name, value in changes.items()
    }
    assert believed(await refreshed(app, assertion(app.client_id, http.base_url, key, **given)))
    assert believed(await refreshed(app, assertion(app.client_id, http.base_url, key), client_id=None))


@pytest.mark.requirement("RFC7523-3", "RFC9126-2", "RFC7009-2", "RFC7662-2")
@pytest.mark.parametrize("audience", ["issuer", "token", "endpoint"])
async def test_key_proves_the_client_at_every_endpoint(http: Visitor, alice: Person, audience: str) -> None:
    key = new_key()
    app = await with_key(http, key)

    def proof(name: str) -> dict[str, Any]:
        audiences = {"issuer": http.base_url, "token": app.token_url, "endpoint": f"{http.base_url}idp/{name}"}
        return assertion(app.client_id, audiences[audience], key)

    assert (await app.push(by=proof("par"))).status == 201
    tokens = (await app.redeem(await app.code_for(Browser(http), alice), **proof("token"))).json
    told = await app.post("introspect", token=tokens["access_token"], **proof("introspect"))
    assert told.json["active"] is True
    assert (await app.post("revoke", token=tokens["access_token"], **proof("revoke"))).status == 200
    told = await app.post("introspect", token=tokens["access_token"], **proof("introspect"))
    assert told.json == {"active": False}
    for name in ("par", "revoke", "introspect"):
        wrong = assertion(app.client_id, http.base_url, new_key())
        assert is_error(await app.post(name, token="x", **wrong), "invalid_client")


@pytest.mark.requirement("RFC7523-3")
async def test_one_way_at_a_time(http: Visitor) -> None:
    key = new_key()
    app = await with_key(http, key)
    proof = assertion(app.client_id, http.base_url, key)
    assert is_error(await refreshed(app, proof, client_secret="any"), "invalid_request")
    assert is_error(await refreshed(app, {}, client_secret="any"), "invalid_client")
    assert is_error(await refreshed(app, {}), "invalid_client")  # its name alone is not enough
    for kind in (None, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"):
        assert is_error(await refreshed(app, {**proof, "client_assertion_type": kind or ""}), "invalid_request")
    assert is_error(await refreshed(app, {"client_assertion_type": ASSERTION_TYPE}), "invalid_client")
    assert is_error(await refreshed(app, proof, client_id="another"), "invalid_client")
    # A client with a secret does not change to a key by itself, nor does a public one.
    for method in ("client_secret_basic", "none"):
        other = await register(http, token_endpoint_auth_method=method)
        assert is_error(await refreshed(other, assertion(other.client_id, http.base_url, key)), "invalid_client")


@pytest.mark.requirement("RFC7523-3", "RS-10")
async def test_keys_behind_jwks_uri_are_fetched_remembered_and_looked_for_once_more(
    http: Visitor, elsewhere: Elsewhere
) -> None:
    key = new_key()
    url = elsewhere.publish("/keys", json.dumps({"keys": [{**public(key), "kid": "one"}]}), "application/json")
    app = await register(http, **BY_KEY, jwks_uri=url)
    bad = assertion(app.client_id, "https://other.example/", key, header={"kid": "one"})
    assert is_error(await refreshed(app, bad), "invalid_client")
    assert elsewhere.asked == []  # what could not be accepted anyway causes no fetch
    for _ in range(2):
        proof = assertion(app.client_id, http.base_url, key, header={"kid": "one"})
        assert believed(await refreshed(app, proof))
    for _ in range(3):
        proof = assertion(app.client_id, http.base_url, new_key(), header={"kid": "two"})
        assert is_error(await refreshed(app, proof), "invalid_client")
    assert elsewhere.asked == ["/keys"]


@pytest.mark.requirement("RFC7523-3", "RS-9")
@pytest.mark.parametrize(("body", "status"), [("{}", 200), ("[]", 200), ("not json", 200), ("{}", 404)])
async def test_keys_that_cannot_be_had_prove_nothing(
    http: Visitor, elsewhere: Elsewhere, body: str, status: int
) -> None:
    url = elsewhere.publish("/keys", body, "application/json", status=status)
    app = await register(http, **BY_KEY, jwks_uri=url)
    assert is_error(await refreshed(app, assertion(app.client_id, http.base_url, new_key())), "invalid_client")


@pytest.mark.requirement("RFC7523-3", "OP-4", "CI-4")
async def test_client_id_document_may_demand_its_key(http: Visitor, alice: Person, elsewhere: Elsewhere) -> None:
    key, client_id = new_key(), f"{elsewhere.base_url}app"
    document = {
        "@context": ["https://www.w3.org/ns/solid/oidc-context.jsonld"],
        "client_id": client_id,
        "redirect_uris": ["https://app.example/cb"],
        **BY_KEY,
        "jwks": {"keys": [public(key)]},
    }
    elsewhere.publish("/app", json.dumps(document), "application/ld+json")
    app = App(http, client_id, "https://app.example/cb")
    browser = Browser(http)
    assert is_error(await app.redeem(await app.code_for(browser, alice)), "invalid_client")
    answer = await app.redeem(await app.code_for(browser, alice), **assertion(client_id, app.token_url, key))
    assert answer.status == 200, answer.text
    assert is_error(await app.refresh(answer.json["refresh_token"]), "invalid_client")


@pytest.mark.requirement("RFC7523-3", "OP-11")
async def test_machine_of_an_account_proves_itself_with_a_key(server: Live, http: Visitor, alice: Person) -> None:
    key = new_key()

    async def give_key(vault: Vault) -> None:
        async with vault.writing() as work:
            known = await work.clients.get(ClientId(alice.client_id))
            assert known is not None
            other = replace(
                known, id=ClientId("keyed"), auth=ClientAuth.PRIVATE_KEY, secret_hash=None, jwks=(public(key),)
            )
            await work.clients.put(other)

    server.within(give_key)
    app = App(http, "keyed", "")
    answer = await app.post_token(grant_type="client_credentials", **assertion("keyed", app.token_url, key))
    assert answer.status == 200, answer.text
    assert read(answer.json["access_token"])[1]["webid"] == alice.webid
    assert (await ask(http, replace(app.holder, token=answer.json["access_token"]), alice.pod)).status == 200
    answer = await app.post_token(grant_type="client_credentials", client_id="keyed", client_secret="x")
    assert is_error(answer, "invalid_client")
