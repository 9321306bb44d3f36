"""OAuth clients: registered by the operator or dynamically (RFC 7591), or described by a Client ID Document."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from vault.errors import OAuthRefusal
from vault.identity.claims import is_safe_url
from vault.identity.tokens import BadToken, public_key
from vault.values import AccountId, ClientId, WebId

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - the name of an exchange
CLIENT_CREDENTIALS: Final = "client_credentials"
ID_TOKEN_ALGORITHMS: Final = ("ES256", "RS256")  # what our ID tokens can be signed with; the first unless asked (OP-2)

_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")  # RFC 8252 §7.1: a reversed domain name
_URL_TEXT = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]{1,2048}")  # RFC 3986 §2, without the fragment's mark
_LITERALS = ("127.0.0.1", "::1")
_MOST_KEYS = 20


class ClientAuth(StrEnum):
    """How a client proves itself at the token endpoint (RFC 7591 §2, token_endpoint_auth_method)."""

    NONE = "none"
    SECRET_BASIC = "client_secret_basic"  # noqa: S105 - a method's name
    SECRET_POST = "client_secret_post"  # noqa: S105 - a method's name
    PRIVATE_KEY = "private_key_jwt"


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What a client says of itself and a person goes by when deciding about it (ATK-23). `host` is where the answer
    goes; it is the one fact that is certain."""

    name: str
    host: str
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A client application. `secret_hash` is SHA-256 of the secret, hex: the secret is random and long.

    `account` is set for client credentials made by an account: such a client acts as that account's WebID (OP-11).
    A client that was revoked stays known, so that its id is never given to another.
    """

    id: ClientId
    name: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    grant_types: frozenset[str]
    auth: ClientAuth
    secret_hash: str | None
    account: AccountId | None
    created: datetime
    client_uri: str | None = None
    dynamic: bool = False
    policy_uri: str | None = None
    tos_uri: str | None = None
    jwks: tuple[Mapping[str, Any], ...] = ()  # public keys for private_key_jwt (RFC 7591 §2)
    jwks_uri: str | None = None
    webid: WebId | None = None  # as whom, for credentials of an account with several WebIDs; None is its first
    revoked: datetime | None = None
    former_secret_hash: str | None = None  # still good until `former_until`: a rotation without a gap
    former_until: datetime | None = None
    last_used: datetime | None = None  # to the hour: when it last came for a token
    id_token_algorithm: str = ID_TOKEN_ALGORITHMS[0]
    must_push: bool = False  # its authorization requests come by PAR only (RFC 9126 §6)

    @property
    def is_public(self) -> bool:
        """Without a secret: nothing but the redirect URI and the DPoP key says that it is this client."""
        return self.auth is ClientAuth.NONE


def parse_client(
    metadata: Mapping[str, object], *, client_id: ClientId, secret: str | None, now: datetime, dynamic: bool
) -> Client:
    """Client metadata as RFC 7591 §2 and Client ID Documents write it. Raises OAuthRefusal (invalid_redirect_uri,
    invalid_client_metadata) that names the member, what was expected and what was found (PAIN-15)."""
    redirects = _uris(metadata, "redirect_uris", needed=True)
    grants = _texts(metadata, "grant_types") or (AUTHORIZATION_CODE, REFRESH_TOKEN)
    offered = frozenset(grants) & {AUTHORIZATION_CODE, REFRESH_TOKEN}
    if AUTHORIZATION_CODE not in offered:
        raise _bad("grant_types", "authorization_code among them", grants)
    responses = _texts(metadata, "response_types") or ("code",)
    if "code" not in responses:
        raise _bad("response_types", "code", responses)
    host = urlsplit(redirects[0]).hostname or redirects[0].partition(":")[0]
    method = auth_method(metadata)
    jwks, jwks_uri = parse_keys(metadata)
    return Client(
        id=client_id,
        name=shown_name(metadata.get("client_name"), otherwise=host),
        redirect_uris=redirects,
        post_logout_redirect_uris=_uris(metadata, "post_logout_redirect_uris", needed=False),
        grant_types=offered,
        auth=method if secret is not None or method is ClientAuth.PRIVATE_KEY else ClientAuth.NONE,
        secret_hash=None if secret is None else sha256(secret.encode()).hexdigest(),
        account=None,
        created=now,
        client_uri=_page(metadata.get("client_uri")),
        dynamic=dynamic,
        policy_uri=_page(metadata.get("policy_uri")),
        tos_uri=_page(metadata.get("tos_uri")),
        jwks=jwks,
        jwks_uri=jwks_uri,
        id_token_algorithm=_id_token_algorithm(metadata),
        must_push=_flag(metadata, "require_pushed_authorization_requests"),
    )


def parse_keys(metadata: Mapping[str, object]) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
    """`jwks` and `jwks_uri` of client metadata, of which there is one at most (RFC 7591 §2): public keys that can be
    read, or where to fetch them. Raises OAuthRefusal (invalid_client_metadata)."""
    given, where = metadata.get("jwks"), metadata.get("jwks_uri")
    if given is not None and where is not None:
        raise _bad("jwks", "jwks or jwks_uri, not both", "both")
    if where is not None:
        if not isinstance(where, str) or not _URL_TEXT.fullmatch(where) or not is_safe_url(where):
            raise _bad("jwks_uri", "an https URL", where)
        return (), where
    if given is None:
        return (), None
    keys = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= _MOST_KEYS:
        raise _bad("jwks", f"an object with 1 to {_MOST_KEYS} keys", type(given).__name__)
    for key in keys:
        try:
            public_key(key)
        except BadToken as bad:
            raise _bad("jwks", "public keys of type EC, RSA or OKP", bad.because) from None
    return tuple(keys), None


def auth_method(metadata: Mapping[str, object]) -> ClientAuth:
    """The method a client asks for (RFC 7591 §2); Basic when it says nothing."""
    asked = metadata.get("token_endpoint_auth_method", ClientAuth.SECRET_BASIC.value)
    try:
        method = ClientAuth(str(asked))
    except ValueError:
        raise _bad("token_endpoint_auth_method", " or ".join(method.value for method in ClientAuth), asked) from None
    if method is ClientAuth.PRIVATE_KEY and not {"jwks", "jwks_uri"} & metadata.keys():
        raise _bad("token_endpoint_auth_method", "jwks or jwks_uri beside private_key_jwt", asked)
    return method


def shown_name(name: object, *, otherwise: str) -> str:
    """A client's own name made safe to show: one line, no control or direction characters, at most 80 (ATK-05)."""
    text = unicodedata.normalize("NFC", name) if isinstance(name, str) else ""
    kept = "".join(" " if ch.isspace() else ch for ch in text if ch.isspace() or unicodedata.category(ch)[0] != "C")
    return " ".join(kept.split())[:80] or otherwise[:80]


def redirect_allowed(client: Client, uri: str) -> bool:
    """Whether this is one of the client's redirect URIs: the exact string, or for the literals 127.0.0.1 and [::1] the
    same with any port (OP-5, RFC 8252 §7.3)."""
    return uri in client.redirect_uris or any(_same_but_port(known, uri) for known in client.redirect_uris)


def secret_matches(client: Client, secret: str, now: datetime) -> bool:
    """The secret, or the one before it while both count. Compared by hash, in constant time (ATK-36)."""
    given = sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    current = compare_digest(client.secret_hash or "", given)
    former = compare_digest(client.former_secret_hash or "", given)
    return current or (former and client.former_until is not None and now < client.former_until)


def _fault(uri: str) -> str | None:
    """What is wrong with a redirect URI, in words; None when nothing is."""
    if not _URL_TEXT.fullmatch(uri):
        return "a URL in ASCII, without blanks and without a fragment"
    parts = _split(uri)
    if parts is None or "@" in parts.netloc:
        return "a URL without user information"
    if any(
        segment in (".", "..") or segment.lower() in ("%2e", "%2e%2e", ".%2e", "%2e.")
        for segment in parts.path.split("/")
    ):
        return "a path without dot segments"
    if parts.scheme == "https" and parts.hostname:
        return None
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return None
    if _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return None
    return "https, http on localhost, or a scheme named after a domain such as org.example.app"


def is_loopback(host: str) -> bool:
    """A name or literal that always means the machine of the browser itself."""
    return host == "localhost" or host.endswith(".localhost") or host in _LITERALS


def _same_but_port(known: str, uri: str) -> bool:
    if _fault(uri) is not None:
        return False
    one, other = _split(known), _split(uri)
    if one is None or other is None or one.hostname not in _LITERALS or one.scheme != "http":
        return False
    return (one.scheme, one.hostname, one.path, one.query) == (other.scheme, other.hostname, other.path, other.query)


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return None
    return parts


def _uris(metadata: Mapping[str, object], member: str, *, needed: bool) -> tuple[str, ...]:
    found = _texts(metadata, member)
    if (needed and not found) or len(found) > 50:
        raise _bad(member, "between 1 and 50 URLs", f"{len(found)}", error="invalid_redirect_uri")
    for uri in found:
        if (expected := _fault(uri)) is not None:
            raise _bad(member, expected, uri, error="invalid_redirect_uri")
    return found


def _page(value: object) -> str | None:
    """A page about the client; what is no proper URL is left out, since nothing depends on it."""
    return value if isinstance(value, str) and _fault(value) is None else None


def _texts(metadata: Mapping[str, object], member: str) -> tuple[str, ...]:
    value = metadata.get(member, [])
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise _bad(member, "a list of texts", value)
    return tuple(listed)


def _id_token_algorithm(metadata: Mapping[str, object]) -> str:
    asked = metadata.get("id_token_signed_response_alg", ID_TOKEN_ALGORITHMS[0])
    if asked not in ID_TOKEN_ALGORITHMS:
        raise _bad("id_token_signed_response_alg", " or ".join(ID_TOKEN_ALGORITHMS), asked)
    return str(asked)


def _flag(metadata: Mapping[str, object], member: str) -> bool:
    value = metadata.get(member, False)
    if not isinstance(value, bool):
        raise _bad(member, "true or false", value)
    return value


def _bad(member: str, expected: str, found: object, *, error: str = "invalid_client_metadata") -> OAuthRefusal:
    shown = "".join(ch for ch in str(found)[:120] if ch.isprintable())
    return OAuthRefusal(error, f"{member}: expected {expected}; found {shown}")
