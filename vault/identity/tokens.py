"""Signed tokens: the server's own keys, strict reading of what strangers send, and the claims that hold.

What is trusted shows in the types: text → `Jws` (read strictly, nothing checked) → claims.py: `UnverifiedToken`
→ `VerifiedClaims` (signature and claims hold). The algorithm comes from our table, never from the token alone.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeGuard

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey
from joserfc.jws import JWSRegistry

from vault.config import Limits

Jwk = dict[str, Any]  # a JSON Web Key (RFC 7517), public or private

# RS-6: RS256 and ES256 are needed, the rest is offered. Each with the one key type and curve it may be used with; what
# is not in this table is refused, `none` and the HMAC family with it (ATK-20).
ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
}

_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("e", "n"), "OKP": ("crv", "x")}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS = range(2048, 4097)  # VEC-P15 below; above, one verification would cost too much


class BadToken(Exception):
    """What was sent is not a signed token we can read or verify; `because` is a stable slug."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, parsed once, with its RFC 7638 thumbprint."""

    key: Key
    kind: str
    curve: str | None
    thumbprint: str


class Jws(NamedTuple):
    """A compact JWS, read strictly; nothing in it is believed yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    algorithm: str
    signing_input: bytes
    signature: bytes
    written_header: str


class KeyRing:
    """The server's own signing keys. Of each algorithm the newest that may sign already signs; all of them are
    published and verify, so that a change of key overlaps. Every worker has a ring of its own and reloads it
    (rotate.py)."""

    __slots__ = ("_public", "_signers")

    def __init__(self, signers: Mapping[str, tuple[Key, str]], public: tuple[Jwk, ...]) -> None:
        self._signers = signers  # algorithm → key and kid
        self._public = public

    @staticmethod
    def load(keys: Sequence[Jwk], *, now: datetime | None = None) -> KeyRing:
        """Private keys as `new_key` makes them, newest first; at least one. Without a moment the newest sign."""
        ring = KeyRing({}, ())
        ring.reload(keys, now=now)
        return ring

    def reload(self, keys: Sequence[Jwk], *, now: datetime | None = None) -> None:
        """Takes the place of what was loaded before; what has not changed is not read again."""
        signing = {key["alg"]: key for key in reversed(keys) if now is None or signs_from(key) <= now.timestamp()}
        # A store of which no key may sign yet cannot come about by rotation; its oldest keys sign all the same.
        signing = {**{key["alg"]: key for key in keys}, **signing}
        held = {kid: key for key, kid in self._signers.values()}
        self._signers = {
            algorithm: (held.get(jwk["kid"]) or _private(jwk), jwk["kid"]) for algorithm, jwk in signing.items()
        }
        self._public = tuple(_published(key) for key in keys)

    @staticmethod
    def new_key(now: datetime, *, algorithm: str = "ES256", signs_from: datetime | None = None) -> Jwk:
        """A fresh private key; `kid` is its thumbprint (RFC 7638)."""
        return new_key(now, algorithm=algorithm, signs_from=signs_from)

    @property
    def key_id(self) -> str:
        """The `kid` of the ES256 key that signs now."""
        return self._signers["ES256"][1]

    def sign(self, claims: Mapping[str, Any], typ: str, *, algorithm: str = "ES256") -> str:
        """A compact JWS over the claims, by the key of this algorithm that signs now."""
        key, kid = self._signers[algorithm]
        return compact_jws({"alg": algorithm, "typ": typ, "kid": kid}, claims, key)

    def sign_bytes(self, data: bytes) -> bytes:
        """A plain ES256 signature, r and s one after the other (RFC 7518 §3.4, RFC 9421 §3.3.4)."""
        return JWSRegistry.algorithms["ES256"].sign(data, self._signers["ES256"][0])

    def public_keys(self) -> list[Jwk]:
        return [dict(key) for key in self._public]

    def public_jwks(self) -> dict[str, Any]:
        """The JWK Set that `jwks_uri` serves (RFC 7517 §5)."""
        return {"keys": self.public_keys()}


def new_key(now: datetime, *, algorithm: str = "ES256", signs_from: datetime | None = None) -> Jwk:
    """A fresh private key as a JWK, for ES256 or RS256. `nbf` is when it begins to sign, if not at once."""
    elliptic = algorithm == "ES256"
    key: Key = ECKey.generate_key("P-256", private=True) if elliptic else RSAKey.generate_key(2048, private=True)
    made = int(now.timestamp())
    jwk: Jwk = {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": algorithm, "use": "sig", "iat": made}
    return jwk if signs_from is None else {**jwk, "nbf": int(signs_from.timestamp())}


def signs_from(key: Jwk) -> int:
    """From which moment on a key of ours signs, in seconds since 1970."""
    return int(key["nbf"] if "nbf" in key else key["iat"])


def read_jws(text: str, *, limits: Limits) -> Jws:
    """Reads a compact JWS of at most LIM-19 characters: three parts, strict base64url, JSON objects without a member
    given twice, an algorithm of our table, no `crit`. Raises BadToken."""
    if len(text) > limits.token_bytes:
        raise BadToken("too-long")
    if not text.isascii():  # a header may hold bytes that are no text at all
        raise BadToken("base64url")
    parts = text.split(".")
    if len(parts) != 3:
        raise BadToken("not-three-parts")
    written, claims, signature = parts
    header, algorithm = _header(written)
    signing_input = f"{written}.{claims}".encode()
    return Jws(header, read_object(claims), algorithm, signing_input, decode_base64url(signature), written)


def public_key(jwk: object) -> PublicKey:
    """Reads a public JWK; symmetric, private, weak and unknown keys raise BadToken. Parsed keys are remembered."""
    if not isinstance(jwk, dict):
        raise BadToken("no-key")
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in _PUBLIC_MEMBERS:
        raise BadToken("key-type-not-allowed")
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise BadToken("private-key-sent")
    values = tuple(jwk.get(name) for name in _PUBLIC_MEMBERS[kind])
    if not all(isinstance(value, str) for value in values) or jwk.get("use", "sig") != "sig":
        raise BadToken("key-unreadable")
    return _parsed_key(kind, values)


def key_in_header(jws: Jws) -> PublicKey:
    """The public key that a proof brings along as `jwk`, as `public_key` reads it. One client's headers are all the
    same, and so is what they say."""
    return _key_in_header(jws.written_header)


def check_signature(jws: Jws, key: PublicKey) -> None:
    """Raises BadToken unless `key` is of the kind that the token's algorithm demands and made its signature."""
    if ALGORITHMS[jws.algorithm] != (key.kind, key.curve):
        raise BadToken("algorithm-of-another-key")
    if not JWSRegistry.algorithms[jws.algorithm].verify(jws.signing_input, jws.signature, key.key):
        raise BadToken("signature")


def compact_jws(header: Mapping[str, Any], claims: Mapping[str, Any], key: Key) -> str:
    """A compact JWS; `header` names the algorithm, and `key` fits it."""
    signing_input = f"{_encode_json(header)}.{_encode_json(claims)}"
    return f"{signing_input}.{_encode(JWSRegistry.algorithms[header['alg']].sign(signing_input.encode(), key))}"


def digest(text: str) -> str:
    """SHA-256 in hex: how codes, secrets and session ids are stored, and how verified tokens are remembered."""
    return hashlib.sha256(text.encode()).hexdigest()


def base64url_sha256(text: str) -> str:
    """SHA-256 in base64url without padding: PKCE's S256 (RFC 7636 §4.2) and DPoP's `ath` (RFC 9449 §4.2)."""
    return _encode(hashlib.sha256(text.encode()).digest())


def decode_base64url(text: str) -> bytes:
    """Strict base64url without padding; raises BadToken."""
    if "+" in text or "/" in text or "=" in text:  # of plain base64; everything else is refused by the strict reader
        raise BadToken("base64url")
    try:
        return binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:  # binascii.Error, and what is not ASCII
        raise BadToken("base64url") from None


def read_object(part: str) -> Mapping[str, Any]:
    """The JSON object in one part of a token. Raises BadToken."""
    return json_object(decode_base64url(part))


def json_object(data: bytes) -> Mapping[str, Any]:
    """A JSON object, read strictly: no member given twice, and nothing that is not JSON. Raises BadToken."""
    try:
        value = _JSON.decode(data.decode())
        if b"\\u" in data:  # half a surrogate pair is no text: it could not be written down again
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadToken("json") from None
    if not isinstance(value, dict):
        raise BadToken("json")
    return value


def is_number(value: object) -> TypeGuard[int | float]:
    """A JSON number that can be a NumericDate (RFC 7519 §2), and a moment of the calendar: until the year 6325."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1 << 37


@lru_cache(maxsize=4096)
def _parsed_key(kind: str, values: tuple[str, ...]) -> PublicKey:
    members = dict(zip(_PUBLIC_MEMBERS[kind], values, strict=True))
    for value in values if kind == "RSA" else values[1:]:
        decode_base64url(value)
    if kind == "RSA":
        modulus, exponent = (int.from_bytes(decode_base64url(members[name])) for name in ("n", "e"))
        if modulus.bit_length() not in _RSA_BITS or exponent.bit_length() > 32:
            raise BadToken("key-size")
    try:
        key = JWKRegistry.import_key({"kty": kind, **members})
    except (JoseError, ValueError, KeyError, TypeError):
        raise BadToken("key-unreadable") from None
    return PublicKey(key, kind, members.get("crv"), key.thumbprint())


@lru_cache(maxsize=1024)
def _key_in_header(written: str) -> PublicKey:
    return public_key(_header(written)[0].get("jwk"))


@lru_cache(maxsize=1024)
def _header(part: str) -> tuple[Mapping[str, Any], str]:
    # Remembered, since one client's headers are all the same; nobody writes into what is returned.
    header = read_object(part)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise BadToken("algorithm-not-allowed")
    if "crit" in header:  # RFC 7515 §4.1.11: we understand no extension, so a critical one is refused
        raise BadToken("critical-header")
    return header, algorithm


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # VEC-T26: two readers of a member given twice may each believe another one.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("member given twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _published(key: Jwk) -> Jwk:
    return {name: key[name] for name in ("kty", *_PUBLIC_MEMBERS[key["kty"]], "kid", "alg", "use")}


def _private(key: Jwk) -> Key:
    names = ("kty", *_PUBLIC_MEMBERS[key["kty"]], *sorted(_PRIVATE_MEMBERS))
    return JWKRegistry.import_key({name: key[name] for name in names if name in key})


def _encode(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode().rstrip("=").replace("+", "-").replace("/", "_")


def _encode_json(value: Mapping[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


_JSON = json.JSONDecoder(object_pairs_hook=_no_twice, parse_constant=_no_constant)
