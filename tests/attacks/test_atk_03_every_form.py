"""ATK-03: no cookie alone changes anything. The list of doors is the table of routes, so that none is forgotten."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode

import pytest

from tests.browser import Browser, forms_of
from tests.live import Live, serving
from tests.people import Answer, Visitor, visiting
from vault.web.passkeys import TOKEN_HEADER
from vault.web.routes import ROUTES
from vault.web.routing import Credentials, Route

# Both are for apps, whose forms come from other sites by design, and both answer with nothing but the way to themselves
# by GET: their own tests are in oidc_core.
FOR_APPS = ("/idp/auth", "/idp/end-session")
DOORS = [
    route
    for route in ROUTES
    if route.credentials in (Credentials.SESSION, Credentials.VISITOR)
    and route.method not in ("GET", "HEAD", "OPTIONS")
    and route.path not in FOR_APPS
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that has every door: mail, and another provider, neither of which is ever called here."""
    mail = {"smtp_host": "localhost", "mail_from": "vault@vault.example"}
    upstream = {"upstream_issuer": "https://login.example", "upstream_client_id": "vault"}
    with serving(tmp_path_factory.mktemp("vault"), mail=mail, upstream=upstream) as live:
        yield live


@pytest.fixture
async def visitor(server: Live) -> AsyncIterator[Visitor]:
    async with visiting(server.base_url) as visitor:
        yield visitor


def somewhere(route: Route) -> str:
    """An address of the route: what stands in its places is nobody's, and never looked for."""
    path = re.sub(r"\{\w+:\[0-9a-f\]\{32\}\}", "0" * 32, route.path)
    return re.sub(r"\{\w+(:[^}]*)?\}", "inbox", path)


async def send(http: Visitor, browser: Browser, route: Route, token: str, headers: dict[str, str]) -> Answer:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return await http.send(
        route.method,
        http.base_url[:-1] + somewhere(route),
        body=urlencode({"csrf": token, "sure": "yes", "choice": "allow", "session": "x", "email": "a@b.example"}),
        kind="application/x-www-form-urlencoded",
        headers={**headers, TOKEN_HEADER: token, "Cookie": cookie},
    )


@pytest.mark.requirement("ATK-03", "CO-10")
@pytest.mark.parametrize("route", DOORS, ids=lambda route: route.path)
async def test_session_cookie_without_our_own_page_changes_nothing(
    server: Live, visitor: Visitor, route: Route
) -> None:
    http, bob, browser = visitor, server.people["bob"], Browser(visitor)
    await browser.sign_in(bob)
    token = dict(forms_of(await browser.open("/my/account"))[0].fields)["csrf"]
    own = {"Origin": http.base_url[:-1], "Sec-Fetch-Site": "same-origin"}
    for headers in (
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ):
        answer = await send(http, browser, route, token, headers)
        assert (answer.status, answer.json["reason"]) == (403, "cross-site-form"), headers
    stranger = dict(forms_of(await Browser(http).open("/idp/login"))[0].fields)["csrf"]
    for forged in ("", "0.0", stranger):
        answer = await send(http, browser, route, forged, own)
        assert (answer.status, answer.json["reason"]) == (403, "form-token"), forged
    assert (await browser.open("/my/account", follow=False)).status == 200


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("path", FOR_APPS)
async def test_form_of_an_app_is_sent_back_as_a_question_and_changes_nothing(
    server: Live, visitor: Visitor, path: str
) -> None:
    http, bob, browser = visitor, server.people["bob"], Browser(visitor)
    await browser.sign_in(bob)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = await http.send(
        "POST",
        http.base_url[:-1] + path,
        body=urlencode({"client_id": "x", "state": "s"}),
        kind="application/x-www-form-urlencoded",
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Cookie": cookie},
    )
    assert (answer.status, answer.location) == (303, f"{http.base_url[:-1]}{path}?client_id=x&state=s")
    assert "Set-Cookie" not in answer.headers
    assert (await browser.open("/my/account", follow=False)).status == 200


@pytest.mark.requirement("ATK-03")
def test_table_of_routes_holds_the_doors_that_matter() -> None:
    """The counter-proof: the list above is not empty by mistake."""
    paths = {route.path for route in DOORS}
    assert {"/idp/consent", "/idp/password", "/my/account/close", "/my/account/sessions/everywhere"} <= paths
    assert len(paths) > 40
