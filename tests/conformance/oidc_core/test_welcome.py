"""The first visit of somebody from another provider who opens a vault with a passkey beside that sign-in."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.authenticator import Key, Keyring, made
from tests.browser import Browser
from tests.people import Visitor
from tests.upstream import (
    FarAndNear,
    Forged,
    account_of,
    at,
    departed,
    far,
    forged_upstream,
    is_signed_in,
    near,
    path_of,
    session_of,
)
from vault.identity.credentials import Passkey, UpstreamLink
from vault.ports import Vault
from vault.values import PodName

__all__ = ["far", "near"]

WELCOME = "/idp/upstream/welcome"
PASSKEY = f"{WELCOME}/passkey"

pytestmark = [pytest.mark.requirement("UP-7", "ATK-30")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarAndNear]:
    with forged_upstream(tmp_path_factory.mktemp("welcome"), upstream={"level_to_manage": "urn:high"}) as found:
        yield found


@pytest.fixture
def said() -> dict[str, str]:
    name = f"new-{secrets.token_hex(4)}"
    return {"name": "Nele Nieuw", "email": f"{name}@people.example", "pod": name}


async def arrived(near: Browser, far: Forged, sub: str, **claims: object) -> Keyring:
    """Somebody at the page for a first visit."""
    page = await near.open(far.back(await departed(near, "/idp/upstream?next=/my/log"), sub=sub, **claims))
    assert path_of(page) == WELCOME
    assert 'data-passkey="open"' in page.text
    return Keyring(near, page=WELCOME)


def ways_in(place: FarAndNear, pod: str) -> tuple[list[Passkey], list[UpstreamLink]]:
    async def look(vault: Vault) -> tuple[list[Passkey], list[UpstreamLink]]:
        async with vault.reading() as work:
            account = await work.accounts.by_pod(PodName(pod))
            assert account is not None
            return await work.passkeys.of(account.id), await work.upstream_links.of(account.id)

    return place.near.within(look)


def is_there(place: FarAndNear, pod: str) -> bool:
    async def look(vault: Vault) -> bool:
        async with vault.reading() as work:
            return await work.accounts.by_pod(PodName(pod)) is not None

    return place.near.within(look)


async def test_vault_is_opened_with_a_passkey_and_both_lead_to_it(
    http: Visitor, place: FarAndNear, near: Browser, far: Forged, said: dict[str, str]
) -> None:
    ring, key = await arrived(near, far, said["pod"], acr="urn:high"), Key()
    answer = await ring.open(key, said, "https://evil.example/", at=PASSKEY)
    assert (answer.status, answer.json) == (200, {"next": "/my/log"})
    account = account_of(place.near, said["pod"])
    assert (account.password_hash, key.user.decode()) == (None, account.id)
    (passkey,), (link,) = ways_in(place, said["pod"])
    assert (passkey.account, link.subject) == (account.id, said["pod"])
    assert session_of(place.near, near).level == "urn:high"  # what the provider vouched for counts on
    assert (await near.open(WELCOME, follow=False)).headers["Location"] == "/idp/login"  # the arrival is over
    by_key, by_provider = at(http, place.near), at(http, place.near)
    assert (await Keyring(by_key).sign_in(key)).status == 200
    page = await by_provider.open(far.back(await departed(by_provider), sub=said["pod"]))
    assert await is_signed_in(by_key)
    assert (page.status, path_of(page)) == (200, "/my/")


async def test_without_a_passkey_the_sign_in_there_is_all_there_is(
    place: FarAndNear, near: Browser, far: Forged, said: dict[str, str]
) -> None:
    await arrived(near, far, said["pod"])
    done = await near.submit(await near.open(WELCOME), WELCOME, **said, follow=False)
    assert (done.status, done.headers["Location"]) == (303, "/my/log")
    passkeys, links = ways_in(place, said["pod"])
    assert (len(passkeys), len(links)) == (0, 1)


async def test_what_is_missing_is_said_by_the_page(near: Browser, far: Forged, said: dict[str, str]) -> None:
    ring = await arrived(near, far, said["pod"])
    answer = await ring.post(f"{PASSKEY}/options", {**said, "pod": "NO"})
    assert (answer.status, answer.json["reason"]) == (422, "sign-up-fields")
    page = await near.submit(await near.open(WELCOME), WELCOME, **{**said, "pod": "NO"}, follow=True)
    assert (page.status, 'id="pod-problem"' in page.text) == (422, True)


async def test_who_did_not_come_from_there_begins_nothing(
    place: FarAndNear, near: Browser, said: dict[str, str]
) -> None:
    ring = Keyring(near)
    for path, body in ((f"{PASSKEY}/options", said), (PASSKEY, {"credential": {}})):
        answer = await ring.post(path, body)
        assert (answer.status, answer.json["reason"]) == (403, "signed-out")
    assert not is_there(place, said["pod"])


async def test_passkey_begun_for_another_arrival_or_for_an_open_account_opens_nothing(
    place: FarAndNear, near: Browser, far: Forged, said: dict[str, str]
) -> None:
    """In the same browser: what is under way is that of whoever came last."""
    ring = await arrived(near, far, f"{said['pod']}-first")
    first = (await ring.post(f"{PASSKEY}/options", said)).json
    plain = (await ring.post("/idp/signup/passkey/options", said)).json
    await arrived(near, far, f"{said['pod']}-second")
    for options in (first, plain):
        answer = await ring.post(PASSKEY, {"credential": made(options, Key(), origin=ring.origin)})
        assert (answer.status, answer.json["reason"]) == (403, "passkey-challenge")
    begun = (await ring.post(f"{PASSKEY}/options", said)).json
    answer = await ring.post("/idp/signup/passkey", {"credential": made(begun, Key(), origin=ring.origin)})
    assert (answer.status, answer.json["reason"]) == (403, "passkey-challenge")
    assert not is_there(place, said["pod"])


@pytest.mark.requirement("ATK-29")
async def test_address_that_is_taken_leaves_the_arrival_as_it_was(
    place: FarAndNear, near: Browser, far: Forged, said: dict[str, str]
) -> None:
    ring = await arrived(near, far, said["pod"])
    answer = await ring.open(Key(), {**said, "email": place.near.people["bob"].email}, at=PASSKEY)
    assert (answer.status, answer.json["reason"]) == (409, "sign-up-taken")
    assert not is_there(place, said["pod"])
    assert (await ring.open(Key(), said, at=PASSKEY)).status == 200


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("path", [f"{PASSKEY}/options", PASSKEY])
async def test_another_site_can_begin_and_end_nothing(near: Browser, far: Forged, path: str) -> None:
    ring = await arrived(near, far, "nobody")
    for wrong in ({"X_Form_Token": "a.b"}, {"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        assert (await ring.post(path, {}, **wrong)).status == 403
