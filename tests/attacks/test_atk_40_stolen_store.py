"""ATK-40, as far as signing in goes: whoever reads the store of this server can sign in with nothing that stands in it.
Codes, tokens, secrets, cookies and links are kept as hashes or not at all."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.attacks.test_atk_29_recovery import everything_in
from tests.browser import Browser, ask, register
from tests.forge import encoded, read
from tests.live import serving
from tests.mailbox import link_in, mail_server, mail_settings
from tests.people import Visitor, visiting
from vault.chores import post_letters

PASSWORD = f"a password that stands nowhere {secrets.token_hex(4)}"


@pytest.mark.requirement("ATK-40", "ATK-34", "ATK-36")
async def test_nothing_in_the_store_or_the_log_opens_anything(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, str] = {}
    with mail_server() as box, serving(tmp_path, mail=mail_settings(box)) as live:
        async with visiting(live.base_url) as http:
            alice = live.people["alice"]
            app, browser = await register(http), Browser(http)
            given["code"] = await app.code_for(browser, alice)
            tokens = (await app.redeem(given["code"])).json
            given["code not redeemed"] = await app.code_for(browser, alice)
            given |= {name: tokens[name] for name in ("access_token", "id_token", "refresh_token")}
            given["newer refresh token"] = (await app.refresh(tokens["refresh_token"])).json["refresh_token"]
            given["client secret"], given["cookie"] = app.client_secret or "", browser.cookies["datakluis"]
            given["pushed request"] = (await app.push()).json["request_uri"].rpartition(":")[2]
            holder = replace(app.holder, token=given["access_token"])
            given["proof"] = holder.proof("GET", alice.pod)
            given["id of a proof"] = read(given["proof"])[1]["jti"]
            assert (await ask(http, holder, alice.pod, proof=given["proof"])).status == 200
            # The account: a password and recovery codes of its own, a mailed link, a tool's token, a program's secret.
            page = await browser.open("/idp/password")
            page = await browser.submit(page, "/idp/password", old=alice.password, new=PASSWORD, again=PASSWORD)
            assert page.status == 200, page.text
            given |= {"first password": alice.password, "password": PASSWORD}
            page = await browser.submit(await browser.open("/my/account/recovery"), "/my/account/recovery")
            given["recovery code"] = re.findall(r"<code>([0-9a-z-]{19})</code>", page.text)[0]
            await browser.submit(await browser.open("/idp/forgot"), "/idp/forgot", email=alice.email)
            live.within(post_letters)
            given["link"] = parse_qs(urlsplit(link_in(box.to(alice.email)[-1])).query)["link"][0]
            given |= await from_the_api(http, alice.email, alice.webid)
    assert all(len(text) >= 16 for text in given.values()), given.keys()
    kept = everything_in(tmp_path)
    assert alice.email.encode() in kept  # it is the store that was looked through
    for name, text in given.items():
        for written in (text, encoded(text.encode())):
            assert written.encode() not in kept, name


async def from_the_api(http: Visitor, email: str, webid: str) -> dict[str, str]:
    """The token of a tool, and the secret of a program that it makes."""
    login = json.dumps({"email": email, "password": PASSWORD})
    answer = await http.post(f"{http.base_url}.account/login/password/", login, kind="application/json")
    headers = {"Authorization": f"CSS-Account-Token {answer.json['authorization']}"}
    index = await http.send("GET", f"{http.base_url}.account/", headers=headers)
    asked = json.dumps({"name": "tool", "webId": webid})
    url = index.json["controls"]["account"]["clientCredentials"]
    made = await http.send("POST", url, body=asked, kind="application/json", headers=headers)
    return {"token of a tool": answer.json["authorization"], "secret of a program": made.json["secret"]}
