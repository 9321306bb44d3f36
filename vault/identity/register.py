"""How clients come to be: dynamic registration (RFC 7591), and credentials that an account makes for its machines."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.errors import OAuthRefusal
from vault.identity.accounts import Account
from vault.identity.clients import CLIENT_CREDENTIALS, Client, ClientAuth, auth_method, parse_client, shown_name
from vault.identity.ports import IdentityWork, Transact
from vault.identity.prove import ClientDesk
from vault.identity.tokens import digest
from vault.values import ClientId, Secret

_DISUSE = timedelta(days=180)  # OP-14: "only after long disuse"
_NOTED_EVERY = timedelta(hours=1)  # the last use of a client is kept to the hour, and written once an hour
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Registered:
    """A client, and its secret, which is shown this once."""

    client: Client
    secret: Secret | None


async def register_client(work: IdentityWork, metadata: Mapping[str, object], *, now: datetime) -> Registered:
    """A client that described itself (RFC 7591 §3.1). It gets low trust: its name is shown as its own claim."""
    needs_secret = auth_method(metadata) in (ClientAuth.SECRET_BASIC, ClientAuth.SECRET_POST)
    secret = secrets.token_urlsafe(32) if needs_secret else None
    client = parse_client(metadata, client_id=ClientId(secrets.token_urlsafe(18)), secret=secret, now=now, dynamic=True)
    await work.clients.put(client)
    await work.audit.append(AuditDraft(SERVER, now, AuditEvent.CLIENT_REGISTERED, "anonymous", client.id))
    return Registered(client, None if secret is None else Secret(secret))


async def register_credentials(
    work: IdentityWork, *, account: Account, client_id: ClientId, secret: Secret, name: str, now: datetime
) -> Client:
    """Client credentials of an account: whoever holds them acts as the account's WebID (OP-11). Registering the same
    id again replaces its secret; an id of another account is refused."""
    known = await work.clients.get(client_id)
    if known is not None and known.account != account.id:
        raise OAuthRefusal("invalid_client_metadata", "This client id is taken.")
    new = Client(
        id=client_id,
        name=shown_name(name, otherwise=client_id),
        redirect_uris=(),
        post_logout_redirect_uris=(),
        grant_types=frozenset({CLIENT_CREDENTIALS}),
        auth=ClientAuth.SECRET_BASIC,
        secret_hash=digest(secret.reveal()),
        account=account.id,
        created=now,
    )
    # What is known of it beside that stays: when it was last used, as whom it acts, and that it was revoked.
    client = new if known is None else replace(known, name=new.name, auth=new.auth, secret_hash=new.secret_hash)
    if client != known:
        await work.clients.put(client)
        draft = AuditDraft(account.pod, now, AuditEvent.CLIENT_REGISTERED, account.webid, client.id)
        await work.audit.append(draft)
    return client


async def note_use(client: Client, desk: ClientDesk) -> None:
    """Keeps, to the hour, when a registered client last came for a token: what an organisation sees of its machines,
    and what tells a client in use from one that was forgotten (OP-14)."""
    documented = client.id.startswith(("https://", "http://"))  # such a client is not in our table
    if documented or (client.last_used is not None and desk.now - client.last_used < _NOTED_EVERY):
        return
    async with desk.writing() as work:
        known = await work.clients.get(client.id)  # anew: it may have been changed or revoked meanwhile
        if known is not None and known.revoked is None:
            await work.clients.put(replace(known, last_used=desk.now.replace(minute=0, second=0, microsecond=0)))


async def forget_disused(reading: Transact, writing: Transact, *, now: datetime) -> int:
    """OP-14: dynamic registrations end after long disuse, but never under a consent or a live refresh token; returns
    how many. Page by page, so that nobody waits."""
    ended, after = 0, ""
    while True:
        async with reading() as work:
            page = await work.clients.registered(after, limit=_PAGE)
        if not page:
            return ended
        after = page[-1].id
        if stale := [client.id for client in page if _disused(client, now)]:
            ended += await _forget(stale, writing, now)


async def _forget(stale: list[ClientId], writing: Transact, now: datetime) -> int:
    ended = 0
    async with writing() as work:
        for client_id in stale:
            known = await work.clients.get(client_id)  # anew: it may have been used meanwhile
            if known is None or not _disused(known, now) or await work.clients.in_use(client_id, now=now):
                continue
            await work.clients.remove(client_id)
            facts = {"because": "disuse"}
            await work.audit.append(AuditDraft(SERVER, now, AuditEvent.CLIENT_REVOKED, "server", client_id, facts))
            ended += 1
    return ended


def _disused(client: Client, now: datetime) -> bool:
    return client.dynamic and client.account is None and (client.last_used or client.created) < now - _DISUSE
