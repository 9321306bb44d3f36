"""VEC-F: refresh tokens that are refused (RFC 6749 §6, RFC 9449 §5, RFC 9700 §4.14, OP-13)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, ask, refused, register
from tests.forge import Holder, read
from tests.live import Live, serving
from tests.people import Person, Visitor, visiting
from vault.ports import Vault
from vault.values import ClientId


async def signed_in(http: Visitor, person: Person, browser: Browser | None = None, **metadata: Any) -> tuple[App, Any]:
    """A public app with tokens for the person."""
    app = await register(http, token_endpoint_auth_method="none", **metadata)
    answer = await app.redeem(await app.code_for(browser or Browser(http), person))
    assert answer.status == 200, answer.text
    return app, answer.json


@pytest.mark.requirement("OP-13", "ATK-24")
async def test_refresh_rotates_and_the_new_tokens_work(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    renewed = await app.refresh(tokens["refresh_token"])
    assert renewed.status == 200, renewed.text
    assert renewed.json["refresh_token"] != tokens["refresh_token"]
    assert read(renewed.json["access_token"])[1]["webid"] == alice.webid
    assert read(renewed.json["id_token"])[1]["auth_time"] == read(tokens["id_token"])[1]["auth_time"]
    assert (await ask(http, replace(app.holder, token=renewed.json["access_token"]), alice.pod)).status == 200
    assert (await app.refresh(renewed.json["refresh_token"])).status == 200


@pytest.mark.requirement("OP-13")
async def test_no_refresh_token_without_offline_access_or_without_the_exchange(http: Visitor, alice: Person) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice, scope="openid webid"))).json
    assert "refresh_token" not in tokens
    bare = await register(http, grant_types=["authorization_code"])
    assert "refresh_token" not in (await bare.redeem(await bare.code_for(Browser(http), alice))).json


@pytest.mark.requirement("VEC-F01", "ATK-24")
async def test_vec_f01_reuse_after_rotation_ends_the_whole_family(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    newer = (await app.refresh(tokens["refresh_token"])).json["refresh_token"]
    newest = (await app.refresh(newer)).json["refresh_token"]
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    for token in (newer, newest):
        assert is_error(await app.refresh(token), "invalid_grant")
    # The access tokens of the family end with it: one of them may be in the thief's hands (RFC 9700 §4.14.2).
    holder = replace(app.holder, token=tokens["access_token"])
    assert refused(await ask(http, holder, alice.pod), "invalid_token")
    # Another family of the same person and app is untouched.
    other, others = await signed_in(http, alice)
    assert (await other.refresh(others["refresh_token"])).status == 200


@pytest.mark.requirement("VEC-F01")
async def test_vec_f01_of_two_refreshes_at_once_one_passes(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    answers = await asyncio.gather(*(app.refresh(tokens["refresh_token"]) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]


@pytest.mark.requirement("VEC-F02")
async def test_vec_f02_token_of_another_client_is_refused_and_stays_good(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    thief = replace(await register(http, token_endpoint_auth_method="none"), holder=app.holder)
    assert is_error(await thief.refresh(tokens["refresh_token"]), "invalid_grant")
    assert (await app.refresh(tokens["refresh_token"])).status == 200


@pytest.mark.requirement("VEC-F03", "OP-13")
async def test_vec_f03_token_of_a_public_client_is_bound_to_its_key(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    thief = replace(app, holder=Holder())
    assert is_error(await thief.refresh(tokens["refresh_token"]), "invalid_grant")
    assert (await app.refresh(tokens["refresh_token"])).status == 200  # a thief without the key cannot end it


@pytest.mark.requirement("VEC-F04")
async def test_vec_f04_expired_token_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, identity={"refresh_token_seconds": 0}) as live:
        async with visiting(live.base_url) as http:
            app, tokens = await signed_in(http, live.people["alice"])
            assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")


@pytest.mark.requirement("VEC-F05", "OP-16")
async def test_vec_f05_after_logout_the_app_holds_nothing(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    app, tokens = await signed_in(http, alice, browser)
    other, others = await signed_in(http, alice, browser)
    await browser.open(f"/idp/end-session?{urlencode({'id_token_hint': tokens['id_token']})}")
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    assert (await other.refresh(others["refresh_token"])).status == 200  # another app was not signed out


@pytest.mark.requirement("VEC-F05")
async def test_vec_f05_after_a_new_password_every_app_is_out(server: Live, http: Visitor) -> None:
    carol, browser = server.people["carol"], Browser(http)
    app, tokens = await signed_in(http, carol, browser)
    page = await browser.open("/idp/password")
    fresh = "another long password for carol"
    page = await browser.submit(page, "/idp/password", old=carol.password, new=fresh, again=fresh)
    assert "was changed" in page.text
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    page = await browser.submit(page, "/idp/password", old=fresh, new=carol.password, again=carol.password)
    assert "was changed" in page.text


@pytest.mark.requirement("VEC-F06", "ATK-24")
async def test_vec_f06_after_withdrawn_consent_the_token_is_refused(server: Live, http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)

    async def withdraw(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_email(alice.email)
            assert account is not None
            await work.clients.remove_consent(account.id, ClientId(app.client_id))

    server.within(withdraw)
    assert is_error(await app.refresh(tokens["refresh_token"]), "invalid_grant")


@pytest.mark.requirement("VEC-F07")
async def test_vec_f07_wider_scope_is_refused_and_narrower_is_given(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    assert is_error(await app.refresh(tokens["refresh_token"], scope="openid profile"), "invalid_scope")
    narrower = await app.refresh(tokens["refresh_token"], scope="webid")
    assert narrower.status == 200
    assert narrower.json["scope"] == "webid"
    assert "id_token" not in narrower.json


@pytest.mark.requirement("VEC-F")
@pytest.mark.parametrize("text", ["", "never-given-out", "x" * 5000])
async def test_unknown_refresh_token_is_refused(http: Visitor, text: str) -> None:
    app = await register(http, token_endpoint_auth_method="none")
    assert is_error(await app.refresh(text), "invalid_grant" if text else "invalid_request")
