"""Lines of the citizen's log in words: who, what, why, when, how, and how it ended (UX-19)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from vault.audit import AuditEvent
from vault.datasluis.history import HistoryLine, Outcome, Who
from vault.web.wording import NAME_CHARACTERS, Tongue, capital, clean

_CLIENT_CHARACTERS: Final = 80

# What each event says. Every event has a sentence: a test compares this with the list of events.
SENTENCES: Final[Mapping[AuditEvent, str]] = {
    AuditEvent.POD_CREATED: "log.did.pod-created",
    AuditEvent.RESOURCE_CREATED: "log.did.created",
    AuditEvent.RESOURCE_UPDATED: "log.did.updated",
    AuditEvent.RESOURCE_DELETED: "log.did.deleted",
    AuditEvent.ACL_CHANGED: "log.did.acl",
    AuditEvent.ACCOUNT_CREATED: "log.did.account",
    AuditEvent.SIGNED_IN: "log.did.signed-in",
    AuditEvent.SIGN_IN_REFUSED: "log.did.sign-in-refused",
    AuditEvent.SIGNED_OUT: "log.did.signed-out",
    AuditEvent.PASSWORD_CHANGED: "log.did.password",
    AuditEvent.CLIENT_REGISTERED: "log.did.client",
    AuditEvent.CONSENT_GIVEN: "log.did.consent",
    AuditEvent.CONSENT_REFUSED: "log.did.consent-refused",
    AuditEvent.PASSWORD_RESET: "log.did.password-reset",
    AuditEvent.ADDRESS_CHANGED: "log.did.address",
    AuditEvent.PASSKEY_ADDED: "log.did.passkey-added",
    AuditEvent.PASSKEY_RENAMED: "log.did.passkey-renamed",
    AuditEvent.PASSKEY_REMOVED: "log.did.passkey-removed",
    AuditEvent.RECOVERY_CODES_MADE: "log.did.codes-made",
    AuditEvent.RECOVERY_CODE_USED: "log.did.code-used",
    AuditEvent.SESSIONS_ENDED: "log.did.sessions-ended",
    AuditEvent.ACCOUNT_CLOSING: "log.did.closing",
    AuditEvent.ACCOUNT_KEPT: "log.did.kept",
    AuditEvent.ACCOUNT_CLOSED: "log.did.closed",
    AuditEvent.ACCOUNT_LOCKED: "log.did.locked",
    AuditEvent.ACCOUNT_UNLOCKED: "log.did.unlocked",
    AuditEvent.INVITATION_MADE: "log.did.invited",
    AuditEvent.UPSTREAM_LINKED: "log.did.upstream-linked",
    AuditEvent.UPSTREAM_UNLINKED: "log.did.upstream-unlinked",
    AuditEvent.WEBID_LINKED: "log.did.webid-linked",
    AuditEvent.WEBID_UNLINKED: "log.did.webid-unlinked",
    AuditEvent.KEY_ROTATED: "log.did.key",
    AuditEvent.CLIENT_CHANGED: "log.did.client-changed",
    AuditEvent.CLIENT_REVOKED: "log.did.client-revoked",
    AuditEvent.CONSENT_WITHDRAWN: "log.did.consent-withdrawn",
    AuditEvent.PARTICIPANT_REGISTERED: "log.did.participant",
    AuditEvent.PARTICIPANT_CHANGED: "log.did.participant-changed",
    AuditEvent.PARTICIPANT_SUSPENDED: "log.did.participant-suspended",
    AuditEvent.PARTICIPANT_REINSTATED: "log.did.participant-reinstated",
    AuditEvent.MESSAGE_DEPOSITED: "log.did.deposited",
    AuditEvent.MESSAGE_REFUSED: "log.did.message-refused",
    AuditEvent.ITEM_REFUSED: "log.did.item-refused",
    AuditEvent.REQUEST_SUBMITTED: "log.did.asked",
    AuditEvent.REQUEST_REJECTED: "log.did.rejected",
    AuditEvent.REQUEST_REFUSED: "log.did.refused",
    AuditEvent.REQUEST_WITHDRAWN: "log.did.withdrawn",
    AuditEvent.REQUEST_EXPIRED: "log.did.request-expired",
    AuditEvent.GRANT_ISSUED: "log.did.granted",
    AuditEvent.GRANT_READ: "log.did.read",
    AuditEvent.GRANT_READ_REFUSED: "log.did.read-refused",
    AuditEvent.GRANT_PAUSED: "log.did.paused",
    AuditEvent.GRANT_RESUMED: "log.did.resumed",
    AuditEvent.GRANT_REVOKED: "log.did.revoked",
    AuditEvent.GRANT_EXPIRED: "log.did.grant-expired",
}

_NOTHING_NEW: Final = "log.did.deposited-nothing"  # a delivery of what was held already, or of nothing

# Why the lock said no, by the reason that stands in the log.
REASONS: Final[Mapping[str, str]] = {
    "grant-revoked": "log.reason.grant-revoked",
    "grant-expired": "log.reason.grant-expired",
    "grant-paused": "log.reason.grant-paused",
    "grant-not-yet": "log.reason.grant-not-yet",
    "wrong-recipient": "log.reason.wrong-recipient",
    "wrong-client": "log.reason.wrong-client",
    "not-covered": "log.reason.not-covered",
    "purpose-not-granted": "log.reason.purpose-not-granted",
    "not-the-owner": "log.reason.not-the-owner",
    "document-gone": "log.reason.document-gone",
    "document-unreadable": "log.reason.document-unreadable",
    "outside-contract": "log.reason.outside-contract",
    "contract-ended": "log.reason.contract-ended",
    "contract-not-yet": "log.reason.contract-not-yet",
    "participant-suspended": "log.reason.participant-suspended",
}

# What came of it: the word on the line and in the filter, and the tone that colours it.
OUTCOMES: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.GIVEN: ("log.outcome.given", "good"),
    Outcome.REFUSED: ("log.outcome.refused", "bad"),
    Outcome.ASKED: ("log.outcome.asked", ""),
    Outcome.DECIDED: ("log.outcome.decided", ""),
    Outcome.ENDED: ("log.outcome.ended", ""),
    Outcome.RECEIVED: ("log.outcome.received", ""),
    Outcome.CHANGED: ("log.outcome.changed", ""),
}

_STOPPED: Final = frozenset(
    [AuditEvent.GRANT_READ_REFUSED, AuditEvent.REQUEST_REJECTED, AuditEvent.MESSAGE_REFUSED, AuditEvent.ITEM_REFUSED]
    + [AuditEvent.SIGN_IN_REFUSED, AuditEvent.CONSENT_REFUSED]
)


@dataclass(frozen=True, slots=True)
class Named:
    """A document as people know it, and where it can be looked at."""

    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a line names but does not spell out: `holders` by permission, `documents` by path in the pod. What is not
    here any more has no name."""

    holders: Mapping[str, str]
    documents: Mapping[str, Named]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, in words."""

    number: int
    at: datetime
    who: str
    did: str
    outcome: str
    tone: str  # good, bad or nothing: colour helps, the word tells
    refused: bool
    documents: tuple[Named, ...]
    fields: tuple[str, ...]
    why: str | None
    reason: str | None
    how: str | None
    grant: str | None
    with_whom: str  # whose permission it is


def tell(lines: Iterable[HistoryLine], names: Names, tongue: Tongue) -> tuple[LogLine, ...]:
    """Lines of the log in one language."""
    return tuple(_line(line, names, tongue) for line in lines)


def _line(line: HistoryLine, names: Names, tongue: Tongue) -> LogLine:
    refused = line.event in _STOPPED
    word, tone = OUTCOMES[Outcome.REFUSED] if refused else OUTCOMES[line.outcome]
    return LogLine(
        number=line.number,
        at=line.at,
        who=_who(line, tongue),
        did=_did(line, tongue),
        outcome=tongue.say(word),
        tone=tone,
        refused=refused,
        documents=tuple(names.documents[path] for path in line.documents if path in names.documents),
        fields=tuple(capital(tongue.pick(labels)) for what in line.what for labels in what.fields),
        why=tongue.aim(line.purpose),
        reason=_reason(line.reason, tongue) if refused and line.reason else None,
        how=tongue.say("log.how.api", client=clean(line.client, _CLIENT_CHARACTERS)) if line.client else None,
        grant=line.grant,
        # Who tried may be somebody else than who was given the permission.
        with_whom=clean(names.holders.get(line.grant or "", line.name), NAME_CHARACTERS),
    )


def _who(line: HistoryLine, tongue: Tongue) -> str:
    """Who did it. No WebID is ever shown (UX-30)."""
    match line.who:
        case Who.CITIZEN:
            return tongue.say("log.you")
        case Who.SERVER:
            return tongue.say("log.server")
        case Who.ORGANISATION:
            return clean(line.name, NAME_CHARACTERS)
        case Who.STRANGER:
            return tongue.say("log.somebody")


def _did(line: HistoryLine, tongue: Tongue) -> str:
    organisation = clean(line.name, NAME_CHARACTERS) or tongue.say("who.unknown")
    named = " + ".join(tongue.pick(what.labels) for what in line.what) or tongue.say("log.data")
    sentence = SENTENCES[line.event] if line.news else _NOTHING_NEW
    return tongue.say(sentence, who=organisation, what=named, name=_name(line.resource, tongue))


def _name(path: str | None, tongue: Tongue) -> str:
    """A document by the last part of its path, as people read it; the whole vault by its own word."""
    bare = (path or "").removesuffix(".acl").removesuffix(".meta").rstrip("/")
    return clean(unquote(bare.rsplit("/", 1)[-1]), NAME_CHARACTERS) or tongue.say("folder.root")


def _reason(slug: str, tongue: Tongue) -> str:
    """The reason in words; of an advice rule, what the rule says."""
    if slug in REASONS:
        return tongue.say(REASONS[slug])
    rule = next((rule for rule in tongue.catalogue.rules if rule.slug == slug), None)
    return capital(tongue.pick(rule.texts)) if rule else tongue.say("log.reason.unknown")
