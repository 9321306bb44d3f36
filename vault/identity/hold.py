"""Several pods and WebIDs of one account: one more pod, a WebID from elsewhere by proof, and away with that again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from vault.audit import AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Missing, TooMany, Unprocessable
from vault.identity.accounts import Account, HeldPod, Session, acting_for
from vault.identity.moments import read_moment, seal_moment
from vault.identity.ports import Accounts, CreatePod, IdentityWork, Issuers, Replays, Transact, Tries
from vault.identity.sign_in import provide_pod, standing_account
from vault.identity.tokens import digest
from vault.identity.warn import Change, warn
from vault.values import AccountId, PodName, WebId, webid_of

MOST_PODS: Final = 10
MOST_WEBIDS: Final = 20
_LASTS: Final = timedelta(hours=1)  # a text for a WebID document
_STATEMENT: Final = "http://www.w3.org/ns/solid/terms#oidcIssuerRegistrationToken"


@dataclass(frozen=True, slots=True)
class LinkDesk:
    """What linking a WebID works with. `key` seals the texts; `language` is the one that who links it reads."""

    writing: Transact
    issuers: Issuers
    replays: Replays
    tries: Tries
    settings: Settings
    key: bytes
    now: datetime
    language: str


async def chain_of(work: IdentityWork, account: Account, webid: WebId) -> PodName:
    """The pod in whose log an act as this WebID stands: the one it owns, else the account's first."""
    held = await work.accounts.pods(account.id)
    return next((one.pod for one in held if one.webid == webid), account.pod)


async def holder_of(accounts: Accounts, webid: WebId) -> Account | None:
    """The account that signs in as this WebID, as the holder of the pod that belongs to it."""
    account = await accounts.by_webid(webid)
    if account is None:
        return None
    return acting_for(account, next((one for one in await accounts.pods(account.id) if one.webid == webid), None))


async def look_at(work: IdentityWork, session: Session, pod: PodName) -> None:
    """From now on the pages of this session show this pod. Raises Missing for one of somebody else."""
    account = await standing_account(work, session)
    if all(one.pod != pod for one in await work.accounts.pods(account.id)):
        raise Missing("pod", "This account has no such pod.")
    kept = await work.sessions.get(session.id_hash)
    assert kept is not None  # the session stands in this transaction
    await work.sessions.replace(replace(kept, pod=pod))


async def add_pod(
    work: IdentityWork,
    account: Account,
    *,
    name: PodName,
    display_name: str,
    create_pod: CreatePod,
    settings: Settings,
    now: datetime,
) -> HeldPod:
    """One more pod, with a WebID of its own in it. Raises Conflict: "pods-many", or that the name is taken."""
    if len(await work.accounts.pods(account.id)) >= MOST_PODS:
        raise Conflict("pods-many", f"An account has at most {MOST_PODS} pods.")
    held = HeldPod(name, webid_of(name, base_url=settings.server.base_url))
    await work.accounts.add_webid(account.id, held.webid)
    await work.accounts.add_pod(account.id, held)
    await provide_pod(create_pod, held, display_name=display_name, settings=settings, now=now)
    return held


def proof_text(account: AccountId, webid: WebId, *, key: bytes, now: datetime) -> str:
    """What the owner of a WebID puts into its document, to show that it may sign in with this account. It is made, not
    stored: a moment, sealed over this account and this WebID."""
    return seal_moment(now, about=_about(account, webid), key=key)


def proof_statement(webid: WebId, text: str) -> str:
    """The same as one line of Turtle, which is N-Triples too."""
    return f'<{webid}> <{_STATEMENT}> "{text}" .'


async def link_webid(desk: LinkDesk, session: Session, webid: WebId) -> None:
    """Signs the account of this session in as this WebID too, once its document carries our text and names us as
    `solid:oidcIssuer` (RS-4). A text counts once, for an hour.

    Raises Unprocessable: "webid-unreadable", "webid-proof" (no text of ours for this account and WebID), "webid-issuer"
    (we are not named). Conflict: "webid-held", "webids-many", "webid-taken". TooMany beyond the limit of tries.
    Forbidden when the session ended while the document was asked for.
    """
    await _count(desk, session.account)
    async with desk.writing() as work:
        account = await standing_account(work, session)
        await _check_room(work, account, webid)
    declared = await desk.issuers.declared(webid)
    text = _ours(declared.texts, account.id, webid, desk)
    if text is None:
        raise Unprocessable("webid-proof", "The WebID document does not carry the text that shows whose it is.")
    if desk.settings.server.base_url not in declared.issuers:
        raise Unprocessable("webid-issuer", "The WebID document does not name this server as its solid:oidcIssuer.")
    if not await desk.replays.claim(f"webid-link:{text}", until=desk.now + _LASTS):
        raise Unprocessable("webid-proof", "This text was used before.")
    async with desk.writing() as work:
        account = await standing_account(work, session)
        await _check_room(work, account, webid)
        await work.accounts.add_webid(account.id, webid)
        draft = AuditDraft(account.pod, desk.now, AuditEvent.WEBID_LINKED, account.webid, webid)
        await work.audit.append(draft)
        await warn(work, account, Change.WEBID_LINKED, settings=desk.settings, language=desk.language, now=desk.now)


def webid_reference(webid: WebId) -> str:
    """A short name of a WebID for addresses of pages and of the account API."""
    return digest(webid)[:32]


async def webid_by_reference(work: IdentityWork, account: AccountId, reference: str) -> WebId:
    """The WebID of this name, if it is the account's. Raises Missing."""
    held = await work.accounts.webids(account)
    found = next((one for one in held if webid_reference(one) == reference), None)
    if found is None:
        raise Missing("webid", "This account has no such WebID.")
    return found


async def unlink_webid(
    work: IdentityWork, account: Account, webid: WebId, *, settings: Settings, language: str, now: datetime
) -> None:
    """The account signs in as this WebID no more; apps that were let in as it, and programs that act as it, end.
    Raises Missing, and Conflict("webid-owns-pod") for one that a pod of the account belongs to."""
    if webid not in await work.accounts.webids(account.id):
        raise Missing("webid", "This account has no such WebID.")
    if webid == account.webid or any(held.webid == webid for held in await work.accounts.pods(account.id)):
        raise Conflict("webid-owns-pod", "A pod of this account belongs to this WebID.")
    await work.accounts.remove_webid(account.id, webid)
    for consent in await work.clients.consents(account.id):
        if consent.webid == webid:
            await work.clients.remove_consent(account.id, consent.client)
            await work.refresh_tokens.end_for(account.id, consent.client)
    for client in await work.clients.of(account.id):
        if client.webid == webid and client.revoked is None:
            await work.clients.put(replace(client, revoked=now))
            draft = AuditDraft(account.pod, now, AuditEvent.CLIENT_REVOKED, account.webid, client.id)
            await work.audit.append(draft)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.WEBID_UNLINKED, account.webid, webid))
    await warn(work, account, Change.WEBID_UNLINKED, settings=settings, language=language, now=now)


async def _count(desk: LinkDesk, account: AccountId) -> None:
    """Each try makes us fetch something: counted before it, for each account."""
    key, window = f"webid-link:{account}", desk.settings.limits.sign_in_window_seconds
    if await desk.tries.count(key, window_seconds=window, now=desk.now) >= desk.settings.limits.sign_in_tries:
        raise TooMany("webid-tries", "Too many tries. Wait a few minutes.", retry_after=window)
    await desk.tries.add(key, now=desk.now)


async def _check_room(work: IdentityWork, account: Account, webid: WebId) -> None:
    held = await work.accounts.webids(account.id)
    if webid in held:
        raise Conflict("webid-held", "This account has this WebID already.")
    if len(held) >= MOST_WEBIDS:
        raise Conflict("webids-many", f"An account has at most {MOST_WEBIDS} WebIDs.")


def _ours(texts: Iterable[str], account: AccountId, webid: WebId, desk: LinkDesk) -> str | None:
    """The newest text of ours for this account and WebID that still counts."""
    good: list[tuple[datetime, str]] = []
    for text in texts:
        moment = read_moment(text, about=_about(account, webid), key=desk.key)
        if moment is not None and moment <= desk.now < moment + _LASTS:
            good.append((moment, text))
    return max(good)[1] if good else None


def _about(account: AccountId, webid: WebId) -> tuple[str, ...]:
    return ("webid-link", account, webid)
