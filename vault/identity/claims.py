"""What an access token claims, and whether it may be believed; what our own tokens say."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from vault.config import IdentitySettings, Limits
from vault.errors import Malformed, Unauthenticated
from vault.identity.tokens import BadToken, Jwk, Jws, check_signature, is_number, public_key, read_jws
from vault.values import ClientId, Secret, WebId, parse_webid

ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105 - a media type (RFC 9068 §2.1)
ID_TOKEN: Final = "JWT"  # noqa: S105 - a media type
AUDIENCE: Final = "solid"  # OP-9, OP-10, RS-5

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """An access token before its signature was checked: enough to find the key, and no more."""

    issuer: str
    key_id: str | None
    jws: Jws
    raw: Secret


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What an access token says, after its signature and its times held."""

    issuer: str
    webid: WebId
    client: ClientId | None
    key_thumbprint: str | None  # None: not bound to a key
    scope: frozenset[str]
    expires: datetime  # without tolerance
    token_id: str | None = None  # its `jti`


class VerifiedTokens:
    """Tokens verified a moment ago, by their hash, so that a signature is checked once and not with every request.

    Bounded, and safe to empty at any time. An entry is never used beyond the token's own end, nor longer than the keys
    of an issuer are remembered, so that a withdrawn key stops counting as soon for old tokens as for new ones.
    """

    __slots__ = ("_entries", "_most")

    def __init__(self, most: int = 10_000) -> None:
        self._entries: OrderedDict[str, tuple[VerifiedClaims, datetime]] = OrderedDict()
        self._most = most

    def get(self, token_hash: str, *, now: datetime) -> VerifiedClaims | None:
        """`token_hash`: SHA-256 of the token, as `ath` has it."""
        found = self._entries.get(token_hash)
        if found is None:
            return None
        if now >= found[1]:
            del self._entries[token_hash]
            return None
        return found[0]

    def put(self, token_hash: str, claims: VerifiedClaims, *, until: datetime) -> None:
        if len(self._entries) >= self._most:
            self._entries.popitem(last=False)
        self._entries[token_hash] = (claims, min(until, claims.expires))


def read_unverified(text: Secret, *, limits: Limits) -> UnverifiedToken:
    """Reads an access token far enough to know whose it says it is. Raises Unauthenticated (invalid_token)."""
    try:
        jws = read_jws(text.reveal(), limits=limits)
    except BadToken as bad:
        raise invalid_token(bad.because) from None
    issuer, key_id = jws.claims.get("iss"), jws.header.get("kid")
    if not isinstance(issuer, str) or not is_safe_url(issuer):
        raise invalid_token("issuer")
    if key_id is not None and not isinstance(key_id, str):
        raise invalid_token("key-id")
    return UnverifiedToken(issuer, key_id, jws, text)


def check_claims(
    token: UnverifiedToken, *, audience: str, own_issuer: str, now: datetime, settings: IdentitySettings
) -> VerifiedClaims:
    """Everything the claims themselves can be wrong about (RS-5). Cheap, and before any key is looked for: a token
    that could not be accepted anyway never causes a fetch. Believed only once `verify` has checked the signature."""
    claims = token.jws.claims
    kind = token.jws.header.get("typ")
    # RFC 9068 §4: the type keeps ID tokens, proofs and assertions out. Other servers' access tokens often lack it.
    accepted = (ACCESS_TOKEN, "application/at+jwt") if token.issuer == own_issuer else _FOREIGN_TYPES
    if (kind.lower() if isinstance(kind, str) else kind) not in accepted:
        raise invalid_token("token-type")
    named = claims.get("aud")
    if audience not in (named if isinstance(named, list) else [named]):
        raise invalid_token("audience")
    expires = _check_times(claims, now, settings)
    scope = claims.get("scope")
    return VerifiedClaims(
        issuer=token.issuer,
        webid=_webid(claims),
        client=_client(claims),
        key_thumbprint=_thumbprint(claims),
        scope=frozenset(scope.split()) if isinstance(scope, str) else frozenset(),
        expires=expires,
        token_id=token_id if isinstance(token_id := claims.get("jti"), str) else None,
    )


def verify(
    token: UnverifiedToken,
    keys: Sequence[Jwk],
    *,
    audience: str,
    own_issuer: str,
    now: datetime,
    settings: IdentitySettings,
) -> VerifiedClaims:
    """The claims of a token that one of the issuer's keys signed. No key is taken from the token itself (VEC-T17)."""
    claims = check_claims(token, audience=audience, own_issuer=own_issuer, now=now, settings=settings)
    candidates = [key for key in keys if token.key_id is None or key.get("kid") == token.key_id]
    if not candidates:
        raise invalid_token("unknown-key")
    because = "signature"
    for jwk in candidates[:8]:
        try:
            if jwk.get("alg", token.jws.algorithm) != token.jws.algorithm:
                raise BadToken("algorithm-of-another-key")
            check_signature(token.jws, public_key(jwk))
        except BadToken as bad:
            because = bad.because
        else:
            return claims
    raise invalid_token(because)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom our own tokens are about, for which client, and bound to which key."""

    issuer: str
    webid: WebId
    client: ClientId
    key_thumbprint: str
    scope: frozenset[str]


def access_claims(subject: Subject, *, token_id: str, now: datetime, seconds: int) -> dict[str, Any]:
    """The claims of our access tokens (OP-10, RFC 9068 §2.2), the same with and without a scope (OP-11)."""
    issued = int(now.timestamp())
    return {
        "iss": subject.issuer,
        "sub": subject.webid,
        "webid": subject.webid,
        "aud": AUDIENCE,
        "client_id": subject.client,
        "azp": subject.client,
        "scope": " ".join(sorted(subject.scope)),
        "cnf": {"jkt": subject.key_thumbprint},
        "jti": token_id,
        "iat": issued,
        "exp": issued + seconds,
    }


def id_claims(
    subject: Subject,
    *,
    nonce: str | None,
    authenticated_at: datetime,
    now: datetime,
    seconds: int,
    methods: Sequence[str] = (),
    level: str | None = None,
) -> dict[str, Any]:
    """The claims of our ID tokens (OP-9, OpenID Connect Core §2); `amr` and `acr` where the session knows them."""
    issued = int(now.timestamp())
    return {
        "iss": subject.issuer,
        "sub": subject.webid,
        "webid": subject.webid,
        "aud": [subject.client, AUDIENCE],
        "azp": subject.client,
        "cnf": {"jkt": subject.key_thumbprint},
        "auth_time": int(authenticated_at.timestamp()),
        "iat": issued,
        "exp": issued + seconds,
        **({"nonce": nonce} if nonce is not None else {}),
        **({"amr": list(methods)} if methods else {}),
        **({"acr": level} if level is not None else {}),
    }


def read_id_hint(text: str, keys: Sequence[Jwk], *, own_issuer: str, limits: Limits) -> tuple[WebId, ClientId] | None:
    """Whom and which client an ID token of ours names; it may have ended (OpenID Connect RP-Initiated Logout §2).
    None when it is not ours."""
    try:
        jws = read_jws(text, limits=limits)
        jwk = next((key for key in keys if key.get("kid") == jws.header.get("kid")), None)
        check_signature(jws, public_key(jwk))
    except BadToken:
        return None
    claims = jws.claims
    webid, party = claims.get("webid"), claims.get("azp")
    if jws.header.get("typ") != ID_TOKEN or claims.get("iss") != own_issuer:
        return None
    # What else our keys sign has neither.
    return (WebId(webid), ClientId(party)) if isinstance(webid, str) and isinstance(party, str) else None


def invalid_token(because: str, detail: str = "", *, facts: Mapping[str, object] | None = None) -> Unauthenticated:
    """The refusal of RFC 6750 §3.1 for a token that does not hold."""
    return Unauthenticated(
        f"token-{because}", detail or "The access token is not valid here.", error="invalid_token", facts=facts
    )


_FOREIGN_TYPES = (ACCESS_TOKEN, "application/at+jwt", "jwt", None)


def _check_times(claims: Mapping[str, Any], now: datetime, settings: IdentitySettings) -> datetime:
    seconds, tolerance = now.timestamp(), settings.clock_tolerance_seconds
    expires, issued, earliest = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not is_number(expires) or not is_number(issued) or not is_number(earliest):
        raise invalid_token("times")
    if seconds >= expires + tolerance:
        raise invalid_token("expired", "The access token has expired.", facts={"expired": int(seconds - expires)})
    if max(issued, earliest) > seconds + tolerance:
        ahead = int(max(issued, earliest) - seconds)
        raise invalid_token("ahead", f"The access token is from {ahead} seconds ahead.", facts={"clock_skew": ahead})
    if seconds - issued > settings.token_age_seconds + tolerance:
        raise invalid_token("old", "The access token was issued more than a day ago.")
    return datetime.fromtimestamp(expires, UTC)


def _webid(claims: Mapping[str, Any]) -> WebId:
    for name in ("webid", "sub"):
        text = claims.get(name)
        if isinstance(text, str) and text.startswith(("https://", "http://")):
            try:
                webid = parse_webid(text)
            except Malformed:
                raise invalid_token("webid") from None
            if not is_safe_url(webid):
                raise invalid_token("webid-not-https")
            return webid
        if text is not None and name == "webid":
            raise invalid_token("webid")
    raise invalid_token("no-webid")


def _client(claims: Mapping[str, Any]) -> ClientId | None:
    text = claims.get("azp", claims.get("client_id"))
    return ClientId(text) if isinstance(text, str) and text else None


def _thumbprint(claims: Mapping[str, Any]) -> str | None:
    confirmation = claims.get("cnf")
    if confirmation is None:
        return None
    text = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    if not isinstance(text, str) or not text:
        raise invalid_token("confirmation")  # bound by a method we do not know: never treated as unbound
    return text


def is_safe_url(text: str) -> bool:
    """RS-11: https, or http on this machine. (The fetcher opens loopback addresses only where that is set.)"""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    if "@" in parts.netloc or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (host in _LOOPBACK or host.endswith(".localhost")))
