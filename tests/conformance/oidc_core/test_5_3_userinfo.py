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


@pytest.mark.requirement("OP-2", "OIDC-5.3")
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


@pytest.mark.requirement("OIDC-5.3")
async def test_token_without_the_scope_openid_is_told_what_it_lacks(http: Visitor, alice: Person) -> None:
    """RFC 6750 §3.1: 403, with the error in the challenge."""
    answer = await ask(http, await machine(http, alice), f"{http.base_url}idp/userinfo")
    assert answer.status == 403
    assert 'DPoP error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.requirement("OIDC-5.3", "VEC-T31", "VEC-T32")
async def test_token_in_the_form_or_twice_is_not_read(http: Visitor, alice: Person) -> None:
    app = await register(http)
    token = (await app.redeem(await app.code_for(Browser(http), alice))).json["access_token"]
    url = f"{http.base_url}idp/userinfo"
    proof = replace(app.holder, token=token).proof("POST", url)
    answer = await http.send(
        "POST",
        url,
        body=f"access_token={token}",
        kind="application/x-www-form-urlencoded",
        headers={"DPoP": proof},
    )
    assert answer.status == 401
    assert "error=" not in answer.headers["WWW-Authenticate"]  # as if there were none
    lines = [("Authorization", f"DPoP {token}")] * 2 + [("DPoP", proof)]
    async with http.session.post(url, headers=lines) as response:
        assert response.status == 400
    assert (await ask(http, replace(app.holder, token=token), url, method="POST", proof=proof)).status == 200


@pytest.mark.requirement("OIDC-5.3", "VEC-P21", "VEC-P37")
async def test_proof_for_userinfo_is_for_this_method_and_once(http: Visitor, alice: Person) -> None:
    app = await register(http)
    token = (await app.redeem(await app.code_for(Browser(http), alice))).json["access_token"]
    holder, url = replace(app.holder, token=token), f"{http.base_url}idp/userinfo"
    proof = holder.proof("GET", url)
    assert refused(await ask(http, holder, url, method="POST", proof=proof), "invalid_dpop_proof")
    assert (await ask(http, holder, url, proof=proof)).status == 200
    assert refused(await ask(http, holder, url, proof=proof), "invalid_dpop_proof")
    assert refused(await ask(http, holder, url, scheme="Bearer", proof=""), "invalid_token")


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
