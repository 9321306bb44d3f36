"""Accounts, the credentials they hold, and browser sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.values import AccountId, ClientId, PodName, WebId


@dataclass(frozen=True, slots=True)
class Account:
    """A person or organisation that can sign in. `password_hash` is an argon2id string.

    `national_numbers` are keyed hashes (hex HMAC-SHA-256), never the numbers: a source's message finds its citizen by
    them.
    """

    id: AccountId
    email: str  # as typed; `email_key` of it is unique
    password_hash: str
    webid: WebId
    pod: PodName
    created: datetime
    national_numbers: frozenset[str] = frozenset()
    locked: bool = False


def email_key(email: str) -> str:
    """What two spellings of one address share: trimmed and case-folded."""
    return email.strip().casefold()


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. `id_hash` is SHA-256 of the cookie's value, hex: the store never holds the value."""

    id_hash: str
    account: AccountId
    created: datetime
    last_seen: datetime
    authenticated_at: datetime  # when the password was last given: step-up looks at it
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, waiting to be exchanged once. `code_hash` is SHA-256 of the code, hex."""

    code_hash: str
    client: ClientId
    account: AccountId
    webid: WebId
    redirect_uri: str
    scope: frozenset[str]
    code_challenge: str  # S256, base64url
    nonce: str | None
    dpop_jkt: str | None
    authenticated_at: datetime
    expires: datetime
    family: str  # the refresh family its tokens belong to: reuse of the code ends it
    used: bool = False


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link of a rotating family. `token_hash` is SHA-256 of the token, hex."""

    token_hash: str
    family: str
    client: ClientId
    account: AccountId
    webid: WebId
    scope: frozenset[str]
    key_thumbprint: str | None  # the DPoP key of a public client (RFC 9449 §5)
    authenticated_at: datetime
    expires: datetime
    used: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """What an account agreed to for one client; the consent page is not shown again for the same scopes."""

    account: AccountId
    client: ClientId
    scope: frozenset[str]
    given: datetime
