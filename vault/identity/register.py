"""How clients come to be: dynamic registration (RFC 7591), and credentials that an account makes for its machines."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import OAuthRefusal, TooMany
from vault.identity.accounts import Account
from vault.identity.clients import CLIENT_CREDENTIALS, Client, ClientAuth, auth_method, parse_client, shown_name
from vault.identity.ports import IdentityWork, Tries
from vault.identity.tokens import digest
from vault.values import ClientId, Secret

# An address may register this many times as many clients as it may fail to sign in, within the same window.
_REGISTRATIONS = 10


@dataclass(frozen=True, slots=True)
class Registered:
    """A client, and its secret, which is shown this once."""

    client: Client
    secret: Secret | None


async def register_client(work: IdentityWork, metadata: Mapping[str, object], *, now: datetime) -> Registered:
    """A client that described itself (RFC 7591 §3.1). It gets low trust: its name is shown as its own claim."""
    secret = None if auth_method(metadata) is ClientAuth.NONE else secrets.token_urlsafe(32)
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
    client = Client(
        id=client_id,
        name=shown_name(name, otherwise=client_id),
        redirect_uris=(),
        post_logout_redirect_uris=(),
        grant_types=frozenset({CLIENT_CREDENTIALS}),
        auth=ClientAuth.SECRET_BASIC,
        secret_hash=digest(secret.reveal()),
        account=account.id,
        created=known.created if known is not None else now,
    )
    if client != known:
        await work.clients.put(client)
        draft = AuditDraft(account.pod, now, AuditEvent.CLIENT_REGISTERED, account.webid, client.id)
        await work.audit.append(draft)
    return client


async def count_registration(tries: Tries, *, address: str, settings: Settings, now: datetime) -> None:
    """TooMany for an address that fills the table of clients."""
    key, window = f"register:{digest(address)}", settings.limits.sign_in_window_seconds
    if await tries.count(key, window_seconds=window, now=now) >= settings.limits.sign_in_tries * _REGISTRATIONS:
        raise TooMany("registrations", "Too many registrations from one address.", retry_after=window)
    await tries.add(key, now=now)
