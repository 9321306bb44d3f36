"""PAIN-08: a restart or a deploy in the middle of a sign-in loses neither session nor client nor token."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.browser import Browser, ask, machine, register, returned
from tests.people import Visitor, read_cast
from tests.server_process import server_process


@pytest.mark.requirement("OP-14", "PAIN-08")
async def test_restart_in_the_middle_of_a_sign_in_is_not_noticed(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", insecure_allow_loopback="true") as server:
        alice = read_cast(server.base_url)["alice"]
        connector = aiohttp.TCPConnector(force_close=True)  # no connection outlives the server it was made to
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as session:
            http = Visitor(session, server.base_url)
            app, browser = await register(http, token_endpoint_auth_method="none"), Browser(http)
            page = await browser.open(app.authorization_url())
            server.kill()
            server.start()
            page = await browser.sign_in(alice, page)  # the form was written before the restart
            server.kill()
            server.start()
            page = await browser.submit(page, "/idp/consent", [("reach", "whole")], press="allow")
            code = returned(page, app.redirect_uri)["code"]
            server.kill()
            server.start()
            tokens = (await app.redeem(code)).json
            server.kill()
            server.start()
            renewed = await app.refresh(tokens["refresh_token"])
            assert renewed.status == 200, renewed.text
            app.holder.token = tokens["access_token"]  # signed before the restart
            assert (await ask(http, app.holder, alice.pod)).status == 200
            assert (await browser.open(app.authorization_url())).status == 303  # session and consent are still there


@pytest.mark.requirement("VEC-P38", "VEC-C09", "ATK-18", "D19")
async def test_vec_p38_two_workers_are_one_server(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", workers=2, insecure_allow_loopback="true") as server:
        alice = read_cast(server.base_url)["alice"]
        # A connection for each request, so that the kernel gives them to either worker.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as session:
            http = Visitor(session, server.base_url)
            holder = await machine(http, alice)
            for _ in range(10):
                proof = holder.proof("GET", alice.pod)
                answers = await asyncio.gather(*(ask(http, holder, alice.pod, proof=proof) for _ in range(6)))
                assert sorted(answer.status for answer in answers) == [200, *[401] * 5]
            app, browser = await register(http), Browser(http)
            for _ in range(5):
                code = await app.code_for(browser, alice)
                redeemed = await asyncio.gather(*(app.redeem(code) for _ in range(4)))
                assert sorted(answer.status for answer in redeemed) == [200, 400, 400, 400]
