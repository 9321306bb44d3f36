"""Tokens that end before their time, and what a token is worth to the client that holds it (RFC 7009, RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vault.config import IdentitySettings
from vault.errors import OAuthRefusal, Unauthenticated
from vault.identity.accounts import RefreshToken
from vault.identity.claims import AUDIENCE, VerifiedClaims, read_unverified, verify
from vault.identity.ports import IdentityWork
from vault.identity.prove import ClientDesk, ClientRequest, prove_client
from vault.identity.stand import standing_of
from vault.identity.tokens import digest
from vault.values import Secret


@dataclass(frozen=True, slots=True)
class _AccessToken:
    """One of our access tokens, its signature and times checked, with every claim in it."""

    known: VerifiedClaims
    claims: Mapping[str, Any]


def grant_of(family: str) -> str:
    """The name that all access tokens of one grant begin their id with; says nothing about the family itself."""
    return digest(family)[:32]


async def end_grant(work: IdentityWork, family: str, *, settings: IdentitySettings, now: datetime) -> None:
    """Ends everything that came of one code: its refresh tokens, and access tokens that would still count
    (RFC 6749 §4.1.2, RFC 7009 §2.1, RFC 9700 §4.14.2)."""
    await work.refresh_tokens.end_family(family)
    lasts = timedelta(seconds=settings.access_token_seconds + settings.clock_tolerance_seconds)
    await work.ended_tokens.add(digest(grant_of(family)), expires=now + lasts)


async def revoke(request: ClientRequest, desk: ClientDesk) -> None:
    """RFC 7009 §2. What is no token of ours is as good as revoked; one of another client is refused and stays."""
    client, text = await prove_client(request, desk), _token(request)
    settings = desk.settings.identity
    async with desk.writing() as work:
        found = await _found(work, text, desk)
        if found is None:
            return
        if _client_of(found) != client.id:
            raise OAuthRefusal("invalid_grant", "This token was given to another client.")
        if isinstance(found, RefreshToken):
            await end_grant(work, found.family, settings=settings, now=desk.now)
        elif found.known.token_id is not None:
            expires = found.known.expires + timedelta(seconds=settings.clock_tolerance_seconds)
            await work.ended_tokens.add(digest(found.known.token_id), expires=expires)


async def introspect(request: ClientRequest, desk: ClientDesk) -> dict[str, Any]:
    """RFC 7662 §2. A client hears about its own tokens only, and must have proved that it is that client: §2.1 wants
    no place where anybody can try tokens out."""
    client, text = await prove_client(request, desk), _token(request)
    if client.is_public:
        raise OAuthRefusal("invalid_client", "A client without a secret or key of its own cannot ask this.")
    async with desk.reading() as work:
        found = await _found(work, text, desk)
        if found is None or _client_of(found) != client.id or not await _counts(work, found, desk):
            return {"active": False}
    return _described(found)


def _token(request: ClientRequest) -> str:
    # token_type_hint is a hint (RFC 7009 §2.1): the kinds cannot be taken for one another, so it is not needed.
    text = request.get("token")
    if text is None:
        raise OAuthRefusal("invalid_request", "token: missing")
    return text


async def _found(work: IdentityWork, text: str, desk: ClientDesk) -> RefreshToken | _AccessToken | None:
    refresh = await work.refresh_tokens.get(digest(text))
    if refresh is not None:
        return refresh
    own = desk.settings.server.base_url
    try:
        token = read_unverified(Secret(text), limits=desk.settings.limits)
        if token.issuer != own:
            return None
        known = verify(
            token,
            desk.keys.public_keys(),
            audience=AUDIENCE,
            own_issuer=own,
            now=desk.now,
            settings=desk.settings.identity,
        )
    except Unauthenticated:
        return None
    return _AccessToken(known, token.jws.claims)


def _client_of(found: RefreshToken | _AccessToken) -> str | None:
    return found.client if isinstance(found, RefreshToken) else found.known.client


async def _counts(work: IdentityWork, found: RefreshToken | _AccessToken, desk: ClientDesk) -> bool:
    if isinstance(found, RefreshToken) and (found.used or desk.now >= found.expires):
        return False
    try:
        if isinstance(found, RefreshToken):
            await standing_of(work, found.webid, found.client, token_id=None)
        else:
            known = found.known
            await standing_of(work, known.webid, known.client, token_id=known.token_id)
    except Unauthenticated:
        return False
    return True


def _described(found: RefreshToken | _AccessToken) -> dict[str, Any]:
    if isinstance(found, RefreshToken):
        return {
            "active": True,
            "client_id": found.client,
            "sub": found.webid,
            "webid": found.webid,
            "scope": " ".join(sorted(found.scope)),
            "exp": int(found.expires.timestamp()),
            **({"cnf": {"jkt": found.key_thumbprint}} if found.key_thumbprint is not None else {}),
        }
    told = ("iss", "sub", "webid", "aud", "client_id", "scope", "cnf", "jti", "iat", "exp")
    return {"active": True, "token_type": "DPoP", **{name: found.claims[name] for name in told if name in found.claims}}
