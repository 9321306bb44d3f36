"""Parsing in a disposable process: what is large or costly to read may die there, and its death is an answer (LIM-16).

A few processes, called cells, stay warm. Each reads one document after another from its standard input, under a limit
of memory, and writes N-Triples back. One that overruns its time or dies is ended and replaced; the caller then gets a
refusal and nobody else notices. The event loop only waits.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import math
import os
import resource
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Final

import pyoxigraph

from vault.config import Limits
from vault.errors import Malformed, Refusal, TooLarge, Unavailable, Unprocessable, UnsupportedMedia
from vault.rdf.graph import Graph
from vault.rdf.guards import check_size
from vault.rdf.syntax import is_costly, is_rdf, parse, parse_named
from vault.values import MediaType

# JSON-LD with named or nested contexts can cost the square of its size: from here on it is read in a cell.
COSTLY_BYTES: Final = 8 * 1024

_CELLS: Final = min(4, os.cpu_count() or 1)  # at the same time, in each worker process
_SERVES: Final = 500  # documents, after which a cell is replaced, so that nothing piles up in it
_START_SECONDS: Final = 30.0
_STACK_BYTES: Final = 8 * 1024 * 1024
_LEAST_STACK_BYTES: Final = 4 * 1024 * 1024
_PIECE: Final = 64 * 1024
_ANSWER_SHARE: Final = 4  # a graph written out may take this part of the memory that parsing may take
_REFUSALS: Final[Mapping[str, type[Refusal]]] = {
    kind.__name__: kind for kind in (Malformed, TooLarge, Unprocessable, UnsupportedMedia)
}


async def parse_guarded(data: bytes, media_type: MediaType, *, base: str, limits: Limits) -> Graph:
    """`syntax.parse`, in a disposable process when the document is large or costly; never holds the event loop long.

    Raises what `parse` raises, and Unprocessable("parse-budget") when time or memory do not suffice.
    """
    if not _needs_cell(data, media_type, limits):
        return parse(data, media_type, base=base, limits=limits)
    return await _elsewhere("parse", data, media_type, base, limits)


async def parse_named_guarded(data: bytes, media_type: MediaType, *, base: str, limits: Limits) -> Graph:
    """`syntax.parse_named`, guarded in the same way (PR-55)."""
    if not _needs_cell(data, media_type, limits):
        return parse_named(data, media_type, base=base, limits=limits)
    return await _elsewhere("parse_named", data, media_type, base, limits)


def claim_stack() -> None:
    """LIM-01: gives every thread started after this the stack that parsers need; RuntimeError if main has too little.

    To be called at start-up, before the first thread.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    if soft != resource.RLIM_INFINITY and soft < _LEAST_STACK_BYTES:
        raise RuntimeError(f"The stack limit is {soft} bytes; parsing needs {_LEAST_STACK_BYTES} (ulimit -s).")
    threading.stack_size(_STACK_BYTES)


def close_cells() -> None:
    """Ends the warm processes of this process; the next large document starts new ones."""
    pool = _POOLS.pop(os.getpid(), None)
    if pool is not None:
        pool.close()


def _needs_cell(data: bytes, media_type: MediaType, limits: Limits) -> bool:
    if not is_rdf(media_type):
        return False  # parse() says what is wrong
    check_size(data, limits.rdf_bytes)
    return len(data) > limits.inline_parse_bytes or (
        len(data) > COSTLY_BYTES and is_costly(data, media_type, limits)
    )  # fmt: skip


async def _elsewhere(task: str, data: bytes, media_type: MediaType, base: str, limits: Limits) -> Graph:
    pool = _pool()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool.threads, pool.read, task, data, media_type, base, limits)


# ---- the side that asks


class _CellError(Exception):
    """The cell is gone, or must go: it died, overran its time, or answered nonsense."""


class _Pool:
    """The warm cells of one process, each used by one thread at a time."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(_CELLS, thread_name_prefix="parse")
        self._lock = threading.Lock()
        self._idle: list[_Cell] = []

    def read(self, task: str, data: bytes, media_type: MediaType, base: str, limits: Limits) -> Graph:
        """Blocks until a cell has read the document; runs in one of `threads`."""
        with self._lock:
            cell = self._idle.pop() if self._idle else None
        try:
            cell = cell or _Cell()
        except (OSError, _CellError):
            raise Unavailable("parser-start", "Large documents cannot be read just now.") from None
        head = {"task": task, "type": str(media_type.essence), "parameters": media_type.parameters, "base": base}
        try:
            answer, body = cell.ask({**head, "limits": asdict(limits)}, data, limits)
        except _CellError:
            cell.end()
            with contextlib.suppress(RuntimeError):  # the pool is closing
                self.threads.submit(self._refill)
            raise Unprocessable("parse-budget", "Reading this document takes too much time or memory.") from None
        self._put_back(cell)
        if "refusal" in answer:
            raise _refusal(answer)
        quads = pyoxigraph.parse(body, format=pyoxigraph.RdfFormat.N_TRIPLES)
        return Graph(frozenset([quad.triple for quad in quads]))

    def close(self) -> None:
        self.threads.shutdown(wait=True, cancel_futures=True)
        while self._idle:
            self._idle.pop().end()

    def _refill(self) -> None:
        with contextlib.suppress(OSError, _CellError):
            self._put_back(_Cell())

    def _put_back(self, cell: _Cell) -> None:
        with self._lock:
            keep = cell.served < _SERVES and len(self._idle) < _CELLS
            if keep:
                self._idle.append(cell)
        if not keep:
            cell.end()


# One pool for each process: a worker that was forked must not share the pipes of its parent.
_POOLS: dict[int, _Pool] = {}


def _pool() -> _Pool:
    pool = _POOLS.get(os.getpid())
    if pool is None:
        pool = _POOLS[os.getpid()] = _Pool()
    return pool


atexit.register(close_cells)


class _Cell:
    """One disposable process, from the outside."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self.served = 0
        # It inherits nothing of our environment, so that a parser gone wrong finds no secrets there, and it has a
        # session of its own, so that Ctrl-C reaches the server alone; it ends when its input does.
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(root), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            bufsize=0,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        try:
            self._exchange(b"", time.monotonic() + _START_SECONDS, limit=1024)
        except _CellError:
            self.end()
            raise

    def ask(self, head: Mapping[str, object], body: bytes, limits: Limits) -> tuple[Mapping[str, object], bytes]:
        """The answer to one document, as head and body. Raises _CellError."""
        self.served += 1
        line = json.dumps({**head, "size": len(body)}).encode() + b"\n"
        deadline = time.monotonic() + limits.parse_seconds
        return self._exchange(line + body, deadline, limit=limits.parse_memory_bytes // _ANSWER_SHARE)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _exchange(self, question: bytes, deadline: float, *, limit: int) -> tuple[Mapping[str, object], bytes]:
        """Writes the question while it reads the answer, so that neither side can wait for the other for ever."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        unsent = memoryview(question)
        received = bytearray()
        wanted = -1
        while wanted < 0 or len(received) < wanted:
            self._wait(stdin.fileno() if unsent else None, stdout.fileno(), deadline)
            try:
                if unsent:
                    unsent = unsent[stdin.write(unsent[:_PIECE]) or 0 :]
                piece = stdout.read(_PIECE)
            except OSError:
                raise _CellError from None
            if piece == b"" or len(received) > limit:
                raise _CellError
            received += piece or b""
            if wanted < 0 and b"\n" in received:
                wanted = _length(received)
        cut = received.index(b"\n") + 1
        answer: Mapping[str, object] = json.loads(received[:cut])
        return answer, bytes(memoryview(received)[cut:])

    def _wait(self, out: int | None, into: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        poll = select.poll()
        poll.register(into, select.POLLIN)
        if out is not None:
            poll.register(out, select.POLLOUT)
        if left <= 0 or not poll.poll(left * 1000):
            raise _CellError


def _length(received: bytearray) -> int:
    head = received[: received.index(b"\n")]
    try:
        return len(head) + 1 + int(json.loads(head)["size"])
    except (ValueError, KeyError, TypeError):
        raise _CellError from None


def _refusal(answer: Mapping[str, object]) -> Refusal:
    kind = _REFUSALS.get(str(answer["refusal"]), Unprocessable)
    return kind(str(answer["reason"]), str(answer["detail"]))


# ---- the cell itself


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers one document after another until the input ends."""
    memory = _address_space()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _answer(answers, {"size": 0})
    while line := questions.readline():
        head = json.loads(line)
        limits = Limits(**head["limits"])
        _confine(memory, limits)
        data = questions.read(head["size"])
        media_type = MediaType(head["type"], tuple((name, value) for name, value in head["parameters"]))
        read = parse_named if head["task"] == "parse_named" else parse
        try:
            graph = read(data, media_type, base=head["base"], limits=limits)
        except Refusal as refusal:
            kind = type(refusal).__name__
            _answer(answers, {"refusal": kind, "reason": refusal.reason, "detail": refusal.detail, "size": 0})
            continue
        body = pyoxigraph.serialize(graph.triples, format=pyoxigraph.RdfFormat.N_TRIPLES) or b""
        _answer(answers, {"size": len(body)}, body)


def _confine(memory: int | None, limits: Limits) -> None:
    """Memory on top of what the bare process takes; processor time in case nobody is left to end us."""
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory + limits.parse_memory_bytes, resource.RLIM_INFINITY))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime + limits.parse_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _address_space() -> int | None:
    """Bytes of address space in use; None on systems other than Linux, where time is the only limit."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else None


def _answer(answers: BinaryIO, head: Mapping[str, object], body: bytes = b"") -> None:
    answers.write(json.dumps(head).encode() + b"\n" + body)
    answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
