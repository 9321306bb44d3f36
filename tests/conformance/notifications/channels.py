"""How a client of notifications works: it finds the service, subscribes, and listens."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.people import CONTAINER_LINK, JSON_LD, Answer, Person, Visitor, acl, rule

CONTEXT = "https://www.w3.org/ns/solid/notification/v1"
PROTOCOL_CONTEXT = "https://www.w3.org/ns/solid/notifications-context/v1"
NOTIFY = "http://www.w3.org/ns/solid/notifications#"
ACTIVITIES = "https://www.w3.org/ns/activitystreams"

WEBSOCKET = "WebSocketChannel2023"
WEBHOOK = "WebhookChannel2023"
STREAM = "StreamingHTTPChannel2023"
EVENTS = "EventSourceChannel2023"
KINDS = (WEBSOCKET, WEBHOOK, STREAM, EVENTS)

SOON = 5.0  # seconds in which something comes that is to come
QUIET = 0.6  # seconds after which nothing comes any more


def service(http: Visitor, kind: str) -> str:
    return f"{http.base_url}.notifications/{kind}/"


async def ask(http: Visitor, kind: str, topic: str | None, *, by: Person | None = None, **changes: Any) -> Answer:
    """One subscription request; `changes` alter its members, None removes one."""
    request = {"@context": [CONTEXT], "type": kind, "topic": topic, **changes}
    body = json.dumps({name: value for name, value in request.items() if value is not None})
    answer = await http.post(service(http, kind), body, by=by, kind=JSON_LD)
    if answer.status == 200:
        http.left_behind.append((answer.json["id"], by))
    return answer


async def subscribed(http: Visitor, kind: str, topic: str, *, by: Person | None = None, **changes: Any) -> Any:
    """A channel as the server describes it."""
    answer = await ask(http, kind, topic, by=by, **changes)
    assert answer.status == 200, answer.text
    return answer.json


class Ear:
    """Messages from one connection, in the order they came; `closed` is the code of a WebSocket's end."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def next(self) -> Any:
        async with asyncio.timeout(SOON):
            return await self.came.get()

    async def kinds(self, count: int) -> list[str]:
        return [(await self.next())["type"] for _ in range(count)]

    async def hears_nothing(self, seconds: float = QUIET) -> bool:
        await asyncio.sleep(seconds)
        return self.came.empty()

    async def end(self) -> int | None:
        async with asyncio.timeout(SOON):
            return await asyncio.shield(self.closed)


@asynccontextmanager
async def listening(http: Visitor, channel: Any, **headers: str) -> AsyncIterator[Ear]:
    """A connection to a pull channel of whichever type."""
    ear, place = Ear(), channel["receiveFrom"]
    if place.startswith("ws"):
        socket = await http.session.ws_connect(place)
        listen = asyncio.create_task(_hear_socket(socket, ear))
    else:
        response = await http.session.get(place, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert response.status == 200, await response.text()
        assert (await response.content.readline()).strip() in (b"", b":")  # it is connected
        listen = asyncio.create_task(hear_stream(response, ear))
    try:
        yield ear
    finally:
        listen.cancel()
        await asyncio.gather(listen, return_exceptions=True)
        if place.startswith("ws"):
            await socket.close()
        else:
            response.close()


async def _hear_socket(socket: aiohttp.ClientWebSocketResponse, ear: Ear) -> None:
    async for frame in socket:
        assert frame.type is aiohttp.WSMsgType.TEXT
        ear.came.put_nowait(json.loads(frame.data) if frame.data.startswith("{") else frame.data)
    ear.closed.set_result(socket.close_code)


async def hear_stream(response: aiohttp.ClientResponse, ear: Ear) -> None:
    number = None
    try:
        async for line in response.content:
            text = line.decode().strip()
            if text.startswith("id:"):
                number = text.removeprefix("id:").strip()
            elif text.startswith("data:"):
                ear.came.put_nowait({**json.loads(text.removeprefix("data:")), "eventId": number})
            elif text.startswith("{"):
                ear.came.put_nowait(json.loads(text))
            elif text:
                ear.came.put_nowait(text)
    finally:
        if not ear.closed.done():
            ear.closed.set_result(None)


async def grant(http: Visitor, container: str, owner: Person, reader: Person | None, *, modes: str = "read") -> None:
    """The ACL of a container: its owner may do everything, `reader` (None: everybody) what `modes` say, in it too."""
    everything = rule(modes="read write control", agent=owner.webid, to=container, default=container)
    if reader is None:
        more = rule(modes=modes, agent_class="public", to=container, default=container)
    else:
        more = rule(modes=modes, agent=reader.webid, to=container, default=container)
    await http.share(container, acl(everything, more), by=owner)


async def own_only(http: Visitor, container: str, owner: Person) -> None:
    """The ACL of a container that nobody else may read."""
    everything = rule(modes="read write control", agent=owner.webid, to=container, default=container)
    await http.share(container, acl(everything), by=owner)


async def fresh_container(http: Visitor, owner: Person) -> str:
    url = f"{owner.pod}n-{secrets.token_hex(6)}/"
    assert (await http.put(url, by=owner, Link=CONTAINER_LINK)).status == 201
    return url
