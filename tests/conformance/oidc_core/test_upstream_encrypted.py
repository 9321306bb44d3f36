"""Another provider that encrypts what it says to a key of ours (OpenID Connect Core §3.1.3.7, §5.3.2, §10.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from joserfc import jwe
from joserfc.jwk import RSAKey

from tests.browser import Browser, forms_of
from tests.people import Visitor
from tests.server_process import run_command
from tests.upstream import FarAndNear, Forged, at, departed, far, forged_upstream, is_signed_in, near, path_of
from vault.audit import SERVER, AuditEvent
from vault.identity.rotate import make_envelope_key
from vault.ports import Vault

__all__ = ["far", "near"]

pytestmark = pytest.mark.requirement("UP-14")

WELCOME = "/idp/upstream/welcome"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encrypted")


@pytest.fixture(scope="module")
def place(folder: Path) -> Iterator[FarAndNear]:
    with forged_upstream(folder, upstream={"upstream_encrypted": True}) as found:
        yield found


async def written_to(http: Visitor, place: FarAndNear) -> list[dict[str, Any]]:
    """What the provider finds where it was told to look."""
    answer = await http.get(f"{place.near.base_url}idp/upstream/jwks")
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    return [key for key in answer.json["keys"] if key["use"] == "enc"]


def sealed(text: str, key: Mapping[str, Any]) -> str:
    header = {"alg": "RSA-OAEP", "enc": "A128CBC-HS256", "cty": "JWT", "kid": key["kid"]}
    public = RSAKey.import_key({name: key[name] for name in ("kty", "n", "e")})
    return jwe.encrypt_compact(header, text, public, algorithms=["RSA-OAEP", "A128CBC-HS256"])


def answering(far: Forged, body: str) -> None:
    """Userinfo is this text, as a JWT."""

    async def userinfo(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/jwt")

    far.there.documents["/userinfo"] = userinfo


async def named(near: Browser, far: Forged, **claims: Any) -> str:
    """The name that the page for somebody new proposes."""
    page = await near.open(far.back(await departed(near), **claims))
    assert (page.status, path_of(page)) == (200, WELCOME), page.text
    (form,) = [form for form in forms_of(page) if form.action == WELCOME]
    return dict(form.fields)["name"]


async def test_an_encrypted_id_token_is_opened_and_believed_as_any_other(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    (key,) = await written_to(http, place)
    far.sign = lambda claims: sealed(far.signed(claims), key)
    assert await named(near, far, name="Noor Peeters", email="noor@post.example", rrn="85073003328") == "Noor Peeters"


async def test_a_plain_one_one_for_another_key_and_a_forged_one_inside_are_refused(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    (key,) = await written_to(http, place)
    stranger = RSAKey.generate_key(2048)
    theirs = {**stranger.as_dict(private=False), "kid": key["kid"]}
    for sign in (
        far.signed,
        lambda claims: sealed(far.signed(claims), theirs),
        lambda claims: sealed(far.signed({**claims, "iss": "https://other.example"}), key),
        lambda claims: sealed(sealed(far.signed(claims), key), key),
        lambda claims: sealed(str(claims), key),
    ):
        far.sign = sign
        page = await near.open(far.back(await departed(near)))
        assert (page.status, "Something was wrong" in page.text) == (403, True)
        assert not await is_signed_in(near)


@pytest.mark.requirement("UP-4")
async def test_userinfo_may_be_signed_encrypted_or_both(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    (key,) = await written_to(http, place)
    far.sign = lambda claims: sealed(far.signed(claims), key)
    about = {"sub": "person-1", "name": "Noor Peeters", "email": "noor@post.example"}
    from_and_for = {"iss": far.issuer, "aud": "our vault"}
    text = '{"sub": "person-1", "name": "Noor Peeters"}'
    for body in (
        far.signed(about),
        far.signed({**about, **from_and_for}),
        sealed(far.signed({**about, **from_and_for}), key),
        sealed(text, key),
    ):
        answering(far, body)
        assert await named(near, far) == "Noor Peeters"


async def test_userinfo_that_cannot_be_believed_lets_nobody_in(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged
) -> None:
    (key,) = await written_to(http, place)
    far.sign = lambda claims: sealed(far.signed(claims), key)
    about = {"sub": "person-1", "name": "Noor Peeters"}
    good = far.signed(about)
    for body in (
        far.signed({**about, "sub": "person-2"}),
        far.signed({**about, "aud": "another client"}),
        far.signed({**about, "iss": "https://other.example"}),
        good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB"),
        '{"sub": "person-1", "name": "Noor Peeters"}',  # neither signed nor encrypted
        sealed('{"sub": "person-2"}', key),
        sealed("nothing", key),
        "",
    ):
        answering(far, body)
        page = await near.open(far.back(await departed(near)))
        assert (page.status, "Something was wrong" in page.text) == (403, True), body
        assert not await is_signed_in(near)


async def rotated(vault: Vault) -> list[tuple[str, str, str]]:
    """Who changed which keys, as the server's own log has it."""
    async with vault.reading() as work:
        entries = await work.audit.entries(SERVER, after=0)
    changes = [entry for entry in entries if entry.event is AuditEvent.KEY_ROTATED]
    return [(entry.actor, entry.subject, str(entry.facts["key"])) for entry in changes]


async def test_a_rotation_brings_a_new_key_and_the_former_one_still_opens(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged, folder: Path
) -> None:
    (former,) = await written_to(http, place)
    port = int(place.near.base_url.rstrip("/").rpartition(":")[2])
    done = await asyncio.to_thread(run_command, "keys", "rotate", folder=folder, port=port)
    assert done.returncode == 0, done.stderr
    keys = await written_to(http, place)
    assert len(keys) == 2
    assert keys[1] == former
    assert place.near.within(rotated)[-1] == ("operator", "envelope-keys", keys[0]["kid"])
    for key in keys:
        far.sign = lambda claims, key=key: sealed(far.signed(claims), key)
        assert await named(near, far, name="Noor Peeters", email="noor@post.example", rrn="") == "Noor Peeters"
    await asyncio.to_thread(run_command, "keys", "rotate", folder=folder, port=port)
    assert former not in await written_to(http, place)


async def test_an_envelope_is_not_opened_where_none_was_agreed(http: Visitor, tmp_path: Path) -> None:
    async def as_if_once_agreed(vault: Vault) -> None:
        async with vault.writing() as work:
            await make_envelope_key(work, now=vault.clock())

    with forged_upstream(tmp_path) as place:
        place.near.within(as_if_once_agreed)
        (key,) = await written_to(http, place)
        near, far = at(http, place.near), place.far
        far.sign = lambda claims: sealed(far.signed(claims), key)
        page = await near.open(far.back(await departed(near)))
        assert (page.status, "Something was wrong" in page.text) == (403, True)
        far.sign = None
        assert await named(near, far, name="Noor Peeters", email="noor@post.example", rrn="") == "Noor Peeters"


async def test_a_server_without_another_provider_has_no_such_keys(http: Visitor) -> None:
    assert (await http.get(f"{http.base_url}idp/upstream/jwks")).status == 404
    kinds = {key["use"] for key in (await http.get(f"{http.base_url}idp/jwks")).json["keys"]}
    assert kinds == {"sig"}
