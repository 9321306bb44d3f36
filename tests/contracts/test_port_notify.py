"""`Notices`, `Subscriptions`, `Deliveries` and `Duty`: the outbox read, and what is still to be told to whom."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import ALICE, BOB, NOON, FixedClock, at, rows_of, webid
from vault.notify.channels import CONTEXTS, ChannelType, Subscription
from vault.notify.messages import Posted
from vault.storage.database import Database
from vault.storage.sqlite import FileDuty
from vault.values import JSON_LD, Agent, Notice, PodName

TOPIC = "https://vault.example/alice/doc"


def a_channel(
    identifier: str = "c1",
    *,
    pod: PodName = ALICE,
    kind: ChannelType = ChannelType.WEBHOOK,
    agent: PodName | None = ALICE,
    since: int = 0,
    rate: float = 0.0,
    ends: datetime = NOON + timedelta(days=14),
    path: str = "/doc",
) -> Subscription:
    return Subscription(
        id=identifier,
        type=kind,
        topic=at(path, pod),
        agent=None if agent is None else Agent(webid(agent), None, "https://vault.example/"),
        starts=NOON,
        ends=ends,
        rate_seconds=rate,
        state=None,
        accept=JSON_LD,
        accept_as_sent=None,
        context=CONTEXTS[0],
        spelled=kind.value,
        send_to="https://receiver.example/" if kind.pushes else None,
        since=since,
        position=since,
    )


async def tell(store: Database, *kinds: str, pod: PodName = ALICE) -> None:
    async with store.writing() as work:
        for kind in kinds:
            await work.outbox.append(pod, Notice(TOPIC, kind, NOON, state="1-ttl"))


async def add(store: Database, *channels: Subscription) -> None:
    async with store.writing() as work:
        for channel in channels:
            await work.subscriptions.add(channel)


async def wait_for(store: Database, channel: Subscription, *numbers: int, most: int = 100) -> list[bool]:
    async with store.writing() as work:
        return [await work.deliveries.add(channel, number, most=most) for number in numbers]


async def due(store: Database, now: datetime = NOON, limit: int = 10) -> list[tuple[str, int, int]]:
    async with store.reading() as work:
        return [(one.subscription.id, one.number, one.failures) for one in await work.deliveries.due(now, limit=limit)]


async def numbers(store: Database, after: int = 0, pod: PodName = ALICE) -> list[int]:
    async with store.reading() as work:
        return [posted.number for posted in await work.notices.of_pod(pod, after=after, limit=100)]


# ---- notices


async def test_notices_come_as_they_were_written_in_the_order_of_their_commits(store: Database) -> None:
    await tell(store, "Create")
    await tell(store, "Update", pod=BOB)
    await tell(store, "Update", "Delete")
    async with store.reading() as work:
        page = await work.notices.after(0, limit=10)
    assert [(posted.pod, posted.notice.kind) for posted in page.notices] == [
        (ALICE, "Create"),
        (BOB, "Update"),
        (ALICE, "Update"),
        (ALICE, "Delete"),
    ]
    assert page.notices[0].notice == Notice(TOPIC, "Create", NOON, state="1-ttl")


async def test_pages_follow_one_another_without_gap_or_repetition(store: Database) -> None:
    await tell(store, *("Update" for _ in range(7)))
    found: list[Posted] = []
    place = 0
    while True:
        async with store.reading() as work:
            page = await work.notices.after(place, limit=3)
        place = page.place
        if not page.notices:
            break
        found += page.notices
    assert [posted.number for posted in found] == await numbers(store)
    async with store.reading() as work:
        assert await work.notices.place() == place


async def test_what_another_worker_commits_comes_after_the_place(store: Database, elsewhere: Database) -> None:
    await tell(store, "Create")
    async with store.reading() as work:
        place = await work.notices.place()
    await tell(elsewhere, "Update")
    await tell(store, "Delete")
    async with store.reading() as work:
        page = await work.notices.after(place, limit=10)
    assert [posted.notice.kind for posted in page.notices] == ["Update", "Delete"]


async def test_a_place_from_before_the_outbox_was_emptied_is_its_beginning(store: Database, clock: FixedClock) -> None:
    await tell(store, *("Update" for _ in range(5)))
    async with store.reading() as work:
        place = await work.notices.place()
    clock.move(days=8)
    assert await store.housekeeping(clock()) == 5
    async with store.reading() as work:
        assert (await work.notices.after(place, limit=10)).place == 0
    await tell(store, "Create")
    async with store.reading() as work:
        page = await work.notices.after(place, limit=10)
    assert [posted.notice.kind for posted in page.notices] == ["Create"]
    assert page.place < place


async def test_one_pods_notices_by_number(store: Database) -> None:
    await tell(store, "Create", "Update", "Delete")
    await tell(store, "Create", pod=BOB)
    first, second, third = await numbers(store)
    assert await numbers(store, after=first) == [second, third]
    async with store.reading() as work:
        assert await work.notices.last(ALICE) == third
        assert await work.notices.last(PodName("nobody")) == 0
        found = await work.notices.get(ALICE, second)
        assert found is not None
        assert found.notice.kind == "Update"
        assert await work.notices.get(BOB, second) is None


# ---- subscriptions


async def test_a_subscription_comes_back_as_it_was_added(store: Database) -> None:
    channels = [a_channel(), a_channel("c2", agent=None, kind=ChannelType.WEBSOCKET, since=5, rate=1.5)]
    await add(store, *channels)
    async with store.reading() as work:
        assert [await work.subscriptions.get(channel.id) for channel in channels] == channels
        assert await work.subscriptions.get("c3") is None


async def test_subscriptions_are_found_by_topic_and_kind(store: Database) -> None:
    hook, other = a_channel("hook"), a_channel("other", path="/doc2")
    socket, bobs = a_channel("socket", kind=ChannelType.WEBSOCKET), a_channel("bobs", pod=BOB)
    await add(store, hook, other, socket, bobs)
    async with store.reading() as work:
        assert await work.subscriptions.about(at("/doc"), ChannelType.WEBHOOK) == [hook]
        assert await work.subscriptions.about(at("/doc"), ChannelType.EVENTS) == []
        assert await work.subscriptions.any(ChannelType.WEBSOCKET)
        assert not await work.subscriptions.any(ChannelType.STREAM)


@pytest.mark.requirement("ATK-32")
async def test_subscriptions_that_last_are_counted_for_each_agent(store: Database) -> None:
    over = a_channel("over", ends=NOON - timedelta(seconds=1))
    await add(store, a_channel("c1"), a_channel("c2"), a_channel("c3", agent=BOB), a_channel("c4", agent=None), over)
    async with store.reading() as work:
        count = work.subscriptions.count
        assert await count(webid(ALICE), now=NOON, most=10) == 2
        assert await count(webid(ALICE), now=NOON, most=1) == 1
        assert await count("", now=NOON, most=10) == 1
        assert await count(None, now=NOON, most=10) == 4
        assert await count(None, now=NOON, most=3) == 3


async def test_a_position_only_moves_forward(store: Database) -> None:
    channel = a_channel()
    await add(store, channel)
    async with store.writing() as work:
        await work.subscriptions.move(channel, 7)
        await work.subscriptions.move(channel, 3)
    async with store.reading() as work:
        assert await work.subscriptions.get(channel.id) == replace(channel, position=7)


async def test_a_removed_subscription_takes_what_waited_with_it_but_not_the_dead_letters(store: Database) -> None:
    channel, other = a_channel(), a_channel("c2")
    await add(store, channel, other)
    await wait_for(store, channel, 1, 2)
    await wait_for(store, other, 1)
    async with store.writing() as work:
        found = await work.deliveries.due(NOON, limit=1)
        await work.deliveries.failed(found[0], again=NOON, dead=True)
        assert await work.subscriptions.remove(channel)
        assert not await work.subscriptions.remove(channel)
    assert await due(store) == [("c2", 1, 0)]
    assert await rows_of(store, "SELECT subscription, number FROM deliveries WHERE dead = 1") == [("c1", 1)]


@pytest.mark.requirement("NP-12")
async def test_channels_past_their_end_are_forgotten(store: Database) -> None:
    await add(store, a_channel("short", ends=NOON + timedelta(hours=1)), a_channel("long"))
    await wait_for(store, a_channel("short"), 1)
    assert await store.housekeeping(NOON + timedelta(hours=1)) == 0
    assert await store.housekeeping(NOON + timedelta(hours=1, seconds=1)) == 1
    async with store.reading() as work:
        assert await work.subscriptions.get("short") is None
        assert await work.subscriptions.get("long") is not None
    assert await rows_of(store, "SELECT 1 FROM deliveries") == []


# ---- deliveries


async def test_the_oldest_of_each_channel_is_due(store: Database) -> None:
    one, two = a_channel("one"), a_channel("two")
    await add(store, one, two)
    assert await wait_for(store, one, 5, 3) == [True, True]
    assert await wait_for(store, two, 4) == [True]
    assert await due(store) == [("one", 3, 0), ("two", 4, 0)]
    assert len(await due(store, limit=1)) == 1


async def test_what_is_sent_gives_way_to_the_next_not_before_its_time(store: Database) -> None:
    channel = a_channel()
    await add(store, channel)
    await wait_for(store, channel, 1, 2)
    async with store.writing() as work:
        (first,) = await work.deliveries.due(NOON, limit=1)
        await work.deliveries.sent(first, again=NOON + timedelta(seconds=5))
    assert await due(store, NOON + timedelta(seconds=4)) == []
    assert await due(store, NOON + timedelta(seconds=5)) == [("c1", 2, 0)]
    async with store.reading() as work:
        assert (await work.subscriptions.get("c1")) == replace(channel, position=1)


async def test_failures_are_counted_in_a_row_and_a_dead_letter_is_not_due(store: Database) -> None:
    channel = a_channel()
    await add(store, channel)
    await wait_for(store, channel, 1, 2)
    later = NOON + timedelta(seconds=1)
    async with store.writing() as work:
        (found,) = await work.deliveries.due(NOON, limit=1)
        await work.deliveries.failed(found, again=later, dead=False)
    assert await due(store) == []
    assert await due(store, later) == [("c1", 1, 1)]
    async with store.writing() as work:
        (found,) = await work.deliveries.due(later, limit=1)
        await work.deliveries.failed(found, again=later, dead=True)
    assert await due(store, later) == [("c1", 2, 2)]
    async with store.writing() as work:
        (found,) = await work.deliveries.due(later, limit=1)
        await work.deliveries.sent(found, again=later)
    await wait_for(store, channel, 3)
    assert await due(store, later) == [("c1", 3, 0)]


async def test_with_a_rate_the_newest_takes_the_place_of_what_waits(store: Database) -> None:
    channel = a_channel(rate=10.0)
    await add(store, channel)
    await wait_for(store, channel, 1, 2, 3)
    assert await due(store) == [("c1", 3, 0)]
    assert await rows_of(store, "SELECT number FROM deliveries") == [(3,)]


@pytest.mark.requirement("ATK-32")
async def test_only_so_much_waits_and_nothing_for_a_channel_that_is_gone(store: Database) -> None:
    channel = a_channel()
    await add(store, channel)
    assert await wait_for(store, channel, 1, 2, 3, most=2) == [True, True, False]
    assert await wait_for(store, a_channel("gone"), 1) == [False]


async def test_everything_that_waits_can_be_buried(store: Database) -> None:
    channel = a_channel()
    await add(store, channel)
    await wait_for(store, channel, 1, 2)
    async with store.writing() as work:
        assert await work.deliveries.bury(channel) == 2
    assert await due(store) == []


async def test_dead_letters_go_with_their_notice(store: Database, clock: FixedClock) -> None:
    channel = a_channel()
    await add(store, channel)
    await tell(store, "Update")
    await wait_for(store, channel, *await numbers(store))
    async with store.writing() as work:
        await work.deliveries.bury(channel)
    assert await store.housekeeping(NOON) == 0
    clock.move(days=8)
    await store.housekeeping(clock())
    await store.housekeeping(clock())
    assert await rows_of(store, "SELECT 1 FROM deliveries") == []


async def test_how_far_the_sharing_has_come_is_noted_with_what_was_shared(store: Database) -> None:
    channel = a_channel()
    await add(store, channel)

    async def share_and_fail() -> None:
        async with store.writing() as work:
            await work.deliveries.add(channel, 1, most=10)
            await work.deliveries.note(9)
            raise LookupError

    with pytest.raises(LookupError):
        await share_and_fail()
    async with store.reading() as work:
        assert await work.deliveries.place() == 0
    assert await due(store) == []
    async with store.writing() as work:
        await work.deliveries.note(9)
        await work.deliveries.note(12)
    async with store.reading() as work:
        assert await work.deliveries.place() == 12


# ---- who does it, and when


async def test_one_process_at_a_time_has_the_duty(store: Database, elsewhere: Database) -> None:
    assert store.delivering.take()
    assert store.delivering.take()
    assert not elsewhere.delivering.take()
    store.delivering.close()
    assert elsewhere.delivering.take()


async def test_a_duty_ends_with_the_file_that_holds_it(tmp_path: Path) -> None:
    first, second = FileDuty(tmp_path / "duty"), FileDuty(tmp_path / "duty")
    assert first.take()
    assert not second.take()
    first.close()
    assert second.take()
    second.close()


async def test_somebody_is_told_after_each_commit_and_not_after_a_failure(store: Database) -> None:
    told = 0

    def count() -> None:
        nonlocal told
        told += 1

    store.after_commit(count)
    await asyncio.gather(*(tell(store, "Update") for _ in range(5)))
    assert told == 5

    async def fail() -> None:
        async with store.writing():
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert told == 5


async def test_the_channels_of_a_webid_are_found_and_nobody_elses(store: Database) -> None:
    await add(
        store, a_channel("c2"), a_channel("c1", path="/other"), a_channel("c3", agent=BOB), a_channel("c4", agent=None)
    )
    async with store.reading() as work:
        assert [one.id for one in await work.subscriptions.of(webid(ALICE))] == ["c1", "c2"]
        assert [one.id for one in await work.subscriptions.of(webid(BOB))] == ["c3"]
        assert await work.subscriptions.of(webid(PodName("nobody"))) == []


async def test_channels_of_a_pod_and_of_an_agent_are_found_together(store: Database) -> None:
    await add(
        store,
        a_channel("bob at alice's", agent=BOB),
        a_channel("alice at bob's", pod=BOB, agent=ALICE),
        a_channel("nobody at alice's", agent=None, kind=ChannelType.WEBSOCKET),
        a_channel("bob at bob's", pod=BOB, agent=BOB),
    )
    async with store.reading() as work:
        held = await work.subscriptions.held(ALICE, webid(ALICE), limit=10)
        assert {one.id for one in held} == {"bob at alice's", "alice at bob's", "nobody at alice's"}
        assert len(await work.subscriptions.held(ALICE, webid(ALICE), limit=2)) == 2
        assert await work.subscriptions.held(PodName("nobody"), webid(PodName("nobody")), limit=10) == []


STORAGE = "https://vault.example/alice"


async def owed(store: Database, pod: PodName = ALICE) -> bool:
    async with store.reading() as work:
        return await work.deliveries.owed(pod, storage=STORAGE)


async def test_a_webhook_is_owed_that_its_topic_is_gone_until_it_took_it(store: Database) -> None:
    channel = a_channel()
    await add(store, channel, a_channel("c2", path="/other"), a_channel("c3", kind=ChannelType.WEBSOCKET))
    await tell(store, "Create")
    assert not await owed(store)  # of other news one may be without, when the vault goes
    await tell(store, "Delete")
    assert await owed(store)  # not shared out yet
    assert not await owed(store, BOB)
    (number,) = (await numbers(store))[1:]
    async with store.writing() as work:
        await work.deliveries.add(channel, number, most=9)
        await work.deliveries.note(await work.notices.place())
    assert await owed(store)  # not taken yet
    async with store.writing() as work:
        (one,) = await work.deliveries.due(NOON, limit=9)
        await work.deliveries.sent(one, again=NOON)
    assert not await owed(store)


async def test_nothing_is_owed_to_who_only_listens_or_watches_something_else(store: Database) -> None:
    await add(store, a_channel("c2", path="/doc2"), a_channel("c3", kind=ChannelType.WEBSOCKET))
    await tell(store, "Delete")
    assert not await owed(store)


async def test_dead_letters_are_owed_to_nobody(store: Database) -> None:
    channel = a_channel()
    await add(store, channel)
    await tell(store, "Delete")
    async with store.writing() as work:
        await work.deliveries.add(channel, (await work.notices.last(ALICE)), most=9)
        await work.deliveries.note(await work.notices.place())
        await work.deliveries.bury(channel)
    assert not await owed(store)


async def test_whether_there_is_a_channel_in_a_pod(store: Database) -> None:
    await add(store, a_channel(agent=BOB))
    async with store.reading() as work:
        assert (await work.subscriptions.any_in(ALICE), await work.subscriptions.any_in(BOB)) == (True, False)
