"""What happens without anybody asking: each chore forever, and a failure waits for the next round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from vault import observe
from vault.datasluis.lapse import lapse
from vault.identity.register import forget_disused
from vault.identity.rotate import RELOAD_SECONDS, reload_keys, retire_keys
from vault.ports import Vault

_HOUSEKEEPING_SECONDS: Final = 60.0
_MOST_ROUNDS: Final = 100
_SWEEP_SECONDS: Final = 3600.0


def house_chores(
    vault: Vault, *, expire: Callable[[], Awaitable[int]], sweep: Callable[[], Awaitable[int]]
) -> list[Coroutine[Any, Any, None]]:
    """What one worker does for all. `expire` forgets a bounded number of rows whose time is over, `sweep` blobs that
    nothing stands on; both say how many."""

    async def expiring() -> None:
        for _ in range(_MOST_ROUNDS):
            if not await expire():
                return
            await asyncio.sleep(0.1)  # others write too

    async def lapsing() -> None:
        await lapse(vault.writing, now=vault.clock())

    async def retiring() -> None:
        settings = vault.settings.identity
        for key_id in await retire_keys(vault.reading, vault.writing, settings=settings, now=vault.clock()):
            observe.event("signing-key-ended", key=key_id)

    async def sweeping() -> None:
        if removed := await sweep():
            observe.event("blobs-swept", count=removed)

    async def forgetting() -> None:
        if ended := await forget_disused(vault.reading, vault.writing, now=vault.clock()):
            observe.event("registrations-ended", count=ended)

    return [
        every(_HOUSEKEEPING_SECONDS, expiring),
        every(_HOUSEKEEPING_SECONDS, lapsing),
        every(_HOUSEKEEPING_SECONDS, retiring),
        every(_SWEEP_SECONDS, sweeping),
        every(_SWEEP_SECONDS, forgetting),
    ]


async def follow_keys(vault: Vault) -> None:
    """A signing key that was changed counts in every worker, without a restart."""

    async def follow() -> None:
        await reload_keys(vault.keys, vault.reading, now=vault.clock())

    await every(RELOAD_SECONDS, follow)


async def every(seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
    """Does the chore, and again after so many seconds, for as long as it is not cancelled."""
    while True:
        try:
            await chore()
        except Exception as error:
            observe.failure("chore-failed", error)
        await asyncio.sleep(seconds)
