"""OpenID Connect Core 3.1.2, the authorization endpoint: who is asked what, and when."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.browser import App, Browser, forms_of, register, returned
from tests.forge import read
from tests.people import Answer, Person, Visitor


def is_sign_in(page: Answer) -> bool:
    return page.status == 200 and "/idp/login" in [form.action for form in forms_of(page)]


def is_consent(page: Answer) -> bool:
    return page.status == 200 and "/idp/consent" in [form.action for form in forms_of(page)]


@pytest.mark.requirement("OP-3")
async def test_request_may_come_by_post(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    await browser.sign_in(alice)
    url = app.authorization_url()
    answer = await http.send(
        "POST", f"{http.base_url}idp/auth", body=urlsplit(url).query, kind="application/x-www-form-urlencoded"
    )
    assert answer.status == 303
    assert dict(parse_qsl(urlsplit(answer.location).query)) == dict(parse_qsl(urlsplit(url).query))
    assert is_consent(await browser.open(answer.location))


@pytest.mark.requirement("OP-3")
async def test_somebody_signed_in_is_not_asked_to_sign_in(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    assert is_sign_in(await browser.open(app.authorization_url()))
    await browser.sign_in(alice)
    assert is_consent(await browser.open(app.authorization_url()))


@pytest.mark.requirement("OP-3")
@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
async def test_prompt_login_asks_for_the_password_although_signed_in(http: Visitor, alice: Person, prompt: str) -> None:
    app, browser = await register(http), Browser(http)
    await app.code_for(browser, alice)
    page = await browser.open(app.authorization_url(prompt=prompt))
    assert is_sign_in(page)
    # Going back without giving it leads to the same question, not around it.
    assert is_sign_in(await browser.open(app.authorization_url(prompt=prompt)))
    await asyncio.sleep(1.1)  # auth_time counts whole seconds
    page = await browser.sign_in(alice, page)
    if "consent" in prompt:
        assert is_consent(page)
        page = await browser.submit(page, "/idp/consent", press="allow")
    assert "code" in returned(page, app.redirect_uri)


@pytest.mark.requirement("OP-3")
async def test_proof_of_a_new_sign_in_cannot_be_made_up(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    await app.code_for(browser, alice)
    for made_up in ("9" * 12 + ".abc", "é.ü", "0.abc", f"{int(time.time()) - 3600}.{'0' * 64}", "x", "9" * 40):
        assert is_sign_in(await browser.open(app.authorization_url(prompt="login", signed_in_after=made_up)))


@pytest.mark.requirement("OP-9")
async def test_max_age_asks_again_when_the_sign_in_is_too_long_ago(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    await app.code_for(browser, alice)
    assert "code" in returned(await browser.open(app.authorization_url(max_age="3600")), app.redirect_uri)
    await asyncio.sleep(1.1)  # auth_time counts whole seconds
    page = await browser.open(app.authorization_url(max_age="0"))
    assert is_sign_in(page)
    answered = returned(await browser.sign_in(alice, page), app.redirect_uri)
    claims = read((await app.redeem(answered["code"])).json["id_token"])[1]
    assert time.time() - claims["auth_time"] < 5
    refused = returned(await browser.open(app.authorization_url(max_age="0", prompt="none")), app.redirect_uri)
    assert refused["error"] == "login_required"


@pytest.mark.requirement("OP-3")
async def test_unknown_scopes_are_left_out_and_the_answer_says_so(http: Visitor, alice: Person) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice, scope="openid webid calendar"))).json
    assert tokens["scope"] == "openid webid"


@pytest.mark.requirement("OP-3")
async def test_without_openid_there_is_no_id_token_and_the_webid_all_the_same(http: Visitor, alice: Person) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice, scope="webid"))).json
    assert "id_token" not in tokens
    assert read(tokens["access_token"])[1]["webid"] == alice.webid


@pytest.mark.requirement("OP-16", "ATK-03")
async def test_consent_of_somebody_who_signed_in_meanwhile_is_asked_anew(
    http: Visitor, alice: Person, bob: Person
) -> None:
    app, browser = await register(http), Browser(http)
    page = await browser.sign_in(alice, await browser.open(app.authorization_url()))
    await browser.sign_in(bob, await browser.open("/idp/login?again=1"))
    answer = await browser.submit(page, "/idp/consent", press="allow")
    assert is_consent(answer)
    assert bob.email in answer.text


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", None])
async def test_consent_from_another_site_is_refused(http: Visitor, alice: Person, site: str | None) -> None:
    app, browser = await register(http), Browser(http)
    page = await browser.sign_in(alice, await browser.open(app.authorization_url()))
    form = next(form for form in forms_of(page) if form.action == "/idp/consent")
    body = "&".join(f"{name}={value}" for name, value in [*form.fields, ("choice", "allow")])
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    if site is not None:
        headers |= {"Sec-Fetch-Site": site, "Origin": "https://evil.example"}
    answer = await http.send(
        "POST",
        f"{http.base_url}idp/consent",
        body=body,
        kind="application/x-www-form-urlencoded",
        headers=headers,
    )
    assert answer.status == 403


@pytest.mark.requirement("OP-4")
async def test_sign_in_and_consent_survive_a_changed_session_in_between(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    page = await browser.sign_in(alice, await browser.open(app.authorization_url()))
    browser.cookies = {name: value for name, value in browser.cookies.items() if "form" in name}  # signed out elsewhere
    page = await browser.submit(page, "/idp/consent", press="allow")
    assert is_sign_in(page)
    assert is_consent(await browser.sign_in(alice, page))


@pytest.mark.requirement("PAIN-15")
async def test_program_that_asks_wrongly_gets_a_problem_document(http: Visitor) -> None:
    app = App(http, "never-registered", "https://app.example/cb")
    answer = await http.get(app.authorization_url(), accept="application/json")
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["reason"] == "invalid_client"
    assert "client_id" in answer.json["detail"]
