"""RFC 7009, token revocation: a client ends what it holds, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attacks.test_vec_c_codes import is_error
from tests.attacks.test_vec_f_refresh import signed_in
from tests.browser import App, Browser, ask, machine, refused, register
from tests.people import Answer, Person, Visitor


async def revoke(app: App, token: str | None, **more: str) -> Answer:
    return await app.post("revoke", token=token, **{**app.credentials, **more})


def ended(answer: Answer) -> bool:
    return answer.status == 200 and not answer.body and answer.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC7009-2")
@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "no-such-kind"])
async def test_refresh_token_ends_with_its_family_and_its_access_tokens(
    http: Visitor, alice: Person, hint: str
) -> None:
    app, tokens = await signed_in(http, alice)
    renewed = (await app.refresh(tokens["refresh_token"])).json
    other, others = await signed_in(http, alice)
    assert ended(await revoke(app, renewed["refresh_token"], token_type_hint=hint))
    assert is_error(await app.refresh(renewed["refresh_token"]), "invalid_grant")
    for token in (tokens["access_token"], renewed["access_token"]):
        assert refused(await ask(http, replace(app.holder, token=token), alice.pod), "invalid_token")
    # Another app's grant is another matter.
    assert (await ask(http, replace(other.holder, token=others["access_token"]), alice.pod)).status == 200
    assert (await other.refresh(others["refresh_token"])).status == 200


@pytest.mark.requirement("RFC7009-2")
async def test_access_token_ends_alone(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    assert ended(await revoke(app, tokens["access_token"]))
    holder = replace(app.holder, token=tokens["access_token"])
    assert refused(await ask(http, holder, alice.pod), "invalid_token")
    assert refused(await ask(http, holder, f"{http.base_url}idp/userinfo"), "invalid_token")
    renewed = await app.refresh(tokens["refresh_token"])
    assert (await ask(http, replace(app.holder, token=renewed.json["access_token"]), alice.pod)).status == 200


@pytest.mark.requirement("RFC7009-2")
async def test_access_token_of_a_machine_can_be_ended(http: Visitor, alice: Person) -> None:
    holder, other = await machine(http, alice), await machine(http, alice)
    assert ended(await revoke(App(http, alice.client_id, "", alice.client_secret), holder.token))
    assert refused(await ask(http, holder, alice.pod), "invalid_token")
    assert (await ask(http, other, alice.pod)).status == 200


@pytest.mark.requirement("RFC7009-2")
async def test_what_is_no_token_is_as_good_as_ended(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    for text in ("never-given-out", "a.b.c", tokens["id_token"], tokens["access_token"][:-4], "x" * 9000):
        assert ended(await revoke(app, text))
    assert ended(await revoke(app, tokens["refresh_token"]))
    assert ended(await revoke(app, tokens["refresh_token"]))  # again


@pytest.mark.requirement("RFC7009-2")
async def test_token_of_another_client_is_refused_and_stays(http: Visitor, alice: Person) -> None:
    app, tokens = await signed_in(http, alice)
    thief = await register(http)
    for kind in ("refresh_token", "access_token"):
        assert is_error(await revoke(thief, tokens[kind]), "invalid_grant")
    assert (await ask(http, replace(app.holder, token=tokens["access_token"]), alice.pod)).status == 200
    assert (await app.refresh(tokens["refresh_token"])).status == 200


@pytest.mark.requirement("RFC7009-2", "VEC-K01")
async def test_client_that_does_not_prove_itself_ends_nothing(http: Visitor, alice: Person) -> None:
    app = await register(http)
    tokens = (await app.redeem(await app.code_for(Browser(http), alice))).json
    assert is_error(await revoke(replace(app, client_secret="wrong"), tokens["refresh_token"]), "invalid_client")
    assert is_error(await revoke(replace(app, client_secret=None), tokens["refresh_token"]), "invalid_client")
    assert is_error(await revoke(app, None), "invalid_request")
    assert (await app.refresh(tokens["refresh_token"])).status == 200
