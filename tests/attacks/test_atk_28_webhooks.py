"""ATK-28: webhooks that are forged, replayed or aimed inside; secrets in addresses and logs."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from tests.conformance.notifications.channels import WEBHOOK, WEBSOCKET, ask, fresh_container, subscribed
from tests.conformance.notifications.receiver import Call, Receiver, is_signed, receiver, verified_sender
from tests.forge import Holder
from tests.live import serving
from tests.people import Person, Visitor, read_cast
from tests.server_process import server_process
from vault.config import OutboundSettings
from vault.outbound.fetch import Fetcher
from vault.ports import Vault
from vault.values import Notice, PodName

pytestmark = pytest.mark.requirement("ATK-28")


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
async def call(http: Visitor, home: str, alice: Person, hook: Receiver) -> Call:
    await subscribed(http, WEBHOOK, home, by=alice, sendTo=hook.place)
    await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
    return await hook.next()


async def test_a_call_verifies(http: Visitor, call: Call) -> None:
    assert await is_signed(http, call)
    await verified_sender(http, call)


async def test_a_changed_body_or_address_or_time_does_not_verify(http: Visitor, call: Call) -> None:
    changed = json.dumps({**call.message, "object": "https://attacker.example/"}).encode()
    assert not await is_signed(http, call, body=changed)
    assert not await is_signed(http, call, url="https://attacker.example/hook")
    assert not await is_signed(http, call, Content_Type="text/html")
    later = call.headers["Signature-Input"].replace("created=1", "created=2")
    assert not await is_signed(http, call, Signature_Input=later)


async def test_a_replay_shows_as_one(http: Visitor, home: str, alice: Person, hook: Receiver, call: Call) -> None:
    """The id of the message is inside the signature: a receiver that remembers ids takes none twice."""
    await http.put(f"{home}other", "<#a> <#b> 1.", by=alice)
    other = await hook.next()
    assert other.message["id"] != call.message["id"]
    swapped = other.headers["Signature-Input"].replace(other.message["id"], call.message["id"])
    assert not await is_signed(http, other, Signature_Input=swapped)
    assert other.headers["DPoP"] != call.headers["DPoP"]


async def test_what_a_receiver_is_sent_opens_nothing_here(http: Visitor, home: str, alice: Person, call: Call) -> None:
    token = call.headers["Authorization"].partition(" ")[2]
    for proof in (call.headers["DPoP"], Holder(token).proof("GET", f"{home}doc")):
        answer = await http.get(f"{home}doc", Authorization=f"DPoP {token}", DPoP=proof)
        assert answer.status == 401


async def test_a_call_carries_no_data_of_the_resource_and_no_cookie(call: Call) -> None:
    assert set(call.message) <= {"@context", "id", "type", "object", "target", "published", "state"}
    assert "Cookie" not in call.headers
    assert "Alice" not in str(call.headers) + call.body.decode()


@pytest.mark.requirement("ATK-06")
@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::5", "100.64.0.1"])
async def test_a_name_that_leads_inside_is_never_connected_to(address: str) -> None:
    connected = asyncio.Event()
    server = await asyncio.start_server(lambda _reader, _writer: connected.set(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def lookup(_host: str, _port: int) -> list[str]:
        return [address]

    fetcher = Fetcher(OutboundSettings(), lookup=lookup)
    reply = await fetcher.post(f"https://receiver.example:{port}/", body=b"{}", headers={})
    assert reply.status == 0
    assert not connected.is_set()
    await fetcher.close()
    server.close()


@pytest.mark.requirement("ATK-06")
async def test_the_address_is_looked_at_again_with_every_call() -> None:
    """A name that answered public when it was subscribed and inside when it is called."""
    answers = iter([["127.0.0.1"]])

    async def lookup(_host: str, _port: int) -> list[str]:
        return next(answers)

    fetcher = Fetcher(OutboundSettings(total_seconds=1.0), lookup=lookup)
    assert fetcher.check("https://rebinding.example/hook") == "https://rebinding.example/hook"
    assert (await fetcher.post("https://rebinding.example/hook", body=b"", headers={})).status == 0
    await fetcher.close()


@pytest.mark.requirement("ATK-06")
async def test_loopback_is_refused_unless_development_asks_for_it(tmp_path: Path) -> None:
    with serving(tmp_path / "vault", outbound={"insecure_allow_loopback": False}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http, alice = Visitor(session, live.base_url), live.people["alice"]
            place = await fresh_container(http, alice)
            for address in ("http://localhost:1/", "https://127.0.0.1/", "https://[::1]/", "http://127.0.0.1:3000/"):
                assert (await ask(http, WEBHOOK, place, by=alice, sendTo=address)).status == 422
            outside = await ask(http, WEBHOOK, place, by=alice, sendTo="https://receiver.example/")
            assert outside.status == 200


@pytest.mark.requirement("LIM-18")
async def test_a_receiver_that_answers_without_end_costs_nothing(
    http: Visitor, home: str, alice: Person, hook: Receiver
) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(1000):
                await response.write(b"x" * 65536)
        except ConnectionError:
            poured.set()
        return response

    poured = asyncio.Event()
    hook.there.documents["/pour"] = pour
    await subscribed(http, WEBHOOK, home, by=alice, sendTo=f"{hook.there.base_url}pour")
    await subscribed(http, WEBHOOK, home, by=alice, sendTo=hook.place)
    await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
    assert (await hook.next()).message["type"] == "Add"
    end = asyncio.get_running_loop().time() + 5
    while not poured.is_set():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.02)


async def test_no_address_of_a_channel_gets_into_the_log(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", log_level="info") as server:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http = Visitor(session, server.base_url)
            alice = read_cast(server.base_url)["alice"]
            place = await fresh_container(http, alice)
            channel = await subscribed(http, WEBSOCKET, place, by=alice)
            async with session.ws_connect(channel["receiveFrom"]) as listening:
                await http.put(f"{place}doc", "text", by=alice, kind="text/plain")
                await listening.receive_json(timeout=5)
        server.stop()
        text = server.log.read_text()
    assert "/.notifications/{kind}/{channel}/{key}" in text
    assert channel["id"].rpartition("/")[2] not in text
    assert channel["receiveFrom"].rpartition("/")[2] not in text


@pytest.mark.requirement("ATK-32")
async def test_nobody_fills_the_store_with_channels(tmp_path: Path) -> None:
    with serving(tmp_path / "vault", notify={"channels_per_agent": 3, "channels": 5}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http = Visitor(session, live.base_url)
            statuses = []
            for name in ("alice", "alice", "alice", "alice", "bob", "bob", "bob"):
                person = live.people[name]
                answer = await ask(http, WEBSOCKET, f"{person.pod}doc", by=person)
                statuses.append(answer.status)
            assert statuses == [200, 200, 200, 429, 200, 200, 429]
            assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.requirement("ATK-32")
async def test_connections_are_counted(tmp_path: Path) -> None:
    with serving(tmp_path / "vault", notify={"connections": 2}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http, alice = Visitor(session, live.base_url), live.people["alice"]
            place = await fresh_container(http, alice)
            channel = await subscribed(http, WEBSOCKET, place, by=alice)
            opened = [await session.ws_connect(channel["receiveFrom"]) for _ in range(2)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(channel["receiveFrom"])
            assert refused.value.status == 503
            for connection in opened:
                await connection.close()
            await asyncio.sleep(0.1)
            await (await session.ws_connect(channel["receiveFrom"])).close()


@pytest.mark.requirement("ATK-32")
async def test_a_receiver_that_does_not_read_is_let_go_and_has_lost_nothing_when_it_comes_back(tmp_path: Path) -> None:
    count = 30_000
    with serving(tmp_path / "vault", notify={"slow_seconds": 0.5}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http, alice = Visitor(session, live.base_url), live.people["alice"]
            channel = await subscribed(http, WEBSOCKET, f"{alice.pod}doc", by=alice)
            deaf = _deaf(channel["receiveFrom"])
            hub = live.machine.vault.hub if live.machine is not None else None
            assert hub is not None

            async def tell(vault: Vault) -> None:
                async with vault.writing() as work:
                    for _ in range(count):
                        await work.outbox.append(PodName("alice"), Notice(f"{alice.pod}doc", "Update", vault.clock()))

            await asyncio.to_thread(live.within, tell)
            end = asyncio.get_running_loop().time() + 20
            while len(hub):
                assert asyncio.get_running_loop().time() < end
                await asyncio.sleep(0.05)
            deaf.close()
            left = await asyncio.to_thread(live.within, lambda vault: _left(vault, channel["id"]))
            heard: set[str] = set()
            async with session.ws_connect(channel["receiveFrom"]) as again, asyncio.timeout(60):
                while len(heard) < left:
                    heard.add((await again.receive_json())["id"])
            assert 0 < left < count
            assert len(heard) == left


async def _left(vault: Vault, channel: str) -> int:
    """How many notices a channel had still to be told when its last connection ended."""
    async with vault.reading() as work:
        found = await work.subscriptions.get(channel.rpartition("/")[2])
        assert found is not None
        return len(await work.notices.of_pod(found.topic.pod, after=found.position, limit=1_000_000))


def _deaf(place: str) -> socket.socket:
    """A WebSocket whose client never reads after the handshake."""
    parts = urlsplit(place)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", parts.port))
    made.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
    )
    assert made.recv(12) == b"HTTP/1.1 101"
    return made
