"""What the server alone may say: containment, the metadata of members, and the issuers of a WebID.

Only the target container's own statements are protected: elsewhere the same triples are plain content (TR-24).
"""

from __future__ import annotations

from typing import Final

from vault.errors import Conflict
from vault.rdf.graph import DCT, LDP, PIM, RDF, SOLID, STAT, Graph, Iri, Literal, Subject, Term, Triple, parts
from vault.solid.listing import managed_types
from vault.values import ResourceUrl

_MEMBER_METADATA: Final = frozenset({DCT.modified, STAT.mtime, STAT.size})  # PR-33
_MEDIA_TYPES: Final = "http://www.w3.org/ns/iana/media-types/"


def own_triples(container: ResourceUrl, graph: Graph, *, base_url: str) -> Graph:
    """What of a container's body is its own description. Raises Conflict for containment triples, true ones too, and
    for metadata of members (PR-69); type triples that agree with the facts are left out."""
    here = container.iri(base_url)
    facts = managed_types(container)
    kept: list[Triple] = []
    for statement in graph:
        subject, predicate, obj = parts(statement)
        if predicate == LDP.contains:
            raise Conflict("containment-triples", "Only the server says what a container contains.")
        if _is_member(subject, here):
            if predicate in _MEMBER_METADATA or (predicate == RDF.type and _is_managed_class(obj)):
                if predicate == RDF.type and obj == LDP.Resource:
                    continue
                raise Conflict("member-metadata", "Only the server describes the members of a container.")
        elif isinstance(subject, Iri) and subject.value == here and predicate == RDF.type and _is_managed_class(obj):
            if obj in facts:
                continue
            raise Conflict("resource-type", "A resource here does not have this type.")
        kept.append(statement)
    return Graph.of(kept)


def check_description(subject: ResourceUrl, graph: Graph, *, base_url: str) -> None:
    """D8: a description may say everything of its subject but what the server says of it itself (PR-44)."""
    if subject.is_container:
        own_triples(subject, graph, base_url=base_url)
        return
    for statement in graph.match(Iri(subject.iri(base_url))):
        _, predicate, obj = parts(statement)
        claims_type = predicate == RDF.type and _is_managed_class(obj) and obj != LDP.Resource
        if claims_type or predicate in _MEMBER_METADATA:
            raise Conflict("resource-metadata", "Only the server says when, how large and of which type a resource is.")


def check_managed_kept(managed: Graph, edited: Graph) -> None:
    """A patch may not remove what the server says of a container (PR-69)."""
    if not managed.triples <= edited.triples:
        raise Conflict("containment-triples", "Only the server says what a container contains.")


def check_issuers_kept(before: Graph, after: Graph) -> None:
    """WP-3: `solid:oidcIssuer` in a WebID document changes through account management only: whoever writes it takes
    over the identity."""
    if _issuers(before) != _issuers(after):
        raise Conflict("issuer-triples", "The identity providers of a WebID change through account management only.")


def _issuers(graph: Graph) -> frozenset[Triple]:
    return frozenset(graph.match(None, SOLID.oidcIssuer))


def _is_member(subject: Subject, container: str) -> bool:
    """Whether the subject is a direct member of the container (not a fragment of one)."""
    if not isinstance(subject, Iri) or not subject.value.startswith(container):
        return False
    name = subject.value[len(container) :]
    return bool(name) and "#" not in name and "/" not in name[:-1]


def _is_managed_class(obj: Term) -> bool:
    """A class of the Linked Data Platform, a storage, or the class of a media type."""
    if isinstance(obj, Literal) or not isinstance(obj, Iri):
        return False
    return obj in LDP or obj == PIM.Storage or obj.value.startswith(_MEDIA_TYPES)
