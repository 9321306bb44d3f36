"""The audit log: event names, entries, and the hash chain that shows a removed, altered or reordered line.

One chain per pod, so that a citizen's export alone is enough to verify it (UX-21); operator acts that concern no pod
stand in the chain of the empty pod name. An entry's digest is SHA-256 over the canonical JSON of its number, time,
event, actor, subject, facts and the previous digest; the first entry's previous digest is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from vault.values import PodName

GENESIS = "0" * 64
SERVER: PodName = PodName("")  # the chain of acts that concern no pod


class AuditEvent(StrEnum):
    """`area:thing:what happened`; refused tries are events of their own."""

    POD_CREATED = "solid:pod:created"
    RESOURCE_CREATED = "solid:resource:created"
    RESOURCE_UPDATED = "solid:resource:updated"
    RESOURCE_DELETED = "solid:resource:deleted"
    ACL_CHANGED = "solid:acl:changed"
    ACCOUNT_CREATED = "identity:account:created"
    SIGNED_IN = "identity:session:opened"
    SIGN_IN_REFUSED = "identity:session:refused"
    SIGNED_OUT = "identity:session:closed"
    PASSWORD_CHANGED = "identity:password:changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "identity:password:reset"  # noqa: S105 - the name of an event
    ADDRESS_CHANGED = "identity:address:changed"
    PASSKEY_ADDED = "identity:passkey:added"
    PASSKEY_RENAMED = "identity:passkey:renamed"
    PASSKEY_REMOVED = "identity:passkey:removed"
    RECOVERY_CODES_MADE = "identity:recovery-codes:made"
    RECOVERY_CODE_USED = "identity:recovery-codes:used"
    SESSIONS_ENDED = "identity:session:all-closed"
    ACCOUNT_CLOSING = "identity:account:closing"
    ACCOUNT_KEPT = "identity:account:kept"
    ACCOUNT_CLOSED = "identity:account:closed"
    ACCOUNT_LOCKED = "identity:account:locked"
    ACCOUNT_UNLOCKED = "identity:account:unlocked"
    INVITATION_MADE = "identity:invitation:made"
    UPSTREAM_LINKED = "identity:upstream:linked"
    UPSTREAM_UNLINKED = "identity:upstream:unlinked"
    WEBID_LINKED = "identity:webid:linked"
    WEBID_UNLINKED = "identity:webid:unlinked"
    KEY_ROTATED = "identity:key:rotated"
    CLIENT_REGISTERED = "identity:client:registered"
    CLIENT_CHANGED = "identity:client:changed"  # another secret or other keys
    CLIENT_REVOKED = "identity:client:revoked"
    CONSENT_GIVEN = "identity:consent:given"
    CONSENT_REFUSED = "identity:consent:refused"
    CONSENT_WITHDRAWN = "identity:consent:withdrawn"
    PARTICIPANT_REGISTERED = "datasluis:participant:registered"
    PARTICIPANT_CHANGED = "datasluis:participant:changed"
    PARTICIPANT_SUSPENDED = "datasluis:participant:suspended"
    PARTICIPANT_REINSTATED = "datasluis:participant:reinstated"
    MESSAGE_DEPOSITED = "datasluis:message:deposited"
    MESSAGE_REFUSED = "datasluis:message:refused"
    ITEM_REFUSED = "datasluis:item:refused"
    REQUEST_SUBMITTED = "datasluis:request:submitted"
    REQUEST_REJECTED = "datasluis:request:rejected"  # by the lock itself: contract, profile or law
    REQUEST_REFUSED = "datasluis:request:refused"  # by the citizen
    REQUEST_WITHDRAWN = "datasluis:request:withdrawn"
    REQUEST_EXPIRED = "datasluis:request:expired"
    GRANT_ISSUED = "datasluis:grant:issued"
    GRANT_READ = "datasluis:grant:read"
    GRANT_READ_REFUSED = "datasluis:grant:read-refused"
    GRANT_PAUSED = "datasluis:grant:paused"
    GRANT_RESUMED = "datasluis:grant:resumed"
    GRANT_REVOKED = "datasluis:grant:revoked"
    GRANT_EXPIRED = "datasluis:grant:expired"


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """An entry before it has its place in the chain.

    `actor`: a WebID, a participant id, or "operator". `subject`: what it is about (a path, a request or grant id).
    `facts`: short strings only, never a value from the citizen's data, never a token.
    """

    pod: PodName
    at: datetime
    event: AuditEvent
    actor: str
    subject: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of a chain; `number` counts from 1 within the pod."""

    pod: PodName
    number: int
    at: datetime
    event: AuditEvent
    actor: str
    subject: str
    facts: Mapping[str, str]
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Intact:
    """The chain holds; `entries` lines were read and `head` is the last digest."""

    entries: int
    head: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The chain does not hold from entry `number` on, and why."""

    number: int
    because: str


class AuditLog(Protocol):
    """The append-only log, inside a transaction."""

    async def append(self, draft: AuditDraft, /) -> AuditEntry:
        """Gives the draft its number and digest and writes it."""
        ...

    async def entries(
        self, pod: PodName, /, *, after: int = 0, limit: int = 1000, newest_first: bool = False
    ) -> list[AuditEntry]:
        """Entries of one chain. Oldest first: those with `number > after`. Newest first: those with
        `number < after`, where `after=0` means from the end."""
        ...

    async def pods(self) -> list[PodName]:
        """Every chain there is, the server's own included."""
        ...


def link(draft: AuditDraft, *, number: int, previous: str) -> AuditEntry:
    """The entry that follows `previous`."""
    at, facts = draft.at.astimezone(UTC), dict(draft.facts)
    digest = _digest(draft, number=number, previous=previous)
    return AuditEntry(draft.pod, number, at, draft.event, draft.actor, draft.subject, facts, previous, digest)


def verify_chain(entries: Iterable[AuditEntry], *, after: int = 0, previous: str = GENESIS) -> Intact | Broken:
    """Checks one chain from its first entry on, from the entries alone; or a page of it, where `after` and `previous`
    are the number and digest of the last entry of the page before."""
    number = after
    for entry in entries:
        number += 1
        if entry.number != number:
            return Broken(number, f"entry {number} is missing")
        if entry.previous != previous:
            return Broken(number, "it does not follow the entry before it")
        if entry.digest != _digest(entry, number=entry.number, previous=entry.previous):
            return Broken(number, "its content was altered")
        previous = entry.digest
    return Intact(number, previous)


def _digest(said: AuditDraft | AuditEntry, *, number: int, previous: str) -> str:
    """SHA-256 of the entry as JSON in one line: an array without blanks, the names of the facts in order."""
    pod, actor, subject = _text(said.pod), _text(said.actor), _text(said.subject)
    at, facts = said.at.astimezone(UTC).isoformat(), _JSON.encode(dict(said.facts)) if said.facts else "{}"
    written = f'[{pod},{number},"{at}","{said.event.value}",{actor},{subject},{facts},{_text(previous)}]'
    return hashlib.sha256(written.encode()).hexdigest()


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_text = json.encoder.encode_basestring  # what the encoder itself uses, without making an encoder for each entry
