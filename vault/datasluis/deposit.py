"""A data source deposits: the message opened, each item checked and stored, its original bytes beside it.

One transaction for the whole message: documents, originals, the lock's records, the lines in the log and the notices.
A message that is refused as a whole is a line too; its refusal travels in the report, to be raised after the commit.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Final

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.connectors.items import COMPLETED, WITHDRAWN, Derived, Item, ItemStatus, Refused, Whose
from vault.datasluis.catalogue import Catalogue, DataType
from vault.datasluis.deposits import Deposited, DepositReport, Fate, ItemReport
from vault.datasluis.parcels import NOWHERE, XML_TYPES, Parcel, graph_parcel, message_parcel
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import Participant, Role, Standing, check_role, standing
from vault.datasluis.views import subject_of
from vault.errors import Forbidden, Malformed, Missing, Refusal, UnsupportedMedia
from vault.identity.accounts import Account, hash_national_number
from vault.rdf.graph import ADMS, Graph, triple
from vault.rdf.isolate import parse_guarded
from vault.rdf.shapes import check, load_shapes
from vault.rdf.syntax import RDF_TYPES, is_rdf, serialise
from vault.solid.operation import Content, Put
from vault.solid.paths import auxiliary, is_reserved
from vault.solid.resource import Inline
from vault.solid.write import put_resource
from vault.values import TURTLE, MediaType, Notice, PodName, ResourceUrl, WebId

ORIGINALS: Final = "originals/"
ARRIVED: Final = "datasluis:message:deposited"  # kinds of notice
TAKEN_BACK: Final = "datasluis:document:withdrawn"
COPY_REPLACED: Final = "citizen-copy-replaced"

_PERSON: Final = re.compile(r"[0-9]{11}")
_shapes = lru_cache(maxsize=32)(load_shapes)  # pure: the same text gives the same shapes


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One message on its way into one pod; what the steps below share."""

    work: DatasluisWork
    source: Participant
    account: Account
    catalogue: Catalogue
    settings: Settings
    base_url: str
    now: datetime
    message_digest: str


async def deposit_message(
    work: DatasluisWork,
    *,
    source: Participant,
    raw: bytes,
    media_type: MediaType,
    person: str | None,
    citizen: WebId | None,
    reference: str | None = None,
    catalogue: Catalogue,
    number_key: bytes,
    settings: Settings,
    base_url: str,
    now: datetime,
) -> DepositReport:
    """Takes in one message for one citizen, named by national number or by WebID; exactly one of the two.

    The number is compared under a key and kept nowhere. `reference` names a document in our own form, when it has no
    identifier of its own. A message that is refused is in the report (DepositReport.refusal), not raised. Raised are
    OverQuota and Conflict, when the pod has no room or no place: then nothing of the message is to be committed.
    """
    digest = hashlib.sha256(raw).hexdigest()
    account: Account | None = None
    try:
        check_role(source, Role.DATA_SOURCE)
        account = await _addressee(work, person, citizen, number_key)
        belongs = partial(_whose, person=person, account=account, key=number_key, settings=settings)
        if media_type.essence in XML_TYPES:
            limits = settings.limits
            parcel = message_parcel(raw, belongs=belongs, max_bytes=limits.xml_bytes, max_depth=limits.xml_depth)
        elif is_rdf(media_type):
            graph = await parse_guarded(raw, media_type, base=NOWHERE, limits=settings.limits)
            parcel = graph_parcel(graph, raw, media_type, reference=reference, belongs=belongs, catalogue=catalogue)
        else:
            raise _unsupported()
        _check_contract(source, parcel.data_type, now)
    except Refusal as refusal:
        await _record_refusal(work, source, account, refusal, digest=digest, now=now)
        return DepositReport(digest, refusal=refusal)
    delivery = _Delivery(work, source, account, catalogue, settings, base_url, now, digest)
    return await _store(delivery, parcel)


async def _addressee(work: DatasluisWork, person: str | None, citizen: WebId | None, key: bytes) -> Account:
    if (person is None) == (citizen is None):
        raise Malformed("addressee", "A message is for one citizen: name a national number or a WebID, not both.")
    if person is not None and not _PERSON.fullmatch(person):
        raise Malformed("national-number", "A national number has eleven digits.")
    found = (
        await work.accounts.by_national_number(hash_national_number(key, person))
        if person is not None
        else await work.accounts.by_webid(citizen)
        if citizen is not None
        else None
    )
    pod = await work.resources.pod(found.pod) if found is not None else None
    if found is None or pod is None or pod.owner != found.webid:
        raise Missing("no-vault", "There is no vault for this person.")
    return found


def _whose(number: str, *, person: str | None, account: Account, key: bytes, settings: Settings) -> Whose:
    """An item is for the one who was asked about; routed by WebID, it is for one of that account's own numbers."""
    own = number == person if person is not None else hash_national_number(key, number) in account.national_numbers
    if own and _PERSON.fullmatch(number):
        return Whose.OWN
    return Whose.SAMPLE if settings.datasluis.accept_unmatched_national_numbers else Whose.FOREIGN


def _check_contract(source: Participant, data_type: str, now: datetime) -> None:
    """A source deposits what its contract names while the contract is in force; no profile softens that."""
    found = standing(source, now)
    if found is not Standing.IN_FORCE:
        raise Forbidden(found.value, "The contract of this source is not in force.")
    if data_type not in source.contract.data_types:
        raise Forbidden(
            "outside-contract", "The contract of this source does not cover this data.", facts={"outside": [data_type]}
        )


def _unsupported() -> UnsupportedMedia:
    accepted = (*sorted(XML_TYPES), *map(str, RDF_TYPES))
    return UnsupportedMedia("deposit-media-type", "A message is XML, Turtle, JSON-LD or N-Triples.", accepted=accepted)


async def _store(delivery: _Delivery, parcel: Parcel) -> DepositReport:
    data_type = delivery.catalogue.data_types[parcel.data_type]
    current = {item.reference for item in parcel.items if isinstance(item, Derived) and item.status is ItemStatus.VALID}
    reports = []
    for item in parcel.items:
        reports.append(await _item(delivery, parcel, data_type, item))
        if isinstance(item, Derived):
            await _end_predecessors(delivery, data_type, item, current)
    report = DepositReport(
        delivery.message_digest, data_type.key, tuple(reports), notes=parcel.notes, empty=parcel.empty
    )
    await _record(delivery, parcel, data_type, report)
    return report


async def _item(delivery: _Delivery, parcel: Parcel, data_type: DataType, item: Item) -> ItemReport:
    if isinstance(item, Refused):
        return ItemReport(item.position, Fate.REFUSED, reason=item.reason)
    url = _place(delivery.account.pod, data_type, item.reference)
    if url is None:
        return ItemReport(item.position, Fate.REFUSED, reason="reference-unreadable", warnings=item.warnings)
    held = await delivery.work.deposits.by_reference(url.pod, data_type.key, item.reference)
    if held is not None and held.source != delivery.source.id:
        return ItemReport(item.position, Fate.REFUSED, reason="reference-of-another-source", warnings=item.warnings)
    if (fate := await _nothing_to_do(delivery, item, held)) is not None:
        there = held is not None and await delivery.work.resources.get(held.url) is not None
        return ItemReport(item.position, fate, url if there else None, warnings=item.warnings)
    graph = item.build(url.iri(delivery.base_url), delivery.account.webid)
    found = await asyncio.to_thread(check, graph, _shapes(delivery.catalogue.shapes[data_type.shape]))
    findings = tuple(dict.fromkeys((one.path, one.message) for one in found.violations))
    if not found.conforms:
        return ItemReport(item.position, Fate.REFUSED, reason="shape", warnings=item.warnings, findings=findings)
    return await _write(delivery, parcel, data_type, item, url=url, graph=graph, held=held)


def _place(pod: PodName, data_type: DataType, reference: str) -> ResourceUrl | None:
    """Where the document stands; None for a name that means something else to a Solid server (an ACL, say)."""
    url = ResourceUrl(pod, f"/{data_type.container}{reference}")
    taken = auxiliary(url) is not None or is_reserved(url) or f"{reference}/" == ORIGINALS
    return None if taken else url


async def _nothing_to_do(delivery: _Delivery, item: Derived, held: Deposited | None) -> Fate | None:
    """Why an item changes nothing; None when it does."""
    withdrawn = item.status is ItemStatus.WITHDRAWN
    if item.status is ItemStatus.SUPERSEDED:
        return Fate.SUPERSEDED
    if held is None:
        return Fate.NOT_HELD if withdrawn else None
    both_dated = held.modified is not None and item.modified is not None
    if held.modified is not None and item.modified is not None and item.modified < held.modified:
        return Fate.OLDER
    gone = await delivery.work.resources.get(held.url) is None
    # The same version again. One that was ended stays ended, unless the source dates it later: valid again.
    ended = held.withdrawn and not withdrawn and not (both_dated and item.modified != held.modified)
    if held.mutation == item.mutation and (held.withdrawn == withdrawn or ended):
        return Fate.DELETED if gone else Fate.UNCHANGED
    # A citizen may delete what was delivered: taking it back does not make it come back.
    return Fate.DELETED if gone and withdrawn else None


async def _write(
    delivery: _Delivery,
    parcel: Parcel,
    data_type: DataType,
    item: Derived,
    *,
    url: ResourceUrl,
    graph: Graph,
    held: Deposited | None,
) -> ItemReport:
    withdrawn = item.status is ItemStatus.WITHDRAWN
    changed = await _was_changed(delivery, url, held)
    body = serialise(graph, TURTLE, base=url.iri(delivery.base_url))
    original = ResourceUrl(url.pod, f"/{data_type.container}{ORIGINALS}{item.reference}.{parcel.extension}")
    start, end = item.span
    await _put(delivery, url, body, TURTLE)
    await _put(delivery, original, parcel.original[start:end], parcel.media_type)
    await delivery.work.deposits.put(
        Deposited(
            url=url,
            original=original,
            data_type=data_type.key,
            source=delivery.source.id,
            reference=item.reference,
            mutation=item.mutation,
            modified=item.modified,
            delivered=delivery.now,
            digest=hashlib.sha256(body).hexdigest(),
            message_digest=delivery.message_digest,
            withdrawn=withdrawn,
            self_declared=item.self_declared,
        )
    )
    if withdrawn:
        await _tell(delivery, url, TAKEN_BACK)
    fate = Fate.WITHDRAWN if withdrawn else Fate.UPDATED if held is not None else Fate.STORED
    warnings = (*item.warnings, COPY_REPLACED) if changed else item.warnings
    return ItemReport(item.position, fate, url, warnings=warnings)


async def _was_changed(delivery: _Delivery, url: ResourceUrl, held: Deposited | None) -> bool:
    """True when what stands there is not what a source delivered: it is replaced, but never without a word."""
    body = await delivery.work.resources.body(url)
    if body is None:
        return False
    digest = hashlib.sha256(body.data).hexdigest() if isinstance(body, Inline) else body.sha256
    return held is None or digest != held.digest


async def _end_predecessors(delivery: _Delivery, data_type: DataType, item: Derived, current: set[str]) -> None:
    """Documents that the source says are out of date: predecessors under another reference, and a held version that
    has a successor elsewhere. What this same message delivers as valid stays."""
    ended = [name for name in item.replaces if name not in current]
    if item.status is ItemStatus.SUPERSEDED and item.reference not in current:
        ended.append(item.reference)
    for name in ended:
        held = await delivery.work.deposits.by_reference(delivery.account.pod, data_type.key, name)
        if held is None or held.withdrawn or held.source != delivery.source.id:
            continue
        if name == item.reference and held.mutation != item.mutation:
            continue  # a later version is held already
        await _withdraw(delivery, data_type, held)


async def _withdraw(delivery: _Delivery, data_type: DataType, held: Deposited) -> None:
    """Marks a held document as withdrawn. A copy that the citizen changed stays as she made it; the record tells."""
    digest = held.digest
    body = await delivery.work.resources.body(held.url)
    if isinstance(body, Inline) and hashlib.sha256(body.data).hexdigest() == held.digest:
        document_url = held.url.iri(delivery.base_url)
        graph = await parse_guarded(body.data, TURTLE, base=document_url, limits=delivery.settings.limits)
        subject = subject_of(graph, document_url, data_type)
        assert subject is not None  # it was checked when it came, and nobody changed it since
        valid, taken_back = triple(subject, ADMS.status, COMPLETED), triple(subject, ADMS.status, WITHDRAWN)
        marked = serialise(graph - Graph.of([valid]) | Graph.of([taken_back]), TURTLE, base=document_url)
        await _put(delivery, held.url, marked, TURTLE)
        digest = hashlib.sha256(marked).hexdigest()
    await delivery.work.deposits.put(replace(held, withdrawn=True, digest=digest, delivered=delivery.now))
    await _tell(delivery, held.url, TAKEN_BACK)


async def _put(delivery: _Delivery, url: ResourceUrl, data: bytes, media_type: MediaType) -> None:
    """Written as everything in a pod is: with its containers, its notices, its line in the log, and within quota."""
    await put_resource(
        delivery.work,
        Put(url, Content(Inline(data), media_type)),
        actor=delivery.source.id,
        now=delivery.now,
        base_url=delivery.base_url,
        limits=delivery.settings.limits,
    )


async def _tell(delivery: _Delivery, url: ResourceUrl, kind: str) -> None:
    await delivery.work.outbox.append(url.pod, Notice(url.iri(delivery.base_url), kind, delivery.now))


async def _record(delivery: _Delivery, parcel: Parcel, data_type: DataType, report: DepositReport) -> None:
    """The lines in the citizen's log: the message, and each item that was not taken in."""
    pod, source, now = delivery.account.pod, delivery.source, delivery.now
    facts = {"organisation": source.legal_name, "data": data_type.key, **(parcel.facts or {})}
    counts = {fate.value: str(number) for fate in Fate if (number := report.count(fate))}
    facts |= counts | ({"empty": report.empty} if report.empty else {})
    if replaced := sum(COPY_REPLACED in item.warnings for item in report.items):
        facts["replaced"] = str(replaced)
    if report.notes:
        facts["notes"] = " ".join(report.notes)
    event = AuditEvent.MESSAGE_DEPOSITED
    await delivery.work.audit.append(AuditDraft(pod, now, event, source.id, delivery.message_digest, facts))
    for item in report.refusals:
        why = {"organisation": source.legal_name, "data": data_type.key, "reason": item.reason or ""}
        why["position"] = str(item.position)
        event = AuditEvent.ITEM_REFUSED
        await delivery.work.audit.append(AuditDraft(pod, now, event, source.id, delivery.message_digest, why))
    if any(item.fate.was_written for item in report.items):
        await _tell(delivery, ResourceUrl(pod, f"/{data_type.container}"), ARRIVED)


async def _record_refusal(
    work: DatasluisWork, source: Participant, account: Account | None, refusal: Refusal, *, digest: str, now: datetime
) -> None:
    """In the citizen's log when it was for her; otherwise in the operator's."""
    facts = {"organisation": source.legal_name, "reason": refusal.reason}
    code = refusal.facts.get("code")
    facts |= {"code": code} if isinstance(code, str) else {}
    pod = account.pod if account is not None else SERVER
    await work.audit.append(AuditDraft(pod, now, AuditEvent.MESSAGE_REFUSED, source.id, digest, facts))
