"""One change of a pod, as it is laid down: rows, listings, notices and audit entries in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vault.audit import AuditDraft, AuditEvent
from vault.errors import Missing, OverQuota
from vault.solid.paths import Auxiliary, auxiliary
from vault.solid.ports import SolidWork
from vault.solid.resource import Body, ChangeSet, Draft, Inline, Kind, Pod, Resource
from vault.values import TURTLE, Agent, Caller, MediaType, Notice, ResourceUrl

EMPTY = Inline(b"")


async def open_change(work: SolidWork, target: ResourceUrl, *, actor: str, now: datetime, base_url: str) -> Change:
    """Begins a change in the pod of `target`. `actor`: a WebID, a participant id, "anonymous" or "operator"."""
    pod = await work.resources.pod(target.pod)
    if pod is None:
        raise Missing("no-such-storage", "There is no storage here.")
    return Change(work, pod, actor=actor, now=now, base_url=base_url)


class Change:
    """Collects what one operation does; `finish()` says it. Nothing here decides: that is done in write.py."""

    def __init__(self, work: SolidWork, pod: Pod, *, actor: str, now: datetime, base_url: str) -> None:
        self._work = work
        self._pod = pod
        self._actor = actor
        self._base_url = base_url
        self._room = pod.quota_bytes - pod.used_bytes
        self.now = now.replace(microsecond=0)  # what Last-Modified can say
        self._created: list[ResourceUrl] = []
        self._updated: list[ResourceUrl] = []
        self._deleted: list[ResourceUrl] = []

    async def make_containers(self, missing: Sequence[ResourceUrl]) -> None:
        """Creates the missing containers above a new resource, the highest first, with their containment (PR-61)."""
        for url in reversed(missing):
            await self.create(url, Kind.CONTAINER, TURTLE, EMPTY)

    async def create(self, url: ResourceUrl, kind: Kind, media_type: MediaType, body: Body) -> Resource:
        """Writes a new resource and shows it in the listing of its container, which exists."""
        self._take_room(body, 0)
        made = await self._work.resources.put(Draft(url, kind, media_type, self.now), body)
        self._created.append(url)
        await self._record(AuditEvent.RESOURCE_CREATED, url)
        if auxiliary(url) is None:
            await self._relist(url)
            await self._tell(url, "Create", state=made)
            await self._tell(url, "Add", target=url.parent)
        else:
            await self._tell_of_subject(url)
        return made

    async def replace(self, old: Resource, kind: Kind, media_type: MediaType, body: Body) -> Resource:
        """Writes a resource anew. A container keeps its date: that follows containment only (PR-32)."""
        self._take_room(body, old.size)
        modified = old.modified if kind is Kind.CONTAINER else self.now
        made = await self._work.resources.put(Draft(old.url, kind, media_type, modified), body)
        self._updated.append(old.url)
        await self._record(AuditEvent.RESOURCE_UPDATED, old.url)
        if auxiliary(old.url) is not None:
            await self._tell_of_subject(old.url)
            return made
        above = old.url.parent
        if kind is not Kind.CONTAINER and above is not None:  # the listing shows its size, date and type (PR-33)
            await self._work.resources.touch(above, modified=None)
        await self._tell(old.url, "Update", state=made)
        return made

    async def remove(self, old: Resource) -> None:
        """Removes a resource with its auxiliaries and its containment triple (PR-74)."""
        await self._work.resources.remove(old.url)
        self._deleted.append(old.url)
        await self._record(AuditEvent.RESOURCE_DELETED, old.url)
        if auxiliary(old.url) is not None:
            await self._tell_of_subject(old.url)
            return
        await self._relist(old.url)
        await self._tell(old.url, "Delete")
        await self._tell(old.url, "Remove", target=old.url.parent)

    def finish(self, resource: Resource | None) -> ChangeSet:
        """What was done; `resource` is the target as it is now."""
        return ChangeSet(tuple(self._created), tuple(self._updated), tuple(self._deleted), resource)

    async def _relist(self, url: ResourceUrl) -> None:
        """The container's listing and date changed; so did the date that the container above it shows (PR-33), but
        not that one's own: dates never climb (PR-32, TR-17)."""
        container = url.parent
        if container is None or container in self._created:  # made just now: nobody has seen it yet
            return
        await self._work.resources.touch(container, modified=self.now)
        if container.parent is not None:
            await self._work.resources.touch(container.parent, modified=None)

    def _take_room(self, body: Body, before: int) -> None:
        growth = (len(body.data) if isinstance(body, Inline) else body.size) - before
        if growth > 0 and growth > self._room:
            raise OverQuota("over-quota", "The pod has no room for this.")
        self._room -= growth

    async def _record(self, event: AuditEvent, url: ResourceUrl) -> None:
        found = auxiliary(url)
        if found is not None and found[0] is Auxiliary.ACL:
            event = AuditEvent.ACL_CHANGED
        await self._work.audit.append(AuditDraft(url.pod, self.now, event, self._actor, url.path))

    async def _tell(
        self, url: ResourceUrl, kind: str, *, state: Resource | None = None, target: ResourceUrl | None = None
    ) -> None:
        opaque = None if state is None else state.etag().opaque
        place = None if target is None else target.iri(self._base_url)
        notice = Notice(url.iri(self._base_url), kind, self.now, place, opaque)
        await self._work.outbox.append(url.pod, notice)

    async def _tell_of_subject(self, url: ResourceUrl) -> None:
        """A change of a description is an update of its subject. A change of an ACL is nobody else's business: its
        notice is told to nobody, and only has everybody who listens there judged anew (NP-11)."""
        found = auxiliary(url)
        if found is None:
            return
        if found[0] is Auxiliary.ACL:
            await self._work.outbox.append(
                url.pod, Notice(found[1].iri(self._base_url), AuditEvent.ACL_CHANGED.value, self.now)
            )
            return
        if found[1].is_container:  # its listing shows what its description says of it
            await self._work.resources.touch(found[1], modified=None)
        subject = await self._work.resources.get(found[1])
        if subject is not None:
            await self._tell(subject.url, "Update", state=subject)


def actor_of(caller: Caller) -> str:
    """Who an audit entry names for a request."""
    return caller.webid if isinstance(caller, Agent) else "anonymous"
