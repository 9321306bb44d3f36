"""Manage My Career from end to end: a source delivers, a company asks, a citizen decides in her browser, the company
looks, she sees that it did, and she ends it. Each party has its own credentials and nothing shared but HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from examples.manage_my_career.party import Party
from tests.journeys.conftest import visiting
from tests.journeys.desk import opened
from tests.journeys.town import AMIR, CHECKING, DIPLOMA, MESSAGES, Town, built

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = ("education-source", "test-only-education-source-0123456789")
COMPANY = ("hr-company", "test-only-hr-company-0123456789")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A vault in which nothing has happened yet."""
    with built(tmp_path_factory.mktemp("career")) as found:
        yield found


async def data_lock(base_url: str, pod: str) -> str:
    """All a company knows is a WebID; the profile behind it names the data lock."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{base_url}{pod}/profile/card", headers={"Accept": "text/turtle"}) as answer,
    ):
        found = re.search(r"<https://w3id\.org/datakluis/v1#dataLock>\s+<([^>]+)>", await answer.text())
    assert found is not None
    return found[1]


@pytest.mark.requirement("UX-11", "UX-15", "UX-45", "PAIN-07")
async def test_manage_my_career(chromium: Browser, fresh: Town) -> None:
    base = fresh.base_url
    citizen = f"{base}amir/profile/card#me"
    lock = await data_lock(base, "amir")
    async with (
        Party(base, *SOURCE) as source,
        Party(base, *COMPANY) as company,
        opened(company) as desk,
        visiting(chromium, fresh) as amir,
        visiting(chromium, fresh) as recruiter,
    ):
        page, screen = amir.page, recruiter.page
        await amir.sign_in(AMIR)
        await expect(page.locator("main")).to_contain_text("Er wacht niets op u")

        # The source delivers his diploma, with a grade.
        delivered = await source.call(
            "POST",
            f"{lock}deposits",
            body=(MESSAGES / "diploma-master.ttl").read_bytes(),
            headers={"Content-Type": "text/turtle", "Datasluis-Citizen": citizen, "Datasluis-Reference": "m-2018"},
        )
        assert delivered.status == 201, delivered.text

        # The company asks for three fields of it: one it needs, two he may leave out.
        await desk.ask(
            lock,
            {
                "citizen": citizen,
                "purpose": CHECKING,
                "data": [{"type": "diploma", "required": ["title"], "optional": ["date", "grade"]}],
                "until": (datetime.now(UTC) + timedelta(days=60)).isoformat(),
                "terms": DIPLOMA["terms"],
            },
        )
        await screen.goto(desk.address)
        await expect(screen.locator("#state")).to_have_text("pending")

        # He is told, and sees the real values.
        await amir.open("my/")
        await expect(page.locator(".counts strong").first).to_have_text("1")
        await page.get_by_role("link", name="Bekijk de vraag van HR Scheldeland nv (test)").click()
        what = page.locator("#type-diploma")
        await expect(what).to_contain_text("Master of Science in de bedrijfsinformatica")
        await expect(what).to_contain_text("4 juli 2018")

        # He grants two of the three for 30 days.
        await page.locator("input[name=field][value$=' date']").check()
        await page.locator("#until-30").check()
        await page.get_by_role("button", name="Goedkeuren").click()
        await page.wait_for_url("**/receipt")
        await expect(page.locator("main")).to_contain_text("Datum van uitreiking")
        await expect(page.locator("main")).not_to_contain_text("Behaald resultaat")

        # The company's page shows exactly those two, as the source delivered them.
        await screen.goto(desk.address)
        await expect(screen.locator("strong")).to_have_text("verified")
        await expect(screen.locator("li")).to_have_text(
            [re.compile("2018-07-04"), "Master of Science in de bedrijfsinformatica"]
        )
        assert await screen.locator("li.grade").count() == 0

        # He finds the read in his log: who, what, why, when.
        await amir.open("my/log?what=given")
        line = page.locator(".log li").first
        for said in (
            "HR Scheldeland nv (test)",
            "Gelezen",
            "Naam van het diploma",
            "Datum van uitreiking",
            "sollicitant",
        ):
            await expect(line).to_contain_text(said)
        await expect(line).not_to_contain_text("Behaald resultaat")
        assert await page.locator(".log li").count() == desk.reads

        # He ends it, in three steps from home; the next look is refused within a second, and shows nothing.
        await amir.open("my/")
        await page.get_by_role("link", name="Wat ik deel").click()
        await page.get_by_role("link", name="Stop met delen met HR Scheldeland nv (test)").click()
        await page.get_by_role("button", name="Ja, stop met delen").click()
        await page.wait_for_url("**?done=revoked")
        began = time.monotonic()
        await screen.goto(desk.address)
        await expect(screen.locator("#state")).to_have_text("403 grant-revoked")
        assert time.monotonic() - began < 1
        assert "Master" not in await screen.content()

        # The refused look is in his log too, and the log is whole.
        await amir.open("my/log")
        await expect(page.locator(".log li").first).to_contain_text("U bent gestopt met delen")
        await expect(page.locator(".notice.good")).to_contain_text("ongeschonden")
        assert amir.foreign() == []


async def test_a_recruiter_who_asks_what_he_earned_never_reaches_the_citizen(chromium: Browser, fresh: Town) -> None:
    """Directive (EU) 2023/970 art. 5(2): the lock says no, with the article, and the citizen is not troubled."""
    base = fresh.base_url
    lock = await data_lock(base, "amir")
    async with Party(base, *COMPANY) as company, visiting(chromium, fresh) as amir:
        answer = await company.call(
            "POST",
            f"{lock}requests",
            json={
                "citizen": f"{base}amir/profile/card#me",
                "purpose": "https://w3id.org/dpv#RecruitmentApplicantSelection",
                "data": [{"type": "wage", "required": ["gross", "period"]}],
                "until": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
                "terms": DIPLOMA["terms"],
            },
        )
        assert answer.status == 403
        assert answer.data["reason"] == "pay-history"
        assert "2023/970" in answer.data["law"]["nl"]
        await amir.sign_in(AMIR)
        await expect(amir.page.locator(".counts strong").first).to_have_text("0")


async def test_a_citizen_cannot_open_what_is_asked_of_another(chromium: Browser, fresh: Town) -> None:
    request = fresh.ask("hr-scheldeland", DIPLOMA, citizen="lotte")
    grant = fresh.approve(fresh.ask("hr-scheldeland", DIPLOMA, citizen="lotte"))
    async with visiting(chromium, fresh) as amir:
        await amir.sign_in(AMIR)
        for path in (f"my/requests/{request}", f"my/requests/{request}/receipt", f"my/sharing/{grant}"):
            assert await amir.open(path) == 404
        assert await amir.open(f"my/sharing/{grant}/revoke") == 404
