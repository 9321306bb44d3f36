"""OpenID Connect RP-Initiated Logout 1.0: whom an app may sign out, and where the browser goes afterwards."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.browser import App, Browser, forms_of, register, returned
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import jws, new_key, read
from tests.live import Live
from tests.people import Answer, Person, Visitor
from vault.ports import Vault

__all__ = ["elsewhere"]

BYE = "https://app.example/bye"
END = "/idp/end-session"
KIND = "application/x-www-form-urlencoded"


async def signed_in(http: Visitor, person: Person) -> tuple[App, Browser, str]:
    app, browser = await register(http, post_logout_redirect_uris=[BYE]), Browser(http)
    tokens = (await app.redeem(await app.code_for(browser, person))).json
    return app, browser, tokens["id_token"]


def asks(page: Answer) -> bool:
    """Whether the person is asked before anything happens."""
    return page.status == 200 and END in [form.action for form in forms_of(page)]


async def is_in(browser: Browser) -> bool:
    return (await browser.open("/my/account", follow=False)).status == 200


@pytest.mark.requirement("OIDC-LOGOUT-2")
async def test_without_a_hint_the_person_is_asked_and_a_no_is_leaving_the_page(http: Visitor, alice: Person) -> None:
    app, browser, _ = await signed_in(http, alice)
    for asked in ({}, {"client_id": app.client_id, "post_logout_redirect_uri": BYE}, {"id_token_hint": "abc"}):
        page = await browser.open(f"{END}?{urlencode(asked)}")
        assert asks(page)
        assert await is_in(browser)
    page = await browser.open(
        f"{END}?{urlencode({'client_id': app.client_id, 'post_logout_redirect_uri': BYE, 'state': 's'})}"
    )
    assert returned(await browser.submit(page, END), BYE) == {"state": "s"}
    assert not await is_in(browser)


@pytest.mark.requirement("OIDC-LOGOUT-2")
async def test_hint_about_somebody_else_signs_nobody_out(http: Visitor, alice: Person, bob: Person) -> None:
    _, _, hint = await signed_in(http, alice)
    _, browser, _ = await signed_in(http, bob)
    assert asks(await browser.open(f"{END}?{urlencode({'id_token_hint': hint})}"))
    assert await is_in(browser)


@pytest.mark.requirement("OIDC-LOGOUT-2", "OIDC-LOGOUT-3")
async def test_hint_that_another_client_was_given_is_not_believed(http: Visitor, alice: Person) -> None:
    """§2: with both `client_id` and `id_token_hint`, "the OP MUST verify that the Client Identifier matches"."""
    app, browser, hint = await signed_in(http, alice)
    other = await register(http, post_logout_redirect_uris=["https://other.example/bye"])
    for target in (BYE, "https://other.example/bye"):
        asked = {"id_token_hint": hint, "client_id": other.client_id, "post_logout_redirect_uri": target}
        page = await browser.open(f"{END}?{urlencode(asked)}")
        assert asks(page)
        assert await is_in(browser)
        assert target not in page.headers["Content-Security-Policy"]
    page = await browser.submit(page, END)
    assert page.url == f"{http.base_url}idp/signed-out"
    asked = {"id_token_hint": hint, "client_id": app.client_id, "post_logout_redirect_uri": BYE}
    assert returned(await browser.open(f"{END}?{urlencode(asked)}"), BYE) == {}


@pytest.mark.requirement("OIDC-LOGOUT-2")
async def test_hint_that_is_no_id_token_of_ours_signs_nobody_out(
    http: Visitor, alice: Person, elsewhere: Elsewhere
) -> None:
    app, browser, hint = await signed_in(http, alice)
    tokens = (await app.redeem(await app.code_for(browser, alice))).json
    header, claims = read(hint)
    for wrong in (
        tokens["access_token"],
        jws({**header, "kid": "one"}, {**claims, "iss": elsewhere.issuer}, elsewhere.key),
        jws(header, claims, new_key()),
        jws({**header, "alg": "none"}, claims, None),
        jws({**header, "alg": "HS256"}, claims, new_key("HS256")),
        hint[:-6] + "AAAAAA",
    ):
        answer = await http.send(
            "POST",
            f"{http.base_url[:-1]}{END}",
            body=urlencode({"id_token_hint": wrong}),
            kind=KIND,
            headers={"Accept": "text/html"},
        )
        assert answer.status == 303  # as a GET, so that the browser brings its session along
        assert asks(await browser.open(answer.location))
        assert await is_in(browser)


@pytest.mark.requirement("OIDC-LOGOUT-2", "OIDC-3.1.2.1")
async def test_hint_may_have_ended_long_ago(server: Live, http: Visitor, alice: Person) -> None:
    """§2: "The OP SHOULD accept ID Tokens … even when the exp time has passed"; so does the authorization endpoint."""
    app, browser, hint = await signed_in(http, alice)
    claims = {**read(hint)[1], "iat": 1_500_000_000, "exp": 1_500_000_600, "auth_time": 1_500_000_000}

    async def signed(vault: Vault) -> str:
        return vault.keys.sign(claims, "JWT")

    old = server.within(signed)
    answer = await browser.open(app.authorization_url(prompt="none", id_token_hint=old))
    assert "code" in returned(answer, app.redirect_uri)
    asked = {"id_token_hint": old, "post_logout_redirect_uri": BYE}
    assert returned(await browser.open(f"{END}?{urlencode(asked)}"), BYE) == {}
    assert not await is_in(browser)


@pytest.mark.requirement("OIDC-LOGOUT-2")
async def test_logout_by_post_is_the_same_as_by_get(http: Visitor, alice: Person) -> None:
    app, browser, hint = await signed_in(http, alice)
    body = urlencode({"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s", "client_id": app.client_id})
    answer = await http.send("POST", f"{http.base_url[:-1]}{END}", body=body, kind=KIND)
    assert answer.status == 303
    assert await is_in(browser)  # the form alone changed nothing
    assert returned(await browser.open(answer.location), BYE) == {"state": "s"}
    assert not await is_in(browser)


@pytest.mark.requirement("OIDC-LOGOUT-3", "VEC-R23")
async def test_address_of_one_client_is_no_address_of_another(http: Visitor, alice: Person) -> None:
    _, browser, hint = await signed_in(http, alice)
    await register(http, post_logout_redirect_uris=["https://evil.example/bye"])
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example/bye"}
    assert (await browser.open(f"{END}?{urlencode(asked)}")).url == f"{http.base_url}idp/signed-out"


@pytest.mark.requirement("OIDC-LOGOUT-3", "RFC9700-2", "ATK-22")
async def test_nobody_is_led_away_where_neither_a_hint_nor_a_person_speaks_for_the_app(
    http: Visitor, alice: Person
) -> None:
    """Anybody can register an address; a link to this server must not lead there by itself."""
    app, browser, hint = await signed_in(http, alice)
    asked = {"client_id": app.client_id, "post_logout_redirect_uri": BYE}
    for stranger in (asked, {**asked, "id_token_hint": "abc"}):
        assert (await Browser(http).open(f"{END}?{urlencode(stranger)}")).url == f"{http.base_url}idp/signed-out"
    # With a hint the app comes back also when the session has ended before.
    await browser.submit(await browser.open("/my/account"), "/idp/logout")
    assert returned(await browser.open(f"{END}?{urlencode({**asked, 'id_token_hint': hint})}"), BYE) == {}
