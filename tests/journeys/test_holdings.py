"""My data and my folders: what is there, where it comes from, who can see it; adding and deleting."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Download, expect

from tests.journeys.conftest import Visitor, visiting
from tests.journeys.town import DIPLOMA, MESSAGES, Town
from vault.audit import AuditEntry, AuditEvent, Intact, verify_chain
from vault.datasluis.preview import MAX_DOCUMENTS
from vault.ports import Vault, Work
from vault.rdf.syntax import parse
from vault.solid.operation import Content, Put
from vault.solid.resource import Inline
from vault.solid.write import put_resource
from vault.values import TURTLE, MediaType, PodName, ResourceUrl

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def taken(download: Download) -> bytes:
    """What the browser saved."""
    return await asyncio.to_thread(Path(await download.path()).read_bytes)


@pytest.mark.requirement("UX-25")
async def test_a_diploma_is_a_card_with_its_source_and_whether_it_is_genuine(lotte: Visitor) -> None:
    await lotte.open("my/data")
    card = lotte.page.locator(".card", has_text="Master of Science in de bedrijfsinformatica")
    for said in ("Universiteit Oosterpoort", "Onderwijsregister Vlaanderen (test)", "Echt, ongewijzigd", "Alleen u"):
        await expect(card).to_contain_text(said)


async def test_wages_stand_as_cards_without_their_amounts(lotte: Visitor) -> None:
    await lotte.open("my/data")
    card = lotte.page.locator(".card", has_text="Rederij Noordereiland").first
    await expect(card).not_to_contain_text("€")
    await card.locator("h3 a").click()
    await expect(lotte.page.locator("dt", has_text="Nettoloon").first).to_be_visible()
    await expect(lotte.page.get_by_text("€").first).to_be_hidden()


@pytest.mark.requirement("UX-13", "UX-26")
async def test_a_document_says_who_can_see_which_of_its_fields(lotte: Visitor, town: Town) -> None:
    async def give(vault: Vault, work: Work) -> str:
        folder = ResourceUrl(PodName("lotte"), "/diplomas/")
        found = [one.url async for one in work.resources.children(folder) if await work.deposits.get(one.url)]
        return found[-1].path  # other stories of this town are about her first one

    path = town.write(give)
    grant = town.approve(town.ask("hr-scheldeland", DIPLOMA), path=path)
    await lotte.open(f"my/data/diploma/{path.rsplit('/', 1)[-1]}")
    seen = lotte.page.locator("section[aria-labelledby=seen]")
    await expect(seen).to_contain_text("HR Scheldeland nv (test)")
    await expect(seen).to_contain_text("naam van het diploma")
    town.revoke(grant)
    await lotte.page.reload()
    await expect(seen).to_contain_text("Alleen u")


async def test_a_document_changed_after_delivery_no_longer_counts_as_genuine(lotte: Visitor, town: Town) -> None:
    url = ResourceUrl(PodName("lotte"), "/diplomas/ugent-2018")

    async def change(vault: Vault, work: Work, *, more: bytes) -> bytes:
        body = await work.resources.body(url)
        assert isinstance(body, Inline)
        data = body.data + more if more else body.data[: -len(b"\n# mine\n")]
        graph = parse(data, TURTLE, base=url.iri(vault.base_url), limits=vault.settings.limits)
        put = Put(url, Content(Inline(data), TURTLE, graph))
        await put_resource(
            work, put, actor="test", now=vault.clock(), base_url=vault.base_url, limits=vault.settings.limits
        )
        return data

    town.write(lambda vault, work: change(vault, work, more=b"\n# mine\n"))
    await lotte.open("my/data/diploma/ugent-2018")
    await expect(lotte.page.locator("main")).to_contain_text("Na levering veranderd")
    town.write(lambda vault, work: change(vault, work, more=b""))
    await lotte.page.reload()
    await expect(lotte.page.locator("main")).to_contain_text("Echt, ongewijzigd")


async def test_the_original_of_a_document_can_be_taken_home_byte_for_byte(lotte: Visitor) -> None:
    await lotte.open("my/data/diploma/ugent-2018")
    async with lotte.page.expect_download() as waiting:
        await lotte.page.get_by_text("Download het origineel").click()
    assert await taken(await waiting.value) == (MESSAGES / "diploma-master.ttl").read_bytes()


@pytest.mark.requirement("UX-27")
async def test_a_folder_is_made_a_file_added_looked_at_and_all_deleted_again(
    lotte: Visitor, town: Town, tmp_path: Path
) -> None:
    page = lotte.page
    await lotte.open("my/folders/")
    await page.fill("#folder", "Mijn brieven")
    await page.click("section[aria-labelledby=new] button")
    await expect(page.locator("[role=status]")).to_contain_text("De map is gemaakt")
    await page.get_by_role("link", name="Mijn-brieven", exact=True).click()
    await expect(page.locator("main")).to_contain_text("Deze map is leeg")

    letter = tmp_path / "brief aan oma.txt"
    letter.write_text("Dag oma <script>alert(1)</script>", encoding="utf-8")
    await page.set_input_files("#file", letter)
    await page.click("section[aria-labelledby=upload] button")
    await expect(page.locator("[role=status]")).to_contain_text("Het bestand is toegevoegd")
    await page.locator(".member-name a").click()
    await expect(page.locator("pre")).to_have_text("Dag oma <script>alert(1)</script>")
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Downloaden").click()
    assert await taken(await waiting.value) == letter.read_bytes()

    folder = f"{town.base_url}my/folders/Mijn-brieven/"
    await page.goto(f"{folder}?delete=1")
    await expect(page.locator("main")).to_contain_text("In deze map zit nog iets")
    await page.goto(folder)
    await page.locator(".members a", has_text="Verwijderen").click()
    await page.click("main button[type=submit]")
    await expect(page.locator("[role=status]")).to_contain_text("Het is verwijderd")
    await page.goto(f"{folder}?delete=1")
    await page.click("main button[type=submit]")
    await page.wait_for_url("**/my/folders/?done=deleted")
    assert await page.get_by_role("link", name="Mijn-brieven", exact=True).count() == 0


async def test_a_name_that_exists_is_told_and_kept_for_mending(lotte: Visitor) -> None:
    page = lotte.page
    await lotte.open("my/folders/")
    await page.fill("#folder", "diplomas")
    await page.click("section[aria-labelledby=new] button")
    await expect(page.locator("#folder-problem")).to_contain_text("bestaat hier al")
    assert await page.input_value("#folder") == "diplomas"


async def test_a_large_file_streams_in_and_out_unharmed(lotte: Visitor, tmp_path: Path, town: Town) -> None:
    film = tmp_path / "film.bin"
    film.write_bytes(bytes(range(256)) * 12_000)  # 3 MB: far above what stays in a row
    await lotte.open("my/folders/inbox/")
    await lotte.page.set_input_files("#file", film)
    await lotte.page.click("section[aria-labelledby=upload] button")
    await expect(lotte.page.locator("[role=status]")).to_contain_text("toegevoegd")
    answer = await lotte.context.request.get(f"{town.base_url}my/folders/inbox/film.bin?download=1")
    assert await answer.body() == film.read_bytes()
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.requirement("ATK-01")
@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"])
async def test_what_lives_in_the_vault_never_runs_on_our_origin(lotte: Visitor, town: Town, media_type: str) -> None:
    url = ResourceUrl(PodName("lotte"), "/inbox/active")
    attack = (
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='document.title=1'><script>document.title=1</script></svg>"
    )

    async def plant(vault: Vault, work: Work) -> Any:
        put = Put(url, Content(Inline(attack), MediaType(media_type)))
        return await put_resource(
            work, put, actor="test", now=vault.clock(), base_url=vault.base_url, limits=vault.settings.limits
        )

    town.write(plant)
    await lotte.open("my/folders/inbox/active")
    assert await lotte.page.title() != "1"
    answer = await lotte.context.request.get(f"{town.base_url}my/folders/inbox/active?download=1")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_older_documents_than_a_page_holds_are_counted_and_found_in_their_folder(
    chromium: Browser, town: Town
) -> None:
    async def fill(vault: Vault, work: Work) -> None:
        elm = "http://data.europa.eu/snb/model/elm/"
        for number in range(MAX_DOCUMENTS + 3):
            text = (
                f'<#it> a <{elm}LearningAchievement>; <http://purl.org/dc/terms/title> "Attest {number}"@nl.'.encode()
            )
            url = ResourceUrl(PodName("carol"), f"/diplomas/a{number:04}")
            graph = parse(text, TURTLE, base=url.iri(vault.base_url), limits=vault.settings.limits)
            await put_resource(
                work,
                Put(url, Content(Inline(text), TURTLE, graph)),
                actor="carol",
                now=vault.clock(),
                base_url=vault.base_url,
                limits=vault.settings.limits,
            )

    town.write(fill)
    request = town.ask("hr-scheldeland", DIPLOMA, citizen="carol")
    async with visiting(chromium, town) as carol:
        await carol.sign_in(("carol@people.example", "a long password for carol"))
        await carol.open(f"my/requests/{request}")
        assert await carol.page.locator("input[name=document]").count() == MAX_DOCUMENTS
        await expect(carol.page.locator("#type-diploma")).to_contain_text("3 oudere documenten van deze soort")
        await carol.open("my/data")
        await expect(carol.page.locator(".card h3").first).to_have_text(f"Attest {MAX_DOCUMENTS + 2}")
        await expect(carol.page.locator("main")).to_contain_text("Er zijn nog 3 oudere documenten.")
        await carol.page.get_by_role("link", name="Open de map", exact=True).click()
        await expect(carol.page.locator("h1")).to_have_text("diplomas")


async def test_what_cannot_be_deleted_is_not_offered_for_it(lotte: Visitor) -> None:
    """The WebID document, and the folder it stands in: without them she could not be found any more (WP-3)."""
    for place in ("my/folders/", "my/folders/profile/", "my/folders/profile/card"):
        await lotte.open(place)
        asking = await lotte.page.locator("main a[href$='?delete=1']").evaluate_all(
            "all => all.map(one => one.pathname)"
        )
        assert "/my/folders/profile/" not in asking
        assert "/my/folders/profile/card" not in asking
    assert await lotte.open("my/folders/profile/card?delete=1") == 200
    await expect(lotte.page.locator("h1")).to_have_text("card")  # the file, and no question
    assert await lotte.open("my/folders/diplomas/ugent-2018?delete=1") == 200
    await expect(lotte.page.locator("main button.danger")).to_be_visible()


@pytest.mark.parametrize("path", [".acl", "profile/card.acl", "diplomas/ugent-2018.meta", "nothing", "%2e%2e/amir/"])
async def test_the_folders_show_nothing_but_her_own_documents(lotte: Visitor, path: str) -> None:
    assert await lotte.open(f"my/folders/{path}") in (400, 404)


@pytest.mark.requirement("UX-19", "UX-21")
async def test_the_log_taken_home_verifies_by_itself(lotte: Visitor, town: Town) -> None:
    answer = await lotte.context.request.get(f"{town.base_url}my/log.json")
    taken = json.loads(await answer.text())
    entries = [
        AuditEntry(
            pod=PodName(one["pod"]),
            number=one["number"],
            at=datetime.fromisoformat(one["at"]),
            event=AuditEvent(one["event"]),
            actor=one["actor"],
            subject=one["subject"],
            facts=one["facts"],
            previous=one["previous"],
            digest=one["digest"],
        )
        for one in taken["entries"]
    ]
    assert isinstance(verify_chain(entries), Intact)
    broken = [*entries[:3], *entries[4:]]
    assert not isinstance(verify_chain(broken), Intact)
    table = await lotte.context.request.get(f"{town.base_url}my/log.csv")
    rows = list(csv.reader(io.StringIO(await table.text())))
    assert len(rows) == len(entries) + 1


@pytest.mark.requirement("UX-19", "UX-20")
async def test_a_refused_try_is_a_line_with_its_reason(lotte: Visitor, town: Town) -> None:
    grant = town.approve(town.ask("hr-scheldeland", DIPLOMA))
    town.revoke(grant)
    town.read(grant)
    await lotte.open(f"my/log?grant={grant}")
    line = lotte.page.locator(".log li").first
    for said in ("HR Scheldeland nv (test)", "Tegengehouden", "U bent gestopt met delen", "Naam van het diploma"):
        await expect(line).to_contain_text(said)
    await expect(lotte.page.locator(".notice.good")).to_contain_text("ongeschonden")


@pytest.mark.requirement("UX-19")
async def test_a_line_names_the_document_and_leads_to_it(lotte: Visitor, town: Town) -> None:
    grant = town.approve(town.ask("hr-scheldeland", DIPLOMA))
    town.read(grant)
    await lotte.open(f"my/sharing/{grant}")
    title = await lotte.page.locator("section[aria-labelledby=what] h3 a").inner_text()
    for place in (f"my/sharing/{grant}", f"my/log?grant={grant}"):
        await lotte.open(place)
        await expect(lotte.page.locator(".log li").first).to_contain_text(title)
    approval = lotte.page.locator(".log li", has_text="Keurde de vraag")
    await expect(approval).to_contain_text(title)
    await approval.get_by_role("link", name=title).click()
    await expect(lotte.page.locator("h1")).to_have_text(title)
    town.revoke(grant)


@pytest.mark.requirement("UX-19")
async def test_a_try_by_another_organisation_says_whose_permission_it_was(lotte: Visitor, town: Town) -> None:
    grant = town.approve(town.ask("hr-scheldeland", DIPLOMA))
    town.read(grant, by="woonhuys")
    await lotte.open(f"my/log?grant={grant}")
    line = lotte.page.locator(".log li").first
    await expect(line.locator("strong").first).to_have_text("Verhuurkantoor Woonhuys bv (test)")
    await expect(line).to_contain_text("niet voor deze organisatie")
    await expect(line.locator(f"a[href='/my/sharing/{grant}']")).to_contain_text("HR Scheldeland nv (test)")
    town.revoke(grant)


async def test_a_delivery_of_what_is_held_says_that_it_brought_nothing_new(lotte: Visitor, town: Town) -> None:
    town.deliver()
    await lotte.open("my/log?what=received")
    await expect(lotte.page.locator(".log li").first).to_contain_text("Had niets nieuws voor u")
    await expect(lotte.page.locator(".log li").last).to_contain_text("Leverde in uw kluis")
    await lotte.page.select_option("#who", "Onderwijsregister Vlaanderen (test)")  # a source is somebody too
    await lotte.page.get_by_role("button", name="Toon").click()
    await expect(lotte.page.locator(".log li").first).to_contain_text("Onderwijsregister")


@pytest.mark.requirement("UX-21")
async def test_an_altered_log_is_said_to_be_broken(lotte: Visitor, town: Town) -> None:
    """Somebody with the database in hand changes one word of one line."""
    assert town.live.machine is not None
    file = town.live.machine.vault.settings.storage.data / "vault.db"
    with closing(sqlite3.connect(file, timeout=30)) as thief:
        found = thief.execute("SELECT actor FROM audit WHERE pod = 'lotte' AND number = 2").fetchone()
        thief.execute("UPDATE audit SET actor = 'somebody' WHERE pod = 'lotte' AND number = 2")
        thief.commit()
        try:
            await lotte.open("my/log")
            await expect(lotte.page.locator("[role=alert]")).to_contain_text("Vanaf regel 2")
        finally:
            thief.execute("UPDATE audit SET actor = ? WHERE pod = 'lotte' AND number = 2", found)
            thief.commit()
    await lotte.page.reload()
    await expect(lotte.page.locator(".notice.good")).to_contain_text("ongeschonden")
