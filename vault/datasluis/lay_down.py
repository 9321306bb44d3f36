"""A delivery is laid down in a vault: documents, originals, the lock's records, notices and the lines in the log, all
in the one transaction that is handed in. What is to be written was made ready before; here it is only judged again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from vault.audit import AuditDraft, AuditEvent
from vault.connectors.items import Derived, Item, ItemStatus, Refused
from vault.datasluis.deposits import (
    Deposited,
    DepositReport,
    Fate,
    ItemReport,
    is_ended,
    original_of,
    place_of,
    settled,
)
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import Participant
from vault.datasluis.unpack import Fitting, Prepared, Unfitting
from vault.rdf.graph import Graph
from vault.solid.operation import Content, Put
from vault.solid.resource import Inline
from vault.solid.write import put_resource
from vault.values import TURTLE, MediaType, Notice, ResourceUrl

ARRIVED: Final = "datasluis:message:deposited"  # kinds of notice
TAKEN_BACK: Final = "datasluis:document:withdrawn"
COPY_REPLACED: Final = "citizen-copy-replaced"


class StaleError(Exception):
    """What was prepared does not fit what the vault holds by now: prepare it anew, and commit nothing of this."""


@dataclass(frozen=True, slots=True)
class _Laying:
    """One transaction, and what the steps below share."""

    work: DatasluisWork
    source: Participant
    prepared: Prepared
    message_digest: str
    now: datetime


async def lay_down(
    work: DatasluisWork, prepared: Prepared, *, source: Participant, message_digest: str, now: datetime
) -> DepositReport:
    """Stores every item that may be stored, and says what became of each.

    Raises StaleError, OverQuota or Conflict: then nothing of the message is to be committed.
    """
    laying = _Laying(work, source, prepared, message_digest, now)
    parcel, data_type = prepared.routed.parcel, prepared.routed.data_type
    endings = parcel.endings()
    reports = []
    for item in parcel.items:
        reports.append(await _item(laying, item))
        if isinstance(item, Derived):
            await _end(laying, item, endings[item.position])
    report = DepositReport(message_digest, data_type.key, tuple(reports), notes=parcel.notes, empty=parcel.empty)
    await _record(laying, report)
    return report


async def _item(laying: _Laying, item: Item) -> ItemReport:
    routed = laying.prepared.routed
    if isinstance(item, Refused):
        return ItemReport(item.position, Fate.REFUSED, reason=item.reason)
    url = place_of(routed.account.pod, routed.data_type, item.reference)
    if url is None:
        return ItemReport(item.position, Fate.REFUSED, reason="reference-unreadable", warnings=item.warnings)
    held = await laying.work.deposits.by_reference(url.pod, routed.data_type.key, item.reference)
    if held is not None and held.source != laying.source.id:
        return ItemReport(item.position, Fate.REFUSED, reason="reference-of-another-source", warnings=item.warnings)
    there = held is not None and await laying.work.resources.get(held.url) is not None
    if (fate := settled(item, held, gone=not there)) is not None:
        return ItemReport(item.position, fate, url if there else None, warnings=item.warnings)
    ready = laying.prepared.items.get(item.position)
    if ready is None:
        raise StaleError
    if isinstance(ready, Unfitting):
        findings = ready.findings
        return ItemReport(item.position, Fate.REFUSED, reason="shape", warnings=item.warnings, findings=findings)
    return await _write(laying, item, url, ready=ready, held=held)


async def _write(
    laying: _Laying, item: Derived, url: ResourceUrl, *, ready: Fitting, held: Deposited | None
) -> ItemReport:
    parcel = laying.prepared.routed.parcel
    withdrawn = item.status is ItemStatus.WITHDRAWN
    changed = await _was_changed(laying, url, held)
    original = original_of(url, parcel.extension)
    start, end = item.span
    await _put(laying, url, ready.document.turtle, TURTLE, graph=ready.document.graph)
    await _put(laying, original, parcel.original[start:end], parcel.media_type, graph=ready.original)
    await laying.work.deposits.put(
        Deposited(
            url=url,
            original=original,
            data_type=laying.prepared.routed.data_type.key,
            source=laying.source.id,
            reference=item.reference,
            mutation=item.mutation,
            modified=item.modified,
            delivered=laying.now,
            digest=hashlib.sha256(ready.document.turtle).hexdigest(),
            message_digest=laying.message_digest,
            withdrawn=withdrawn,
            self_declared=item.self_declared,
        )
    )
    if withdrawn:
        await _tell(laying, url, TAKEN_BACK)
    fate = Fate.WITHDRAWN if withdrawn else Fate.UPDATED if held is not None else Fate.STORED
    warnings = (*item.warnings, COPY_REPLACED) if changed else item.warnings
    return ItemReport(item.position, fate, url, warnings=warnings)


async def _was_changed(laying: _Laying, url: ResourceUrl, held: Deposited | None) -> bool:
    """True when what stands there is not what a source delivered: it is replaced, but never without a word."""
    body = await laying.work.resources.body(url)
    if body is None:
        return False
    digest = hashlib.sha256(body.data).hexdigest() if isinstance(body, Inline) else body.sha256
    return held is None or digest != held.digest


async def _end(laying: _Laying, item: Derived, references: tuple[str, ...]) -> None:
    """Marks what is held under these references, and is out of date now, as withdrawn."""
    routed = laying.prepared.routed
    for name in references:
        held = await laying.work.deposits.by_reference(routed.account.pod, routed.data_type.key, name)
        if held is not None and is_ended(held, item, source=laying.source.id):
            await _withdraw(laying, held)


async def _withdraw(laying: _Laying, held: Deposited) -> None:
    """Marks a held document as withdrawn. A copy that the citizen changed stays as she made it; the record tells."""
    digest = held.digest
    body = await laying.work.resources.body(held.url)
    if isinstance(body, Inline) and hashlib.sha256(body.data).hexdigest() == held.digest:
        marked = laying.prepared.marked.get((held.url, held.digest))
        if marked is None:
            raise StaleError
        await _put(laying, held.url, marked.turtle, TURTLE, graph=marked.graph)
        digest = hashlib.sha256(marked.turtle).hexdigest()
    await laying.work.deposits.put(replace(held, withdrawn=True, digest=digest, delivered=laying.now))
    await _tell(laying, held.url, TAKEN_BACK)


async def _put(laying: _Laying, url: ResourceUrl, data: bytes, media_type: MediaType, *, graph: Graph | None) -> None:
    """Written as everything in a pod is: with its containers, its notices, its line in the log, and within quota."""
    routed = laying.prepared.routed
    await put_resource(
        laying.work,
        Put(url, Content(Inline(data), media_type, graph)),
        actor=laying.source.id,
        now=laying.now,
        base_url=routed.base_url,
        limits=routed.limits,
    )


async def _tell(laying: _Laying, url: ResourceUrl, kind: str) -> None:
    notice = Notice(url.iri(laying.prepared.routed.base_url), kind, laying.now)
    await laying.work.outbox.append(url.pod, notice)


async def _record(laying: _Laying, report: DepositReport) -> None:
    """The lines in the citizen's log: the message, and each item that was not taken in."""
    routed, source, now, digest = laying.prepared.routed, laying.source, laying.now, laying.message_digest
    pod, data_type, audit = routed.account.pod, routed.data_type, laying.work.audit
    facts = {"organisation": source.legal_name, "data": data_type.key, **(routed.parcel.facts or {})}
    counts = {fate.value: str(number) for fate in Fate if (number := report.count(fate))}
    facts |= counts | ({"empty": report.empty} if report.empty else {})
    if replaced := sum(COPY_REPLACED in item.warnings for item in report.items):
        facts["replaced"] = str(replaced)
    if report.notes:
        facts["notes"] = " ".join(report.notes)
    await audit.append(AuditDraft(pod, now, AuditEvent.MESSAGE_DEPOSITED, source.id, digest, facts))
    for item in report.refusals:
        why = {"organisation": source.legal_name, "data": data_type.key, "reason": item.reason or ""}
        why["position"] = str(item.position)
        await audit.append(AuditDraft(pod, now, AuditEvent.ITEM_REFUSED, source.id, digest, why))
    if any(item.fate.was_written for item in report.items):
        await _tell(laying, ResourceUrl(pod, f"/{data_type.container}"), ARRIVED)
