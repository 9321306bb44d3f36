"""Answering a request and stopping it again: by keyboard, without scripts, in any language, in two windows at once."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journeys.conftest import Visitor, visiting
from tests.journeys.town import DIPLOMA, LOTTE, Town
from vault.datasluis.grants import Grant, GrantedItem, GrantState
from vault.datasluis.requests import AccessRequest
from vault.ports import Vault
from vault.values import GrantId, ParticipantId, PodName, RequestId, ResourceUrl

pytestmark = pytest.mark.asyncio(loop_scope="session")

MASTER = "/diplomas/ugent-2018"


def grant_of(town: Town, request: RequestId) -> Grant | None:
    async def look(vault: Vault) -> Grant | None:
        async with vault.reading() as work:
            return await work.grants.for_request(request)

    return town.live.within(look)


def request_of(town: Town, request: RequestId) -> AccessRequest:
    async def look(vault: Vault) -> AccessRequest | None:
        async with vault.reading() as work:
            return await work.requests.get(request)

    found = town.live.within(look)
    assert found is not None
    return found


async def tick(page: Page, path: str) -> None:
    await page.locator(f'input[name=document][value="{path}"]').check()


async def press_until(page: Page, key: str, selector: str, *, at_most: int = 120) -> None:
    """Presses a key until what is chosen has the focus: the way a person without a mouse gets there."""
    for _ in range(at_most):
        await page.keyboard.press(key)
        if await page.evaluate("wanted => document.activeElement?.matches(wanted) ?? false", selector):
            return
    raise AssertionError(f"{selector} was not reached with {key}")


@pytest.mark.requirement("UX-04", "UX-07")
async def test_nothing_is_ticked_beforehand(lotte: Visitor, town: Town) -> None:
    await lotte.open(f"my/requests/{town.ask('hr-scheldeland', DIPLOMA)}")
    assert await lotte.page.locator("main input:checked").count() == 0


@pytest.mark.requirement("UX-03", "UX-05")
async def test_the_page_shows_the_values_that_would_leave_and_names_what_stays(lotte: Visitor, town: Town) -> None:
    await lotte.open(f"my/requests/{town.ask('hr-scheldeland', DIPLOMA)}")
    what = lotte.page.locator("#type-diploma")
    await expect(what).to_contain_text("Master of Science in de bedrijfsinformatica")
    await expect(what).to_contain_text("Universiteit Oosterpoort")
    await expect(what).to_contain_text("4 juli 2018")
    await expect(what.locator("p.small")).to_contain_text("onderwijstaal")


@pytest.mark.requirement("UX-03")
async def test_a_sensitive_value_is_covered_until_she_uncovers_it(lotte: Visitor, town: Town) -> None:
    await lotte.open(f"my/requests/{town.ask('hr-scheldeland', DIPLOMA)}")
    cover = lotte.page.locator("#type-diploma details.cover").first
    grade = cover.get_by_text("onderscheiding")
    await expect(grade).to_be_hidden()
    await cover.locator("summary").click()
    await expect(grade).to_be_visible()


@pytest.mark.requirement("UX-01", "UX-02")
async def test_who_asks_and_why_is_told_and_its_own_words_stand_apart(lotte: Visitor, town: Town) -> None:
    await lotte.open(f"my/requests/{town.ask('hr-scheldeland', DIPLOMA)}")
    who = lotte.page.locator("section[aria-labelledby=who]")
    for said in ("HR Scheldeland nv (test)", "Nagegaan", "0712.398.781", "hr-scheldeland.example", "Jan De Smet"):
        await expect(who).to_contain_text(said)
    own = lotte.page.locator("blockquote")
    await expect(own).to_contain_text("verantwoordelijke voor de kade")
    await expect(lotte.page.locator("p.lead")).not_to_contain_text("kade")


@pytest.mark.requirement("UX-07", "UX-14", "UX-37")
async def test_granting_and_revoking_need_no_mouse(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    page = lotte.page
    await lotte.open(f"my/requests/{request}")
    await press_until(page, "Tab", f'input[name=document][value="{MASTER}"]')
    await page.keyboard.press("Space")
    await press_until(page, "Tab", "input[name=until]")
    await page.keyboard.press("ArrowDown")  # from 7 days to 30
    await press_until(page, "Tab", ".bar button:first-child")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/receipt")
    grant = grant_of(town, request)
    assert grant is not None
    assert [item.url.path for item in grant.items] == [MASTER]

    # UX-14: at most three steps from home.
    await lotte.open("my/")
    await press_until(page, "Tab", "a[href='/my/sharing']")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/my/sharing")
    await press_until(page, "Tab", f"a[href='/my/sharing/{grant.id}/revoke']")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/revoke")
    await press_until(page, "Tab", "main button[type=submit]")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?done=revoked")
    after = grant_of(town, request)
    assert after is not None
    assert after.state.value == "revoked"


@pytest.mark.requirement("UX-36")
async def test_the_focus_is_seen_and_the_bar_never_hides_it(lotte: Visitor, town: Town) -> None:
    page = lotte.page
    await page.set_viewport_size({"width": 360, "height": 640})
    await lotte.open(f"my/requests/{town.ask('hr-scheldeland', DIPLOMA)}")
    for _ in range(80):
        await page.keyboard.press("Tab")
        seen = await page.evaluate(
            """() => {
                const one = document.activeElement, box = one.getBoundingClientRect();
                const bar = document.querySelector('.bar');
                const over = bar.getBoundingClientRect();
                const hidden = !bar.contains(one) && box.top >= over.top && box.bottom <= over.bottom;
                return {name: one.outerHTML.slice(0, 90), outline: getComputedStyle(one).outlineStyle, hidden};
            }"""
        )
        if seen["name"].startswith("<body"):
            break
        assert seen["outline"] != "none", seen["name"]
        assert not seen["hidden"], seen["name"]


@pytest.mark.requirement("UX-07")
async def test_enter_in_a_field_decides_nothing(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    await lotte.open(f"my/requests/{request}")
    await tick(lotte.page, MASTER)
    await lotte.page.locator("#until-7").check()
    await lotte.page.locator("#until-7").press("Enter")
    await lotte.page.wait_for_url("**/approve")
    assert await lotte.page.locator("#until-7").is_checked()  # and nothing that was chosen is lost
    assert request_of(town, request).state.value == "pending"
    await lotte.page.fill("#reason", "Later misschien.")
    await lotte.page.locator("#reason").press("Enter")
    await lotte.page.wait_for_url("**/refuse")
    assert await lotte.page.input_value("#reason") == "Later misschien."
    assert request_of(town, request).state.value == "pending"


@pytest.mark.requirement("UX-39")
async def test_granting_refusing_revoking_list_and_log_work_without_scripts(chromium: Browser, town: Town) -> None:
    wanted, unwanted = town.ask("hr-scheldeland", DIPLOMA), town.ask("hr-scheldeland", DIPLOMA)
    async with visiting(chromium, town, scripts=False) as lotte:
        page = lotte.page
        await lotte.sign_in(LOTTE)
        await lotte.open(f"my/requests/{wanted}")
        await tick(page, MASTER)
        await page.locator("#until-30").check()
        await page.locator(".bar button").first.click()
        await page.wait_for_url("**/receipt")
        grant = grant_of(town, wanted)
        assert grant is not None

        await lotte.open(f"my/requests/{unwanted}")
        await page.fill("#reason", "Nu even niet.")
        await page.locator(".bar button").last.click()
        await page.wait_for_url("**/receipt")
        await expect(page.locator("main")).to_contain_text("Nu even niet.")
        assert request_of(town, unwanted).state.value == "refused"

        await lotte.open("my/sharing")
        await page.locator(f"a[href='/my/sharing/{grant.id}/revoke']").click()
        await page.locator("main button[type=submit]").click()
        await page.wait_for_url("**?done=revoked")
        await lotte.open("my/log")
        await expect(page.locator(".log li").first).to_contain_text("Stopte met delen met HR Scheldeland")
        assert lotte.foreign() == []


@pytest.mark.requirement("UX-04", "UX-06")
async def test_what_leaves_is_what_was_ticked_and_no_longer_than_chosen(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    page = lotte.page
    await lotte.open(f"my/requests/{request}")
    await tick(page, MASTER)
    await page.locator(f'input[name=field][value="{MASTER} grade"]').check()
    document = page.locator(".document", has=page.locator(f'input[name=document][value="{MASTER}"]'))
    await document.locator("details.less summary").click()
    await page.locator(f'input[name=omit][value="{MASTER} level"]').check()
    await page.locator("#until-7").check()
    await page.locator(".bar button").first.click()
    await page.wait_for_url("**/receipt")
    grant = grant_of(town, request)
    assert grant is not None
    assert set(grant.items[0].fields) == {"title", "awarding-body", "date", "grade"}
    assert 6 <= (grant.until - grant.since).days <= 7
    await expect(page.locator("main")).to_contain_text("Behaald resultaat")
    await expect(page.locator("main")).not_to_contain_text("Niveau")


@pytest.mark.requirement("UX-06")
@pytest.mark.parametrize("date", ["", "2020-01-01", "2099-01-01", "not a date"])
async def test_a_day_outside_the_limits_is_told_and_nothing_is_given(lotte: Visitor, town: Town, date: str) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    page = lotte.page
    await lotte.open(f"my/requests/{request}")
    await tick(page, MASTER)
    await page.locator("#until-own").check()
    # As a browser without date fields sends it.
    typed = "date => { const one = document.querySelector('#own-date'); one.type = 'text'; one.value = date }"
    await page.evaluate(typed, date)
    await page.locator(".bar button").first.click()
    await expect(page.locator("#own-date-problem")).to_be_visible()
    assert await page.locator(f'input[name=document][value="{MASTER}"]').is_checked()  # 3.3.7: typed once is enough
    assert grant_of(town, request) is None


@pytest.mark.requirement("UX-36")
async def test_what_is_missing_is_told_first_and_leads_to_its_place(lotte: Visitor, town: Town) -> None:
    await lotte.open(f"my/requests/{town.ask('hr-scheldeland', DIPLOMA)}")
    page = lotte.page
    await page.locator(".bar button").first.click()
    assert (await page.title()).startswith("Fout")
    summary = page.locator("#problems[role=alert] a")
    for link in await summary.all():
        target = (await link.get_attribute("href") or "").removeprefix("#")
        assert await page.locator(f"#{target}").count() == 1


@pytest.mark.requirement("UX-10")
async def test_a_request_that_changed_after_opening_is_not_granted_in_its_old_form(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    page = lotte.page
    for button in (0, 1):
        await lotte.open(f"my/requests/{request}")
        await tick(page, MASTER)
        await page.locator("#until-7").check()
        town.touch(request)
        await page.locator(".bar button").nth(button).click()
        await expect(page.locator("[role=alert]")).to_contain_text("De vraag is intussen veranderd")
        assert await page.locator("main input:checked").count() == 0
        assert request_of(town, request).state.value == "pending"


@pytest.mark.requirement("UX-10")
@pytest.mark.parametrize("send", ["button", "enter", "enter to refuse"])
async def test_that_it_changed_is_told_before_anything_that_is_missing(lotte: Visitor, town: Town, send: str) -> None:
    """Otherwise the page that comes back would be a new form, for a request that she has not seen."""
    request = town.ask("hr-scheldeland", DIPLOMA)
    page = lotte.page
    await lotte.open(f"my/requests/{request}")
    town.touch(request)
    if send == "button":
        await page.locator(".bar button").first.click()
    else:
        await page.locator("#reason" if send == "enter to refuse" else "#until-7").press("Enter")
    await expect(page.locator("[role=alert]")).to_contain_text("De vraag is intussen veranderd")
    assert await page.locator("#problems").count() == 0


async def test_a_closed_request_says_so_first_and_what_was_asked(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    page = lotte.page
    await lotte.open(f"my/requests/{request}")
    town.refuse(request)
    await page.locator(".bar button").first.click()  # nothing was ticked: it does not matter any more
    await page.wait_for_url(f"**/my/requests/{request}")
    assert await page.locator("main h2").first.inner_text() == "U hebt deze vraag geweigerd"
    asked = page.locator("section[aria-labelledby=asked]")
    await expect(asked.locator("h3")).to_have_text("Diploma of getuigschrift")
    await expect(asked.locator("li").last).to_have_text("Behaald resultaat")


async def test_a_request_decided_in_another_window_shows_how_it_stands(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    await lotte.open(f"my/requests/{request}")
    await tick(lotte.page, MASTER)
    await lotte.page.locator("#until-7").check()
    town.refuse(request)
    await lotte.page.locator(".bar button").first.click()
    await expect(lotte.page.locator("main")).to_contain_text("U hebt deze vraag geweigerd")
    assert grant_of(town, request) is None


@pytest.mark.requirement("UX-09")
async def test_the_receipt_tells_what_until_when_and_how_to_stop_and_its_seal_is_in_the_log(
    lotte: Visitor, town: Town
) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    town.approve(request)
    await lotte.open(f"my/requests/{request}/receipt")
    main = lotte.page.locator("main")
    grant = grant_of(town, request)
    assert grant is not None
    for said in (grant.id, "dpo@hr-scheldeland.example", "Gegevensbeschermingsautoriteit", "Naam van het diploma"):
        await expect(main).to_contain_text(said)
    seal = re.search(r"\b[0-9a-f]{64}\b", await main.inner_text())
    assert seal is not None
    log = await lotte.context.request.get(f"{town.base_url}my/log.json")
    entries = {entry["digest"]: entry for entry in (await log.json())["entries"]}
    assert entries[seal[0]]["subject"] == grant.id


@pytest.mark.requirement("UX-16")
async def test_stopping_all_sharing_is_guarded_and_ends_everything(chromium: Browser, town: Town) -> None:
    town.approve(town.ask("hr-scheldeland", DIPLOMA))
    async with visiting(chromium, town) as lotte:
        await lotte.sign_in(LOTTE)
        await lotte.open("my/sharing/stop")
        await lotte.page.click("main button[type=submit]")
        await expect(lotte.page.locator("#sure-problem")).to_be_visible()
        await lotte.page.check("#sure")
        await lotte.page.click("main button[type=submit]")
        await lotte.page.wait_for_url("**/my/sharing?stopped=*")
        await expect(lotte.page.locator("[role=status]")).to_contain_text("beëindigd")
        assert await lotte.page.locator("a[href$='/revoke']").count() == 0


async def test_loading_a_returned_form_again_shows_the_request(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    await lotte.open(f"my/requests/{request}")
    await lotte.page.locator(".bar button").first.click()
    await lotte.page.wait_for_url("**/approve")
    assert await lotte.open(f"my/requests/{request}/approve") == 200
    assert lotte.page.url.endswith(f"/my/requests/{request}")


async def test_pausing_and_resuming_say_what_they_did(lotte: Visitor, town: Town) -> None:
    grant = town.approve(town.ask("hr-scheldeland", DIPLOMA))
    await lotte.open(f"my/sharing/{grant}")
    await lotte.page.locator(f"form[action$='/{grant}/pause'] button").click()
    await expect(lotte.page.locator("[role=status]")).to_contain_text("op pauze")
    await lotte.page.locator(f"form[action$='/{grant}/resume'] button").click()
    await expect(lotte.page.locator("[role=status]")).to_contain_text("weer verder")
    town.revoke(grant)


@pytest.mark.requirement("UX-35")
@pytest.mark.parametrize(("language", "name"), [("fr", "Français"), ("de", "Deutsch"), ("en", "English")])
async def test_the_language_switch_keeps_the_page(lotte: Visitor, town: Town, language: str, name: str) -> None:
    await lotte.open("my/log?what=all")
    await lotte.page.get_by_role("button", name=name).click()
    assert lotte.page.url == f"{town.base_url}my/log?what=all"
    assert await lotte.page.get_attribute("html", "lang") == language
    await lotte.page.get_by_role("button", name="Nederlands").click()
    assert await lotte.page.get_attribute("html", "lang") == "nl"


@pytest.mark.requirement("UX-11")
async def test_the_first_page_counts_what_waits_runs_and_was_looked_at(chromium: Browser, town: Town) -> None:
    async with visiting(chromium, town) as lotte:
        await lotte.sign_in(LOTTE)
        before = [int(text) for text in await lotte.page.locator(".counts strong").all_inner_texts()]
        grant = town.approve(town.ask("hr-scheldeland", DIPLOMA), days=5)
        town.read(grant)
        town.ask("hr-scheldeland", DIPLOMA)
        await lotte.open("my/")
        after = [int(text) for text in await lotte.page.locator(".counts strong").all_inner_texts()]
        assert [now - then for then, now in zip(before, after, strict=True)] == [1, 1, 1, 1]
        town.revoke(grant)


@pytest.mark.requirement("UX-12")
async def test_five_hundred_permissions_are_listed_found_and_paged_within_a_second(amir: Visitor, town: Town) -> None:
    async def lay(vault: Vault) -> None:
        async with vault.writing() as work:
            someone = await work.accounts.by_pod(PodName("amir"))
            assert someone is not None
            for number in range(500):
                since = vault.clock() - timedelta(minutes=number)
                name = ParticipantId("woonhuys" if number % 2 else "hr-scheldeland")
                item = GrantedItem("diploma-1", ResourceUrl(PodName("amir"), "/diplomas/x"), "diploma", ("title",))
                grant = Grant(
                    id=GrantId(f"g-{number}"),
                    request=RequestId(f"r-{number}"),
                    data_user=name,
                    client=None,
                    citizen=someone.webid,
                    pod=PodName("amir"),
                    purpose=None,
                    items=(item,),
                    since=since,
                    until=since + timedelta(days=40),
                    state=GrantState.ACTIVE,
                    version=1,
                )
                await work.grants.add(grant)

    town.live.within(lay)
    began = time.monotonic()
    assert await amir.open("my/sharing") == 200
    assert time.monotonic() - began < 1
    page = amir.page
    assert await page.locator(".cards > li").count() == 48
    await page.get_by_role("link", name="Volgende").click()
    await expect(page.locator("h2 .quiet")).to_have_text("(500)")
    await page.fill("#q", "woonhuys")
    await page.get_by_role("button", name="Toon").click()
    await expect(page.locator("h2 .quiet")).to_have_text("(250)")
    await page.select_option("#state", "ended")
    await page.get_by_role("button", name="Toon").click()
    await expect(page.locator("main")).to_contain_text("Niets gevonden")
    await amir.open("my/sharing/stop")
    await page.check("#sure")
    await page.click("main button[type=submit]")
    await expect(page.locator("[role=status]")).to_contain_text("500 toestemmingen")


@pytest.mark.requirement("UX-40")
async def test_the_receipt_prints_without_menu_and_buttons(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    town.revoke(town.approve(request))
    await lotte.open(f"my/requests/{request}/receipt")
    await lotte.page.emulate_media(media="print")
    await expect(lotte.page.locator(".top")).to_be_hidden()
    await expect(lotte.page.locator("article h1")).to_be_visible()
    assert len(await lotte.page.pdf()) > 5_000
