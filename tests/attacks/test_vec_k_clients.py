"""VEC-K: clients that do not prove who they are, or ask for what is not theirs (RFC 6749 §2.3, §5.2, OP-11)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, ask, register
from tests.forge import Holder, read
from tests.people import Person, Visitor


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def machine_of(http: Visitor, person: Person) -> App:
    return App(http, person.client_id, "", person.client_secret)


@pytest.mark.requirement("OP-11", "CH-1")
@pytest.mark.parametrize("way", ["raw", "encoded", "posted"])
@pytest.mark.parametrize("scope", [None, "webid", "openid offline_access webid"])
async def test_credentials_of_a_machine_in_every_spelling(
    http: Visitor, alice: Person, way: str, scope: str | None
) -> None:
    app = machine_of(http, alice)
    if way == "posted":
        fields, headers = {"client_id": alice.client_id, "client_secret": alice.client_secret}, {}
    else:
        spell = quote_plus if way == "encoded" else str
        fields, headers = {}, basic(spell(alice.client_id), spell(alice.client_secret))
    answer = await app.post_token(grant_type="client_credentials", scope=scope, headers=headers, **fields)
    assert answer.status == 200, answer.text
    claims = read(answer.json["access_token"])[1]
    assert claims["webid"] == claims["sub"] == alice.webid
    assert claims["client_id"] == claims["azp"] == alice.client_id
    assert "refresh_token" not in answer.json
    if scope and "openid" in scope:
        assert alice.client_id in read(answer.json["id_token"])[1]["aud"]
    app.holder.token = answer.json["access_token"]
    assert (await ask(http, app.holder, alice.pod)).status == 200


@pytest.mark.requirement("OP-11")
async def test_basic_credentials_with_odd_characters_may_be_encoded_or_raw(http: Visitor, alice: Person) -> None:
    app = await register(http)
    assert app.client_secret is not None
    for spell in (str, quote_plus):
        answer = await app.post_token(
            headers=basic(spell(app.client_id), spell(app.client_secret)), grant_type="refresh_token", refresh_token="x"
        )
        assert is_error(answer, "invalid_grant")  # the client was recognised


@pytest.mark.requirement("VEC-K01")
@pytest.mark.parametrize("secret", ["wrong", "", "alice-secret-for-tests-0123456788", "ALICE-SECRET-FOR-TESTS"])
async def test_vec_k01_wrong_secret_is_refused(http: Visitor, alice: Person, secret: str) -> None:
    app = machine_of(http, alice)
    answer = await app.post_token(grant_type="client_credentials", headers=basic(alice.client_id, secret))
    assert is_error(answer, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    answer = await app.post_token(
        grant_type="client_credentials", client_id=alice.client_id, client_secret=secret or None
    )
    assert is_error(answer, "invalid_client")


@pytest.mark.requirement("VEC-K02")
async def test_vec_k02_secret_for_a_public_client_is_refused(http: Visitor, alice: Person) -> None:
    app = await register(http, token_endpoint_auth_method="none")
    assert app.client_secret is None
    code = await app.code_for(Browser(http), alice)
    assert is_error(await app.redeem(code, client_secret="anything"), "invalid_client")
    assert (await app.redeem(code)).status == 200


@pytest.mark.requirement("VEC-K01")
async def test_confidential_client_without_its_secret_is_refused(http: Visitor, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    assert is_error(await app.redeem(code, client_secret=None), "invalid_client")
    assert (await app.redeem(code)).status == 200


@pytest.mark.requirement("VEC-K09", "PAIN-08")
async def test_vec_k09_unknown_client_is_refused(http: Visitor) -> None:
    app = App(http, "never-registered", "https://app.example/cb")
    assert is_error(await app.redeem("code"), "invalid_client")
    assert is_error(await app.redeem("code", client_id=None), "invalid_client")
    answer = await app.post_token(grant_type="client_credentials", headers=basic("never-registered", "x"))
    assert is_error(answer, "invalid_client")


@pytest.mark.requirement("VEC-K")
@pytest.mark.parametrize("header", ["Basic !!!", "Basic YQ==", "Basic", "Bearer abc", "Basic w7_Dvzo="])
async def test_basic_header_that_cannot_be_read_is_refused(http: Visitor, header: str) -> None:
    app = App(http, "x", "")
    answer = await app.post_token(grant_type="client_credentials", headers={"Authorization": header})
    assert answer.status in (400, 401)
    assert answer.json["error"] in ("invalid_client", "invalid_request")


@pytest.mark.requirement("VEC-K")
async def test_two_ways_of_authenticating_at_once_are_refused(http: Visitor, alice: Person) -> None:
    answer = await machine_of(http, alice).post_token(
        grant_type="client_credentials",
        client_secret=alice.client_secret,
        headers=basic(alice.client_id, alice.client_secret),
    )
    assert is_error(answer, "invalid_request")
    answer = await machine_of(http, alice).post_token(
        grant_type="client_credentials", client_id="other", headers=basic(alice.client_id, alice.client_secret)
    )
    assert is_error(answer, "invalid_request")


@pytest.mark.requirement("VEC-K10")
async def test_vec_k10_exchange_that_is_not_its_own_is_refused(http: Visitor, alice: Person) -> None:
    machine = machine_of(http, alice)
    credentials: dict[str, Any] = {"client_id": alice.client_id, "client_secret": alice.client_secret}
    answer = await machine.post_token(grant_type="authorization_code", code="x", code_verifier="y", **credentials)
    assert is_error(answer, "unauthorized_client")
    answer = await machine.post_token(grant_type="refresh_token", refresh_token="x", **credentials)
    assert is_error(answer, "unauthorized_client")
    app = await register(http)
    answer = await app.post_token(
        grant_type="client_credentials", client_id=app.client_id, client_secret=app.client_secret
    )
    assert is_error(answer, "unauthorized_client")


@pytest.mark.requirement("VEC-K11")
@pytest.mark.parametrize("kind", ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", None])
async def test_vec_k11_other_exchanges_are_refused(http: Visitor, alice: Person, kind: str | None) -> None:
    answer = await machine_of(http, alice).post_token(
        grant_type=kind, username=alice.email, password=alice.password, headers=basic(alice.client_id, "x")
    )
    assert is_error(answer, "unsupported_grant_type" if kind else "invalid_request")


@pytest.mark.requirement("OP-8", "OP-12")
async def test_machine_without_a_proof_gets_no_token(http: Visitor, alice: Person) -> None:
    app = machine_of(http, alice)
    headers = basic(alice.client_id, alice.client_secret)
    answer = await app.post_token(grant_type="client_credentials", proof="", headers=headers)
    assert is_error(answer, "invalid_dpop_proof")


@pytest.mark.requirement("VEC-K")
async def test_token_endpoint_reads_forms_and_nothing_else(http: Visitor, alice: Person) -> None:
    url, holder = f"{http.base_url}idp/token", Holder()
    headers = {**basic(alice.client_id, alice.client_secret), "DPoP": holder.proof("POST", url)}
    body = "grant_type=client_credentials"
    answer = await http.send("POST", url, body=body, kind="application/json", headers=headers)
    assert answer.status == 415
    answer = await http.send("GET", f"{url}?{body}", headers=headers)
    assert answer.status == 405
    twice = f"{body}&{body}"
    answer = await http.send("POST", url, body=twice, kind="application/x-www-form-urlencoded", headers=headers)
    assert is_error(answer, "invalid_request")
    large = f"{body}&x={'y' * 70_000}"
    answer = await http.send("POST", url, body=large, kind="application/x-www-form-urlencoded", headers=headers)
    assert answer.status == 413
