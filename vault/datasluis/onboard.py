"""The operator admits an organisation, suspends it, and lets it back in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import Participant, Role, parse_kbo
from vault.datasluis.requests import plain_text
from vault.errors import Malformed, Missing
from vault.values import ParticipantId, parse_webid

NAME_CHARACTERS = 120


async def register_participant(
    work: DatasluisWork, participant: Participant, *, catalogue: Catalogue, now: datetime
) -> Participant:
    """Adds the organisation, or brings its record up to date; the same record again changes nothing and leaves no
    line. Raises Malformed with all mistakes in `wrong`, Conflict when another one has this WebID."""
    checked = _checked(participant, catalogue)
    known = await work.participants.get(checked.id)
    if known is not None:
        checked = replace(checked, registered=known.registered)
    if checked == known:
        return checked
    await work.participants.put(checked)
    event = AuditEvent.PARTICIPANT_REGISTERED if known is None else AuditEvent.PARTICIPANT_CHANGED
    await _record(work, checked, event, now)
    return checked


async def suspend_participant(work: DatasluisWork, participant: ParticipantId, *, now: datetime) -> Participant:
    """Stops every grant and every question of this organisation from the next call on."""
    return await _switch(work, participant, suspended=True, now=now)


async def reinstate_participant(work: DatasluisWork, participant: ParticipantId, *, now: datetime) -> Participant:
    """Lets it act again; grants that did not end meanwhile open again."""
    return await _switch(work, participant, suspended=False, now=now)


async def _switch(work: DatasluisWork, participant: ParticipantId, *, suspended: bool, now: datetime) -> Participant:
    known = await work.participants.get(participant)
    if known is None:
        raise Missing("no-such-participant", "There is no participant with this id.")
    if known.suspended == suspended:
        return known
    switched = replace(known, suspended=suspended)
    await work.participants.put(switched)
    event = AuditEvent.PARTICIPANT_SUSPENDED if suspended else AuditEvent.PARTICIPANT_REINSTATED
    await _record(work, switched, event, now)
    return switched


def _checked(participant: Participant, catalogue: Catalogue) -> Participant:
    contract = participant.contract
    name = plain_text(participant.legal_name, NAME_CHARACTERS)
    wrong = [f"data type {key}" for key in sorted(contract.data_types - set(catalogue.data_types))]
    wrong += [f"purpose {iri}" for iri in sorted(contract.purposes - set(catalogue.purposes))]
    wrong += [] if participant.roles else ["roles: at least one"]
    wrong += [] if name else ["legal name"]
    wrong += [] if contract.since < contract.until else ["contract: it ends before it begins"]
    if Role.DATA_USER in participant.roles and contract.max_days < 1:
        wrong.append("contract: the longest grant of a data user is at least one day")
    if Role.DATA_USER not in participant.roles and contract.purposes:
        wrong.append("contract: a data source asks nothing and has no purposes")
    if "@" not in participant.dpo.email:
        wrong.append("data protection officer: an e-mail address")
    if not participant.website.startswith(("https://", "http://")):
        wrong.append("website: an address")
    if wrong:
        raise Malformed(
            "participant", f"This participant cannot be registered: {'; '.join(wrong)}.", facts={"wrong": wrong}
        )
    return replace(participant, webid=parse_webid(participant.webid), legal_name=name, kbo=parse_kbo(participant.kbo))


async def _record(work: DatasluisWork, participant: Participant, event: AuditEvent, now: datetime) -> None:
    contract = participant.contract
    facts = {
        "organisation": participant.legal_name,
        "kbo": participant.kbo,
        "roles": " ".join(sorted(participant.roles)),
        "admission": participant.admission.value,
        "data": " ".join(sorted(contract.data_types)),
        "purposes": " ".join(sorted(contract.purposes)),
        "until": contract.until.isoformat(),
    }
    await work.audit.append(AuditDraft(SERVER, now, event, "operator", participant.id, facts))
