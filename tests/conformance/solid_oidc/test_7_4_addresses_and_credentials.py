"""Solid-OIDC, what clients stumble over: addresses, slashes, spellings of credentials, refresh without consent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tests.browser import Browser, ask, refused, register
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import Holder, read
from tests.people import Person, Visitor, acl, rule
from vault.config import SettingsError, load_settings

__all__ = ["elsewhere"]


@pytest.mark.requirement("OP-15")
@pytest.mark.parametrize("base_url", ["http://vault.example/", "http://192.0.2.1:3000/", "http://0.0.0.0:3000/"])
def test_no_vault_is_served_without_tls_but_on_this_machine(base_url: str) -> None:
    with pytest.raises(SettingsError, match=r"OP-15"):
        load_settings(environment={"DATAKLUIS_BASE_URL": base_url})
    for safe in (base_url.replace("http:", "https:"), "http://localhost:3000/"):
        assert load_settings(environment={"DATAKLUIS_BASE_URL": safe}).server.base_url == safe


@pytest.mark.requirement("OP-15", "OP-2")
async def test_every_endpoint_stands_at_the_address_of_the_vault(http: Visitor) -> None:
    said = (await http.get(f"{http.base_url}.well-known/openid-configuration")).json
    for name, value in said.items():
        if name.endswith(("_endpoint", "_uri", "issuer")):
            assert value.startswith(http.base_url), name


@pytest.mark.requirement("RS-11")
@pytest.mark.parametrize("webid", ["http://people.example/dora#me", "ftp://people.example/dora#me", "urn:dora"])
async def test_a_webid_that_could_be_forged_on_the_way_is_nobody(
    http: Visitor, home: str, alice: Person, elsewhere: Elsewhere, webid: str
) -> None:
    elsewhere.publish_issuer()
    url = f"{home}doc"
    await http.put(url, "<#a> <#b> <#c>.", by=alice)
    await http.share(url, acl(rule(modes="read", agent=webid, to=url)), by=alice)
    assert refused(await ask(http, elsewhere.holder(webid), url), "invalid_token")
    assert elsewhere.asked == []


@pytest.mark.requirement("TR-10", "RS-3", "RS-4", "D10")
async def test_an_issuer_is_not_the_one_without_its_slash(
    http: Visitor, home: str, alice: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    url = f"{home}doc"
    await http.put(url, "<#a> <#b> <#c>.", by=alice)
    for name, issuer, status in (("dora", elsewhere.issuer, 200), ("eve", elsewhere.issuer.rstrip("/"), 401)):
        webid = elsewhere.webid(name, issuer)
        await http.share(url, acl(rule(modes="read", agent=webid, to=url)), by=alice)
        assert (await ask(http, elsewhere.holder(webid), url)).status == status
    assert http.base_url.endswith("/")
    assert (await http.get(f"{http.base_url}.well-known/openid-configuration")).json["issuer"] == http.base_url


@pytest.mark.requirement("TR-21", "OP-13")
async def test_a_refresh_token_comes_without_asking_for_consent_again(http: Visitor, alice: Person) -> None:
    app = await register(http)
    first = await app.redeem(await app.code_for(Browser(http), alice))
    second = await app.refresh(first.json["refresh_token"])
    assert second.status == 200
    assert read(second.json["access_token"])[1]["webid"] == alice.webid


SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "percent-encoded": lambda text: "".join(char if char.isalnum() else f"%{ord(char):02X}" for char in text),
}


@pytest.mark.requirement("TR-30", "OP-11", "CH-1")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("scope", [None, "webid", "openid offline_access webid"])
async def test_credentials_come_raw_or_encoded_and_need_no_scope(
    http: Visitor, alice: Person, spelling: str, scope: str | None
) -> None:
    spell = SPELLINGS[spelling]
    holder, endpoint = Holder(), f"{http.base_url}idp/token"
    form = urlencode({"grant_type": "client_credentials", **({"scope": scope} if scope else {})})
    answers = []
    for secret in (alice.client_secret, "not the secret"):
        pair = base64.b64encode(f"{spell(alice.client_id)}:{spell(secret)}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "DPoP": holder.proof("POST", endpoint)}
        kind = "application/x-www-form-urlencoded"
        answers.append(await http.send("POST", endpoint, body=form, kind=kind, headers=headers))
    assert [answer.status for answer in answers] == [200, 401]
    assert read(answers[0].json["access_token"])[1]["webid"] == alice.webid
