"""The token endpoint: code, refresh token or client credentials → tokens (RFC 6749 §4, RFC 9449 §5, OP-8 to OP-13)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import unquote_plus

from vault.config import Settings
from vault.errors import OAuthRefusal, Unauthenticated
from vault.identity.accounts import Account, Code, RefreshToken
from vault.identity.authorize import SCOPES
from vault.identity.claims import ACCESS_TOKEN, ID_TOKEN, Subject, access_claims, id_claims
from vault.identity.clients import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    Client,
    ClientAuth,
    secret_matches,
)
from vault.identity.dpop import check_proof
from vault.identity.ports import IdentityWork, Replays, Transact
from vault.identity.tokens import KeyRing, base64url_sha256, digest
from vault.values import ClientId, Secret

GRANT_TYPES: Final = (AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token endpoint: its form, HTTP Basic credentials if it has any, and every DPoP header.

    `url` is the external URL of the endpoint (OP-12).
    """

    form: Mapping[str, str]
    basic: tuple[str, Secret] | None
    proofs: tuple[str, ...]
    url: str

    def get(self, name: str) -> str | None:
        return self.form.get(name) or None


@dataclass(frozen=True, slots=True)
class Issued:
    """What the client receives (RFC 6749 §5.1)."""

    access_token: Secret
    expires_in: int
    scope: frozenset[str]
    id_token: Secret | None = None
    refresh_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """What an exchange works with."""

    reading: Transact
    writing: Transact
    replays: Replays
    keys: KeyRing
    settings: Settings
    now: datetime


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose client and proof have been checked."""

    request: TokenRequest
    client: Client
    thumbprint: str


async def exchange(request: TokenRequest, desk: TokenDesk) -> Issued:
    """Tokens, or OAuthRefusal. First the client, then its proof of possession, then what it brings."""
    kind = request.get("grant_type")
    if kind is None:
        raise OAuthRefusal("invalid_request", "grant_type: missing")
    if kind not in GRANT_TYPES:  # VEC-K11
        raise OAuthRefusal("unsupported_grant_type", f"grant_type: expected one of {', '.join(GRANT_TYPES)}")
    client = await authenticate_client(request, desk)
    if kind not in client.grant_types:  # VEC-K10
        raise OAuthRefusal("unauthorized_client", f"grant_type: this client has no {kind}")
    asked = _Asked(request, client, await _check_possession(request, desk))
    if kind == AUTHORIZATION_CODE:
        return await _from_code(asked, desk)
    if kind == REFRESH_TOKEN:
        return await _from_refresh_token(asked, desk)
    return await _from_credentials(asked, desk)


async def authenticate_client(request: TokenRequest, desk: TokenDesk) -> Client:
    """The client that asks (RFC 6749 §2.3). Basic credentials come form-encoded, as the RFC has it, or raw, as many
    clients send them (OP-11): both are tried. A client that is an URL is public, and needs no document here: its code
    was given out only after the document had been checked."""
    posted = request.get("client_id")
    if request.basic is not None and request.get("client_secret") is not None:
        raise OAuthRefusal("invalid_request", "A client authenticates in one way at a time.")
    candidates = _candidates(request, posted)
    for client_id, secret in candidates:
        async with desk.reading() as work:
            client = await work.clients.get(ClientId(client_id))
        if client is None and secret is None and client_id.startswith(("https://", "http://")):
            return _documented(ClientId(client_id), desk.now)
        if client is not None and _authentic(client, secret):
            if request.basic is not None and posted not in (None, client.id):
                raise OAuthRefusal("invalid_request", "client_id: not the one of the Authorization header")
            return client
    raise OAuthRefusal("invalid_client", "This client is not known here, or did not prove who it is.")


def _candidates(request: TokenRequest, posted: str | None) -> list[tuple[str, str | None]]:
    if request.basic is None:
        return [] if posted is None else [(posted, request.get("client_secret"))]
    name, secret = request.basic
    raw = (name, secret.reveal())
    decoded = (unquote_plus(raw[0]), unquote_plus(raw[1]))
    return [raw] if decoded == raw else [decoded, raw]


def _authentic(client: Client, secret: str | None) -> bool:
    if client.is_public:
        return secret is None  # VEC-K02: a secret for a client that has none is a mistake or an attack
    return secret is not None and secret_matches(client, secret)


def _documented(client_id: ClientId, now: datetime) -> Client:
    grants = frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN})
    return Client(client_id, client_id, (), (), grants, ClientAuth.NONE, None, None, now)


async def _check_possession(request: TokenRequest, desk: TokenDesk) -> str:
    """The thumbprint of the key that the tokens will be bound to. Always needed: a token that is not bound to a key
    would be refused by every door of this server (RS-8)."""
    try:
        proof = check_proof(
            request.proofs,
            method="POST",
            url=request.url,
            now=desk.now,
            settings=desk.settings.identity,
            limits=desk.settings.limits,
        )
    except Unauthenticated as refusal:
        raise OAuthRefusal("invalid_dpop_proof", refusal.detail, facts=refusal.facts) from refusal
    if not await desk.replays.claim(proof.id, until=proof.until):
        raise OAuthRefusal("invalid_dpop_proof", "This DPoP proof was used before.")
    return proof.thumbprint


async def _from_code(asked: _Asked, desk: TokenDesk) -> Issued:
    value, verifier = asked.request.get("code"), asked.request.get("code_verifier")
    if value is None:
        raise OAuthRefusal("invalid_request", "code: missing")
    if verifier is None:  # VEC-C04
        raise OAuthRefusal("invalid_request", "code_verifier: missing")
    async with desk.writing() as work:
        code = await work.codes.claim(digest(value))
        problem = "This code is not known here." if code is None else _problem_with(code, verifier, asked, desk)
        if code is not None and code.used:
            # VEC-C01: somebody else has the code too; whatever came of it ends (RFC 6749 §4.1.2).
            await work.refresh_tokens.end_family(code.family)
        account = await _account(work, code) if code is not None and problem is None else None
        if code is not None and account is not None:
            return await _issue_for_code(work, code, account, asked, desk)
    # The transaction is over by now: a code that failed is used up all the same.
    raise OAuthRefusal("invalid_grant", problem or "This account cannot sign in.")


def _problem_with(code: Code, verifier: str, asked: _Asked, desk: TokenDesk) -> str | None:
    if code.used:
        return "This code was used before."
    if desk.now >= code.expires:  # VEC-C06
        return "This code is too old."
    if code.client != asked.client.id:  # VEC-C02
        return "This code was given to another client."
    if code.redirect_uri != asked.request.get("redirect_uri"):  # VEC-C03
        return "redirect_uri: not the one the code was asked with."
    if not hmac.compare_digest(base64url_sha256(verifier).encode(), code.code_challenge.encode()):  # VEC-C05
        return "code_verifier: does not fit the code_challenge."
    if code.dpop_jkt is not None and code.dpop_jkt != asked.thumbprint:  # VEC-C08, RFC 9449 §10
        return "The DPoP key is not the one announced with dpop_jkt."
    return None


async def _issue_for_code(work: IdentityWork, code: Code, account: Account, asked: _Asked, desk: TokenDesk) -> Issued:
    subject = _subject(asked, account, code.scope, desk)
    issued = replace(_access_token(subject, desk), id_token=_id_token(subject, code.nonce, code.authenticated_at, desk))
    if "offline_access" not in code.scope or REFRESH_TOKEN not in asked.client.grant_types:
        return issued
    first = RefreshToken(
        token_hash="",
        family=code.family,
        client=code.client,
        account=code.account,
        webid=code.webid,
        scope=code.scope,
        key_thumbprint=asked.thumbprint if asked.client.is_public else None,  # OP-13
        authenticated_at=code.authenticated_at,
        expires=desk.now,
    )
    return replace(issued, refresh_token=await _rotate(work, first, desk))


async def _from_refresh_token(asked: _Asked, desk: TokenDesk) -> Issued:
    value = asked.request.get("refresh_token")
    if value is None:
        raise OAuthRefusal("invalid_request", "refresh_token: missing")
    async with desk.writing() as work:
        token = await work.refresh_tokens.claim(digest(value))
        if token is None:
            raise OAuthRefusal("invalid_grant", "This refresh token is not known here.")
        if not token.used:
            return await _refresh(work, token, asked, desk)
        # VEC-F01: one of two holders is a thief, and we cannot tell which: the family ends (RFC 9700 §4.14.2).
        await work.refresh_tokens.end_family(token.family)
    raise OAuthRefusal("invalid_grant", "This refresh token was used before; sign in again.")


async def _refresh(work: IdentityWork, token: RefreshToken, asked: _Asked, desk: TokenDesk) -> Issued:
    """Raises inside the transaction, which undoes the claim: who cannot use a token must not be able to end it."""
    if token.client != asked.client.id:  # VEC-F02
        raise OAuthRefusal("invalid_grant", "This refresh token was given to another client.")
    if token.key_thumbprint is not None and token.key_thumbprint != asked.thumbprint:  # VEC-F03
        raise OAuthRefusal("invalid_grant", "This refresh token is bound to another key.")
    if desk.now >= token.expires:  # VEC-F04
        raise OAuthRefusal("invalid_grant", "This refresh token has expired.")
    account = await _account(work, token)
    if account is None or await work.clients.consent(token.account, token.client) is None:  # VEC-F06
        raise OAuthRefusal("invalid_grant", "The consent behind this refresh token has ended.")
    wanted = asked.request.get("scope")
    scope = token.scope if wanted is None else frozenset(wanted.split())
    if not scope <= token.scope:  # VEC-F07
        raise OAuthRefusal("invalid_scope", "scope: wider than what was granted")
    subject = _subject(asked, account, scope, desk)
    issued = replace(_access_token(subject, desk), id_token=_id_token(subject, None, token.authenticated_at, desk))
    return replace(issued, refresh_token=await _rotate(work, token, desk))


async def _from_credentials(asked: _Asked, desk: TokenDesk) -> Issued:
    """OP-11: the credential belongs to an account and yields its WebID, with or without a scope. No refresh token: the
    credentials themselves last (RFC 6749 §4.4.3)."""
    async with desk.reading() as work:
        account = await work.accounts.get(asked.client.account) if asked.client.account is not None else None
    if account is None or account.locked:
        raise OAuthRefusal("invalid_client", "This client is not known here, or did not prove who it is.")
    scope = frozenset((asked.request.get("scope") or "").split()) & frozenset(SCOPES)
    subject = _subject(asked, account, scope, desk)
    return replace(_access_token(subject, desk), id_token=_id_token(subject, None, desk.now, desk))


async def _rotate(work: IdentityWork, before: RefreshToken, desk: TokenDesk) -> Secret:
    value = secrets.token_urlsafe(32)
    expires = desk.now + timedelta(seconds=desk.settings.identity.refresh_token_seconds)
    await work.refresh_tokens.add(replace(before, token_hash=digest(value), expires=expires, used=False))
    return Secret(value)


async def _account(work: IdentityWork, behind: Code | RefreshToken) -> Account | None:
    account = await work.accounts.get(behind.account)
    return None if account is None or account.locked else account


def _subject(asked: _Asked, account: Account, scope: frozenset[str], desk: TokenDesk) -> Subject:
    return Subject(desk.settings.server.base_url, account.webid, asked.client.id, asked.thumbprint, scope)


def _access_token(subject: Subject, desk: TokenDesk) -> Issued:
    seconds = desk.settings.identity.access_token_seconds
    claims = access_claims(subject, token_id=secrets.token_urlsafe(16), now=desk.now, seconds=seconds)
    return Issued(Secret(desk.keys.sign(claims, ACCESS_TOKEN)), seconds, subject.scope)


def _id_token(subject: Subject, nonce: str | None, authenticated_at: datetime, desk: TokenDesk) -> Secret | None:
    if "openid" not in subject.scope:
        return None
    seconds = desk.settings.identity.id_token_seconds
    claims = id_claims(subject, nonce=nonce, authenticated_at=authenticated_at, now=desk.now, seconds=seconds)
    return Secret(desk.keys.sign(claims, ID_TOKEN))
