"""Participants: the organisations that deposit and ask, as the operator admitted them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.values import ParticipantId, WebId


class Role(StrEnum):
    DATA_SOURCE = "data-source"
    DATA_USER = "data-user"


class Admission(StrEnum):
    """How much a request must say. STRICT unless the operator switched it (datasluis.md section 4)."""

    STRICT = "strict"
    COMPATIBLE = "compatible"


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
