"""Solid-OIDC, the OpenID Provider: discovery, tokens, client identities (OP-1 to OP-16)."""

from __future__ import annotations

import hashlib
import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.browser import App, Browser, forms_of, machine, register
from tests.forge import encoded, read
from tests.people import Person, Visitor


@pytest.mark.requirement("OP-1", "OP-2", "CO-9", "D10")
async def test_discovery_says_what_is_there(http: Visitor) -> None:
    answer = await http.get(f"{http.base_url}.well-known/openid-configuration")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    said = answer.json
    assert said["issuer"] == http.base_url
    assert "webid" in said["scopes_supported"]
    assert said["response_types_supported"] == ["code"]
    assert set(said["grant_types_supported"]) == {"authorization_code", "refresh_token", "client_credentials"}
    assert said["code_challenge_methods_supported"] == ["S256"]
    methods = {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
    assert set(said["token_endpoint_auth_methods_supported"]) == methods
    assert {"ES256", "RS256"} <= set(said["dpop_signing_alg_values_supported"])
    assert said["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert "none" not in said["dpop_signing_alg_values_supported"]
    assert said["subject_types_supported"] == ["public"]
    assert "webid" in said["claims_supported"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert [] not in said.values()  # RFC 8414 §3.2


@pytest.mark.requirement("OP-2", "CO-1")
async def test_every_endpoint_that_discovery_names_is_open_to_cors(http: Visitor) -> None:
    origin = "https://app.example"
    said = (await http.get(f"{http.base_url}.well-known/openid-configuration", Origin=origin)).json
    for name in (
        "jwks_uri",
        "token_endpoint",
        "userinfo_endpoint",
        "registration_endpoint",
        "pushed_authorization_request_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    ):
        url = said[name]
        assert url.startswith(http.base_url)
        method = "GET" if name in ("jwks_uri", "userinfo_endpoint") else "POST"
        preflight = await http.options(
            url,
            Origin=origin,
            Access_Control_Request_Method=method,
            Access_Control_Request_Headers="dpop,authorization",
        )
        assert preflight.status == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        assert method in preflight.listed("Access-Control-Allow-Methods")
        assert preflight.headers["Access-Control-Allow-Headers"] == "dpop,authorization"
        answer = await http.send(method, url, headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.requirement("OP-10")
async def test_published_keys_are_public_and_verify_our_tokens(http: Visitor, alice: Person) -> None:
    answer = await http.get((await http.get(f"{http.base_url}.well-known/openid-configuration")).json["jwks_uri"])
    assert answer.status == 200
    for key in answer.json["keys"]:
        public = {"EC": {"crv", "x", "y"}, "RSA": {"n", "e"}}[key["kty"]]
        assert set(key) == {"kty", "kid", "alg", "use"} | public
    token = jwt.decode(await http.token_of(alice), KeySet.import_key_set(answer.json), algorithms=["ES256"])
    assert token.header["kid"] in [key["kid"] for key in answer.json["keys"]]
    assert token.claims["webid"] == alice.webid


@pytest.mark.requirement("OP-10", "OP-8", "CH-1")
async def test_access_token_has_the_claims_that_clients_read(http: Visitor, alice: Person) -> None:
    app = await register(http)
    answer = await app.redeem(await app.code_for(Browser(http), alice))
    header, claims = read(answer.json["access_token"])
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "ES256"
    assert claims["iss"] == http.base_url
    assert claims["webid"] == claims["sub"] == alice.webid
    assert claims["aud"] == "solid" or "solid" in claims["aud"]
    assert claims["client_id"] == claims["azp"] == app.client_id
    assert claims["cnf"] == {"jkt": app.holder.thumbprint}
    assert claims["jti"]
    assert claims["exp"] - claims["iat"] == answer.json["expires_in"]
    assert abs(claims["iat"] - time.time()) < 10
    assert answer.json["token_type"] == "DPoP"


@pytest.mark.requirement("OP-9")
async def test_id_token_has_the_claims_of_solid_oidc(http: Visitor, alice: Person) -> None:
    app = await register(http)
    before = int(time.time())
    answer = await app.redeem(await app.code_for(Browser(http), alice, max_age="600"))
    header, claims = read(answer.json["id_token"])
    assert header["kid"]
    assert claims["iss"] == http.base_url
    assert claims["webid"] == claims["sub"] == alice.webid
    assert claims["aud"] == [app.client_id, "solid"]
    assert claims["azp"] == app.client_id
    assert claims["nonce"] == "n-0S6_WzA2Mj"
    assert claims["cnf"] == {"jkt": app.holder.thumbprint}
    assert before - 5 <= claims["auth_time"] <= claims["iat"] < claims["exp"]


@pytest.mark.requirement("OP-9")
async def test_thumbprint_is_that_of_rfc_7638(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    key = holder.key.as_dict(private=False)
    members = ",".join(f'"{name}":"{key[name]}"' for name in ("crv", "kty", "x", "y"))
    expected = encoded(hashlib.sha256(f"{{{members}}}".encode()).digest())
    assert read(holder.token)[1]["cnf"]["jkt"] == expected


@pytest.mark.requirement("OP-7")
async def test_authorization_response_carries_the_issuer_byte_for_byte(http: Visitor, alice: Person) -> None:
    app = await register(http)
    answered = await app.answered(Browser(http), alice)
    assert answered["iss"] == http.base_url
    assert answered["state"] == app.state


@pytest.mark.requirement("OP-6")
async def test_registration_without_the_scope_webid_is_taken(http: Visitor, alice: Person) -> None:
    app = await register(http, scope="openid")
    assert (await app.redeem(await app.code_for(Browser(http), alice))).status == 200


@pytest.mark.requirement("OP-13")
async def test_refresh_token_is_given_without_prompt_consent(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    for _ in range(2):  # with and without a consent page in between
        assert "refresh_token" in (await app.redeem(await app.code_for(browser, alice))).json


@pytest.mark.requirement("OP-16")
async def test_consent_names_the_client_and_is_remembered_for_it_alone(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    app, other = await register(http, client_name="Career helper"), await register(http, client_name="Other app")
    page = await browser.sign_in(alice, await browser.open(app.authorization_url()))
    assert "Career helper" in page.text
    assert "app.example" in page.text  # where the answer goes
    assert "not verified" in page.text
    await browser.submit(page, "/idp/consent", press="allow")
    assert (await browser.open(app.authorization_url())).status == 303  # remembered
    again = await browser.open(other.authorization_url())
    assert (again.status, "Other app" in again.text) == (200, True)
    wider = await browser.open(app.authorization_url(scope="openid webid offline_access profile"))
    assert wider.status == 200
    asked = await browser.open(app.authorization_url(prompt="consent"))
    assert asked.status == 200


@pytest.mark.requirement("OP-16", "UX-07")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_yes_and_no_are_equal_and_the_page_is_in_four_languages(
    http: Visitor, alice: Person, language: str
) -> None:
    app, browser = await register(http), Browser(http, language=language)
    page = await browser.sign_in(alice, await browser.open(app.authorization_url()))
    assert f'<html lang="{language}">' in page.text
    assert "account." not in page.text  # no text is missing
    form = next(form for form in forms_of(page) if form.action == "/idp/consent")
    assert [value for _, value in form.buttons] == ["allow", "refuse"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "https://app.example" in page.headers["Content-Security-Policy"]  # the form may lead back to the app


@pytest.mark.requirement("OP-11", "CH-1")
async def test_machine_login_with_nothing_but_an_rs256_proof(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice, algorithm="RS256")
    claims = read(holder.token)[1]
    assert "solid" in claims["aud"]
    assert claims["exp"] > time.time()


@pytest.mark.requirement("OP-6", "PAIN-08")
async def test_registration_lasts_and_needs_no_session(http: Visitor, alice: Person) -> None:
    app = await register(http, token_endpoint_auth_method="none", grant_types=["authorization_code", "refresh_token"])
    again = App(http, app.client_id, app.redirect_uri)
    assert (await again.redeem(await again.code_for(Browser(http), alice))).status == 200
