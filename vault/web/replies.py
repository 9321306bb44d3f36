"""Whole answers to reads, sent again for as long as the pod they came from stands still.

What a caller is answered follows from three things: the pod (its documents and its ACLs), who asks, and a few headers
of the request. Every change in a pod, an ACL's too, moves the pod's version, and no version is ever used again: so an
answer kept under (caller, path, headers) with the version it was made at may be lost but is never stale, in any worker
(WA-18). The members of a group may live elsewhere: an answer for which a group was asked is never kept.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from vault.access.decide import Groups
from vault.values import Caller, PodName, ResourceUrl, WebId
from vault.web.health import READY
from vault.web.requests import listed, sent_origin

_ROOM: Final = 32 * 1024 * 1024  # bytes, counted roughly
_LARGEST: Final = 512 * 1024  # a longer body is better sent from where it lies
_WEIGHT: Final = 1024  # bytes that an answer takes beside its body
_LONGEST_HEADER: Final = 1024  # what is longer is nobody's habit, and would only fill the room

# With one of these, an answer is made for the occasion.
_SELDOM: Final = (hdrs.RANGE, hdrs.IF_MATCH, hdrs.IF_UNMODIFIED_SINCE, "Prefer")


class Question(NamedTuple):
    """All that an answer depends on beside the state of the pod. `signed`: credentials came along, and answers to those
    are told to be private even when they say the same."""

    caller: Caller
    target: ResourceUrl
    accept: str | None
    none_match: tuple[str, ...]
    modified_since: str | None
    origin: str | None
    signed: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as bytes, but for its date."""

    version: int
    status: int
    head: bytes
    body: bytes


class Replies:
    """The answers of this process; those not asked for longest go first."""

    __slots__ = ("_kept", "_room", "_weight")

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._weight = 0
        self._kept: OrderedDict[Question, Kept] = OrderedDict()

    def get(self, question: Question) -> Kept | None:
        """What was answered last; it counts only while the pod has the same version."""
        found = self._kept.get(question)
        if found is not None:
            self._kept.move_to_end(question)
        return found

    def keep(self, question: Question, answer: Kept) -> None:
        old = self._kept.pop(question, None)
        if old is not None:
            self._weight -= _weight(old)
        self._kept[question] = answer
        self._weight += _weight(answer)
        while self._weight > self._room:
            _, oldest = self._kept.popitem(last=False)
            self._weight -= _weight(oldest)

    def __len__(self) -> int:
        return len(self._kept)


REPLIES: Final = web.AppKey("replies", Replies)


class Asked:
    """Groups that note whether they were asked."""

    __slots__ = ("_groups", "any")

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self.any = False

    async def members(self, group: str, /, *, pod: PodName | None = None) -> frozenset[WebId]:
        self.any = True
        return await self._groups.members(group, pod=pod)


class Again(web.StreamResponse):
    """A kept answer on its way out: everything in one write, with the date of now."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(status=kept.status)
        self._whole = kept
        self._sent = False

    @property
    def keep_alive(self) -> bool | None:
        return True  # `question_of` passes over requests on connections that end

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if self._sent:
            return None
        self._sent = True
        writer = request.writer
        await writer.write_eof(self._whole.head + _date_line(int(time.time())) + self._whole.body)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was sent by `prepare`."""


def question_of(request: web.Request, target: ResourceUrl, caller: Caller) -> Question | None:
    """What is asked, when its answer may be kept; None for everything that is out of the ordinary."""
    headers = request.headers
    if request.method != hdrs.METH_GET or request.version != HttpVersion11 or not request.keep_alive:
        return None
    if request.app[READY].draining:
        return None
    for name in _SELDOM:
        if name in headers:
            return None
    question = Question(
        caller,
        target,
        listed(request, hdrs.ACCEPT),
        tuple(headers.getall(hdrs.IF_NONE_MATCH, ())),
        headers.get(hdrs.IF_MODIFIED_SINCE),
        sent_origin(request),
        hdrs.AUTHORIZATION in headers,
    )
    if sum(map(len, (question.accept or "", *question.none_match, question.origin or ""))) > _LONGEST_HEADER:
        return None
    return question


def kept(response: web.StreamResponse, version: int) -> Kept | None:
    """A finished response as an answer to keep; None for those that stream, and for what is neither 200 nor 304."""
    if type(response) is not web.Response or response.status not in (200, 304) or response.keep_alive is not None:
        return None
    body = response.body or b""
    if not isinstance(body, bytes) or len(body) > _LARGEST:
        return None
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{n}: {v}" for n, v in response.headers.items())]
    if response.status == 200:
        lines.append(f"Content-Length: {len(body)}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        return None
    return Kept(version, response.status, f"{text}\r\n".encode(), body)


def _weight(answer: Kept) -> int:
    return _WEIGHT + len(answer.head) + len(answer.body)


@lru_cache(maxsize=4)
def _date_line(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n\r\n".encode()
