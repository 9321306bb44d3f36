"""Participants: the organisations that deposit and ask, as the operator admitted them, and what their contract lets
them ask at all.

The contract is the first of two keys (datasluis.md 8.2); the citizen's grant is the second. A contract that ended or a
participant that was suspended stops every grant at the next read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vault.datasluis.catalogue import Catalogue, is_narrower
from vault.errors import Forbidden, Malformed
from vault.values import ParticipantId, WebId

_KBO = re.compile(r"(?:BE)?[ ]?([01][0-9]{3})[. ]?([0-9]{3})[. ]?([0-9]{3})")


class Role(StrEnum):
    DATA_SOURCE = "data-source"
    DATA_USER = "data-user"


class Admission(StrEnum):
    """How much a request must say. STRICT unless the operator switched it (datasluis.md section 4)."""

    STRICT = "strict"
    COMPATIBLE = "compatible"


class Standing(StrEnum):
    """Where a participant stands today; only IN_FORCE opens anything."""

    IN_FORCE = "in-force"
    NOT_YET = "contract-not-yet"
    ENDED = "contract-ended"
    SUSPENDED = "participant-suspended"


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody a citizen can reach: the data protection officer, by name or function."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What the operator admitted this organisation to: data types (keys), purposes (IRIs), until when.

    A data source's contract names the data types it may deposit and no purposes.
    """

    data_types: frozenset[str]
    purposes: frozenset[str]
    since: datetime
    until: datetime
    max_days: int  # the longest grant under this contract


@dataclass(frozen=True, slots=True)
class Participant:
    """A registered organisation. `kbo` is ten digits that satisfy the mod 97 check."""

    id: ParticipantId
    webid: WebId
    roles: frozenset[Role]
    legal_name: str
    kbo: str
    website: str
    dpo: Contact
    contract: Contract
    registered: datetime
    admission: Admission = Admission.STRICT
    suspended: bool = False


def parse_kbo(text: str) -> str:
    """An enterprise number as ten digits; dots, blanks and a leading BE are taken off. Raises Malformed.

    The last two digits are 97 minus the first eight modulo 97.
    """
    found = _KBO.fullmatch(text.strip().upper())
    digits = "".join(found.groups()) if found else ""
    if not digits or 97 - int(digits[:8]) % 97 != int(digits[8:]):
        raise Malformed("enterprise-number", "This is not a Belgian enterprise number.")
    return digits


def standing(participant: Participant, now: datetime) -> Standing:
    """Suspension outranks the dates of the contract."""
    if participant.suspended:
        return Standing.SUSPENDED
    if now < participant.contract.since:
        return Standing.NOT_YET
    return Standing.ENDED if now >= participant.contract.until else Standing.IN_FORCE


def check_standing(participant: Participant, now: datetime) -> None:
    """Raises Forbidden unless the participant may act today.

    Under the compatible profile a contract is optional (section 4); a suspension always counts.
    """
    found = standing(participant, now)
    optional = participant.admission is Admission.COMPATIBLE and found is not Standing.SUSPENDED
    if found is not Standing.IN_FORCE and not optional:
        raise Forbidden(found.value, _STANDING_TEXTS[found])


def beyond_contract(
    participant: Participant, data_types: Iterable[str], purpose: str | None, catalogue: Catalogue
) -> tuple[str, ...]:
    """The data types and the purpose that the contract does not cover; empty when it covers all.

    A purpose narrower than one in the contract is covered; a wider one never is.
    """
    contract = participant.contract
    outside = [key for key in dict.fromkeys(data_types) if key not in contract.data_types]
    if purpose is not None and not _covered(purpose, contract.purposes, catalogue):
        outside.append(purpose)
    return tuple(outside)


def check_entitled(
    participant: Participant, data_types: Iterable[str], purpose: str | None, *, catalogue: Catalogue, now: datetime
) -> None:
    """The contract: organisation × data type × purpose × time. Raises Forbidden, naming what lies outside it."""
    check_standing(participant, now)
    if participant.admission is Admission.COMPATIBLE:
        return  # the page says "not admitted by the operator" instead: advice A11
    if outside := beyond_contract(participant, data_types, purpose, catalogue):
        raise Forbidden(
            "outside-contract",
            "The contract with the operator does not cover this data or this purpose.",
            facts={"outside": list(outside)},
        )


def check_role(participant: Participant | None, role: Role) -> Participant:
    """Raises Forbidden unless this is a registered organisation in that role; the answer is one and the same."""
    if participant is None or role not in participant.roles:
        raise Forbidden("not-a-participant", f"Only an organisation registered as {role.value} can do this.")
    return participant


def contract_end(participant: Participant, now: datetime) -> datetime | None:
    """The latest end that a grant under this contract may have; None under the compatible profile."""
    if participant.admission is Admission.COMPATIBLE:
        return None
    return min(participant.contract.until, now + timedelta(days=participant.contract.max_days))


def _covered(purpose: str, purposes: Collection[str], catalogue: Catalogue) -> bool:
    return any(purpose == wider or is_narrower(catalogue, purpose, wider) for wider in purposes)


_STANDING_TEXTS = {
    Standing.NOT_YET: "The contract with the operator has not begun.",
    Standing.ENDED: "The contract with the operator has ended.",
    Standing.SUSPENDED: "The operator has suspended this organisation.",
}
