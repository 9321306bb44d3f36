"""Bytes on a socket: for requests that no well-behaved client would send."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit


def authority(base_url: str) -> tuple[str, int]:
    parts = urlsplit(base_url)
    assert parts.hostname
    return parts.hostname, parts.port or 80


async def exchange(base_url: str, *pieces: bytes, pause: float = 0.0, patience: float = 5.0) -> bytes:
    """Sends the pieces on one connection and reads until the server closes it or says nothing for `patience`."""
    reader, writer = await asyncio.open_connection(*authority(base_url))
    received = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        while True:
            chunk = await asyncio.wait_for(reader.read(65536), patience)
            if not chunk:
                return received
            received += chunk
    except (TimeoutError, ConnectionError):
        return received
    finally:
        writer.close()


def statuses(received: bytes) -> list[int]:
    """The status of every response in what came back."""
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]
