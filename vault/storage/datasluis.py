"""What the data lock keeps: participants, requests, grants, and its record of each deposit."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from vault.datasluis.deposits import Deposited
from vault.datasluis.grants import Grant, GrantState
from vault.datasluis.registry import Participant
from vault.datasluis.requests import AccessRequest, RequestState
from vault.errors import Conflict
from vault.storage.engines import Row, Transaction
from vault.storage.records import from_json, to_json, to_micros
from vault.values import GrantId, ParticipantId, PodName, RequestId, ResourceUrl, WebId

T = TypeVar("T")

_PUT_PARTICIPANT = """
    INSERT INTO participants (id, webid, record) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET webid = excluded.webid, record = excluded.record
"""
_PARTICIPANT_LIKE = "SELECT id FROM participants WHERE webid = ? AND id <> ?"
_PARTICIPANT = "SELECT record FROM participants WHERE id = ?"
_PARTICIPANT_BY_WEBID = "SELECT record FROM participants WHERE webid = ?"
_PARTICIPANTS = "SELECT record FROM participants ORDER BY id"

_ADD_REQUEST = """
    INSERT INTO requests (pod, id, data_user, state, version, submitted, lapses, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_REPLACE_REQUEST = """
    UPDATE requests SET state = ?, version = ?, lapses = ?, record = ? WHERE pod = ? AND id = ? AND version = ?
"""
_REQUEST = "SELECT record FROM requests WHERE id = ?"
_REQUESTS_OF_POD = """
    SELECT record FROM requests WHERE pod = ? AND submitted < ? AND (state = ? OR ? = '')
    ORDER BY submitted DESC, id DESC LIMIT ?
"""
_REQUESTS_OF_DATA_USER = """
    SELECT record FROM requests WHERE data_user = ? AND submitted < ? ORDER BY submitted DESC, id DESC LIMIT ?
"""
_LAPSED_REQUESTS = "SELECT record FROM requests WHERE state = ? AND lapses <= ? ORDER BY lapses, id LIMIT ?"

_ADD_GRANT = """
    INSERT INTO grants (pod, id, request, data_user, state, version, since, ends, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_REPLACE_GRANT = """
    UPDATE grants SET state = ?, version = ?, ends = ?, record = ? WHERE pod = ? AND id = ? AND version = ?
"""
_GRANT = "SELECT record FROM grants WHERE id = ?"
_GRANT_FOR_REQUEST = "SELECT record FROM grants WHERE request = ? ORDER BY since DESC, id DESC"
_GRANTS_OF_POD = """
    SELECT record FROM grants WHERE pod = ? AND since < ? AND (state = ? OR ? = '')
    ORDER BY since DESC, id DESC LIMIT ?
"""
_GRANTS_OF_DATA_USER = """
    SELECT record FROM grants WHERE data_user = ? AND since < ? ORDER BY since DESC, id DESC LIMIT ?
"""
_LAPSED_GRANTS = "SELECT record FROM grants WHERE state IN (?, ?) AND ends <= ? ORDER BY ends, id LIMIT ?"

_PUT_DEPOSIT = """
    INSERT INTO deposits (pod, path, data_type, reference, delivered, record) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (pod, path) DO UPDATE SET data_type = excluded.data_type, reference = excluded.reference,
        delivered = excluded.delivered, record = excluded.record
"""
_DEPOSIT = "SELECT record FROM deposits WHERE pod = ? AND path = ?"
_DEPOSIT_BY_REFERENCE = """
    SELECT record FROM deposits WHERE pod = ? AND data_type = ? AND reference = ? ORDER BY delivered DESC, path LIMIT 1
"""
_DEPOSITS_OF_POD = "SELECT record FROM deposits WHERE pod = ? AND (data_type = ? OR ? = '') ORDER BY path"
_CLEAR_DEPOSITS = """
    DELETE FROM deposits WHERE pod = ? AND path IN (SELECT path FROM deposits WHERE pod = ? ORDER BY path LIMIT ?)
"""

_END_OF_TIME = 2**62


class SqlParticipants:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, participant: Participant, /) -> None:
        """Raises Conflict("participant-exists") when another participant has this WebID."""
        if await self._transaction.one(_PARTICIPANT_LIKE, (participant.webid, participant.id)):
            raise Conflict("participant-exists", "Another participant is registered with this WebID.")
        await self._transaction.run(_PUT_PARTICIPANT, (participant.id, participant.webid, to_json(participant)))

    async def get(self, participant: ParticipantId, /) -> Participant | None:
        return _first(Participant, await self._transaction.one(_PARTICIPANT, (participant,)))

    async def by_webid(self, webid: WebId, /) -> Participant | None:
        return _first(Participant, await self._transaction.one(_PARTICIPANT_BY_WEBID, (webid,)))

    async def all(self) -> list[Participant]:
        return _each(Participant, await self._transaction.all(_PARTICIPANTS))


class SqlAccessRequests:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, request: AccessRequest, /) -> None:
        submitted, lapses = to_micros(request.submitted), to_micros(request.lapses)
        added = await self._transaction.run(
            _ADD_REQUEST,
            (request.pod, request.id, request.data_user, request.state.value, request.version, submitted, lapses,
             to_json(request)),
        )  # fmt: skip
        if not added:
            raise Conflict("request-exists", "There is a request with this id already.")

    async def replace(self, request: AccessRequest, /) -> None:
        changed = await self._transaction.run(
            _REPLACE_REQUEST,
            (request.state.value, request.version, to_micros(request.lapses), to_json(request), request.pod,
             request.id, request.version - 1),
        )  # fmt: skip
        if not changed:
            raise Conflict("request-changed", "The request has changed meanwhile; look at it again.")

    async def get(self, request: RequestId, /) -> AccessRequest | None:
        return _first(AccessRequest, await self._transaction.one(_REQUEST, (request,)))

    async def for_pod(
        self, pod: PodName, /, *, state: RequestState | None = None, before: datetime | None = None, limit: int = 100
    ) -> list[AccessRequest]:
        wanted = state.value if state else ""
        values = (pod, _bound(before), wanted, wanted, limit)
        return _each(AccessRequest, await self._transaction.all(_REQUESTS_OF_POD, values))

    async def for_data_user(
        self, participant: ParticipantId, /, *, before: datetime | None = None, limit: int = 100
    ) -> list[AccessRequest]:
        values = (participant, _bound(before), limit)
        return _each(AccessRequest, await self._transaction.all(_REQUESTS_OF_DATA_USER, values))

    async def lapsed(self, now: datetime, /, *, limit: int = 100) -> list[AccessRequest]:
        """Unanswered requests whose time is over, the longest over first."""
        values = (RequestState.PENDING.value, to_micros(now), limit)
        return _each(AccessRequest, await self._transaction.all(_LAPSED_REQUESTS, values))


class SqlGrants:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, grant: Grant, /) -> None:
        since, ends = to_micros(grant.since), to_micros(grant.until)
        added = await self._transaction.run(
            _ADD_GRANT,
            (grant.pod, grant.id, grant.request, grant.data_user, grant.state.value, grant.version, since, ends,
             to_json(grant)),
        )  # fmt: skip
        if not added:
            raise Conflict("grant-exists", "There is a grant with this id already.")

    async def replace(self, grant: Grant, /) -> None:
        changed = await self._transaction.run(
            _REPLACE_GRANT,
            (grant.state.value, grant.version, to_micros(grant.until), to_json(grant), grant.pod, grant.id,
             grant.version - 1),
        )  # fmt: skip
        if not changed:
            raise Conflict("grant-changed", "The grant has changed meanwhile; look at it again.")

    async def get(self, grant: GrantId, /) -> Grant | None:
        return _first(Grant, await self._transaction.one(_GRANT, (grant,)))

    async def for_request(self, request: RequestId, /) -> Grant | None:
        return _first(Grant, await self._transaction.one(_GRANT_FOR_REQUEST, (request,)))

    async def for_pod(
        self, pod: PodName, /, *, state: GrantState | None = None, before: datetime | None = None, limit: int = 100
    ) -> list[Grant]:
        wanted = state.value if state else ""
        return _each(Grant, await self._transaction.all(_GRANTS_OF_POD, (pod, _bound(before), wanted, wanted, limit)))

    async def for_data_user(
        self, participant: ParticipantId, /, *, before: datetime | None = None, limit: int = 100
    ) -> list[Grant]:
        values = (participant, _bound(before), limit)
        return _each(Grant, await self._transaction.all(_GRANTS_OF_DATA_USER, values))

    async def lapsed(self, now: datetime, /, *, limit: int = 100) -> list[Grant]:
        values = (GrantState.ACTIVE.value, GrantState.PAUSED.value, to_micros(now), limit)
        return _each(Grant, await self._transaction.all(_LAPSED_GRANTS, values))


class SqlDeposits:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, deposited: Deposited, /) -> None:
        url = deposited.url
        await self._transaction.run(
            _PUT_DEPOSIT,
            (url.pod, url.path, deposited.data_type, deposited.reference, to_micros(deposited.delivered),
             to_json(deposited)),
        )  # fmt: skip

    async def get(self, url: ResourceUrl, /) -> Deposited | None:
        return _first(Deposited, await self._transaction.one(_DEPOSIT, (url.pod, url.path)))

    async def by_reference(self, pod: PodName, data_type: str, reference: str, /) -> Deposited | None:
        """The last delivered, should the same reference stand in two places."""
        return _first(Deposited, await self._transaction.one(_DEPOSIT_BY_REFERENCE, (pod, data_type, reference)))

    async def for_pod(self, pod: PodName, /, *, data_type: str | None = None) -> list[Deposited]:
        """In the order of their paths."""
        wanted = data_type or ""
        return _each(Deposited, await self._transaction.all(_DEPOSITS_OF_POD, (pod, wanted, wanted)))

    async def clear(self, pod: PodName, /, *, limit: int) -> int:
        return await self._transaction.run(_CLEAR_DEPOSITS, (pod, pod, limit))


def _bound(before: datetime | None) -> int:
    return _END_OF_TIME if before is None else to_micros(before)


def _first(kind: type[T], row: Row | None) -> T | None:
    return None if row is None else from_json(kind, row[0])


def _each(kind: type[T], rows: list[Row]) -> list[T]:
    return [from_json(kind, row[0]) for row in rows]
