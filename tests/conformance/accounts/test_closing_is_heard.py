"""Who watches documents of a vault that closes hears that they are gone; nobody hears it who could not read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.attacks.apps import newcomer
from tests.conformance.notifications.channels import WEBHOOK, WEBSOCKET, grant, listening, own_only, subscribed
from tests.conformance.notifications.receiver import Receiver, receiver
from tests.live import Live, serving
from tests.people import CONTAINER_LINK, Person, Visitor, visiting
from tests.unit.test_cli import datakluis
from vault.closing import HEARD, TOLD, close_accounts
from vault.identity.accounts import Account
from vault.ports import Vault
from vault.values import PodName, WebId


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(
        tmp_path_factory.mktemp("heard"), notify={"retry_seconds": 0.2, "longest_retry_seconds": 0.4}
    ) as found:
        yield found


@pytest.fixture
async def http(live: Live) -> AsyncIterator[Visitor]:
    async with visiting(live.base_url) as visitor:
        yield visitor


@pytest.fixture
def bob(live: Live) -> Person:
    return live.people["bob"]


@pytest.fixture
def carol(live: Live) -> Person:
    return live.people["carol"]


@pytest.fixture
def nell(live: Live, tmp_path: Path) -> Person:
    """Whose vault closes."""
    return newcomer(live, tmp_path)


@pytest.fixture
async def shared(http: Visitor, nell: Person, bob: Person) -> str:
    """A container of hers that Bob may read, with a document in it."""
    url = f"{nell.pod}shared/"
    assert (await http.put(url, by=nell, Link=CONTAINER_LINK)).status == 201
    assert (await http.put(f"{url}doc", "<#a> <#b> <#c>.", by=nell)).status == 201
    await grant(http, url, nell, bob)
    return url


@pytest.fixture
def hooks() -> Iterator[list[Receiver]]:
    with ExitStack() as stack:
        yield [stack.enter_context(receiver()) for _ in range(4)]


def account_of(live: Live, person: Person) -> Account | None:
    async def find(vault: Vault) -> Account | None:
        async with vault.reading() as work:
            return await work.accounts.by_webid(WebId(person.webid))

    return live.within(find)


def run_out(live: Live, person: Person) -> None:
    """She closed it, and the time in which she could keep it is over."""

    async def act(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_webid(WebId(person.webid))
            assert account is not None
            await work.accounts.replace(replace(account, closes=vault.clock() - timedelta(seconds=1)))

    live.within(act)


def later(live: Live, person: Person, by: timedelta) -> None:
    """As if it had been emptied so much earlier."""

    async def act(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_webid(WebId(person.webid))
            assert account is not None
            assert account.cleared.emptied is not None
            cleared = replace(account.cleared, emptied=account.cleared.emptied - by)
            await work.accounts.replace(replace(account, cleared=cleared))

    live.within(act)


def channels_left(live: Live, person: Person) -> bool:
    async def look(vault: Vault) -> bool:
        async with vault.reading() as work:
            return await work.subscriptions.any_in(PodName(person.pod.rstrip("/").rpartition("/")[2]))

    return live.within(look)


async def data_of(vault: Vault) -> str:
    return str(vault.settings.storage.data)


@pytest.mark.requirement("UX-33", "NC-2", "NP-10")
async def test_who_watches_by_webhook_hears_of_each_document_and_then_the_channels_end(
    http: Visitor, live: Live, nell: Person, bob: Person, shared: str, hooks: list[Receiver]
) -> None:
    topics = [f"{shared}doc", shared, f"{nell.pod}profile/card"]
    channels = [
        await subscribed(http, WEBHOOK, topic, by=bob, sendTo=hook.place)
        for topic, hook in zip(topics, hooks, strict=False)
    ]
    run_out(live, nell)
    assert live.within(close_accounts) == 0  # not before they were told
    for topic, hook in zip(topics, hooks, strict=False):
        call = await hook.next()
        assert (call.message["type"], call.message["object"]) == ("Delete", topic)
        assert (await http.get(topic, by=bob)).status in (401, 403, 404)
    assert await hooks[1].is_left_alone()  # a container that goes does not tell of each member first
    assert (await http.get(channels[0]["id"], by=bob)).status == 200
    later(live, nell, HEARD)
    assert live.within(close_accounts) == 1
    assert account_of(live, nell) is None
    assert not channels_left(live, nell)
    assert (await http.get(channels[0]["id"], by=bob)).status == 404


@pytest.mark.requirement("UX-33", "NP-11", "ATK-25")
async def test_nobody_hears_it_who_may_not_read_any_more_or_never_might_read_the_rest(
    http: Visitor, live: Live, nell: Person, bob: Person, carol: Person, shared: str, hooks: list[Receiver]
) -> None:
    """Carol watched while she could; by an ACL of the document's own and by that of its container."""
    inner = f"{shared}inner/"
    assert (await http.put(inner, by=nell, Link=CONTAINER_LINK)).status == 201
    assert (await http.put(f"{inner}doc", "<#a> <#b> <#c>.", by=nell)).status == 201
    await grant(http, inner, nell, carol)
    for topic, hook in ((f"{inner}doc", hooks[0]), (inner, hooks[1])):
        await subscribed(http, WEBHOOK, topic, by=carol, sendTo=hook.place)
    await subscribed(http, WEBHOOK, f"{shared}doc", by=bob, sendTo=hooks[2].place)
    await own_only(http, inner, nell)
    run_out(live, nell)
    assert live.within(close_accounts) == 0
    assert (await hooks[2].next()).message["type"] == "Delete"  # the one who may
    assert await hooks[0].is_left_alone(1.5)
    assert await hooks[1].is_left_alone(0.1)
    later(live, nell, HEARD)
    assert live.within(close_accounts) == 1
    assert await hooks[0].is_left_alone()


@pytest.mark.requirement("UX-33", "NP-10")
async def test_who_listens_by_a_socket_hears_it_too_and_is_let_go(
    http: Visitor, live: Live, nell: Person, bob: Person, shared: str
) -> None:
    channel = await subscribed(http, WEBSOCKET, f"{shared}doc", by=bob)
    async with listening(http, channel) as ear:
        run_out(live, nell)
        assert await asyncio.to_thread(live.within, close_accounts) == 0
        assert (await ear.next())["type"] == "Delete"
        later(live, nell, HEARD)
        assert await asyncio.to_thread(live.within, close_accounts) == 1
        await ear.end()


@pytest.mark.requirement("UX-33")
async def test_a_receiver_that_is_down_is_waited_for_and_not_for_ever(
    http: Visitor, live: Live, nell: Person, bob: Person, shared: str, hooks: list[Receiver]
) -> None:
    hooks[0].always = 503
    await subscribed(http, WEBHOOK, f"{shared}doc", by=bob, sendTo=hooks[0].place)
    run_out(live, nell)
    assert live.within(close_accounts) == 0
    await hooks[0].next()
    later(live, nell, HEARD)
    assert live.within(close_accounts) == 0  # it may still take it
    assert (await http.get(f"{shared}doc", by=bob)).status == 404  # what is gone is gone all the same
    later(live, nell, TOLD - HEARD)
    assert live.within(close_accounts) == 1
    assert not channels_left(live, nell)


@pytest.mark.requirement("UX-33")
async def test_a_vault_that_nobody_watches_is_gone_at_once(live: Live, nell: Person) -> None:
    run_out(live, nell)
    assert live.within(close_accounts) == 1
    assert account_of(live, nell) is None


@pytest.mark.requirement("UX-33")
async def test_what_somebody_puts_there_meanwhile_goes_too(
    http: Visitor, live: Live, nell: Person, bob: Person, shared: str, hooks: list[Receiver]
) -> None:
    await grant(http, shared, nell, bob, modes="read write")
    await subscribed(http, WEBHOOK, f"{shared}doc", by=bob, sendTo=hooks[0].place)
    run_out(live, nell)
    assert live.within(close_accounts) == 0
    assert (await hooks[0].next()).message["type"] == "Delete"
    await http.put(f"{shared}late", "<#a> <#b> <#c>.", by=bob)
    later(live, nell, HEARD)
    assert live.within(close_accounts) == 1

    async def left(vault: Vault) -> int:
        async with vault.writing() as work:
            return await work.resources.clear(PodName(nell.pod.rstrip("/").rpartition("/")[2]), limit=100)

    assert live.within(left) == 0


async def test_the_operator_hears_that_others_are_told_first(
    http: Visitor, live: Live, nell: Person, bob: Person, shared: str, hooks: list[Receiver], tmp_path: Path
) -> None:
    await subscribed(http, WEBHOOK, f"{shared}doc", by=bob, sendTo=hooks[0].place)
    data = live.within(data_of)
    done = await asyncio.to_thread(
        datakluis,
        *("account", "close", nell.email, "--at-once", "--data", data),
        DATAKLUIS_BASE_URL=live.base_url,
    )
    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "closing"), done.stderr
    assert (await hooks[0].next()).message["type"] == "Delete"  # by the server beside
    later(live, nell, HEARD)
    assert live.within(close_accounts) == 1
