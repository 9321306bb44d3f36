"""DPoP proofs (RFC 9449): read, checked against the request, and bound to the access token they travel with."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from vault.config import IdentitySettings, Limits
from vault.errors import Unauthenticated
from vault.identity.tokens import (
    BadToken,
    check_signature,
    is_number,
    key_in_header,
    read_jws,
)

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT = _UNRESERVED | frozenset("!$&'()*+,;=:@/%")  # what a path may hold as it stands (RFC 3986 §3.3)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Nonces:
    """The nonces of RFC 9449 §8 and §9, made and not stored: a seal over the stretch of time in which each is given
    out, under a secret of the server, so that every worker knows what another one gave. One is good until the end of
    the stretch after its own."""

    secret: bytes = field(repr=False)
    stretch_seconds: int = 300

    def current(self, now: datetime) -> str:
        """What a client puts into its next proof."""
        return self._of(int(now.timestamp()) // self.stretch_seconds)

    def accepts(self, nonce: object, now: datetime) -> bool:
        """Whether this server gave it out a short time ago."""
        if not isinstance(nonce, str) or not nonce.isascii():
            return False
        number = int(now.timestamp()) // self.stretch_seconds
        return any(hmac.compare_digest(nonce, self._of(known)) for known in (number, number - 1))

    def _of(self, number: int) -> str:
        return hmac.new(self.secret, str(number).encode(), "sha256").hexdigest()[:32]


class DpopProof(NamedTuple):
    """A proof whose signature, method, URL and age hold. Whether it was seen before is for `Replays` to say."""

    thumbprint: str
    token_hash: str | None  # `ath`
    id: str  # what is claimed: jti, key, htm and htu together (ATK-18)
    until: datetime  # from then on it is too old anyway


def check_proof(
    texts: Sequence[str],
    *,
    method: str,
    url: str,
    now: datetime,
    settings: IdentitySettings,
    limits: Limits,
    nonces: Nonces | None = None,
) -> DpopProof:
    """The steps of RFC 9449 §4.3 that need nothing but the request; raises Unauthenticated (invalid_dpop_proof, or
    use_dpop_nonce where `settings.require_nonce` demands one of `nonces`).

    `texts` are the values of all DPoP headers, `url` is the external one.
    """
    if len(texts) != 1:
        raise invalid_proof("missing" if not texts else "repeated", "Exactly one DPoP proof is needed.")
    try:
        jws = read_jws(texts[0], limits=limits)
        key = key_in_header(jws)
    except BadToken as bad:
        raise invalid_proof(bad.because) from None
    if jws.header.get("typ") != "dpop+jwt":
        raise invalid_proof("type", "The typ of a DPoP proof is dpop+jwt.")
    claims = jws.claims
    if claims.get("htm") != method:
        raise invalid_proof("method", "The htm of the DPoP proof is not the method of this request.")
    target, written = claims.get("htu"), url.partition("?")[0]
    if not isinstance(target, str) or len(target) > limits.url_bytes:
        raise invalid_proof("url")
    if target != written and normalised(target) != normalised(written):
        raise invalid_proof("url", "The htu of the DPoP proof is not the URL of this request.")
    number = claims.get("jti")
    if not isinstance(number, str) or not number or len(number.encode()) > limits.jti_bytes:
        raise invalid_proof("id", "The jti of the DPoP proof is missing, empty or too long.")
    until = _check_age(claims.get("iat"), now, settings)
    bound = claims.get("ath")
    if bound is not None and not isinstance(bound, str):
        raise invalid_proof("token-hash")
    try:
        check_signature(jws, key)
    except BadToken as bad:
        raise invalid_proof(bad.because) from None
    if settings.require_nonce and (nonces is None or not nonces.accepts(claims.get("nonce"), now)):  # VEC-P43
        raise Unauthenticated(
            "proof-nonce", "Put the nonce of the DPoP-Nonce header into the proof.", error="use_dpop_nonce"
        )
    identity = "\0".join((number, key.thumbprint, method, written))
    return DpopProof(key.thumbprint, bound, identity, until)


def check_binding(proof: DpopProof, *, token_hash: str, key_thumbprint: str | None, settings: IdentitySettings) -> None:
    """The proof is for this token (`ath`, D6: verified when present, required only by configuration) and the token
    for this key (`cnf.jkt`, RS-6)."""
    if proof.token_hash is None:
        if settings.require_ath:
            raise invalid_proof("token-hash", "This server wants the ath claim in a DPoP proof.")
    elif not hmac.compare_digest(proof.token_hash.encode(), token_hash.encode()):
        raise invalid_proof("token-hash", "The ath of the DPoP proof belongs to another access token.")
    if key_thumbprint is None:
        raise Unauthenticated("token-unbound", "The access token is not bound to a key.", error="invalid_token")
    if not hmac.compare_digest(key_thumbprint.encode(), proof.thumbprint.encode()):
        raise Unauthenticated(
            "token-of-another-key", "The access token is bound to another key.", error="invalid_token"
        )


def invalid_proof(because: str, detail: str = "", *, facts: Mapping[str, object] | None = None) -> Unauthenticated:
    """The refusal of RFC 9449 §7.1 for a proof that does not hold."""
    return Unauthenticated(
        f"proof-{because}", detail or "The DPoP proof is not valid here.", error="invalid_dpop_proof", facts=facts
    )


@lru_cache(maxsize=4096)
def normalised(url: str) -> str:
    """RFC 3986 §6.2.2 and §6.2.3: scheme and host in lower case, the default port left out, escapes of unreserved
    characters decoded and the others in upper case, characters that must be escaped escaped; no query or fragment
    (RS-7). "" for what is no absolute http URL, so that it equals nothing. Dot segments are not resolved: no
    canonical URL has them (PR-15).
    """
    if any(ch < " " or ch in {"\\", "\x7f"} for ch in url):
        return ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return ""
    shown = f"[{host}]" if ":" in host else host.lower()
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        shown += f":{port}"
    decoded = _ESCAPE.sub(_escape, parts.path or "/")
    path = "".join(ch if ch in _KEPT else "".join(f"%{byte:02X}" for byte in ch.encode()) for ch in decoded)
    return f"{scheme}://{shown}{path}"


def _escape(found: re.Match[str]) -> str:
    ch = chr(int(found[1], 16))
    return ch if ch in _UNRESERVED else f"%{found[1].upper()}"


def _check_age(issued: object, now: datetime, settings: IdentitySettings) -> datetime:
    if not is_number(issued):
        raise invalid_proof("time", "The iat of the DPoP proof is missing or not a number.")
    age, tolerance = now.timestamp() - issued, settings.clock_tolerance_seconds
    if age < -tolerance or age > settings.proof_seconds + tolerance:
        # PAIN-16: the one thing a person can act on is how far the clocks are apart.
        skew = int(-age)
        words = f"{abs(skew)} seconds {'ahead of' if skew > 0 else 'behind'} this server's clock"
        raise invalid_proof("time", f"The DPoP proof was made {words}.", facts={"clock_skew": skew})
    return datetime.fromtimestamp(issued + settings.proof_seconds + tolerance, UTC)
