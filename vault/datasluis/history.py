"""The citizen's log as readable values: who, what, why, when, how, and with which outcome (UX-19).

A line carries labels and keys, never sentences: the pages and the exports put them into words. The export of the raw
entries holds all that is needed to verify the chain without us (UX-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.audit import AuditEntry, AuditEvent
from vault.datasluis.catalogue import Catalogue, Labels
from vault.datasluis.deposits import Fate
from vault.datasluis.ports import DatasluisWork
from vault.values import PodName, WebId

SCAN = 5000  # entries looked at for one page of a filtered log
_BATCH = 500


class Outcome(StrEnum):
    """What became of it, in one word that the pages translate."""

    GIVEN = "given"  # data left
    REFUSED = "refused"  # data was asked for under a grant, and stayed
    ASKED = "asked"
    DECIDED = "decided"  # by the citizen
    ENDED = "ended"  # by the clock, or by the organisation
    RECEIVED = "received"  # from a source
    CHANGED = "changed"  # in the vault itself


class Who(StrEnum):
    CITIZEN = "citizen"
    ORGANISATION = "organisation"
    SERVER = "server"  # the clock, the operator
    STRANGER = "stranger"  # somebody with a WebID who is no participant


_OUTCOMES: Mapping[AuditEvent, Outcome] = {
    AuditEvent.GRANT_READ: Outcome.GIVEN,
    AuditEvent.GRANT_READ_REFUSED: Outcome.REFUSED,
    AuditEvent.REQUEST_SUBMITTED: Outcome.ASKED,
    AuditEvent.REQUEST_REFUSED: Outcome.DECIDED,
    AuditEvent.GRANT_ISSUED: Outcome.DECIDED,
    AuditEvent.GRANT_PAUSED: Outcome.DECIDED,
    AuditEvent.GRANT_RESUMED: Outcome.DECIDED,
    AuditEvent.GRANT_REVOKED: Outcome.DECIDED,
    AuditEvent.REQUEST_WITHDRAWN: Outcome.ENDED,
    AuditEvent.REQUEST_EXPIRED: Outcome.ENDED,
    AuditEvent.GRANT_EXPIRED: Outcome.ENDED,
    AuditEvent.MESSAGE_DEPOSITED: Outcome.RECEIVED,
    AuditEvent.MESSAGE_REFUSED: Outcome.RECEIVED,
    AuditEvent.ITEM_REFUSED: Outcome.RECEIVED,
}
_COLUMNS = ("number", "time", "event", "outcome", "who", "organisation", "client", "data", "fields", "purpose") + (
    "grant", "request", "how", "reason", "digest", "document",
)  # fmt: skip
_NEWS = tuple(fate.value for fate in Fate if fate.was_written)
_SERVER_ACTORS = frozenset(["clock", "operator", "server"])
_GRANT_AREA = "datasluis:grant:"


@dataclass(frozen=True, slots=True)
class What:
    """One kind of data, and the fields of it that the line is about."""

    data_type: str
    labels: Labels
    fields: tuple[Labels, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of the log. `name`: the organisation's legal name at that moment, empty for the citizen herself."""

    number: int
    at: datetime
    event: AuditEvent
    outcome: Outcome
    who: Who
    name: str
    client: str | None
    what: tuple[What, ...]
    resource: str | None  # path in the pod: for the expert view
    documents: tuple[str, ...]  # paths of the citizen's documents that it is about
    news: bool  # False for a delivery that brought nothing new
    purpose: str | None
    why: Labels | None  # the purpose in words; None when it is not one of the catalogue
    grant: str | None
    request: str | None
    how: str  # api, page, or empty for the server's own acts
    reason: str | None  # slug of a refusal
    digest: str | None  # of what left

    @property
    def key(self) -> str:
        """The message id of the sentence for this line: "log.event.datasluis.grant.read"."""
        return "log.event." + self.event.value.replace(":", ".")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters; what is None does not narrow."""

    outcome: Outcome | None = None
    organisation: str | None = None  # legal name, as the log has it
    data_type: str | None = None
    grant: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    lock_only: bool = True  # without the vault's own housekeeping: resources written, signing in

    def __call__(self, line: HistoryLine) -> bool:
        return (
            (self.outcome is None or line.outcome is self.outcome)
            and (self.organisation is None or line.name == self.organisation)
            and (self.data_type is None or any(what.data_type == self.data_type for what in line.what))
            and (self.grant is None or line.grant == self.grant)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at < self.until)
            and (not self.lock_only or line.event.value.startswith("datasluis:"))
        )


EVERYTHING = Wanted(lock_only=False)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Newest first. `before`: the number to go on from; None at the end of the log."""

    lines: tuple[HistoryLine, ...]
    before: int | None


async def read_history(
    work: DatasluisWork,
    *,
    pod: PodName,
    citizen: WebId,
    catalogue: Catalogue,
    wanted: Wanted = EVERYTHING,
    before: int | None = None,
    limit: int = 50,
) -> HistoryPage:
    """One page of the log of one pod. A filter that finds little stops after SCAN entries and says where to go on."""
    lines: list[HistoryLine] = []
    at, scanned = before or 0, 0
    while scanned < SCAN:
        entries = await work.audit.entries(pod, after=at, limit=_BATCH, newest_first=True)
        for entry in entries:
            at, scanned = entry.number, scanned + 1
            line = line_of(entry, citizen=citizen, catalogue=catalogue)
            if wanted(line):
                lines.append(line)
            if len(lines) == limit:
                return HistoryPage(tuple(lines), at if at > 1 else None)
            if wanted.since is not None and entry.at < wanted.since:
                return HistoryPage(tuple(lines), None)
        if len(entries) < _BATCH or at <= 1:
            return HistoryPage(tuple(lines), None)
    return HistoryPage(tuple(lines), at)


async def organisations(work: DatasluisWork, *, pod: PodName) -> tuple[str, ...]:
    """The names a filter can offer: every organisation that asked for or holds something here, or delivered it."""
    found = {request.data_user for request in await work.requests.for_pod(pod, limit=_BATCH)}
    found |= {grant.data_user for grant in await work.grants.for_pod(pod, limit=_BATCH)}
    found |= {deposited.source for deposited in await work.deposits.for_pod(pod)}
    known = [await work.participants.get(participant) for participant in sorted(found)]
    return tuple(sorted(one.legal_name for one in known if one is not None))


def line_of(entry: AuditEntry, *, citizen: WebId, catalogue: Catalogue) -> HistoryLine:
    """One entry in the words of the catalogue."""
    facts = entry.facts
    about_grant = entry.event.value.startswith(_GRANT_AREA)
    about_request = entry.event.value.startswith("datasluis:request:")
    purpose = facts.get("purpose")
    known = catalogue.purposes.get(purpose or "")
    return HistoryLine(
        number=entry.number,
        at=entry.at,
        event=entry.event,
        outcome=_OUTCOMES.get(entry.event, Outcome.CHANGED),
        who=_who(entry, citizen),
        name=facts.get("organisation", ""),
        client=facts.get("client"),
        what=_what(facts, catalogue),
        resource=facts.get("resource") or (entry.subject if entry.event.value.startswith("solid:") else None),
        documents=_documents(facts),
        news=entry.event is not AuditEvent.MESSAGE_DEPOSITED or any(facts.get(fate) for fate in _NEWS),
        purpose=purpose,
        why=known.labels if known else None,
        grant=entry.subject if about_grant else None,
        request=entry.subject if about_request else facts.get("request"),
        how=facts.get("how", ""),
        reason=facts.get("reason"),
        digest=facts.get("digest"),
    )


def csv_rows(lines: Iterable[HistoryLine], language: str) -> list[tuple[str, ...]]:
    """A header and a row for each line. No cell can be taken for a formula by a spreadsheet (ATK-34)."""
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for line in lines:
        data = "; ".join(what.labels[language] for what in line.what)
        fields = "; ".join(label[language] for what in line.what for label in what.fields)
        purpose = line.why[language] if line.why else line.purpose or ""
        cells = [str(line.number), line.at.isoformat(), line.event.value, line.outcome.value, line.who.value]
        cells += [line.name, line.client or "", data, fields, purpose, line.grant or "", line.request or ""]
        cells += [line.how, line.reason or "", line.digest or "", "; ".join(line.documents)]
        rows.append(tuple(_cell(cell) for cell in cells))
    return rows


def entry_record(entry: AuditEntry) -> dict[str, object]:
    """One entry as it stands in the chain, for a JSON export: these members are what its digest is made of."""
    return {
        "pod": entry.pod,
        "number": entry.number,
        "at": entry.at.isoformat(),
        "event": entry.event.value,
        "actor": entry.actor,
        "subject": entry.subject,
        "facts": dict(entry.facts),
        "previous": entry.previous,
        "digest": entry.digest,
    }


def _who(entry: AuditEntry, citizen: WebId) -> Who:
    if entry.actor == citizen:
        return Who.CITIZEN
    if entry.actor in _SERVER_ACTORS:
        return Who.SERVER
    return Who.ORGANISATION if entry.facts.get("organisation") else Who.STRANGER


def _documents(facts: Mapping[str, str]) -> tuple[str, ...]:
    """The one that was read or tried, or all those of an approval."""
    named = [path for name, path in facts.items() if name == "resource" or name.startswith("resource.")]
    return tuple(dict.fromkeys(named))


def _what(facts: Mapping[str, str], catalogue: Catalogue) -> tuple[What, ...]:
    """From `data` and `fields`, or from the `fields.{item}` of an approval."""
    items = {name.removeprefix("fields."): keys for name, keys in facts.items() if name.startswith("fields.")}
    found: dict[str, list[str]] = {key: [] for key in facts.get("data", "").split()}
    for item, keys in items.items():
        found.setdefault(item.rpartition("-")[0], []).extend(keys.split())
    if len(found) == 1 and "fields" in facts:
        next(iter(found.values())).extend(facts["fields"].split())
    shown = []
    for key, chosen in found.items():
        data_type = catalogue.data_type(key)
        if data_type is None:
            continue
        fields = (data_type.field(one) for one in dict.fromkeys(chosen))
        shown.append(What(data_type.key, data_type.labels, tuple(one.labels for one in fields if one is not None)))
    return tuple(shown)


def _cell(text: str) -> str:
    """A leading = + - @ or tab makes some spreadsheets calculate: an apostrophe in front keeps it text."""
    clean = "".join(" " if ch in "\r\n\t" else ch for ch in text if ch in "\r\n\t" or ch.isprintable())
    return f"'{clean}" if clean[:1] in ("=", "+", "-", "@") else clean
