"""The door for messages of a source, through HTTP: no declarations of a grammar, so many bytes, so deep and no deeper
(LIM-15). What a source sends is refused with the reason, and the same server takes the next message in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.house.tree import ROOT
from tests.lock_live import LiveLock
from vault.config import Limits

LIMITS = Limits()
MESSAGE = (ROOT / "examples/manage_my_career/messages/led-nothing-found.xml").read_bytes()
DECLARED = MESSAGE.partition(b"?>")[2] if MESSAGE.startswith(b"<?xml") else MESSAGE
DEPTH = LIMITS.xml_depth + 1


async def _deliver(lock: LiveLock, body: bytes) -> tuple[int, str | None]:
    """In pieces, as a source streams what is large."""
    school, url = lock.person("school"), f"{lock.http.base_url}datasluis/deposits"
    token = await lock.http.token_of(school)
    headers = {
        "Authorization": f"DPoP {token}",
        "DPoP": school.proof("POST", url),
        "Content-Type": "application/xml",
        "Datasluis-Citizen": lock.person("lotte").webid,
    }

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    async with lock.http.session.post(url, data=pieces(), headers=headers) as answer:
        return answer.status, (await answer.json(content_type=None)).get("reason")


@pytest.mark.requirement("LIM-15", "ATK-09")
@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"<!DOCTYPE a>" + DECLARED, (422, "xml-doctype")),
        (b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>', (422, "xml-doctype")),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', (422, "xml-doctype")),
        (b"<a>" * DEPTH + b"</a>" * DEPTH, (422, "xml-depth")),
        (b"<a>" * 100_000, (422, "xml-depth")),
        (b"<a>" + b" " * LIMITS.xml_bytes + b"</a>", (413, "body-too-large")),
        (MESSAGE.decode().encode("utf-16"), (400, "xml-encoding")),
    ],
    ids=["doctype", "entities", "external", "one too deep", "never closed", "too large", "utf-16"],
)
async def test_a_message_beyond_the_limits_is_refused_and_the_next_one_is_read(
    lock: LiveLock, body: bytes, refusal: tuple[int, str]
) -> None:
    assert await _deliver(lock, body) == refusal
    assert await _deliver(lock, MESSAGE) == (200, None)


@pytest.mark.requirement("LIM-15")
async def test_a_message_at_the_limits_is_read(lock: LiveLock) -> None:
    """Unknown elements are read over, so many deep and no deeper; blanks are blanks, up to the last byte."""
    inner = b"<x>" * (LIMITS.xml_depth - 2) + b"</x>" * (LIMITS.xml_depth - 2)
    deep = MESSAGE.replace(b"<Repliek>", b"<Repliek>" + inner, 1)
    assert deep != MESSAGE
    assert await _deliver(lock, deep) == (200, None)
    assert await _deliver(lock, MESSAGE.ljust(LIMITS.xml_bytes)) == (200, None)
    assert await _deliver(lock, MESSAGE.ljust(LIMITS.xml_bytes + 1)) == (413, "body-too-large")
