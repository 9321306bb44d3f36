"""People who are sent to another provider and come back: what they were sent for, and who they are there.

Nothing is stored meanwhile. What must be known again travels with the person, encrypted under a secret of the server
and bound to the visitor's own form cookie: as `state` on the way there (RFC 6749 §10.12), as a cookie afterwards. So no
other browser can finish what this one began (login CSRF, ATK-22), and the provider does not learn where a person was
going. Each is good once, and for some minutes.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.identity.tokens import BadToken, decode_base64url

ERRAND_SECONDS: Final = 900  # how long somebody may take at the provider
ARRIVAL_SECONDS: Final = 900  # how long somebody may think about a new vault
STATE_CHARACTERS: Final = 2048  # a URL of ours must hold it beside the code

_NONCE_BYTES = 12
_OPENED_BYTES = 16 * 1024


class Purpose(StrEnum):
    """What somebody was sent there for."""

    SIGN_IN = "sign-in"
    LINK = "link"  # to sign in that way too, from now on
    CONFIRM = "confirm"  # to prove once more, or at a higher level, who she is


@dataclass(frozen=True, slots=True)
class Errand:
    """Why somebody was sent. `account` was signed in then; empty where nobody needed to be. `fresh`: the provider must
    ask the person itself, whatever it remembers of her."""

    id: str
    purpose: Purpose
    onward: str  # where to go on to
    made: datetime
    level: str = ""  # the level that is demanded
    fresh: bool = False
    account: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came back, as the provider says. `number` is the keyed hash of a national number, never the number."""

    id: str
    issuer: str
    subject: str
    onward: str
    authenticated_at: datetime
    expires: datetime
    email: str = ""
    email_verified: bool = False
    name: str = ""
    number: str | None = None
    methods: tuple[str, ...] = ()  # amr (RFC 8176)
    level: str | None = None  # acr


def new_errand(
    purpose: Purpose, onward: str, *, now: datetime, level: str = "", fresh: bool = False, account: str = ""
) -> Errand:
    return Errand(secrets.token_urlsafe(16), purpose, onward, _whole(now), level, fresh, account)


def errand_ends(errand: Errand) -> datetime:
    return errand.made + timedelta(seconds=ERRAND_SECONDS)


def seal_errand(errand: Errand, *, key: bytes, visitor: str, home: str) -> str:
    """The `state` of an errand. One that would be too long for a URL leads to `home` afterwards."""
    text = _seal(_plain(errand), b"errand", key, visitor)
    if len(text) <= STATE_CHARACTERS:
        return text
    return _seal(_plain(replace(errand, onward=home)), b"errand", key, visitor)


def open_errand(text: str, *, key: bytes, visitor: str, now: datetime) -> Errand | None:
    """The errand of this visitor; None for anything else, and for one that took too long."""
    found = _open(text, b"errand", key, visitor)
    if found is None:
        return None
    found |= {"purpose": Purpose(found["purpose"]), "made": datetime.fromtimestamp(found["made"], UTC)}
    errand = Errand(**found)
    return errand if now < errand_ends(errand) else None


def seal_arrival(arrival: Arrival, *, key: bytes, visitor: str) -> str:
    return _seal(_plain(arrival), b"arrival", key, visitor)


def open_arrival(text: str, *, key: bytes, visitor: str, now: datetime) -> Arrival | None:
    """The arrival of this visitor; None for anything else, and for one that has lapsed."""
    found = _open(text, b"arrival", key, visitor)
    if found is None:
        return None
    for name in ("authenticated_at", "expires"):
        found[name] = datetime.fromtimestamp(found[name], UTC)
    arrival = Arrival(**{**found, "methods": tuple(found["methods"])})
    return arrival if now < arrival.expires else None


def verifier_of(errand: Errand, *, key: bytes) -> str:
    """The PKCE code verifier (RFC 7636 §4.1): made from the errand, known to nobody else, stored nowhere."""
    return _derived(errand, b"verifier", key)


def nonce_of(errand: Errand, *, key: bytes) -> str:
    """The nonce that the ID token must carry (OpenID Connect Core §3.1.2.1)."""
    return _derived(errand, b"nonce", key)


def _derived(errand: Errand, what: bytes, key: bytes) -> str:
    return _encode(hmac.new(key, b"%s\0%s" % (what, errand.id.encode()), sha256).digest())


def _plain(value: Errand | Arrival) -> Mapping[str, Any]:
    return {name: int(part.timestamp()) if isinstance(part, datetime) else part for name, part in asdict(value).items()}


def _seal(value: Mapping[str, Any], kind: bytes, key: bytes, visitor: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    packed = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9)
    return _encode(nonce + _cipher(kind, key).encrypt(nonce, packed, visitor.encode()))


def _open(text: str, kind: bytes, key: bytes, visitor: str) -> dict[str, Any] | None:
    try:
        data = decode_base64url(text)
        packed = _cipher(kind, key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], visitor.encode())
    except (InvalidTag, BadToken, ValueError):  # ValueError: too short to hold anything
        return None
    # What opens was written here, so it is what it should be.
    found: dict[str, Any] = json.loads(zlib.decompressobj().decompress(packed, _OPENED_BYTES))
    return found


def _cipher(kind: bytes, key: bytes) -> AESGCM:
    """One key for each kind, so that an errand never opens as an arrival."""
    return AESGCM(hmac.new(key, b"upstream " + kind, sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
