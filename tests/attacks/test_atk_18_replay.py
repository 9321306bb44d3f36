"""ATK-18: a DPoP proof is good once, for as long as it could be accepted, and for every worker."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.browser import ask, machine, refused
from tests.forge import Holder
from tests.live import serving
from tests.people import Person, Visitor, visiting
from vault.config import IdentitySettings, Limits, StorageSettings
from vault.errors import Unauthenticated
from vault.identity.dpop import check_proof
from vault.storage.database import Database

URL = "https://vault.example/alice/"


def outcome(proof: str, now: datetime) -> datetime | str:
    """Until when the proof must be remembered, or why it is refused."""
    try:
        checked = check_proof((proof,), method="GET", url=URL, now=now, settings=IdentitySettings(), limits=Limits())
    except Unauthenticated as refusal:
        return refusal.reason
    return checked.until


@pytest.mark.requirement("ATK-18", "RS-5")
def test_atk_18_proof_is_remembered_for_as_long_as_it_is_accepted() -> None:
    made = datetime(2026, 11, 24, 12, tzinfo=UTC)
    proof = Holder().proof("GET", URL, iat=int(made.timestamp()))
    until = outcome(proof, made)
    assert isinstance(until, datetime)
    # At the window's very end it is still accepted, and still remembered; just after it, neither is needed.
    assert outcome(proof, until) == until
    assert outcome(proof, until + timedelta(seconds=1)) == "proof-time"
    assert outcome(proof, made - timedelta(seconds=120)) == until
    assert outcome(proof, made - timedelta(seconds=121)) == "proof-time"


@pytest.mark.requirement("ATK-18", "VEC-P38")
async def test_vec_p38_proof_seen_by_one_worker_is_refused_by_another(tmp_path: Path) -> None:
    """Two workers are two processes on one store; their view of replays is what the store shares."""

    def clock() -> datetime:
        return datetime.now(UTC)

    settings = StorageSettings(data=tmp_path)
    one = await Database.open(settings, clock=clock)
    other = await Database.open(settings, clock=clock)
    try:
        until = clock() + timedelta(minutes=4)
        assert await one.replays.claim("a" * 64, until=until)
        assert not await other.replays.claim("a" * 64, until=until)
        assert await other.replays.claim("b" * 64, until=until)
        for number in range(50):
            tries = (one.replays, other.replays, one.replays, other.replays)
            passed = await asyncio.gather(*(replays.claim(f"{number:064}", until=until) for replays in tries))
            assert passed.count(True) == 1
    finally:
        await other.close()
        await one.close()


@pytest.mark.requirement("ATK-18", "CH-10")
async def test_atk_18_request_that_met_429_may_be_sent_again_with_its_proof(tmp_path: Path) -> None:
    with serving(tmp_path, limits={"requests_per_minute": 6}) as live:
        async with visiting(live.base_url) as http:
            alice = live.people["alice"]
            holder = await machine(http, alice)
            proof = holder.proof("GET", alice.pod)
            for _ in range(8):
                last = await http.get(f"{alice.pod}profile/card")
            assert last.status == 429
            assert (await ask(http, holder, alice.pod, proof=proof)).status == 429

        async def claimed(vault: object) -> bool:
            assert live.machine is not None
            checked = check_proof(
                (proof,),
                method="GET",
                url=alice.pod,
                now=live.machine.vault.clock(),
                settings=live.machine.vault.settings.identity,
                limits=live.machine.vault.settings.limits,
            )
            return await live.machine.vault.replays.claim(checked.id, until=checked.until)

        assert live.within(claimed), "the proof was used up by a request that was refused for its rate"


@pytest.mark.requirement("ATK-18", "RS-6")
async def test_atk_18_one_jti_may_serve_two_requests_and_two_keys(http: Visitor, alice: Person) -> None:
    """What is claimed is the identifier together with key, method and URL: nobody can use up another's proofs."""
    first, second = await machine(http, alice), await machine(http, alice)
    card = f"{alice.pod}profile/card"
    for holder, method, url in (
        (first, "GET", alice.pod),
        (first, "HEAD", alice.pod),
        (first, "GET", card),
        (second, "GET", alice.pod),
    ):
        proof = holder.proof(method, url, jti="the same identifier")
        assert (await ask(http, holder, url, method=method, proof=proof)).status == 200
        assert refused(await ask(http, holder, url, method=method, proof=proof), "invalid_dpop_proof")
