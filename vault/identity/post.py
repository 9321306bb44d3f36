"""Sends the letters that are due, each by one sender at a time, however many servers share the store.

    due ──▶ claimed until its lease ends ──▶ taken by the mail server, and gone
     ▲          ├──▶ due again later, or given up, after a failure
     └──────────┘    and due when the lease has ended: its sender died

A letter leaves the pile only after it was taken, so that no kill loses one; one that was on its way in that moment goes
again with the same Message-ID, by which a mailbox can tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from vault import observe
from vault.config import MailSettings
from vault.identity.letters import Letter, LetterText, MailLink, NotDeliveredError, after_failure, can_follow
from vault.identity.ports import Carrier, Transact
from vault.values import Clock

Compose: TypeAlias = Callable[[Letter, MailLink | None], LetterText]

LEASE: Final = timedelta(seconds=60)  # how long a letter is its sender's
_CARRY_SECONDS: Final = 40.0  # so that it is over well before, by clocks that differ a little
_AT_ONCE: Final = 50


async def send_due(
    *, reading: Transact, writing: Transact, carrier: Carrier, compose: Compose, settings: MailSettings, clock: Clock
) -> int:
    """One round over what is due, the oldest first; how many letters left. When the server cannot be reached, the
    others wait for the next round. A letter whose link leads nowhere any more is not sent."""
    sent = 0
    async with reading() as work:
        count = len(await work.letters.due(clock(), limit=_AT_ONCE))
    for _ in range(count):
        now = clock()
        letter, link = await _claim(writing, now)
        if letter is None:
            break  # another sender has the rest
        if letter.link is not None and (link is None or not can_follow(link, link.purpose, now)):
            await _take_off(writing, letter)
            observe.event("letter-too-late", kind=letter.kind.value)
            continue
        try:
            await _whole(_send(writing, carrier, letter, compose(letter, link)))
            sent += 1
        except NotDeliveredError as failed:
            await _note(writing, letter, failed, settings=settings, now=clock())
            if failed.everybody:
                break
    return sent


async def _claim(writing: Transact, now: datetime) -> tuple[Letter | None, MailLink | None]:
    """The letter that has waited longest, ours until its lease ends; and the link it carries."""
    async with writing() as work:
        letter = await work.letters.claim(now, until=now + LEASE)
        link = await work.mail_links.get(letter.link) if letter is not None and letter.link is not None else None
        return letter, link


async def _send(writing: Transact, carrier: Carrier, letter: Letter, text: LetterText) -> None:
    try:
        async with asyncio.timeout(_CARRY_SECONDS):
            await carrier.carry(letter, text)
    except TimeoutError:
        raise NotDeliveredError("too-slow", everybody=True) from None
    await _take_off(writing, letter)


async def _take_off(writing: Transact, letter: Letter) -> None:
    async with writing() as work:
        await work.letters.remove(letter.id)


async def _note(
    writing: Transact, letter: Letter, failed: NotDeliveredError, *, settings: MailSettings, now: datetime
) -> None:
    after = after_failure(
        letter,
        failed.reason,
        final=failed.final,
        tries=settings.mail_tries,
        wait_seconds=settings.mail_retry_seconds,
        now=now,
    )
    async with writing() as work:
        await work.letters.give_back(after, lease=letter.due)
    if after.given_up:
        observe.warning("letter-given-up", kind=letter.kind.value, reason=failed.reason)


async def _whole(deed: Coroutine[Any, Any, None]) -> None:
    """An orderly stop lets the letter that is on its way arrive, and notes it: it is never sent twice knowingly."""
    task = asyncio.create_task(deed)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
