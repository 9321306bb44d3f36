"""Which representation fits an Accept header best (RFC 9110 §12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from vault.errors import Malformed
from vault.values import MediaType, parse_media_type

MAX_RANGES: Final = 128  # media ranges in one header; the rest is not read
_MOST: Final = 1000
_CACHED_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One element of Accept: a type, `type/*` or `*/*`, and its weight in thousandths."""

    essence: str
    quality: int
    with_parameters: bool = False

    @property
    def kind(self) -> str:
        return self.essence.partition("/")[0]


Accept = tuple[MediaRange, ...]  # empty: no preference
ANYTHING: Final[Accept] = ()


def parse_accept(text: str | None) -> Accept:
    """Reads an Accept header; elements that cannot be read are skipped, and one that is wholly unreadable is
    refused. No header, or an empty one, means no preference."""
    if text is None or not text.strip():
        return ANYTHING
    return _short(text) if len(text) <= _CACHED_CHARACTERS else _parse(text)


def choose(accept: Accept, offered: Sequence[MediaType]) -> MediaType | None:
    """The offered type with the highest weight; among equals the first offered. None: nothing fits (406, PR-56)."""
    if not accept:
        return offered[0]
    best, weight = None, 0
    for candidate in offered:
        quality = quality_of(accept, candidate.essence)
        if quality == _MOST and best is None:
            return candidate  # nothing offered later can be better
        if quality > weight:
            best, weight = candidate, quality
    return best


def quality_of(accept: Accept, essence: str) -> int:
    """The weight in thousandths that Accept gives a type: the most specific range decides; 0 when none matches.

    Parameters of a range (`profile`, `charset`) do not narrow what matches, but a range without them goes first.
    """
    kind = essence.partition("/")[0]
    found: dict[int, int] = {}
    for wanted in accept:
        if wanted.essence == essence:
            rank = 2 if wanted.with_parameters else 3
        elif wanted.essence == f"{kind}/*":
            rank = 1
        elif wanted.essence == "*/*":
            rank = 0
        else:
            continue
        found[rank] = max(found.get(rank, 0), wanted.quality)
    return found[max(found)] if found else 0


@lru_cache(maxsize=1024)  # browsers and libraries send a handful of headers, all short
def _short(text: str) -> Accept:
    return _parse(text)


def _parse(text: str) -> Accept:
    found: list[MediaRange] = []
    for piece in _elements(text):
        try:
            read = parse_media_type(piece)
        except Malformed:
            if piece.strip() == "*":  # older Java clients send a bare star
                found.append(MediaRange("*/*", _MOST))
            continue
        if read.essence.startswith("*/") and read.essence != "*/*":
            continue
        quality = _quality(read.parameter("q"))
        if quality is not None:
            found.append(MediaRange(read.essence, quality, any(name != "q" for name, _ in read.parameters)))
    if not found:
        raise Malformed("accept", "The Accept header cannot be read.")
    return tuple(found)


def _elements(text: str) -> list[str]:
    """Splits at commas outside quoted strings, at most MAX_RANGES times."""
    if '"' not in text:
        return text.split(",", MAX_RANGES)[:MAX_RANGES]
    pieces, start, quoted, escaped = [], 0, False, False
    for index, ch in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and ch == "\\":
            escaped = True
        elif ch == '"':
            quoted = not quoted
        elif ch == "," and not quoted:
            pieces.append(text[start:index])
            start = index + 1
            if len(pieces) == MAX_RANGES:
                return pieces
    pieces.append(text[start:])
    return pieces


def _quality(text: str | None) -> int | None:
    """A weight in thousandths (RFC 9110 §12.4.2); None when it cannot be read."""
    if text is None:
        return _MOST
    whole, _, rest = text.partition(".")
    if whole not in ("0", "1", "") or len(rest) > 3 or (rest and not (rest.isascii() and rest.isdigit())):
        return None
    if not whole and not rest:
        return None
    return min(_MOST, int(whole or "0") * 1000 + int((rest + "000")[:3]))
