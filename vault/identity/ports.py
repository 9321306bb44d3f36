"""What identity needs of the store and of the outside world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeAlias

from vault.audit import AuditLog
from vault.identity import tokens
from vault.identity.accounts import Account, Code, Consent, RefreshToken, Session
from vault.identity.claims import VerifiedTokens
from vault.identity.clients import Client
from vault.values import AccountId, ClientId, PodName, WebId

Jwk: TypeAlias = tokens.Jwk


class Accounts(Protocol):
    async def add(self, account: Account, /) -> None:
        """Raises Conflict("account-exists") when the address, the WebID or the pod is taken."""
        ...

    async def replace(self, account: Account, /) -> None: ...
    async def get(self, account: AccountId, /) -> Account | None: ...
    async def by_email(self, email: str, /) -> Account | None: ...
    async def by_webid(self, webid: WebId, /) -> Account | None: ...
    async def by_pod(self, pod: PodName, /) -> Account | None: ...
    async def by_national_number(self, keyed_hash: str, /) -> Account | None: ...


class Clients(Protocol):
    async def put(self, client: Client, /) -> None: ...
    async def get(self, client: ClientId, /) -> Client | None: ...
    async def consent(self, account: AccountId, client: ClientId, /) -> Consent | None: ...
    async def put_consent(self, consent: Consent, /) -> None: ...
    async def remove_consent(self, account: AccountId, client: ClientId, /) -> None: ...


class Sessions(Protocol):
    async def add(self, session: Session, /) -> None: ...
    async def get(self, id_hash: str, /) -> Session | None: ...
    async def replace(self, session: Session, /) -> None: ...
    async def remove(self, id_hash: str, /) -> None: ...
    async def remove_all(self, account: AccountId, /) -> int: ...


class Codes(Protocol):
    async def add(self, code: Code, /) -> None: ...
    async def claim(self, code_hash: str, /) -> Code | None:
        """Marks the code used and returns it as it was before: `used` True means this is a second try (VEC-C01)."""
        ...


class RefreshTokens(Protocol):
    async def add(self, token: RefreshToken, /) -> None: ...
    async def claim(self, token_hash: str, /) -> RefreshToken | None:
        """Marks the token used and returns it as it was before: `used` True means reuse, which ends the family."""
        ...

    async def end_family(self, family: str, /) -> None: ...
    async def end_for(self, account: AccountId, client: ClientId | None, /) -> None: ...


class Replays(Protocol):
    """Proof ids already seen, shared by all workers; need not reach the disk, and stands outside the transaction."""

    async def claim(self, proof_id: str, /, *, until: datetime) -> bool:
        """True the first time, False when seen before. Exactly one of two at once gets True."""
        ...


class Tries(Protocol):
    """Counts of failed sign-ins per key (account or address), shared by all workers, outside the transaction."""

    async def count(self, key: str, /, *, window_seconds: int, now: datetime) -> int: ...
    async def add(self, key: str, /, *, now: datetime) -> None: ...
    async def clear(self, key: str, /) -> None: ...


class SigningKeys(Protocol):
    """Private keys of the server, by use ("token" or "datasluis"), newest first."""

    async def all(self, use: str, /) -> list[Jwk]: ...
    async def add(self, use: str, key: Jwk, /, *, created: datetime) -> None: ...


class Secrets(Protocol):
    """Named random secrets of the server (32 bytes, hex), made on first use: cookie key, national number key, …"""

    async def get_or_make(self, name: str, /) -> str: ...


class Issuers(Protocol):
    """What other people's servers say, cached; our own answers come without HTTP (RS-10)."""

    @property
    def own(self) -> str:
        """Our own issuer: the base URL, with its slash (D10)."""
        ...

    @property
    def verified(self) -> VerifiedTokens:
        """Access tokens verified a moment ago."""
        ...

    async def client(self, client: ClientId, /) -> Client:
        """The client that a Client ID Document describes (CI-1 to CI-6). Raises OAuthRefusal("invalid_client") with a
        detail that names what is wrong with it (PAIN-15)."""
        ...

    async def keys(self, issuer: str, /, *, key_id: str | None = None) -> list[Jwk]:
        """Public keys of an OpenID provider. An unknown `key_id` causes one refresh at most. Raises Unauthenticated
        when the issuer cannot be reached or names another issuer (RS-3, RS-9)."""
        ...

    async def trusted_by(self, webid: WebId, /) -> frozenset[str]:
        """Issuers the WebID document lists (RS-4). Raises Unauthenticated when it cannot be read."""
        ...


class CreatePod(Protocol):
    """`solid.provision.create_pod`, bound to the transaction of the new account and handed in from above."""

    def __call__(
        self,
        *,
        name: PodName,
        owner: WebId,
        display_name: str,
        issuer: str,
        base_url: str,
        quota_bytes: int,
        now: datetime,
    ) -> Awaitable[object]: ...


class IdentityWork(Protocol):
    """The slice of one transaction that identity uses."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def clients(self) -> Clients: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def codes(self) -> Codes: ...
    @property
    def refresh_tokens(self) -> RefreshTokens: ...
    @property
    def signing_keys(self) -> SigningKeys: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def audit(self) -> AuditLog: ...


Transact: TypeAlias = Callable[[], AbstractAsyncContextManager[IdentityWork]]
