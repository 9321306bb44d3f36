"""Whose word a document is: the source's, unchanged; the source's, changed since; or the citizen's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.datasluis.deposits import Deposited
from vault.rdf.graph import Graph, Iri, Literal, Triple, V, triple


class Verification(StrEnum):
    """What the lock can say of a document, without a seal: it knows what it received and from whom."""

    AS_DELIVERED = "as-delivered"
    CHANGED = "changed-since-delivery"
    WITHDRAWN = "withdrawn"  # the source took it back
    SELF_DECLARED = "self-declared"

    @property
    def iri(self) -> Iri:
        return V["".join(part.capitalize() for part in self.value.split("-"))]


@dataclass(frozen=True, slots=True)
class Provenance:
    """The verification, and when it comes from a source: which one, and when it was delivered."""

    verification: Verification
    source: str | None = None  # legal name
    delivered: datetime | None = None


def provenance(deposited: Deposited | None, body_digest: str, source: str | None) -> Provenance:
    """`body_digest`: SHA-256 of the stored bytes, hex. What a source withdrew stays withdrawn, edited or not: an edit
    must not hide it. What a citizen edited otherwise is no longer the source's word."""
    if deposited is None:
        return Provenance(Verification.SELF_DECLARED)
    if deposited.withdrawn:
        return Provenance(Verification.WITHDRAWN, source, deposited.delivered)
    if deposited.digest != body_digest:
        return Provenance(Verification.CHANGED, source, deposited.delivered)
    if deposited.self_declared:
        return Provenance(Verification.SELF_DECLARED, source, deposited.delivered)
    return Provenance(Verification.AS_DELIVERED, source, deposited.delivered)


def marked(view: Graph, view_url: str, found: Provenance) -> Graph:
    """The view with its mark: `<view> v:verification v:AsDelivered ; v:source "…"`."""
    document = Iri(view_url)
    marks: list[Triple] = [triple(document, V.verification, found.verification.iri)]
    if found.source is not None:
        marks.append(triple(document, V.source, Literal(found.source)))
    return view | Graph.of(marks)
