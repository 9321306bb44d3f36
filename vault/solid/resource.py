"""What a resource is: its place, kind, media type and version; its body; and what a change did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from vault.values import JSON_LD, NTRIPLES, TURTLE, ETag, MediaType, PodName, ResourceUrl, WebId


class Kind(StrEnum):
    """A container, a document that is RDF, or bytes of any other type."""

    CONTAINER = "container"
    GRAPH = "graph"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Pod:
    """A storage: its name, its owner (known outside every ACL, WA-5), and the room it may take."""

    name: PodName
    owner: WebId
    created: datetime
    quota_bytes: int
    used_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Inline:
    """A small body, as written."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BlobRef:
    """A large body: a content-addressed file, named by its SHA-256 in lower-case hex."""

    sha256: str
    size: int


Body = Inline | BlobRef  # the bytes as written, RDF included


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource about to be written: the store gives it its version and size."""

    url: ResourceUrl
    kind: Kind
    media_type: MediaType
    modified: datetime


@dataclass(frozen=True, slots=True)
class Resource:
    """A stored resource. `version` grows within the pod and is never used again; `modified` has whole seconds."""

    url: ResourceUrl
    kind: Kind
    media_type: MediaType
    version: int
    modified: datetime
    size: int

    def etag(self, media_type: MediaType | None = None) -> ETag:
        """The strong tag of one representation (PR-59): the version, and a short name of the media type."""
        chosen = (media_type or self.media_type).essence
        return ETag(f"{self.version:x}-{_SHORT.get(chosen, 'x')}")


def representations(resource: Resource) -> tuple[MediaType, ...]:
    """The media types a resource is available in, the one its bytes are stored in first (PR-54, D20). A container has
    no stored form: its listing is written on demand, in Turtle unless something else is preferred (PR-35)."""
    if resource.kind is Kind.BINARY:
        return (resource.media_type,)
    if resource.kind is Kind.CONTAINER:
        return _RDF
    found = _STORED_FIRST.get(resource.media_type)
    if found is None:  # the type came with parameters
        others = (other for other in _RDF if other.essence != resource.media_type.essence)
        found = (resource.media_type, *others)
    return found


def current_tags(resource: Resource | None) -> tuple[ETag, ...]:
    """The tags of all its current representations; If-Match takes any of them (PR-59). Empty for what is not there."""
    if resource is None:
        return ()
    return tuple(resource.etag(media_type) for media_type in representations(resource))


_RDF = (TURTLE, JSON_LD, NTRIPLES)
_STORED_FIRST = {first: (first, *(other for other in _RDF if other != first)) for first in _RDF}

# Each representation has its own tag; a document is stored in one type and converts to the RDF types only.
_SHORT = {"text/turtle": "ttl", "application/ld+json": "jld", "application/n-triples": "nt"}


class ChangeSet(NamedTuple):
    """What one operation did, for the answer and for the notices. Auxiliaries stand under their own URL."""

    created: tuple[ResourceUrl, ...] = ()
    updated: tuple[ResourceUrl, ...] = ()
    deleted: tuple[ResourceUrl, ...] = ()
    resource: Resource | None = None  # the target after the change, None after a deletion
