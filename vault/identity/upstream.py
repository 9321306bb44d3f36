"""The OpenID provider that people of ours may come from: what it says of itself, what it is asked, and whether the ID
token it answers with may be believed (OpenID Connect Core §3.1, Discovery §3, RFC 9207)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from joserfc.jwk import ECKey

from vault.config import IdentitySettings, Limits
from vault.errors import Unavailable
from vault.identity.assertions import write_assertion
from vault.identity.claims import is_safe_url
from vault.identity.clients import ID_TOKEN_ALGORITHMS as OUR_ALGORITHMS
from vault.identity.tokens import (
    BadToken,
    Jwk,
    Jws,
    KeyRing,
    check_signature,
    is_number,
    json_object,
    public_key,
    read_jws,
)
from vault.values import Secret

SHORT: Final = (
    255  # OpenID Connect Core §2: `sub` "MUST NOT exceed 255 ASCII characters"; other claims we cut there too
)
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")
_NUMBER_DIGITS = 11  # a Belgian national number
_MOST_KEYS = 8  # tried for a token that names none


@dataclass(frozen=True, slots=True)
class Provider:
    """What the provider's configuration says, as far as we use it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    says_iss: bool  # its answers name it (RFC 9207 §3)
    auth_methods: tuple[str, ...]
    auth_algorithms: tuple[str, ...]  # what an assertion may be signed with (RFC 8414 §2)
    end_session_endpoint: str | None  # where a person signs out there (RP-Initiated Logout 1.0)
    dpop: bool  # it binds tokens to a key (RFC 9449 §5.1)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What the token endpoint gave for a code. `holder` is the key that the access token is bound to, if it is."""

    id_token: str
    access_token: Secret
    holder: ECKey | None = field(default=None, repr=False)


def parse_provider(said: Mapping[str, Any], *, issuer: str) -> Provider:
    """The provider that this configuration describes. It must name itself exactly as the operator did (Discovery §4.3),
    and each of its addresses must be https, or of this machine. Raises Unavailable."""
    if said.get("issuer") != issuer:
        raise Unavailable("upstream-misconfigured", "The provider's configuration names another issuer.")
    endpoints = {}
    for name in (*_NEEDED, *_OPTIONAL):
        url = said.get(name)
        if url is None and name in _OPTIONAL:
            continue
        if not isinstance(url, str) or not is_safe_url(url) or "#" in url:
            raise Unavailable("upstream-misconfigured", f"The provider's configuration has no usable {name}.")
        endpoints[name] = url
    return Provider(
        issuer=issuer,
        authorization_endpoint=endpoints["authorization_endpoint"],
        token_endpoint=endpoints["token_endpoint"],
        jwks_uri=endpoints["jwks_uri"],
        userinfo_endpoint=endpoints.get("userinfo_endpoint"),
        says_iss=said.get("authorization_response_iss_parameter_supported") is True,
        auth_methods=_texts(said.get("token_endpoint_auth_methods_supported")) or ("client_secret_basic",),
        auth_algorithms=_texts(said.get("token_endpoint_auth_signing_alg_values_supported")) or ("RS256",),
        end_session_endpoint=endpoints.get("end_session_endpoint"),
        dpop="ES256" in _texts(said.get("dpop_signing_alg_values_supported")),
    )


def url_of(endpoint: str, parameters: Mapping[str, str]) -> str:
    """Where the person is sent; empty parameters are left out. The endpoint may have a query of its own (RFC 6749
    §3.1)."""
    sent = {name: value for name, value in parameters.items() if value}
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(sent)}"


def by_assertion(provider: Provider, client_id: str, *, keys: KeyRing, number: str, now: datetime) -> Mapping[str, str]:
    """The form fields by which we prove who we are, by a key of ours (private_key_jwt, OpenID Connect Core §9): ES256
    where it is taken, else RS256. Providers differ in whether the issuer or the endpoint is the audience, so that both
    are named. Raises Unavailable where neither this nor those are taken."""
    algorithm = next((one for one in OUR_ALGORITHMS if one in provider.auth_algorithms), None)
    if "private_key_jwt" not in provider.auth_methods or algorithm is None:
        raise Unavailable("upstream-misconfigured", "The provider does not take private_key_jwt with ES256 or RS256.")
    audiences = (provider.issuer, provider.token_endpoint)
    return write_assertion(client_id, audiences=audiences, keys=keys, algorithm=algorithm, number=number, now=now)


def client_authentication(
    provider: Provider, client_id: str, secret: Secret
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Headers and form fields by which we prove who we are with a secret (RFC 6749 §2.3.1); Basic wherever it is taken.
    Raises Unavailable where neither is."""
    if not secret.reveal():  # a public client: PKCE alone
        return {}, {"client_id": client_id}
    if "client_secret_basic" in provider.auth_methods:
        pair = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}
    if "client_secret_post" in provider.auth_methods:
        return {}, {"client_id": client_id, "client_secret": secret.reveal()}
    raise Unavailable(
        "upstream-misconfigured", "The provider takes neither client_secret_basic nor client_secret_post."
    )


def read_id_token(text: str, *, limits: Limits) -> Jws:
    """Read strictly, nothing believed; `none` and the HMAC family end here (ATK-20). Raises BadToken."""
    jws = read_jws(text, limits=limits)
    kind, key_id = jws.header.get("typ"), jws.header.get("kid")
    # RFC 8725 §3.11: an access token, a proof or a logout token is not an ID token.
    if kind is not None and (not isinstance(kind, str) or kind.upper() != "JWT"):
        raise BadToken("type")
    if key_id is not None and not isinstance(key_id, str):
        raise BadToken("key-id")
    return jws


def check_id_token(
    jws: Jws,
    keys: Sequence[Jwk],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
    settings: IdentitySettings,
) -> Mapping[str, Any]:
    """The claims of an ID token that the provider signed for us, now, and for this errand (OpenID Connect Core
    §3.1.3.7). Raises BadToken with a slug for the operator's log."""
    claims = jws.claims
    if claims.get("iss") != issuer:
        raise BadToken("issuer")
    named = claims.get("aud")
    audience = named if isinstance(named, list) else [named]
    party = claims.get("azp")
    # A token for several, or one that says for whom it was made, must have been made for us.
    if client_id not in audience or (party != client_id and (party is not None or len(audience) > 1)):
        raise BadToken("audience")
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise BadToken("nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > SHORT or not subject.isascii():
        raise BadToken("subject")
    _check_times(claims, now, settings)
    _check_signed(jws, keys)
    return claims


def read_userinfo(text: str, *, limits: Limits) -> Jws | Mapping[str, Any]:
    """What came as `application/jwt`: a signed answer, or, out of an envelope, the bare claims. Raises BadToken."""
    return json_object(text.encode()) if text.startswith("{") else read_id_token(text, limits=limits)


def check_userinfo(jws: Jws, keys: Sequence[Jwk], *, issuer: str, client_id: str) -> Mapping[str, Any]:
    """The claims of a signed answer of userinfo (OpenID Connect Core §5.3.2). `iss` and `aud` may
    be missing; where they are there, they name the provider and us. Raises BadToken."""
    claims = jws.claims
    named = claims.get("aud", client_id)
    if claims.get("iss", issuer) != issuer or client_id not in (named if isinstance(named, list) else [named]):
        raise BadToken("userinfo-for-another")
    _check_signed(jws, keys)
    return claims


def said_number(value: object) -> str | None:
    """A national number, if that is what the claim holds: its eleven digits, however they are grouped."""
    digits = "".join(ch for ch in str(value) if ch not in " .-/") if isinstance(value, (str, int)) else ""
    return digits if len(digits) == _NUMBER_DIGITS and digits.isascii() and digits.isdigit() else None


def said_text(value: object) -> str:
    """A short line of text, such as a name; "" for anything else."""
    text = value if isinstance(value, str) else ""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in text[: 4 * SHORT]).split())[:SHORT]


def said_methods(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """`amr`: how the person was recognised there (RFC 8176)."""
    return tuple(value[:32] for value in _texts(claims.get("amr"))[:8])


def said_moment(claims: Mapping[str, Any]) -> datetime | None:
    """`auth_time`: when the person last proved there who she is."""
    value = claims.get("auth_time")
    return datetime.fromtimestamp(value, UTC) if is_number(value) else None


def _check_times(claims: Mapping[str, Any], now: datetime, settings: IdentitySettings) -> None:
    expires, issued, earliest = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not is_number(expires) or not is_number(issued) or not is_number(earliest):
        raise BadToken("times")
    seconds, tolerance = now.timestamp(), settings.clock_tolerance_seconds
    if seconds >= expires + tolerance:
        raise BadToken("expired")
    if max(issued, earliest) > seconds + tolerance:
        raise BadToken("ahead")


def _check_signed(jws: Jws, keys: Sequence[Jwk]) -> None:
    """By one of the provider's own keys, and by the algorithm that the key is for."""
    key_id, because = jws.header.get("kid"), "unknown-key"
    for jwk in [key for key in keys if key_id is None or key.get("kid") == key_id][:_MOST_KEYS]:
        try:
            if jwk.get("alg", jws.algorithm) != jws.algorithm:
                raise BadToken("algorithm-of-another-key")
            return check_signature(jws, public_key(jwk))
        except BadToken as bad:
            because = bad.because
    raise BadToken(because)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(part for part in value if isinstance(part, str)) if isinstance(value, list) else ()
