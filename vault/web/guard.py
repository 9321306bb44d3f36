"""What is looked at before anything else: the host, the sizes of the head, and how often an address comes."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from vault.config import Settings
from vault.errors import Malformed, TooLarge, TooMany
from vault.web.routing import Credentials, Route

_MOST_ADDRESSES = 100_000  # of one window; beyond that the count starts anew rather than growing without end
_WINDOW_SECONDS = 60


class Guard:
    """Refuses a head that no handler should see. `clock` gives monotonic seconds."""

    __slots__ = ("_clock", "_counts", "_hosts", "_limits", "_proxies", "_window")

    def __init__(self, settings: Settings, *, clock: Callable[[], float]) -> None:
        self._limits = settings.limits
        self._hosts = hosts_of(settings.server.base_url)
        self._proxies = tuple(ip_network(proxy, strict=False) for proxy in settings.server.trusted_proxies)
        self._clock = clock
        self._window = -1
        self._counts: dict[str, int] = {}

    def address(self, request: web.Request) -> str:
        """Who is calling: the peer, or the last address before our own proxies where the peer is one of them."""
        peer = request.remote or ""
        if not self._proxies or not _within(peer, self._proxies):
            return peer
        hops = [hop.strip() for line in request.headers.getall("X-Forwarded-For", ()) for hop in line.split(",")]
        return next((hop for hop in reversed(hops) if not _within(hop, self._proxies)), peer)

    def source(self, request: web.Request) -> str:
        """Whom every limit counts, of requests as of tries: an IPv4 address, or the /64 of an IPv6 one."""
        return network_of(self.address(request))

    def check(self, request: web.Request, route: Route, address: str) -> None:
        """Host, URL, header sizes and rate; raises Malformed, TooLarge or TooMany."""
        # Health checks come by the address of the machine; everything else by our own name, so that no name that
        # somebody else points at us (DNS rebinding) or sends us (ATK-29) is ever taken for ours.
        host = request.headers.get(hdrs.HOST, "")
        if host not in self._hosts and host.lower() not in self._hosts and route.credentials is not Credentials.NOTHING:
            raise Malformed("host", "This server does not answer for that host.")
        if not request.raw_path.startswith("/") and urlsplit(request.raw_path).netloc.lower() not in self._hosts:
            # The absolute form (RFC 9112 §3.2.2) names a host of its own, which counts instead of the header.
            raise Malformed("target", "This server does not answer for that request target.")
        if len(request.raw_path) > self._limits.url_bytes:
            raise TooLarge("url-too-long", f"A URL has at most {self._limits.url_bytes} bytes here.")
        size = 0
        for name, value in request.raw_headers:
            size += len(name) + len(value)
        if size > self._limits.header_bytes:
            raise TooLarge("headers-too-large", f"The headers have at most {self._limits.header_bytes} bytes here.")
        if self._limits.requests_per_minute:
            self._count(address)

    def _count(self, address: str) -> None:
        """Fixed windows of a minute. Decided before any proof is recorded, so that a client may repeat the very same
        request after `Retry-After` (CH-10)."""
        now = self._clock()
        window = int(now // _WINDOW_SECONDS)
        if window != self._window or len(self._counts) > _MOST_ADDRESSES:
            self._window, self._counts = window, {}
        source = network_of(address)
        count = self._counts[source] = self._counts.get(source, 0) + 1
        if count > self._limits.requests_per_minute:
            left = int(_WINDOW_SECONDS - now % _WINDOW_SECONDS) + 1
            raise TooMany("too-many-requests", "Too many requests from this address.", retry_after=left)


def hosts_of(base_url: str) -> frozenset[str]:
    """What the Host header may say: the authority of the base URL, with and without its default port."""
    parts = urlsplit(base_url)
    host = parts.netloc.lower()
    default = ":443" if parts.scheme == "https" else ":80"
    return frozenset({host, host.removesuffix(default), host if parts.port else host + default})


def network_of(address: str) -> str:
    """One household or one server farm counts as one: an IPv6 address stands for its /64, of which everybody has at
    least one. An IPv4 address that a proxy wrote as IPv6 is that address (RFC 4291 §2.5.5.2)."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found, 64), strict=False).network_address)


def _within(text: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)
