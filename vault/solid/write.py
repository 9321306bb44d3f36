"""PUT, POST and DELETE: steps 6 to 12 of the Solid reference, section 6.1, inside one transaction. PATCH: edit.py.

`actor` is whom the audit entry names (`apply.actor_of`). RDF bodies are kept byte for byte and in their row, for
patches and conversions; only other bytes may come as a BlobRef.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from vault.config import Limits
from vault.errors import Conflict, Missing, TooLarge
from vault.rdf.graph import Graph
from vault.rdf.isolate import parse_guarded
from vault.rdf.syntax import serialise
from vault.solid.apply import EMPTY, Change, open_change
from vault.solid.checks import (
    check_auxiliary,
    check_conditions,
    check_kind_of_container,
    check_model,
    check_name,
    check_place,
    check_webid,
    graph_of,
    is_empty,
    kind_to_store,
    wants_container,
)
from vault.solid.find import Standing, find_target
from vault.solid.managed import own_triples
from vault.solid.methods import check_method
from vault.solid.operation import Content, Delete, Post, Put
from vault.solid.paths import is_reserved, mint, safe_name, twin
from vault.solid.ports import Resources, SolidWork
from vault.solid.resource import Body, ChangeSet, Inline, Kind, Resource
from vault.values import NTRIPLES, TURTLE, MediaType, ResourceUrl

_NAMES_TRIED = 8


async def put_resource(
    work: SolidWork,
    put: Put,
    *,
    actor: str,
    now: datetime,
    base_url: str,
    limits: Limits,
    standing: Standing | None = None,
) -> ChangeSet:
    """Makes or replaces the target, with the containers above it (PR-61, PR-62, PR-68). `standing`: what was found
    there, when this transaction has looked already."""
    change = await open_change(work, put.target, actor=actor, now=now, base_url=base_url)
    standing = standing or await find_target(work.resources, put)
    resource, target = standing.resource, put.target
    check_method("PUT", target, resource)
    check_name(target)
    kind, media_type = kind_to_store(target, put.content)
    check_conditions(put.conditions, resource)
    graph = None
    if kind is not Kind.BINARY:
        read_as = put.content.media_type or media_type
        graph = await graph_of(target, put.content, read_as, base=target.iri(base_url), limits=limits)
    check_model(target, put.types)
    await check_place(work.resources, target, standing)
    sent = put.content.body
    size = len(sent.data) if isinstance(sent, Inline) else sent.size
    await check_webid(work.resources, resource, target, graph, size=size, base_url=base_url, limits=limits)
    if graph is not None:
        check_auxiliary(target, graph, base_url=base_url)
    body: Body = put.content.body
    if kind is Kind.CONTAINER:  # D7: a body without protected triples replaces the container's own description
        body = own_description(target, graph or Graph(), base_url=base_url, limits=limits)
    made = await store(change, standing, target, kind=kind, media_type=media_type, body=body)
    return change.finish(made)


async def add_resource(
    work: SolidWork,
    post: Post,
    *,
    actor: str,
    now: datetime,
    base_url: str,
    limits: Limits,
    new_name: Callable[[], str] = lambda: uuid4().hex,
) -> ChangeSet:
    """Makes a child of the target container under a name the server chooses (PR-63 to PR-67)."""
    change = await open_change(work, post.target, actor=actor, now=now, base_url=base_url)
    container = await work.resources.get(post.target)
    if container is None:  # PR-66
        raise Missing("no-such-resource", "There is nothing here.")
    check_method("POST", post.target, container)
    folder = wants_container(post.types)
    shape = ResourceUrl(post.target.pod, post.target.path + ("new/" if folder else "new"))
    kind, media_type = kind_to_store(shape, post.content)
    check_conditions(post.conditions, container)
    if post.content.fault is not None:
        raise post.content.fault
    check_kind_of_container(post.types)
    url = await _free_name(work.resources, post, folder, new_name)
    body = post.content.body
    if kind is Kind.CONTAINER:
        body = await _description_of_child(url, post.content, base_url=base_url, limits=limits)
    elif kind is Kind.GRAPH:  # LDP-2: relative IRIs mean the new resource; here only the syntax is checked
        await graph_of(url, post.content, media_type, base=url.iri(base_url), limits=limits)
    made = await change.create(url, kind, media_type, body)
    return change.finish(made)


async def delete_resource(
    work: SolidWork, delete: Delete, *, actor: str, now: datetime, base_url: str, limits: Limits
) -> ChangeSet:
    """Removes the target, its auxiliaries and its containment triple (PR-73 to PR-75, WP-3)."""
    change = await open_change(work, delete.target, actor=actor, now=now, base_url=base_url)
    resource = await work.resources.get(delete.target)
    if resource is None:  # D4 was decided before: whoever comes here may read it
        raise Missing("no-such-resource", "There is nothing here.")
    check_method("DELETE", delete.target, resource)
    check_conditions(delete.conditions, resource)
    if resource.kind is Kind.CONTAINER and await work.resources.has_children(delete.target):
        raise Conflict("container-not-empty", "The container still has members: delete those first.")
    await change.remove(resource)
    return change.finish(None)


async def store(
    change: Change, standing: Standing, target: ResourceUrl, *, kind: Kind, media_type: MediaType, body: Body
) -> Resource:
    """Step 12: writes the target, and the containers above it when it is new."""
    if standing.resource is not None:
        return await change.replace(standing.resource, kind, media_type, body)
    await change.make_containers(standing.missing)
    return await change.create(target, kind, media_type, body)


def own_description(container: ResourceUrl, graph: Graph, *, base_url: str, limits: Limits) -> Inline:
    """A container's own triples as they are kept: N-Triples, so that a listing takes them in as they stand."""
    own = own_triples(container, graph, base_url=base_url)
    if not own.triples:
        return EMPTY
    data = serialise(own, NTRIPLES)
    if len(data) > limits.rdf_bytes:
        raise TooLarge("rdf-too-large", "The description of the container is too large.")
    return Inline(data)


async def _free_name(resources: Resources, post: Post, folder: bool, new_name: Callable[[], str]) -> ResourceUrl:
    """A name that neither a resource nor its twin has: the slug if it is free, else with something unique (PR-13)."""
    named = bool(safe_name(post.slug))
    for turn in range(_NAMES_TRIED):
        unique = "" if named and turn == 0 else new_name()
        url = mint(post.target, post.slug, container_wanted=folder, unique=unique)
        taken = is_reserved(url) or await resources.get(url) or await resources.get(twin(url))
        if not taken:
            return url
    raise Conflict("no-free-name", "No free name could be found.")


async def _description_of_child(url: ResourceUrl, content: Content, *, base_url: str, limits: Limits) -> Inline:
    """The description of a container made by POST, read relative to its own URI (LDP-2)."""
    if is_empty(content.body) or not isinstance(content.body, Inline):
        return EMPTY
    graph = await parse_guarded(content.body.data, content.media_type or TURTLE, base=url.iri(base_url), limits=limits)
    return own_description(url, graph, base_url=base_url, limits=limits)
