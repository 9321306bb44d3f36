"""The checks every write passes before it changes anything, in the order of the Solid reference, section 6.1.

Authorization came before: nothing here is said to anyone who may not act (TR-3).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vault.access.wac import gives_control, parse_acl
from vault.config import Limits
from vault.errors import Conflict, Forbidden, Malformed, PreconditionFailed, Refusal, TooLarge, UnsupportedMedia
from vault.rdf.graph import LDP, Graph
from vault.rdf.isolate import parse_guarded, parse_named_guarded
from vault.rdf.syntax import RDF_TYPES, is_rdf
from vault.solid.find import Standing
from vault.solid.headers import NO_CONDITIONS, Conditions, Verdict, evaluate_conditions
from vault.solid.managed import check_description, check_issuers_kept
from vault.solid.operation import Content
from vault.solid.paths import (
    Auxiliary,
    auxiliary,
    is_acl,
    is_forbidden,
    is_reserved,
    is_webid_document,
    subject_of,
    twin,
)
from vault.solid.ports import Resources
from vault.solid.resource import BlobRef, Body, Inline, Kind, Resource, current_tags
from vault.values import JSON_LD, OCTETS, TURTLE, MediaType, ResourceUrl, normalise_url

NO_TYPE = "content-type-missing"

_CONTAINER_MODELS = frozenset({LDP.Container.value, LDP.BasicContainer.value})
_OTHER_CONTAINERS = frozenset({LDP.DirectContainer.value, LDP.IndirectContainer.value})
_DOCUMENT_MODEL = LDP.NonRDFSource.value


def check_name(target: ResourceUrl) -> None:
    """A classic escalation: nobody makes a container named like an auxiliary, or anything below one (PR-47)."""
    if is_forbidden(target):
        raise Forbidden("reserved-name", "No resource here may have a name like that of an auxiliary.")


def kind_to_store(target: ResourceUrl, content: Content) -> tuple[Kind, MediaType]:
    """What a body makes of its target: the type is data and never read from the name (TR-7).

    Step 8: no Content-Type → Malformed (PR-7); containers and auxiliaries take RDF only → UnsupportedMedia (PR-70).
    """
    empty = is_empty(content.body)
    media_type = content.media_type
    if media_type is None and not empty:
        raise Malformed(NO_TYPE, "A body needs a Content-Type.")
    if target.is_container:
        if media_type is not None and not is_rdf(media_type) and not empty:
            raise _rdf_only()
        return Kind.CONTAINER, TURTLE
    if auxiliary(target) is not None:
        media_type = media_type or TURTLE
        if not is_rdf(media_type):  # PR-41: "Auxiliaries are RDF documents"
            raise _rdf_only()
    media_type = media_type or OCTETS
    return (Kind.GRAPH if is_rdf(media_type) else Kind.BINARY), media_type


def is_empty(body: Body) -> bool:
    """Whether there is no content at all: then no type is needed either (PR-7, CH-4)."""
    return (body.size if isinstance(body, BlobRef) else len(body.data)) == 0


def check_conditions(conditions: Conditions, resource: Resource | None) -> None:
    """Step 9, for writes: any current tag satisfies If-Match, and an absent resource has none (PR-59, PR-71)."""
    if conditions is NO_CONDITIONS:
        return
    verdict = evaluate_conditions(
        conditions,
        current=current_tags(resource),
        modified=None if resource is None else resource.modified,
        reading=False,
    )
    if verdict is not Verdict.PROCEED:
        raise PreconditionFailed("precondition", "The precondition does not hold.")


def is_fault_of_type(fault: Refusal) -> bool:
    """Whether a fault belongs to step 8, before the preconditions; the others are said at step 10."""
    return isinstance(fault, UnsupportedMedia) or fault.reason == NO_TYPE


def reader_for(target: ResourceUrl) -> Callable[..., Awaitable[Graph]]:
    """How an RDF body for this target is read: documents may hold named graphs (PR-55), what the server acts upon may
    not."""
    return parse_guarded if target.is_container or is_acl(target) else parse_named_guarded


async def graph_of(target: ResourceUrl, content: Content, media_type: MediaType, *, base: str, limits: Limits) -> Graph:
    """Step 10: the graph of an RDF body, as it was parsed before the transaction, or parsed now."""
    if content.fault is not None:
        raise content.fault
    if content.graph is not None:
        return content.graph
    if is_empty(content.body) and (target.is_container or media_type.essence != JSON_LD.essence):
        return Graph()  # no bytes are a Turtle document, but not a JSON one
    if not isinstance(content.body, Inline):  # what is parsed, patched and converted stays in its row
        raise TooLarge("rdf-too-large", "An RDF document may not be that large.")
    read = reader_for(target)
    return await read(content.body.data, media_type, base=base, limits=limits)


def check_model(target: ResourceUrl, types: frozenset[str]) -> None:
    """PR-68: "A Link rel=type that contradicts the shape of the URI → 409"."""
    check_kind_of_container(types)
    wrong = _DOCUMENT_MODEL in types if target.is_container else bool(types & _CONTAINER_MODELS)
    if wrong:
        raise Conflict("interaction-model", "The Link type contradicts the final slash of the URI.")


def check_kind_of_container(types: frozenset[str]) -> None:
    """LDP §5.2.3.4: "If any requested interaction model cannot be honored, the server MUST fail the request." """
    if types & _OTHER_CONTAINERS:
        raise Conflict("interaction-model", "The containers here are LDP Basic Containers.")


def wants_container(types: frozenset[str]) -> bool:
    """Whether a POST asks for a container (PR-65)."""
    return bool(types & _CONTAINER_MODELS)


async def check_place(resources: Resources, target: ResourceUrl, standing: Standing) -> None:
    """Step 11: whether something new may stand at `target`. Raises Conflict for an auxiliary of nothing (PR-46), for
    a twin (PR-11, PR-13) and for a document in the path (PR-14)."""
    if standing.exists:
        return
    if auxiliary(target) is not None:
        if await resources.get(subject_of(target)) is None:
            raise Conflict("no-subject", "There is nothing that this could describe.")
        return
    if is_reserved(target):
        raise Conflict("reserved-place", "This place is kept for the storage description.")
    if await resources.get(twin(target)) is not None:
        raise Conflict("twin-exists", "A resource exists whose URI differs only in the final slash.")
    for container in standing.missing:
        if is_reserved(container) or await resources.get(twin(container)) is not None:
            raise Conflict("document-in-path", "A document stands where a container would be needed.")


def check_auxiliary(target: ResourceUrl, graph: Graph, *, base_url: str) -> None:
    """What an auxiliary may not say. D8: server-managed triples in a description. WA-5: the root's ACL may not be left
    without any Control; other ACLs say what they like, for the owner keeps Control whatever they say."""
    found = auxiliary(target)
    if found is None:
        return
    kind, subject = found
    if kind is Auxiliary.META:
        check_description(subject, graph, base_url=base_url)
    elif subject.is_storage:
        _check_control_left(target, subject, graph, base_url=base_url)


def _check_control_left(target: ResourceUrl, subject: ResourceUrl, graph: Graph, *, base_url: str) -> None:
    rules = parse_acl(graph, target.iri(base_url))
    if not gives_control(rules, normalise_url(subject.iri(base_url))):
        raise Conflict("root-acl-without-control", "The ACL of a storage must give Control to somebody.")


async def check_webid(
    resources: Resources,
    resource: Resource | None,
    target: ResourceUrl,
    after: Graph | None,
    *,
    size: int,
    base_url: str,
    limits: Limits,
) -> None:
    """WP-3: the WebID document stays RDF, and its issuers stay as they are. `after` is None for other bytes.

    It also stays small enough to be read inline: it is looked at here while the writer is held, and by everybody who
    checks a sign-in.
    """
    if not is_webid_document(target):
        return
    if after is None:
        raise Conflict("webid-document", "A WebID document is RDF.")
    if size > limits.inline_parse_bytes:
        raise TooLarge("webid-document", f"A WebID document has at most {limits.inline_parse_bytes} bytes.")
    before = Graph()
    body = None if resource is None else await resources.body(target)
    if resource is not None and isinstance(body, Inline) and resource.kind is Kind.GRAPH:
        before = await parse_named_guarded(body.data, resource.media_type, base=target.iri(base_url), limits=limits)
    check_issuers_kept(before, after)


def _rdf_only() -> UnsupportedMedia:
    return UnsupportedMedia("rdf-only", "This resource takes RDF only.", accepted=tuple(map(str, RDF_TYPES)))
