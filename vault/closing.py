"""Removes accounts whose time to be kept is over: what they share ends first, then what stands in their pods goes, then
they themselves. Each step is a transaction of its own and the last that has to succeed: a kill loses nothing, and the
next round goes on from there."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from vault import observe
from vault.datasluis.leave import check_may_leave, end_sharing
from vault.errors import Forbidden
from vault.identity.accounts import Account
from vault.identity.close import OPERATOR, finish_closing, note_cleared, put_back, seal_off
from vault.notify.subscribe import end_all
from vault.ports import Vault, Work
from vault.solid.clear import clear_pod, retire_pod
from vault.values import AccountId, Citizen

_ACCOUNTS: Final = 20  # of one round
_STEPS: Final = 2000  # of one account in one round
AT_ONCE: Final = 200  # rows of one step: a few milliseconds of the writer


async def close_accounts(vault: Vault, *, at_once: int = AT_ONCE) -> int:
    """One round; how many accounts are gone now."""
    gone = 0
    async with vault.reading() as work:
        due = [account.id for account in await work.accounts.closing(vault.clock(), limit=_ACCOUNTS)]
    for account_id in due:
        for _ in range(_STEPS):
            if await close_step(vault, account_id, at_once=at_once):
                gone += 1
                break
            await asyncio.sleep(0)  # others write too
    if gone:
        observe.event("accounts-closed", count=gone)
    return gone


async def close_step(vault: Vault, account_id: AccountId, *, at_once: int = AT_ONCE) -> bool:
    """One transaction of a removal; True when nothing is left to do."""
    now = vault.clock()
    async with vault.writing() as work:
        account = await work.accounts.get(account_id)
        if account is None or account.closes is None or now < account.closes:
            return True
        if not account.cleared.begun:
            return await _begin(work, account, now)
        for held in await work.accounts.pods(account.id):
            citizen = Citizen(account.id, held.webid, held.pod, stepped_up=True)
            if ended := await end_sharing(work, citizen, now=now, limit=at_once):
                await note_cleared(work, account, sharing=ended)
                return False
            if await end_all(work, held.pod, held.webid, now=now, limit=at_once):
                return False
            removed = await clear_pod(work, held.pod, limit=at_once)
            if removed:
                await note_cleared(work, account, documents=removed)
            if removed or await work.deposits.clear(held.pod, limit=at_once):
                return False
            await retire_pod(work, held.pod)
        await finish_closing(work, account, settings=vault.settings, now=now)
        return True


async def _begin(work: Work, account: Account, now: datetime) -> bool:
    """Nobody signs in any more. An account that became an organisation's meanwhile is kept."""
    try:
        await check_may_leave(work, account)
    except Forbidden:
        await put_back(work, account, actor=OPERATOR, now=now)
        return True
    await seal_off(work, account)
    return False
