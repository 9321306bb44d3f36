"""What a source delivered: where it stands, the lock's own record of it, and the report that the source gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from vault.connectors.items import Derived, ItemStatus
from vault.datasluis.catalogue import DataType
from vault.solid.paths import auxiliary, is_reserved
from vault.values import ParticipantId, PodName, ResourceUrl

ORIGINALS: Final = "originals/"


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
    """What became of a message. `empty`: a message without data says why (nothing-found, filtered, later)."""

    message_digest: str
    data_type: str | None = None
    items: tuple[ItemReport, ...] = ()
    notes: tuple[str, ...] = ()
    empty: str | None = None

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


def place_of(pod: PodName, data_type: DataType, reference: str) -> ResourceUrl | None:
    """Where the document stands; None for a name that means something else to a Solid server (an ACL, say)."""
    url = ResourceUrl(pod, f"/{data_type.container}{reference}")
    taken = auxiliary(url) is not None or is_reserved(url) or f"{reference}/" == ORIGINALS
    return None if taken else url


def original_of(document: ResourceUrl, extension: str) -> ResourceUrl:
    """Where the source's own bytes of a document stand: beside it, in a container of their own."""
    container, _, name = document.path.rpartition("/")
    return ResourceUrl(document.pod, f"{container}/{ORIGINALS}{name}.{extension}")


def settled(item: Derived, held: Deposited | None, *, gone: bool) -> Fate | None:
    """Why an item changes nothing; None when it does. `gone`: what was held is not in the pod any more."""
    withdrawn = item.status is ItemStatus.WITHDRAWN
    if item.status is ItemStatus.SUPERSEDED:
        return Fate.SUPERSEDED
    if held is None:
        return Fate.NOT_HELD if withdrawn else None
    both_dated = held.modified is not None and item.modified is not None
    if held.modified is not None and item.modified is not None and item.modified < held.modified:
        return Fate.OLDER
    # The same version again. One that was ended stays ended, unless the source dates it later: valid again.
    ended = held.withdrawn and not withdrawn and not (both_dated and item.modified != held.modified)
    if held.mutation == item.mutation and (held.withdrawn == withdrawn or ended):
        return Fate.DELETED if gone else Fate.UNCHANGED
    # A citizen may delete what was delivered: taking it back does not make it come back.
    return Fate.DELETED if gone and withdrawn else None


def is_ended(held: Deposited, item: Derived, *, source: ParticipantId) -> bool:
    """Whether a held document that `item` makes out of date is now to be marked as withdrawn."""
    if held.withdrawn or held.source != source:
        return False
    return held.reference != item.reference or held.mutation == item.mutation  # else a later version is held already


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
