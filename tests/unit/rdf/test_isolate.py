"""Disposable processes: what goes there, that it says the same, and that its death is an answer."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from vault.config import Limits
from vault.errors import Malformed, Refusal, TooLarge, Unprocessable, UnsupportedMedia
from vault.rdf import isolate
from vault.rdf.isolate import claim_stack, close_cells, parse_guarded, parse_named_guarded
from vault.rdf.syntax import parse
from vault.values import HTML, JSON_LD, TURTLE, MediaType

BASE = "https://pod.example/alice/doc"
LARGE = Limits(inline_parse_bytes=0, parse_seconds=20)  # everything goes to a cell; a busy machine is no failure
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True, scope="module")
def _cells() -> Iterator[None]:
    yield
    close_cells()


def cells() -> set[int]:
    """The warm processes that are children of this one."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    children = {int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()}
    return {pid for pid in children if b"vault.rdf.isolate" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.requirement("LIM-16")
@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b'<> <p:p> <#me>, _:a, "x"@nl, "01"^^<t:t> . _:a <p:p> [] .', TURTLE),
        (b'{"@context": {"@import": "https://www.w3.org/ns/activitystreams"}, "id": "", "name": "n"}', JSON_LD),
        (b"", TURTLE),
    ],
)
async def test_a_cell_reads_what_we_would_read(data: bytes, media_type: MediaType) -> None:
    inside = parse(data, media_type, base=BASE, limits=LARGE)
    outside = await parse_guarded(data, media_type, base=BASE, limits=LARGE)
    assert len(outside) == len(inside)
    assert {t.predicate for t in outside} == {t.predicate for t in inside}


@pytest.mark.requirement("LIM-16")
@pytest.mark.parametrize(
    ("data", "media_type", "kind", "reason"),
    [
        (b"oops", TURTLE, Malformed, "rdf-syntax"),
        (b"<> <p:p> 1, 2, 3 .", TURTLE, Unprocessable, "too-many-triples"),
        (b'{"@context": "https://unknown.example/"}', JSON_LD, Unprocessable, "unknown-context"),
        (b'{"@id": "a:a", "@graph": [{"p:p": 1}]}', JSON_LD, Unprocessable, "named-graphs"),
        (b" " * 101, TURTLE, TooLarge, "body-too-large"),
        (b"<p/>", HTML, UnsupportedMedia, "rdf-media-type"),
    ],
)
async def test_a_cell_refuses_what_we_would_refuse(
    data: bytes, media_type: MediaType, kind: type[Refusal], reason: str
) -> None:
    limits = Limits(inline_parse_bytes=0, parse_seconds=20, triples=2, rdf_bytes=100)
    with pytest.raises(kind) as caught:
        await parse_guarded(data, media_type, base=BASE, limits=limits)
    assert caught.value.reason == reason


async def test_named_graphs_pass_where_they_may() -> None:
    data = b'{"@id": "a:a", "p:p": 1, "@graph": [{"p:p": 1}]}'
    assert len(await parse_named_guarded(data, JSON_LD, base=BASE, limits=LARGE)) == 1


@pytest.mark.requirement("LIM-16")
async def test_small_and_plain_documents_are_read_here() -> None:
    close_cells()
    await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=Limits())
    plain = json.dumps([{"@id": f"a:{n}", "p:p": "x" * 100} for n in range(200)]).encode()
    await parse_guarded(plain, JSON_LD, base=BASE, limits=Limits())
    assert len(plain) > isolate.COSTLY_BYTES
    assert cells() == set()


@pytest.mark.requirement("LIM-16")
async def test_json_ld_that_may_cost_the_square_of_its_size_is_not_read_here() -> None:
    close_cells()
    context = {"a": {"@id": "x:a", "@context": {"b": "x:b"}}}
    data = json.dumps({"@context": context, "@graph": [{"a": {"b": "x" * 100}} for _ in range(100)]}).encode()
    assert len(await parse_guarded(data, JSON_LD, base=BASE, limits=Limits(parse_seconds=20))) == 200
    assert len(cells()) == 1


@pytest.mark.requirement("LIM-16")
async def test_a_cell_is_kept_and_a_dead_one_replaced() -> None:
    close_cells()
    await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=LARGE)
    first = cells()
    await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=LARGE)
    assert cells() == first
    for pid in first:
        os.kill(pid, signal.SIGSEGV)
    with pytest.raises(Unprocessable) as caught:
        await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=LARGE)
    assert caught.value.reason == "parse-budget"
    assert len(await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=LARGE)) == 1
    assert not cells() & first


@pytest.mark.requirement("LIM-16")
async def test_too_little_time_is_an_answer() -> None:
    data = b"".join(b"<> <p:p> %d .\n" % n for n in range(50_000))
    with pytest.raises(Unprocessable) as caught:
        await parse_guarded(data, TURTLE, base=BASE, limits=Limits(inline_parse_bytes=0, parse_seconds=0.01))
    assert caught.value.reason == "parse-budget"


@pytest.mark.requirement("LIM-16")
async def test_too_little_memory_is_an_answer() -> None:
    data = b"@prefix a: <a:" + b"x" * 4000 + b"> ." + b"".join(b"a:%d a:p a:o .\n" % n for n in range(10_000))
    small = Limits(inline_parse_bytes=0, parse_seconds=20, parse_memory_bytes=32 * 1024 * 1024)
    with pytest.raises(Unprocessable) as caught:
        await parse_guarded(data, TURTLE, base=BASE, limits=small)
    assert caught.value.reason == "parse-budget"


@pytest.mark.requirement("LIM-16")
async def test_the_event_loop_goes_on_meanwhile() -> None:
    data = b"".join(b"<> <p:p> %d .\n" % n for n in range(30_000))
    reading = asyncio.create_task(parse_guarded(data, TURTLE, base=BASE, limits=LARGE))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert len(reading.result()) == 30_000
    assert turns > 5


@pytest.mark.requirement("LIM-16")
async def test_many_at_once_each_get_their_own_answer() -> None:
    async def one(number: int) -> int:
        data = b"".join(b"<> <p:p> %d .\n" % n for n in range(number))
        return len(await parse_guarded(data, TURTLE, base=BASE, limits=LARGE))

    numbers = [1, 500, 3, 2000, 5, 1000, 7, 800]
    assert await asyncio.gather(*map(one, numbers)) == numbers
    assert 1 <= len(cells()) <= 4


async def test_closing_ends_the_cells_and_the_next_document_starts_new_ones() -> None:
    await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=LARGE)
    assert cells()
    close_cells()
    assert cells() == set()
    assert len(await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=LARGE)) == 1


async def test_a_cell_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    close_cells()
    monkeypatch.setenv("DATAKLUIS_SECRET", "hunter2")
    await parse_guarded(b"<> <p:p> 1 .", TURTLE, base=BASE, limits=LARGE)
    assert b"hunter2" not in b"".join(map(environment, cells()))
    assert cells()


@pytest.mark.requirement("LIM-16")
def test_cells_end_with_the_process_that_uses_them() -> None:
    code = (
        "import asyncio, os\n"
        "from vault.config import Limits\n"
        "from vault.rdf.isolate import parse_guarded\n"
        "from vault.values import TURTLE\n"
        "limits = Limits(inline_parse_bytes=0, parse_seconds=20)\n"
        "asyncio.run(parse_guarded(b'<> <p:p> 1 .', TURTLE, base='a:a', limits=limits))\n"
        "tasks = f'/proc/{os.getpid()}/task'\n"
        "print(' '.join(open(f'{tasks}/{task}/children').read() for task in os.listdir(tasks)), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    for pid in map(int, done.stdout.split()):
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert done.stdout.split()


@pytest.mark.requirement("LIM-01")
def test_threads_get_the_stack_that_parsers_need() -> None:
    before = threading.stack_size()
    try:
        claim_stack()
        assert threading.stack_size() == 8 * 1024 * 1024
    finally:
        threading.stack_size(before)


@pytest.mark.requirement("LIM-01")
def test_a_main_thread_with_too_small_a_stack_is_refused_at_start() -> None:
    code = "from vault.rdf.isolate import claim_stack; claim_stack()"
    for size, outcome in ((8 * 1024 * 1024, 0), (1024 * 1024, 1)):
        limited = partial(resource.setrlimit, resource.RLIMIT_STACK, (size, size))
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=limited
        )
        assert done.returncode == outcome
        assert ("stack limit" in done.stderr) is (outcome == 1)
