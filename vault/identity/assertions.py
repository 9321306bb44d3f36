"""Client assertions: a client proves who it is by a signature over a short statement (RFC 7523 §2.2, §3; OpenID
Connect Core §9, private_key_jwt)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from vault.config import IdentitySettings, Limits
from vault.errors import OAuthRefusal
from vault.identity.tokens import BadToken, Jws, KeyRing, check_signature, digest, is_number, public_key, read_jws
from vault.values import ClientId

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_OURS_LIVE = 60  # seconds
_LONGEST = 3600  # seconds an assertion may live; what is good for longer is as good as a password
# RFC 8725 §3.11: a token that says it is something else is not an assertion.
_TYPES = (None, "jwt", "client-authentication+jwt")


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an assertion says, before its signature was checked: enough to find the keys, and no more."""

    client: ClientId
    key_id: str | None
    jws: Jws
    id: str  # what is claimed, so that it counts once: client and jti together
    until: datetime  # from then on it is too old anyway


def read_assertion(
    text: str, *, audiences: frozenset[str], now: datetime, settings: IdentitySettings, limits: Limits
) -> Assertion:
    """Everything the assertion itself can be wrong about (RFC 7523 §3), before any key is looked for: one that could
    not be accepted anyway never causes a fetch. Raises OAuthRefusal (invalid_client)."""
    try:
        jws = read_jws(text, limits=limits)  # VEC-K07: `none` and HMAC are not in its table
    except BadToken as bad:
        raise bad_assertion(bad.because) from None
    kind, key_id, claims = jws.header.get("typ"), jws.header.get("kid"), jws.claims
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise bad_assertion("typ")
    if key_id is not None and not isinstance(key_id, str):
        raise bad_assertion("kid")
    client = claims.get("sub")
    if not isinstance(client, str) or not client or claims.get("iss") != client:
        raise bad_assertion("iss and sub are both the client id")
    named = claims.get("aud")
    listed = named if isinstance(named, list) else [named]
    if not any(isinstance(entry, str) and entry in audiences for entry in listed):  # VEC-K04
        raise bad_assertion("aud names neither this issuer nor this endpoint")
    number = claims.get("jti")
    if not isinstance(number, str) or not number or len(number.encode()) > limits.jti_bytes:
        raise bad_assertion("jti")
    until = _check_times(claims, now, settings)
    return Assertion(ClientId(client), key_id, jws, digest(f"assertion\0{client}\0{number}"), until)


def check_assertion(assertion: Assertion, keys: Sequence[Mapping[str, Any]]) -> None:
    """Raises OAuthRefusal (invalid_client) unless one of the client's own keys made the signature (VEC-K08). No key is
    taken from the assertion itself."""
    wanted = assertion.key_id
    for jwk in keys:
        if wanted is not None and jwk.get("kid", wanted) != wanted:
            continue
        if jwk.get("alg", assertion.jws.algorithm) != assertion.jws.algorithm:
            continue
        try:
            check_signature(assertion.jws, public_key(dict(jwk)))
        except BadToken:
            continue
        return
    raise bad_assertion("signed by no key of this client")


def write_assertion(
    client_id: str, *, audiences: Sequence[str], keys: KeyRing, algorithm: str, number: str, now: datetime
) -> dict[str, str]:
    """The form fields by which we ourselves prove to another provider that we are its client `client_id`, by the key
    of ours that signs with this algorithm; `number` is used once."""
    issued = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": list(audiences),
        "jti": number,
        "iat": issued,
        "exp": issued + _OURS_LIVE,
    }
    signed = keys.sign(claims, "JWT", algorithm=algorithm)
    return {"client_id": client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


def bad_assertion(because: str) -> OAuthRefusal:
    """RFC 7523 §3.2: the one error for an assertion that does not hold."""
    return OAuthRefusal("invalid_client", f"client_assertion: {because}")


def _check_times(claims: Mapping[str, Any], now: datetime, settings: IdentitySettings) -> datetime:
    seconds, tolerance = now.timestamp(), settings.clock_tolerance_seconds
    expires, issued, earliest = claims.get("exp"), claims.get("iat", seconds), claims.get("nbf", 0)
    if not is_number(expires) or not is_number(issued) or not is_number(earliest):
        raise bad_assertion("exp, iat and nbf are numbers, and exp is needed")
    if seconds >= expires + tolerance:  # VEC-K05
        raise bad_assertion(f"expired {int(seconds - expires)} seconds ago")
    if max(issued, earliest) > seconds + tolerance:
        raise bad_assertion(f"from {int(max(issued, earliest) - seconds)} seconds ahead")
    if expires > seconds + _LONGEST + tolerance or issued < seconds - _LONGEST - tolerance:
        raise bad_assertion(f"good for longer than {_LONGEST} seconds")
    return datetime.fromtimestamp(expires, UTC) + timedelta(seconds=tolerance)
