"""What another provider encrypts for us: a signed token inside a JWE (RFC 7516, OpenID Connect Core §10.2), and the
keys of ours that open it.

Only RSA-OAEP wraps the key, and only ciphers that show when somebody altered the text are taken: RSA1_5 tells whoever
asks often enough what is inside (RFC 8725 §3.2), and a compressed text could unfold to anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import RSAKey

from vault.config import Limits
from vault.identity.tokens import BadToken, Jwk, read_object

USE: Final = "envelope"  # of these keys, in the store
KEPT: Final = 2  # the newest, and the one before it, for a provider that remembers it

_WRAPPINGS: Final = ("RSA-OAEP", "RSA-OAEP-256")
_CIPHERS: Final = ("A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM")
# RFC 7519 §5.3: providers repeat claims such as `iss` outside; nobody reads them there.
_REGISTRY: Final = JWERegistry(algorithms=[*_WRAPPINGS, *_CIPHERS], strict_check_header=False)
_PUBLIC: Final = ("kty", "e", "n", "kid", "use")
_PARTS: Final = 5


def new_envelope_key(now: datetime) -> Jwk:
    """A fresh private key to be written to. It says no `alg`: the provider is told which wrapping to use."""
    key = RSAKey.generate_key(2048, private=True)
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "use": "enc", "iat": int(now.timestamp())}


def written_to(keys: Sequence[Jwk]) -> list[Jwk]:
    """The public halves, as a JWK Set names them (RFC 7517 §4.2)."""
    return [{name: key[name] for name in _PUBLIC} for key in keys]


def is_envelope(text: str) -> bool:
    """Whether this is a compact JWE (RFC 7516 §3.1); nothing of it is believed."""
    return text.count(".") == _PARTS - 1


def open_envelope(text: str, keys: Sequence[Jwk], *, limits: Limits) -> str:
    """The text inside, for one of our keys. Raises BadToken with a slug for the operator's log."""
    if len(text) > 2 * limits.token_bytes:  # the token within is held to LIM-19 itself
        raise BadToken("envelope-too-long")
    header = read_object(text.partition(".")[0])
    if header.get("alg") not in _WRAPPINGS or header.get("enc") not in _CIPHERS or {"zip", "crit"} & header.keys():
        raise BadToken("envelope-not-allowed")
    named = header.get("kid")
    for key in [key for key in keys if named is None or key["kid"] == named][:KEPT]:
        try:
            private = RSAKey.import_key({name: value for name, value in key.items() if name not in ("iat", "use")})
            opened = jwe.decrypt_compact(text, private, registry=_REGISTRY)
            return (opened.plaintext or b"").decode()
        except (JoseError, InvalidTag, ValueError):  # of which UnicodeDecodeError is one
            continue
    raise BadToken("envelope-not-for-us")
