"""Authorization and DPoP headers → Caller: who this request is from (Solid-OIDC, RFC 9449, RS-1 to RS-11)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from vault.config import IdentitySettings, Limits
from vault.errors import Unauthenticated
from vault.identity.claims import (
    AUDIENCE,
    UnverifiedToken,
    VerifiedClaims,
    check_claims,
    invalid_token,
    read_unverified,
    verify,
)
from vault.identity.dpop import DpopProof, Nonces, check_binding, check_proof, invalid_proof
from vault.identity.ports import Issuers, Replays
from vault.identity.tokens import base64url_sha256
from vault.values import ANONYMOUS, Agent, Caller, Secret

_REMEMBERED = timedelta(minutes=5)


class Credentials(NamedTuple):
    """What a request carries: the scheme in lower case, the token, every DPoP header, and what they must fit.

    `url` is the external URL of the request in its canonical form, whatever a proxy made of it (RS-7).
    """

    scheme: str
    token: Secret
    proofs: tuple[str, ...]
    method: str
    url: str


async def authenticate(
    credentials: Credentials | None,
    *,
    issuers: Issuers,
    replays: Replays,
    nonces: Nonces,
    settings: IdentitySettings,
    limits: Limits,
    now: datetime,
) -> Caller:
    """The caller, or Unauthenticated: credentials that do not hold never make a request anonymous (TR-2)."""
    if credentials is None:
        return ANONYMOUS
    claims = await verified_claims(
        credentials, issuers=issuers, replays=replays, nonces=nonces, settings=settings, limits=limits, now=now
    )
    if claims.issuer != issuers.own:
        return Agent(claims.webid, claims.client, claims.issuer)
    standing = await issuers.standing(claims.webid, claims.client, claims.token_id)
    return Agent(claims.webid, claims.client, claims.issuer, standing.ceiling)


async def verified_claims(
    credentials: Credentials,
    *,
    issuers: Issuers,
    replays: Replays,
    nonces: Nonces,
    settings: IdentitySettings,
    limits: Limits,
    now: datetime,
) -> VerifiedClaims:
    """The claims behind the credentials. The order is the defence: the proof, then everything the token's own text
    can be wrong about, and only then keys and WebID, which may have to be fetched; the replay is claimed last, so
    that only a request that would pass uses its proof up."""
    proof: DpopProof | None = None
    if credentials.scheme == "bearer":
        _check_bearer(credentials.token, settings, limits)
    elif credentials.scheme == "dpop":
        proof = check_proof(
            credentials.proofs,
            method=credentials.method,
            url=credentials.url,
            now=now,
            settings=settings,
            limits=limits,
            nonces=nonces,
        )
    else:
        raise Unauthenticated("scheme", "The Authorization scheme here is DPoP.", error="invalid_token")
    token_hash = base64url_sha256(credentials.token.reveal())
    claims = issuers.verified.get(token_hash, now=now)
    if claims is None:
        claims = await _verify(
            credentials.token, token_hash, proof, issuers=issuers, settings=settings, limits=limits, now=now
        )
    else:
        _bind(proof, token_hash, claims, settings)
    if claims.issuer not in await issuers.trusted_by(claims.webid):
        # RS-4, ATK-21: anybody can run an issuer and claim a WebID; only the WebID document says which one counts.
        raise invalid_token("issuer-not-trusted", "The WebID does not list the issuer of this token.")
    if proof is not None and not await replays.claim(proof.id, until=proof.until):
        raise invalid_proof("replayed", "This DPoP proof was used before.")
    return claims


async def _verify(
    token: Secret,
    token_hash: str,
    proof: DpopProof | None,
    *,
    issuers: Issuers,
    settings: IdentitySettings,
    limits: Limits,
    now: datetime,
) -> VerifiedClaims:
    unverified = read_unverified(token, limits=limits)
    said = check_claims(unverified, audience=AUDIENCE, own_issuer=issuers.own, now=now, settings=settings)
    _bind(proof, token_hash, said, settings)
    claims = await _verified(unverified, issuers=issuers, settings=settings, now=now)
    issuers.verified.put(token_hash, claims, until=now + _REMEMBERED)
    return claims


async def _verified(
    token: UnverifiedToken, *, issuers: Issuers, settings: IdentitySettings, now: datetime
) -> VerifiedClaims:
    keys = await issuers.keys(token.issuer, key_id=token.key_id)
    return verify(token, keys, audience=AUDIENCE, own_issuer=issuers.own, now=now, settings=settings)


def _bind(proof: DpopProof | None, token_hash: str, claims: VerifiedClaims, settings: IdentitySettings) -> None:
    if proof is not None:
        check_binding(proof, token_hash=token_hash, key_thumbprint=claims.key_thumbprint, settings=settings)
    elif claims.key_thumbprint is not None:
        raise _bound_as_bearer()


def _check_bearer(token: Secret, settings: IdentitySettings, limits: Limits) -> None:
    # RS-8: a bound token sent as Bearer lost its proof on the way (VEC-T22), and an identity token that is not bound at
    # all lets whoever overhears it act as its owner: only by configuration (VEC-T23).
    if "cnf" in read_unverified(token, limits=limits).jws.claims:
        raise _bound_as_bearer()
    if not settings.insecure_accept_unbound_tokens:
        raise invalid_token("unbound", "Access tokens here are bound to a key; this one is not.")


def _bound_as_bearer() -> Unauthenticated:
    return invalid_token(
        "bound-sent-as-bearer",
        "This access token is bound to a key: send it with the DPoP scheme and a proof.",
    )
