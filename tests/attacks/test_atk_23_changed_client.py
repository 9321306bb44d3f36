"""ATK-23: a Client ID Document that is not what it was; the app it has become gets nothing without a question."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.browser import App, Browser, returned
from tests.elsewhere import Elsewhere, elsewhere_server
from tests.forge import Holder, assertion, new_key, public
from tests.live import Live, serving
from tests.people import Answer, Person, Visitor

pytestmark = pytest.mark.requirement("ATK-23", "CI-3")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that fetches a document anew each time."""
    with serving(tmp_path_factory.mktemp("vault"), outbound={"issuer_cache_seconds": 0}) as live:
        yield live


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    with elsewhere_server() as found:
        publish(found)
        yield found


def publish(there: Elsewhere, **changes: Any) -> None:
    """The app's document; `changes` alter it."""
    described = {
        "client_id": f"{there.base_url}id",
        "client_name": "Career help",
        "redirect_uris": [f"{there.base_url}cb"],
        "client_uri": f"{there.base_url}about",
        "policy_uri": f"{there.base_url}privacy",
        "tos_uri": "https://elsewhere.example/terms",
    }
    document = {name: value for name, value in {**described, **changes}.items() if value is not None}
    there.publish("/id", json.dumps(document), "application/ld+json")


@pytest.fixture
async def visiting(server: Live) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Visitor(session, server.base_url)


@pytest.fixture
async def known(visiting: Visitor, there: Elsewhere, alice: Person) -> tuple[App, Browser]:
    """An app that Alice let in as it was."""
    app, browser = App(visiting, f"{there.base_url}id", f"{there.base_url}cb"), Browser(visiting)
    await app.code_for(browser, alice)
    return app, browser


def asks(page: Answer) -> bool:
    return page.status == 200 and 'action="/idp/consent"' in page.text


async def test_the_same_document_is_not_asked_about_again(known: tuple[App, Browser], there: Elsewhere) -> None:
    app, browser = known
    before = there.asked.count("/id")
    assert "code" in returned(await browser.open(app.authorization_url()), app.redirect_uri)
    assert there.asked.count("/id") > before


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"client_name": "Tax office"}, "Tax office"),
        ({"redirect_uris": ["{}cb", "https://evil.example/cb"]}, "evil.example"),
        ({"client_uri": "https://evil.example/"}, "https://evil.example/"),
        ({"policy_uri": None}, "not given"),
        ({"tos_uri": "https://evil.example/terms"}, "https://evil.example/terms"),
    ],
)
async def test_what_changed_is_shown_and_silence_gets_nothing(
    known: tuple[App, Browser], there: Elsewhere, alice: Person, changes: dict[str, Any], shown: str
) -> None:
    app, browser = known
    listed = changes.get("redirect_uris")
    publish(there, **changes if listed is None else {"redirect_uris": [uri.format(there.base_url) for uri in listed]})
    silent = returned(await browser.open(app.authorization_url(prompt="none")), app.redirect_uri)
    assert silent["error"] == "consent_required"
    page = await browser.open(app.authorization_url())
    assert asks(page)
    assert "has changed since you allowed it" in page.text
    assert f"Now: {shown}" in page.text or shown in page.text.partition("Now: ")[2].partition("<")[0]
    # Yes is yes to what it is now, and it is not asked again.
    page = await browser.submit(page, "/idp/consent", press="allow")
    assert "code" in returned(page, app.redirect_uri)
    assert "code" in returned(await browser.open(app.authorization_url(prompt="none")), app.redirect_uri)


async def test_a_no_to_what_it_became_leaves_the_earlier_yes_to_what_it_was(
    known: tuple[App, Browser], there: Elsewhere
) -> None:
    app, browser = known
    publish(there, client_name="Tax office")
    page = await browser.open(app.authorization_url())
    assert returned(await browser.submit(page, "/idp/consent", press="refuse"), app.redirect_uri)["error"] == (
        "access_denied"
    )
    assert asks(await browser.open(app.authorization_url()))
    publish(there)
    assert "code" in returned(await browser.open(app.authorization_url()), app.redirect_uri)


async def test_a_yes_cannot_be_carried_over_to_another_redirect(known: tuple[App, Browser], there: Elsewhere) -> None:
    app, browser = known
    publish(there, redirect_uris=[f"{there.base_url}cb", "https://evil.example/cb"])
    taken = App(app.visitor, app.client_id, "https://evil.example/cb")
    silent = await browser.open(taken.authorization_url(prompt="none"))
    assert returned(silent, taken.redirect_uri)["error"] == "consent_required"
    page = await browser.open(taken.authorization_url())
    assert asks(page)
    assert "<strong>evil.example</strong>" in page.text  # where the answer would go


async def test_only_pages_on_its_own_host_are_linked(known: tuple[App, Browser], there: Elsewhere) -> None:
    app, browser = known
    page = await browser.open(app.authorization_url(prompt="consent"))
    links = [line for line in page.text.splitlines() if "nofollow external" in line]
    assert len(links) == 1
    assert f'href="{there.base_url}about" rel="noopener noreferrer' in links[0]
    assert f'href="{there.base_url}privacy"' in links[0]
    assert "https://elsewhere.example/terms" not in page.text


async def test_a_name_is_told_to_be_the_apps_own_claim(visiting: Visitor, there: Elsewhere, alice: Person) -> None:
    publish(
        there, client_name="<b>Bank\u202e</b>", client_uri="javascript:alert(1)", policy_uri="https://[::1", tos_uri=7
    )
    app, browser = App(visiting, f"{there.base_url}id", f"{there.base_url}cb"), Browser(visiting)
    page = await browser.sign_in(alice, await browser.open(app.authorization_url()))
    assert asks(page)
    assert "<b>Bank" not in page.text
    assert "\u202e" not in page.text
    assert "not verified" in page.text
    assert "javascript:" not in page.text
    assert f"<dd>{there.base_url}id</dd>" in page.text


async def test_a_yes_counts_for_what_the_page_said_and_not_for_what_the_app_became_meanwhile(
    visiting: Visitor, there: Elsewhere, bob: Person
) -> None:
    """While the person reads, the document gains an address: it would be answered there without a question later."""
    app, browser = App(visiting, f"{there.base_url}id", f"{there.base_url}cb"), Browser(visiting)
    page = await browser.sign_in(bob, await browser.open(app.authorization_url()))
    assert asks(page)
    publish(there, redirect_uris=[f"{there.base_url}cb", "https://evil.example/cb"])
    page = await browser.submit(page, "/idp/consent", press="allow")
    assert asks(page)
    later = await browser.open(app.authorization_url(redirect_uri="https://evil.example/cb", prompt="none"))
    assert returned(later, "https://evil.example/cb")["error"] == "consent_required"
    # Shown as it is now, and as it is now again, it gets its answer; a no is a no to whatever it is.
    assert "code" in returned(await browser.submit(page, "/idp/consent", press="allow"), app.redirect_uri)


@pytest.mark.parametrize("seen", ["", "0" * 64, "\u00e9"])
async def test_a_yes_without_the_mark_of_the_page_puts_the_question(
    visiting: Visitor, there: Elsewhere, carol: Person, seen: str
) -> None:
    app, browser = App(visiting, f"{there.base_url}id", f"{there.base_url}cb"), Browser(visiting)
    page = await browser.sign_in(carol, await browser.open(app.authorization_url()))
    assert asks(await browser.submit(page, "/idp/consent", press="allow", seen=seen))
    assert returned(await browser.submit(page, "/idp/consent", press="refuse", seen=seen), app.redirect_uri)["error"]


@pytest.mark.requirement("VEC-F02", "VEC-F03", "OP-13")
async def test_token_of_an_app_that_proved_itself_is_worth_nothing_once_it_proves_nothing(
    visiting: Visitor, there: Elsewhere, bob: Person
) -> None:
    """A token that stands on the app's key is bound to no other: without that key anybody could use it."""
    key = new_key()
    proving = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public(key)]}}
    publish(there, grant_types=["authorization_code", "refresh_token"], **proving)
    app, browser = App(visiting, f"{there.base_url}id", f"{there.base_url}cb"), Browser(visiting)
    code = await app.code_for(browser, bob)
    answer = await app.redeem(code, client_id=None, **assertion(app.client_id, visiting.base_url, key))
    assert answer.status == 200, answer.text
    publish(there)  # without a key and without a secret
    thief = replace(app, holder=Holder())
    for who in (thief, app):
        refused = await who.refresh(answer.json["refresh_token"])
        assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    publish(there, grant_types=["authorization_code", "refresh_token"], **proving)
    proof = assertion(app.client_id, visiting.base_url, key)
    assert (await app.refresh(answer.json["refresh_token"], client_id=None, **proof)).status == 200
