"""RFC 9126, pushed authorization requests; with RFC 9449 section 10.1, which binds them to a key."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, forms_of, register, returned
from tests.forge import Holder
from tests.live import Live, serving
from tests.people import Person, Visitor
from vault.identity.pushed import Pushed, find_pushed
from vault.ports import Vault


async def pushed(app: App, **changes: Any) -> str:
    """The authorization URL for a request that was pushed."""
    answer = await app.push(**changes)
    assert answer.status == 201, answer.text
    return url_of(app, answer.json["request_uri"])


def url_of(app: App, request_uri: str, **more: str) -> str:
    asked = {"client_id": app.client_id, "request_uri": request_uri, **more}
    return f"{app.base_url}idp/auth?{urlencode(asked)}"


@pytest.mark.requirement("RFC9126-2", "RFC9126-4")
@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
async def test_pushed_request_is_named_for_a_minute_and_brings_a_code(
    http: Visitor, alice: Person, method: str
) -> None:
    app = await register(http, token_endpoint_auth_method=method)
    answer = await app.push()
    assert answer.status == 201, answer.text
    assert answer.json["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert answer.json["expires_in"] == 60
    assert answer.headers["Cache-Control"] == "no-store"
    answered = await app.led(Browser(http), alice, url_of(app, answer.json["request_uri"]))
    assert (answered["state"], answered["iss"]) == (app.state, http.base_url)
    assert (await app.redeem(answered["code"])).status == 200


@pytest.mark.requirement("RFC9126-4")
async def test_nothing_in_the_url_is_believed_beside_what_was_pushed(http: Visitor, alice: Person) -> None:
    app = await register(http)
    uri = (await app.push(scope="openid")).json["request_uri"]
    url = url_of(app, uri, scope="openid webid", state="forged", redirect_uri="https://evil.example/", nonce="other")
    answered = await app.led(Browser(http), alice, url)
    assert answered["state"] == app.state
    assert (await app.redeem(answered["code"])).json["scope"] == "openid"


@pytest.mark.requirement("RFC9126-4")
async def test_request_survives_the_sign_in_and_the_browser_carries_its_name_only(
    http: Visitor, server: Live, alice: Person
) -> None:
    app, browser = await register(http), Browser(http)
    url = await pushed(app)
    uri = parse_qs(urlsplit(url).query)["request_uri"][0]

    async def known_later(vault: Vault) -> tuple[Pushed | None, Pushed | None]:
        now = vault.clock()
        return tuple(  # type: ignore[return-value]
            [await find_pushed(vault.reading, uri, now=now + timedelta(seconds=wait)) for wait in (59, 61)]
        )

    soon, later = server.within(known_later)
    assert soon is not None
    assert later is None  # nobody came with it
    page = await browser.open(url)
    onward = parse_qs(urlsplit(page.url).query)["next"][0]
    assert set(parse_qs(urlsplit(onward).query)) == {"client_id", "redirect_uri", "request_uri"}
    # A browser lets the form lead to the app, which is where the redirect ends.
    assert "form-action 'self' https://app.example" in page.headers["Content-Security-Policy"]
    _, later = server.within(known_later)
    assert later is not None  # the person is at the browser and may take her time
    page = await browser.sign_in(alice, page)
    resumed = next(dict(form.fields)["resume"] for form in forms_of(page) if form.action == "/idp/consent")
    assert "code_challenge" not in resumed
    page = await browser.submit(page, "/idp/consent", press="allow")
    assert (await app.redeem(returned(page, app.redirect_uri)["code"])).status == 200


@pytest.mark.requirement("RFC9126-4", "VEC-R22")
@pytest.mark.parametrize("choice", ["allow", "refuse"])
async def test_vec_r22_request_uri_is_good_for_one_answer(http: Visitor, alice: Person, choice: str) -> None:
    app, browser = await register(http), Browser(http)
    url = await pushed(app)
    first = await app.led(browser, alice, url, choice)
    assert ("code" in first) is (choice == "allow")
    second = returned(await browser.open(url), app.redirect_uri)
    assert second == {
        "error": "invalid_request_uri",
        "error_description": "request_uri: answered before",
        "state": app.state,
        "iss": http.base_url,
    }


@pytest.mark.requirement("RFC9126-4", "VEC-R22")
async def test_vec_r22_of_two_answers_at_once_one_brings_a_code(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    await app.code_for(browser, alice)
    url = await pushed(app)
    answers = await asyncio.gather(*(browser.open(url) for _ in range(4)))
    told = [returned(answer, app.redirect_uri) for answer in answers]
    assert sorted(told_one.get("error", "code") for told_one in told) == ["code", *["invalid_request_uri"] * 3]


@pytest.mark.requirement("RFC9126-4", "VEC-R22")
async def test_refusal_without_a_person_uses_the_request_up_too(http: Visitor) -> None:
    app = await register(http)
    url = await pushed(app, prompt="none")
    assert returned(await Browser(http).open(url), app.redirect_uri)["error"] == "login_required"
    assert returned(await Browser(http).open(url), app.redirect_uri)["error"] == "invalid_request_uri"


@pytest.mark.requirement("RFC9126-2", "RFC9126-4")
async def test_request_of_another_client_or_of_nobody_is_a_page(http: Visitor) -> None:
    app, other = await register(http), await register(http)
    uri = (await app.push()).json["request_uri"]
    for url in (url_of(other, uri), url_of(app, f"{uri}x"), url_of(app, uri[:-4]), f"{app.base_url}idp/auth?x=y"):
        page = await Browser(http).open(url)
        assert page.status == 400
        assert "Location" not in page.headers
    answer = await http.get(url_of(other, uri), accept="application/json")
    assert (answer.status, answer.json["reason"]) == (400, "invalid_request_uri")
    assert "/idp/login" in [form.action for form in forms_of(await Browser(http).open(url_of(app, uri)))]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "other-redirect": ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
    "no-redirect": ({"redirect_uri": None}, "invalid_request"),
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "no-challenge": ({"code_challenge": None}, "invalid_request"),
    "plain-challenge": ({"code_challenge_method": "plain"}, "invalid_request"),
    "prompts-that-disagree": ({"prompt": "none login"}, "invalid_request"),
    "request-object": ({"request": "eyJ"}, "request_not_supported"),
    "a-name-in-place-of-a-request": ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    "thumbprint-of-no-key": ({"dpop_jkt": "abc"}, "invalid_request"),
    "longer-than-a-url": ({"state": "x" * 8192}, "invalid_request"),
}


@pytest.mark.requirement("RFC9126-2")
@pytest.mark.parametrize(("changes", "error"), [pytest.param(*row, id=name) for name, row in REFUSED.items()])
async def test_request_that_could_not_be_answered_gets_no_name(
    http: Visitor, changes: dict[str, Any], error: str
) -> None:
    app = await register(http)
    assert is_error(await app.push(**changes), error)
    assert (await app.push()).status == 201


@pytest.mark.requirement("RFC9126-2", "VEC-K01", "VEC-K02", "VEC-K09")
async def test_only_the_client_itself_pushes_its_requests(http: Visitor) -> None:
    app, public = await register(http), await register(http, token_endpoint_auth_method="none")
    for by in ({"client_id": app.client_id}, {"client_id": app.client_id, "client_secret": "wrong"}, {}):
        assert is_error(await app.push(by=by, client_id=None if not by else app.client_id), "invalid_client")
    assert is_error(await public.push(by={"client_id": public.client_id, "client_secret": "any"}), "invalid_client")
    assert is_error(await app.push(by={"client_id": "never-registered"}), "invalid_client")


@pytest.mark.requirement("RFC9449-10", "VEC-C08")
async def test_proof_with_the_pushed_request_binds_the_code_to_its_key(http: Visitor, alice: Person) -> None:
    app, url = await register(http), f"{http.base_url}idp/par"
    browser = Browser(http)
    for holder, good in ((Holder(), False), (app.holder, True)):
        answered = await app.led(browser, alice, await pushed(app, proof=app.holder.proof("POST", url)))
        answer = await app.redeem(answered["code"], proof=holder.proof("POST", app.token_url))
        assert answer.status == 200 if good else is_error(answer, "invalid_grant")


@pytest.mark.requirement("RFC9449-10")
async def test_proof_that_does_not_hold_or_disagrees_gets_no_name(http: Visitor) -> None:
    app, url = await register(http), f"{http.base_url}idp/par"
    thumbprint = app.holder.thumbprint
    assert is_error(await app.push(proof=Holder().proof("POST", url), dpop_jkt=thumbprint), "invalid_dpop_proof")
    assert is_error(await app.push(proof=app.holder.proof("POST", app.token_url)), "invalid_dpop_proof")
    proof = app.holder.proof("POST", url)
    assert (await app.push(proof=proof, dpop_jkt=thumbprint)).status == 201
    assert is_error(await app.push(proof=proof), "invalid_dpop_proof")  # used before


@pytest.mark.requirement("RFC9126-6")
async def test_client_that_wants_its_requests_pushed_is_not_served_otherwise(http: Visitor, alice: Person) -> None:
    app = await register(http, require_pushed_authorization_requests=True)
    answered = returned(await Browser(http).open(app.authorization_url()), app.redirect_uri)
    assert (answered["error"], answered["state"], answered["iss"]) == ("invalid_request", app.state, http.base_url)
    assert "code" in await app.led(Browser(http), alice, await pushed(app))


@pytest.mark.requirement("RFC9126-2", "ATK-32")
async def test_address_that_fills_the_table_for_clients_that_prove_nothing_waits(tmp_path: Path) -> None:
    with serving(tmp_path, limits={"sign_in_tries": 1}) as live:
        async with aiohttp.ClientSession() as session:
            http = Visitor(session, live.base_url)
            public, proving = await register(http, token_endpoint_auth_method="none"), await register(http)
            for _ in range(10):
                assert (await public.push(by={"client_id": public.client_id})).status == 201
            answer = await public.push(by={"client_id": public.client_id})
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 0
            # One server pushes for all its people, and proves who it is.
            assert (await proving.push()).status == 201
