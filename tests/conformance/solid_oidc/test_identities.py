"""Several pods and WebIDs of one account: made, looked at, linked and unlinked on the pages."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from tests.browser import Browser
from tests.elsewhere import Elsewhere, elsewhere
from tests.live import Live
from tests.people import Answer, Person, Visitor
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import PodName

__all__ = ["elsewhere"]

IDENTITIES = "/my/account/identities"
PASSWORD = "correct horse battery"


@pytest.fixture
def name() -> str:
    return f"two-{secrets.token_hex(4)}"


@pytest.fixture
async def browser(http: Visitor, name: str) -> Browser:
    """Somebody with an account of her own, signed in."""
    made = Browser(http)
    page = await made.open("/idp/signup")
    await made.submit(page, "/idp/signup", name="Noor", email=f"{name}@people.example", pod=name, password=PASSWORD)
    return made


async def add(browser: Browser, pod: str) -> Answer:
    page = await browser.open(f"{IDENTITIES}/pod")
    return await browser.submit(page, f"{IDENTITIES}/pod", name="The club", pod=pod)


async def look(browser: Browser, pod: str) -> Answer:
    page = await browser.open(IDENTITIES)
    form = f'<input type="hidden" name="pod" value="{pod}">'.encode()
    assert form in page.body
    # The page has one form for each pod that is not looked at: the one of this pod is sent.
    alone = page.body[page.body.index(form) - 600 :]
    return await browser.submit(replace(page, body=alone[alone.index(b"<form") :]), f"{IDENTITIES}/look", pod=pod)


async def test_pod_is_added_and_has_a_profile_of_its_own(http: Visitor, browser: Browser, name: str) -> None:
    page = await add(browser, f"{name}-club")
    assert f"{http.base_url}{name}-club/" in page.text
    card = await http.get(f"{http.base_url}{name}-club/profile/card")
    assert card.status == 200
    assert "The club" in card.text
    assert (await http.get(f"{http.base_url}{name}-club/settings/prefs.ttl")).status == 401


@pytest.mark.parametrize(("pod", "status"), [("alice", 409), ("admin", 422), ("NO", 422), ("a/b", 422), ("", 422)])
async def test_pod_with_a_name_that_is_taken_or_reserved_is_refused(browser: Browser, pod: str, status: int) -> None:
    assert (await add(browser, pod)).status == status


async def test_account_has_at_most_ten_pods(browser: Browser, name: str) -> None:
    for number in range(9):
        assert (await add(browser, f"{name}-{number}")).status == 200
    assert (await add(browser, f"{name}-ten")).status == 409
    assert "there can be no more" in (await browser.open(IDENTITIES)).text


async def test_pages_show_the_pod_that_is_looked_at(http: Visitor, browser: Browser, name: str) -> None:
    second = f"{name}-club"
    await add(browser, second)
    assert "The club" not in (await browser.open("/my/folders/profile/card")).text
    await look(browser, second)
    card = await browser.open("/my/folders/profile/card")
    assert "The club" in card.text
    log = (await browser.open("/my/log?what=all")).text
    await look(browser, name)
    assert "The club" not in (await browser.open("/my/folders/profile/card")).text
    assert (await browser.open("/my/log?what=all")).text != log


async def test_other_browsers_go_on_with_the_pod_they_look_at(http: Visitor, browser: Browser, name: str) -> None:
    await add(browser, f"{name}-club")
    other = Browser(http)
    page = await other.open("/idp/login")
    await other.submit(page, "/idp/login", email=f"{name}@people.example", password=PASSWORD)
    await look(browser, f"{name}-club")
    assert "The club" not in (await other.open("/my/folders/profile/card")).text


async def test_pod_stays_looked_at_when_the_password_is_given_again(browser: Browser, name: str) -> None:
    await add(browser, f"{name}-club")
    await look(browser, f"{name}-club")
    page = await browser.open("/idp/confirm?next=/my/")
    await browser.submit(page, "/idp/confirm", password=PASSWORD)
    assert "The club" in (await browser.open("/my/folders/profile/card")).text


async def test_pod_stays_looked_at_when_the_password_changes(browser: Browser, name: str) -> None:
    await add(browser, f"{name}-club")
    await look(browser, f"{name}-club")
    page, new = await browser.open("/idp/password"), "battery horse correct"
    done = await browser.submit(page, "/idp/password", old=PASSWORD, new=new, again=new)
    assert done.status == 200
    assert "The club" in (await browser.open("/my/folders/profile/card")).text


async def test_pages_say_which_of_several_pods_they_show(http: Visitor, browser: Browser, name: str) -> None:
    shown = '<p class="looked-at">You are looking at the vault {}. <a href="/my/account/identities">'
    for path in ("/my/", "/my/account"):  # there is one: nothing to tell apart
        assert "looked-at" not in (await browser.open(path)).text
    await add(browser, f"{name}-club")
    for pod in (f"{name}-club", name):
        await look(browser, pod)
        for path in ("/my/", "/my/log", "/my/account"):
            assert shown.format(pod) in (await browser.open(path)).text
    assert "looked-at" not in (await browser.open("/idp/login?again=1")).text


async def test_pod_of_another_account_is_not_looked_at(browser: Browser, name: str) -> None:
    await add(browser, f"{name}-club")
    page = await browser.open(IDENTITIES)
    refused = await browser.submit(page, f"{IDENTITIES}/look", pod="alice")
    assert refused.status == 404
    assert "Noor" in (await browser.open("/my/folders/profile/card")).text


async def test_session_that_looks_at_a_pod_of_another_account_sees_its_own(
    server: Live, browser: Browser, name: str
) -> None:
    """The store is believed about whose a pod is, not the session."""

    async def astray(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(digest(browser.cookies["datakluis"]))
            assert session is not None
            await work.sessions.replace(replace(session, pod=PodName("alice")))

    server.within(astray)
    assert "Noor" in (await browser.open("/my/folders/profile/card")).text


def lines_of(page: Answer) -> str:
    found = re.search(r'<pre[^>]*id="lines"[^>]*>([^<]+)</pre>', page.text)
    assert found, page.text
    return unescape(found[1])


async def test_webid_is_linked_by_the_lines_the_page_shows_and_unlinked(
    http: Visitor, browser: Browser, elsewhere: Elsewhere
) -> None:
    path = f"/card-{secrets.token_hex(4)}"
    webid = elsewhere.publish(path, "<#me> a <#Person>.") + "#me"
    shown = await browser.submit(await browser.open(f"{IDENTITIES}/webid"), f"{IDENTITIES}/webid", webid=webid)
    assert shown.status == 200
    too_soon = await browser.submit(shown, f"{IDENTITIES}/webid")
    assert too_soon.status == 422
    elsewhere.publish(path, lines_of(shown).splitlines()[1])
    no_issuer = await browser.submit(too_soon, f"{IDENTITIES}/webid")
    assert (no_issuer.status, "first line is missing" in no_issuer.text) == (422, True)
    elsewhere.publish(path, lines_of(shown))
    done = await browser.submit(no_issuer, f"{IDENTITIES}/webid")
    assert done.status == 200
    assert webid in done.text
    one = f"{IDENTITIES}/{digest(webid)[:32]}/unlink"
    gone = await browser.submit(await browser.open(one), one)
    assert webid not in gone.text
    # The text was good once.
    await browser.submit(await browser.open(f"{IDENTITIES}/webid"), f"{IDENTITIES}/webid", webid=webid)
    assert webid not in (await browser.open(IDENTITIES)).text


async def test_webid_of_a_pod_is_not_unlinked(http: Visitor, browser: Browser, name: str) -> None:
    one = f"{IDENTITIES}/{digest(f'{http.base_url}{name}/profile/card#me')[:32]}/unlink"
    refused = await browser.submit(await browser.open(one), one)
    assert refused.status == 409


async def test_webid_of_another_account_has_no_page(browser: Browser, alice: Person) -> None:
    assert (await browser.open(f"{IDENTITIES}/{digest(alice.webid)[:32]}/unlink")).status == 404


async def test_every_change_asks_who_is_there(server: Live, browser: Browser) -> None:
    pages = {path: await browser.open(path) for path in (f"{IDENTITIES}/pod", f"{IDENTITIES}/webid")}

    async def age(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(digest(browser.cookies["datakluis"]))
            assert session is not None
            earlier = session.authenticated_at - timedelta(hours=1)
            await work.sessions.replace(replace(session, authenticated_at=earlier))

    server.within(age)
    for path, page in pages.items():
        for answer in (await browser.submit(page, path, follow=False), await browser.open(path, follow=False)):
            assert (answer.status, "/idp/confirm" in answer.headers["Location"]) == (303, True)
