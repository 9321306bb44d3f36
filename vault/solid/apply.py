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
        draft = Draft(url, kind, media_type, self.now)
        if auxiliary(url) is not None:
            made = await self._work.resources.put(draft, body)
            self._created.append(url)
            await self._record(AuditEvent.RESOURCE_CREATED, url)
            await self._tell_of_subject(url)
            return made
        made = await self._work.resources.put(draft, body, shown_in=self._listings(url), moved=self.now)
        self._created.append(url)
        await self._record(AuditEvent.RESOURCE_CREATED, url)
        await self._tell(self._notice(url, "Create", state=made), self._notice(url, "Add", target=url.parent))
        return made

    async def replace(self, old: Resource, kind: Kind, media_type: MediaType, body: Body) -> Resource:
        """Writes a resource anew. A container keeps its date: that follows containment only (PR-32)."""
        self._take_room(body, old.size)
        above, contained = old.url.parent, auxiliary(old.url) is None
        # The listing above shows the size, date and type of a document (PR-33).
        shown_in = (above,) if kind is not Kind.CONTAINER and contained and above is not None else ()
        modified = old.modified if kind is Kind.CONTAINER else self.now
        made = await self._work.resources.put(Draft(old.url, kind, media_type, modified), body, shown_in=shown_in)
        self._updated.append(old.url)
        await self._record(AuditEvent.RESOURCE_UPDATED, old.url)
        if contained:
            await self._tell(self._notice(old.url, "Update", state=made))
        else:
            await self._tell_of_subject(old.url)
        return made

    async def remove(self, old: Resource) -> None:
        """Removes a resource with its auxiliaries and its containment triple (PR-74)."""
        url = old.url
        contained = auxiliary(url) is None
        await self._work.resources.remove(url, shown_in=self._listings(url) if contained else (), moved=self.now)
        self._deleted.append(url)
        await self._record(AuditEvent.RESOURCE_DELETED, url)
        if not contained:
            await self._tell_of_subject(url)
            return
        await self._tell(self._notice(url, "Delete"), self._notice(url, "Remove", target=url.parent))

    def finish(self, resource: Resource | None) -> ChangeSet:
        """What was done; `resource` is the target as it is now."""
        return ChangeSet(tuple(self._created), tuple(self._updated), tuple(self._deleted), resource)

    def _listings(self, url: ResourceUrl) -> tuple[ResourceUrl, ...]:
        """Where it shows that something is made or removed: in the container's listing and date, and in the container
        above, whose listing shows that date (PR-33), but whose own date stays: dates never climb (PR-32, TR-17)."""
        container = url.parent
        if container is None or container in self._created:  # made just now: nobody has seen it yet
            return ()
        above = container.parent
        return (container,) if above is None else (container, above)

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

    def _notice(
        self, url: ResourceUrl, kind: str, *, state: Resource | None = None, target: ResourceUrl | None = None
    ) -> Notice:
        opaque = None if state is None else state.etag().opaque
        place = None if target is None else target.iri(self._base_url)
        return Notice(url.iri(self._base_url), kind, self.now, place, opaque)

    async def _tell(self, notice: Notice, second: Notice | None = None) -> None:
        await self._work.outbox.append(self._pod.name, notice, second)

    async def _tell_of_subject(self, url: ResourceUrl) -> None:
        """A change of a description is an update of its subject. A change of an ACL is nobody else's business: its
        notice is told to nobody, and only has everybody who listens there judged anew (NP-11)."""
        found = auxiliary(url)
        if found is None:
            return
        if found[0] is Auxiliary.ACL:
            notice = Notice(found[1].iri(self._base_url), AuditEvent.ACL_CHANGED.value, self.now)
            await self._tell(notice)
            return
        if found[1].is_container:  # its listing shows what its description says of it
            await self._work.resources.touch(found[1], modified=None)
        subject = await self._work.resources.get(found[1])
        if subject is not None:
            await self._tell(self._notice(subject.url, "Update", state=subject))


def actor_of(caller: Caller) -> str:
    """Who an audit entry names for a request."""
    return caller.webid if isinstance(caller, Agent) else "anonymous"
