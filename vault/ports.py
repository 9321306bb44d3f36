"""The two bundles: `Work`, one transaction over everything, and `Vault`, everything a handler may touch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from vault.access.decide import Groups, ParsedAcls
from vault.config import Settings
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.ports import DatasluisWork
from vault.identity.dpop import Nonces
from vault.identity.ports import IdentityWork, Issuers, Replays, Tries, Upstream
from vault.identity.tokens import KeyRing
from vault.notify.listen import Hub
from vault.notify.ports import Courier, NotifyWork
from vault.solid.ports import Blobs, Conversions, SolidWork
from vault.values import Clock, PodName


class Work(SolidWork, IdentityWork, DatasluisWork, NotifyWork, Protocol):
    """One transaction over everything: what every package declared for itself, and nothing more."""


W_co = TypeVar("W_co", covariant=True)
Transact: TypeAlias = Callable[[], AbstractAsyncContextManager[W_co]]


# What `Resources.version` says of the last commit, without opening a transaction.
PodVersion: TypeAlias = Callable[[PodName], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class ServerSecrets:
    """The server's own random secrets, 32 bytes each, read from the store once at start."""

    forms: bytes  # CSRF tokens
    national_numbers: bytes  # the keyed hash of national numbers
    channels: bytes  # the addresses that channels are received from
    nonces: bytes  # the nonces that proofs of possession carry
    links: bytes  # the seal of links that are mailed


@dataclass(frozen=True, slots=True)
class Vault:
    """What the composition root built. `reading()` sees one consistent state and never waits for a writer;
    `writing()` joins the group commit: when its `async with` has ended without an error, the change is on disk."""

    settings: Settings
    reading: Transact[Work]
    writing: Transact[Work]
    pod_version: PodVersion
    blobs: Blobs
    conversions: Conversions
    parsed_acls: ParsedAcls
    groups: Groups
    issuers: Issuers
    replays: Replays
    tries: Tries
    keys: KeyRing
    nonces: Nonces
    secrets: ServerSecrets
    catalogue: Catalogue
    hub: Hub
    courier: Courier
    upstream: Upstream | None  # None: nobody comes from another provider
    clock: Clock

    @property
    def base_url(self) -> str:
        """Ends in a slash; it is also the issuer (D10)."""
        return self.settings.server.base_url
