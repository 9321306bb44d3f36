"""An account closes: asked for, kept after all, and at the end removed with everything that identity keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Gone, Missing
from vault.identity.accounts import Account
from vault.identity.correspond import find_link, make_link, use_link, write_to_owner
from vault.identity.letters import LetterKind, LinkPurpose, link_token, read_link_token
from vault.identity.ports import IdentityWork
from vault.identity.stand import sign_everything_out
from vault.values import AccountId

OPERATOR: Final = "operator"
_RECEIPT: Final = "closed-"  # no link that is mailed has an id like this
_PAGE: Final = 500
_LOOKED_BACK: Final = 20  # pages


@dataclass(frozen=True, slots=True)
class Receipt:
    """That an account is closed since `at`, or, not `done` yet, will be; and how much went."""

    at: datetime
    done: bool
    documents: int = 0
    sharing: int = 0


async def begin_closing(
    work: IdentityWork,
    account: Account,
    *,
    actor: str,
    settings: Settings,
    now: datetime,
    language: str | None = None,
    at_once: bool = False,
) -> Account:
    """From now on it can be kept for `closing_days`, and everything works but new sharing. A letter with a link to
    keep it goes out, in `language` when it is given, and so will the receipt. Raises Conflict("closing-already").
    `at_once` is the operator's: nothing to wait for."""
    if account.closes is not None and not at_once:
        raise Conflict("closing-already", "This account is to be closed already.")
    closes = now if at_once else now + timedelta(days=settings.identity.closing_days)
    closing = replace(account, closes=closes, language=language or account.language)
    await work.accounts.replace(closing)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.ACCOUNT_CLOSING, actor, account.id))
    if not at_once:
        purpose = LinkPurpose.KEEP_ACCOUNT
        link = await make_link(work, purpose, email=account.email, expires=closes, account=account.id)
        await write_to_owner(work, closing, LetterKind.CLOSING, settings=settings, now=now, link=link)
    return closing


async def keep_account(work: IdentityWork, account_id: AccountId, *, actor: str | None, now: datetime) -> Account:
    """It is not closed after all; `actor` None is the owner. Raises Gone("account-closed") when the time is over."""
    account = await work.accounts.get(account_id)
    if account is None or account.closes is None or now >= account.closes or account.cleared.begun:
        raise Gone("account-closed", "There is nothing to keep: this account is not being closed, or is gone.")
    return await put_back(work, account, actor=actor, now=now)


async def put_back(work: IdentityWork, account: Account, *, actor: str | None, now: datetime) -> Account:
    """The account as if nobody had asked to close it."""
    kept = replace(account, closes=None)
    await work.accounts.replace(kept)
    await work.mail_links.end_for(account.id, LinkPurpose.KEEP_ACCOUNT)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.ACCOUNT_KEPT, actor or account.webid, account.id))
    return kept


async def account_to_keep(work: IdentityWork, token: str, *, key: bytes, now: datetime) -> Account:
    """Which account the link in a letter would keep; for looking at. Raises Gone("link-over")."""
    link = await find_link(work, token, LinkPurpose.KEEP_ACCOUNT, key=key, now=now)
    account = await work.accounts.get(link.account) if link.account is not None else None
    if account is None or account.closes is None:
        raise Gone("link-over", "This link was used already or is too old.")
    return account


async def keep_by_link(work: IdentityWork, token: str, *, key: bytes, now: datetime) -> Account:
    """Follows the link of the letter. Raises Gone."""
    account = await account_to_keep(work, token, key=key, now=now)
    await use_link(work, token, LinkPurpose.KEEP_ACCOUNT, key=key, now=now)
    return await keep_account(work, account.id, actor=None, now=now)


async def seal_off(work: IdentityWork, account: Account) -> Account:
    """The time is over: nobody signs in any more, no token counts, and there is no way back."""
    sealed = replace(account, locked=True, cleared=replace(account.cleared, begun=True))
    await work.accounts.replace(sealed)
    await sign_everything_out(work, account.id)
    return sealed


async def note_cleared(work: IdentityWork, account: Account, *, documents: int = 0, sharing: int = 0) -> None:
    """Counts what is gone, in the transaction that removed it."""
    so_far = account.cleared
    cleared = replace(so_far, documents=so_far.documents + documents, sharing=so_far.sharing + sharing)
    await work.accounts.replace(replace(account, cleared=cleared))


async def note_emptied(work: IdentityWork, account: Account, *, now: datetime) -> None:
    """The last document is gone."""
    await work.accounts.replace(replace(account, cleared=replace(account.cleared, emptied=now)))


async def finish_closing(work: IdentityWork, account: Account, *, settings: Settings, now: datetime) -> None:
    """The last step: the account goes, and one entry in the server's own chain says so, without a name. The receipt
    goes to the address that was theirs."""
    facts = {"documents": str(account.cleared.documents), "ended": str(account.cleared.sharing)}
    await work.accounts.remove(account.id)
    await work.audit.append(AuditDraft(SERVER, now, AuditEvent.ACCOUNT_CLOSED, "clock", account.id, facts))
    await write_to_owner(work, account, LetterKind.CLOSED, settings=settings, now=now, facts=facts)


def receipt_token(account: Account, *, key: bytes) -> str:
    """What leads to the receipt when the account is gone: sealed like a link, so that nobody looks for others'."""
    return link_token(f"{_RECEIPT}{account.id}", key=key)


async def find_receipt(work: IdentityWork, token: str, *, key: bytes) -> Receipt:
    """The receipt behind a token, for as long as the server's own chain has it among its latest entries. Raises
    Missing for anything else."""
    name = read_link_token(token, key=key) or ""
    account_id = name.removeprefix(_RECEIPT)
    if account_id == name:
        raise _no_receipt()
    account = await work.accounts.get(AccountId(account_id))
    if account is not None and account.closes is not None:
        return Receipt(account.closes, done=False)
    after = 0
    for _ in range(_LOOKED_BACK):
        entries = await work.audit.entries(SERVER, after=after, limit=_PAGE, newest_first=True)
        for entry in entries:
            if entry.event is AuditEvent.ACCOUNT_CLOSED and entry.subject == account_id:
                documents, ended = int(entry.facts["documents"]), int(entry.facts["ended"])
                return Receipt(entry.at, done=True, documents=documents, sharing=ended)
        if len(entries) < _PAGE:
            break
        after = entries[-1].number
    raise _no_receipt()


def _no_receipt() -> Missing:
    return Missing("no-receipt", "There is no receipt here.")
