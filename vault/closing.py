"""Removes accounts whose time to be kept is over: what they share ends first, then their documents go, then those who
listened are let go and the ACLs with them, then they themselves. Each step is a transaction of its own and the last
that has to succeed: a kill loses nothing, and the next round goes on from there.

    sealed off ──▶ nothing shared ──▶ emptied ──▶ listeners told, or given up ──▶ cleared ──▶ gone
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from vault import observe
from vault.datasluis.leave import check_may_leave, end_sharing
from vault.errors import Forbidden
from vault.identity.accounts import Account, HeldPod
from vault.identity.close import OPERATOR, finish_closing, note_cleared, note_emptied, put_back, seal_off
from vault.notify.subscribe import end_all
from vault.ports import Vault, Work
from vault.solid.clear import clear_documents, clear_pod, retire_pod
from vault.values import AccountId, Citizen

_ACCOUNTS: Final = 20  # of one round
_STEPS: Final = 2000  # of one account in one round
AT_ONCE: Final = 200  # rows of one step: a few milliseconds of the writer
HEARD: Final = timedelta(seconds=10)  # whoever listens has looked by then
TOLD: Final = timedelta(minutes=10)  # a webhook that has not taken it by then is not waited for


class Step(Enum):
    """What comes after a step of a removal."""

    ANOTHER = auto()
    LATER = auto()  # those who listen are being told
    NONE = auto()


async def close_accounts(vault: Vault, *, at_once: int = AT_ONCE) -> int:
    """One round; how many accounts are gone now."""
    gone = 0
    async with vault.reading() as work:
        due = [account.id for account in await work.accounts.closing(vault.clock(), limit=_ACCOUNTS)]
    for account_id in due:
        for _ in range(_STEPS):
            step = await close_step(vault, account_id, at_once=at_once)
            gone += step is Step.NONE
            if step is not Step.ANOTHER:
                break
            await asyncio.sleep(0)  # others write too
    if gone:
        observe.event("accounts-closed", count=gone)
    return gone


async def close_step(vault: Vault, account_id: AccountId, *, at_once: int = AT_ONCE) -> Step:
    """One transaction of a removal."""
    now = vault.clock()
    async with vault.writing() as work:
        account = await work.accounts.get(account_id)
        if account is None or account.closes is None or now < account.closes:
            return Step.NONE
        if not account.cleared.begun:
            return await _begin(work, account, now)
        pods = await work.accounts.pods(account.id)
        for held in pods:
            if await _emptied_some(work, account, held, vault.base_url, now=now, limit=at_once):
                return Step.ANOTHER
        if account.cleared.emptied is None:
            await note_emptied(work, account, now=now)
            return Step.ANOTHER
        for held in pods:
            if await _is_listened(work, held, vault.base_url, emptied=account.cleared.emptied, now=now):
                return Step.LATER
        for held in pods:
            if await _cleared_some(work, account, held, now=now, limit=at_once):
                return Step.ANOTHER
            await retire_pod(work, held.pod)
        await finish_closing(work, account, settings=vault.settings, now=now)
        return Step.NONE


async def _begin(work: Work, account: Account, now: datetime) -> Step:
    """Nobody signs in any more. An account that became an organisation's meanwhile is kept."""
    try:
        await check_may_leave(work, account)
    except Forbidden:
        await put_back(work, account, actor=OPERATOR, now=now)
        return Step.NONE
    await seal_off(work, account)
    return Step.ANOTHER


async def _emptied_some(
    work: Work, account: Account, held: HeldPod, base_url: str, *, now: datetime, limit: int
) -> bool:
    """Ends up to `limit` of what the pod shares, or removes as many of its documents; False when there is none."""
    citizen = Citizen(account.id, held.webid, held.pod, stepped_up=True)
    if ended := await end_sharing(work, citizen, now=now, limit=limit):
        await note_cleared(work, account, sharing=ended)
        return True
    if removed := await clear_documents(work, held.pod, limit=limit, base_url=base_url, now=now):
        await note_cleared(work, account, documents=removed)
        return True
    return await work.deposits.clear(held.pod, limit=limit) > 0


async def _is_listened(work: Work, held: HeldPod, base_url: str, *, emptied: datetime, now: datetime) -> bool:
    """Whether somebody may still be told that what they watched is gone. Until then the ACLs stay, by which it is
    judged who may hear it (NP-11)."""
    if now >= emptied + TOLD or not await work.subscriptions.any_in(held.pod):
        return False
    return now < emptied + HEARD or await work.deliveries.owed(held.pod, storage=f"{base_url}{held.pod}")


async def _cleared_some(work: Work, account: Account, held: HeldPod, *, now: datetime, limit: int) -> bool:
    """Ends up to `limit` channels, or removes as many descriptions and ACLs; False when there is none."""
    if await end_all(work, held.pod, held.webid, now=now, limit=limit):
        return True
    removed = await clear_pod(work, held.pod, limit=limit)
    if removed:
        await note_cleared(work, account, documents=removed)
    return removed > 0
