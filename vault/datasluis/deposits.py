"""What a source delivered: the lock's own record of it, beside the documents in the pod."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.values import ParticipantId, ResourceUrl


@dataclass(frozen=True, slots=True)
class Deposited:
    """One delivered document. While the stored body still has `digest`, it is as the source delivered it.

    `reference`: the source's stable key inside this pod; `mutation`: its version there: equal means nothing to do.
    `original`: where the source's own bytes of this item stand in the pod. `digest`: SHA-256 of the stored Turtle, hex.
    """

    url: ResourceUrl
    original: ResourceUrl
    data_type: str
    source: ParticipantId
    reference: str
    mutation: str
    modified: datetime | None  # at the source
    delivered: datetime
    digest: str
    message_digest: str
    withdrawn: bool = False
    self_declared: bool = False
