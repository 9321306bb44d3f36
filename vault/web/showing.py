"""What a page shows of one document: a heading people recognise, its fields in words, and whose word it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from vault.datasluis.catalogue import DataType
from vault.datasluis.provenance import Provenance, Verification
from vault.datasluis.views import Shown
from vault.values import ResourceUrl
from vault.web.wording import NAME_CHARACTERS, Tongue, capital, clean

_VALUE_CHARACTERS: Final = 2000

# A heading is made of what the document is called and of the time it is about, by the usual keys of fields; a kind of
# document with other keys is headed by its first value.
_CALLED: Final = ("title", "name", "employer")
_ABOUT: Final = ("quarter", "period")

# Whose word a document is: the tag, its tone, and the sentence behind it.
TRUST: Final[Mapping[Verification, tuple[str, str, str]]] = {
    Verification.AS_DELIVERED: ("data.trust.authentic", "good", "data.trust.authentic.words"),
    Verification.CHANGED: ("data.trust.changed", "warn", "data.trust.changed.words"),
    Verification.WITHDRAWN: ("data.trust.withdrawn", "bad", "data.trust.withdrawn.words"),
    Verification.SELF_DECLARED: ("data.trust.declared", "", "data.trust.declared.words"),
}


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field with its values in words. A sensitive one stays covered until it is uncovered (UX-03)."""

    key: str
    name: str
    values: tuple[str, ...]
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document comes from; no source: the citizen's own."""

    source: str | None
    delivered: datetime | None
    trust: str
    trust_tone: str
    trust_words: str


def field_lines(shown: Iterable[Shown], tongue: Tongue) -> tuple[FieldLine, ...]:
    """Every field that has a value."""
    return tuple(field_line(one, tongue) for one in shown)


def field_line(shown: Shown, tongue: Tongue) -> FieldLine:
    return FieldLine(
        key=shown.key,
        name=capital(tongue.pick(shown.label)),
        values=tuple(clean(value.in_language(tongue.locale), _VALUE_CHARACTERS) for value in shown.values),
        sensitive=shown.sensitive,
    )


def heading(lines: Sequence[FieldLine], data_type: DataType, url: ResourceUrl, tongue: Tongue) -> str:
    """What people call this document: Master in de rechten; Bakkerij Peeters, 2026-Q1."""
    open_lines = {line.key: line for line in lines if not line.sensitive and line.values}
    called = next((open_lines[key].values[0] for key in _CALLED if key in open_lines), None)
    about = next((open_lines[key].values[0] for key in _ABOUT if key in open_lines), None)
    if about and not called:
        called = capital(tongue.pick(data_type.labels))
    parts = [part for part in (called, about) if part]
    if not parts:
        file_name = clean(unquote(url.name.rstrip("/")), NAME_CHARACTERS)
        parts = [next((line.values[0] for line in open_lines.values()), file_name)]
    text = ", ".join(parts)
    return clean(text, NAME_CHARACTERS) or capital(tongue.pick(data_type.labels))


def in_heading(line: FieldLine, title: str) -> bool:
    """Whether the heading already says this."""
    return bool(line.values) and line.key in (*_CALLED, *_ABOUT) and line.values[0] in title


def origin(provenance: Provenance, tongue: Tongue) -> Origin:
    """Whose word it is, in words."""
    tag, tone, words = TRUST[provenance.verification]
    return Origin(
        source=clean(provenance.source, NAME_CHARACTERS) if provenance.source else None,
        delivered=provenance.delivered,
        trust=tongue.say(tag),
        trust_tone=tone,
        trust_words=tongue.say(words),
    )
