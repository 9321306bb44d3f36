"""The programs of an account: software that signs in by itself, by secret or by key, as one of the account's WebIDs.

A program is a client with credentials of its own (OP-11). An organisation gives each of its systems one, so that each
can be renewed or ended alone, and a log line says which it was. `actor` is who does it; None is the account's owner.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from vault.audit import AuditDraft, AuditEvent
from vault.errors import Conflict, Forbidden, Malformed, Missing, OAuthRefusal
from vault.identity.accounts import Account
from vault.identity.clients import CLIENT_CREDENTIALS, Client, ClientAuth, parse_keys, shown_name
from vault.identity.hold import chain_of
from vault.identity.ports import IdentityWork
from vault.identity.register import Registered
from vault.identity.tokens import digest
from vault.values import ClientId, Secret, WebId

MOST: Final = 50  # programs of one account that are not revoked
NAME_CHARACTERS: Final = 60
OVERLAPS: Final = (timedelta(0), timedelta(days=1), timedelta(days=7))  # how long a secret may outlive its successor


async def programs_of(work: IdentityWork, account: Account) -> list[Client]:
    """Those that are not revoked, the oldest first."""
    return [client for client in await work.clients.of(account.id) if client.revoked is None]


async def program_of(work: IdentityWork, account: Account, client_id: ClientId) -> Client:
    """One of them; raises Missing for one that is another account's, revoked, or not known at all."""
    client = await work.clients.get(client_id)
    if client is None or client.account != account.id or client.revoked is not None:
        raise Missing("program", "There is no such program.")
    return client


async def add_program(
    work: IdentityWork,
    account: Account,
    *,
    name: str,
    webid: WebId,
    now: datetime,
    keys: Mapping[str, object] | None = None,
    client_id: ClientId | None = None,
    actor: str | None = None,
) -> Registered:
    """A program that acts as `webid`. With `keys` (`jwks` or `jwks_uri`, RFC 7591 §2) it proves itself by those
    (RFC 7523), else by a secret that is shown this once. Raises Conflict("programs-many"), Forbidden("webid-not-held"),
    OAuthRefusal("invalid_client_metadata") for keys that cannot be read."""
    if webid not in await work.accounts.webids(account.id):
        raise Forbidden("webid-not-held", "This WebID does not belong to this account.")
    if len(await programs_of(work, account)) >= MOST:
        raise Conflict("programs-many", f"An account has at most {MOST} programs.")
    new_id = client_id or ClientId(secrets.token_urlsafe(18))
    secret = Secret(secrets.token_urlsafe(32)) if keys is None else None
    client = Client(
        id=new_id,
        name=shown_name(name, otherwise=new_id)[:NAME_CHARACTERS],
        redirect_uris=(),
        post_logout_redirect_uris=(),
        grant_types=frozenset({CLIENT_CREDENTIALS}),
        auth=ClientAuth.SECRET_BASIC,
        secret_hash=None if secret is None else digest(secret.reveal()),
        account=account.id,
        created=now,
        webid=webid,
    )
    if keys is not None:
        client = _with_keys(client, keys)
    await work.clients.put(client)
    await _note(work, account, client, AuditEvent.CLIENT_REGISTERED, now=now, actor=actor)
    return Registered(client, secret)


async def rotate_secret(
    work: IdentityWork,
    account: Account,
    client_id: ClientId,
    *,
    overlap: timedelta,
    now: datetime,
    actor: str | None = None,
) -> Registered:
    """Another secret. The one before it counts for `overlap` more, so that a system can change over without a gap; one
    that was before that ends now. Raises Conflict("program-has-keys"), Malformed for an overlap that is not offered."""
    client = await program_of(work, account, client_id)
    if client.auth is ClientAuth.PRIVATE_KEY:
        raise Conflict("program-has-keys", "This program proves itself by its keys.")
    if overlap not in OVERLAPS:
        raise Malformed("overlap", "The former secret counts for 0, 1 or 7 days more.")
    secret = Secret(secrets.token_urlsafe(32))
    changed = replace(
        client,
        secret_hash=digest(secret.reveal()),
        former_secret_hash=client.secret_hash if overlap else None,
        former_until=now + overlap if overlap else None,
    )
    await work.clients.put(changed)
    await _note(work, account, changed, AuditEvent.CLIENT_CHANGED, now=now, actor=actor)
    return Registered(changed, secret)


async def replace_keys(
    work: IdentityWork,
    account: Account,
    client_id: ClientId,
    *,
    keys: Mapping[str, object],
    now: datetime,
    actor: str | None = None,
) -> Client:
    """Other keys, instead of all it had. Raises Conflict("program-has-secret"), OAuthRefusal as `add_program` does."""
    client = await program_of(work, account, client_id)
    if client.auth is not ClientAuth.PRIVATE_KEY:
        raise Conflict("program-has-secret", "This program proves itself by its secret.")
    changed = _with_keys(client, keys)
    await work.clients.put(changed)
    await _note(work, account, changed, AuditEvent.CLIENT_CHANGED, now=now, actor=actor)
    return changed


async def revoke_program(
    work: IdentityWork, account: Account, client_id: ClientId, *, now: datetime, actor: str | None = None
) -> None:
    """Ends a program for good: its credentials, and its tokens with them (VEC-T28)."""
    client = await program_of(work, account, client_id)
    await work.clients.put(replace(client, revoked=now, secret_hash=None, former_secret_hash=None, former_until=None))
    await _note(work, account, client, AuditEvent.CLIENT_REVOKED, now=now, actor=actor)


def written_keys(text: str) -> dict[str, Any]:
    """What somebody wrote down, as client metadata (RFC 7591 §2): the address of a JWK Set, a set, or a single key.
    Raises OAuthRefusal("invalid_client_metadata")."""
    given = text.strip()
    if given.startswith(("https://", "http://")):
        return {"jwks_uri": given}
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        raise OAuthRefusal("invalid_client_metadata", "jwks: expected JSON") from None
    return {"jwks": {"keys": [value]} if isinstance(value, dict) and "kty" in value else value}


def _with_keys(client: Client, keys: Mapping[str, Any]) -> Client:
    jwks, jwks_uri = parse_keys(keys)
    if not jwks and jwks_uri is None:
        raise OAuthRefusal("invalid_client_metadata", "jwks: expected at least one public key")
    return replace(client, auth=ClientAuth.PRIVATE_KEY, jwks=jwks, jwks_uri=jwks_uri)


async def _note(
    work: IdentityWork, account: Account, client: Client, event: AuditEvent, *, now: datetime, actor: str | None
) -> None:
    pod = await chain_of(work, account, client.webid or account.webid)
    await work.audit.append(AuditDraft(pod, now, event, actor or account.webid, client.id))
