"""ATK-22: mix-up, code injection, the answer that leaks, and forms that lead elsewhere (RFC 9700)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import Browser, forms_of, register, returned
from tests.people import Person, Visitor


@pytest.mark.requirement("ATK-22", "OP-7")
async def test_atk_22_every_answer_names_its_issuer_against_mix_up(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    answers = [
        returned(await browser.open(app.authorization_url(prompt="none")), app.redirect_uri),
        returned(await browser.open(app.authorization_url(response_type="token")), app.redirect_uri),
        await app.answered(browser, alice, "refuse"),
        await app.answered(browser, alice),
    ]
    assert [answer["iss"] for answer in answers] == [http.base_url] * 4
    assert [answer.get("error") for answer in answers] == [
        "login_required",
        "unsupported_response_type",
        "access_denied",
        None,
    ]


@pytest.mark.requirement("ATK-22", "OP-3")
async def test_atk_22_injected_code_fails_on_the_challenge(http: Visitor, alice: Person, bob: Person) -> None:
    """Bob's code, put into the session that Alice's browser has with the same app, which holds another verifier."""
    app = await register(http)
    hers = replace(app, verifier="another verifier for another session of the app")
    code = await app.code_for(Browser(http), bob)
    assert is_error(await hers.redeem(code), "invalid_grant")


@pytest.mark.requirement("ATK-22")
async def test_atk_22_password_is_never_sent_on_to_the_app(http: Visitor, alice: Person) -> None:
    """RFC 9700 §4.12: after the form a 303, so that the browser drops the body; a 307 would repeat it."""
    app, browser = await register(http), Browser(http)
    await app.code_for(browser, alice)
    page = await browser.open("/idp/login?again=1&next=/my/")
    answer = await browser.sign_in(alice, page, follow=False)
    assert answer.status == 303
    page = await browser.open(app.authorization_url(prompt="consent"))
    answer = await browser.submit(page, "/idp/consent", press="allow", follow=False)
    assert answer.status == 303
    assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")


@pytest.mark.requirement("ATK-22", "ATK-04")
async def test_atk_22_forms_lead_to_us_and_to_the_app_that_asked(http: Visitor, alice: Person) -> None:
    app, browser = await register(http, redirect_uris=["https://app.example:8443/cb"]), Browser(http)
    page = await browser.open(app.authorization_url())
    for _ in range(2):
        policy = page.headers["Content-Security-Policy"]
        found = re.search(r"form-action ([^;]*)", policy)
        assert found is not None
        assert found[1].split() == ["'self'", "https://app.example:8443"]
        page = await browser.sign_in(alice, page) if "/idp/login" in [f.action for f in forms_of(page)] else page
    odd = await browser.open("/idp/login?again=1&next=/idp/auth?redirect_uri=https://a.example%2520%3Bscript-src%2520*")
    policies = [words.split() for words in odd.headers["Content-Security-Policy"].split(";")]
    # The page's own script by its full address, and nothing that was written into the address of the page.
    assert [words[1:] for words in policies if words[0] == "script-src"] == [[f"{http.base_url}static/passkey.js"]]


@pytest.mark.requirement("ATK-22")
async def test_atk_22_token_answer_is_never_in_an_address(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    for response_type in ("token", "id_token", "id_token token", "code token", "none"):
        answer = await browser.open(app.authorization_url(response_type=response_type))
        assert "#" not in answer.headers["Location"]
        assert "token=" not in answer.headers["Location"].replace("id_token", "")
