"""Large bodies as files named by their content, and converted representations in memory.

A body is written to a temporary file, fsynced, moved to `sha256/ab/cd…`, and its folder is fsynced: a name that exists
holds the whole content (D18). No path is ever made from what a stranger sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import tempfile
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import aiofiles
from aiofiles.threadpool.binary import AsyncFileIO

from vault.errors import TooLarge, Unavailable
from vault.solid.ports import Span
from vault.solid.resource import BlobRef, Resource
from vault.values import MediaType

_CHUNK = 256 * 1024
_YOUNG = timedelta(hours=1)  # an upload is stored before its resource is; longer than any request lasts
_SWEPT_AT_ONCE = 128
_MOST_PASSING = 32  # long bodies on their way at once: each may fill a part of the disk
_SHA256 = re.compile(r"[0-9a-f]{64}")

Referenced = Callable[[list[str]], Awaitable[frozenset[str]]]  # which of these hashes some resource stands on


class FileBlobs:
    """`Blobs` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arriving = folder / "arriving"
        self._passing = 0

    async def save(self, chunks: AsyncIterator[bytes], /, *, limit: int) -> BlobRef:
        temporary = self._arriving / secrets.token_hex(16)
        try:
            with _our_disk():
                await asyncio.to_thread(_make_folder, self._arriving)
            sha256, size = await _receive(temporary, chunks, limit)
            with _our_disk():
                await asyncio.to_thread(_settle, temporary, self._path(sha256))
        finally:
            # Nothing is left behind, however this ended; after a success the name is gone already.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return BlobRef(sha256, size)

    async def open(self, ref: BlobRef, /, span: Span | None = None) -> AsyncIterator[bytes]:
        """The bytes, or those of `span`; raises Unavailable before the first byte when the file is not whole."""
        first, last = (span.first, min(span.last, ref.size - 1)) if span else (0, ref.size - 1)
        with _our_disk():
            file = await aiofiles.open(self._path(ref.sha256), "rb")
        try:
            if os.fstat(file.fileno()).st_size != ref.size:
                raise _unavailable()
            await file.seek(first)
            left = last - first + 1
            while left > 0:
                with _our_disk():
                    chunk = await file.read(min(_CHUNK, left))
                if not chunk:
                    raise _unavailable()
                left -= len(chunk)
                yield chunk
        finally:
            await file.close()

    async def through(self, pieces: AsyncGenerator[bytes, None], /) -> AsyncGenerator[bytes, None]:
        if self._passing >= _MOST_PASSING:
            raise Unavailable("too-much-under-way", "Too much is being sent from here; try again.", retry_after=5)
        self._passing += 1
        try:
            with _our_disk():
                await asyncio.to_thread(_make_folder, self._arriving)
                passage = await asyncio.to_thread(Passage.open, self._arriving)
            async with aclosing(passage.carry(pieces)) as carried:
                async for chunk in carried:
                    yield chunk
        finally:
            self._passing -= 1

    async def sweep(self, referenced: Referenced, /, *, now: datetime) -> int:
        """Removes files older than an hour that no resource stands on, and what interrupted uploads left; how many."""
        before = (now - _YOUNG).timestamp()
        removed = await asyncio.to_thread(_remove_old, self._arriving, before)
        for folder in await asyncio.to_thread(_folders, self._folder / "sha256"):
            old = await asyncio.to_thread(_old_blobs, folder, before)
            for start in range(0, len(old), _SWEPT_AT_ONCE):
                some = old[start : start + _SWEPT_AT_ONCE]
                wanted = await referenced(some)
                gone = [self._path(sha256) for sha256 in some if sha256 not in wanted]
                removed += await asyncio.to_thread(_discard, gone, self._arriving, before)
        return removed

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self._folder / "sha256" / sha256[:2] / sha256[2:]


class Passage:
    """A file without a name between one who writes fast and one who reads slowly; it is gone when it is closed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = 0
        self._news = asyncio.Event()

    @classmethod
    def open(cls, folder: Path) -> Passage:
        return cls(tempfile.TemporaryFile(dir=folder, buffering=0))

    async def carry(self, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """What `pieces` brings, in chunks; what it raises is raised after what came before."""
        taking = asyncio.create_task(self._take(pieces))
        taking.add_done_callback(lambda _: self._news.set())
        try:
            async for chunk in self._chunks(taking):
                yield chunk
            await taking
        finally:
            taking.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await taking
            await pieces.aclose()
            self._file.close()

    async def _take(self, pieces: AsyncGenerator[bytes, None]) -> None:
        async for piece in pieces:
            with _our_disk():
                await asyncio.to_thread(self._append, piece)
            self._written += len(piece)
            self._news.set()

    async def _chunks(self, taking: asyncio.Task[None]) -> AsyncGenerator[bytes, None]:
        at = 0
        while True:
            self._news.clear()
            if at < self._written:
                with _our_disk():
                    chunk = await asyncio.to_thread(os.pread, self._file.fileno(), min(_CHUNK, self._written - at), at)
                if not chunk:
                    raise _unavailable()
                at += len(chunk)
                yield chunk
            elif taking.done():
                return
            else:
                await self._news.wait()

    def _append(self, piece: bytes) -> None:
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) :]


class MemoryConversions:
    """`Conversions` of this process: the least recently used go when `max_bytes` are full."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, str, int, str], bytes] = OrderedDict()

    def get(self, resource: Resource, wanted: MediaType, /) -> bytes | None:
        key = _key(resource, wanted)
        data = self._kept.get(key)
        if data is not None:
            self._kept.move_to_end(key)
        return data

    def put(self, resource: Resource, wanted: MediaType, data: bytes, /) -> None:
        key = _key(resource, wanted)
        self._bytes -= len(self._kept.pop(key, b""))
        if len(data) > self._max_bytes:
            return
        self._kept[key] = data
        self._bytes += len(data)
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)


def _key(resource: Resource, wanted: MediaType) -> tuple[str, str, int, str]:
    return resource.url.pod, resource.url.path, resource.version, str(wanted)


async def _receive(temporary: Path, chunks: AsyncIterator[bytes], limit: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with _our_disk():
        file = await aiofiles.open(temporary, "xb", buffering=0, opener=_private)
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise TooLarge("body-too-large", "The body is larger than what is accepted here.")
            digest.update(chunk)
            with _our_disk():
                await _write_all(file, chunk)
        with _our_disk():
            await asyncio.to_thread(os.fsync, file.fileno())
    finally:
        await file.close()
    return digest.hexdigest(), size


async def _write_all(file: AsyncFileIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[await file.write(left) :]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _settle(temporary: Path, final: Path) -> None:
    _make_folder(final.parent)
    # Also when the name exists already: the content is the same, and its age starts anew, which keeps `sweep` away.
    temporary.replace(final)
    _sync_folder(final.parent)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _old_files(folder: Path, before: float) -> Iterator[Path]:
    if folder.is_dir():
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):
                if entry.stat().st_mtime < before:
                    yield Path(entry.path)


def _old_blobs(folder: Path, before: float) -> list[str]:
    return sorted(folder.name + path.name for path in _old_files(folder, before))


def _remove_old(folder: Path, before: float) -> int:
    old = list(_old_files(folder, before))
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _discard(paths: list[Path], aside: Path, before: float) -> int:
    """Removes these files, unless one was uploaded anew since it was looked at."""
    removed = 0
    for path in paths:
        # Moved aside first: whoever uploads the same content now makes a file of its own that we cannot take away.
        _make_folder(aside)
        taken = aside / secrets.token_hex(16)
        try:
            path.rename(taken)
        except FileNotFoundError:
            continue
        if taken.stat().st_mtime < before:
            removed += 1
        else:
            with suppress(FileExistsError):
                os.link(taken, path)
        taken.unlink()
    return removed


@contextmanager
def _our_disk() -> Iterator[None]:
    """An error of our disk is Unavailable; one of the sender's connection stays what it is."""
    try:
        yield
    except OSError as error:
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable("storage-unavailable", "The store cannot do this now; try again.")
