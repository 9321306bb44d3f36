"""Notifications through kill -9, restarts, several workers and an orderly stop: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conformance.notifications.channels import (
    EVENTS,
    STREAM,
    WEBHOOK,
    WEBSOCKET,
    fresh_container,
    grant,
    listening,
    own_only,
    subscribed,
)
from tests.conformance.notifications.receiver import Receiver, receiver
from tests.people import Person, Visitor, read_cast
from tests.server_process import ServerProcess, server_process


def two_workers(folder: Path) -> AbstractContextManager[ServerProcess]:
    """A server of two workers that may call webhooks on this machine, and does so again and again."""
    return server_process(
        folder,
        workers=2,
        insecure_allow_loopback="true",
        retry_seconds="0.1",
        longest_retry_seconds="0.3",
        retries="1000",
    )


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@asynccontextmanager
async def visiting(server: ServerProcess) -> AsyncIterator[tuple[Visitor, Person]]:
    """Each request comes over a connection of its own, so that both workers get some."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Visitor(session, server.base_url), read_cast(server.base_url)["alice"]


async def put(http: Visitor, url: str, by: Person, value: int) -> str:
    """Writes, and returns the state that the message of it tells."""
    answer = await http.put(url, f"<#a> <#b> {value}.", by=by)
    assert answer.status in (201, 204), answer.text
    return answer.headers["ETag"].strip('"')


async def heard_by(hook: Receiver, count: int, seconds: float = 30) -> list[Any]:
    """The messages that arrive, each id once, until there are `count` of them."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(seconds):
        while len(found) < count:
            message = (await hook.next(seconds)).message
            found.setdefault(message["id"], message)
    return list(found.values())


@pytest.mark.slow
@pytest.mark.requirement("NC-2", "PAIN-18")
async def test_what_was_committed_before_a_kill_reaches_the_webhook_after_it(tmp_path: Path, hook: Receiver) -> None:
    hook.always = 503
    with two_workers(tmp_path / "data") as server:
        async with visiting(server) as (http, alice):
            place = await fresh_container(http, alice)
            await subscribed(http, WEBHOOK, f"{place}doc", by=alice, sendTo=hook.place)
            told = [await put(http, f"{place}doc", alice, value) for value in range(20)]
        server.kill()
        hook.always = 200
        server.start()
        messages = await heard_by(hook, 20)
        assert [message["state"] for message in messages] == told
        assert await hook.is_left_alone()
        async with visiting(server) as (http, alice):
            told = [await put(http, f"{place}doc", alice, 100)]
            assert [message["state"] for message in await heard_by(hook, 1)] == told
        assert server.stop() == 0


@pytest.mark.slow
@pytest.mark.requirement("NC-2", "D17")
async def test_kills_in_the_midst_of_deliveries_lose_nothing_and_keep_the_order(tmp_path: Path, hook: Receiver) -> None:
    with two_workers(tmp_path / "data") as server:
        async with visiting(server) as (http, alice):
            place = await fresh_container(http, alice)
            names = [f"{place}d{number}" for number in range(4)]
            for name in names:
                await subscribed(http, WEBHOOK, name, by=alice, sendTo=hook.place)
        told: dict[str, list[str]] = {name: [] for name in names}

        async def write(http: Visitor, alice: Person, name: str) -> None:
            for value in range(1000):
                told[name].append(await put(http, name, alice, value))

        for _ in range(3):
            async with visiting(server) as (http, alice):
                writers = [asyncio.create_task(write(http, alice, name)) for name in names]
                await asyncio.sleep(0.7)
                server.kill()
                await asyncio.gather(*writers, return_exceptions=True)
            server.start()
        acknowledged = sum(len(states) for states in told.values())
        heard: dict[str, list[str]] = {name: [] for name in names}
        seen: set[str] = set()
        end = time.monotonic() + 60
        while any(set(told[name]) - set(heard[name]) for name in names):
            assert time.monotonic() < end, (acknowledged, len(seen))
            message = (await hook.next(30)).message
            if message["id"] not in seen:
                seen.add(message["id"])
                heard[message["object"]].append(message["state"])
        for name in names:
            # A write that was cut off may have been committed all the same: it is told too, in its place.
            assert [state for state in heard[name] if state in set(told[name])] == told[name]


@pytest.mark.slow
@pytest.mark.requirement("NP-1", "NC-1", "NC-3", "NC-4", "D19")
async def test_with_two_workers_everybody_hears_everything_once_and_in_order(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", workers=2) as server:
        async with visiting(server) as (http, alice):
            place = await fresh_container(http, alice)
            doc = f"{place}doc"
            channels = [
                await subscribed(http, kind, doc, by=alice) for kind in (WEBSOCKET, STREAM, EVENTS) for _ in range(4)
            ]
            ears = [listening(http, channel) for channel in channels]
            opened = [await ear.__aenter__() for ear in ears]
            told = [await put(http, doc, alice, value) for value in range(60)]
            for ear in opened:
                assert [(await ear.next())["state"] for _ in told] == told
            assert await opened[0].hears_nothing()
            assert all([await ear.hears_nothing(0.0) for ear in opened])
            for one in ears:
                await one.__aexit__(None, None, None)


@pytest.mark.slow
@pytest.mark.requirement("NP-1", "NC-1", "NC-3", "NC-4", "D19")
@pytest.mark.parametrize("kind", [WEBSOCKET, STREAM, EVENTS])
async def test_with_two_workers_who_comes_back_hears_what_was_missed_and_nothing_twice(
    tmp_path: Path, kind: str
) -> None:
    """Each time on a new connection, which either of them may take; and without saying how far it came."""
    with server_process(tmp_path / "data", workers=2) as server:
        async with visiting(server) as (http, alice):
            doc = f"{await fresh_container(http, alice)}doc"
            channel = await subscribed(http, kind, doc, by=alice)
            told, heard = [], []
            for turn in range(12):
                told.append(await put(http, doc, alice, 2 * turn))
                async with visiting(server) as (again, _), listening(again, channel) as ear:
                    told.append(await put(http, doc, alice, 2 * turn + 1))
                    heard += [(await ear.next())["state"] for _ in range(2)]
                    assert ear.came.empty()
                await asyncio.sleep(0.2)  # for the farewell to be noticed
            assert heard == told


@pytest.mark.slow
@pytest.mark.requirement("NC-2", "D19")
async def test_with_two_workers_a_webhook_is_called_once_for_each_change(tmp_path: Path, hook: Receiver) -> None:
    with two_workers(tmp_path / "data") as server:
        async with visiting(server) as (http, alice):
            place = await fresh_container(http, alice)
            await subscribed(http, WEBHOOK, f"{place}doc", by=alice, sendTo=hook.place)
            told = [await put(http, f"{place}doc", alice, value) for value in range(40)]
        calls = [await hook.next() for _ in told]
        assert [call.message["state"] for call in calls] == told
        assert await hook.is_left_alone()


@pytest.mark.slow
@pytest.mark.requirement("NP-11", "UX-15", "D19")
async def test_a_revocation_reaches_listeners_in_every_worker_within_a_second(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", workers=2) as server:
        async with visiting(server) as (http, alice):
            bob = read_cast(server.base_url)["bob"]
            place = await fresh_container(http, alice)
            await grant(http, place, alice, bob)
            channels = [await subscribed(http, WEBSOCKET, f"{place}doc", by=bob) for _ in range(8)]
            ears = [listening(http, channel) for channel in channels]
            opened = [await ear.__aenter__() for ear in ears]
            await own_only(http, place, alice)
            async with asyncio.timeout(1.0):
                assert await asyncio.gather(*(ear.end() for ear in opened)) == [1008] * 8
            for one in ears:
                await one.__aexit__(None, None, None)


@pytest.mark.slow
@pytest.mark.requirement("NP-12", "D19")
async def test_unsubscribing_at_one_worker_lets_go_of_the_listener_at_another(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", workers=2) as server:
        async with visiting(server) as (http, alice):
            place = await fresh_container(http, alice)
            for _ in range(6):
                channel = await subscribed(http, WEBSOCKET, place, by=alice)
                async with listening(http, channel) as ear:
                    assert (await http.delete(channel["id"], by=alice)).status == 204
                    async with asyncio.timeout(1.0):
                        assert await ear.end() == 1000


@pytest.mark.slow
@pytest.mark.requirement("PAIN-18", "NC-1", "NC-4")
@pytest.mark.parametrize("kind", [WEBSOCKET, EVENTS])
async def test_a_channel_survives_a_kill_and_tells_what_was_missed(tmp_path: Path, kind: str) -> None:
    with server_process(tmp_path / "data", workers=2) as server:
        async with visiting(server) as (http, alice):
            place = await fresh_container(http, alice)
            channel = await subscribed(http, kind, f"{place}doc", by=alice)
            async with listening(http, channel) as ear:
                first = await put(http, f"{place}doc", alice, 1)
                assert (await ear.next())["state"] == first
                server.kill()
                await ear.end()
        server.start()
        async with visiting(server) as (http, alice):
            second = await put(http, f"{place}doc", alice, 2)
            assert (await http.get(channel["id"], by=alice)).json == channel
            async with listening(http, channel) as ear:
                third = await put(http, f"{place}doc", alice, 3)
                states = [(await ear.next())["state"] for _ in range(2)]
                if states[0] == first:  # a kill leaves no time to note how far a connection had come
                    states = [states[1], (await ear.next())["state"]]
                assert states == [second, third]
                assert await ear.hears_nothing()


@pytest.mark.slow
@pytest.mark.requirement("NC-1")
@pytest.mark.parametrize("workers", [1, 2])
async def test_an_orderly_stop_says_that_it_goes_and_does_not_wait_for_those_who_listen(
    tmp_path: Path, workers: int
) -> None:
    with server_process(tmp_path / "data", workers=workers) as server:
        async with visiting(server) as (http, alice):
            place = await fresh_container(http, alice)
            channel = await subscribed(http, WEBSOCKET, f"{place}doc", by=alice)
            stream = await subscribed(http, STREAM, f"{place}doc", by=alice)
            async with listening(http, channel) as ear, listening(http, stream) as other:
                told = await put(http, f"{place}doc", alice, 1)
                assert (await ear.next())["state"] == told
                assert (await other.next())["state"] == told
                began = time.monotonic()
                stopping = asyncio.create_task(asyncio.to_thread(server.stop))
                assert await ear.end() == 1001
                await other.end()
                assert await stopping == 0
                assert time.monotonic() - began < 10
        server.start()
        async with visiting(server) as (http, alice):
            again = await put(http, f"{place}doc", alice, 2)
            async with listening(http, channel) as ear:
                assert (await ear.next())["state"] == again  # what was told before the stop is not told again
                assert await ear.hears_nothing()
