"""What the Solid server needs of the store and of the blobs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vault.audit import AuditLog
from vault.solid.resource import BlobRef, Body, Draft, Pod, Resource
from vault.values import MediaType, Notice, PodName, ResourceUrl


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes, first and last inclusive (RFC 9110 §14.1.1)."""

    first: int
    last: int


class Resources(Protocol):
    """Resources of pods inside one transaction. Auxiliaries (.acl, .meta) are rows too, but never children.

    The store keeps the facts; it decides nothing: parents, containment rules and quotas are the verbs' business.
    """

    async def pod(self, name: PodName, /) -> Pod | None: ...
    async def add_pod(self, pod: Pod, /) -> None:
        """Raises Conflict("pod-exists") when the name is taken."""
        ...

    async def version(self, pod: PodName, /) -> int:
        """A number that moves with every change in the pod and never comes back; 0 when there is no such pod."""
        ...

    async def look(self, url: ResourceUrl, /) -> None:
        """Looks in one go at a place and at all that a write there asks about: its pod, container, subject and twin,
        and where its ACL may be. To ask for one of these afterwards costs next to nothing, in this transaction and
        before anything is written."""
        ...

    async def get(self, url: ResourceUrl, /) -> Resource | None: ...
    async def body(self, url: ResourceUrl, /) -> Body | None:
        """The bytes as written; None when there is no such resource. A container has an Inline body of its own
        descriptive triples in Turtle, often empty."""
        ...

    def children(self, url: ResourceUrl, /, *, after: str = "", limit: int | None = None) -> AsyncIterator[Resource]:
        """The direct members of a container, in code point order of their paths, without auxiliaries; those whose
        path is greater than `after`. Streams: never holds the whole listing in memory."""
        ...

    async def folders(self, url: ResourceUrl, /, *, limit: int) -> list[ResourceUrl]:
        """The containers among the direct members of a container, the first `limit` of them by their paths."""
        ...

    async def count_children(self, url: ResourceUrl, /, *, most: int) -> int:
        """How many direct members a container has; it stops counting at `most`."""
        ...

    async def has_children(self, url: ResourceUrl, /) -> bool: ...
    async def put(
        self,
        draft: Draft,
        body: Body,
        /,
        *,
        shown_in: Sequence[ResourceUrl] = (),
        moved: datetime | None = None,
    ) -> Resource:
        """Writes or replaces one resource: next version of the pod, size from the body, used bytes adjusted.

        `shown_in`: one or two containers whose listings show the change, and which get a new version with it. `moved`:
        the date that the first of them gets, when its containment changed (PR-32).
        """
        ...

    async def touch(self, url: ResourceUrl, /, *, modified: datetime | None) -> None:
        """Gives a container a new version because its listing changed; `modified` only when containment changed
        (PR-32)."""
        ...

    async def remove(
        self, url: ResourceUrl, /, *, shown_in: Sequence[ResourceUrl] = (), moved: datetime | None = None
    ) -> None:
        """Removes one resource with its auxiliaries (PR-45) and adjusts used bytes; the rest as in `put`. The caller
        has checked that a container is empty."""
        ...

    async def clear(self, pod: PodName, /, *, limit: int) -> int:
        """Removes up to `limit` resources of a pod that goes as a whole; how many. Descriptions and ACLs go last, so
        that nothing is ever governed by another ACL than its own."""
        ...

    async def clear_documents(self, pod: PodName, /, *, limit: int) -> list[ResourceUrl]:
        """Removes up to `limit` documents and containers of such a pod, members before what holds them; which those
        were. Descriptions and ACLs stay, and go on saying who could read what."""
        ...

    async def retire(self, pod: PodName, /) -> None:
        """Leaves of an emptied pod its name: it has no owner, no room, and is never given again."""
        ...


class Outbox(Protocol):
    """Notices to send after the commit."""

    async def append(self, pod: PodName, notice: Notice, second: Notice | None = None, /) -> None: ...


class Blobs(Protocol):
    """Content-addressed bodies, outside the transaction."""

    async def save(self, chunks: AsyncIterator[bytes], /, *, limit: int) -> BlobRef:
        """Streams to disk, fsyncs, and names the file by its hash. Raises TooLarge beyond `limit` bytes and leaves
        nothing behind."""
        ...

    def open(self, ref: BlobRef, /, span: Span | None = None) -> AsyncIterator[bytes]: ...
    def through(self, pieces: AsyncGenerator[bytes, None], /) -> AsyncGenerator[bytes, None]:
        """The same bytes: taken as fast as `pieces` makes them, given as slowly as they are wanted. What waits in
        between stands on disk, not in memory, and under no name. Raises Unavailable before the first byte when too
        much waits already."""
        ...


class Conversions(Protocol):
    """Converted representations, keyed by URL, version and media type; may be emptied at any moment."""

    def get(self, resource: Resource, wanted: MediaType, /) -> bytes | None: ...
    def put(self, resource: Resource, wanted: MediaType, data: bytes, /) -> None: ...


class SolidWork(Protocol):
    """The slice of one transaction that the Solid server uses."""

    @property
    def resources(self) -> Resources: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def audit(self) -> AuditLog: ...
