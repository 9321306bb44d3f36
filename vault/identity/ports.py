"""What identity needs of the store and of the outside world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from vault.audit import AuditLog
from vault.identity import tokens
from vault.identity.accounts import Account, Code, Consent, HeldPod, RefreshToken, Session
from vault.identity.claims import VerifiedTokens
from vault.identity.clients import Client
from vault.identity.credentials import Passkey, UpstreamLink
from vault.identity.letters import Letter, LetterText, LinkPurpose, MailLink
from vault.identity.upstream import Provider, Redeemed
from vault.values import AccountId, Ceiling, ClientId, PodName, WebId

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
    async def listed(self, *, after: str, limit: int) -> list[Account]:
        """Accounts by address, those behind the address `after`."""
        ...

    async def closing(self, now: datetime, /, *, limit: int) -> list[Account]:
        """Accounts whose time to be kept is over."""
        ...

    async def remove(self, account: AccountId, /) -> None:
        """The account and everything that identity keeps of it. Pods and their documents are not identity's."""
        ...

    async def webids(self, account: AccountId, /) -> list[WebId]:
        """Every WebID the account signs in as; its first one first, the others in the order of their text."""
        ...

    async def add_webid(self, account: AccountId, webid: WebId, /) -> None:
        """Raises Conflict("webid-taken") when another account holds it; holding it already is no error."""
        ...

    async def remove_webid(self, account: AccountId, webid: WebId, /) -> None: ...
    async def pods(self, account: AccountId, /) -> list[HeldPod]:
        """The pods of the account; its first one first, the others by name."""
        ...

    async def add_pod(self, account: AccountId, held: HeldPod, /) -> None:
        """Raises Conflict("pod-taken") when there is such a pod already."""
        ...

    async def remove_pod(self, account: AccountId, pod: PodName, /) -> None: ...


class Clients(Protocol):
    async def put(self, client: Client, /) -> None: ...
    async def get(self, client: ClientId, /) -> Client | None: ...
    async def remove(self, client: ClientId, /) -> None: ...
    async def registered(self, after: str, /, *, limit: int) -> list[Client]:
        """Clients that are no account's, in the order of their ids, from the one after `after` on."""
        ...

    async def in_use(self, client: ClientId, /, *, now: datetime) -> bool:
        """Whether somebody consented to it, or it holds a refresh token that has not expired."""
        ...

    async def of(self, account: AccountId, /) -> list[Client]:
        """The credentials of an account's machines, revoked ones too; the oldest first."""
        ...

    async def consents(self, account: AccountId, /) -> list[Consent]:
        """The apps an account let in, the latest decision first."""
        ...

    async def consent(self, account: AccountId, client: ClientId, /) -> Consent | None: ...
    async def put_consent(self, consent: Consent, /) -> None: ...
    async def remove_consent(self, account: AccountId, client: ClientId, /) -> None: ...


class Sessions(Protocol):
    async def add(self, session: Session, /) -> None: ...
    async def get(self, id_hash: str, /) -> Session | None: ...
    async def replace(self, session: Session, /) -> None: ...
    async def remove(self, id_hash: str, /) -> None: ...
    async def remove_all(self, account: AccountId, /) -> int: ...
    async def of(self, account: AccountId, /) -> list[Session]:
        """The account's sessions, the one used last first; those that no longer hold may be among them."""
        ...


class Codes(Protocol):
    async def add(self, code: Code, /) -> None: ...
    async def claim(self, code_hash: str, /) -> Code | None:
        """Marks the code used and returns it as it was before: `used` True means this is a second try (VEC-C01)."""
        ...


class RefreshTokens(Protocol):
    async def add(self, token: RefreshToken, /) -> None: ...
    async def get(self, token_hash: str, /) -> RefreshToken | None:
        """The token as it is, `used` included; nothing is claimed."""
        ...

    async def claim(self, token_hash: str, /) -> RefreshToken | None:
        """Marks the token used and returns it as it was before: `used` True means reuse, which ends the family."""
        ...

    async def end_family(self, family: str, /) -> None: ...
    async def end_for(self, account: AccountId, client: ClientId | None, /) -> None: ...


class Passkeys(Protocol):
    async def add(self, passkey: Passkey, /) -> None:
        """Raises Conflict("passkey-known") when it is registered already, whoever holds it (ATK-30)."""
        ...

    async def get(self, credential_id: str, /) -> Passkey | None: ...
    async def of(self, account: AccountId, /) -> list[Passkey]:
        """The oldest first."""
        ...

    async def replace(self, passkey: Passkey, /) -> None: ...
    async def remove(self, account: AccountId, credential_id: str, /) -> bool: ...


class RecoveryCodes(Protocol):
    """Hashes of one-time codes, SHA-256 in hex."""

    async def replace_all(self, account: AccountId, code_hashes: frozenset[str], /) -> None: ...
    async def count(self, account: AccountId, /) -> int: ...
    async def claim(self, account: AccountId, code_hash: str, /) -> bool:
        """Uses a code up; True exactly once."""
        ...


class UpstreamLinks(Protocol):
    async def get(self, issuer: str, subject: str, /) -> UpstreamLink | None: ...
    async def put(self, link: UpstreamLink, /) -> None:
        """Adds or brings up to date. Raises Conflict("upstream-taken") when another account holds it."""
        ...

    async def of(self, account: AccountId, /) -> list[UpstreamLink]: ...
    async def remove(self, account: AccountId, issuer: str, subject: str, /) -> bool: ...


class MailLinks(Protocol):
    async def add(self, link: MailLink, /) -> None: ...
    async def get(self, link_id: str, /) -> MailLink | None: ...
    async def claim(self, link_id: str, /) -> MailLink | None:
        """Marks the link used and returns it as it was before; None when there is none."""
        ...

    async def end_for(self, account: AccountId, purpose: LinkPurpose, /) -> None:
        """Links sent earlier for this purpose lead nowhere any more."""
        ...


class Letters(Protocol):
    async def add(self, letter: Letter, /) -> None: ...
    async def due(self, now: datetime, /, *, limit: int) -> list[Letter]:
        """What waits to be claimed."""
        ...

    async def claim(self, now: datetime, /, *, until: datetime) -> Letter | None:
        """The letter that is due longest, for this sender alone: its `due` is `until`, the end of the lease, and not
        before then is it due for anybody. None when none is due."""
        ...

    async def give_back(self, letter: Letter, /, *, lease: datetime) -> None:
        """The letter as it is after a try that failed. `lease`: the `due` it was claimed with; once it has passed to
        another sender, nothing happens."""
        ...

    async def remove(self, letter_id: str, /) -> None: ...
    async def given_up(self, /, *, limit: int) -> list[Letter]:
        """What could not be delivered, for the operator; the latest first."""
        ...


class Carrier(Protocol):
    """What takes letters to people: an SMTP server."""

    async def carry(self, letter: Letter, text: LetterText, /) -> None:
        """Returns when the letter was taken; raises NotDeliveredError."""
        ...


class PushedRequests(Protocol):
    """Authorization requests that were pushed (RFC 9126), by the hash of their request_uri; what newcomers of the
    account API said so far, by the hash of their token; and who is to open an account with a passkey, by the hash of
    the challenge."""

    async def add(self, uri_hash: str, parameters: dict[str, str], /, *, expires: datetime) -> None: ...
    async def get(self, uri_hash: str, /, *, now: datetime) -> dict[str, str] | None: ...
    async def remove(self, uri_hash: str, /) -> bool:
        """Uses it up; True exactly once."""
        ...


class EndedTokens(Protocol):
    """Access tokens revoked before their time (RFC 7009), by the SHA-256 of their `jti`, or all those of one grant by
    that of what their `jti` begin with (`identity/revoke.py`)."""

    async def add(self, token_hash: str, /, *, expires: datetime) -> None: ...
    async def has(self, token_hash: str, /) -> bool: ...


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
    """Private keys of the server, by use ("token", "envelope" or "datasluis"), newest first."""

    async def all(self, use: str, /) -> list[Jwk]: ...
    async def add(self, use: str, key: Jwk, /, *, created: datetime) -> None: ...
    async def remove(self, use: str, key_id: str, /) -> None: ...


class Secrets(Protocol):
    """Named random secrets of the server (32 bytes, hex), made on first use: cookie key, national number key, …"""

    async def get_or_make(self, name: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A token of ours that still counts, and the ceiling that the person set for its client; None: no ceiling."""

    ceiling: Ceiling | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What a WebID document states of its WebID: `solid:oidcIssuer` and `solid:oidcIssuerRegistrationToken`."""

    issuers: frozenset[str]
    texts: frozenset[str]


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

    async def client_keys(self, client: Client, /, *, key_id: str | None = None) -> list[Jwk]:
        """The public keys a client registered: its own list, or what its `jwks_uri` holds. An unknown `key_id` causes
        one refresh at most. Raises OAuthRefusal("invalid_client") when they cannot be fetched."""
        ...

    async def keys(self, issuer: str, /, *, key_id: str | None = None) -> list[Jwk]:
        """Public keys of an OpenID provider. An unknown `key_id` causes one refresh at most. Raises Unauthenticated
        when the issuer cannot be reached or names another issuer (RS-3, RS-9)."""
        ...

    async def trusted_by(self, webid: WebId, /) -> frozenset[str]:
        """Issuers the WebID document lists (RS-4). Raises Unauthenticated when it cannot be read."""
        ...

    async def declared(self, webid: WebId, /) -> Declared:
        """What the WebID document says this moment about who may sign in with it: nothing from a cache, and nothing
        from where a redirect leads. Raises Unprocessable("webid-unreadable")."""
        ...

    async def standing(self, webid: WebId, client: ClientId | None, token_id: str | None, /) -> Standing:
        """What one of our own tokens is still worth; looked up once a second at most. Raises Unauthenticated
        (invalid_token) when its account, its client, the consent behind it or the token itself has ended."""
        ...

    def forget_standing(self, webid: WebId, client: ClientId, /) -> None:
        """The consent of this client has just changed: in this process it counts at once."""
        ...


class Upstream(Protocol):
    """The other OpenID provider, when one is configured; what it says of itself is cached. Every call may raise
    Unavailable("upstream-unreachable") or Unavailable("upstream-misconfigured")."""

    async def provider(self) -> Provider: ...

    async def keys(self, *, key_id: str | None = None) -> list[Jwk]:
        """Its public keys. An unknown `key_id` causes one refresh at most."""
        ...

    async def redeem(self, code: str, /, *, verifier: str, redirect_uri: str) -> Redeemed:
        """Raises Forbidden("upstream-code") for a code it does not take."""
        ...

    async def userinfo(self, redeemed: Redeemed, /) -> Mapping[str, Any] | str:
        """What it says of the person besides the ID token; nothing where it has no such endpoint. A text is a JWT,
        signed or encrypted, that nobody has looked into."""
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
    def passkeys(self) -> Passkeys: ...
    @property
    def recovery_codes(self) -> RecoveryCodes: ...
    @property
    def upstream_links(self) -> UpstreamLinks: ...
    @property
    def mail_links(self) -> MailLinks: ...
    @property
    def letters(self) -> Letters: ...
    @property
    def pushed_requests(self) -> PushedRequests: ...
    @property
    def ended_tokens(self) -> EndedTokens: ...
    @property
    def signing_keys(self) -> SigningKeys: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def audit(self) -> AuditLog: ...


Transact: TypeAlias = Callable[[], AbstractAsyncContextManager[IdentityWork]]
