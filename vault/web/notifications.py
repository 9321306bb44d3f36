"""Notifications over HTTP: the subscription services, channels, and the connections they are received through."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final

from aiohttp import WSCloseCode, hdrs, web

from vault.access.decide import require
from vault.errors import Malformed, Missing, NotAcceptable, Unprocessable, UnsupportedMedia
from vault.notify.channels import (
    CONTEXTS,
    NOTIFY,
    OF,
    ROOT,
    ChannelType,
    Subscription,
    channel_url,
    describe_channel,
    describe_sender,
    describe_service,
    sender_of,
    service_facts,
)
from vault.notify.listen import Ended, Hub, Listener
from vault.notify.messages import Posted, written
from vault.notify.subscribe import end, of_connection, own_channel, subscribe
from vault.notify.wanted import FORMATS, Wanted, check_profile, read_request, read_topic
from vault.ports import Vault
from vault.rdf.graph import Graph
from vault.rdf.isolate import parse_guarded
from vault.rdf.syntax import RDF_TYPES, serialise
from vault.solid.negotiation import choose, parse_accept
from vault.values import JSON_LD, TURTLE, MediaType, parse_media_type
from vault.web.connections import when_gone
from vault.web.requests import caller_of, listed, raw_path, read_limited, sent_origin
from vault.web.responses import json_response
from vault.web.routing import VAULT, Credentials, Route

SERVICE: Final = f"/{ROOT}{{kind}}/"
CHANNEL: Final = f"/{ROOT}{{kind}}/{{channel}}"
RECEIVE: Final = f"/{ROOT}{{kind}}/{{channel}}/{{key}}"
SENDER: Final = f"/{ROOT}sender"

_REQUEST_TYPES: Final = (JSON_LD.essence, *(kind.essence for kind in RDF_TYPES if kind != JSON_LD))
_MOST_BYTES: Final = 16 * 1024  # of a subscription request
_MOST_HEARD: Final = 100  # messages a receiver may send us on a WebSocket; we listen to none
_CLOSE_SECONDS: Final = 2.0
_NOT_STORED: Final = {"Cache-Control": "no-store"}
_EVENT_STREAM: Final = MediaType("text/event-stream")
# What some clients name as sub-protocol when they connect: the type, in either spelling of the vocabulary (NC-1).
_PROTOCOLS: Final = tuple(
    f"{space}{ChannelType.WEBSOCKET}" for space in (NOTIFY.base, "http://www.w3.org/ns/solid/notification#", "")
)
_CODES: Final = {
    Ended.TIME: WSCloseCode.OK,
    Ended.UNSUBSCRIBED: WSCloseCode.OK,
    Ended.GONE: WSCloseCode.OK,
    Ended.REVOKED: WSCloseCode.POLICY_VIOLATION,
    Ended.SLOW: WSCloseCode.TRY_AGAIN_LATER,
    Ended.STOPPING: WSCloseCode.GOING_AWAY,
}


async def get_service(request: web.Request) -> web.StreamResponse:
    """NP-6: a subscription service describes itself."""
    kind, base_url = _kind(request), request.app[VAULT].base_url
    chosen = _chosen(request)
    if chosen == JSON_LD:
        response = json_response(
            describe_service(kind, base_url=base_url, context=_profile_asked(request)), media_type=str(JSON_LD)
        )
    else:
        graph = Graph.of(service_facts(kind, base_url=base_url))
        response = _shown(graph, chosen)
    response.headers["Accept-Post"] = ", ".join(_REQUEST_TYPES)
    return response


async def post_subscription(request: web.Request) -> web.StreamResponse:
    """NP-7 to NP-13: makes a channel and says what was accepted."""
    vault, kind = request.app[VAULT], _kind(request)
    media_type = _media_type(request)
    caller = await caller_of(request)
    wanted = await _read(request, media_type, kind)
    if kind.pushes:
        if wanted.send_to is None:
            raise Unprocessable("subscription-feature", "sendTo: a webhook needs the address to call.")
        wanted = replace(wanted, send_to=vault.courier.check(wanted.send_to))
    async with vault.reading() as work:  # groups elsewhere are asked while no writer waits
        require(await vault.hub.door.decide(work, caller, wanted.topic, origin=sent_origin(request)), caller)
    async with vault.writing() as work:
        channel = await subscribe(
            work,
            wanted,
            kind=kind,
            identifier=secrets.token_urlsafe(16),
            caller=caller,
            origin=sent_origin(request),
            door=vault.hub.door,
            settings=vault.settings.notify,
            now=vault.clock(),
        )
    return await _described(request, vault, channel)


async def get_channel(request: web.Request) -> web.StreamResponse:
    """A channel, for whoever made it: what holds, and until when."""
    vault = request.app[VAULT]
    caller = await caller_of(request)
    async with vault.reading() as work:
        channel = await own_channel(work, request.match_info["channel"], _kind(request), caller=caller)
    return await _described(request, vault, channel)


async def delete_channel(request: web.Request) -> web.StreamResponse:
    """NP-12: unsubscribes; whoever listens is let go at once, in every worker."""
    vault = request.app[VAULT]
    caller = await caller_of(request)
    async with vault.writing() as work:
        channel = await own_channel(work, request.match_info["channel"], _kind(request), caller=caller)
        await end(work, channel, now=vault.clock())
    return web.Response(status=204)


async def get_sender(request: web.Request) -> web.StreamResponse:
    """The WebID document of the sender of webhooks (NC-2)."""
    chosen = choose(parse_accept(listed(request, hdrs.ACCEPT)), RDF_TYPES)
    if chosen is None:
        raise NotAcceptable("not-acceptable", "No representation of this resource fits the Accept header.")
    return _shown(describe_sender(request.app[VAULT].base_url), chosen)


async def receive(request: web.Request) -> web.StreamResponse:
    """The capability URL of a channel: who has it needs nothing else."""
    vault, kind = request.app[VAULT], _kind(request)
    channel = await _channel_of(request, vault, kind)
    if request.method == hdrs.METH_HEAD:
        return web.Response(headers=_NOT_STORED)
    listener = await vault.hub.open(channel, after=_last_event(request))
    try:
        if kind is ChannelType.WEBSOCKET:
            return await _through_websocket(request, vault.hub, listener)
        return await _through_stream(request, vault.hub, listener, kind)
    finally:
        await vault.hub.leave(listener)


async def receive_of(request: web.Request) -> web.StreamResponse:
    """The channel that each resource leads to by link, for this connection: who may read the one may listen to the
    other, by the same token (NC-3)."""
    vault = request.app[VAULT]
    try:
        topic = read_topic(vault.base_url + raw_path(request).removeprefix(f"/{OF}"), base_url=vault.base_url)
    except Unprocessable as wrong:
        raise Missing("no-such-channel", "There is no such channel.") from wrong
    accept = choose(parse_accept(listed(request, hdrs.ACCEPT)), FORMATS)
    if accept is None:
        raise NotAcceptable("not-acceptable", "Messages are written as JSON-LD, Turtle or N-Triples.")
    caller = await caller_of(request)
    async with vault.reading() as work:
        channel = await of_connection(
            work,
            topic,
            accept=accept,
            caller=caller,
            origin=sent_origin(request),
            door=vault.hub.door,
            settings=vault.settings.notify,
            now=vault.clock(),
        )
    if request.method == hdrs.METH_HEAD:
        return web.Response(headers={**_NOT_STORED, hdrs.CONTENT_TYPE: str(accept)})
    listener = await vault.hub.open(channel)
    try:
        return await _through_stream(request, vault.hub, listener, ChannelType.STREAM)
    finally:
        await vault.hub.leave(listener)


async def _through_websocket(request: web.Request, hub: Hub, listener: Listener) -> web.StreamResponse:
    settings = hub.settings
    socket = web.WebSocketResponse(
        heartbeat=settings.ping_seconds,
        timeout=_CLOSE_SECONDS,
        compress=False,
        max_msg_size=4096,
        protocols=_PROTOCOLS,
    )
    await socket.prepare(request)
    hearing = asyncio.create_task(_hear(socket, listener))
    try:
        async with aclosing(hub.messages(listener)) as messages:
            async for posted in messages:
                if posted is None:
                    continue  # aiohttp itself pings
                async with asyncio.timeout(settings.slow_seconds):
                    await socket.send_str(_message(listener, posted).decode())
    except TimeoutError:
        listener.end(Ended.SLOW)
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        listener.end(Ended.GONE)
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        if not socket.closed:
            await socket.close(code=_CODES[listener.ended or Ended.GONE])
    return socket


async def _hear(socket: web.WebSocketResponse, listener: Listener) -> None:
    """Nothing a receiver says means anything, but that it is there."""
    heard = 0
    async for _ in socket:
        heard += 1
        if heard > _MOST_HEARD:
            break
    listener.end(Ended.GONE)


async def _through_stream(request: web.Request, hub: Hub, listener: Listener, kind: ChannelType) -> web.StreamResponse:
    """NC-3 and NC-4: messages as they come, one after the other in one answer that lasts. When the receiver goes, how
    far it came is noted at once: it may come back at another worker."""
    when_gone(request, lambda: listener.end(Ended.GONE))
    events = kind is ChannelType.EVENTS
    response = web.StreamResponse(headers={**_NOT_STORED, "X-Accel-Buffering": "no"})
    response.headers[hdrs.CONTENT_TYPE] = str(_EVENT_STREAM if events else listener.subscription.accept)
    try:
        await response.prepare(request)
        await response.write(b":\n\n" if events else b"\n")  # so that the client sees at once that it is connected
        async with aclosing(hub.messages(listener)) as messages:
            async for posted in messages:
                async with asyncio.timeout(hub.settings.slow_seconds):
                    await response.write(_piece(listener, posted, events=events))
        await response.write_eof()
    except TimeoutError:
        listener.end(Ended.SLOW)
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        listener.end(Ended.GONE)
    return response


def _piece(listener: Listener, posted: Posted | None, *, events: bool) -> bytes:
    if posted is None:
        return b":\n\n" if events else b"\n"
    text = _message(listener, posted)
    if not events:
        return text + b"\n"
    lines = b"".join(b"data: " + line + b"\n" for line in text.splitlines())
    return b"id: %d\n%s\n" % (posted.number, lines)


def _message(listener: Listener, posted: Posted) -> bytes:
    channel = listener.subscription
    return written(posted, context=channel.context, media_type=channel.accept)


async def _channel_of(request: web.Request, vault: Vault, kind: ChannelType) -> Subscription:
    """The channel a capability URL stands for; one answer for every URL that is none."""
    identifier, key = request.match_info["channel"], request.match_info["key"]
    fits = hmac.compare_digest(_capability(vault, identifier).encode(), key.encode(errors="surrogateescape"))
    async with vault.reading() as work:
        channel = await work.subscriptions.get(identifier) if fits else None
    if channel is None or channel.type is not kind or kind.pushes or channel.has_ended(vault.clock()):
        raise Missing("no-such-channel", "There is no such channel, or it has ended.")
    return channel


def _capability(vault: Vault, identifier: str) -> str:
    """What makes the address of a channel impossible to guess; it is derived, and stored nowhere."""
    return hmac.new(vault.secrets.channels, identifier.encode(), hashlib.sha256).hexdigest()


def _receive_from(vault: Vault, channel: Subscription) -> str:
    place = f"{channel_url(channel, base_url=vault.base_url)}/{_capability(vault, channel.id)}"
    if channel.type is ChannelType.WEBSOCKET:  # https → wss, http → ws
        return f"ws{place.removeprefix('http')}"
    return place


async def _described(request: web.Request, vault: Vault, channel: Subscription) -> web.Response:
    facts = describe_channel(
        channel,
        base_url=vault.base_url,
        receive_from=_receive_from(vault, channel),
        sender=sender_of(vault.base_url),
    )
    chosen = choose(parse_accept(listed(request, hdrs.ACCEPT)), (JSON_LD, TURTLE, *RDF_TYPES))
    if chosen is None or chosen == JSON_LD:  # the channel is made: it is told, whatever was asked
        return json_response(facts, headers=_NOT_STORED, media_type=str(JSON_LD))
    graph = await parse_guarded(json.dumps(facts).encode(), JSON_LD, base=vault.base_url, limits=vault.settings.limits)
    response = _shown(graph, chosen)
    response.headers.update(_NOT_STORED)
    return response


async def _read(request: web.Request, media_type: MediaType, kind: ChannelType) -> Wanted:
    vault = request.app[VAULT]
    data = await read_limited(request, _MOST_BYTES)
    place = vault.base_url + request.path[1:]
    graph = await parse_guarded(data, media_type, base=place, limits=vault.settings.limits)
    document = json.loads(data) if media_type.essence == JSON_LD.essence else None
    return read_request(document, graph, kind, base_url=vault.base_url)


def _media_type(request: web.Request) -> MediaType:
    """NP-7, NP-8. Beside JSON-LD the other RDF types, for the client that LDO and others use speaks Turtle."""
    text = request.headers.get(hdrs.CONTENT_TYPE)
    if text is None:
        raise Malformed("no-content-type", "A subscription request has a Content-Type.")  # PR-7
    media_type = parse_media_type(text)
    if media_type.essence not in _REQUEST_TYPES:
        raise UnsupportedMedia("media-type", "A subscription request is JSON-LD or Turtle.", accepted=_REQUEST_TYPES)
    if media_type.essence == JSON_LD.essence:
        check_profile(media_type.parameter("profile"))
    return media_type


def _profile_asked(request: web.Request) -> str:
    """D11: the context that Accept names, or the usual one."""
    accept = listed(request, hdrs.ACCEPT) or ""
    return next((context for context in CONTEXTS if context in accept), CONTEXTS[0])


def _chosen(request: web.Request) -> MediaType:
    chosen = choose(parse_accept(listed(request, hdrs.ACCEPT)), (JSON_LD, TURTLE, *RDF_TYPES))
    if chosen is None:
        raise NotAcceptable("not-acceptable", "No representation of this resource fits the Accept header.")
    return chosen


def _shown(graph: Graph, media_type: MediaType) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: str(media_type), hdrs.VARY: "Accept", hdrs.CACHE_CONTROL: "no-cache"}
    return web.Response(body=serialise(graph, media_type, prefixes={"notify": NOTIFY.base}), headers=headers)


def _kind(request: web.Request) -> ChannelType:
    try:
        return ChannelType(request.match_info["kind"])
    except ValueError:
        raise Missing("no-such-service", "There is no such subscription service.") from None


def _last_event(request: web.Request) -> int | None:
    """Where a browser's EventSource that lost its connection goes on."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


ROUTES: Final = (
    Route("GET", f"/{OF}{{topic:.*}}", receive_of, Credentials.TOKEN, "stream-of-a-resource"),
    Route("GET", SENDER, get_sender, Credentials.TOKEN, "notification-sender"),
    Route("GET", SERVICE, get_service, Credentials.TOKEN, "subscription-service"),
    Route("POST", SERVICE, post_subscription, Credentials.TOKEN),
    Route("GET", CHANNEL, get_channel, Credentials.TOKEN, "channel"),
    Route("DELETE", CHANNEL, delete_channel, Credentials.TOKEN),
    Route("GET", RECEIVE, receive, Credentials.TOKEN, "receive"),
)
