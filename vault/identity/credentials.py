"""What an account signs in with beside a password: passkeys, recovery codes, and who it is at another provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.values import AccountId


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential (WebAuthn Level 2 §4). `id` and `public_key` (COSE) are base64url without padding.

    `sign_count` is the authenticator's own counter; one that does not grow is a copied key (§6.1.1), where it counts
    at all. `backed_up`: the key lives on several devices of the person.
    """

    id: str
    account: AccountId
    public_key: str
    sign_count: int
    name: str  # what the person calls it
    created: datetime
    transports: tuple[str, ...] = ()
    backed_up: bool = False
    last_used: datetime | None = None


@dataclass(frozen=True, slots=True)
class UpstreamLink:
    """Who an account is at the provider this server sends people to: `subject` at `issuer` (OpenID Connect Core §2)."""

    issuer: str
    subject: str
    account: AccountId
    since: datetime
    last_used: datetime | None = None
