"""From the values of the lock to the words of a page: organisations, data types, fields, places, in one language.

What an organisation wrote is a stranger's text (ATK-05): one line, without control characters or writing-direction
tricks, cut to a length, and always escaped by the template.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from vault.datasluis.catalogue import Catalogue, Labels
from vault.datasluis.registry import Admission, Participant
from vault.web.locales import country, t

NAME_CHARACTERS = 120
TEXT_CHARACTERS = 500
URL_CHARACTERS = 200
_PLACE = "https://w3id.org/dpv/loc#"


class Say(Protocol):
    """`t` with the language filled in."""

    def __call__(self, key: str, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language over one catalogue: everything a page needs to name things."""

    locale: str
    catalogue: Catalogue

    @property
    def say(self) -> Say:
        return partial(t, self.locale)

    def pick(self, labels: Labels) -> str:
        return labels.get(self.locale) or next(iter(labels.values()), "")

    def purpose(self, iri: str | None) -> str | None:
        """The purpose as one plain sentence (UX-02); None when none was given."""
        if iri is None:
            return None
        known = self.catalogue.purposes.get(iri)
        return self.pick(known.sentence) if known else self.say("request.purpose-unknown")

    def aim(self, iri: str | None) -> str | None:
        """The purpose in a few words, for lists."""
        if iri is None:
            return None
        known = self.catalogue.purposes.get(iri)
        return capital(self.pick(known.labels)) if known else self.say("request.purpose-unknown")

    def data_type(self, key: str) -> str:
        known = self.catalogue.data_type(key)
        return self.pick(known.labels) if known else clean(key, NAME_CHARACTERS)

    def data_types(self, key: str) -> str:
        known = self.catalogue.data_type(key)
        return self.pick(known.plural) if known else clean(key, NAME_CHARACTERS)

    def field(self, data_type: str, key: str) -> str:
        known = self.catalogue.data_type(data_type)
        field = known.field(key) if known else None
        return self.pick(field.labels) if field else clean(key, NAME_CHARACTERS)

    def fields(self, data_type: str, keys: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.field(data_type, key) for key in keys)

    def concept(self, iri: str) -> str:
        """A concept's name; of one that the catalogue has no word for, the last part of its IRI (UX-30)."""
        labels = self.catalogue.label(iri)
        if labels:
            return self.pick(labels)
        if iri.startswith(_PLACE):
            return country(self.locale, iri.removeprefix(_PLACE))
        return clean(iri.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1], NAME_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who an organisation is, as the operator verified it when it was admitted (UX-01)."""

    name: str
    kbo: str
    website: str
    website_shown: str
    dpo_name: str
    dpo_email: str
    verified: bool
    mixed: bool  # letters of different scripts in the name: it may pose as another


def organisation(participant: Participant | None, tongue: Tongue, *, verified: bool | None = None) -> Organisation:
    """The card of one participant; of one that is no longer known, that it is so. `verified`: whether the operator
    vouches for it; by itself, when it was admitted with a contract and is not suspended."""
    if participant is None:
        return Organisation(tongue.say("who.unknown"), "–", "", "", "–", "", verified=False, mixed=False)
    name = clean(participant.legal_name, NAME_CHARACTERS)
    website = link(participant.website)
    return Organisation(
        name=name,
        kbo=enterprise_number(participant.kbo),
        website=website,
        website_shown=shown_link(website),
        dpo_name=clean(participant.dpo.name, NAME_CHARACTERS),
        dpo_email=email(participant.dpo.email),
        verified=_vouched_for(participant) if verified is None else verified,
        mixed=mixed_scripts(name),
    )


def _vouched_for(participant: Participant) -> bool:
    return participant.admission is Admission.STRICT and not participant.suspended


def clean(text: str, limit: int) -> str:
    """One line of a stranger's text: no control, format or private characters (bidi overrides and zero-width joiners
    are format characters), blanks folded, cut with an ellipsis."""
    kept = "".join(
        " " if ch.isspace() else ch for ch in text[: limit * 8] if ch.isspace() or unicodedata.category(ch)[0] != "C"
    )
    folded = " ".join(_few_marks(kept).split())
    return folded if len(folded) <= limit else folded[: limit - 1].rstrip() + "…"


def mixed_scripts(text: str) -> bool:
    """True when letters of Latin, Greek and Cyrillic stand in one word: the usual way to look like somebody else."""
    return any(len({script for ch in word if (script := _script(ch))}) > 1 for word in text.split())


def enterprise_number(digits: str) -> str:
    """0123456789 as people write it: 0123.456.789."""
    return f"{digits[:4]}.{digits[4:7]}.{digits[7:]}" if len(digits) == 10 and digits.isdigit() else clean(digits, 40)


def link(text: str) -> str:
    """An http or https address that a page may link to; anything else is left out."""
    if len(text) > URL_CHARACTERS or not text.isascii() or not text.isprintable() or " " in text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return ""
    return text if good else ""


def shown_link(address: str) -> str:
    """An address for reading: the host is what tells who it is, so it is never cut."""
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path.rstrip('/')}"


def email(text: str) -> str:
    """A mail address for a mailto link; anything that could be more than an address is left out."""
    good = text.isascii() and text.count("@") == 1 and all(ch.isalnum() or ch in "@.+-_" for ch in text)
    return text if good and len(text) <= 254 else ""


def capital(text: str) -> str:
    """The first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def _few_marks(text: str) -> str:
    """At most three combining marks in a row: more of them paint over the lines around."""
    kept, marks = [], 0
    for ch in text:
        marks = marks + 1 if unicodedata.combining(ch) else 0
        if marks <= 3:
            kept.append(ch)
    return "".join(kept)


def _script(ch: str) -> str:
    if not ch.isalpha():
        return ""
    name = unicodedata.name(ch, "")
    return next((script for script in ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN") if name.startswith(script)), "")
