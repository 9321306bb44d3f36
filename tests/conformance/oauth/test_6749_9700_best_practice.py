"""RFC 6749, 7636, 8414, 9207 and 9700: what every answer of the provider keeps to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, ask, refused, register, returned
from tests.forge import read
from tests.people import Person, Visitor


async def metadata(http: Visitor) -> Any:
    return (await http.get(f"{http.base_url}.well-known/openid-configuration")).json


@pytest.mark.requirement("RFC8414-3", "OP-2")
async def test_metadata_stand_at_both_well_known_addresses(http: Visitor) -> None:
    said = await metadata(http)
    answer = await http.get(f"{http.base_url}.well-known/oauth-authorization-server", Origin="https://app.example")
    assert answer.status == 200
    assert answer.json == said
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"


@pytest.mark.requirement("RFC8414-3", "RFC9126-2", "RFC7009-2", "RFC7662-2", "RFC9700-2")
async def test_metadata_tell_the_whole_truth(http: Visitor) -> None:
    said = await metadata(http)
    named = {
        "pushed_authorization_request_endpoint": "par",
        "revocation_endpoint": "revoke",
        "introspection_endpoint": "introspect",
        "token_endpoint": "token",
    }
    for member, name in named.items():
        assert said[member] == f"{http.base_url}idp/{name}"
        answer = await http.post(said[member], "x=y", kind="application/x-www-form-urlencoded")
        assert answer.json["error"] in ("invalid_client", "invalid_request")
    methods = {"client_secret_basic", "client_secret_post", "private_key_jwt"}
    assert set(said["introspection_endpoint_auth_methods_supported"]) == methods
    for endpoint in ("token", "revocation"):
        assert set(said[f"{endpoint}_endpoint_auth_methods_supported"]) == methods | {"none"}
        assert "none" not in said[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
    assert said["require_pushed_authorization_requests"] is False
    assert "password" not in said["grant_types_supported"]
    assert said["response_types_supported"] == ["code"]
    assert said["authorization_response_iss_parameter_supported"] is True


@pytest.mark.requirement("RFC9207-2", "OP-7")
async def test_every_answer_to_an_app_names_the_issuer(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    said = (await metadata(http))["issuer"]
    assert (await app.answered(browser, alice, "refuse"))["iss"] == said
    assert (await app.answered(browser, alice))["iss"] == said
    page = await browser.open(app.authorization_url(response_type="token"))
    assert returned(page, app.redirect_uri)["iss"] == said


@pytest.mark.requirement("RFC7636-4", "OP-3")
async def test_the_example_of_rfc_7636_holds(http: Visitor, alice: Person) -> None:
    """Appendix B: this verifier and this challenge belong together."""
    app = replace(await register(http), verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    asked = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}
    browser = Browser(http)
    assert is_error(
        await app.redeem(await app.code_for(browser, alice, **asked), code_verifier="x" * 43), "invalid_grant"
    )
    assert (await app.redeem(await app.code_for(browser, alice, **asked))).status == 200


@pytest.mark.requirement("RFC6749-5", "RFC9700-2")
@pytest.mark.parametrize("name", ["token", "par", "revoke", "introspect"])
async def test_endpoints_for_clients_read_one_form_and_answer_in_json(http: Visitor, name: str) -> None:
    app = await register(http)
    url, form = f"{http.base_url}idp/{name}", "application/x-www-form-urlencoded"
    assert is_error(await app.post(name, token="x", client_id="never-registered"), "invalid_client") or name == "token"
    answer = await http.send("POST", url, body="token=a&token=b", kind=form)
    assert is_error(answer, "invalid_request")
    assert answer.headers["Content-Type"] == "application/json"
    assert (await http.get(f"{url}?client_id={app.client_id}")).status == 405  # nothing is read from a URL
    assert (await http.post(url, "{}", kind="application/json")).status == 415
    assert (await http.post(url, f"x={'y' * 70_000}", kind=form)).status == 413


@pytest.mark.requirement("RFC9700-2")
async def test_answer_to_the_consent_form_is_a_303(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    await browser.sign_in(alice)
    page = await browser.open(app.authorization_url())
    answer = await browser.submit(page, "/idp/consent", press="allow", follow=False)
    assert answer.status == 303
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC9700-4", "VEC-C01")
async def test_second_use_of_a_code_ends_what_it_brought_through_refreshes_too(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    code = await app.code_for(browser, alice)
    first = (await app.redeem(code)).json
    renewed = (await app.refresh(first["refresh_token"])).json
    other = (await app.redeem(await app.code_for(browser, alice))).json
    assert is_error(await app.redeem(code), "invalid_grant")
    for token in (first["access_token"], renewed["access_token"]):
        assert refused(await ask(http, replace(app.holder, token=token), alice.pod), "invalid_token")
    assert is_error(await app.refresh(renewed["refresh_token"]), "invalid_grant")
    # Another grant of the same app and person is untouched.
    assert (await ask(http, replace(app.holder, token=other["access_token"]), alice.pod)).status == 200


async def id_token(app: App, http: Visitor, person: Person) -> str:
    answer = await app.redeem(await app.code_for(Browser(http), person))
    return str(answer.json["id_token"])


@pytest.mark.requirement("OP-2", "OP-9", "RFC7591-2")
@pytest.mark.parametrize("algorithm", [None, "ES256", "RS256"])
async def test_id_token_is_signed_as_the_client_registered(http: Visitor, alice: Person, algorithm: str | None) -> None:
    asked = {} if algorithm is None else {"id_token_signed_response_alg": algorithm}
    app = await register(http, **asked)
    text = await id_token(app, http, alice)
    keys = (await http.get((await metadata(http))["jwks_uri"])).json
    wanted = algorithm or "ES256"
    assert read(text)[0]["alg"] == wanted
    token = jwt.decode(text, KeySet.import_key_set(keys), algorithms=[wanted])
    assert token.claims["webid"] == alice.webid
    # Access tokens are for resource servers, and signed alike for all.
    answer = await app.redeem(await app.code_for(Browser(http), alice))
    assert read(answer.json["access_token"])[0]["alg"] == "ES256"
    # The one place that reads an ID token again knows either kind: logout by hint happens at once.
    page = await Browser(http).open(f"/idp/end-session?id_token_hint={text}")
    assert page.url.endswith("/idp/signed-out")


@pytest.mark.requirement("RFC6749-5")
@pytest.mark.parametrize("name", ["token", "par", "revoke", "introspect"])
@pytest.mark.parametrize(
    "body", ["grant_type=\u00e9", "grant_type=%ff", "a=1&" * 200, "token=a&token=b", "client_id=a&client_id=a"]
)
async def test_form_that_cannot_be_read_is_an_invalid_request(http: Visitor, name: str, body: str) -> None:
    answer = await http.send("POST", f"{http.base_url}idp/{name}", body=body, kind="application/x-www-form-urlencoded")
    assert is_error(answer, "invalid_request"), answer.text
    assert answer.json["error_description"]
