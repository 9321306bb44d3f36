"""How many letters a stranger may have sent from here, and how much a stranger may have kept: counted before anything
is looked up, so that nobody can fill a mailbox or a table, and the same for every address (ATK-29)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from vault.config import Settings
from vault.errors import TooMany
from vault.identity.accounts import email_key
from vault.identity.ports import Tries
from vault.identity.sign_in import Visitor, check_tries
from vault.identity.tokens import digest

LETTERS_AN_HOUR: Final = 5  # to one mailbox
_KEPT: Final = 10  # times as many things kept as sign-ins may fail, within the same window
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


async def count_letter(tries: Tries, *, email: str, visitor: Visitor, settings: Settings, now: datetime) -> None:
    """Counted before anything is looked up, the same for every address: raises TooMany beyond the limit of this
    network address, or of this mailbox (ATK-29)."""
    theirs, mailbox = f"letters:{digest(visitor.address)}", f"mailbox:{digest(email_key(email))}"
    await check_tries(tries, (theirs,), settings, now)
    await tries.add(theirs, now=now)
    if await tries.count(mailbox, window_seconds=_HOUR, now=now) >= LETTERS_AN_HOUR:
        raise TooMany("letters", "Enough letters went to this address. Try again in an hour.", retry_after=_HOUR)
    await tries.add(mailbox, now=now)


async def count_kept(tries: Tries, what: str, *, address: str, settings: Settings, now: datetime) -> None:
    """What anybody may have kept here without proving who they are, such as the registration of a client: raises
    TooMany for an address that fills a table with it."""
    key, window = f"{what}:{digest(address)}", settings.limits.sign_in_window_seconds
    if await tries.count(key, window_seconds=window, now=now) >= settings.limits.sign_in_tries * _KEPT:
        raise TooMany(what, "Too many of these from one address.", retry_after=window)
    await tries.add(key, now=now)


async def first_of_day(tries: Tries, *, email: str, now: datetime) -> bool:
    """Whether nobody was told today that there is no account for this address: once is help, more is a nuisance."""
    key = f"nobody-here:{digest(email_key(email))}"
    first = not await tries.count(key, window_seconds=_DAY, now=now)
    await tries.add(key, now=now)
    return first
