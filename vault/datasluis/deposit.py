"""A data source deposits: the message opened, each item checked and stored, its original bytes beside it.

Two steps. What takes time comes first, and stores nothing: reading, mapping, checking. Then one writing transaction
judges everything again, at that very moment, and lays the whole message down with its lines in the log. A message that
is refused as a whole is a line too, and is committed although the answer is a refusal: that is why a refusal travels
as a value here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.connectors.items import Whose
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.deposits import DepositReport
from vault.datasluis.lay_down import StaleError, lay_down
from vault.datasluis.parcels import Delivery
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import Participant, Role, Standing, check_role, standing
from vault.datasluis.unpack import Prepared, Routed, prepare, unpack
from vault.errors import Forbidden, Malformed, Missing, Refusal, Unavailable
from vault.identity.accounts import Account, hash_national_number
from vault.identity.hold import holder_of
from vault.values import Agent, Clock

_Transact = Callable[[], AbstractAsyncContextManager[DatasluisWork]]

_PERSON: Final = re.compile(r"[0-9]{11}")


@dataclass(frozen=True, slots=True)
class _Call:
    """Who delivers what, and what the steps below need besides."""

    agent: Agent
    delivery: Delivery
    catalogue: Catalogue
    number_key: bytes
    settings: Settings
    base_url: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Admitted:
    source: Participant
    account: Account


@dataclass(frozen=True, slots=True)
class _Rejected:
    """Why not; and by whom and for whom, as far as that is known."""

    refusal: Refusal
    source: Participant | None
    account: Account | None


async def deposit_message(
    reading: _Transact,
    writing: _Transact,
    *,
    agent: Agent,
    delivery: Delivery,
    catalogue: Catalogue,
    number_key: bytes,
    settings: Settings,
    base_url: str,
    clock: Clock,
) -> DepositReport:
    """Takes in one message for one citizen. `clock` is asked at each judgement: a contract may end in between.

    Raises the Refusal of a message that is not taken in; the line that says so is committed by then. Raises OverQuota,
    Conflict or Unavailable when the vault has no room or no place, or changes all the time: that leaves nothing.
    """
    call = _Call(agent, delivery, catalogue, number_key, settings, base_url, clock)
    digest = hashlib.sha256(delivery.raw).hexdigest()
    for everything in (False, True):
        prepared = await _open(reading, call, everything=everything)
        if isinstance(prepared, _Rejected) and prepared.source is None:
            raise prepared.refusal  # a stranger leaves no line: he could make the log grow
        try:
            async with writing() as work:
                outcome = await _close(work, call, prepared, digest=digest, now=clock())
        except StaleError:
            continue
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome
    raise Unavailable("vault-busy", "The vault changed while the message was read; deliver it again.", retry_after=1)


async def _open(reading: _Transact, call: _Call, *, everything: bool) -> Prepared | _Rejected:
    """The first step: whose message it is and for whom, then everything that takes time. Nothing is stored."""
    async with reading() as work:
        judged = await _judge(work, call, now=call.clock())
    if isinstance(judged, _Rejected):
        return judged
    source, account, catalogue, limits = judged.source, judged.account, call.catalogue, call.settings.limits
    try:
        belongs = partial(_whose, call=call, account=account)
        parcel = await unpack(call.delivery, belongs=belongs, catalogue=catalogue, limits=limits)
        _check_contract(source, parcel.data_type, call.clock())
    except Refusal as refusal:
        return _Rejected(refusal, source, account)
    data_type = catalogue.data_types[parcel.data_type]
    shape = catalogue.shapes[data_type.shape]
    routed = Routed(parcel, source, account, data_type, shape, call.base_url, limits)
    return await prepare(reading, routed, everything=everything)


async def _close(
    work: DatasluisWork, call: _Call, prepared: Prepared | _Rejected, *, digest: str, now: datetime
) -> DepositReport | Refusal:
    """The second step, in one transaction: what may have changed is judged again, then the message is laid down."""
    data_type = prepared.routed.data_type.key if isinstance(prepared, Prepared) else None
    judged = await _judge(work, call, data_type=data_type, now=now)
    if isinstance(judged, _Rejected):
        await _record_refusal(work, judged.refusal, judged, digest=digest, now=now)
        return judged.refusal
    if isinstance(prepared, _Rejected):
        await _record_refusal(work, prepared.refusal, judged, digest=digest, now=now)
        return prepared.refusal
    if not prepared.still_fits(judged.source, judged.account):
        raise StaleError
    return await lay_down(work, prepared, source=judged.source, message_digest=digest, now=now)


async def _judge(
    work: DatasluisWork, call: _Call, *, data_type: str | None = None, now: datetime
) -> _Admitted | _Rejected:
    """Every question in its order: which organisation, for whom, under which contract."""
    source = await work.participants.by_webid(call.agent.webid)
    account: Account | None = None
    try:
        known = check_role(source, Role.DATA_SOURCE)
        account = await _addressee(work, call)
        _check_contract(known, data_type, now)
        if account is None:  # said last: who may not deposit does not learn who has a vault
            raise Missing("no-vault", "There is no vault for this person.")
    except Refusal as refusal:
        return _Rejected(refusal, source, account)
    return _Admitted(known, account)


async def _addressee(work: DatasluisWork, call: _Call) -> Account | None:
    person, citizen = call.delivery.person, call.delivery.citizen
    if (person is None) == (citizen is None):
        raise Malformed("addressee", "A message is for one citizen: name a national number or a WebID, not both.")
    if person is not None and not _PERSON.fullmatch(person):
        raise Malformed("national-number", "A national number has eleven digits.")
    found = (
        await work.accounts.by_national_number(hash_national_number(call.number_key, person))
        if person is not None
        else await holder_of(work.accounts, citizen)
        if citizen is not None
        else None
    )
    pod = await work.resources.pod(found.pod) if found is not None else None
    return None if found is None or pod is None or pod.owner != found.webid else found


def _whose(number: str, *, call: _Call, account: Account) -> Whose:
    """An item is for the one who was asked about; routed by WebID, it is for one of that account's own numbers."""
    person = call.delivery.person
    own = (
        number == person
        if person is not None
        else hash_national_number(call.number_key, number) in account.national_numbers
    )
    if own and _PERSON.fullmatch(number):
        return Whose.OWN
    return Whose.SAMPLE if call.settings.datasluis.accept_unmatched_national_numbers else Whose.FOREIGN


def _check_contract(source: Participant, data_type: str | None, now: datetime) -> None:
    """A source deposits what its contract names while the contract is in force; no profile softens that."""
    found = standing(source, now)
    if found is not Standing.IN_FORCE:
        raise Forbidden(found.value, "The contract of this source is not in force.")
    if data_type is not None and data_type not in source.contract.data_types:
        raise Forbidden(
            "outside-contract", "The contract of this source does not cover this data.", facts={"outside": [data_type]}
        )


async def _record_refusal(
    work: DatasluisWork, refusal: Refusal, judged: _Admitted | _Rejected, *, digest: str, now: datetime
) -> None:
    """In the citizen's log when it was for her, otherwise in the operator's."""
    source, account = judged.source, judged.account
    if source is None:
        return  # a stranger by now
    facts = {"organisation": source.legal_name, "reason": refusal.reason}
    code = refusal.facts.get("code")
    facts |= {"code": code} if isinstance(code, str) else {}
    pod = account.pod if account is not None else SERVER
    await work.audit.append(AuditDraft(pod, now, AuditEvent.MESSAGE_REFUSED, source.id, digest, facts))
