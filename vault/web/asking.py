"""The page of one request, as values: from what the lock prepared to what the template shows.

Nothing on it is ticked beforehand (UX-04, UX-07); what the citizen typed comes back when something was missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Final

from vault.datasluis.advice import Hit
from vault.datasluis.catalogue import RuleClass
from vault.datasluis.preview import AskedPreview, DocumentPreview, FieldPreview, RequestPreview
from vault.datasluis.requests import Asked, Terms, state_at
from vault.values import RequestId
from vault.web.locales import end_of_day, in_days, listed
from vault.web.showing import FieldLine, Origin, field_line, field_lines, heading, origin
from vault.web.wording import (
    NAME_CHARACTERS,
    TEXT_CHARACTERS,
    Organisation,
    Tongue,
    capital,
    clean,
    link,
    organisation,
    shown_link,
)

_DAYS: Final = (7, 30)
KINDS_OF_ADVICE: Final[Mapping[RuleClass, tuple[str, str]]] = {
    RuleClass.BLOCK: ("request.advice.block", "bad"),
    RuleClass.WARN: ("request.advice.warn", "warn"),
    RuleClass.HINT: ("request.advice.hint", ""),
}
_ABOUT_FIELDS: Final = frozenset(["beyond-enough", "asked-before"])  # triggers whose fields are worth naming


@dataclass(frozen=True, slots=True)
class Answer:
    """What the form said, as it was sent: document paths, and "path key" for each field switched on or left out."""

    documents: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    omitted: frozenset[str] = frozenset()
    until: str = ""
    date: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """One rule of advice: how strong, what it says, and where the law says so."""

    tone: str
    kind: str
    text: str
    about: str  # what it is about by name: places, recipients, fields; empty when it is about the whole
    law: str


@dataclass(frozen=True, slots=True)
class AskedField:
    """One field of one document, with the value that would leave now."""

    id: str
    key: str
    name: str
    values: tuple[str, ...]
    sensitive: bool
    locked: bool
    chosen: bool  # an optional one: ticked; a required one: marked to be left out


@dataclass(frozen=True, slots=True)
class AskedDocument:
    """One document that could be shared."""

    id: str
    path: str
    title: str
    origin: Origin
    chosen: bool
    required: tuple[AskedField, ...]
    optional: tuple[AskedField, ...]


@dataclass(frozen=True, slots=True)
class AskedType:
    """One kind of document that was asked; `closed` names what stays shut of it (UX-05)."""

    key: str
    name: str
    documents: tuple[AskedDocument, ...]
    closed: tuple[str, ...]
    unreadable: int
    older: int
    blocked: bool
    problem: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of document with the fields that were asked of it: what a closed request still tells."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duration:
    """One way to say how long, with the exact end it means (UX-06)."""

    value: str
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One request, with everything the law and good sense want the citizen to know before she answers."""

    template: ClassVar[str] = "datasluis/request.html"
    nav: ClassVar[str] = "home"
    id: RequestId
    version: int
    who: Organisation
    purpose: str | None
    reason: str | None
    legal_basis: str | None
    retention: str | None
    recipients: tuple[str, ...] | None  # None: it did not say
    places: tuple[str, ...]
    automated: bool
    notice: str
    notice_shown: str
    consequence: str | None
    advice: tuple[Advice, ...]
    types: tuple[AskedType, ...]
    asked: tuple[Question, ...]
    durations: tuple[Duration, ...]
    earliest: date
    latest: date
    lapses: datetime
    open: bool
    state: str
    decided: datetime | None
    answer: Answer
    problems: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False

    @property
    def back(self) -> str:
        """Where the language switch leads when this page answers a form."""
        return f"/my/requests/{self.id}"

    @property
    def can_approve(self) -> bool:
        """Whether there is anything to give at all."""
        return any(type_.documents and not type_.blocked for type_ in self.types)

    @property
    def has_receipt(self) -> bool:
        return self.state in ("approved", "refused")

    @property
    def own_date(self) -> bool:
        """Whether any day is left to choose."""
        return self.earliest <= self.latest


def request_page(
    found: RequestPreview,
    tongue: Tongue,
    now: datetime,
    *,
    answer: Answer | None = None,
    problems: Mapping[str, str] | None = None,
    changed: bool = False,
) -> RequestPage:
    """The page, with the answer as it was typed so far."""
    request, terms, answer, problems = found.request, found.request.terms, answer or Answer(), problems or {}
    state = state_at(request, now)
    notice = link(terms.notice or "")
    return RequestPage(
        id=request.id,
        version=request.version,
        who=organisation(found.participant, tongue, verified=found.admitted),
        purpose=tongue.purpose(request.purpose),
        reason=_own(terms.reason),
        legal_basis=capital(tongue.concept(terms.legal_basis)) if terms.legal_basis else None,
        retention=terms.retention,
        recipients=_recipients(terms),
        places=tuple(tongue.concept(place) for place in terms.locations),
        automated=terms.automated_decision,
        notice=notice,
        notice_shown=shown_link(notice),
        consequence=_own(terms.consequence),
        advice=tuple(_advice(hit, tongue) for hit in found.advice),
        types=tuple(_type(number, one, answer, problems, tongue) for number, one in enumerate(found.asked)),
        asked=tuple(_question(one, tongue) for one in request.asked),
        durations=durations(found, tongue, now),
        earliest=in_days(now, 1),
        latest=in_days(found.latest, 0),
        lapses=request.lapses,
        open=state.value == "pending",
        state=state.value,
        decided=request.decided,
        answer=answer,
        problems=problems,
        changed=changed,
    )


def durations(found: RequestPreview, tongue: Tongue, now: datetime) -> tuple[Duration, ...]:
    """7 days, 30 days, and as long as was asked; only those that the rules allow."""
    latest = found.latest
    offered = [
        Duration(str(days), tongue.say("request.days", n=days), until_day(in_days(now, days), latest))
        for days in _DAYS
        if in_days(now, days) <= in_days(latest, 0)
    ]
    if found.request.until is not None:
        whole = found.request.until <= latest
        offered.append(
            Duration("asked", tongue.say("request.until-asked" if whole else "request.until-allowed"), latest)
        )
    return tuple(offered)


def until_day(chosen: date, latest: datetime) -> datetime:
    """The end of that day in Brussels, and never later than is allowed."""
    return min(end_of_day(chosen), latest)


def _recipients(terms: Terms) -> tuple[str, ...] | None:
    if not terms.recipients and any(name.endswith("recipients") for name in terms.unstated):
        return None
    return tuple(clean(name, NAME_CHARACTERS) for name in terms.recipients)


def _own(text: str | None) -> str | None:
    """The organisation's own words."""
    return clean(text, TEXT_CHARACTERS) or None if text else None


def _advice(hit: Hit, tongue: Tongue) -> Advice:
    kind, tone = KINDS_OF_ADVICE[hit.rule.severity]
    about = [tongue.concept(name) if "://" in name else clean(name, NAME_CHARACTERS) for name in hit.about]
    if hit.rule.when in _ABOUT_FIELDS:
        about = [tongue.field(data_type, key) for data_type, keys in hit.fields for key in keys]
    text = capital(tongue.pick(hit.rule.texts))
    return Advice(tone, tongue.say(kind), text, listed(tongue.locale, about), tongue.pick(hit.rule.law))


def _question(asked: Asked, tongue: Tongue) -> Question:
    names = (capital(name) for name in tongue.fields(asked.data_type, asked.fields))
    return Question(capital(tongue.data_type(asked.data_type)), tuple(names))


def _type(number: int, one: AskedPreview, answer: Answer, problems: Mapping[str, str], tongue: Tongue) -> AskedType:
    key = one.data_type.key
    documents = tuple(
        _document(f"d{number}-{index}", document, one, answer, tongue) for index, document in enumerate(one.documents)
    )
    shut = dict.fromkeys(field.key for document in one.documents for field in document.closed)
    return AskedType(
        key=key,
        name=capital(tongue.pick(one.data_type.labels if len(documents) <= 1 else one.data_type.plural)),
        documents=documents,
        closed=tongue.fields(key, shut),
        unreadable=one.unreadable,
        older=one.older,
        blocked=bool(documents) and all(_all_locked(document) for document in one.documents),
        problem=problems.get(f"type-{key}"),
    )


def _all_locked(document: DocumentPreview) -> bool:
    return all(field.locked for field in document.fields)


def _document(ids: str, one: DocumentPreview, asked: AskedPreview, answer: Answer, tongue: Tongue) -> AskedDocument:
    path = one.url.path
    lines = field_lines(one.everything, tongue)
    fields = [
        (field.required, _field(f"{ids}-{index}", path, field, answer, tongue))
        for index, field in enumerate(one.fields)
    ]
    return AskedDocument(
        id=ids,
        path=path,
        title=heading(lines, asked.data_type, one.url, tongue),
        origin=origin(one.provenance, tongue),
        chosen=path in answer.documents,
        required=tuple(field for required, field in fields if required),
        optional=tuple(field for required, field in fields if not required),
    )


def _field(ids: str, path: str, one: FieldPreview, answer: Answer, tongue: Tongue) -> AskedField:
    line = field_line(one.shown, tongue) if one.shown else FieldLine(one.field.key, "", (), one.field.sensitive)
    named = f"{path} {one.field.key}"
    return AskedField(
        id=ids,
        key=one.field.key,
        name=capital(tongue.pick(one.field.labels)),
        values=line.values,
        sensitive=one.field.sensitive,
        locked=one.locked,
        chosen=named in (answer.omitted if one.required else answer.fields),
    )


def chosen_fields(document: DocumentPreview, answer: Answer) -> tuple[str, ...]:
    """What leaves of one document: the required fields that were not left out, and the optional ones ticked."""
    path = document.url.path
    return tuple(
        field.field.key
        for field in document.fields
        if not field.locked
        and (
            f"{path} {field.field.key}" not in answer.omitted
            if field.required
            else f"{path} {field.field.key}" in answer.fields
        )
    )


def chosen_documents(found: RequestPreview, answer: Answer) -> Sequence[DocumentPreview]:
    """The documents that were ticked. The only one of its kind needs no tick: the page names it by itself."""
    return [document for one in found.asked for document in one.documents if document.url.path in answer.documents]
