"""VEC-C: authorization codes that are refused with `invalid_grant` (RFC 6749 §4.1, RFC 7636, RFC 9700)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser import Browser, ask, challenge, forms_of, refused, register
from tests.forge import Holder
from tests.live import serving
from tests.people import Answer, Person, Visitor, visiting
from vault.config import IdentitySettings


def is_error(answer: Answer, error: str) -> bool:
    """RFC 6749 §5.2: 400, JSON, not stored, and readable by a script elsewhere."""
    return (
        answer.status == (401 if error == "invalid_client" else 400)
        and answer.json["error"] == error
        and answer.headers["Cache-Control"] == "no-store"
        and answer.headers["Access-Control-Allow-Origin"] == "*"
    )


@pytest.mark.requirement("OP-3", "OP-8", "OP-9", "OP-10", "OP-13")
async def test_code_brings_tokens_once(http: Visitor, alice: Person) -> None:
    app = await register(http)
    answer = await app.redeem(await app.code_for(Browser(http), alice))
    assert answer.status == 200, answer.text
    assert answer.json["token_type"] == "DPoP"
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}
    assert answer.json["scope"] == "offline_access openid webid"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("VEC-C01")
async def test_vec_c01_code_used_twice_ends_its_tokens(http: Visitor, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    first = await app.redeem(code)
    assert first.status == 200
    assert is_error(await app.redeem(code), "invalid_grant")
    assert is_error(await app.refresh(first.json["refresh_token"]), "invalid_grant")
    holder = replace(app.holder, token=first.json["access_token"])
    assert refused(await ask(http, holder, alice.pod), "invalid_token")  # RFC 6749 §4.1.2: what it brought ends, too


@pytest.mark.requirement("VEC-C02")
async def test_vec_c02_code_of_another_client_is_refused_and_used_up(http: Visitor, alice: Person) -> None:
    app, thief = await register(http), await register(http)
    code = await app.code_for(Browser(http), alice)
    assert is_error(await thief.redeem(code, code_verifier=app.verifier), "invalid_grant")
    assert is_error(await app.redeem(code), "invalid_grant")


@pytest.mark.requirement("VEC-C03")
@pytest.mark.parametrize("uri", ["https://app.example/other", "https://app.example/cb?x", None])
async def test_vec_c03_other_redirect_uri_is_refused(http: Visitor, alice: Person, uri: str | None) -> None:
    app = await register(http, redirect_uris=["https://app.example/cb", "https://app.example/other"])
    code = await app.code_for(Browser(http), alice)
    assert is_error(await app.redeem(code, redirect_uri=uri), "invalid_grant")


@pytest.mark.requirement("VEC-C03", "OP-5", "RFC9700-2")
@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"),
        ("http://[::1]:1/cb", "http://[::1]:49152/cb"),
        ("org.example.app:/cb", "org.example.app:/cb"),
        ("https://app.example/cb?fixed=1&code=none", "https://app.example/cb?fixed=1&code=none"),
    ],
)
async def test_answer_keeps_the_redirect_as_asked_and_the_code_wants_that_very_one(
    http: Visitor, alice: Person, registered: str, asked: str
) -> None:
    app = replace(await register(http, redirect_uris=[registered]), redirect_uri=asked)
    browser, joined = Browser(http), "&" if "?" in asked else "?"
    for given in (registered, asked):
        page = await browser.open(app.authorization_url())
        page = await browser.sign_in(alice, page) if "/idp/login" in [form.action for form in forms_of(page)] else page
        page = await browser.submit(page, "/idp/consent", press="allow") if page.status == 200 else page
        assert page.headers["Location"].startswith(f"{asked}{joined}code=")
        code = parse_qs(urlsplit(page.headers["Location"]).query)["code"][-1]
        answer = await app.redeem(code, redirect_uri=given)
        assert answer.status == 200 if given == asked else is_error(answer, "invalid_grant")


@pytest.mark.requirement("VEC-C04", "OP-3")
@pytest.mark.parametrize("verifier", [None, ""])
async def test_vec_c04_absent_verifier_is_an_invalid_request(
    http: Visitor, alice: Person, verifier: str | None
) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    assert is_error(await app.redeem(code, code_verifier=verifier), "invalid_request")
    assert (await app.redeem(code)).status == 200  # nothing was tried, so nothing is used up


@pytest.mark.requirement("VEC-C05", "OP-3")
async def test_vec_c05_wrong_verifier_is_refused_and_there_is_no_second_try(http: Visitor, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    assert is_error(await app.redeem(code, code_verifier="x" * 43), "invalid_grant")
    assert is_error(await app.redeem(code), "invalid_grant")


@pytest.mark.requirement("VEC-C05")
async def test_vec_c05_the_challenge_itself_is_no_verifier(http: Visitor, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    assert is_error(await app.redeem(code, code_verifier=challenge(app.verifier)), "invalid_grant")


@pytest.mark.requirement("VEC-C06")
async def test_vec_c06_code_older_than_its_minute_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, identity={"code_seconds": 0}) as live:
        async with visiting(live.base_url) as http:
            app = await register(http)
            code = await app.code_for(Browser(http), live.people["alice"])
            assert is_error(await app.redeem(code), "invalid_grant")


@pytest.mark.requirement("VEC-C06")
def test_vec_c06_code_lives_no_longer_than_a_minute() -> None:
    assert IdentitySettings().code_seconds <= 60


@pytest.mark.requirement("VEC-C07")
async def test_vec_c07_altered_code_is_refused(http: Visitor, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    for altered in (code[:-1], code + "A", code.swapcase(), "x", code.replace(code[0], "_", 1) + "_"):
        assert is_error(await app.redeem(altered), "invalid_grant")
    assert is_error(await app.redeem(""), "invalid_request")
    assert (await app.redeem(code)).status == 200


@pytest.mark.requirement("VEC-C08")
async def test_vec_c08_other_key_than_announced_is_refused(http: Visitor, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice, dpop_jkt=app.holder.thumbprint)
    other = Holder()
    assert is_error(await app.redeem(code, proof=other.proof("POST", app.token_url)), "invalid_grant")
    code = await app.code_for(Browser(http), alice, dpop_jkt=app.holder.thumbprint)
    assert (await app.redeem(code)).status == 200


@pytest.mark.requirement("VEC-C09")
async def test_vec_c09_of_two_exchanges_at_once_one_passes(http: Visitor, alice: Person) -> None:
    app = await register(http)
    browser = Browser(http)
    for _ in range(3):
        code = await app.code_for(browser, alice)
        answers = await asyncio.gather(*(app.redeem(code) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400, 400]


@pytest.mark.requirement("VEC-C", "VEC-F05", "ATK-02")
async def test_code_from_before_everybody_was_signed_out_is_refused(http: Visitor, bob: Person) -> None:
    app, browser = await register(http), Browser(http)
    code = await app.code_for(browser, bob)
    await browser.submit(await browser.open("/my/account/sessions"), "/my/account/sessions/everywhere")
    assert is_error(await app.redeem(code), "invalid_grant")
    assert (await app.redeem(await app.code_for(browser, bob))).status == 200


@pytest.mark.requirement("OP-12")
async def test_exchange_without_or_with_a_bad_proof_is_refused(http: Visitor, alice: Person) -> None:
    app = await register(http)
    code = await app.code_for(Browser(http), alice)
    for proof in (
        "",
        "abc",
        app.holder.proof("GET", app.token_url),
        app.holder.proof("POST", f"{http.base_url}idp/userinfo"),
        app.holder.proof("POST", app.token_url, header={"typ": "JWT"}),
    ):
        assert is_error(await app.redeem(code, proof=proof), "invalid_dpop_proof")
    proof = app.holder.proof("POST", app.token_url)
    assert (await app.redeem(code, proof=proof)).status == 200
    again = await app.code_for(Browser(http), alice)
    assert is_error(await app.redeem(again, proof=proof), "invalid_dpop_proof")  # seen before
