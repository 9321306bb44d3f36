"""OpenID Connect Core 5.3, the userinfo endpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.browser import Browser, ask, machine, refused, register
from tests.elsewhere import Elsewhere, elsewhere
from tests.live import Live
from tests.people import Person, Visitor
from vault.ports import Vault
from vault.values import ClientId

__all__ = ["elsewhere"]


@pytest.mark.requirement("OP-2")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_userinfo_says_whom_the_token_is_about(http: Visitor, alice: Person, method: str) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice))).json
    holder = replace(app.holder, token=tokens["access_token"])
    answer = await ask(http, holder, f"{http.base_url}idp/userinfo", method=method)
    assert answer.status == 200
    assert answer.json == {"sub": alice.webid, "webid": alice.webid}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("OP-2")
async def test_scope_profile_tells_where_the_persons_own_page_is(http: Visitor, alice: Person) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice, scope="openid profile"))).json
    holder = replace(app.holder, token=tokens["access_token"])
    said = (await ask(http, holder, f"{http.base_url}idp/userinfo")).json
    assert said["profile"] == alice.webid.partition("#")[0]
    assert (await http.get(said["profile"])).status == 200


@pytest.mark.requirement("OP-2", "VEC-T28")
async def test_userinfo_says_nothing_once_the_consent_has_ended(server: Live, http: Visitor, alice: Person) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice))).json

    async def withdraw(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_email(alice.email)
            assert account is not None
            await work.clients.remove_consent(account.id, ClientId(app.client_id))

    server.within(withdraw)
    holder = replace(app.holder, token=tokens["access_token"])
    assert refused(await ask(http, holder, f"{http.base_url}idp/userinfo"), "invalid_token")


@pytest.mark.requirement("OP-2")
async def test_userinfo_needs_a_bound_token_of_ours_with_the_scope_openid(
    http: Visitor, alice: Person, elsewhere: Elsewhere
) -> None:
    url = f"{http.base_url}idp/userinfo"
    assert (await http.get(url)).status == 401
    holder = await machine(http, alice)  # without a scope
    assert (await ask(http, holder, url)).status == 403
    assert refused(await ask(http, holder, url, proof=""), "invalid_dpop_proof")
    elsewhere.publish_issuer()
    foreign = elsewhere.holder(elsewhere.webid("dora"), scope="openid")
    assert refused(await ask(http, foreign, url), "invalid_token")
