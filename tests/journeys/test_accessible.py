"""Every page and state in four languages: axe finds nothing in light, dark and forced colours, at 320, 360 and 1280
pixels, and nothing stands wider than the screen."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.journeys.conftest import WCAG, Visitor
from tests.journeys.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

LANGUAGES = ("nl", "fr", "de", "en")
WIDTHS = (320, 360, 1280)

STATES = (
    ["home", "requests", "request", "request with warnings", "request of a silent stranger"]
    + ["request already answered", "receipt", "receipt of a refusal", "sharing", "nothing found", "grant paused"]
    + ["grant ended", "revoke", "stop", "log", "log with everything", "data", "document", "root folder", "folder"]
    + ["file", "delete", "missing"]
)


async def violations(visitor: Visitor, axe: str) -> list[str]:
    """What axe finds on the page as it stands, each with the places it was found."""
    if await visitor.page.evaluate("typeof axe === 'undefined'"):
        await visitor.page.evaluate(axe)
    found: dict[str, Any] = await visitor.page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", WCAG
    )
    return [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in found["violations"]]


async def check_everywhere(visitor: Visitor, axe: str, where: str) -> None:
    """The page as it stands, in every colour scheme and width."""
    page = visitor.page
    for scheme, forced in (("light", "none"), ("dark", "none"), ("dark", "active")):
        # Without motion: a colour on its way from one scheme to the other is nobody's contrast.
        await page.emulate_media(color_scheme=_scheme(scheme), forced_colors=_forced(forced), reduced_motion="reduce")
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 640})
            assert await violations(visitor, axe) == [], f"{where}, {scheme}, forced {forced}, {width} px"
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{where}: {wide} px wide at {width}"
    await page.emulate_media(color_scheme="light", forced_colors="none")


def _scheme(name: str) -> Literal["light", "dark"]:
    return "dark" if name == "dark" else "light"


def _forced(name: str) -> Literal["active", "none"]:
    return "active" if name == "active" else "none"


@pytest.mark.slow
@pytest.mark.requirement("UX-35", "UX-36", "UX-38", "UX-43")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
async def test_axe_finds_nothing(lotte: Visitor, states: dict[str, str], axe: str, state: str, language: str) -> None:
    await lotte.speak(language)
    status = await lotte.open(states[state])
    assert status == (404 if state == "missing" else 200)
    assert await lotte.page.get_attribute("html", "lang") == language
    await check_everywhere(lotte, axe, f"{state} in {language}")
    assert lotte.foreign() == []


@pytest.mark.requirement("UX-36")
async def test_axe_finds_what_is_wrong(lotte: Visitor, states: dict[str, str], axe: str) -> None:
    """A check that finds nothing must be able to find something, colours too, after a change of scheme."""
    await lotte.open(states["home"])
    assert await violations(lotte, axe) == []
    await lotte.page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    assert any(found.startswith("label:") for found in await violations(lotte, axe))
    await lotte.page.evaluate("document.querySelector('main p').style.color = '#eee'")
    assert any(found.startswith("color-contrast:") for found in await violations(lotte, axe))


async def test_every_state_is_visited(states: dict[str, str]) -> None:
    assert sorted(states) == sorted(STATES)


@pytest.mark.slow
@pytest.mark.requirement("UX-36")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_where_something_is_wrong(
    lotte: Visitor, states: dict[str, str], axe: str, language: str
) -> None:
    await lotte.speak(language)
    await lotte.open(states["request"])
    await lotte.page.locator(".bar button").first.click()
    assert await lotte.page.locator("#problems a").count() == 2
    await check_everywhere(lotte, axe, f"incomplete answer in {language}")
    await lotte.open("my/sharing/stop")
    await lotte.page.click("main button[type=submit]")
    assert await lotte.page.locator("#sure-problem").is_visible()
    await check_everywhere(lotte, axe, f"unsure stop in {language}")
    await lotte.open("my/folders/diplomas/")
    await lotte.page.click("section[aria-labelledby=new] button")
    assert await lotte.page.locator("#folder-problem").is_visible()
    await check_everywhere(lotte, axe, f"nameless folder in {language}")


@pytest.mark.slow
@pytest.mark.requirement("UX-36")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_when_everything_is_open(
    lotte: Visitor, states: dict[str, str], axe: str, language: str
) -> None:
    await lotte.speak(language)
    for state in ("request", "document"):
        await lotte.open(states[state])
        await lotte.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        await check_everywhere(lotte, axe, f"{state} unfolded in {language}")


@pytest.mark.slow
@pytest.mark.requirement("UX-30", "UX-36")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["my/", "my/requests", "my/sharing", "my/data", "my/folders/inbox/"])
async def test_axe_finds_nothing_in_an_empty_vault(amir: Visitor, axe: str, path: str, language: str) -> None:
    await amir.speak(language)
    assert await amir.open(path) == 200
    await check_everywhere(amir, axe, f"{path}, empty, in {language}")


@pytest.mark.slow
@pytest.mark.requirement("UX-36")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_at_the_door(visitor: Visitor, axe: str, language: str) -> None:
    await visitor.speak(language)
    for path in ("my/", "idp/signup"):
        await visitor.open(path)
        assert await visitor.page.get_attribute("html", "lang") == language
        await check_everywhere(visitor, axe, f"{path} signed out, in {language}")


@pytest.mark.requirement("UX-30")
@pytest.mark.parametrize("state", STATES)
async def test_no_page_shows_a_webid_or_the_name_of_a_text(
    lotte: Visitor, town: Town, states: dict[str, str], state: str
) -> None:
    await lotte.open(states[state])
    shown = await lotte.page.inner_text("main")
    assert "profile/card" not in shown
    if state == "file":
        return  # the raw data of a document, for those who ask for it
    assert town.base_url not in shown
    keys = await lotte.page.evaluate("document.body.innerText.match(/\\b[a-z-]+\\.[a-z-]+\\.[a-z-]+\\b/g)")
    assert [key for key in keys or [] if not key.endswith((".example", ".be"))] == []


@pytest.mark.requirement("UX-37", "UX-43")
async def test_the_answer_can_be_given_at_400_percent(lotte: Visitor, states: dict[str, str]) -> None:
    """400 % of a 1280 px window is a layout of 320 × 256: nothing sticks in the way, both buttons can be reached."""
    await lotte.page.set_viewport_size({"width": 320, "height": 256})
    await lotte.open(states["request"])
    assert await lotte.page.locator(".bar").evaluate("one => getComputedStyle(one).position") == "static"
    for button in await lotte.page.locator(".bar button").all():
        await button.scroll_into_view_if_needed()
        box = await button.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320


@pytest.mark.requirement("UX-38")
async def test_the_decision_is_in_sight_on_a_telephone(lotte: Visitor, states: dict[str, str]) -> None:
    await lotte.page.set_viewport_size({"width": 360, "height": 640})
    await lotte.open(states["request"])
    boxes = [await one.bounding_box() for one in await lotte.page.locator(".bar button").all()]
    approve, refuse = boxes
    assert approve is not None
    assert refuse is not None
    assert approve["y"] + approve["height"] <= 640
    # UX-07: equal in size, and so in effort
    assert (approve["width"], approve["height"]) == (refuse["width"], refuse["height"])


@pytest.mark.requirement("UX-36")
@pytest.mark.parametrize("state", ["request", "sharing", "log", "folder"])
async def test_targets_are_at_least_24_pixels(lotte: Visitor, states: dict[str, str], state: str) -> None:
    """2.5.8 leaves out links within a sentence; ours stand in lists and bars, so all are held to it."""
    await lotte.page.set_viewport_size({"width": 360, "height": 640})
    await lotte.open(states[state])
    small = await lotte.page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden]), select, summary, nav a, .actions a')]
            .filter(one => one.offsetParent && !one.hidden)
            .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
            .filter(([, box]) => box.width < 24 || box.height < 24)
            .map(([html, box]) => `${html} ${box.width}×${box.height}`)"""
    )
    assert small == []


@pytest.mark.requirement("UX-41", "UX-42")
async def test_the_request_page_weighs_less_than_150_kilobytes(lotte: Visitor, states: dict[str, str]) -> None:
    await lotte.open(states["request"])
    await lotte.page.wait_for_load_state("networkidle")
    # Fetched again one by one: what the browser kept from the sign-in page counts too.
    used = await lotte.page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    bodies = [await (await lotte.context.request.get(url)).body() for url in [lotte.page.url, *used]]
    assert len(bodies) >= 2
    assert sum(map(len, bodies)) < 150_000
    assert lotte.foreign() == []
