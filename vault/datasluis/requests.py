"""Access requests: their states, one function per move, and what approving may and may not give.

Every illegal move is a Conflict. An approval never gives more than was asked, nor for longer than the purpose and the
contract allow. The citizen may leave out any field, a required one too: the data is hers. The page then says that the
organisation may not be able to help; what it does with less is its decision.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vault.datasluis.catalogue import Purpose
from vault.datasluis.grants import Grant, GrantedItem, GrantState
from vault.datasluis.registry import Participant, contract_end
from vault.errors import Conflict, Unprocessable
from vault.values import ClientId, GrantId, ParticipantId, PodName, RequestId, ResourceUrl, WebId

UNSTATED_DAYS = 30  # the longest grant when the request names no end (compatible profile)
REASON_CHARACTERS = 500


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

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


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
    jurisdiction: str | None = None  # IRI of the law that applies
    unstated: tuple[str, ...] = ()  # what it did not say (compatible profile): the page shows it as missing


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

    def asked_for(self, data_type: str) -> Asked | None:
        return next((asked for asked in self.asked if asked.data_type == data_type), None)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the citizen switched on: documents with their fields, an end, and the version of the request she saw."""

    items: tuple[tuple[ResourceUrl, tuple[str, ...]], ...]
    until: datetime
    version: int


def approve(
    request: AccessRequest,
    choice: Choice,
    *,
    data_types: Mapping[ResourceUrl, str],
    latest: datetime,
    grant_id: GrantId,
    now: datetime,
) -> tuple[AccessRequest, Grant]:
    """The request approved, whole or in part, and the grant that comes of it.

    `data_types`: the data type of each chosen document that is hers to give. `latest`: see `latest_end`.
    """
    _check_open(request, now, version=choice.version)
    if not now < choice.until:
        raise Unprocessable("end-passed", "The end that was chosen has already passed.")
    if choice.until > latest:
        raise Unprocessable(
            "too-long", "This is longer than was asked or than is allowed.", facts={"latest": latest.isoformat()}
        )
    grant = Grant(
        id=grant_id,
        request=request.id,
        data_user=request.data_user,
        client=request.client,
        citizen=request.citizen,
        pod=request.pod,
        purpose=request.purpose,
        items=_granted(request, choice, data_types),
        since=now,
        until=choice.until,
        state=GrantState.ACTIVE,
        version=1,
    )
    return _decided(request, RequestState.APPROVED, now), grant


def refuse(request: AccessRequest, *, version: int, reason: str | None, now: datetime) -> AccessRequest:
    """The citizen says no; a reason is hers to give or to keep (UX-07)."""
    _check_open(request, now, version=version)
    kept = plain_text(reason, REASON_CHARACTERS) if reason else None
    return replace(_decided(request, RequestState.REFUSED, now), decision_reason=kept or None)


def withdraw(request: AccessRequest, now: datetime) -> AccessRequest:
    """The data user takes its question back."""
    _check_open(request, now)
    return _decided(request, RequestState.WITHDRAWN, now)


def expire(request: AccessRequest, now: datetime) -> AccessRequest:
    """Nobody answered in time."""
    if request.state is not RequestState.PENDING or now < request.lapses:
        raise Conflict("request-not-lapsed", "This request is not past its time, or has been answered.")
    return _decided(request, RequestState.EXPIRED, now)


def state_at(request: AccessRequest, now: datetime) -> RequestState:
    """The state that counts: a pending request past its time is expired before the housekeeping writes it down."""
    lapsed = request.state is RequestState.PENDING and now >= request.lapses
    return RequestState.EXPIRED if lapsed else request.state


def latest_end(request: AccessRequest, *, participant: Participant, purpose: Purpose | None, now: datetime) -> datetime:
    """The latest end a grant for this request may have: as asked, and within purpose and contract (UX-06)."""
    ends = [request.until] if request.until else [now + timedelta(days=UNSTATED_DAYS)]
    if purpose is not None:
        ends.append(now + timedelta(days=purpose.max_days))
    if (end := contract_end(participant, now)) is not None:
        ends.append(end)
    return min(ends)


def plain_text(text: str, limit: int) -> str:
    """A stranger's words, fit to be shown: one line, without control characters or writing-direction tricks, cut."""
    shown = "".join(" " if ch.isspace() else ch for ch in text if ch.isspace() or ch.isprintable())
    return " ".join(shown.split())[:limit]


def _granted(request: AccessRequest, choice: Choice, data_types: Mapping[ResourceUrl, str]) -> tuple[GrantedItem, ...]:
    if not choice.items:
        raise Unprocessable("nothing-chosen", "Nothing was switched on; refuse the request instead.")
    counts: dict[str, int] = {}
    seen: set[ResourceUrl] = set()
    items = []
    for url, fields in choice.items:
        asked = request.asked_for(data_types.get(url, ""))
        if asked is None or url in seen:
            raise Unprocessable("not-asked", "A document was chosen that was not asked for, or chosen twice.")
        seen.add(url)
        counts[asked.data_type] = number = counts.get(asked.data_type, 0) + 1
        items.append(GrantedItem(f"{asked.data_type}-{number}", url, asked.data_type, _chosen(asked, fields)))
    return tuple(items)


def _chosen(asked: Asked, fields: Collection[str]) -> tuple[str, ...]:
    """The chosen fields in the order they were asked; never one that was not."""
    if not fields:
        raise Unprocessable("nothing-chosen", "A document was chosen without any of its fields.")
    if not set(fields) <= set(asked.fields):
        raise Unprocessable("not-asked", "A field was chosen that was not asked for.")
    return tuple(field for field in asked.fields if field in fields)


def _check_open(request: AccessRequest, now: datetime, *, version: int | None = None) -> None:
    if version is not None and version != request.version and request.state is RequestState.PENDING:
        raise Conflict("request-changed", "The request changed since this page was made. Look again.")
    if (state := state_at(request, now)) is not RequestState.PENDING:
        raise Conflict(
            "request-closed", f"This request is no longer open: {state.value}.", facts={"state": state.value}
        )


def _decided(request: AccessRequest, state: RequestState, now: datetime) -> AccessRequest:
    return replace(request, state=state, version=request.version + 1, decided=now)
