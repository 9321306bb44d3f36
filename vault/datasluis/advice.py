"""Advice rules of DGA art. 12(m): what the law and the citizen's interest say about a question.

The rules are data (`Catalogue.rules`); the triggers are the table of small functions below, keyed by a rule's `when`. A
rule whose trigger nobody knows always hits: unknown is never yes, and a mistake in the data shows at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vault.datasluis.catalogue import Catalogue, DataType, Rule, RuleClass, is_narrower
from vault.datasluis.requests import AccessRequest, Asked, RequestState, Terms

Fields = tuple[tuple[str, tuple[str, ...]], ...]  # data type key → field keys

_CONSENT = "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a"
_DURATION = re.compile(r"P(?=\d)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?")


@dataclass(frozen=True, slots=True)
class Considered:
    """What the rules look at: a question as it was asked, or the part of it that is switched on."""

    purpose: str | None
    asked: tuple[Asked, ...]
    until: datetime | None
    terms: Terms
    at: datetime
    admitted: bool = True  # the operator's contract covers it
    self_declared: bool = False  # a document among those shown is the citizen's own word
    refused_before: bool = False
    asked_before: frozenset[tuple[str, str]] | None = None  # (data type, field) of the last time; None: never


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that applies: to which fields, what it names, and the lesser thing that would do."""

    rule: Rule
    fields: Fields = ()
    about: tuple[str, ...] = ()  # IRIs of places, names of recipients
    enough: Fields = ()
    sooner: datetime | None = None


Trigger = Callable[[Considered, Rule, Catalogue], Hit | None]


def advise(considered: Considered, catalogue: Catalogue) -> tuple[Hit, ...]:
    """The rules that apply, in the order of the catalogue."""
    found = (TRIGGERS.get(rule.when, _always)(considered, rule, catalogue) for rule in catalogue.rules)
    return tuple(hit for hit in found if hit is not None)


def blocking(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    return tuple(hit for hit in hits if hit.rule.severity is RuleClass.BLOCK)


def locked(hits: Iterable[Hit]) -> frozenset[tuple[str, str]]:
    """The (data type, field) pairs that nobody can switch on."""
    return frozenset((data_type, key) for hit in blocking(hits) for data_type, keys in hit.fields for key in keys)


def considered_request(request: AccessRequest, *, admitted: bool, earlier: Iterable[AccessRequest] = ()) -> Considered:
    """A stored request as the rules see it; `earlier` are requests of the same organisation to the same citizen."""
    return with_earlier(
        Considered(request.purpose, request.asked, request.until, request.terms, request.submitted, admitted),
        (other for other in earlier if other.id != request.id and other.submitted <= request.submitted),
    )


def with_earlier(considered: Considered, earlier: Iterable[AccessRequest]) -> Considered:
    """Adds what went before: a refusal, and what was asked the last time."""
    before = sorted(earlier, key=lambda request: request.submitted)
    if not before:
        return considered
    last = frozenset((asked.data_type, key) for asked in before[-1].asked for key in asked.fields)
    refused = any(request.state is RequestState.REFUSED for request in before)
    return replace(considered, refused_before=refused, asked_before=last)


def days_of(duration: str) -> int | None:
    """An ISO 8601 duration of years, months, weeks and days, in days; a month counts 31, a year 366. None: not one."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        return None
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return years * 366 + months * 31 + weeks * 7 + days


def _always(considered: Considered, rule: Rule, _catalogue: Catalogue) -> Hit:
    return Hit(rule, _all_fields(considered))


def _data(considered: Considered, rule: Rule, catalogue: Catalogue) -> Hit | None:
    """Data equal to or narrower than the rule's, for a purpose equal to or narrower than the rule's.

    A whole data type counts with every field of it: a bracket or a period of a pay slip is still pay (A1).
    """
    if not _purpose_fits(considered.purpose, rule, catalogue):
        return None
    found = tuple((asked.data_type, keys) for asked in considered.asked if (keys := _matching(asked, rule, catalogue)))
    return Hit(rule, found) if found else None


def _matching(asked: Asked, rule: Rule, catalogue: Catalogue) -> tuple[str, ...]:
    data_type = catalogue.data_type(asked.data_type)
    names = (asked.data_type,) if data_type is None else (data_type.iri, *data_type.broader)
    if _below(names, rule.data, catalogue):
        return asked.fields
    return tuple(key for key in asked.fields if _below(_wider_of(data_type, key), rule.data, catalogue))


def _wider_of(data_type: DataType | None, key: str) -> tuple[str, ...]:
    field = data_type.field(key) if data_type is not None else None
    return (key,) if field is None else field.broader


def _no_legal_basis(considered: Considered, rule: Rule, _catalogue: Catalogue) -> Hit | None:
    return Hit(rule) if not considered.terms.legal_basis else None


def _consent_claimed(considered: Considered, rule: Rule, catalogue: Catalogue) -> Hit | None:
    basis = considered.terms.legal_basis or ""
    claimed = basis == _CONSENT or basis.startswith(_CONSENT + "-")
    return Hit(rule) if claimed and _purpose_fits(considered.purpose, rule, catalogue) else None


def _beyond_enough(considered: Considered, rule: Rule, catalogue: Catalogue) -> Hit | None:
    purpose = catalogue.purposes.get(considered.purpose or "")
    if purpose is None:
        return None
    enough = tuple((key, tuple(fields)) for key, fields in purpose.enough.items())
    beyond = tuple(
        (asked.data_type, extra)
        for asked in considered.asked
        if (extra := tuple(k for k in asked.fields if k not in purpose.enough.get(asked.data_type, ())))
    )
    return Hit(rule, beyond, enough=enough) if beyond else None


def _too_long(considered: Considered, rule: Rule, catalogue: Catalogue) -> Hit | None:
    purpose = catalogue.purposes.get(considered.purpose or "")
    if purpose is None:
        return None
    usual = considered.at + timedelta(days=purpose.max_days)
    kept = days_of(considered.terms.retention or "") or 0
    late = considered.until is not None and considered.until > usual
    if not late and kept <= purpose.max_retention_days:
        return None
    return Hit(rule, sooner=usual if late else None)


def _outside(considered: Considered, rule: Rule, catalogue: Catalogue) -> Hit | None:
    """A place of processing, or the law that applies, that is not within the rule's area."""
    places = [*considered.terms.locations, *filter(None, [considered.terms.jurisdiction])]
    outside = tuple(dict.fromkeys(place for place in places if not _below((place,), rule.data, catalogue)))
    return Hit(rule, _all_fields(considered), about=outside) if outside else None


def _automated(considered: Considered, rule: Rule, _catalogue: Catalogue) -> Hit | None:
    return Hit(rule) if considered.terms.automated_decision else None


def _recipients(considered: Considered, rule: Rule, _catalogue: Catalogue) -> Hit | None:
    return Hit(rule, about=considered.terms.recipients) if considered.terms.recipients else None


def _no_contract(considered: Considered, rule: Rule, _catalogue: Catalogue) -> Hit | None:
    return None if considered.admitted else Hit(rule)


def _self_declared(considered: Considered, rule: Rule, _catalogue: Catalogue) -> Hit | None:
    return Hit(rule) if considered.self_declared else None


def _asked_before(considered: Considered, rule: Rule, _catalogue: Catalogue) -> Hit | None:
    """Refused earlier, or asked for less the last time; the fields are the difference."""
    before = considered.asked_before
    if before is None:
        return None
    more = tuple(
        (asked.data_type, extra)
        for asked in considered.asked
        if (extra := tuple(key for key in asked.fields if (asked.data_type, key) not in before))
    )
    return Hit(rule, more) if more or considered.refused_before else None


TRIGGERS: Mapping[str, Trigger] = {
    "data": _data,
    "no-legal-basis": _no_legal_basis,
    "consent-claimed": _consent_claimed,
    "beyond-enough": _beyond_enough,
    "too-long": _too_long,
    "outside": _outside,
    "automated-decision": _automated,
    "onward-recipients": _recipients,
    "no-contract": _no_contract,
    "self-declared": _self_declared,
    "asked-before": _asked_before,
}


def _purpose_fits(purpose: str | None, rule: Rule, catalogue: Catalogue) -> bool:
    return not rule.purposes or (purpose is not None and _below((purpose,), rule.purposes, catalogue))


def _below(names: Iterable[str], wider: Iterable[str], catalogue: Catalogue) -> bool:
    """⊑: equal, or narrower by skos:broader."""
    above = tuple(wider)
    return any(name == one or is_narrower(catalogue, name, one) for name in names for one in above)


def _all_fields(considered: Considered) -> Fields:
    return tuple((asked.data_type, asked.fields) for asked in considered.asked)
