"""PAIN-05: an app gets what its person chose and no more, whatever the person may: by every method, by auxiliaries, by
notifications, by answers that are kept, and at the data lock."""

from __future__ import annotations

import secrets

import pytest

from tests.attacks.apps import Connected, connect, folders, newcomer
from tests.browser import App, Browser, forms_of, register, returned
from tests.conformance.notifications.channels import KINDS, WEBHOOK, WEBSOCKET, listening
from tests.conformance.notifications.receiver import receiver
from tests.live import Live
from tests.people import CONTAINER_LINK, TURTLE, Person, Visitor, acl, n3_patch, rule

pytestmark = pytest.mark.requirement("PAIN-05")

IDENTITY = [("reach", "identity")]
WHOLE = [("reach", "whole")]


@pytest.fixture(scope="module")
def alice(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return newcomer(server, tmp_path_factory.mktemp("alice"))


@pytest.fixture
async def inside(http: Visitor, home: str, alice: Person) -> str:
    """A document in the folder that is chosen."""
    url = f"{home}inside.ttl"
    assert (await http.put(url, "<> <#is> 1 .", by=alice)).status == 201
    return url


@pytest.fixture
async def outside(http: Visitor, alice: Person) -> str:
    """A private document in another folder."""
    url = f"{alice.pod}o-{secrets.token_hex(6)}/outside.ttl"
    assert (await http.put(url, "<> <#is> 1 .", by=alice)).status == 201
    return url


@pytest.fixture
async def limited(http: Visitor, alice: Person, home: str, inside: str) -> Connected:
    """An app that may work in one folder."""
    return await connect(http, alice, folders(home, base_url=http.base_url))


async def test_in_its_folder_the_app_reads_and_writes(limited: Connected, home: str, inside: str) -> None:
    read = await limited.send("GET", inside)
    assert read.status == 200
    assert read.modes == {"user": {"read", "append", "write"}, "public": set()}
    assert (await limited.send("GET", home)).status == 200
    assert (await limited.send("PUT", f"{home}a/b.ttl", "<> <#is> 2 .", kind=TURTLE)).status == 201
    assert (await limited.send("POST", home, "<> <#is> 3 .", kind=TURTLE)).status == 201
    patch = n3_patch(inserts="<> <#more> 4 .")
    assert (await limited.send("PATCH", inside, patch, kind="text/n3")).status in (200, 204, 205)
    assert (await limited.send("DELETE", f"{home}a/b.ttl")).status in (200, 204, 205)
    assert (await limited.send("DELETE", f"{home}a/")).status in (200, 204, 205)


async def test_outside_its_folder_the_app_is_nobody_in_particular(
    http: Visitor, limited: Connected, alice: Person, outside: str
) -> None:
    patch = n3_patch(inserts="<> <#more> 4 .")
    for method, url, body, kind in (
        ("GET", outside, None, None),
        ("HEAD", outside, None, None),
        ("PUT", outside, "<> <#is> 5 .", TURTLE),
        ("PATCH", outside, patch, "text/n3"),
        ("DELETE", outside, None, None),
        ("GET", alice.pod, None, None),
        ("POST", alice.pod, "<> <#is> 5 .", TURTLE),
        ("PUT", f"{alice.pod}new-{secrets.token_hex(4)}.ttl", "<> <#is> 5 .", TURTLE),
        ("GET", f"{alice.pod}settings/prefs.ttl", None, None),
        ("PATCH", f"{alice.pod}profile/card", patch, "text/n3"),
    ):
        assert (await limited.send(method, url, body, kind=kind)).status == 403, (method, url)
    assert (await http.get(outside, by=alice)).status == 200  # the person herself is not limited
    card = await limited.send("GET", f"{alice.pod}profile/card")
    assert card.status == 200  # everybody reads it
    assert card.modes == {"user": {"read"}, "public": {"read"}}


async def test_the_app_never_gets_at_access_rules(
    http: Visitor, limited: Connected, alice: Person, home: str, inside: str
) -> None:
    assert (await http.get(f"{alice.pod}.acl", by=alice)).status == 200
    everybody = acl(rule(modes="read", agent_class="public", to=inside))
    for url in (f"{home}.acl", f"{inside}.acl", f"{home[:-1]}.acl", f"{alice.pod}.acl"):
        for method, body in (("GET", None), ("PUT", everybody), ("DELETE", None)):
            answer = await limited.send(method, url, body, kind=TURTLE if body else None)
            assert answer.status in (403, 405), (method, url, answer.status)
    assert (await http.get(inside)).status == 401


async def test_the_folder_itself_and_its_neighbours_of_like_name_are_out_of_reach(
    http: Visitor, limited: Connected, alice: Person, home: str
) -> None:
    beside = f"{home[:-1]}-too/"
    assert (await http.put(beside, by=alice, Link=CONTAINER_LINK)).status == 201
    assert await limited.reads(beside) == 403
    assert await limited.reads(f"{home[:-1]}%2Fx") in (400, 403, 404)
    assert (await limited.send("DELETE", home)).status == 403
    assert (await http.get(home, by=alice)).status == 200


async def test_without_folders_the_app_knows_who_it_is_and_reads_what_everybody_reads(
    http: Visitor, alice: Person, inside: str, home: str
) -> None:
    app = await connect(http, alice, IDENTITY)
    assert (await app.send("GET", f"{http.base_url}idp/userinfo")).json["webid"] == alice.webid
    assert await app.reads(f"{alice.pod}profile/card") == 200
    for url in (inside, home, alice.pod):
        assert await app.reads(url) == 403


@pytest.mark.requirement("WP-3", "ATK-21")
async def test_an_app_in_the_folder_of_the_profile_cannot_make_itself_the_issuer(http: Visitor, alice: Person) -> None:
    """Whoever writes the issuers of a WebID would leave every ceiling behind."""
    app = await connect(http, alice, folders(f"{alice.pod}profile/", base_url=http.base_url))
    card = f"{alice.pod}profile/card"
    before = (await http.get(card, by=alice)).text
    evil = f"<{alice.webid}> <http://www.w3.org/ns/solid/terms#oidcIssuer> <https://evil.example/>."
    assert (await app.send("PATCH", card, n3_patch(inserts=evil), kind="text/n3")).status == 409
    assert (await app.send("PUT", card, f"{before}\n{evil}", kind=TURTLE)).status == 409
    assert (await app.send("DELETE", card)).status in (403, 405, 409)
    assert (await http.get(card, by=alice)).text == before
    hobby = n3_patch(inserts=f'<{alice.webid}> <http://xmlns.com/foaf/0.1/interest> "chess".')
    assert (await app.send("PATCH", card, hobby, kind="text/n3")).status in (200, 204, 205)


async def test_what_others_share_with_the_person_needs_the_whole(
    http: Visitor, alice: Person, bob: Person, limited: Connected
) -> None:
    folder = f"{bob.pod}s-{secrets.token_hex(6)}/"
    assert (await http.put(folder, by=bob, Link=CONTAINER_LINK)).status == 201
    own = rule(modes="read write control", agent=bob.webid, to=folder, default=folder)
    await http.share(folder, acl(own, rule(modes="read", agent=alice.webid, to=folder)), by=bob)
    assert await limited.reads(folder) == 403
    await limited.limit(WHOLE)
    assert await limited.reads(folder) == 200


async def test_known_agents_are_others_and_not_the_limited_app(
    http: Visitor, alice: Person, bob: Person, limited: Connected
) -> None:
    """What is for everybody who has signed in is for the person; an app under a ceiling has only what is for all."""
    folder = f"{bob.pod}s-{secrets.token_hex(6)}/"
    assert (await http.put(folder, by=bob, Link=CONTAINER_LINK)).status == 201
    own = rule(modes="read write control", agent=bob.webid, to=folder, default=folder)
    await http.share(folder, acl(own, rule(modes="read", agent_class="authenticated", to=folder)), by=bob)
    assert (await http.get(folder, by=alice)).status == 200
    assert await limited.reads(folder) == 403


async def test_a_kept_answer_is_kept_for_its_ceiling(
    http: Visitor, alice: Person, inside: str, outside: str, home: str
) -> None:
    app = await connect(http, alice, WHOLE)
    for _ in range(3):
        assert (await http.get(outside, by=alice)).status == 200
        assert await app.reads(outside) == 200
    await app.limit(folders(home, base_url=http.base_url))
    for _ in range(3):
        assert await app.reads(outside) == 403
        assert (await http.get(outside, by=alice)).status == 200
        assert (await app.send("GET", inside)).modes["user"] == {"read", "append", "write"}
    await app.limit(WHOLE)
    assert await app.reads(outside) == 200
    assert "control" in (await app.send("GET", inside)).modes["user"]
    await app.limit(IDENTITY)
    assert [await app.reads(outside), await app.reads(inside)] == [403, 403]


@pytest.mark.parametrize("kind", KINDS)
async def test_subscribing_needs_what_reading_needs(limited: Connected, inside: str, outside: str, kind: str) -> None:
    more = {"sendTo": "https://receiver.example/hook"} if kind == WEBHOOK else {}
    assert (await limited.subscribe(kind, inside, **more)).status == 200
    assert (await limited.subscribe(kind, outside, **more)).status == 403


@pytest.mark.requirement("NP-11", "UX-15")
@pytest.mark.parametrize("end", ["narrowed", "disconnected"])
async def test_a_webhook_is_not_called_beyond_the_ceiling_of_today(
    http: Visitor, alice: Person, limited: Connected, inside: str, end: str
) -> None:
    with receiver() as hook:
        channel = (await limited.subscribe(WEBHOOK, inside, sendTo=hook.place)).json["id"]
        assert (await http.put(inside, "<> <#is> 2 .", by=alice)).status in (200, 204, 205)
        assert (await hook.next()).message["type"] == "Update"
        await (limited.limit(IDENTITY) if end == "narrowed" else limited.disconnect())
        assert (await http.put(inside, "<> <#is> 3 .", by=alice)).status in (200, 204, 205)
        assert await hook.is_left_alone()
    assert (await http.get(channel, by=alice)).status == 404


async def test_a_narrower_ceiling_ends_a_channel_before_its_next_message(
    http: Visitor, alice: Person, limited: Connected, home: str, inside: str
) -> None:
    channel = (await limited.subscribe(WEBSOCKET, inside)).json
    async with listening(http, channel) as ear:
        assert (await http.put(inside, "<> <#is> 2 .", by=alice)).status in (200, 204, 205)
        assert (await ear.next())["type"] == "Update"
        await limited.limit(IDENTITY)
        assert (await http.put(inside, "<> <#is> 3 .", by=alice)).status in (200, 204, 205)
        assert await ear.end() == 1008
        assert ear.came.empty()


async def test_a_wider_ceiling_leaves_a_channel_as_it_is(
    http: Visitor, alice: Person, limited: Connected, inside: str
) -> None:
    channel = (await limited.subscribe(WEBSOCKET, inside)).json
    async with listening(http, channel) as ear:
        await limited.limit(WHOLE)
        assert (await http.put(inside, "<> <#is> 2 .", by=alice)).status in (200, 204, 205)
        assert (await ear.next())["type"] == "Update"


async def test_a_limited_app_has_no_say_over_channels_of_another(
    http: Visitor, alice: Person, limited: Connected, inside: str
) -> None:
    other = await connect(http, alice, WHOLE)
    channel = (await other.subscribe(WEBSOCKET, inside)).json["id"]
    for method in ("GET", "DELETE"):
        assert (await limited.send(method, channel)).status == 403
    assert (await other.send("GET", channel)).status == 200
    own = (await limited.subscribe(WEBSOCKET, inside)).json["id"]
    assert (await limited.send("DELETE", own)).status == 204


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_data_lock_takes_no_limited_app_for_an_organisation(
    http: Visitor, alice: Person, limited: Connected, method: str
) -> None:
    place = f"{http.base_url}datasluis/{'grants' if method == 'GET' else 'requests'}"
    answer = await limited.send(method, place, "{}" if method == "POST" else None, kind="application/json")
    assert (answer.status, answer.json["reason"]) == (403, "client-ceiling")
    whole = await connect(http, alice, WHOLE)
    answer = await whole.send(method, place, "{}" if method == "POST" else None, kind="application/json")
    assert answer.json["reason"] != "client-ceiling"  # it is judged as the organisation, which Alice is not


# ---- the form


def pod_of(person: Person) -> str:
    return person.pod.rstrip("/").rpartition("/")[2]


async def question(http: Visitor, alice: Person) -> tuple[Browser, App]:
    app, browser = await register(http), Browser(http)
    await browser.sign_in(alice)
    return browser, app


async def test_before_a_choice_an_app_gets_nothing_but_a_name(http: Visitor, alice: Person, inside: str) -> None:
    browser, app = await question(http, alice)
    page = await browser.open(app.authorization_url())
    form = next(form for form in forms_of(page) if form.action == "/idp/consent")
    assert [pair for pair in form.fields if pair[0] in ("reach", "folder")] == [("reach", "identity")]
    code = returned(await browser.submit(page, "/idp/consent", press="allow"), app.redirect_uri)["code"]
    app.holder.token = (await app.redeem(code)).json["access_token"]
    connected = Connected(http, app, browser, alice, None)
    assert await connected.reads(inside) == 403
    assert await connected.reads(f"{alice.pod}profile/card") == 200


async def test_the_form_offers_two_levels_of_the_persons_own_folders(
    http: Visitor, alice: Person, bob: Person, home: str
) -> None:
    assert (await http.put(f"{home}second/third/", by=alice, Link=CONTAINER_LINK)).status == 201
    assert (await http.put(f"{home}document.ttl", "<> <#is> 1 .", by=alice)).status == 201
    browser, app = await question(http, alice)
    form = next(form for form in forms_of(await browser.open(app.authorization_url())) if "consent" in form.action)
    offered = {value for name, value in form.choices if name == "folder"}
    own = home.removeprefix(http.base_url)
    assert {own, f"{own}second/", f"{pod_of(alice)}/profile/"} <= offered
    assert f"{own}second/third/" not in offered
    assert all(value.startswith(f"{pod_of(alice)}/") and value.endswith("/") for value in offered)


@pytest.mark.parametrize(
    "folder",
    ["bob/profile/", "{}/", "{}/../bob/", "{}", "https://evil.example/", "{}/never-made/", "", "{}/%2e/", "profile/"],
)
async def test_a_folder_that_was_not_offered_is_not_taken(http: Visitor, alice: Person, folder: str) -> None:
    browser, app = await question(http, alice)
    page = await browser.open(app.authorization_url())
    form = next(form for form in forms_of(page) if form.action == "/idp/consent")
    kept = [(name, value) for name, value in form.fields if name != "reach"]
    pairs = [*kept, ("reach", "folders"), ("folder", folder.format(pod_of(alice))), ("choice", "allow")]
    answer = await browser.post("/idp/consent", pairs)
    assert answer.status == 400
    assert "code" not in answer.headers.get("Location", "")
    again = await browser.open(app.authorization_url())
    assert again.status == 200  # nothing was agreed to


@pytest.mark.parametrize("reach", ["", "everything", "whole "])
async def test_a_reach_that_was_not_offered_is_not_taken(http: Visitor, alice: Person, reach: str) -> None:
    browser, app = await question(http, alice)
    form = next(form for form in forms_of(await browser.open(app.authorization_url())) if "consent" in form.action)
    kept = [(name, value) for name, value in form.fields if name != "reach"]
    answer = await browser.post("/idp/consent", [*kept, ("reach", reach), ("choice", "allow")])
    assert answer.status == 400


async def test_folders_without_a_folder_is_asked_again_and_gives_nothing(http: Visitor, alice: Person) -> None:
    browser, app = await question(http, alice)
    page = await browser.open(app.authorization_url())
    page = await browser.submit(page, "/idp/consent", [("reach", "folders")], press="allow")
    assert page.status == 422
    form = next(form for form in forms_of(page) if form.action == "/idp/consent")
    assert ("reach", "folders") in form.fields
    assert 'id="reach-problem"' in page.text
    refused = await browser.submit(page, "/idp/consent", press="refuse")
    assert returned(refused, app.redirect_uri)["error"] == "access_denied"


async def test_enter_in_a_field_decides_nothing(http: Visitor, alice: Person) -> None:
    browser, app = await question(http, alice)
    form = next(form for form in forms_of(await browser.open(app.authorization_url())) if "consent" in form.action)
    kept = [(name, value) for name, value in form.fields if name != "reach"]
    page = await browser.post("/idp/consent", [*kept, ("reach", "whole"), ("entered", "1")])
    assert page.status == 200
    assert ("reach", "whole") in next(form for form in forms_of(page) if form.action == "/idp/consent").fields


async def test_what_was_chosen_is_where_the_next_question_begins(
    http: Visitor, alice: Person, limited: Connected, home: str
) -> None:
    page = await limited.browser.open(limited.app.authorization_url(prompt="consent"))
    form = next(form for form in forms_of(page) if form.action == "/idp/consent")
    assert folders(home, base_url=http.base_url) == [pair for pair in form.fields if pair[0] in ("reach", "folder")]


async def test_a_folder_within_a_chosen_one_adds_nothing(http: Visitor, alice: Person, home: str, inside: str) -> None:
    assert (await http.put(f"{home}second/", by=alice, Link=CONTAINER_LINK)).status == 201
    app = await connect(http, alice, folders(home, f"{home}second/", base_url=http.base_url))
    page = await app.browser.open(app.page)
    form = next(form for form in forms_of(page) if form.action == app.page)
    assert [pair for pair in form.fields if pair[0] == "folder"] == [("folder", home.removeprefix(http.base_url))]
