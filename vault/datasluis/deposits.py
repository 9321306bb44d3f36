"""What a source delivered: the lock's own record of it, and the report that the source gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.errors import Refusal
from vault.values import ParticipantId, ResourceUrl


@dataclass(frozen=True, slots=True)
class Deposited:
    """One delivered document. While the stored body still has `digest`, it is as the source delivered it.

    `reference`: the source's stable key inside this pod; `mutation`: its version there: equal means nothing to do.
    `original`: where the source's own bytes of this item stand in the pod. `digest`: SHA-256 of the stored Turtle, hex.
    """

    url: ResourceUrl
    original: ResourceUrl
    data_type: str
    source: ParticipantId
    reference: str
    mutation: str
    modified: datetime | None  # at the source
    delivered: datetime
    digest: str
    message_digest: str
    withdrawn: bool = False
    self_declared: bool = False


class Fate(StrEnum):
    """What became of one item of a message."""

    STORED = "stored"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"  # the document stays, and says that the source took it back
    UNCHANGED = "unchanged"  # the version that is held already
    OLDER = "older"  # than the version that is held
    SUPERSEDED = "superseded"  # the source has a later version: not written
    NOT_HELD = "not-held"  # withdrawn by the source before it ever came here: recorded, not written
    DELETED = "deleted-by-citizen"  # this version came before, and its owner deleted it
    REFUSED = "refused"

    @property
    def was_written(self) -> bool:
        return self in (Fate.STORED, Fate.UPDATED, Fate.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class ItemReport:
    """One item: its place in the message (from 1), what became of it, and where it stands.

    `findings`: (path, message) of each thing that the shape does not accept, never a value. `warnings`: slugs.
    """

    position: int
    fate: Fate
    document: ResourceUrl | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    findings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DepositReport:
    """What became of a message.

    `refusal`: the whole message was not taken in, and why; to be raised once the transaction is committed, for the
    line in the log stands in it. `empty`: a message without data says why (nothing-found, filtered, later).
    """

    message_digest: str
    data_type: str | None = None
    items: tuple[ItemReport, ...] = ()
    notes: tuple[str, ...] = ()
    empty: str | None = None
    refusal: Refusal | None = None

    @property
    def documents(self) -> tuple[ItemReport, ...]:
        """Items that have a document in the pod, written just now or before."""
        return tuple(item for item in self.items if item.document is not None)

    @property
    def refusals(self) -> tuple[ItemReport, ...]:
        return tuple(item for item in self.items if item.fate is Fate.REFUSED)

    def count(self, *fates: Fate) -> int:
        return sum(item.fate in fates for item in self.items)

    def as_facts(self, base_url: str) -> dict[str, object]:
        """The answer to the source, as plain values for JSON."""
        facts: dict[str, object] = {
            "digest": self.message_digest,
            "dataType": self.data_type,
            "items": [_item_facts(item, base_url) for item in self.items],
            "notes": list(self.notes),
        }
        return facts | ({"empty": self.empty} if self.empty else {})


def _item_facts(item: ItemReport, base_url: str) -> dict[str, object]:
    facts: dict[str, object] = {"position": item.position, "outcome": item.fate.value}
    if item.document is not None:
        facts["document"] = item.document.iri(base_url)
    if item.reason is not None:
        facts["reason"] = item.reason
    if item.warnings:
        facts["warnings"] = list(item.warnings)
    if item.findings:
        facts["findings"] = [{"path": path, "message": message} for path, message in item.findings]
    return facts
