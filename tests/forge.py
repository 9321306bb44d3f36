"""Tokens and proofs by hand: right ones, and every wrong one that a list of refusals asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: Any) -> str:
    return encoded(value if isinstance(value, bytes) else json.dumps(value).encode())


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a compact JWS, unchecked."""
    header, claims, _ = (base64.urlsafe_b64decode(piece + "==") for piece in token.split("."))
    return json.loads(header), json.loads(claims)


def jws(header: Any, claims: Any, key: Key | None, *, algorithm: str | None = None) -> str:
    """A compact JWS over whatever is given; dicts are written as JSON, bytes go in as they are."""
    signing_input = f"{part(header)}.{part(claims)}"
    if key is None:
        return f"{signing_input}."
    name = algorithm or header["alg"]
    return f"{signing_input}.{encoded(JWSRegistry.algorithms[name].sign(signing_input.encode(), key))}"


def new_key(algorithm: str = "ES256", *, bits: int = 2048) -> Key:
    if algorithm in _CURVES:
        return ECKey.generate_key(_CURVES[algorithm])
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519")
    if algorithm.startswith("HS"):
        return OctKey.generate_key(256)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # a key too small is what some refusals are about
        return RSAKey.generate_key(bits, auto_kid=False)


def public(key: Key) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


@dataclass(frozen=True)
class Now:
    """A moment so many seconds from when the token is made."""

    seconds: int


def changed(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The claims with changes; a change to None takes the claim away."""
    full = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return {name: int(time.time()) + value.seconds if isinstance(value, Now) else value for name, value in full.items()}


def assertion(
    client_id: str, audience: Any, key: Key, *, header: Mapping[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """The two form fields by which a client proves itself with its key (RFC 7523 §2.2), with changes to the claims."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60}
    full = changed({**claims, "jti": secrets.token_urlsafe(12)}, changes)
    text = jws(changed({"alg": "ES256", "typ": "JWT"}, header or {}), full, key)
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text}


@dataclass
class Holder:
    """Somebody who holds a key, and perhaps an access token bound to it."""

    token: str = ""
    algorithm: str = "ES256"
    key: Key = field(default_factory=new_key)

    @property
    def thumbprint(self) -> str:
        return self.key.thumbprint()

    def proof(self, method: str, url: str, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A DPoP proof, with changes to header and claims."""
        full = changed({"typ": "dpop+jwt", "alg": self.algorithm, "jwk": public(self.key)}, header or {})
        claims: dict[str, Any] = {
            "htm": method,
            "htu": url.partition("?")[0],
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(12),
        }
        if self.token:
            claims["ath"] = encoded(hashlib.sha256(self.token.encode()).digest())
        return jws(full, changed(claims, changes), self.key, algorithm=self.algorithm)
