"""Grants: the citizen's permission, and nothing else. A grant edits no ACL (D14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.values import ClientId, GrantId, ParticipantId, PodName, RequestId, ResourceUrl, WebId


class GrantState(StrEnum):
    """
    ACTIVE ◀──resume── PAUSED
       │ └───pause────▶  │
       ├────revoke──▶ REVOKED ◀──revoke──┤
       └────expire──▶ EXPIRED ◀──expire──┘
    """

    ACTIVE = "active"
    PAUSED = "paused"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class GrantedItem:
    """One document, cut down to some fields. `key` is the last part of its view URL."""

    key: str
    url: ResourceUrl
    data_type: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What one data user may read, for what, and from when until when."""

    id: GrantId
    request: RequestId
    data_user: ParticipantId
    client: ClientId | None
    citizen: WebId
    pod: PodName
    purpose: str | None
    items: tuple[GrantedItem, ...]
    since: datetime
    until: datetime
    state: GrantState
    version: int
    reads: int = 0
    last_read: datetime | None = None
    ended: datetime | None = None

    def item(self, key: str) -> GrantedItem | None:
        return next((item for item in self.items if item.key == key), None)
