"""Many writers of one document, each with If-Match: whether what was answered with success is there in the end.

Each reads a counter with its tag and puts it back one higher; who is refused reads again. The counter must end at the
number of puts that were taken: every one below is an update that somebody was told had been kept, and was not.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from tests.benchmarks.places import Place

_WRITERS = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many puts were taken, refused for the tag, and answered with anything else; and how many of those taken are
    missing in the end."""

    taken: int
    refused: int
    errors: int
    lost: int


async def count_together(place: Place, *, rounds: int) -> Outcome:
    """`rounds` puts by each of sixteen writers, one after the other."""
    path = f"{place.pod}bench/counter{place.language.suffix}"
    url = f"{place.base_url}{path}"
    await place.put(path, _document(place, 0), place.language.media_type)
    statuses: list[int] = []

    async def count() -> None:
        for _ in range(rounds):
            read = await place.owner.call("GET", url, headers={"Accept": place.language.media_type})
            found = _number(read.text) if read.status == 200 else None
            tag = {name.lower(): value for name, value in read.headers.items()}.get("etag")
            if found is None or tag is None:
                statuses.append(read.status if read.status != 200 else 0)
                continue
            sent = {"Content-Type": place.language.media_type, "If-Match": tag}
            answer = await place.owner.call("PUT", url, body=_document(place, found + 1), headers=sent)
            statuses.append(answer.status)

    await asyncio.gather(*(count() for _ in range(_WRITERS)))
    taken = sum(status in (200, 201, 204, 205) for status in statuses)
    refused = statuses.count(412)
    last = await place.owner.call("GET", url, headers={"Accept": place.language.media_type})
    return Outcome(taken, refused, len(statuses) - taken - refused, taken - (_number(last.text) or 0))


def _document(place: Place, number: int) -> bytes:
    """The kilobyte of the other cases, with a number of always the same length in it."""
    return place.language.document.replace(b"xxxxxxxxxx", b"no %07d" % number, 1)


def _number(text: str) -> int | None:
    """The number in the document; None when it is not whole."""
    found = re.search(r"no (\d{7})x", text)
    return None if found is None else int(found[1])
