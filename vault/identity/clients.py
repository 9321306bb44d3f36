"""OAuth clients: registered by the operator or dynamically (RFC 7591), or described by a Client ID Document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.values import AccountId, ClientId


class ClientAuth(StrEnum):
    """How a client proves itself at the token endpoint (RFC 7591 §2, token_endpoint_auth_method)."""

    NONE = "none"
    SECRET_BASIC = "client_secret_basic"  # noqa: S105 - a method's name
    SECRET_POST = "client_secret_post"  # noqa: S105 - a method's name


@dataclass(frozen=True, slots=True)
class Client:
    """A client application. `secret_hash` is SHA-256 of the secret, hex: the secret is random and long.

    `account` is set for client credentials made by an account: such a client acts as that account's WebID (OP-11).
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
