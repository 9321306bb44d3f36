"""Slow, packed and oversized forms: the doors that need no token (ATK-32, LIM-17)."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator

import pytest

from tests.attacks.raw import authority, exchange, statuses
from tests.live import Live, serving


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    limits = {"body_seconds": 1.0, "header_seconds": 2.0, "form_bytes": 2048}
    with serving(tmp_path_factory.mktemp("forms"), limits=limits) as live:
        yield live


def _form(live: Live, path: str, *more: str, length: int) -> bytes:
    host, port = authority(live.base_url)
    lines = [f"POST /{path} HTTP/1.1", f"Host: {host}:{port}", f"Origin: {live.base_url.rstrip('/')}"]
    lines += ["Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded", *more]
    return "\r\n".join([*lines, f"Content-Length: {length}"]).encode() + b"\r\n\r\n"


@pytest.mark.requirement("ATK-32")
@pytest.mark.parametrize("path", ["idp/login", "my/language", "idp/token"])
async def test_a_form_that_drips_is_refused(strict: Live, path: str) -> None:
    start = time.monotonic()
    received = await exchange(strict.base_url, _form(strict, path, length=500), *[b"a"] * 30, pause=0.1)
    assert statuses(received) == [400]
    assert time.monotonic() - start < 15


@pytest.mark.requirement("LIM-17")
@pytest.mark.parametrize("path", ["idp/login", "my/language"])
async def test_a_packed_form_is_not_read(strict: Live, path: str) -> None:
    body = gzip.compress(b"email=a%40example.org&password=x")
    received = await exchange(strict.base_url, _form(strict, path, "Content-Encoding: gzip", length=len(body)), body)
    assert statuses(received) == [415]


@pytest.mark.requirement("LIM-02")
@pytest.mark.parametrize("path", ["idp/login", "my/language"])
async def test_an_oversized_form_is_refused_before_it_is_read(strict: Live, path: str) -> None:
    received = await exchange(strict.base_url, _form(strict, path, length=4096), b"a=" + b"x" * 4094)
    assert statuses(received) == [413]
