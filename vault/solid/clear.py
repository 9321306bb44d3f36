"""A pod that goes as a whole, in bounded steps. What happens to each document is not told one by one in the log: the
account that closes is one entry. Those who listen on a document hear that it is gone, for as long as its ACL still says
that they may: that is why the ACLs go last, after the channels."""

from __future__ import annotations

from datetime import datetime

from vault.solid.ports import SolidWork
from vault.values import Notice, PodName


async def clear_documents(work: SolidWork, pod: PodName, *, limit: int, base_url: str, now: datetime) -> int:
    """Removes up to `limit` documents and containers, with a Delete notice for each; 0 when none is left. A container
    is not told of its members, since it goes itself. Blobs that nothing stands on any more are swept later."""
    gone, moment = await work.resources.clear_documents(pod, limit=limit), now.replace(microsecond=0)
    for url in gone:
        await work.outbox.append(pod, Notice(url.iri(base_url), "Delete", moment))
    return len(gone)


async def clear_pod(work: SolidWork, pod: PodName, *, limit: int) -> int:
    """Removes up to `limit` of whatever is left, descriptions and ACLs last; 0 when nothing is."""
    return await work.resources.clear(pod, limit=limit)


async def retire_pod(work: SolidWork, pod: PodName) -> None:
    """Keeps the name of an emptied pod from being given again: a WebID that stands in other people's ACLs, in grants
    and in logs must never become somebody else's."""
    await work.resources.retire(pod)
