"""RFC 7662, token introspection: a client that proved itself asks about its own tokens."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.browser import App, Browser, ask, machine, refused, register
from tests.forge import read
from tests.people import Answer, Person, Visitor

INACTIVE = {"active": False}


async def introspect(app: App, token: str | None) -> Answer:
    return await app.post("introspect", token=token, **app.credentials)


async def confidential(http: Visitor, person: Person) -> tuple[App, Any]:
    app = await register(http)
    return app, (await app.redeem(await app.code_for(Browser(http), person))).json


@pytest.mark.requirement("RFC7662-2")
async def test_own_access_token_is_told_with_its_claims(http: Visitor, alice: Person) -> None:
    app, tokens = await confidential(http, alice)
    answer = await introspect(app, tokens["access_token"])
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    claims = read(tokens["access_token"])[1]
    told = ("iss", "sub", "webid", "aud", "client_id", "scope", "cnf", "jti", "iat", "exp")
    assert answer.json == {"active": True, "token_type": "DPoP", **{name: claims[name] for name in told}}


@pytest.mark.requirement("RFC7662-2")
async def test_own_refresh_token_is_told_until_it_is_used(http: Visitor, alice: Person) -> None:
    app, tokens = await confidential(http, alice)
    said = (await introspect(app, tokens["refresh_token"])).json
    assert (said["active"], said["client_id"], said["sub"]) == (True, app.client_id, alice.webid)
    assert said["exp"] > time.time()
    newer = (await app.refresh(tokens["refresh_token"])).json["refresh_token"]
    assert (await introspect(app, tokens["refresh_token"])).json == INACTIVE
    # Asking is not using: the family lives, and the newer token with it.
    assert (await introspect(app, newer)).json["active"] is True
    assert (await app.refresh(newer)).status == 200


@pytest.mark.requirement("RFC7662-2")
async def test_of_any_other_token_only_that_it_does_not_count(http: Visitor, alice: Person) -> None:
    app, tokens = await confidential(http, alice)
    other, _ = await confidential(http, alice)
    for asking, text in (
        (app, "never-given-out"),
        (app, tokens["id_token"]),
        (app, f"{tokens['access_token'][:-4]}AAAA"),
        (app, (await machine(http, alice)).token),
        (other, tokens["access_token"]),
        (other, tokens["refresh_token"]),
    ):
        answer = await introspect(asking, text)
        assert (answer.status, answer.json) == (200, INACTIVE)


@pytest.mark.requirement("RFC7662-2", "RFC7009-2")
async def test_token_that_was_ended_does_not_count(http: Visitor, alice: Person) -> None:
    app, tokens = await confidential(http, alice)
    assert (await app.post("revoke", token=tokens["access_token"], **app.credentials)).status == 200
    assert (await introspect(app, tokens["access_token"])).json == INACTIVE
    assert (await introspect(app, tokens["refresh_token"])).json["active"] is True
    assert (await app.post("revoke", token=tokens["refresh_token"], **app.credentials)).status == 200
    assert (await introspect(app, tokens["refresh_token"])).json == INACTIVE


@pytest.mark.requirement("RFC7662-2", "VEC-F05", "VEC-F06")
async def test_nothing_counts_after_the_person_signed_out_everywhere(http: Visitor, bob: Person) -> None:
    """What a resource would refuse is not told to be good here."""
    app, browser = await register(http), Browser(http)
    tokens = (await app.redeem(await app.code_for(browser, bob))).json
    for kind in ("access_token", "refresh_token"):
        assert (await introspect(app, tokens[kind])).json["active"] is True
    await asyncio.sleep(1.1)  # tokens tell when they were made in whole seconds
    await browser.submit(await browser.open("/my/account/sessions"), "/my/account/sessions/everywhere")
    assert refused(await ask(http, replace(app.holder, token=tokens["access_token"]), bob.pod), "invalid_token")
    for kind in ("access_token", "refresh_token"):
        assert (await introspect(app, tokens[kind])).json == INACTIVE, kind


@pytest.mark.requirement("RFC7662-2", "VEC-K01")
async def test_who_did_not_prove_itself_hears_nothing(http: Visitor, alice: Person) -> None:
    public = await register(http, token_endpoint_auth_method="none")
    mine = (await public.redeem(await public.code_for(Browser(http), alice))).json
    assert is_error(await introspect(public, mine["access_token"]), "invalid_client")
    app, tokens = await confidential(http, alice)
    assert is_error(await introspect(replace(app, client_secret="wrong"), tokens["access_token"]), "invalid_client")
    assert is_error(await introspect(app, None), "invalid_request")
