"""What a citizen adds through a page: a file from her device, streamed; a new folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import BodyPartReader, web

from vault.errors import Malformed, OverQuota, Refusal, TooLarge, Unprocessable, UnsupportedMedia
from vault.ports import Vault, Work
from vault.rdf.graph import LDP
from vault.rdf.isolate import parse_guarded
from vault.rdf.syntax import is_rdf
from vault.solid.operation import Content, Operation, Post
from vault.solid.paths import mint, safe_name, twin
from vault.solid.resource import Body, Inline
from vault.solid.write import add_resource
from vault.values import OCTETS, Citizen, MediaType, ResourceUrl, parse_media_type
from vault.web.forms import FIELD, require_own_origin, require_token
from vault.web.requests import arriving, check_encoding
from vault.web.wording import Tongue

Ask = Callable[[Work, Operation], Awaitable[None]]  # raises the refusal unless the owner may do this

_TOKEN_BYTES: Final = 256
_CHUNK: Final = 64 * 1024
_FOLDER: Final = frozenset([LDP.BasicContainer.value])


@dataclass(frozen=True, slots=True)
class Adding:
    """Who adds something to which folder, in which language the answer is."""

    vault: Vault
    citizen: Citizen
    folder: ResourceUrl
    ask: Ask
    tongue: Tongue


async def add_upload(request: web.Request, adding: Adding) -> Mapping[str, str]:
    """Adds the file of a multipart form to the folder; what is wrong with it, by the name of the field.

    The form's token comes first and is checked before a byte of the file is read (ATK-03). Decided before the body is
    read and again inside the transaction that acts (ATK-14).
    """
    vault, folder, tongue = adding.vault, adding.folder, adding.tongue
    require_own_origin(request)
    part = await _file_part(request)
    if part is None or not safe_name(part.filename):
        return {"file": tongue.say("folder.problem.file")}
    operation = Post(folder, Content(Inline(b""), None), slug=part.filename)
    async with vault.reading() as work:
        await adding.ask(work, operation)
    try:
        content = await _content(request, part, vault, folder)
        await _add(adding, Post(folder, content, slug=part.filename))
    except (TooLarge, OverQuota):
        return {"file": tongue.say("folder.problem.size")}
    except (Malformed, Unprocessable, UnsupportedMedia):
        return {"file": tongue.say("folder.problem.unreadable")}
    return {}


async def add_folder(name: str, adding: Adding) -> Mapping[str, str]:
    """Makes a folder of this name; what is wrong with the name, by the name of the field."""
    folder, tongue = adding.folder, adding.tongue
    if not safe_name(name):
        return {"folder": tongue.say("folder.problem.folder")}
    made = mint(folder, name, container_wanted=True, unique="")
    async with adding.vault.reading() as work:
        taken = await work.resources.get(made) or await work.resources.get(twin(made))
    if taken:
        return {"folder": tongue.say("folder.problem.taken")}
    await _add(adding, Post(folder, Content(Inline(b""), None), types=_FOLDER, slug=name))
    return {}


async def _add(adding: Adding, operation: Post) -> None:
    vault = adding.vault
    async with vault.writing() as work:
        await adding.ask(work, operation)
        await add_resource(
            work,
            operation,
            actor=adding.citizen.webid,
            now=vault.clock(),
            base_url=vault.base_url,
            limits=vault.settings.limits,
        )


async def _file_part(request: web.Request) -> BodyPartReader | None:
    """The part that holds the file, once the token before it has been found good; None when no file was chosen."""
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia("form-type", "A file is sent as multipart/form-data.", accepted=("multipart/form-data",))
    check_encoding(request)
    try:
        reader = await request.multipart()
        first = await reader.next()
        if not isinstance(first, BodyPartReader) or first.name != FIELD:
            raise Malformed("form", "This form cannot be read.")
        require_token(request, (await first.read_chunk(_TOKEN_BYTES)).decode("ascii", errors="replace"))
        await first.release()
        second = await reader.next()
    except (ValueError, AssertionError):
        raise Malformed("form", "This form cannot be read.") from None
    return second if isinstance(second, BodyPartReader) and second.name == "file" and second.filename else None


async def _content(request: web.Request, part: BodyPartReader, vault: Vault, folder: ResourceUrl) -> Content:
    """The file with the type the browser gave it: the type is data and never guessed from a name (TR-7)."""
    limits, media_type = vault.settings.limits, _media_type(part)
    if is_rdf(media_type):
        data = b"".join([chunk async for chunk in _chunks(request, part, limits.rdf_bytes)])
        graph = await parse_guarded(data, media_type, base=folder.iri(vault.base_url), limits=limits)
        return Content(Inline(data), media_type, graph)
    return Content(await _binary(request, part, vault), media_type)


async def _binary(request: web.Request, part: BodyPartReader, vault: Vault) -> Body:
    """In memory while it is small, otherwise streamed to a file that nobody sees until the change is committed."""
    limit, head, size = vault.settings.limits.upload_bytes, list[bytes](), 0
    chunks = _chunks(request, part, limit)
    async for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if size > vault.settings.storage.inline_bytes:
            return await vault.blobs.save(_rejoined(head, chunks), limit=limit)
    return Inline(b"".join(head))


async def _rejoined(head: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"".join(head)
    async for chunk in rest:
        yield chunk


def _chunks(request: web.Request, part: BodyPartReader, limit: int) -> AsyncIterator[bytes]:
    return arriving(request, partial(part.read_chunk, _CHUNK), limit)


def _media_type(part: BodyPartReader) -> MediaType:
    try:
        return parse_media_type(part.headers.get("Content-Type", ""))
    except Refusal:
        return OCTETS
