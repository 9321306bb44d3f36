"""A pod that goes as a whole, in bounded steps. What happens to each document is not told one by one, neither in the
log nor to those who listened: the account that closes is one entry, and their channels end before."""

from __future__ import annotations

from vault.solid.ports import SolidWork
from vault.values import PodName


async def clear_pod(work: SolidWork, pod: PodName, *, limit: int) -> int:
    """Removes up to `limit` documents, containers, descriptions and ACLs; 0 when nothing is left. Blobs that nothing
    stands on any more are swept later."""
    return await work.resources.clear(pod, limit=limit)


async def retire_pod(work: SolidWork, pod: PodName) -> None:
    """Keeps the name of an emptied pod from being given again: a WebID that stands in other people's ACLs, in grants
    and in logs must never become somebody else's."""
    await work.resources.retire(pod)
