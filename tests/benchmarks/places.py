"""A server under load: where it is, how its owner speaks there, and in what it keeps documents.

The cases know nothing else of a server, so that the same ones are played at ours and at others.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from examples.manage_my_career.party import Party
from tests.benchmarks.bare import BODY

SERVER_CORE = 0
LOAD_CORE = 1
_DESCRIPTION = "http://purl.org/dc/terms/description"


@dataclass(frozen=True, slots=True)
class Language:
    """What a server stores documents in, and how a patch has to be put for it to be carried out."""

    suffix: str
    media_type: str
    other: str  # the type that has to be converted
    document: bytes  # a kilobyte
    member: bytes
    patch: Callable[[str, str], str]  # old description, new one → N3 Patch


def _patch_with_where(_old: str, new: str) -> str:
    return (
        "@prefix solid: <http://www.w3.org/ns/solid/terms#> .\n"
        "_:p a solid:InsertDeletePatch;\n"
        f"  solid:where {{ ?it <{_DESCRIPTION}> ?old . }};\n"
        f"  solid:deletes {{ ?it <{_DESCRIPTION}> ?old . }};\n"
        f'  solid:inserts {{ ?it <{_DESCRIPTION}> "{new}" . }} .\n'
    )


def _patch_without_where(old: str, new: str) -> str:
    """For a reader that passes over `where`, and ends a statement at a dot inside an IRI."""
    return (
        "@prefix solid: <http://www.w3.org/ns/solid/terms#> .\n@prefix dc: <http://purl.org/dc/terms/> .\n"
        "_:p a solid:InsertDeletePatch;\n"
        f'  solid:deletes {{ <#it> dc:description "{old}" }};\n'
        f'  solid:inserts {{ <#it> dc:description "{new}" }} .\n'
    )


TURTLE = Language(".ttl", "text/turtle", "application/ld+json", BODY, b"<#it> <#p> 1 .", _patch_with_where)
JSON_LD = Language(
    ".jsonld",
    "application/ld+json",
    "text/turtle",
    b'{"@id": "#it", "%s": "%s"}' % (_DESCRIPTION.encode(), b"x" * 970),
    b'{"@id": "#it", "#p": 1}',
    _patch_without_where,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A running server with one owner, whose party can sign proofs.

    `pod`: the path of the owner's storage. `process`: its id. `scale`: slower servers get fewer requests. `bearer`: a
    token that the server takes without any proof, where it has such; its owner then writes with that. `writers`: how
    many may lay down documents at once without errors.
    """

    name: str
    base_url: str
    port: int
    process: int
    pod: str
    owner: Party
    language: Language = TURTLE
    scale: float = 1.0
    bearer: str = ""
    writers: int = 16

    async def put(self, path: str, body: bytes, media_type: str) -> None:
        """Lays a document down, like anybody. Raises RuntimeError when it is not taken."""
        answer = await self.owner.call("PUT", f"{self.base_url}{path}", body=body, headers={"Content-Type": media_type})
        if answer.status not in (200, 201, 204, 205):
            raise RuntimeError(f"{self.name}: PUT {path}: {answer.status} {answer.text[:200]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """This thread, and every process started here with all its threads, on one core of those the machine has."""
    before = os.sched_getaffinity(0)
    cores = range(os.cpu_count() or 1)
    os.sched_setaffinity(0, {cores[core % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(process: int) -> float:
    """What a process has used of its core so far, all threads together (clock_getcpuclockid(3))."""
    return time.clock_gettime((~process << 3) | 2)
