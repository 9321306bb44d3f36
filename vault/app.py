"""The composition root: settings → adapters → `Vault` → aiohttp application → a running server and its orderly end."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import uvloop
from aiohttp import web

import vault as package
from vault import observe
from vault.access.decide import ParsedAcls
from vault.chores import follow_keys, house_chores
from vault.config import Limits, Settings, insecure_settings
from vault.datasluis.catalogue_files import default_folder, read_catalogue
from vault.identity.dpop import Nonces
from vault.identity.outgoing import Sender
from vault.identity.rotate import make_envelope_key, make_keys
from vault.identity.tokens import KeyRing
from vault.notify.channels import sender_of
from vault.notify.deliver import Relay
from vault.notify.listen import Hub
from vault.notify.ports import Duty
from vault.notify.subscribe import Door
from vault.outbound.documents import Documents
from vault.outbound.fetch import Fetcher
from vault.outbound.upstream import UpstreamProvider
from vault.ports import ServerSecrets, Vault
from vault.rdf.isolate import claim_stack, close_cells
from vault.storage.blobs import MemoryConversions
from vault.storage.database import Database
from vault.storage.engines import CannotOpen
from vault.values import Clock, WebId
from vault.web.connections import Runner
from vault.web.guard import Guard
from vault.web.health import READY, Readiness
from vault.web.lately import LATELY, Lately
from vault.web.middleware import GUARD, answer, dress
from vault.web.replies import REPLIES, Replies
from vault.web.routes import ROUTES, install
from vault.web.routing import VAULT
from vault.web.turns import TURNS, Turns
from vault.workers import supervise

MIB: Final = 1024 * 1024
STACK_BYTES: Final = 8 * MIB  # LIM-01
_CONVERSION_BYTES: Final = 64 * MIB
_LINGER_SECONDS: Final = 5.0  # how long an unwanted body is read, so that its sender sees the answer
_LAST_SECONDS: Final = 1.0  # after the drain: for answers that are just being written
_BACKLOG: Final = 1024
_OBJECTS_BETWEEN_LOOKS: Final = 20_000


class StartError(Exception):
    """The machine does not allow us to run safely; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A vault together with the adapters only the composition root knows."""

    vault: Vault
    database: Database
    relay: Relay


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_vault(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[Vault]:
    """Everything a use case needs, on the store the settings name; made on first use."""
    async with open_machine(settings, clock=clock) as machine:
        yield machine.vault


@asynccontextmanager
async def open_machine(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[Machine]:
    """Opens the adapters in order and closes them in the reverse one."""
    async with AsyncExitStack() as opened:
        opened.callback(close_cells)
        database = await Database.open(settings.storage, clock=clock)
        opened.push_async_callback(database.close)
        keys, secrets = await _own_keys(database, settings, clock)
        fetcher = Fetcher(settings.outbound)
        opened.push_async_callback(fetcher.close)
        documents = Documents(
            fetcher,
            base_url=settings.server.base_url,
            reading=database.reading,
            keys=keys,
            settings=settings,
            clock=clock,
            blobs=database.blobs,
        )
        parsed_acls = ParsedAcls()
        door = Door(parsed_acls, documents, documents, settings)
        vault = Vault(
            settings=settings,
            reading=database.reading,
            writing=database.writing,
            pod_version=database.pod_version,
            blobs=database.blobs,
            conversions=MemoryConversions(_CONVERSION_BYTES),
            parsed_acls=parsed_acls,
            groups=documents,
            issuers=documents,
            replays=database.replays,
            tries=database.tries,
            keys=keys,
            nonces=Nonces(secrets.nonces),
            secrets=secrets,
            catalogue=read_catalogue(default_folder()),
            hub=_hub(database, door, settings, clock),
            courier=fetcher,
            upstream=UpstreamProvider.of(fetcher, settings=settings, keys=keys, clock=clock),
            clock=clock,
        )
        relay = _relay(vault, database.delivering)
        database.after_commit(lambda: _wake(vault.hub, relay))
        yield Machine(vault, database, relay)


def _hub(database: Database, door: Door, settings: Settings, clock: Clock) -> Hub:
    """Those who listen in this process; with other workers, whose news it must look for itself."""
    return Hub(
        reading=database.reading,
        writing=database.writing,
        door=door,
        clock=clock,
        settings=settings.notify,
        polls=settings.server.workers > 1,
    )


def _relay(vault: Vault, duty: Duty) -> Relay:
    """What calls the webhooks, as a WebID of the server's own."""
    sender = Sender.new(
        WebId(sender_of(vault.base_url)),
        issuer=vault.base_url,
        keys=vault.keys,
        token_seconds=vault.settings.identity.access_token_seconds,
    )
    return Relay(
        reading=vault.reading,
        writing=vault.writing,
        door=vault.hub.door,
        clock=vault.clock,
        settings=vault.settings.notify,
        courier=vault.courier,
        sender=sender,
        duty=duty,
    )


def _wake(hub: Hub, relay: Relay) -> None:
    """Whoever waits for news looks again: something was committed here."""
    hub.wake()
    relay.wake()


def build_app(vault: Vault, readiness: Readiness | None = None) -> web.Application:
    """The aiohttp application: one layer around every handler, and the table of routes."""
    limits = vault.settings.limits
    app = web.Application(middlewares=[answer], handler_args=_handler_args(limits))
    app[VAULT] = vault
    app[GUARD] = Guard(vault.settings, clock=time.monotonic)
    app[REPLIES] = Replies()
    app[TURNS] = Turns()
    app[LATELY] = Lately()
    app[READY] = readiness or Readiness(_store_answers(vault))
    app.on_response_prepare.append(dress)
    install(app, ROUTES)
    return app


@asynccontextmanager
async def running(settings: Settings, sock: socket.socket, *, clock: Clock = utc_now) -> AsyncIterator[Machine]:
    """A server that answers on `sock`; at the end it stops accepting, finishes what runs within the drain time, and
    closes the store last."""
    async with open_machine(settings, clock=clock) as machine:
        readiness = Readiness(machine.database.ready)
        app = build_app(machine.vault, readiness)
        runner = Runner(app, access_log=None, shutdown_timeout=_LAST_SECONDS)
        await runner.setup()
        site = web.SockSite(runner, sock, backlog=_BACKLOG)
        await site.start()
        busy = [asyncio.create_task(machine.relay.run()), asyncio.create_task(follow_keys(machine.vault))]
        try:
            yield machine
        finally:
            await site.stop()
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)
            await machine.vault.hub.stop()  # those who listen would never end by themselves
            await machine.relay.finish()
            await readiness.drain(settings.server.drain_seconds)
            await runner.cleanup()


def listen(settings: Settings) -> socket.socket:
    """The listening socket, bound before anything is opened: workers inherit it."""
    family = socket.AF_INET6 if ":" in settings.server.host else socket.AF_INET
    try:
        return socket.create_server((settings.server.host, settings.server.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise StartError(f"cannot listen on {settings.server.host}:{settings.server.port}: {error.strerror}") from None


def serve(settings: Settings, *, listening: Callable[[], None] = lambda: None) -> int:
    """Serves until SIGTERM or SIGINT; the exit code of the command. `listening` is called once connections can come."""
    observe.configure(level=settings.observe.log_level, form=settings.observe.log_format)
    try:
        prepare_process()
        sock = listen(settings)
        announce(settings, sock)
        listening()
        return _serve(settings, sock)
    except (StartError, CannotOpen) as error:
        observe.warning("cannot-start", message=str(error))
        return 1


def _serve(settings: Settings, sock: socket.socket) -> int:
    if settings.server.workers == 1:
        return _work(settings, sock, 0, None)
    # The first start makes the store and its keys: in a process of its own, so that the supervisor stays without
    # threads and every worker finds the same keys.
    prepared = os.fork()
    if not prepared:
        os._exit(_prepare_store(settings))
    if os.waitstatus_to_exitcode(os.waitpid(prepared, 0)[1]) != 0:
        return 1
    return supervise(
        settings.server.workers,
        lambda number, supervisor: _work(settings, sock, number, supervisor),
        grace=settings.server.drain_seconds,
        release=sock.close,
    )


def prepare_process() -> None:
    """LIM-01: parsers need a deep stack, in the main thread and in every other; and every file we may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    if soft != resource.RLIM_INFINITY and soft < STACK_BYTES:
        room = STACK_BYTES if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_STACK, (room, hard))
    try:
        claim_stack()
    except RuntimeError as error:
        raise StartError(str(error)) from None
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def announce(settings: Settings, sock: socket.socket) -> None:
    """Who we think we are, and what stands open."""
    for setting in insecure_settings(settings):
        observe.warning("insecure-setting", setting=setting)
    host, port = sock.getsockname()[:2]
    who: dict[str, object] = {"base_url": settings.server.base_url, "host": host, "port": port}
    what: dict[str, object] = {"version": package.__version__, "data": str(settings.storage.data)}
    observe.event("serving", **who, workers=settings.server.workers, **what)


def _work(settings: Settings, sock: socket.socket, number: int, supervisor: int | None) -> int:
    """One worker: serves until it is told to stop, or until its supervisor is gone."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_note)
        stop = asyncio.Event()
        for told in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(told, stop.set)
        if supervisor is not None:
            loop.add_reader(supervisor, stop.set)
        async with running(settings, sock) as machine, asyncio.TaskGroup() as group:
            _settle_memory()
            # One worker keeps house for all.
            tasks = (
                [group.create_task(one) for one in house_chores(machine.vault, machine.database)] if number == 0 else []
            )
            await stop.wait()
            for task in tasks:
                task.cancel()
        observe.event("stopped", worker=number)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    return 0


def _prepare_store(settings: Settings) -> int:
    """Makes or migrates the store; an exit code."""

    async def run() -> None:
        async with open_machine(settings):
            pass

    try:
        asyncio.run(run())
    except CannotOpen as error:
        observe.warning("cannot-start", message=str(error))
    except Exception as error:
        observe.failure("cannot-open-store", error)
    else:
        return 0
    return 1


async def _own_keys(database: Database, settings: Settings, clock: Clock) -> tuple[KeyRing, ServerSecrets]:
    """The server's keys and secrets; the first start makes them."""
    async with database.writing() as work:
        keys = await make_keys(work, now=clock())
        if settings.upstream.upstream_encrypted:
            await make_envelope_key(work, now=clock())
        forms = await work.secrets.get_or_make("forms")
        numbers = await work.secrets.get_or_make("national-numbers")
        channels = await work.secrets.get_or_make("channels")
        nonces = await work.secrets.get_or_make("dpop-nonces")
        links = await work.secrets.get_or_make("links")
    made = ServerSecrets(*(bytes.fromhex(text) for text in (forms, numbers, channels, nonces, links)))
    return KeyRing.load(keys, now=clock()), made


def _store_answers(vault: Vault) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        with suppress(Exception):
            async with vault.reading() as work:
                await work.participants.all()
            return True
        return False

    return answers


def _handler_args(limits: Limits) -> dict[str, Any]:
    """What aiohttp's parser takes. The idle time is also the time a head may take: a connection without a whole head
    by then is closed (ATK-32). Bodies stay as they were sent (LIM-17)."""
    return {
        "max_line_size": 2 * limits.url_bytes,
        "max_field_size": limits.token_bytes + 1024,
        "keepalive_timeout": limits.header_seconds,
        "auto_decompress": False,
        "lingering_time": _LINGER_SECONDS,
    }


def _settle_memory() -> None:
    """What is loaded by now stays: the garbage collector need not look through it again and again, and a request makes
    few cycles, so that looking less often loses nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 20, 50)


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio would print: the exception's type and place, not its text."""
    error = context.get("exception")
    if isinstance(error, Exception):
        observe.failure("loop-error", error)
    else:
        observe.warning("loop-error", message=str(context.get("message", "")))
