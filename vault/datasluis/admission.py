"""What a request must say: everything under the strict profile, less under the compatible one (datasluis.md section 4).

A refused request is told every missing and every forbidden member at once, by the names it sent them under.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from vault.datasluis.advice import days_of
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.registry import Admission, Participant, contract_end
from vault.datasluis.requests import Asked, Terms, plain_text
from vault.errors import Malformed
from vault.values import WebId

LEGAL_BASES = "https://w3id.org/dpv/legal/eu/gdpr#"
PLACES = "https://w3id.org/dpv/loc#"
TEXT_CHARACTERS = 500
NAME_CHARACTERS = 120
MAX_ENTRIES = 20
FURTHEST_END = timedelta(days=36_525)  # a century: no calendar ends in it, wherever on earth it is read


@dataclass(frozen=True, slots=True)
class DraftTerms:
    """Terms as they were sent; None is "not said", which is not the same as an empty list."""

    legal_basis: str | None = None
    retention: str | None = None
    recipients: tuple[str, ...] | None = None
    locations: tuple[str, ...] | None = None
    jurisdiction: str | None = None
    notice: str | None = None
    reason: str | None = None
    consequence: str | None = None
    automated_decision: bool = False


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """A question as it was sent: well-formed, and nothing more."""

    citizen: WebId
    asked: tuple[Asked, ...]
    purpose: str | None = None
    until: datetime | None = None
    terms: DraftTerms = field(default_factory=DraftTerms)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A draft that may be shown to a citizen, in our own words for data types, with what it left unsaid."""

    asked: tuple[Asked, ...]
    terms: Terms
    warnings: tuple[str, ...] = ()  # what would have been refused under the strict profile


def named_types(draft: RequestDraft, catalogue: Catalogue) -> RequestDraft:
    """The same draft with data types by key where the catalogue knows them, whichever way they were named, and an
    empty purpose as none."""
    asked = tuple(Asked(_key(a.data_type, catalogue), a.required, a.optional) for a in draft.asked)
    return RequestDraft(draft.citizen, asked, draft.purpose or None, draft.until, draft.terms)


def check_admitted(draft: RequestDraft, *, participant: Participant, catalogue: Catalogue, now: datetime) -> Admitted:
    """Raises Malformed with the members `missing` and `forbidden`; both are complete.

    Under the compatible profile only what cannot be understood is refused; the rest becomes a warning.
    """
    missing = list(_missing(draft))
    unreadable = list(_unreadable(draft, catalogue, now))
    unfit = list(_unfit(draft, participant, catalogue, now))
    compatible = participant.admission is Admission.COMPATIBLE
    refused_missing = [name for name in missing if name == "data"] if compatible else missing
    refused = unreadable if compatible else list(dict.fromkeys((*unreadable, *unfit)))
    if refused_missing or refused:
        raise Malformed(
            "request-incomplete",
            "The request does not say what it has to say, or asks what it may not ask.",
            facts={"missing": refused_missing, "forbidden": refused},
        )
    return Admitted(draft.asked, _terms(draft.terms, tuple(missing)), (*missing, *unfit))


def _missing(draft: RequestDraft) -> Iterator[str]:
    terms = draft.terms
    said = {
        "purpose": draft.purpose,
        "until": draft.until,
        "terms.legalBasis": terms.legal_basis,
        "terms.retention": terms.retention,
        "terms.locations": terms.locations,
        "terms.jurisdiction": terms.jurisdiction,
        "terms.notice": terms.notice,
    }
    if not draft.asked or not any(asked.fields for asked in draft.asked):
        yield "data"
    yield from (name for name, value in said.items() if not value)
    if terms.recipients is None:  # an empty list says "nobody"
        yield "terms.recipients"


def _unreadable(draft: RequestDraft, catalogue: Catalogue, now: datetime) -> Iterator[str]:
    """What no profile accepts: it could not be kept, shown or checked."""
    seen: set[str] = set()
    for index, asked in enumerate(draft.asked):
        data_type = catalogue.data_types.get(asked.data_type)
        if data_type is None or asked.data_type in seen:
            yield f"data[{index}].type"
            continue
        seen.add(asked.data_type)
        known = {one.key for one in data_type.fields}
        yield from (f"data[{index}].{key}" for key in asked.fields if key not in known)
        yield from (f"data[{index}].{key}" for key in sorted({k for k in asked.fields if asked.fields.count(k) > 1}))
    if len(draft.asked) > MAX_ENTRIES:
        yield "data"
    if draft.until is not None and (draft.until.tzinfo is None or not now < draft.until < now + FURTHEST_END):
        yield "until"
    terms = draft.terms
    yield from _lists_too_long(terms)
    if terms.recipients and not any(plain_text(name, NAME_CHARACTERS) for name in terms.recipients):
        yield "terms.recipients"  # names of blanks would be shown as nobody
    if terms.retention and days_of(terms.retention) is None:
        yield "terms.retention"
    if terms.notice and not _is_web_address(terms.notice):
        yield "terms.notice"
    for name, iri in (("purpose", draft.purpose), ("terms.legalBasis", terms.legal_basis)):
        if iri and not _is_iri(iri):
            yield name


def _lists_too_long(terms: DraftTerms) -> Iterator[str]:
    for name, entries in (("recipients", terms.recipients), ("locations", terms.locations)):
        if len(entries or ()) > MAX_ENTRIES:
            yield f"terms.{name}"


def _unfit(draft: RequestDraft, participant: Participant, catalogue: Catalogue, now: datetime) -> Iterator[str]:
    """What the strict profile refuses: unknown to the catalogue, or longer than the contract."""
    terms = draft.terms
    if draft.purpose and _is_iri(draft.purpose) and draft.purpose not in catalogue.purposes:
        yield "purpose"  # dpv:HiringManagement, seen in demos, does not exist
    end = contract_end(participant, now)
    if draft.until is not None and draft.until.tzinfo is not None and end is not None and draft.until > end:
        yield "until"
    basis = terms.legal_basis
    if basis and _is_iri(basis) and not _is_concept(basis, LEGAL_BASES, catalogue):
        yield "terms.legalBasis"
    for index, place in enumerate(terms.locations or ()):
        if not _is_concept(place, PLACES, catalogue):
            yield f"terms.locations[{index}]"
    if terms.jurisdiction and not _is_concept(terms.jurisdiction, PLACES, catalogue):
        yield "terms.jurisdiction"


def _terms(draft: DraftTerms, missing: tuple[str, ...]) -> Terms:
    recipients = (plain_text(name, NAME_CHARACTERS) for name in draft.recipients or ())
    return Terms(
        legal_basis=draft.legal_basis or None,
        retention=draft.retention or None,
        recipients=tuple(name for name in recipients if name),
        locations=tuple(plain_text(place, NAME_CHARACTERS) for place in draft.locations or ()),
        notice=draft.notice or None,
        reason=_shown(draft.reason),
        consequence=_shown(draft.consequence),
        automated_decision=draft.automated_decision,
        jurisdiction=plain_text(draft.jurisdiction, NAME_CHARACTERS) if draft.jurisdiction else None,
        unstated=missing,
    )


def _shown(text: str | None) -> str | None:
    return (plain_text(text, TEXT_CHARACTERS) or None) if text else None


def _key(name: str, catalogue: Catalogue) -> str:
    found = catalogue.data_type(name)
    return name if found is None else found.key


def _is_concept(iri: str, namespace: str, catalogue: Catalogue) -> bool:
    return iri.startswith(namespace) and iri in catalogue.concepts


def _is_iri(text: str) -> bool:
    return len(text) <= 2048 and ":" in text and not any(ch <= " " or ch in '<>"{}|\\^`\x7f' for ch in text)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return _is_iri(text) and text.isprintable() and parts.scheme in ("https", "http") and bool(parts.hostname)
