"""The token endpoint: code, refresh token or client credentials → tokens (RFC 6749 §4, RFC 9449 §5, OP-8 to OP-13)."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from vault.errors import OAuthRefusal
from vault.identity.accounts import Code, RefreshToken
from vault.identity.authorization import SCOPES
from vault.identity.claims import ACCESS_TOKEN, ID_TOKEN, Subject, access_claims, id_claims
from vault.identity.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN, Client
from vault.identity.consent import use
from vault.identity.ports import IdentityWork
from vault.identity.prove import ClientDesk, ClientRequest, check_possession, prove_client
from vault.identity.register import note_use
from vault.identity.revoke import end_grant, grant_of
from vault.identity.tokens import base64url_sha256, digest
from vault.values import Secret, WebId

GRANT_TYPES: Final = (AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS)


@dataclass(frozen=True, slots=True)
class Issued:
    """What the client receives (RFC 6749 §5.1)."""

    access_token: Secret
    expires_in: int
    scope: frozenset[str]
    id_token: Secret | None = None
    refresh_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose client and proof have been checked."""

    request: ClientRequest
    client: Client
    thumbprint: str


async def exchange(request: ClientRequest, desk: ClientDesk) -> Issued:
    """Tokens, or OAuthRefusal. First the client, then its proof of possession, then what it brings."""
    kind = request.get("grant_type")
    if kind is None:
        raise OAuthRefusal("invalid_request", "grant_type: missing")
    if kind not in GRANT_TYPES:  # VEC-K11
        raise OAuthRefusal("unsupported_grant_type", f"grant_type: expected one of {', '.join(GRANT_TYPES)}")
    client = await prove_client(request, desk)
    if kind not in client.grant_types:  # VEC-K10
        raise OAuthRefusal("unauthorized_client", f"grant_type: this client has no {kind}")
    # Always needed: a token that is not bound to a key would be refused by every door of this server (RS-8).
    asked = _Asked(request, client, await check_possession(request, desk))
    await note_use(client, desk)
    if kind == AUTHORIZATION_CODE:
        return await _from_code(asked, desk)
    if kind == REFRESH_TOKEN:
        return await _from_refresh_token(asked, desk)
    return await _from_credentials(asked, desk)


async def _from_code(asked: _Asked, desk: ClientDesk) -> Issued:
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
            await end_grant(work, code.family, settings=desk.settings.identity, now=desk.now)
        account = await use(work, code, now=desk.now) if code is not None and problem is None else None
        if code is not None and account is not None:
            return await _issue_for_code(work, code, asked, desk)
    # The transaction is over by now: a code that failed is used up all the same.
    raise OAuthRefusal("invalid_grant", problem or "The account or the consent behind this code has ended.")


def _problem_with(code: Code, verifier: str, asked: _Asked, desk: ClientDesk) -> str | None:
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


async def _issue_for_code(work: IdentityWork, code: Code, asked: _Asked, desk: ClientDesk) -> Issued:
    subject = _subject(asked, code.webid, code.scope, desk)
    issued = _tokens(subject, asked, desk, authenticated_at=code.authenticated_at, given=code)
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
        stamp=code.stamp,
    )
    return replace(issued, refresh_token=await _rotate(work, first, desk))


async def _from_refresh_token(asked: _Asked, desk: ClientDesk) -> Issued:
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
        await end_grant(work, token.family, settings=desk.settings.identity, now=desk.now)
    raise OAuthRefusal("invalid_grant", "This refresh token was used before; sign in again.")


async def _refresh(work: IdentityWork, token: RefreshToken, asked: _Asked, desk: ClientDesk) -> Issued:
    """Raises inside the transaction, which undoes the claim: who cannot use a token must not be able to end it."""
    if token.client != asked.client.id:  # VEC-F02
        raise OAuthRefusal("invalid_grant", "This refresh token was given to another client.")
    if token.key_thumbprint is None and asked.client.is_public:  # it was given to a client that proved who it was
        raise OAuthRefusal("invalid_grant", "This refresh token was given to a client that authenticates.")
    if token.key_thumbprint is not None and token.key_thumbprint != asked.thumbprint:  # VEC-F03
        raise OAuthRefusal("invalid_grant", "This refresh token is bound to another key.")
    if desk.now >= token.expires:  # VEC-F04
        raise OAuthRefusal("invalid_grant", "This refresh token has expired.")
    if await use(work, token, now=desk.now) is None:  # VEC-F06
        raise OAuthRefusal("invalid_grant", "The consent behind this refresh token has ended.")
    wanted = asked.request.get("scope")
    scope = token.scope if wanted is None else frozenset(wanted.split())
    if not scope <= token.scope:  # VEC-F07
        raise OAuthRefusal("invalid_scope", "scope: wider than what was granted")
    subject = _subject(asked, token.webid, scope, desk)
    issued = _tokens(subject, asked, desk, authenticated_at=token.authenticated_at, given=token)
    return replace(issued, refresh_token=await _rotate(work, token, desk))


async def _from_credentials(asked: _Asked, desk: ClientDesk) -> Issued:
    """OP-11: the credential belongs to an account and yields its WebID, with or without a scope. No refresh token: the
    credentials themselves last (RFC 6749 §4.4.3)."""
    async with desk.reading() as work:
        account = await work.accounts.get(asked.client.account) if asked.client.account is not None else None
        webid = asked.client.webid or (None if account is None else account.webid)
        held = webid is not None and account is not None and webid in await work.accounts.webids(account.id)
    if account is None or account.locked or webid is None or not held:
        raise OAuthRefusal("invalid_client", "This client is not known here, or did not prove who it is.")
    scope = frozenset((asked.request.get("scope") or "").split()) & frozenset(SCOPES)
    return _tokens(_subject(asked, webid, scope, desk), asked, desk, authenticated_at=desk.now)


async def _rotate(work: IdentityWork, before: RefreshToken, desk: ClientDesk) -> Secret:
    value = secrets.token_urlsafe(32)
    expires = desk.now + timedelta(seconds=desk.settings.identity.refresh_token_seconds)
    await work.refresh_tokens.add(replace(before, token_hash=digest(value), expires=expires, used=False))
    return Secret(value)


def _subject(asked: _Asked, webid: WebId, scope: frozenset[str], desk: ClientDesk) -> Subject:
    return Subject(desk.settings.server.base_url, webid, asked.client.id, asked.thumbprint, scope)


def _tokens(
    subject: Subject,
    asked: _Asked,
    desk: ClientDesk,
    *,
    authenticated_at: datetime,
    given: Code | RefreshToken | None = None,
) -> Issued:
    """An access token, and an ID token where `openid` was asked for; the first after a sign-in tells of that. The id of
    an access token begins with what it stands on, so that all that stand on the same can be ended at once."""
    seconds, number = desk.settings.identity.access_token_seconds, secrets.token_urlsafe(16)
    token_id = number if given is None else f"{given.stamp}.{grant_of(given.family)}.{number}"
    signed_in = given if isinstance(given, Code) else None
    claims = access_claims(subject, token_id=token_id, now=desk.now, seconds=seconds)
    issued = Issued(Secret(desk.keys.sign(claims, ACCESS_TOKEN)), seconds, subject.scope)
    if "openid" not in subject.scope:
        return issued
    about = id_claims(
        subject,
        nonce=None if signed_in is None else signed_in.nonce,
        authenticated_at=authenticated_at,
        now=desk.now,
        seconds=desk.settings.identity.id_token_seconds,
        methods=() if signed_in is None else signed_in.methods,
        level=None if signed_in is None else signed_in.level,
    )
    signed = desk.keys.sign(about, ID_TOKEN, algorithm=asked.client.id_token_algorithm)
    return replace(issued, id_token=Secret(signed))
