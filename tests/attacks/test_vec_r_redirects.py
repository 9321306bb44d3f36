"""VEC-R: authorization requests that are refused: on a page while no redirect is safe, by redirect afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from aiohttp import web

from tests.browser import App, Browser, forms_of, register, returned
from tests.elsewhere import Elsewhere, elsewhere
from tests.people import Answer, Person, Visitor

__all__ = ["elsewhere"]

REGISTERED = "https://app.example/cb"


def stays(answer: Answer) -> bool:
    """A page of our own that says no, and leads nowhere."""
    return answer.status == 400 and "Location" not in answer.headers and "cannot sign you in" in answer.text


OTHER_REDIRECTS = {
    "R01-prefix": "https://app.example/c",
    "R02-longer-path": "https://app.example/cb/more",
    "R03-letter-case": "https://app.example/CB",
    "R03-host-case": "https://APP.example/cb",
    "R04-trailing-slash": "https://app.example/cb/",
    "R05-added-query": "https://app.example/cb?a=b",
    "R06-fragment": "https://app.example/cb#a",
    "R07-user-info": "https://app.example@evil.example/cb",
    "R07-user-info-before": "https://evil.example@app.example/cb",
    "R08-dot-segments": "https://app.example/x/../cb",
    "R08-encoded-dot-segments": "https://app.example/%2e%2e/cb",
    "R09-javascript": "javascript:alert(1)",
    "R09-data": "data:text/html,<script>alert(1)</script>",
    "R10-http-for-https": "http://app.example/cb",
    "R11-other-port-on-a-name": "https://app.example:8443/cb",
    "R12-homograph": "https://\u0430pp.example/cb",
    "R13-line-feed": "https://app.example/cb\r\nLocation: https://evil.example/",
    "R13-trailing-blank": "https://app.example/cb ",
    "R13-nul": "https://app.example/cb\x00",
}


@pytest.mark.requirement("OP-5", "VEC-R")
@pytest.mark.parametrize("uri", [pytest.param(uri, id=name) for name, uri in OTHER_REDIRECTS.items()])
async def test_redirect_that_was_not_registered_is_a_page(http: Visitor, uri: str) -> None:
    app = await register(http, redirect_uris=[REGISTERED])
    assert stays(await Browser(http).open(app.authorization_url(redirect_uri=uri)))


@pytest.mark.requirement("OP-5", "VEC-R14")
async def test_vec_r14_absent_redirect_is_a_page(http: Visitor) -> None:
    for uris in ([REGISTERED], [REGISTERED, "https://app.example/other"]):
        app = await register(http, redirect_uris=uris)
        for given in (None, ""):
            assert stays(await Browser(http).open(app.authorization_url(redirect_uri=given)))


@pytest.mark.requirement("VEC-R15")
async def test_vec_r15_unknown_client_is_a_page_that_says_what_to_do(http: Visitor) -> None:
    for client in ("never-registered", None, ""):
        app = App(http, "never-registered", REGISTERED)
        answer = await Browser(http).open(app.authorization_url(client_id=client))
        assert stays(answer)
        assert "Go back to the app" in answer.text


@pytest.mark.requirement("VEC-R")
async def test_parameter_given_twice_is_a_page(http: Visitor) -> None:
    app = await register(http)
    for again in ("redirect_uri=https%3A%2F%2Fevil.example%2F", "state=other", "client_id=other"):
        assert stays(await Browser(http).open(f"{app.authorization_url()}&{again}"))


@pytest.mark.requirement("OP-5", "VEC-R")
@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("https://app.example/cb?fixed=1", "https://app.example/cb?fixed=1"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"),
        ("http://127.0.0.1:1000/cb", "http://127.0.0.1:49152/cb"),
        ("http://[::1]/cb", "http://[::1]:49152/cb"),
        ("http://localhost:8080/cb", "http://localhost:8080/cb"),
        ("org.example.app:/cb", "org.example.app:/cb"),
    ],
)
async def test_registered_redirect_and_any_port_on_loopback_literals_go_on(
    http: Visitor, registered: str, asked: str
) -> None:
    app = await register(http, redirect_uris=[registered])
    answer = await Browser(http).open(app.authorization_url(redirect_uri=asked))
    assert "/idp/login" in [form.action for form in forms_of(answer)]


@pytest.mark.requirement("OP-5", "VEC-R11")
@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("http://localhost:8080/cb", "http://localhost:9090/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/other"),
        ("http://127.0.0.1/cb", "https://127.0.0.1:1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.2/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb?a=b"),
        ("http://127.0.0.1/cb", "http://a@127.0.0.1:1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"),
        ("http://[::1]/cb", "http://127.0.0.1/cb"),
    ],
)
async def test_vec_r11_nothing_but_the_port_of_a_literal_may_differ(http: Visitor, registered: str, asked: str) -> None:
    app = await register(http, redirect_uris=[registered])
    assert stays(await Browser(http).open(app.authorization_url(redirect_uri=asked)))


@pytest.mark.requirement("VEC-R")
@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://app.example/cb",
        "https://app.example/cb#f",
        "file:///etc/passwd",
    ]
    + [
        "https://a@app.example/",
        "https:///cb",
        "cb",
        "",
        "https://app.example/a b",
        "https://\u0430pp.example/",
        "myapp:/cb",
    ]
    + [
        "https://app.example/../cb",
        "https://app.example:x/",
        "https://app.example/\\evil",
        "vbscript:x",
        "about:blank",
    ],
)
async def test_redirect_that_is_unsafe_is_not_registered(http: Visitor, uri: str) -> None:
    body = json.dumps({"redirect_uris": [uri]})
    answer = await http.post(f"{http.base_url}idp/register", body, kind="application/json")
    assert (answer.status, answer.json["error"]) == (400, "invalid_redirect_uri")
    assert answer.json["error_description"].startswith("redirect_uris: expected ")


# Client ID Documents


def document(client_id: str, **changes: object) -> str:
    described = {
        "@context": "https://www.w3.org/ns/solid/oidc-context.jsonld",
        "client_id": client_id,
        "client_name": "Documented app",
        "redirect_uris": [REGISTERED],
        "grant_types": ["refresh_token", "authorization_code"],
        "scope": "openid webid offline_access",
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    return json.dumps({**described, **changes})


@pytest.mark.requirement("OP-4", "CI-1", "CI-2", "CI-3", "CI-4")
@pytest.mark.parametrize(
    "media_type", ["application/ld+json", "application/json", "application/ld+json; charset=utf-8"]
)
async def test_client_id_document_is_enough_to_sign_in(
    http: Visitor, alice: Person, elsewhere: Elsewhere, media_type: str
) -> None:
    client_id = f"{elsewhere.base_url}app"
    elsewhere.publish("/app", document(client_id), media_type)
    app = App(http, client_id, REGISTERED)
    browser = Browser(http)
    page = await browser.sign_in(alice, await browser.open(app.authorization_url()))
    assert "Documented app" in page.text
    assert client_id in page.text
    answered = returned(await browser.submit(page, "/idp/consent", press="allow"), REGISTERED)
    tokens = await app.redeem(answered["code"])
    assert tokens.status == 200, tokens.text
    assert (await app.refresh(tokens.json["refresh_token"])).status == 200
    assert elsewhere.asked == ["/app"]  # fetched once, remembered for the next steps


@pytest.mark.requirement("CI-6")
async def test_client_id_document_may_be_rdf_alone(http: Visitor, elsewhere: Elsewhere) -> None:
    text = f"""@prefix oidc: <http://www.w3.org/ns/solid/oidc#>.
    <> oidc:redirect_uris "{REGISTERED}"; oidc:client_name "In Turtle"."""
    client_id = elsewhere.publish("/app.ttl", text)
    answer = await Browser(http).open(App(http, client_id, REGISTERED).authorization_url())
    assert "/idp/login" in [form.action for form in forms_of(answer)]


BAD_DOCUMENTS = {
    "R16-other-id": (200, "application/ld+json", document("https://other.example/app")),
    "R16-no-id": (200, "application/ld+json", json.dumps({"redirect_uris": [REGISTERED]})),
    "R16-not-json": (200, "application/json", "<html>"),
    "R16-a-list": (200, "application/json", "[]"),
    "R16-very-deep": (200, "application/json", "[" * 5000),
    "R16-other-type": (200, "text/html", "<html>"),
    "R16-missing": (404, "application/ld+json", "{}"),
}


@pytest.mark.requirement("OP-4", "CI-3", "VEC-R16")
@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=name) for name, wrong in BAD_DOCUMENTS.items()])
async def test_vec_r16_document_that_does_not_hold_is_a_page(
    http: Visitor, elsewhere: Elsewhere, wrong: tuple[int, str, str]
) -> None:
    status, media_type, text = wrong
    client_id = elsewhere.publish("/app", text, media_type, status=status)
    answer = await Browser(http).open(App(http, client_id, REGISTERED).authorization_url())
    assert stays(answer)
    assert "client_id" in answer.text


@pytest.mark.requirement("CI-4", "VEC-R16", "LIM-18")
async def test_vec_r16_document_that_is_too_large_is_a_page(http: Visitor, elsewhere: Elsewhere) -> None:
    """Good in every other way, and 256 KiB long; or one byte longer."""
    client_id = f"{elsewhere.base_url}app"
    good = document(client_id)
    for size, signs_in in ((256 * 1024 + 1, False), (256 * 1024, True)):
        path = f"/app{size}"
        text = good.replace(client_id, f"{elsewhere.base_url[:-1]}{path}")
        named = elsewhere.publish(path, text + " " * (size - len(text)), "application/ld+json")
        answer = await Browser(http).open(App(http, named, REGISTERED).authorization_url())
        assert stays(answer) is not signs_in
        assert ("/idp/login" in [form.action for form in forms_of(answer)]) is signs_in


@pytest.mark.requirement("CI-4", "VEC-R16", "LIM-18")
async def test_vec_r16_document_that_never_ends_is_a_page_in_time(http: Visitor, elsewhere: Elsewhere) -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/ld+json"})
        await response.prepare(request)
        for _ in range(200):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    elsewhere.documents["/app"] = dripping
    started = time.monotonic()
    answer = await Browser(http).open(App(http, f"{elsewhere.base_url}app", REGISTERED).authorization_url())
    assert stays(answer)
    assert time.monotonic() - started < 8


@pytest.mark.requirement("CI-3", "VEC-R16")
async def test_vec_r16_redirect_must_stand_in_the_document(http: Visitor, elsewhere: Elsewhere) -> None:
    client_id = f"{elsewhere.base_url}app"
    elsewhere.publish("/app", document(client_id), "application/ld+json")
    assert stays(await Browser(http).open(App(http, client_id, "https://evil.example/cb").authorization_url()))


@pytest.mark.requirement("VEC-R16", "CI-4")
async def test_vec_r16_document_behind_a_chain_of_redirects_is_a_page(http: Visitor, elsewhere: Elsewhere) -> None:
    def onward(to: str) -> object:
        async def handler(_request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(elsewhere.base_url + to)

        return handler

    client_id = f"{elsewhere.base_url}hop0"
    for number in range(5):
        elsewhere.documents[f"/hop{number}"] = onward(f"hop{number + 1}")  # type: ignore[assignment]
    elsewhere.publish("/hop5", document(client_id), "application/ld+json")
    assert stays(await Browser(http).open(App(http, client_id, REGISTERED).authorization_url()))
    assert elsewhere.asked == ["/hop0", "/hop1", "/hop2", "/hop3"]


@pytest.mark.requirement("VEC-R16", "CI-3", "ATK-22")
@pytest.mark.parametrize("another", [False, True])
async def test_vec_r16_document_that_a_redirect_fetches_from_another_origin_is_a_page(
    http: Visitor, elsewhere: Elsewhere, another: bool
) -> None:
    """Many sites send people on to whatever address they are given; that is no way to be an app of such a site."""
    client_id = f"{elsewhere.base_url}go?to=app"
    there = elsewhere.base_url.replace("localhost", "127.0.0.1") if another else elsewhere.base_url

    async def onward(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{there}app")

    elsewhere.documents["/go"] = onward
    elsewhere.publish("/app", document(client_id), "application/ld+json")
    answer = await Browser(http).open(App(http, client_id, REGISTERED).authorization_url())
    assert elsewhere.asked == ["/go", "/app"]
    assert stays(answer) is another
    assert ("/idp/login" in [form.action for form in forms_of(answer)]) is not another


@pytest.mark.requirement("CI-5", "VEC-R16")
@pytest.mark.parametrize("client_id", ["http://app.example/id", "https://10.0.0.1/id", "https://[::ffff:10.0.0.1]/id"])
async def test_vec_r16_document_over_http_or_at_a_private_address_is_a_page(http: Visitor, client_id: str) -> None:
    assert stays(await Browser(http).open(App(http, client_id, REGISTERED).authorization_url()))


# By redirect, with `iss` and `state`

BY_REDIRECT: dict[str, tuple[dict[str, str | None], str]] = {
    "R17-no-challenge": ({"code_challenge": None}, "invalid_request"),
    "R17-short-challenge": ({"code_challenge": "abc"}, "invalid_request"),
    "R18-plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "R18-method-missing": ({"code_challenge_method": None}, "invalid_request"),
    "R19-token": ({"response_type": "token"}, "unsupported_response_type"),
    "R19-id-token": ({"response_type": "id_token"}, "unsupported_response_type"),
    "R19-hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "R19-missing": ({"response_type": None}, "invalid_request"),
    "R19-fragment-mode": ({"response_mode": "fragment"}, "invalid_request"),
    "R20-prompt-none-signed-out": ({"prompt": "none"}, "login_required"),
    "R20-prompt-none-and-login": ({"prompt": "none login"}, "invalid_request"),
    "R22-request-object": ({"request": "eyJ"}, "request_not_supported"),
    "R22-request-uri": ({"request_uri": "https://app.example/r"}, "request_uri_not_supported"),
    "max-age-not-a-number": ({"max_age": "soon"}, "invalid_request"),
    "thumbprint-of-no-key": ({"dpop_jkt": "abc"}, "invalid_request"),
}


@pytest.mark.requirement("OP-3", "OP-7", "VEC-R")
@pytest.mark.parametrize(("changes", "error"), [pytest.param(*row, id=name) for name, row in BY_REDIRECT.items()])
async def test_refusal_goes_back_to_the_client_with_iss_and_state(
    http: Visitor, changes: dict[str, str | None], error: str
) -> None:
    app = await register(http)
    answered = returned(await Browser(http).open(app.authorization_url(**changes)), REGISTERED)
    assert answered["error"] == error
    assert answered["iss"] == http.base_url
    assert answered["state"] == app.state
    assert "code" not in answered


@pytest.mark.requirement("VEC-R21", "OP-16")
async def test_vec_r21_the_no_of_the_person_is_access_denied(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    answered = await app.answered(browser, alice, "refuse")
    assert (answered["error"], answered["iss"], answered["state"]) == ("access_denied", http.base_url, app.state)
    # A no is not remembered as a yes: the question is put again.
    page = await browser.open(app.authorization_url())
    assert "/idp/consent" in [form.action for form in forms_of(page)]


@pytest.mark.requirement("VEC-R20", "OP-16")
async def test_prompt_none_asks_nothing_and_says_why(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    await browser.sign_in(alice)
    answer = await browser.open(app.authorization_url(prompt="none"))
    assert returned(answer, REGISTERED)["error"] == "consent_required"
    await app.code_for(browser, alice)
    assert "code" in returned(await browser.open(app.authorization_url(prompt="none")), REGISTERED)
    wider = await browser.open(app.authorization_url(prompt="none", scope="openid webid offline_access profile"))
    assert returned(wider, REGISTERED)["error"] == "consent_required"


@pytest.mark.requirement("VEC-R23", "OP-16")
@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "https://app.example/bye/", "https://app.example/bye?x=1", "javascript:1", "//evil"],
)
async def test_vec_r23_logout_to_an_unregistered_url_stays_here(http: Visitor, alice: Person, target: str) -> None:
    app = await register(http, post_logout_redirect_uris=["https://app.example/bye"])
    browser = Browser(http)
    hint = (await app.redeem(await app.code_for(browser, alice))).json["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": target, "state": "s"}
    answer = await browser.open(f"/idp/end-session?{urlencode(asked)}")
    assert answer.status == 200
    assert answer.url == f"{http.base_url}idp/signed-out"


@pytest.mark.requirement("OP-16")
async def test_logout_goes_back_to_a_registered_url_with_its_state(http: Visitor, alice: Person) -> None:
    app = await register(http, post_logout_redirect_uris=["https://app.example/bye"])
    browser = Browser(http)
    hint = (await app.redeem(await app.code_for(browser, alice))).json["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": "https://app.example/bye", "state": "a b&c"}
    answer = await browser.open(f"/idp/end-session?{urlencode(asked)}")
    assert returned(answer, "https://app.example/bye") == {"state": "a b&c"}
    assert "/idp/login" in [form.action for form in forms_of(await browser.open("/idp/login"))]  # really signed out


@pytest.mark.requirement("ATK-22")
@pytest.mark.parametrize(
    "onward",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/my/../x\r\nA: b", "javascript:1", "/alice/"],
)
async def test_sign_in_leads_nowhere_but_to_our_own_pages(http: Visitor, alice: Person, onward: str) -> None:
    browser = Browser(http)
    page = await browser.open(f"/idp/login?{urlencode({'next': onward})}")
    answer = await browser.submit(
        page, "/idp/login", email=alice.email, password=alice.password, next=onward, follow=False
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/my/")


@pytest.mark.requirement("ATK-22", "OP-7")
async def test_answer_is_a_303_that_keeps_the_state_byte_for_byte(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    state = "a+b c%2F~é=&x"
    answered = await app.answered(browser, alice, state=state)
    assert answered["state"] == state
    page = await browser.open(app.authorization_url(state=state))
    assert page.status == 303
    assert page.headers["Cache-Control"] == "no-store"
    assert set(dict(parse_qsl(urlsplit(page.headers["Location"]).query))) == {"code", "state", "iss"}
