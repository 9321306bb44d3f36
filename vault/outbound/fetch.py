"""The only HTTP to strangers (ATK-06, LIM-18): where it may go, how long it may take, how much it may bring.

A name is resolved, every address it gives is checked, and the connection goes to an address that was checked: a second
answer of the name service changes nothing. Each redirect starts over.
"""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from vault.config import OutboundSettings
from vault.errors import Malformed, Unprocessable
from vault.notify.ports import Reply
from vault.values import MediaType, parse_media_type

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]

_AT_ONCE = 32  # requests under way in all, and to one host
_PER_HOST = 4
_LOOKUPS = 8
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_USER_AGENT: Final = "Datakluis"
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
# Inside it, what only wraps an IPv4 address (6to4, Teredo) or is never routed.
_UNUSUAL: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))  # protocol assignments, 6to4 relays
_WRAPPED: Final = tuple(IPv6Network(text) for text in ("2002::/16", "2001::/23", "2001:db8::/32", "3fff::/20"))


class Unreachable(Exception):
    """It could not be fetched; `because` is for the log, never for the stranger who named the URL (ATK-07)."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document; `url` is the final one, after redirects, and its base (RS-4)."""

    url: str
    media_type: MediaType
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered to one call, whatever its status."""

    status: int
    headers: Mapping[str, str]
    media_type: MediaType
    body: bytes


class Fetcher:
    """GETs public documents and POSTs messages over https, without cookies. `lookup` gives the addresses of a name."""

    def __init__(self, settings: OutboundSettings, *, lookup: Lookup | None = None) -> None:
        self._settings = settings
        # Threads of their own: names that take long to resolve must not hold up password checks and parsers.
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")
        self._resolver = _CheckedResolver(lookup or self._addresses, settings)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Ends every connection."""
        if self._session is not None:
            await self._session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def get(self, url: str, *, accept: str) -> Fetched:
        """The document at `url`, of one of the media types that `accept` names. Raises Unreachable."""
        try:
            async with asyncio.timeout(self._settings.total_seconds):
                for _ in range(self._settings.redirects + 1):
                    step = await self._step(url, accept)
                    if isinstance(step, Fetched):
                        return step
                    url = _followed(url, step)
        except TimeoutError:
            raise Unreachable("took too long") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(type(error).__name__) from error
        raise Unreachable("too many redirects")

    def check(self, url: str, /) -> str:
        """The URL in the form it would be called in; raises Unprocessable for one that never would be."""
        try:
            target = check_url(url, self._settings)
        except Unreachable:
            raise Unprocessable(
                "address", "This address is not called from here: it must be https, and public."
            ) from None
        return str(target.with_fragment(None))

    async def post(self, url: str, /, *, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Sends one message and hears the status; redirects are not followed, and what else is answered is not read."""
        try:
            async with asyncio.timeout(self._settings.total_seconds):
                target = check_url(url, self._settings)
                sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
                async with self._client().post(target, data=body, headers=sent, allow_redirects=False) as response:
                    return Reply(response.status, _seconds(response.headers.get("Retry-After")))
        except (Unreachable, TimeoutError, aiohttp.ClientError, OSError, ValueError):
            return Reply(0)

    async def call(
        self, method: str, url: str, /, *, accept: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answered:
        """One call of a server that we are a client of, with whatever credentials `headers` and `body` hold. They go to
        this address alone: a redirect is a failure. Raises Unreachable."""
        try:
            async with asyncio.timeout(self._settings.total_seconds):
                target = check_url(url, self._settings)
                sent = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": _USER_AGENT, **headers}
                async with self._client().request(
                    method, target, data=body, headers=sent, allow_redirects=False
                ) as response:
                    if response.status in _REDIRECTS:
                        raise Unreachable("redirect")
                    media_type = _media_type(response, accept)
                    return Answered(response.status, response.headers, media_type, await self._body(response))
        except TimeoutError:
            raise Unreachable("took too long") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(type(error).__name__) from error

    async def _step(self, url: str, accept: str) -> Fetched | str:
        """One request: the document, or where a redirect leads."""
        target = check_url(url, self._settings)
        headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": _USER_AGENT}
        async with self._client().get(target, headers=headers, allow_redirects=False) as response:
            if response.status in _REDIRECTS and (location := response.headers.get("Location")) is not None:
                return location
            if response.status != 200:
                raise Unreachable(f"status {response.status}")
            return Fetched(url, _media_type(response, accept), await self._body(response))

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """The body, unpacked by ourselves so that no more is ever unpacked than may be kept."""
        encoding, most = response.headers.get("Content-Encoding", "identity").lower(), self._settings.body_bytes
        unpack = zlib.decompressobj(wbits=31) if encoding in ("gzip", "x-gzip") else None
        if unpack is None and encoding not in ("identity", ""):
            raise Unreachable("another content encoding")
        body = bytearray()
        async for chunk in response.content.iter_chunked(16 * 1024):
            try:
                body += chunk if unpack is None else unpack.decompress(chunk, most + 1 - len(body))
            except zlib.error:
                raise Unreachable("cannot be unpacked") from None
            if len(body) > most or (unpack is not None and unpack.unconsumed_tail):
                raise Unreachable("too large")
        if unpack is not None and not unpack.eof:
            raise Unreachable("cut short")
        return bytes(body)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        return [str(info[4][0]) for info in await loop.run_in_executor(self._threads, ask)]

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                force_close=True,
                limit=_AT_ONCE,
                limit_per_host=_PER_HOST,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=self._settings.total_seconds),
            )
        return self._session


def check_url(url: str, settings: OutboundSettings) -> URL:
    """Scheme, form and literal addresses; the very value that is then connected to, so that no second reading of the
    text can see another host in it. Raises Unreachable. Names are checked when they are resolved."""
    if any(ch <= " " or ch == "\\" for ch in url):
        raise Unreachable("not a URL")
    try:
        target = URL(url)
        host = target.host or ""
    except ValueError:
        raise Unreachable("not a URL") from None
    if not host or target.user is not None or target.password is not None:
        raise Unreachable("not a URL")
    local = host == "localhost" or host.endswith(".localhost")
    try:
        literal: IPv4Address | IPv6Address | None = ip_address(host)
    except ValueError:
        literal = None
    if literal is not None:
        if not permitted(literal, settings):
            raise Unreachable("address not allowed")
        local = literal.is_loopback
    if target.scheme == "https" or (target.scheme == "http" and local and settings.insecure_allow_loopback):
        return target
    raise Unreachable("not https")


def permitted(address: IPv4Address | IPv6Address, settings: OutboundSettings) -> bool:
    """Whether an address is somebody else's on the public network; never one of ours, of the host's, of the data
    centre's, nor one that hides another inside (mapped, NAT64, 6to4)."""
    if address.is_loopback:
        return settings.insecure_allow_loopback
    if isinstance(address, IPv6Address):
        if address.scope_id is not None or address not in _GLOBAL_UNICAST:
            return False
        if any(address in network for network in _WRAPPED):
            return False
    elif any(address in network for network in _UNUSUAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class _CheckedResolver(AbstractResolver):
    """Gives aiohttp the permitted addresses of a name, and no others, to connect to."""

    def __init__(self, lookup: Lookup, settings: OutboundSettings) -> None:
        self._lookup = lookup
        self._settings = settings

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found: list[ResolveResult] = []
        for text in await self._lookup(host, port):
            address = ip_address(text)
            if permitted(address, self._settings):
                family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
                flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
                found.append(
                    ResolveResult(hostname=host, host=str(address), port=port, family=family, proto=0, flags=flags)
                )
        if not found:
            raise Unreachable("address not allowed")
        return found

    async def close(self) -> None:
        """Holds nothing."""


def _media_type(response: aiohttp.ClientResponse, accept: str) -> MediaType:
    try:
        media_type = parse_media_type(response.headers.get("Content-Type", ""))
    except Malformed:
        raise Unreachable("no media type") from None
    if media_type.essence not in _essences(accept):
        raise Unreachable("another media type")
    return media_type


def _seconds(text: str | None) -> float | None:
    """A Retry-After in seconds; one with a date is left to our own back-off."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else None


def _followed(url: str, location: str) -> str:
    target = urljoin(url, location).partition("#")[0]
    if url.startswith("https:") and not target.startswith("https:"):
        raise Unreachable("redirect away from https")
    return target


def _essences(accept: str) -> frozenset[str]:
    return frozenset(part.partition(";")[0].strip().lower() for part in accept.split(","))
