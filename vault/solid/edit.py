"""PATCH: steps 6 to 12 of the Solid reference, section 6.1, for N3 Patch and SPARQL Update (section 4).

What is costly to read never holds the writer: such a document is fetched with `costly_document`, edited outside any
transaction with `prepare_patch`, and put only if it still is the same version; otherwise all of that happens once more.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from vault.config import Limits
from vault.errors import Conflict, Malformed, Refusal, TooLarge, Unprocessable
from vault.rdf.edits import GraphEdit, apply_edit
from vault.rdf.graph import Graph
from vault.rdf.isolate import COSTLY_BYTES, parse_guarded
from vault.rdf.syntax import parse, serialise
from vault.solid.apply import Change, open_change
from vault.solid.checks import check_auxiliary, check_conditions, check_name, check_place, check_webid, is_fault_of_type
from vault.solid.find import Standing, find_target
from vault.solid.listing import managed_graph
from vault.solid.managed import check_managed_kept, own_triples
from vault.solid.methods import check_method
from vault.solid.operation import Patch
from vault.solid.ports import Resources, SolidWork
from vault.solid.resource import ChangeSet, Inline, Kind, Resource
from vault.solid.write import own_description, store
from vault.values import JSON_LD, NTRIPLES, TURTLE, MediaType, ResourceUrl

_PREFIX: Final = re.compile(r"^[ \t]*@?prefix[ \t]+([A-Za-z][A-Za-z0-9_-]{0,30}):[ \t]*<([^\s<>]{1,256})>", re.I | re.M)


class Stored(NamedTuple):
    """A document as it was found, and what it says; `resource` and `text` of none."""

    resource: Resource | None
    text: bytes

    @property
    def media_type(self) -> MediaType:
        """N3-15: a new resource is Turtle whatever its name, an existing one keeps its media type."""
        return TURTLE if self.resource is None else self.resource.media_type


class Edited(NamedTuple):
    """A document after a patch, worked out from one version of it. `data` is None when nothing changed; `fault` is why
    it could not be edited, kept until the request has passed everything that outranks it (section 6.1)."""

    version: int | None  # None: there was no document
    graph: Graph
    data: bytes | None
    fault: Refusal | None = None


async def costly_document(resources: Resources, patch: Patch, *, limits: Limits) -> Stored | None:
    """The target, when it has to be edited before the writer is taken; None when that is quick, or there is none."""
    resource = await resources.get(patch.target)
    if resource is None or patch.edit is None or not _is_costly(resource, limits):
        return None
    return await _stored(resources, resource, patch.target)


async def prepare_patch(stored: Stored, patch: Patch, *, base_url: str, limits: Limits) -> Edited:
    """The edited document, worked out in no transaction. What the edit raises is kept in it, not raised: whether it
    may be told is decided by the transaction that acts."""
    assert stored.resource is not None
    assert patch.edit is not None
    try:
        return await _edited(stored, patch.target, patch.edit, base_url=base_url, limits=limits)
    except Refusal as fault:
        return Edited(stored.resource.version, Graph(), None, fault)


async def patch_resource(
    work: SolidWork,
    patch: Patch,
    *,
    actor: str,
    now: datetime,
    base_url: str,
    limits: Limits,
    prepared: Edited | None = None,
    standing: Standing | None = None,
) -> ChangeSet | None:
    """Edits the target, or makes it from nothing (N3-10), with the containers above it (PR-61).

    None, and nothing changed, when the target is costly to edit and was not prepared in its version of now: prepare it
    (again), outside this transaction. `standing`: what was found there, when this transaction has looked already.
    """
    change = await open_change(work, patch.target, actor=actor, now=now, base_url=base_url)
    standing = standing or await find_target(work.resources, patch)
    resource, target = standing.resource, patch.target
    check_method("PATCH", target, resource)  # N3-16: not on other bytes than RDF
    check_name(target)
    if patch.fault is not None and is_fault_of_type(patch.fault):
        raise patch.fault
    check_conditions(patch.conditions, resource)
    if patch.fault is not None:
        raise patch.fault
    edit = patch.edit
    if edit is None:
        raise Malformed("patch", "There is no patch in the body.")
    await check_place(work.resources, target, standing)
    if target.is_container:
        return await _patch_container(work.resources, change, standing, target, edit, base_url=base_url, limits=limits)
    if resource is not None and _is_costly(resource, limits):
        if prepared is None or prepared.version != resource.version:
            return None
        edited = prepared
    else:
        stored = await _stored(work.resources, resource, target)
        edited = await _edited(stored, target, edit, base_url=base_url, limits=limits)
    if edited.fault is not None:
        raise edited.fault
    if edited.data is None and resource is not None:
        return change.finish(resource)  # N3-19: nothing changed, and nobody is told
    check_auxiliary(target, edited.graph, base_url=base_url)
    body = Inline(edited.data or b"")
    size = len(body.data)
    await check_webid(work.resources, resource, target, edited.graph, size=size, base_url=base_url, limits=limits)
    media_type = Stored(resource, b"").media_type
    made = await store(change, standing, target, kind=Kind.GRAPH, media_type=media_type, body=body)
    return change.finish(made)


def _is_costly(resource: Resource, limits: Limits) -> bool:
    """What may go to a disposable process to be read (LIM-16): JSON-LD may cost more than its size says."""
    if resource.kind is not Kind.GRAPH:
        return False
    most = COSTLY_BYTES if resource.media_type.essence == JSON_LD.essence else limits.inline_parse_bytes
    return resource.size > min(most, limits.inline_parse_bytes)


async def _stored(resources: Resources, resource: Resource | None, target: ResourceUrl) -> Stored:
    body = None if resource is None else await resources.body(target)
    return Stored(resource, body.data if isinstance(body, Inline) else b"")


async def _edited(stored: Stored, target: ResourceUrl, edit: GraphEdit, *, base_url: str, limits: Limits) -> Edited:
    """Applies the edit to the stored document, or to the empty dataset."""
    media_type, resource = stored.media_type, stored.resource
    before = await _stored_graph(stored.text, media_type, base=target.iri(base_url), limits=limits)
    after = apply_edit(before, edit, limits=limits)
    version = None if resource is None else resource.version
    if resource is not None and after == before:
        return Edited(version, after, None)
    data = serialise(after, media_type, prefixes=_prefixes_of(stored.text, media_type))
    if len(data) > limits.rdf_bytes:
        raise TooLarge("rdf-too-large", "The document would become too large.")
    return Edited(version, after, data)


async def _stored_graph(text: bytes, media_type: MediaType, *, base: str, limits: Limits) -> Graph:
    """The stored graph. A document with named graphs cannot be patched: they would be lost (PR-55)."""
    if not text:
        return Graph()
    try:
        return await parse_guarded(text, media_type, base=base, limits=limits)
    except Unprocessable as fault:
        if fault.reason == "named-graphs":
            raise Conflict("named-graphs", "A document with named graphs cannot be patched.") from fault
        raise


def _prefixes_of(text: bytes, media_type: MediaType) -> dict[str, str]:
    """The short names the author chose, so that an edited document stays readable to them (TR-6)."""
    if media_type.essence != TURTLE.essence or text.lower().find(b"prefix") < 0:
        return {}
    return dict(_PREFIX.findall(text.decode("utf-8", "replace")))


async def _patch_container(
    resources: Resources,
    change: Change,
    standing: Standing,
    target: ResourceUrl,
    edit: GraphEdit,
    *,
    base_url: str,
    limits: Limits,
) -> ChangeSet:
    """N3-16: a container's own triples may change, protected ones may not. A patch that looks at what is there sees
    the whole listing; one that only inserts does not need it."""
    before = Graph()
    body = None if standing.resource is None else await resources.body(target)
    if isinstance(body, Inline) and body.data:
        before = parse(body.data, NTRIPLES, base=target.iri(base_url), limits=limits)
    if edit.has_where or edit.has_deletes:
        members = await _members(resources, target, most=limits.triples // 8)
        managed = managed_graph(target, members, base_url=base_url)
        edited = apply_edit(before | managed, edit, limits=limits)
        check_managed_kept(managed, edited)
        after = own_triples(target, edited - managed, base_url=base_url)
    else:
        after = own_triples(target, apply_edit(before, edit, limits=limits), base_url=base_url)
    if standing.resource is not None and after == before:
        return change.finish(standing.resource)
    content = own_description(target, after, base_url=base_url, limits=limits)
    made = await store(change, standing, target, kind=Kind.CONTAINER, media_type=TURTLE, body=content)
    return change.finish(made)


async def _members(resources: Resources, container: ResourceUrl, *, most: int) -> list[Resource]:
    found = [member async for member in resources.children(container, limit=most + 1)]
    if len(found) > most:
        raise Unprocessable("container-too-large", "This container has too many members for such a patch.")
    return found
