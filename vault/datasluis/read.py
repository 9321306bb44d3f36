"""A data user reads a view through a grant: no entry, no data.

Parsing and minimising happen outside any transaction, so that nothing large holds the writer. Then one writing
transaction judges everything again, at that very moment, and writes the line; the bytes go out only after its commit.
A refused try is a line too, and is committed although the answer is a refusal: that is why a refusal travels as a
value here. Nothing is kept from one read to the next, so a revocation bites at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Limits
from vault.datasluis.catalogue import Catalogue, is_narrower
from vault.datasluis.deposits import Deposited
from vault.datasluis.grants import Grant, GrantedItem, Unusable, check_usable, state_at
from vault.datasluis.grants import read as count_read
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.provenance import Provenance, marked, provenance
from vault.datasluis.registry import Participant, Role, check_entitled
from vault.datasluis.views import view_graph
from vault.errors import Forbidden, Missing, Refusal, Unavailable, Unprocessable
from vault.rdf.graph import Graph
from vault.rdf.isolate import parse_guarded
from vault.rdf.syntax import serialise
from vault.seals.canonical import canonical
from vault.solid.ports import Blobs
from vault.solid.resource import Body, Inline, Kind, Resource
from vault.values import Agent, Clock, ETag, GrantId, MediaType

_Transact = Callable[[], AbstractAsyncContextManager[DatasluisWork]]

_DECLARED_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Look:
    """One call: which item of which grant, in which form, and the purpose declared at use, if any."""

    grant: GrantId
    item: str
    media_type: MediaType
    purpose: str | None = None
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class View:
    """What leaves: the graph, its bytes, and the digest that the citizen's log keeps of it."""

    grant: Grant
    item: GrantedItem
    graph: Graph
    body: bytes
    media_type: MediaType
    digest: str  # SHA-256 over the canonical N-Quads, hex
    provenance: Provenance

    @property
    def etag(self) -> ETag:
        return ETag(f"{self.digest[:32]}-{self.media_type.essence.rpartition('/')[2]}")


@dataclass(frozen=True, slots=True)
class Withheld:
    """Nothing leaves; the line that says so is committed."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a citizen, parsed, with what the lock knows of where it came from."""

    resource: Resource
    graph: Graph
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class _Open:
    grant: Grant
    item: GrantedItem
    participant: Participant
    resource: Resource
    deposited: Deposited | None
    source: str | None


@dataclass(frozen=True, slots=True)
class _Shut:
    """Why not. `reason` goes into the log; it may say more than the refusal does."""

    refusal: Refusal
    reason: str
    grant: Grant | None
    participant: Participant | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What would leave, made from one version of the document; a refusal when it cannot be shown at all."""

    outcome: View | Refusal
    version: int
    deposited: Deposited | None

    def still_holds(self, judged: _Open) -> bool:
        return self.version == judged.resource.version and self.deposited == judged.deposited


async def read_through_grant(
    reading: _Transact,
    writing: _Transact,
    *,
    agent: Agent,
    look: Look,
    catalogue: Catalogue,
    blobs: Blobs,
    base_url: str,
    limits: Limits,
    clock: Clock,
) -> View | Withheld:
    """The view, or why not. `clock` is asked at each judgement: the end of a grant may pass in between."""
    cut = partial(_prepare, look=look, catalogue=catalogue, blobs=blobs, base_url=base_url, limits=limits)
    for last in (False, True):
        async with reading() as work:
            found = await _judge(work, agent, look, catalogue=catalogue, now=clock())
            body = await work.resources.body(found.item.url) if isinstance(found, _Open) else None
        prepared = await cut(found, body) if isinstance(found, _Open) and body is not None else None
        async with writing() as work:
            at = clock()
            judged = await _judge(work, agent, look, catalogue=catalogue, now=at)
            if isinstance(judged, _Shut):
                await _record_refused(work, agent, look, judged, now=at)
                return Withheld(judged.refusal)
            if prepared is None or not prepared.still_holds(judged):
                body = await work.resources.body(judged.item.url)
                if not last or not isinstance(body, Inline):
                    continue
                prepared = await cut(judged, body)  # somebody keeps writing it: it is small, and now stands still
            if isinstance(prepared.outcome, Refusal):
                shut = _Shut(prepared.outcome, prepared.outcome.reason, judged.grant, judged.participant)
                await _record_refused(work, agent, look, shut, now=at)
                return Withheld(prepared.outcome)
            await _record_read(work, agent, look, judged, view=prepared.outcome, now=at)
            return prepared.outcome
    raise Unavailable("document-busy", "The document changed while it was read; try again.", retry_after=1)


async def explain_look(
    work: DatasluisWork, *, agent: Agent, look: Look, catalogue: Catalogue, now: datetime
) -> list[str]:
    """The same judgement in sentences, for the operator; nothing is read or written down. The software is taken to be
    the one that the grant was given to, since only a token could tell."""
    grant = await work.grants.get(look.grant)
    if grant is None:
        return ["There is no such grant.", "Refused: no-such-grant."]
    items = ", ".join(f"{item.key} ({' '.join(item.fields)})" for item in grant.items)
    lines = [
        f"Grant {grant.id}: given to {grant.data_user} by {grant.citizen}, for {grant.purpose or 'no stated purpose'}.",
        f"  It is {state_at(grant, now).value}; from {grant.since.isoformat()} until {grant.until.isoformat()}.",
        f"  It opens {items}.",
    ]
    judged = await _judge(work, replace(agent, client=grant.client), look, catalogue=catalogue, now=now)
    who = judged.participant
    lines.append(f"  The caller is {who.id} ({who.legal_name})." if who else "  The caller is no participant.")
    if isinstance(judged, _Shut):
        return [*lines, f"Refused: {judged.reason}. The caller is told: {judged.refusal.detail}"]
    return [*lines, f"Allowed, by the grant: the view of {judged.item.url.path}."]


async def open_document(
    resource: Resource,
    body: Body,
    *,
    deposited: Deposited | None,
    source: str | None,
    blobs: Blobs,
    base_url: str,
    limits: Limits,
) -> Document:
    """Parses a stored body, outside any transaction. Raises a Refusal when it cannot be read as RDF any more."""
    if isinstance(body, Inline):
        data = body.data
    else:
        if body.size > limits.rdf_bytes:
            raise Unprocessable("document-too-large", "The document is too large to be shown.")
        data = b"".join([chunk async for chunk in blobs.open(body)])
    graph = await parse_guarded(data, resource.media_type, base=resource.url.iri(base_url), limits=limits)
    return Document(resource, graph, provenance(deposited, hashlib.sha256(data).hexdigest(), source))


async def _judge(
    work: DatasluisWork, agent: Agent, look: Look, *, catalogue: Catalogue, now: datetime
) -> _Open | _Shut:
    """Every question in its order: whose grant, which client, state and time, contract, purpose, item, ownership."""
    participant = await work.participants.by_webid(agent.webid)
    grant = await work.grants.get(look.grant)
    holder = participant is not None and Role.DATA_USER in participant.roles
    if grant is None or participant is None or not holder or grant.data_user != participant.id:
        # Somebody else's grant is answered like one that does not exist; only the log knows the difference.
        reason = "no-such-grant" if grant is None else "wrong-recipient"
        return _Shut(Missing("no-such-grant", "There is no such grant."), reason, grant, participant)
    refusal = _why_not(grant, participant, agent, look, catalogue=catalogue, now=now)
    item = grant.item(look.item)
    if refusal is None and item is None:
        refusal = Forbidden("not-covered", "This permission does not cover that.")
    if refusal is not None or item is None:
        assert refusal is not None
        return _Shut(refusal, refusal.reason, grant, participant)
    pod = await work.resources.pod(item.url.pod)
    if pod is None or pod.owner != grant.citizen or pod.name != grant.pod:
        refusal = Forbidden(
            "not-the-owner", "The person who gave this permission does not control the document any more."
        )
        return _Shut(refusal, refusal.reason, grant, participant)
    resource = await work.resources.get(item.url)
    if resource is None or resource.kind is not Kind.GRAPH:
        refusal = Forbidden("document-gone", "The document is not in the vault any more.")
        return _Shut(refusal, refusal.reason, grant, participant)
    deposited = await work.deposits.get(item.url)
    source = await work.participants.get(deposited.source) if deposited is not None else None
    return _Open(grant, item, participant, resource, deposited, source.legal_name if source else None)


def _why_not(
    grant: Grant, participant: Participant, agent: Agent, look: Look, *, catalogue: Catalogue, now: datetime
) -> Refusal | None:
    """What can be told from the grant and the contract alone."""
    if grant.client is not None and grant.client != agent.client:
        return Forbidden("wrong-client", "This permission was given to other software of this organisation.")
    if isinstance(usable := check_usable(grant, now), Unusable):
        return Forbidden(usable.reason, usable.because)
    data_types = {item.data_type for item in grant.items}
    try:
        check_entitled(participant, data_types, grant.purpose, catalogue=catalogue, now=now)
    except Forbidden as refusal:
        return refusal
    declared = look.purpose
    if declared is not None and not (grant.purpose and is_narrower(catalogue, declared, grant.purpose)):
        return Forbidden("purpose-not-granted", "This permission was given for another purpose.")
    return None


async def _prepare(
    found: _Open, body: Body, *, look: Look, catalogue: Catalogue, blobs: Blobs, base_url: str, limits: Limits
) -> _Prepared:
    """Cuts the document down to the granted fields and writes it in the form asked for."""
    item, grant = found.item, found.grant
    data_type = catalogue.data_types.get(item.data_type)
    if data_type is None:
        gone = Forbidden("not-covered", "This kind of document is not shared any more.")
        return _Prepared(gone, found.resource.version, found.deposited)
    view_url = f"{base_url}datasluis/view/{grant.id}/{item.key}"
    try:
        document = await open_document(
            found.resource,
            body,
            deposited=found.deposited,
            source=found.source,
            blobs=blobs,
            base_url=base_url,
            limits=limits,
        )
        cut = view_graph(
            document.graph,
            document_url=item.url.iri(base_url),
            view_url=view_url,
            data_type=data_type,
            fields=item.fields,
        )
        graph = marked(cut, view_url, document.provenance)
        digest = hashlib.sha256(canonical(graph, steps=limits.canonical_steps)).hexdigest()
    except Refusal:
        unreadable = Forbidden("document-unreadable", "The document cannot be read as data any more.")
        return _Prepared(unreadable, found.resource.version, found.deposited)
    written = serialise(graph, look.media_type, base=None)
    view = View(grant, item, graph, written, look.media_type, digest, document.provenance)
    return _Prepared(view, found.resource.version, found.deposited)


async def _record_read(
    work: DatasluisWork, agent: Agent, look: Look, judged: _Open, *, view: View, now: datetime
) -> None:
    grant = judged.grant
    await work.grants.replace(count_read(grant, now))
    facts = _facts(agent, look, grant, judged.participant)
    facts |= {"digest": view.digest, "verification": view.provenance.verification.value}
    await work.audit.append(AuditDraft(grant.pod, now, AuditEvent.GRANT_READ, judged.participant.id, grant.id, facts))


async def _record_refused(work: DatasluisWork, agent: Agent, look: Look, shut: _Shut, *, now: datetime) -> None:
    """In the citizen's own log, when it was her grant that was tried; in the operator's when there is no such grant.
    A stranger who guesses ids leaves no line: he could make the log grow."""
    grant, participant = shut.grant, shut.participant
    if grant is None and participant is None:
        return
    facts = _facts(agent, look, grant, participant) | {"reason": shut.reason}
    draft = AuditDraft(
        pod=SERVER if grant is None else grant.pod,
        at=now,
        event=AuditEvent.GRANT_READ_REFUSED,
        actor=agent.webid if participant is None else participant.id,
        subject=look.grant[:_DECLARED_CHARACTERS] if grant is None else grant.id,
        facts=facts,
    )
    await work.audit.append(draft)


def _facts(agent: Agent, look: Look, grant: Grant | None, participant: Participant | None) -> dict[str, str]:
    facts = {"item": look.item[:_DECLARED_CHARACTERS], "method": look.method, "how": "api"}
    facts |= {"organisation": participant.legal_name} if participant else {}
    facts |= {"client": agent.client} if agent.client else {}
    facts |= {"declared": look.purpose[:_DECLARED_CHARACTERS]} if look.purpose else {}
    facts |= {"purpose": grant.purpose} if grant and grant.purpose else {}
    item = grant.item(look.item) if grant else None
    about = {"resource": item.url.path, "data": item.data_type, "fields": " ".join(item.fields)} if item else {}
    return facts | about
