"""OpenID Connect Core 3.1.2.1 and 3.1.2.6: what an authorization request may say about the person, what is left out of
it, and which error answers what."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, forms_of, register, returned
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import jws, new_key, read
from tests.people import Answer, Person, Visitor

__all__ = ["elsewhere"]


def is_sign_in(page: Answer) -> bool:
    return page.status == 200 and "/idp/login" in [form.action for form in forms_of(page)]


async def known(http: Visitor, person: Person) -> tuple[App, Browser, str]:
    """An app, the browser of somebody who let it in, and the ID token it got."""
    app, browser = await register(http), Browser(http)
    tokens = (await app.redeem(await app.code_for(browser, person))).json
    return app, browser, tokens["id_token"]


@pytest.mark.requirement("OIDC-3.1.2.1")
@pytest.mark.parametrize("prompt", [None, "none"])
async def test_hint_of_who_is_signed_in_changes_nothing(http: Visitor, alice: Person, prompt: str | None) -> None:
    app, browser, hint = await known(http, alice)
    answer = await browser.open(app.authorization_url(id_token_hint=hint, prompt=prompt))
    assert "code" in returned(answer, app.redirect_uri)


@pytest.mark.requirement("OIDC-3.1.2.1", "VEC-R20")
async def test_silent_request_about_somebody_else_is_login_required(http: Visitor, alice: Person, bob: Person) -> None:
    app, _, hint = await known(http, alice)
    browser = Browser(http)
    await app.code_for(browser, bob)  # the app may come in for Bob, too: his answer would be a wrong one
    answered = returned(await browser.open(app.authorization_url(id_token_hint=hint, prompt="none")), app.redirect_uri)
    assert (answered["error"], answered["iss"], answered["state"]) == ("login_required", http.base_url, app.state)


@pytest.mark.requirement("OIDC-3.1.2.1")
async def test_somebody_else_may_sign_in_as_the_person_of_the_hint_and_as_nobody_else(
    http: Visitor, alice: Person, bob: Person
) -> None:
    app, _, hint = await known(http, alice)
    browser = Browser(http)
    await app.code_for(browser, bob)
    page = await browser.open(app.authorization_url(id_token_hint=hint))
    assert is_sign_in(page)
    answered = returned(await browser.sign_in(bob, page), app.redirect_uri)
    assert answered["error"] == "login_required"
    page = await browser.open(app.authorization_url(id_token_hint=hint))
    answered = returned(await browser.sign_in(alice, page), app.redirect_uri)
    assert read((await app.redeem(answered["code"])).json["id_token"])[1]["webid"] == alice.webid


@pytest.mark.requirement("OIDC-3.1.2.1")
async def test_hint_that_this_server_did_not_give_this_app_is_refused(
    http: Visitor, alice: Person, elsewhere: Elsewhere
) -> None:
    app, browser, hint = await known(http, alice)
    other = await register(http)
    theirs = (await other.redeem(await other.code_for(browser, alice))).json
    header, claims = read(hint)
    wrong = {
        "of-another-app": theirs["id_token"],
        "an-access-token": theirs["access_token"],
        "of-another-issuer": jws({**header, "kid": "one"}, {**claims, "iss": elsewhere.issuer}, elsewhere.key),
        "by-another-key": jws(header, claims, new_key()),
        "none": jws({**header, "alg": "none"}, claims, None),
        "altered": hint[:-6] + "AAAAAA",
        "no-token": "abc",
    }
    for name, text in wrong.items():
        answered = returned(await browser.open(app.authorization_url(id_token_hint=text)), app.redirect_uri)
        assert answered["error"] == "invalid_request", name
        assert answered["iss"] == http.base_url


@pytest.mark.requirement("OIDC-3.1.2.1")
async def test_what_is_not_supported_is_left_out(http: Visitor, alice: Person) -> None:
    """§3.1.2.1: "Other parameters MAY be sent"; §5.5: `claims` is an option, and discovery says that we have it not."""
    app, browser, _ = await known(http, alice)
    extra = {
        "claims": '{"id_token": {"email": {"essential": true}, "sub": {"value": "https://evil.example/#me"}}}',
        "claims_locales": "nl",
        "ui_locales": "fr nl",
        "display": "popup",
        "login_hint": "mailto:somebody@else.example",
        "resource": "https://vault.example/",
        "authorization_details": "[]",
        "never_heard_of": "x",
    }
    answered = returned(await browser.open(app.authorization_url(**extra)), app.redirect_uri)
    claims = read((await app.redeem(answered["code"])).json["id_token"])[1]
    assert claims["sub"] == alice.webid
    assert "email" not in claims


REFUSED = {
    "request": ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    "request-uri": ({"request_uri": "https://app.example/request.jwt"}, "request_uri_not_supported"),
    "registration": ({"registration": '{"client_name": "Self-issued"}'}, "registration_not_supported"),
    "form-post": ({"response_mode": "form_post"}, "invalid_request"),
    "in-a-jwt": ({"response_mode": "query.jwt"}, "invalid_request"),
    "none-and-consent": ({"prompt": "none consent"}, "invalid_request"),
    "negative-max-age": ({"max_age": "-1"}, "invalid_request"),
    "endless-max-age": ({"max_age": "9" * 30}, "invalid_request"),
    "max-age-in-another-script": ({"max_age": "\u0663"}, "invalid_request"),
}


@pytest.mark.requirement("OIDC-3.1.2.6", "RFC9207-2")
@pytest.mark.parametrize(("changes", "error"), [pytest.param(*row, id=name) for name, row in REFUSED.items()])
async def test_refusal_has_its_own_error_when_signed_in_too(
    http: Visitor, alice: Person, changes: dict[str, Any], error: str
) -> None:
    app, browser, _ = await known(http, alice)
    answered = returned(await browser.open(app.authorization_url(**changes)), app.redirect_uri)
    assert (answered["error"], answered["iss"], answered["state"]) == (error, http.base_url, app.state)
    assert "code" not in answered
    pushed = await app.push(**changes)
    # RFC 9126 §2.1: a name in place of a request is wrong there whatever it is.
    assert is_error(pushed, "invalid_request" if "request_uri" in changes else error)


@pytest.mark.requirement("OIDC-3.1.2.6")
async def test_error_is_a_page_and_no_redirect_while_the_redirect_is_not_the_clients(http: Visitor) -> None:
    """Whatever else is wrong, and whatever the order: `prompt=none` is no way around it."""
    app = await register(http)
    others: list[dict[str, str | None]] = [{"prompt": "none"}, {"response_type": "token"}, {"code_challenge": None}]
    for changes in others:
        page = await Browser(http).open(app.authorization_url(redirect_uri="https://evil.example/", **changes))
        assert page.status == 400
        assert "Location" not in page.headers
        assert "evil.example" not in page.headers.get("Content-Security-Policy", "")


@pytest.mark.requirement("OIDC-3.1.2.6")
async def test_pages_and_answers_on_the_way_are_never_stored(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    page = await browser.open(app.authorization_url())
    assert "no-store" in page.headers["Cache-Control"]
    page = await browser.sign_in(alice, page)
    assert "no-store" in page.headers["Cache-Control"]
    page = await browser.submit(page, "/idp/consent", press="refuse")
    assert "no-store" in page.headers["Cache-Control"]
    bad = await browser.open(f"/idp/auth?{urlencode({'client_id': 'nobody'})}")
    assert "no-store" in bad.headers["Cache-Control"]
    for answer in (page, bad):
        assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")


@pytest.mark.requirement("OIDC-3.1.3.3", "OP-9")
async def test_id_token_tells_of_this_sign_in(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    for nonce in ("n-0S6_WzA2Mj", 'é {}"<&', None):
        tokens = (await app.redeem(await app.code_for(browser, alice, nonce=nonce))).json
        claims = read(tokens["id_token"])[1]
        assert claims.get("nonce") == nonce
        assert (claims["iss"], claims["sub"], claims["azp"]) == (http.base_url, alice.webid, app.client_id)
        assert set(claims["aud"]) == {app.client_id, "solid"}
        assert claims["auth_time"] <= claims["iat"] < claims["exp"]


@pytest.mark.requirement("OIDC-12.2", "OP-9")
async def test_id_token_of_a_refresh_tells_of_the_same_sign_in_without_its_nonce(http: Visitor, alice: Person) -> None:
    app = await register(http)
    first = (await app.redeem(await app.code_for(Browser(http), alice))).json
    renewed = (await app.refresh(first["refresh_token"])).json
    before, after = read(first["id_token"])[1], read(renewed["id_token"])[1]
    for name in ("iss", "sub", "webid", "aud", "azp", "auth_time", "cnf"):
        assert after[name] == before[name], name
    assert after["iat"] >= before["iat"]
    assert "nonce" not in after
