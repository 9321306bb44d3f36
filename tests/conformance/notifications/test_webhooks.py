"""WebhookChannel2023: we call the receiver, say who we are, and come again until it has taken every message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from joserfc.jwk import ECKey

from tests.conformance.notifications.channels import (
    ACTIVITIES,
    CONTEXT,
    WEBHOOK,
    fresh_container,
    grant,
    own_only,
    subscribed,
)
from tests.conformance.notifications.receiver import (
    Receiver,
    content_digest,
    receiver,
    verified_sender,
    verifies,
)
from tests.live import Live, serving
from tests.people import TURTLE, Person, Visitor, visiting


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that tries again soon, and gives up soon."""
    patience = {"retry_seconds": 0.15, "longest_retry_seconds": 0.4, "retries": 3, "waiting_messages": 20}
    with serving(tmp_path_factory.mktemp("hasty"), notify=patience) as live:
        yield live


@pytest.fixture
async def visitor(hasty: Live) -> AsyncIterator[Visitor]:
    async with visiting(hasty.base_url) as visitor:
        yield visitor


@pytest.fixture
def owner(hasty: Live) -> Person:
    return hasty.people["alice"]


@pytest.fixture
async def place(visitor: Visitor, owner: Person) -> str:
    return await fresh_container(visitor, owner)


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


async def put(http: Visitor, url: str, by: Person, *values: int) -> None:
    for value in values:
        assert (await http.put(url, f"<#a> <#b> {value}.", by=by)).status in (201, 204)


@pytest.mark.requirement("NC-2", "NP-10")
async def test_every_change_is_posted_once_and_in_order(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    doc = f"{place}doc"
    await subscribed(visitor, WEBHOOK, doc, by=owner, sendTo=hook.place)
    await put(visitor, doc, owner, 1, 2, 3)
    await visitor.delete(doc, by=owner)
    calls = [await hook.next() for _ in range(4)]
    assert [call.message["type"] for call in calls] == ["Create", "Update", "Update", "Delete"]
    assert {call.message["object"] for call in calls} == {doc}
    assert calls[0].message["@context"] == [ACTIVITIES, CONTEXT]
    assert len({call.message["id"] for call in calls}) == 4
    assert await hook.is_left_alone()


@pytest.mark.requirement("NC-2", "RS-4")
async def test_a_receiver_can_verify_who_calls(visitor: Visitor, place: str, owner: Person, hook: Receiver) -> None:
    channel = await subscribed(visitor, WEBHOOK, place, by=owner, sendTo=hook.place)
    await put(visitor, f"{place}doc", owner, 1)
    call = await hook.next()
    assert await verified_sender(visitor, call) == channel["sender"]


@pytest.mark.requirement("NC-2", "ATK-28")
def test_our_receiver_reads_signatures_as_the_rfc_does() -> None:
    """The example of RFC 9421, appendix B.2.4, with its key of B.1.3; and the digest of RFC 9530, appendix B.1."""
    pem = (
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n"
        "w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n"
        "-----END PUBLIC KEY-----\n"
    )
    digest = "mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ=="
    values = {
        "@status": "200",
        "content-type": "application/json",
        "content-digest": f"sha-512=:{digest}:",
        "content-length": "23",
    }
    covered = '("@status" "content-type" "content-digest" "content-length")'
    parameters = f'{covered};created=1618884473;keyid="test-key-ecc-p256"'
    signature = ":wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:"
    key = ECKey.import_key(pem)
    assert verifies(values, parameters, signature, key)
    assert not verifies(values | {"@status": "201"}, parameters, signature, key)
    assert not verifies(values, parameters.replace("73;", "74;"), signature, key)
    assert content_digest(b'{"hello": "world"}') == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"


@pytest.mark.requirement("NC-2")
async def test_a_receiver_that_fails_is_tried_again_in_order_and_nothing_overtakes(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    doc = f"{place}doc"
    hook.answers[:] = [500, -1]
    await subscribed(visitor, WEBHOOK, doc, by=owner, sendTo=hook.place)
    await put(visitor, doc, owner, 1, 2)
    calls = [await hook.next() for _ in range(4)]
    assert [call.message["type"] for call in calls] == ["Create", "Create", "Create", "Update"]
    assert len({call.message["id"] for call in calls[:3]}) == 1
    assert len({call.headers["DPoP"] for call in calls}) == 4  # a proof is used once
    assert calls[1].at - calls[0].at > 0.14
    assert calls[2].at - calls[1].at > 0.29  # ever later
    assert await hook.is_left_alone()


@pytest.mark.requirement("NC-2", "PAIN-18")
async def test_what_is_never_taken_becomes_a_dead_letter_and_then_the_channel_ends(
    visitor: Visitor, place: str, owner: Person, hook: Receiver, hasty: Live
) -> None:
    doc = f"{place}doc"
    hook.always = 500
    channel = await subscribed(visitor, WEBHOOK, doc, by=owner, sendTo=hook.place)
    await put(visitor, doc, owner, 1, 2, 3, 4, 5, 6)
    calls = [await hook.next() for _ in range(6)]
    first, *others = [call.message["id"] for call in calls]
    # Three tries of the first; then it is dead, and each of the others has one, until the channel is given up.
    assert others[:2] == [first, first]
    assert len(set(others[2:])) == 3
    assert await hook.is_left_alone()
    assert (await visitor.get(channel["id"], by=owner)).status == 404


@pytest.mark.requirement("NC-2")
async def test_a_receiver_that_comes_back_gets_what_waited(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    doc = f"{place}doc"
    hook.answers[:] = [503, 503]
    await subscribed(visitor, WEBHOOK, doc, by=owner, sendTo=hook.place)
    await put(visitor, doc, owner, 1, 2, 3, 4)
    calls = [await hook.next() for _ in range(6)]
    assert [call.message["type"] for call in calls[2:]] == ["Create", "Update", "Update", "Update"]
    assert len({call.message["id"] for call in calls[2:]}) == 4


@pytest.mark.requirement("NC-2")
async def test_a_receiver_that_is_gone_is_unsubscribed(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    hook.always = 410
    channel = await subscribed(visitor, WEBHOOK, f"{place}doc", by=owner, sendTo=hook.place)
    await put(visitor, f"{place}doc", owner, 1, 2)
    await hook.next()
    assert await hook.is_left_alone()
    assert (await visitor.get(channel["id"], by=owner)).status == 404


@pytest.mark.requirement("NC-2", "ATK-06")
async def test_a_redirect_is_not_followed(visitor: Visitor, place: str, owner: Person, hook: Receiver) -> None:
    hook.answers[:] = [307]
    hook.headers["Location"] = f"{hook.there.base_url}inside"
    await subscribed(visitor, WEBHOOK, f"{place}doc", by=owner, sendTo=hook.place)
    await put(visitor, f"{place}doc", owner, 1)
    assert await hook.kinds(2) == ["Create", "Create"]
    assert set(hook.there.asked) == {"/hook"}


@pytest.mark.requirement("NP-11", "PAIN-18")
async def test_a_revoked_subscriber_is_not_called_any_more(
    visitor: Visitor, place: str, owner: Person, hook: Receiver, hasty: Live
) -> None:
    bob = hasty.people["bob"]
    await grant(visitor, place, owner, bob)
    channel = await subscribed(visitor, WEBHOOK, f"{place}doc", by=bob, sendTo=hook.place)
    await put(visitor, f"{place}doc", owner, 1)
    assert await hook.kinds(1) == ["Create"]
    await own_only(visitor, place, owner)
    await put(visitor, f"{place}doc", owner, 2)
    assert await hook.is_left_alone()
    assert (await visitor.get(channel["id"], by=bob)).status == 404


@pytest.mark.requirement("NP-11")
async def test_what_waits_for_a_retry_is_not_sent_after_a_revocation(
    visitor: Visitor, place: str, owner: Person, hook: Receiver, hasty: Live
) -> None:
    bob = hasty.people["bob"]
    await grant(visitor, place, owner, bob)
    hook.answers[:] = [503]
    hook.headers["Retry-After"] = "1"  # cut to the longest wait of this server
    await subscribed(visitor, WEBHOOK, f"{place}doc", by=bob, sendTo=hook.place)
    await put(visitor, f"{place}doc", owner, 1)
    await hook.next()
    await own_only(visitor, place, owner)
    assert await hook.is_left_alone()


@pytest.mark.requirement("NP-12")
async def test_an_unsubscribed_webhook_is_not_called_any_more(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    channel = await subscribed(visitor, WEBHOOK, f"{place}doc", by=owner, sendTo=hook.place)
    await put(visitor, f"{place}doc", owner, 1)
    assert await hook.kinds(1) == ["Create"]
    assert (await visitor.delete(channel["id"], by=owner)).status == 204
    await put(visitor, f"{place}doc", owner, 2)
    assert await hook.is_left_alone()


@pytest.mark.requirement("NP-12")
async def test_a_webhook_ends_at_its_time(visitor: Visitor, place: str, owner: Person, hook: Receiver) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    channel = await subscribed(visitor, WEBHOOK, f"{place}doc", by=owner, sendTo=hook.place, endAt=ends)
    await asyncio.sleep((datetime.fromisoformat(channel["endAt"]) - datetime.now(UTC)).total_seconds() + 0.05)
    await put(visitor, f"{place}doc", owner, 1)
    assert await hook.is_left_alone()


@pytest.mark.requirement("NP-10")
async def test_a_webhook_begins_at_its_time(visitor: Visitor, place: str, owner: Person, hook: Receiver) -> None:
    starts = datetime.now(UTC) + timedelta(seconds=1)
    channel = await subscribed(visitor, WEBHOOK, f"{place}doc", by=owner, sendTo=hook.place, startAt=starts.isoformat())
    await put(visitor, f"{place}doc", owner, 1)
    assert await hook.is_left_alone(0.3)
    await asyncio.sleep((datetime.fromisoformat(channel["startAt"]) - datetime.now(UTC)).total_seconds() + 0.1)
    await put(visitor, f"{place}doc", owner, 2)
    assert (await hook.next()).message["type"] == "Update"
    assert await hook.is_left_alone()


@pytest.mark.requirement("NP-10")
async def test_a_rate_spaces_the_calls_and_the_newest_comes_last(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    doc = f"{place}doc"
    await subscribed(visitor, WEBHOOK, doc, by=owner, sendTo=hook.place, rate="PT1S")
    await put(visitor, doc, owner, 1)
    first = await hook.next()
    await put(visitor, doc, owner, 2, 3, 4)
    state = (await visitor.head(doc, by=owner)).headers["ETag"].strip('"')
    second = await hook.next()
    assert second.at - first.at >= 0.9
    assert second.message["state"] == state
    assert await hook.is_left_alone(1.2)


@pytest.mark.requirement("NP-10")
async def test_a_state_that_differs_is_posted_at_once(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    doc = f"{place}doc"
    await put(visitor, doc, owner, 1, 2)
    await subscribed(visitor, WEBHOOK, doc, by=owner, sendTo=hook.place, state="old")
    message = (await hook.next()).message
    assert (message["type"], message["object"]) == ("Update", doc)
    assert message["state"] == (await visitor.head(doc, by=owner)).headers["ETag"].strip('"')
    await put(visitor, doc, owner, 3)
    assert (await hook.next()).message["id"] != message["id"]
    assert await hook.is_left_alone()


@pytest.mark.requirement("NP-10")
async def test_messages_are_posted_in_the_format_that_is_accepted(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    await subscribed(visitor, WEBHOOK, place, by=owner, sendTo=hook.place, accept=TURTLE)
    await put(visitor, f"{place}doc", owner, 1)
    call = await hook.next()
    assert call.headers["Content-Type"] == TURTLE
    assert b"as:Add" in call.body


@pytest.mark.requirement("ATK-32")
async def test_a_channel_that_lets_too_much_wait_is_ended(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    hook.answers[:] = [503] * 100
    hook.headers["Retry-After"] = "1"
    channel = await subscribed(visitor, WEBHOOK, place, by=owner, sendTo=hook.place)
    for number in range(40):
        await visitor.put(f"{place}d{number}", "text", by=owner, kind="text/plain")
    end = time.monotonic() + 5
    while (await visitor.get(channel["id"], by=owner)).status != 404:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


@pytest.mark.requirement("ATK-32")
async def test_one_receiver_that_hangs_does_not_hold_up_another(
    visitor: Visitor, place: str, owner: Person, hook: Receiver
) -> None:
    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(4)
        return web.Response()

    hook.there.documents["/slow"] = hang
    await subscribed(visitor, WEBHOOK, place, by=owner, sendTo=f"{hook.there.base_url}slow")
    await subscribed(visitor, WEBHOOK, place, by=owner, sendTo=hook.place)
    await put(visitor, f"{place}doc", owner, 1)
    assert (await hook.next(3.0)).message["type"] == "Add"
