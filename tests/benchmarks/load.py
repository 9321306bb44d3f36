"""A small load generator: keep-alive connections on raw sockets, one request in flight on each, bounded in count.

It runs on the core that the server does not have. It reads only as much HTTP as it must: where a response ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Result:
    """Of one case: requests per second, latencies in milliseconds, how many answers had each status. `longest` looks
    at the first answers too."""

    name: str
    per_second: float
    p50: float
    p99: float
    statuses: dict[int, int]
    longest: float = 0.0


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last has ended."""

    def __init__(self, requests: Iterator[bytes], times: list[float], statuses: dict[int, int]) -> None:
        self.requests, self.times, self.statuses = requests, times, statuses
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.started = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class is none of asyncio's
        self._send()

    def _send(self) -> None:
        request = next(self.requests, None)
        assert self.transport is not None
        if request is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.started = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        end = _end_of_response(self.buffer)
        if end is None:
            return
        self.times.append(time.perf_counter() - self.started)
        status = int(self.buffer[9:12])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buffer = self.buffer[end:]
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


def _end_of_response(buffer: bytes) -> int | None:
    """Where the first response ends, or None while it has not."""
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    head = buffer[:head_end].lower()
    body = head_end + 4
    if head[9:12] in (b"204", b"304"):
        return body
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        stop = head.find(b"\r\n", at + 2)
        length = int(head[at + 17 : stop if stop > 0 else None])
        return body + length if len(buffer) >= body + length else None
    tail = buffer.find(b"\r\n0\r\n\r\n", body - 2)
    return tail + 7 if tail >= 0 else None


async def run(name: str, port: int, requests: Iterable[bytes], *, connections: int) -> Result:
    """Plays all requests once over `connections` connections; the first tenth of the answers is warm-up."""
    times: list[float] = []
    statuses: dict[int, int] = {}
    feed = iter(requests)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(feed, times, statuses), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    seconds = time.perf_counter() - began
    settled = sorted(times[len(times) // 10 :])
    return Result(
        name,
        len(times) / seconds,
        1000 * settled[len(settled) // 2],
        1000 * settled[int(len(settled) * 0.99)],
        statuses,
        1000 * max(times),
    )
