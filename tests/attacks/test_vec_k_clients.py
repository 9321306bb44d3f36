"""VEC-K: clients that do not prove who they are, or ask for what is not theirs (RFC 6749 §2.3, §5.2, OP-11)."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, ask, refused, register
from tests.forge import Holder, Now, assertion, jws, new_key, public, read
from tests.live import Live
from tests.people import Person, Visitor
from vault.identity.clients import Client
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import ClientId


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


@pytest.mark.requirement("OP-11", "RFC6749-5")
async def test_machine_gets_the_scopes_there_are_and_hears_which(http: Visitor, alice: Person) -> None:
    app = machine_of(http, alice)
    asked = {"grant_type": "client_credentials", "scope": "webid calendar admin webid", **app.credentials}
    answer = await app.post_token(**asked)
    assert answer.json["scope"] == read(answer.json["access_token"])[1]["scope"] == "webid"


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


async def change(vault: Vault, client_id: str, **changes: Any) -> Client:
    """Writes the client anew, as whoever looks after it does."""
    async with vault.writing() as work:
        known = await work.clients.get(ClientId(client_id))
        assert known is not None
        await work.clients.put(replace(known, **changes))
    return known


@pytest.mark.requirement("VEC-K03", "VEC-T28")
async def test_vec_k03_t28_revoked_client_gets_no_token_and_the_one_it_has_is_refused(
    server: Live, http: Visitor, alice: Person
) -> None:
    """The second token was never seen at a resource, so that nothing remembers it as good."""
    app = await register(http)
    browser, holders = Browser(http), []
    for _ in range(2):
        tokens = (await app.redeem(await app.code_for(browser, alice))).json
        holders.append(replace(app.holder, token=tokens["access_token"]))
    assert (await ask(http, holders[0], alice.pod)).status == 200
    server.within(lambda vault: change(vault, app.client_id, revoked=vault.clock()))
    assert refused(await ask(http, holders[1], alice.pod), "invalid_token")
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_client")
    assert is_error(await app.push(), "invalid_client")
    page = await browser.open(app.authorization_url())
    assert page.status == 400
    assert "Location" not in page.headers


@pytest.mark.requirement("VEC-K01", "VEC-K03")
async def test_secret_that_was_changed_counts_until_its_time_is_over(server: Live, http: Visitor) -> None:
    app = await register(http)

    async def rotate(vault: Vault, minutes: int) -> None:
        until = vault.clock() + timedelta(minutes=minutes)
        former = digest(app.client_secret or "")
        await change(vault, app.client_id, secret_hash=digest("new"), former_secret_hash=former, former_until=until)

    for minutes, error in ((5, "invalid_grant"), (-5, "invalid_client")):
        server.within(lambda vault, wait=minutes: rotate(vault, wait))  # type: ignore[misc]
        assert is_error(await app.refresh("never-given-out"), error)
        assert is_error(await replace(app, client_secret="new").refresh("never-given-out"), "invalid_grant")
        assert is_error(await replace(app, client_secret="other").refresh("never-given-out"), "invalid_client")


@pytest.mark.requirement("OP-11")
async def test_last_use_of_a_machine_is_kept_to_the_hour(server: Live, http: Visitor, alice: Person) -> None:
    server.within(lambda vault: change(vault, alice.client_id, last_used=None))
    app = machine_of(http, alice)
    answer = await app.post_token(grant_type="client_credentials", **app.credentials)
    assert answer.status == 200
    kept = server.within(lambda vault: change(vault, alice.client_id)).last_used
    assert kept is not None
    assert (kept.minute, kept.second, kept.microsecond) == (0, 0, 0)


# How a client proves itself with a key, and does not (RFC 7523 §3): K04 to K08.

ASSERTIONS: dict[str, dict[str, Any]] = {
    "K04-other-audience": {"aud": "https://other.example/token"},
    "K04-no-audience": {"aud": None},
    "K04-issuer-without-its-slash": {"aud": "http://localhost"},
    "K05-expired": {"exp": Now(-130)},
    "K05-no-exp": {"exp": None},
    "K05-good-for-a-day": {"exp": Now(86_400)},
    "K05-from-ahead": {"iat": Now(600)},
    "K05-not-yet": {"nbf": Now(600)},
    "K05-times-in-words": {"exp": "soon"},
    "K06-no-jti": {"jti": None},
    "K06-long-jti": {"jti": "x" * 257},
    "K08-subject-of-another-client": {"sub": "never-registered", "iss": "never-registered"},
    "K08-issued-by-another": {"iss": "another"},
    "K08-no-subject": {"sub": None},
}


@pytest.mark.requirement("VEC-K", "RFC7523-3")
@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in ASSERTIONS.items()])
async def test_vec_k04_to_k08_assertion_that_does_not_hold_is_refused(http: Visitor, changes: dict[str, Any]) -> None:
    key = new_key()
    app = await register(http, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public(key)]})
    for proof, error in (
        (assertion(app.client_id, http.base_url, key, **changes), "invalid_client"),
        (assertion(app.client_id, http.base_url, key), "invalid_grant"),
    ):
        answer = await app.post_token(grant_type="refresh_token", refresh_token="never-given-out", **proof)
        assert is_error(answer, error), answer.text


@pytest.mark.requirement("VEC-K06", "RFC7523-3")
async def test_vec_k06_assertion_is_good_once(http: Visitor) -> None:
    key = new_key()
    app = await register(http, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public(key)]})
    proof = assertion(app.client_id, http.base_url, key)
    form = {"grant_type": "refresh_token", "refresh_token": "never-given-out", **proof}
    answers = await asyncio.gather(*(app.post_token(**form) for _ in range(4)))
    assert sorted(answer.json["error"] for answer in answers) == [*["invalid_client"] * 3, "invalid_grant"]
    # What was not believed is not used up: nobody but the client can spend its ids.
    kept = assertion(app.client_id, http.base_url, key, jti="mine")
    stolen = assertion(app.client_id, http.base_url, new_key(), jti="mine")
    for given, error in ((stolen, "invalid_client"), (kept, "invalid_grant")):
        assert is_error(await app.post_token(**{**form, **given}), error)


@pytest.mark.requirement("VEC-K07", "VEC-K08", "RFC7523-3")
async def test_vec_k07_k08_assertion_is_signed_by_a_key_of_the_client(http: Visitor) -> None:
    key = new_key()
    app = await register(http, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public(key)]})
    good = assertion(app.client_id, http.base_url, key)
    header, claims = read(good["client_assertion"])
    oct_key = new_key("HS256")
    forged = {
        "none": jws({**header, "alg": "none"}, claims, None),
        "hmac": jws({**header, "alg": "HS256"}, claims, oct_key),
        "another-key": jws(header, claims, new_key()),
        "its-own-key": jws({**header, "jwk": public(thief := new_key())}, claims, thief),
        "another-algorithm": jws({**header, "alg": "RS256"}, claims, new_key("RS256")),
        "altered": good["client_assertion"][:-6] + "AAAAAA",
        "a-proof": jws({**header, "typ": "dpop+jwt"}, claims, key),
        "an-access-token": jws({**header, "typ": "at+jwt"}, claims, key),
        "not-a-token": "abc",
    }
    for name, text in forged.items():
        proof = {**good, "client_assertion": text}
        answer = await app.post_token(grant_type="refresh_token", refresh_token="never-given-out", **proof)
        assert is_error(answer, "invalid_client"), name
    answer = await app.post_token(grant_type="refresh_token", refresh_token="never-given-out", **good)
    assert is_error(answer, "invalid_grant")


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
