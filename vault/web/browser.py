"""The folders of the pod, simply: look, download, add, make a folder, delete. The same use cases and the same decision
as over HTTP, with the owner as the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final
from urllib.parse import quote, unquote, urlencode

from aiohttp import web

from vault.access.decide import decide, require
from vault.errors import Conflict, Missing
from vault.ports import Vault, Work
from vault.solid.find import find_target
from vault.solid.methods import may_be_deleted
from vault.solid.operation import Delete, Operation, Post, Read, required_access
from vault.solid.paths import auxiliary
from vault.solid.resource import BlobRef, Body, Inline, Kind, Resource
from vault.solid.write import delete_resource
from vault.values import WEBID_PATH, Agent, Citizen, MediaType, ResourceUrl, canonical_path
from vault.web.holdings import seen_by
from vault.web.locales import locale_of
from vault.web.pages import page_headers, read_form, render
from vault.web.requests import raw_path
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_citizen
from vault.web.uploads import Adding, add_folder, add_upload
from vault.web.wording import NAME_CHARACTERS, Tongue, clean

ROOT: Final = "/my/folders"
_SHOWN: Final = 100
_PREVIEW_BYTES: Final = 20_000
_TEXT: Final = ("text/", "application/json", "application/ld+json", "application/n-triples", "application/xml")
_IMAGES: Final = frozenset(["image/png", "image/jpeg", "image/gif", "image/webp"])


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a folder."""

    href: str
    name: str
    folder: bool
    media_type: str
    size: int
    modified: datetime
    deletable: bool


@dataclass(frozen=True, slots=True)
class Crumb:
    """One folder on the way here; the vault itself has no name."""

    href: str
    name: str


@dataclass(frozen=True, slots=True)
class FolderPage:
    """What is in a folder, and what can be added to it."""

    template: ClassVar[str] = "browser/folder.html"
    nav: ClassVar[str] = "data"
    href: str
    name: str
    crumbs: tuple[Crumb, ...]
    members: tuple[Member, ...]
    deletable: bool
    older: str | None
    newer: str | None
    done: str | None = None
    new_name: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def back(self) -> str:
        return self.href


@dataclass(frozen=True, slots=True)
class FilePage:
    """One file: what it is, and a look inside when it is text or a picture."""

    template: ClassVar[str] = "browser/file.html"
    nav: ClassVar[str] = "data"
    href: str
    folder_href: str
    name: str
    media_type: str
    size: int
    modified: datetime
    deletable: bool
    text: str | None
    cut: bool
    image: bool


@dataclass(frozen=True, slots=True)
class DeletePage:
    """The one question before something is gone; it tells who loses sight of it."""

    template: ClassVar[str] = "browser/delete.html"
    nav: ClassVar[str] = "data"
    href: str
    folder_href: str
    name: str
    not_empty: bool
    seen_by: tuple[str, ...]

    @property
    def back(self) -> str:
        return f"{self.href}?delete=1"


async def look(request: web.Request) -> web.StreamResponse:
    """A folder, a file, its bytes, or the question whether to delete it."""
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    target = _target(request, citizen)
    async with vault.reading() as work:
        await admit(vault, work, citizen, Read(target))
        resource = await work.resources.get(target)
        if resource is None:
            raise Missing("no-such-resource", "There is nothing here.")
        if request.query.get("delete") == "1" and _deletable(target):
            return render(request, await _delete_page(vault, work, request, resource))
        if resource.kind is Kind.CONTAINER:
            return render(request, await folder_page(work, request, resource))
        body = await work.resources.body(target)
    assert body is not None  # a document has a body
    if request.query.get("download") == "1":
        return await _download(request, vault, resource, body)
    return render(request, await _file_page(vault, resource, body))


async def change(request: web.Request) -> web.Response:
    """Adds a file or a folder here, or deletes this."""
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    target = _target(request, citizen)
    tongue = Tongue(locale_of(request), vault.catalogue)

    async def ask(work: Work, operation: Operation) -> None:
        await admit(vault, work, citizen, operation)

    adding = Adding(vault, citizen, target, ask, tongue)
    if request.query.get("upload") == "1":
        problems = await add_upload(request, adding)
        return await _after(request, target, "uploaded", problems)
    form = await read_form(request)
    if form.get("act") == "delete":
        return await _delete(request, vault, citizen, target)
    name = clean(form.text("folder"), NAME_CHARACTERS)
    problems = await add_folder(name, adding)
    return await _after(request, target, "created", problems, name)


async def admit(vault: Vault, work: Work, citizen: Citizen, operation: Operation) -> None:
    """The decision that every request meets, with the owner's WebID as the caller; raises the refusal."""
    caller = Agent(citizen.webid, None, vault.base_url)
    standing = await find_target(work.resources, operation)
    decision = await decide(
        work.acls,
        vault.parsed_acls,
        caller,
        required_access(operation, exists=standing.exists, missing=standing.missing),
        groups=vault.groups,
        base_url=vault.base_url,
        limits=vault.settings.limits,
    )
    require(decision, caller, absent=not standing.exists and isinstance(operation, Read | Delete | Post))


async def folder_page(
    work: Work, request: web.Request, folder: Resource, *, problems: Mapping[str, str] | None = None, name: str = ""
) -> FolderPage:
    """The folder as it is; with what was wrong with a form on it."""
    url, after = folder.url, request.query.get("after", "")
    found = [member async for member in work.resources.children(url, after=after, limit=_SHOWN + 1)]
    shown = found[:_SHOWN]
    older = f"{_href(url)}?{urlencode({'after': shown[-1].url.path})}" if len(found) > len(shown) else None
    done = request.query.get("done")
    return FolderPage(
        href=_href(url),
        name=_name(url),
        crumbs=_crumbs(url),
        members=tuple(_member(member) for member in shown),
        deletable=_deletable(url),
        older=older,
        newer=_href(url) if after else None,
        done=done if done in ("uploaded", "created", "deleted") else None,
        new_name=name,
        problems=problems or {},
    )


async def _after(
    request: web.Request, target: ResourceUrl, done: str, problems: Mapping[str, str], name: str = ""
) -> web.Response:
    """Back to the folder, which says what was done or what was wrong."""
    if not problems:
        raise web.HTTPSeeOther(f"{_href(target)}?done={done}")
    async with request.app[VAULT].reading() as work:
        folder = await work.resources.get(target)
        if folder is None:
            raise Missing("no-such-resource", "There is nothing here.")
        page = await folder_page(work, request, folder, problems=problems, name=name)
    return render(request, page, status=422)


async def _delete(request: web.Request, vault: Vault, citizen: Citizen, target: ResourceUrl) -> web.Response:
    operation = Delete(target)
    try:
        async with vault.writing() as work:
            await admit(vault, work, citizen, operation)
            await delete_resource(
                work,
                operation,
                actor=citizen.webid,
                now=vault.clock(),
                base_url=vault.base_url,
                limits=vault.settings.limits,
            )
    except Conflict as refusal:
        if refusal.reason != "container-not-empty":
            raise
        raise web.HTTPSeeOther(f"{_href(target)}?delete=1") from None
    raise web.HTTPSeeOther(f"{_href(target.parent or target)}?done=deleted")


async def _delete_page(vault: Vault, work: Work, request: web.Request, resource: Resource) -> DeletePage:
    url = resource.url
    tongue = Tongue(locale_of(request), vault.catalogue)
    return DeletePage(
        href=_href(url),
        folder_href=_href(url.parent or url),
        name=_name(url),
        not_empty=resource.kind is Kind.CONTAINER and await work.resources.has_children(url),
        seen_by=await seen_by(vault, work, url, tongue),
    )


async def _file_page(vault: Vault, resource: Resource, body: Body) -> FilePage:
    url, essence = resource.url, resource.media_type.essence
    text = await _beginning(vault, body) if essence.startswith(_TEXT) else None
    return FilePage(
        href=_href(url),
        folder_href=_href(url.parent or url),
        name=_name(url),
        media_type=clean(essence, NAME_CHARACTERS),
        size=resource.size,
        modified=resource.modified,
        deletable=_deletable(url),
        text=text,
        cut=text is not None and resource.size > _PREVIEW_BYTES,
        image=essence in _IMAGES,
    )


async def _beginning(vault: Vault, body: Body) -> str:
    """The first part of a text, shown as text whatever it says."""
    data = b""
    async for chunk in _bytes(vault, body):
        data += chunk
        if len(data) >= _PREVIEW_BYTES:
            break
    return data[:_PREVIEW_BYTES].decode("utf-8", errors="replace")


async def _bytes(vault: Vault, body: Body) -> AsyncIterator[bytes]:
    match body:
        case Inline(data):
            yield data
        case BlobRef():
            async for chunk in vault.blobs.open(body):
                yield chunk


async def _download(request: web.Request, vault: Vault, resource: Resource, body: Body) -> web.StreamResponse:
    """The bytes as they are, saved and never opened in place: what lives in a pod does not act on our origin (ATK-01).
    A picture may stand in a page of ours; nothing else is shown."""
    response = web.StreamResponse(headers=page_headers())
    response.headers["Content-Type"] = str(_harmless(resource.media_type))
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(_name(resource.url), safe='')}"
    response.content_length = resource.size
    await response.prepare(request)
    if request.method != "HEAD":
        async for chunk in _bytes(vault, body):
            await response.write(chunk)
    await response.write_eof()
    return response


def _harmless(media_type: MediaType) -> MediaType:
    return media_type if media_type.essence in _IMAGES else MediaType("application/octet-stream")


def _member(resource: Resource) -> Member:
    return Member(
        href=_href(resource.url),
        name=_name(resource.url),
        folder=resource.kind is Kind.CONTAINER,
        media_type=clean(resource.media_type.essence, NAME_CHARACTERS),
        size=resource.size,
        modified=resource.modified,
        deletable=_deletable(resource.url),
    )


def _deletable(url: ResourceUrl) -> bool:
    """What can never be deleted is not offered: the vault, the WebID document, and so the folder it stands in."""
    return may_be_deleted(url) and not (url.is_container and WEBID_PATH.startswith(url.path))


def _crumbs(url: ResourceUrl) -> tuple[Crumb, ...]:
    places = [url]
    while (above := places[-1].parent) is not None:
        places.append(above)
    return tuple(Crumb(_href(place), _name(place)) for place in reversed(places))


def _name(url: ResourceUrl) -> str:
    """The last part of the path as people read it; nothing for the vault itself."""
    return clean(unquote(url.name.rstrip("/")), NAME_CHARACTERS) if not url.is_storage else ""


def _href(url: ResourceUrl) -> str:
    return f"{ROOT}{url.path}"


def _target(request: web.Request, citizen: Citizen) -> ResourceUrl:
    """The resource that the address names, in its one canonical form (PR-15). Access rules and descriptions are for
    the expert's tools: here they are not."""
    url = ResourceUrl(citizen.pod, canonical_path(raw_path(request).removeprefix(ROOT)))
    if auxiliary(url) is not None:
        raise Missing("no-such-resource", "There is nothing here.")
    return url


async def _to_root(request: web.Request) -> web.Response:
    await require_citizen(request)
    raise web.HTTPSeeOther(f"{ROOT}/")


ROUTES: Final = (
    Route("GET", ROOT, _to_root, Credentials.SESSION),
    Route("GET", ROOT + "/{path:.*}", look, Credentials.SESSION, "folders"),
    Route("POST", ROOT + "/{path:.*}", change, Credentials.SESSION),
)
