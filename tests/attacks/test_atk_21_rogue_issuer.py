"""ATK-21: anybody can run an issuer; only the one that the WebID document lists speaks for a WebID."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.browser import ask, machine, refused
from tests.elsewhere import Elsewhere, elsewhere
from tests.live import Live, serving
from tests.people import Person, Visitor
from vault.ports import Vault
from vault.solid.paths import parse_target
from vault.solid.resource import Draft, Inline

__all__ = ["elsewhere"]


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Another vault on another port, with a cast of its own."""
    folder: Path = tmp_path_factory.mktemp("second")
    with serving(folder) as live:
        yield live


async def open_to(http: Visitor, owner: Person, url: str, agent: str) -> None:
    assert (await http.put(url, "<#a> <#b> <#c>.", by=owner)).status == 201
    rules = f"""@prefix acl: <http://www.w3.org/ns/auth/acl#>.
    [] a acl:Authorization; acl:accessTo <{url}>; acl:agent <{agent}>; acl:mode acl:Read."""
    assert (await http.put(f"{url}.acl", rules, by=owner)).status == 201


@pytest.mark.requirement("ATK-21", "RS-4")
async def test_atk_21_rogue_issuer_cannot_speak_for_a_webid_of_ours(
    http: Visitor, alice: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    assert refused(await ask(http, elsewhere.holder(alice.webid), alice.pod), "invalid_token")


@pytest.mark.requirement("ATK-21", "RS-4")
async def test_atk_21_rogue_issuer_cannot_speak_for_a_webid_elsewhere(
    http: Visitor, home: str, alice: Person, second: Live, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    stranger = second.people["bob"].webid
    await open_to(http, alice, f"{home}for-bob", stranger)
    assert refused(await ask(http, elsewhere.holder(stranger), f"{home}for-bob"), "invalid_token")


@pytest.mark.requirement("ATK-21")
async def test_atk_21_issuer_that_claims_to_be_ours_is_refused(
    http: Visitor, alice: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer(issuer=http.base_url)
    assert refused(await ask(http, elsewhere.holder(alice.webid, iss=http.base_url), alice.pod), "invalid_token")
    assert elsewhere.asked == []  # our own issuer is never asked for over HTTP


@pytest.mark.requirement("ATK-21", "RS-3", "RS-4", "RS-10")
async def test_person_of_another_vault_reads_what_was_shared_with_her(
    http: Visitor, home: str, alice: Person, second: Live
) -> None:
    bob = second.people["bob"]
    await open_to(http, alice, f"{home}for-bob", bob.webid)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        holder = await machine(Visitor(session, second.base_url), bob)
    answer = await ask(http, holder, f"{home}for-bob")
    assert answer.status == 200, answer.text
    assert (await ask(http, holder, home)).status == 403
    same_name_here = await machine(http, replace(bob, webid=f"{http.base_url}bob/profile/card#me"))
    assert (await ask(http, same_name_here, f"{home}for-bob")).status == 403  # our own bob is somebody else


@pytest.mark.requirement("ATK-21", "RS-4", "RS-10")
async def test_issuer_that_our_own_webid_lists_counts_and_its_removal_bites_within_a_second(
    server: Live, http: Visitor, bob: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    holder = elsewhere.holder(bob.webid)
    assert refused(await ask(http, holder, bob.pod), "invalid_token")

    async def rewrite(vault: Vault, old: str, new: str) -> None:
        # Not through HTTP: the issuers of a WebID are protected triples (WP-3).
        url = parse_target("/bob/profile/card")
        async with vault.writing() as work:
            resource, body = await work.resources.get(url), await work.resources.body(url)
            assert resource is not None
            assert isinstance(body, Inline)
            assert old in body.data.decode()
            draft = Draft(url, resource.kind, resource.media_type, vault.clock())
            await work.resources.put(draft, Inline(body.data.decode().replace(old, new).encode()))

    ours, both = f"<{http.base_url}>", f"<{http.base_url}>, <{elsewhere.issuer}>"
    listed = "solid:oidcIssuer "
    server.within(lambda vault: rewrite(vault, f"{listed}{ours}", f"{listed}{both}"))
    await asyncio.sleep(1.1)
    try:
        assert (await ask(http, holder, bob.pod)).status == 200
    finally:
        server.within(lambda vault: rewrite(vault, f"{listed}{both}", f"{listed}{ours}"))
    await asyncio.sleep(1.1)
    assert refused(await ask(http, holder, bob.pod), "invalid_token")
