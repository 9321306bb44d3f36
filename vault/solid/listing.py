"""A container's listing, written line by line from the rows of its members: never built as a graph (Solid 3.3).

Members come in the order of their paths, so that the same state is always the same bytes (TR-17).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from vault.rdf.graph import DCT, LDP, PIM, RDF, STAT, XSD, Graph, Iri, Literal, Triple, parts, triple, typed
from vault.solid.resource import Kind, Resource
from vault.values import JSON_LD, NTRIPLES, TURTLE, ResourceUrl

# LDP §7.2: a container without its members, by its name of today and of before; and the members.
MINIMAL_CONTAINER: Final = frozenset({LDP.PreferMinimalContainer.value, LDP.PreferEmptyContainer.value})
CONTAINMENT: Final = LDP.PreferContainment.value

CONTAINER_TYPES: Final = (LDP.BasicContainer, LDP.Container, LDP.Resource)  # PR-31
_MEDIA_TYPES: Final = "http://www.w3.org/ns/iana/media-types/"

_TURTLE_HEAD: Final = (
    f"@prefix dcterms: <{DCT.base}>.\n@prefix ldp: <{LDP.base}>.\n@prefix pim: <{PIM.base}>.\n"
    f"@prefix stat: <{STAT.base}>.\n@prefix xsd: <{XSD.base}>.\n\n"
)
_DATE_TIME: Final = XSD.dateTime.value
_INTEGER: Final = XSD.integer.value
_RESOURCE: Final = LDP.Resource.value
_MODIFIED, _MTIME, _SIZE = DCT.modified.value, STAT.mtime.value, STAT.size.value
_JSON_CONTAINER: Final = ",".join(f'"{kind.value}"' for kind in CONTAINER_TYPES)
_TYPE: Final = str(RDF.type)
_CONTAINS: Final = LDP.contains.value
_LINES_CONTAINER: Final = "".join(f"<*> {_TYPE} {kind} .\n" for kind in CONTAINER_TYPES)
_COMMA: Final = ",\n"


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one media type writes a listing: what comes first, and one member.

    `head` takes the container's IRI and whether it is a storage. `member` takes the container's IRI, the member's row
    and IRI, and whether it is the first. What closes it are the container's own triples: as they
    are stored in Turtle and N-Triples, through `json_tail` in JSON-LD.
    """

    head: Callable[[str, bool], str]
    member: Callable[[str, Resource, str, bool], str]


def syntax_for(essence: str) -> Syntax:
    """The writer for one of the three RDF types."""
    return _SYNTAXES[essence]


def managed_types(url: ResourceUrl) -> tuple[Iri, ...]:
    """The classes that the server states of a resource: containers, and the storage that a root is (PR-21, PR-31)."""
    if not url.is_container:
        return (LDP.Resource,)
    return (*CONTAINER_TYPES, PIM.Storage) if url.is_storage else CONTAINER_TYPES


def managed_graph(container: ResourceUrl, members: list[Resource], *, base_url: str) -> Graph:
    """The same statements as a graph, for a patch whose `where` or `deletes` look at them (N3-16)."""
    here = Iri(container.iri(base_url))
    found: list[Triple] = [triple(here, RDF.type, kind) for kind in managed_types(container)]
    for member in members:
        there = Iri(member.url.iri(base_url))
        found.append(triple(here, LDP.contains, there))
        found += [triple(there, RDF.type, kind) for kind in managed_types(member.url)]
        found.append(triple(there, DCT.modified, typed(_date_time(member.modified), XSD.dateTime)))
        found.append(triple(there, STAT.mtime, Literal(_mtime(member.modified))))
        if member.kind is not Kind.CONTAINER:
            found.append(triple(there, RDF.type, Iri(media_type_class(member.media_type.essence))))
            found.append(triple(there, STAT.size, Literal(member.size)))
    return Graph.of(found)


def json_tail(own: Graph) -> str:
    """Closes a JSON-LD listing; `own` are the triples that clients wrote about the container."""
    nodes = [_json_node(statement) for statement in sorted(own, key=str)]
    return "".join(["]}", *(f",\n{node}" for node in nodes), "]"])


@lru_cache(maxsize=512)
def media_type_class(essence: str) -> str:
    """The class of resources of one media type (PR-33)."""
    return f"{_MEDIA_TYPES}{quote(essence, safe='/+~')}#Resource"


@lru_cache(maxsize=4096)
def _date_time(modified: datetime) -> str:
    """Many members of a long listing were changed in the same second."""
    return f"{modified.astimezone(UTC).isoformat()[:19]}Z"


@lru_cache(maxsize=4096)
def _mtime(modified: datetime) -> int:
    return int(modified.timestamp())


@lru_cache(maxsize=4096)
def _turtle_when(modified: datetime) -> str:
    return f'dcterms:modified "{_date_time(modified)}"^^xsd:dateTime; stat:mtime {_mtime(modified)}'


def _turtle_head(iri: str, storage: bool) -> str:
    kinds = "ldp:BasicContainer, ldp:Container, ldp:Resource" + (", pim:Storage" if storage else "")
    return f"{_TURTLE_HEAD}<{iri}> a {kinds}.\n"


def _turtle_member(container: str, member: Resource, iri: str, first: bool) -> str:
    when = _turtle_when(member.modified)
    if member.kind is Kind.CONTAINER:
        return (
            f"<{container}> ldp:contains <{iri}>.\n<{iri}> a ldp:BasicContainer, ldp:Container, ldp:Resource; {when}.\n"
        )
    kind = media_type_class(member.media_type.essence)
    return f"<{container}> ldp:contains <{iri}>.\n<{iri}> a ldp:Resource, <{kind}>; {when}; stat:size {member.size}.\n"


def _ntriples_head(iri: str, storage: bool) -> str:
    kinds = (*CONTAINER_TYPES, PIM.Storage) if storage else CONTAINER_TYPES
    return "".join(f"<{iri}> {RDF.type} {kind} .\n" for kind in kinds)


def _ntriples_member(container: str, member: Resource, iri: str, first: bool) -> str:
    kinds, size = _LINES_CONTAINER.replace("*", iri), ""
    if member.kind is not Kind.CONTAINER:
        kind = media_type_class(member.media_type.essence)
        kinds = f"<{iri}> {_TYPE} <{_RESOURCE}> .\n<{iri}> {_TYPE} <{kind}> .\n"
        size = f'<{iri}> <{_SIZE}> "{member.size}"^^<{_INTEGER}> .\n'
    return (
        f"<{container}> <{_CONTAINS}> <{iri}> .\n{kinds}"
        f'<{iri}> <{_MODIFIED}> "{_date_time(member.modified)}"^^<{_DATE_TIME}> .\n'
        f'<{iri}> <{_MTIME}> "{_mtime(member.modified)}"^^<{_INTEGER}> .\n{size}'
    )


def _json_head(iri: str, storage: bool) -> str:
    kinds = ",".join(f'"{kind.value}"' for kind in ((*CONTAINER_TYPES, PIM.Storage) if storage else CONTAINER_TYPES))
    return f'[{{"@id":{json.dumps(iri)},"@type":[{kinds}],"{LDP.contains.value}":['


def _json_member(container: str, member: Resource, iri: str, first: bool) -> str:
    # An IRI of ours holds nothing that JSON would escape: the path is canonical and the class is quoted.
    kinds, size = _JSON_CONTAINER, ""
    if member.kind is not Kind.CONTAINER:
        kinds = f'"{_RESOURCE}","{media_type_class(member.media_type.essence)}"'
        size = f',"{_SIZE}":[{{"@value":{member.size}}}]'
    return (
        f'{"" if first else _COMMA}{{"@id":"{iri}","@type":[{kinds}],'
        f'"{_MODIFIED}":[{{"@type":"{_DATE_TIME}","@value":"{_date_time(member.modified)}"}}],'
        f'"{_MTIME}":[{{"@value":{_mtime(member.modified)}}}]{size}}}'
    )


def _json_node(statement: Triple) -> str:
    """One triple as a node object; the same subject may stand in several of them (JSON-LD 1.1 §4.1.1)."""
    subject, predicate, obj = parts(statement)
    value: dict[str, str]
    if not isinstance(obj, Literal):
        value = {"@id": obj.value if isinstance(obj, Iri) else str(obj)}
    elif obj.language is not None:
        value = {"@value": obj.value, "@language": obj.language}
    else:
        value = {"@value": obj.value, "@type": obj.datatype.value}
    name = subject.value if isinstance(subject, Iri) else str(subject)
    member: dict[str, object] = {predicate.value: [value]}
    if predicate == RDF.type and "@id" in value:
        member = {"@type": [value["@id"]]}
    return json.dumps({"@id": name, **member}, separators=(",", ":"), ensure_ascii=False)


_SYNTAXES: Final = {
    TURTLE.essence: Syntax(_turtle_head, _turtle_member),
    NTRIPLES.essence: Syntax(_ntriples_head, _ntriples_member),
    JSON_LD.essence: Syntax(_json_head, _json_member),
}
