"""ATK-25: a revoked permission that still reads, by a token, a cache, a condition, or another process."""

from __future__ import annotations

import time

import pytest

from tests.lock import NOON, Counter, agent
from tests.lock_live import LiveLock
from vault.app import open_machine
from vault.audit import AuditEvent
from vault.datasluis.answer import pause_grant, revoke_all, revoke_grant
from vault.datasluis.onboard import suspend_participant
from vault.datasluis.read import Look, View, Withheld, read_through_grant
from vault.ports import Vault
from vault.values import TURTLE, ParticipantId

pytestmark = pytest.mark.requirement("ATK-25")

TITLE = "Master in de rechten"


async def test_a_token_that_is_still_good_opens_nothing_after_revocation(lock: LiveLock) -> None:
    grant = await lock.granted()
    view = grant["items"][0]["view"]
    assert (await lock.call("GET", view, by="employer")).status == 200
    held = lock.person("employer").token
    lock.move(revoke_grant, grant)
    answer = await lock.call("GET", view, by="employer")
    assert lock.person("employer").token == held
    assert (answer.status, answer.json["reason"]) == (403, "grant-revoked")


async def test_a_condition_on_the_old_tag_does_not_bring_the_view_back(lock: LiveLock) -> None:
    grant = await lock.granted()
    view = grant["items"][0]["view"]
    tag = (await lock.call("GET", view, by="employer")).headers["ETag"]
    lock.move(revoke_grant, grant)
    for headers in (
        {"If_None_Match": tag},
        {"If_Match": tag},
        {"Range": "bytes=0-"},
        {"Cache_Control": "only-if-cached"},
    ):
        answer = await lock.call("GET", view, by="employer", **headers)
        assert (answer.status, answer.json["reason"]) == (403, "grant-revoked")
        assert "ETag" not in answer.headers


async def test_nobody_may_keep_a_view_in_between(lock: LiveLock) -> None:
    view = (await lock.granted())["items"][0]["view"]
    for method in ("GET", "HEAD"):
        answer = await lock.call(method, view, by="employer")
        assert answer.headers["Cache-Control"] == "private, no-store"
    refused = await lock.call("GET", view, by="landlord")
    assert "no-store" in refused.headers["Cache-Control"]


@pytest.mark.requirement("UX-15")
async def test_revocation_bites_within_the_second_every_time(lock: LiveLock) -> None:
    slowest = 0.0
    for _ in range(25):
        grant = await lock.granted("title")
        view = grant["items"][0]["view"]
        assert (await lock.call("GET", view, by="employer")).status == 200
        started = time.monotonic()
        lock.move(revoke_grant, grant)
        answer = await lock.call("GET", view, by="employer")
        slowest = max(slowest, time.monotonic() - started)
        assert answer.status == 403
        assert TITLE not in answer.text
    assert slowest < 1.0


async def test_revoking_in_one_process_stops_a_read_in_another(counter: Counter) -> None:
    """Two vaults on one store, as two workers have: the second has just read and parsed the document."""
    grant = await counter.granted()
    async with open_machine(counter.vault.settings, clock=counter.clock) as other:
        assert isinstance(await _look(other.vault, counter, grant.id), View)
        await counter.move(revoke_grant, grant.id)
        outcome = await _look(other.vault, counter, grant.id)
        assert isinstance(outcome, Withheld)
        assert outcome.refusal.reason == "grant-revoked"
        async with other.vault.writing() as work:
            await suspend_participant(work, ParticipantId("hr"), now=NOON)
    assert await counter.refused(await counter.stored(grant.id)) == "grant-revoked"


async def _look(vault: Vault, counter: Counter, grant: object) -> View | Withheld:
    return await read_through_grant(
        vault.reading,
        vault.writing,
        agent=agent("hr"),
        look=Look(grant, "diploma-1", TURTLE),  # type: ignore[arg-type]
        catalogue=vault.catalogue,
        blobs=vault.blobs,
        base_url=vault.base_url,
        limits=vault.settings.limits,
        clock=counter.clock,
    )


async def test_a_grant_that_is_revoked_between_looking_and_telling_releases_nothing(counter: Counter) -> None:
    """The judgement that counts is made in the transaction that writes the line, not in the look before it."""
    grant = await counter.granted()
    opened = 0
    vault = counter.vault

    def writing() -> object:
        nonlocal opened
        opened += 1
        return vault.writing()

    class Late:
        """The reading transaction, and after it the citizen's decision: just before the line is written."""

        async def __aenter__(self) -> object:
            self._inner = vault.reading()
            return await self._inner.__aenter__()

        async def __aexit__(self, *error: object) -> None:
            await self._inner.__aexit__(*error)  # type: ignore[arg-type]
            if (await counter.stored(grant.id)).state.value == "active":
                await counter.move(revoke_grant, grant.id)

    outcome = await read_through_grant(
        Late,  # type: ignore[arg-type]
        writing,  # type: ignore[arg-type]
        agent=agent("hr"),
        look=Look(grant.id, "diploma-1", TURTLE),
        catalogue=vault.catalogue,
        blobs=vault.blobs,
        base_url=vault.base_url,
        limits=vault.settings.limits,
        clock=counter.clock,
    )
    assert isinstance(outcome, Withheld)
    assert outcome.refusal.reason == "grant-revoked"
    assert opened == 1
    assert (await counter.events())[-2:] == [AuditEvent.GRANT_REVOKED, AuditEvent.GRANT_READ_REFUSED]
    assert (await counter.stored(grant.id)).reads == 0


async def test_stop_all_sharing_bites_at_once_for_every_grant(counter: Counter) -> None:
    grants = [await counter.granted() for _ in range(5)]
    await counter.move(pause_grant, grants[0].id)
    async with counter.vault.writing() as work:
        await revoke_all(work, citizen=counter.citizen, now=counter.clock())
    assert [await counter.refused(grant) for grant in grants] == ["grant-revoked"] * 5
