"""What happens without anybody asking: each chore forever, and a failure waits for the next round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

from vault import observe
from vault.closing import close_accounts
from vault.datasluis.lapse import lapse
from vault.identity.correspond import has_mail
from vault.identity.post import send_due
from vault.identity.register import forget_disused
from vault.identity.rotate import RELOAD_SECONDS, reload_keys, retire_keys
from vault.outbound.mail import SmtpCarrier
from vault.ports import Vault
from vault.storage.database import Database
from vault.web.letters import compose

_HOUSEKEEPING_SECONDS: Final = 60.0
_MOST_ROUNDS: Final = 100
_SWEEP_SECONDS: Final = 3600.0
_POST_SECONDS: Final = 2.0  # somebody waits for the letter


def house_chores(vault: Vault, database: Database) -> list[Coroutine[Any, Any, None]]:
    """What one worker does for all."""
    found = [
        every(_HOUSEKEEPING_SECONDS, partial(expire, vault, database)),
        every(_HOUSEKEEPING_SECONDS, partial(end_lapsed, vault)),
        every(_HOUSEKEEPING_SECONDS, partial(end_keys, vault)),
        every(_HOUSEKEEPING_SECONDS, partial(close_accounts, vault)),
        every(_SWEEP_SECONDS, partial(sweep, vault, database)),
        every(_SWEEP_SECONDS, partial(end_registrations, vault)),
    ]
    return found + ([every(_POST_SECONDS, partial(post_letters, vault))] if has_mail(vault.settings) else [])


async def expire(vault: Vault, database: Database) -> None:
    """Forgets rows whose time is over."""
    for _ in range(_MOST_ROUNDS):
        if not await database.housekeeping(vault.clock(), identity=vault.settings.identity):
            return
        await asyncio.sleep(0.1)  # others write too


async def end_lapsed(vault: Vault) -> None:
    """Ends requests and grants past their time."""
    await lapse(vault.writing, now=vault.clock())


async def end_keys(vault: Vault) -> None:
    """Removes signing keys that nothing valid was signed with any more."""
    settings = vault.settings.identity
    for key_id in await retire_keys(vault.reading, vault.writing, settings=settings, now=vault.clock()):
        observe.event("signing-key-ended", key=key_id)


async def sweep(vault: Vault, database: Database) -> None:
    """Removes blobs that no resource stands on."""
    if removed := await database.blobs.sweep(database.referenced, now=vault.clock()):
        observe.event("blobs-swept", count=removed)


async def end_registrations(vault: Vault) -> None:
    """Forgets clients that registered themselves and were not used."""
    if ended := await forget_disused(vault.reading, vault.writing, now=vault.clock()):
        observe.event("registrations-ended", count=ended)


async def post_letters(vault: Vault) -> int:
    """Sends the letters that are due, beside whoever else does on this store; how many left."""
    settings = vault.settings
    return await send_due(
        reading=vault.reading,
        writing=vault.writing,
        carrier=SmtpCarrier(settings),
        compose=partial(compose, settings=settings, key=vault.secrets.links),
        settings=settings.mail,
        clock=vault.clock,
    )


async def follow_keys(vault: Vault) -> None:
    """A signing key that was changed counts in every worker, without a restart."""

    async def follow() -> None:
        await reload_keys(vault.keys, vault.reading, now=vault.clock())

    await every(RELOAD_SECONDS, follow)


async def every(seconds: float, chore: Callable[[], Awaitable[object]]) -> None:
    """Does the chore, and again after so many seconds, for as long as it is not cancelled."""
    while True:
        try:
            await chore()
        except Exception as error:
            observe.failure("chore-failed", error)
        await asyncio.sleep(seconds)
