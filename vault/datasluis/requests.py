"""Access requests and their states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.values import ClientId, ParticipantId, PodName, RequestId, WebId


class RequestState(StrEnum):
    """
    PENDING ──approve──▶ APPROVED
       ├─────refuse───▶ REFUSED
       ├────withdraw──▶ WITHDRAWN   (by the data user)
       └─────expire───▶ EXPIRED     (unanswered)
    """

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Asked:
    """Fields of one data type (keys of the catalogue). Required and optional are disjoint."""

    data_type: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the data user undertakes. IRIs of DPV; `retention` is an ISO 8601 duration in days, weeks, months, years."""

    legal_basis: str | None
    retention: str | None
    recipients: tuple[str, ...]  # names or enterprise numbers of further recipients; empty: none
    locations: tuple[str, ...]  # IRIs of places of processing
    notice: str | None  # URL of the privacy notice
    reason: str | None  # the organisation's own words, shown apart from the purpose
    consequence: str | None  # what refusing means, in its own words
    automated_decision: bool = False


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A data user asks one citizen. `version` grows with every change: a page made for another one is stale (UX-10)."""

    id: RequestId
    data_user: ParticipantId
    client: ClientId | None
    citizen: WebId
    pod: PodName
    purpose: str | None
    asked: tuple[Asked, ...]
    until: datetime | None
    terms: Terms
    advice: tuple[str, ...]  # ids of the advice rules it met when it arrived
    state: RequestState
    version: int
    submitted: datetime
    lapses: datetime
    decided: datetime | None = None
    decision_reason: str | None = None
