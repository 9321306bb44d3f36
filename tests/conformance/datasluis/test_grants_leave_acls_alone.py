"""A grant opens its own door: no ACL of the pod is written, changed or removed by giving, using or ending one."""

from __future__ import annotations

import pytest

from tests.lock import LOTTE, Counter, document
from vault.datasluis.answer import revoke_grant
from vault.solid.paths import acl_of
from vault.values import ResourceUrl


async def acls(counter: Counter) -> dict[str, int | None]:
    """The ACL of the document and of each container above it: the version stored, None where there is none."""
    found: dict[str, int | None] = {}
    place: ResourceUrl | None = document("diploma", pod=LOTTE)
    async with counter.vault.reading() as work:
        while place is not None:
            stored = await work.resources.get(acl_of(place))
            found[place.path] = None if stored is None else stored.version
            place = place.parent
    return found


@pytest.mark.requirement("D14")
async def test_giving_using_and_ending_a_grant_writes_no_acl(counter: Counter) -> None:
    before = await acls(counter)
    grant = await counter.granted("title")
    assert await acls(counter) == before
    assert (await counter.viewed(grant)).body
    assert await acls(counter) == before
    await counter.move(revoke_grant, grant.id)
    assert await acls(counter) == before
