"""`Blobs` and `Conversions`: whole or not at all, found by content, bounded, and swept only when nobody wants them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import NOON, a_draft, at
from vault.errors import TooLarge, Unavailable
from vault.solid.ports import Span
from vault.solid.resource import BlobRef, Kind, Resource
from vault.storage.blobs import FileBlobs, MemoryConversions
from vault.storage.database import Database
from vault.values import JSON_LD, NTRIPLES, TURTLE

LIMIT = 10_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> FileBlobs:
    return FileBlobs(folder)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(blobs: FileBlobs, ref: BlobRef, span: Span | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.open(ref, span)])


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o077]


@pytest.mark.requirement("D18")
async def test_a_blob_is_named_by_its_content_and_read_back_whole(blobs: FileBlobs, folder: Path) -> None:
    data = os.urandom(700_000)
    ref = await blobs.save(chunks(data[:5], b"", data[5:300_000], data[300_000:]), limit=LIMIT)
    assert ref == BlobRef(hashlib.sha256(data).hexdigest(), len(data))
    assert await read(blobs, ref) == data
    assert files(folder) == [folder / "sha256" / ref.sha256[:2] / ref.sha256[2:]]


async def test_an_empty_blob_is_a_blob(blobs: FileBlobs) -> None:
    ref = await blobs.save(chunks(), limit=0)
    assert ref.size == 0
    assert await read(blobs, ref) == b""


async def test_nobody_else_on_the_machine_can_read_a_blob(blobs: FileBlobs, folder: Path) -> None:
    await blobs.save(chunks(b"mine"), limit=LIMIT)
    assert open_to_others(folder) == []


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (0, 9), (3, 6), (9, 9), (5, 1_000_000), (262_143, 262_144), (699_999, 699_999)]
)
async def test_a_span_gives_exactly_its_bytes(blobs: FileBlobs, first: int, last: int) -> None:
    data = os.urandom(700_000)
    ref = await blobs.save(chunks(data), limit=LIMIT)
    assert await read(blobs, ref, Span(first, last)) == data[first : last + 1]


@pytest.mark.requirement("LIM-03")
async def test_one_byte_too_many_is_refused_and_leaves_nothing(blobs: FileBlobs, folder: Path) -> None:
    exact = await blobs.save(chunks(b"12345", b"67890"), limit=10)
    with pytest.raises(TooLarge):
        await blobs.save(chunks(b"12345", b"678901"), limit=10)
    assert len(files(folder)) == 1
    assert await read(blobs, exact) == b"1234567890"


@pytest.mark.requirement("LIM-03")
async def test_a_refused_upload_is_not_read_to_its_end(blobs: FileBlobs) -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"x" * 1000

    with pytest.raises(TooLarge):
        await blobs.save(endless(), limit=5000)
    assert asked == 6


async def test_an_upload_that_breaks_off_leaves_nothing(blobs: FileBlobs, folder: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.save(broken(), limit=LIMIT)
    assert files(folder) == []


async def test_a_cancelled_upload_leaves_nothing(blobs: FileBlobs, folder: Path) -> None:
    started = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"half"
        started.set()
        await asyncio.sleep(60)

    upload = asyncio.create_task(blobs.save(slow(), limit=LIMIT))
    await started.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert files(folder) == []


async def test_the_same_content_is_kept_once_also_when_it_comes_at_once(blobs: FileBlobs, folder: Path) -> None:
    data = os.urandom(100_000)
    refs = await asyncio.gather(*(blobs.save(chunks(data), limit=LIMIT) for _ in range(8)))
    assert len(set(refs)) == 1
    assert len(files(folder)) == 1
    assert await read(blobs, refs[0]) == data


async def test_a_blob_that_is_missing_or_cut_short_gives_no_byte(blobs: FileBlobs, folder: Path) -> None:
    ref = await blobs.save(chunks(b"1234567890"), limit=LIMIT)
    with pytest.raises(Unavailable):
        await read(blobs, BlobRef("0" * 64, 10))
    files(folder)[0].write_bytes(b"12345")
    with pytest.raises(Unavailable):
        await read(blobs, ref)


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "ab", "ab" * 31 + "/.", ""])
async def test_no_other_name_ever_becomes_a_path(blobs: FileBlobs, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        await read(blobs, BlobRef(name, 1))


HOUR = timedelta(hours=1, seconds=5)


async def test_the_sweep_takes_old_blobs_that_nothing_stands_on(store: Database) -> None:
    wanted = await store.blobs.save(chunks(b"wanted"), limit=LIMIT)
    unwanted = await store.blobs.save(chunks(b"unwanted"), limit=LIMIT)
    async with store.writing() as work:
        await work.resources.put(a_draft("/film"), wanted)
        await work.resources.put(a_draft("/other"), unwanted)
    async with store.writing() as work:
        await work.resources.remove(at("/other"))
    now = datetime.now(UTC)
    assert await store.blobs.sweep(store.referenced, now=now) == 0
    assert await read(store.blobs, unwanted) == b"unwanted"
    assert await store.blobs.sweep(store.referenced, now=now + HOUR) == 1
    assert await read(store.blobs, wanted) == b"wanted"
    with pytest.raises(Unavailable):
        await read(store.blobs, unwanted)


async def test_the_sweep_asks_in_bounded_batches(blobs: FileBlobs, folder: Path) -> None:
    names = [f"ab{number:062x}" for number in range(300)]
    (folder / "sha256" / "ab").mkdir(parents=True)
    for name in names:
        (folder / "sha256" / "ab" / name[2:]).write_bytes(b"")
    asked: list[int] = []

    async def every_third(some: list[str]) -> frozenset[str]:
        asked.append(len(some))
        return frozenset(name for name in some if int(name[2:], 16) % 3 == 0)

    assert await blobs.sweep(every_third, now=datetime.now(UTC) + HOUR) == 200
    assert max(asked) <= 128
    assert sum(asked) == 300
    assert len(files(folder)) == 100


async def test_many_hashes_are_asked_of_the_store_at_once(store: Database) -> None:
    refs = [BlobRef(f"{number:064x}", 1) for number in range(300)]
    async with store.writing() as work:
        for number, ref in enumerate(refs[:150]):
            await work.resources.put(a_draft(f"/f{number}"), ref)
        await work.resources.put(a_draft("/copy"), refs[0])
    assert await store.referenced([ref.sha256 for ref in refs]) == {ref.sha256 for ref in refs[:150]}
    assert await store.referenced([]) == frozenset()


async def test_a_blob_uploaded_anew_while_it_is_swept_stays(blobs: FileBlobs) -> None:
    ref = await blobs.save(chunks(b"back again"), limit=LIMIT)
    old = datetime.now(UTC).timestamp() - 7200
    for path in files(blobs._folder):
        os.utime(path, (old, old))

    async def meanwhile(some: list[str]) -> frozenset[str]:
        await blobs.save(chunks(b"back again"), limit=LIMIT)
        return frozenset()

    assert await blobs.sweep(meanwhile, now=datetime.now(UTC)) == 0
    assert await read(blobs, ref) == b"back again"


async def test_what_a_crash_left_of_an_upload_is_swept(blobs: FileBlobs, folder: Path) -> None:
    await blobs.save(chunks(b"whole"), limit=LIMIT)
    (folder / "arriving" / "half").write_bytes(b"hal")

    async def all_of_them(some: list[str]) -> frozenset[str]:
        return frozenset(some)

    assert await blobs.sweep(all_of_them, now=datetime.now(UTC)) == 0
    assert await blobs.sweep(all_of_them, now=datetime.now(UTC) + HOUR) == 1
    assert len(files(folder)) == 1


async def pieces(*parts: bytes) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part


@pytest.mark.requirement("PR-33", "PAIN-13")
async def test_what_passes_through_comes_out_as_it_went_in_and_leaves_nothing(blobs: FileBlobs, folder: Path) -> None:
    data = os.urandom(1_000_000)
    passed = [chunk async for chunk in blobs.through(pieces(data[:7], b"", data[7:600_000], data[600_000:]))]
    assert b"".join(passed) == data
    assert max(map(len, passed)) < 300_000
    assert [chunk async for chunk in blobs.through(pieces())] == []
    assert files(folder) == []


async def test_a_slow_reader_does_not_hold_the_writer_up(blobs: FileBlobs) -> None:
    written = asyncio.Event()

    async def writer() -> AsyncGenerator[bytes, None]:
        for number in range(100):
            yield bytes([number]) * 100_000
        written.set()

    async with aclosing(blobs.through(writer())) as passed:
        first = await anext(passed)
        await asyncio.wait_for(written.wait(), 10)
        rest = b"".join([chunk async for chunk in passed])
    assert first + rest == b"".join(bytes([number]) * 100_000 for number in range(100))


async def test_what_breaks_while_it_is_written_breaks_for_the_reader_too(blobs: FileBlobs, folder: Path) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"half"
        raise ConnectionResetError

    passed = blobs.through(broken())
    assert await anext(passed) == b"half"
    with pytest.raises(ConnectionResetError):
        await anext(passed)
    assert files(folder) == []


async def test_a_reader_who_leaves_ends_the_writing(blobs: FileBlobs, folder: Path) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            ended.set()

    async with aclosing(blobs.through(endless())) as passed:
        assert await anext(passed)
    assert ended.is_set()
    assert files(folder) == []


@pytest.mark.requirement("ATK-32")
async def test_only_so_many_pass_at_once(blobs: FileBlobs) -> None:
    async with AsyncExitStack() as all_of_them:
        for _ in range(32):
            passed = await all_of_them.enter_async_context(aclosing(blobs.through(pieces(b"a", b"b"))))
            assert await anext(passed)
        with pytest.raises(Unavailable):
            await anext(blobs.through(pieces(b"a")))
    assert [chunk async for chunk in blobs.through(pieces(b"a"))] == [b"a"]


A = Resource(at("/a"), Kind.GRAPH, TURTLE, 1, NOON, 10)


def test_a_conversion_is_found_for_its_version_and_type_only() -> None:
    kept = MemoryConversions(100)
    kept.put(A, JSON_LD, b"{}")
    assert kept.get(A, JSON_LD) == b"{}"
    assert kept.get(A, NTRIPLES) is None
    assert kept.get(replace(A, version=2), JSON_LD) is None
    assert kept.get(replace(A, url=at("/b")), JSON_LD) is None


def test_the_least_recently_used_conversions_go_first() -> None:
    kept = MemoryConversions(30)
    versions = [replace(A, version=number) for number in range(4)]
    for resource in versions[:3]:
        kept.put(resource, JSON_LD, b"x" * 10)
    assert kept.get(versions[0], JSON_LD) is not None
    kept.put(versions[3], JSON_LD, b"x" * 10)
    assert [kept.get(resource, JSON_LD) is not None for resource in versions] == [True, False, True, True]


def test_conversions_never_take_more_than_their_room() -> None:
    kept = MemoryConversions(30)
    kept.put(A, JSON_LD, b"x" * 31)
    assert kept.get(A, JSON_LD) is None
    kept.put(A, JSON_LD, b"x" * 30)
    kept.put(A, JSON_LD, b"y" * 20)
    kept.put(A, NTRIPLES, b"z" * 10)
    assert kept.get(A, JSON_LD) == b"y" * 20
    assert kept.get(A, NTRIPLES) == b"z" * 10
    kept.put(A, JSON_LD, b"x" * 31)
    assert kept.get(A, JSON_LD) is None
    assert kept.get(A, NTRIPLES) == b"z" * 10
