"""Request headers as values: conditions, ranges, links, slugs and preferences, and what follows from them.

Every reader is linear in the length of its header. What is merely odd is skipped, as RFC 9110 asks of most fields;
what would change the meaning of a write is refused. Negotiation stands in negotiation.py.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes, urljoin

from vault.errors import Malformed
from vault.values import ETag

MAX_TAGS: Final = 64  # entity tags in one header

_TAG: Final = re.compile(r'[ \t]*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)')
_SPAN: Final = re.compile(r"[ \t]*bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK: Final = r"(\d\d):(\d\d):(\d\d)"
_IMF: Final = re.compile(rf"[A-Z][a-z]{{2}}, (\d\d) ([A-Z][a-z]{{2}}) (\d{{4}}) {_CLOCK} GMT")
_RFC850: Final = re.compile(rf"[A-Z][a-z]{{5,8}}, (\d\d)-([A-Z][a-z]{{2}})-(\d\d) {_CLOCK} GMT")
_ASCTIME: Final = re.compile(rf"[A-Z][a-z]{{2}} ([A-Z][a-z]{{2}}) ([ \d]\d) {_CLOCK} (\d{{4}})")
_LINK_PARAMETER: Final = re.compile(
    r'[ \t]*;[ \t]*([A-Za-z0-9*!#$&+.^_`|~-]+)(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^",; \t]*))?'
)
_PREFER_PARAMETER: Final = re.compile(r'(?<![A-Za-z-])([A-Za-z-]+)[ \t]*=[ \t]*(?:"([^"]*)"|([^",; \t]*))')


class AnyTag(StrEnum):
    """`*` in If-Match and If-None-Match: any current representation."""

    ANY = "*"


Tags = tuple[ETag, ...] | AnyTag


@dataclass(frozen=True, slots=True)
class Conditions:
    """The preconditions of a request (RFC 9110 §13.1); None where the header is absent or not to be used."""

    if_match: Tags | None = None
    if_none_match: Tags | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None


NO_CONDITIONS: Final = Conditions()


class Verdict(StrEnum):
    """What the preconditions say."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not modified"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ByteRange:
    """One range as asked: from `first` to `last` inclusive, either side open; `first` None means the last bytes."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """A range, and the validator it depends on (If-Range)."""

    wanted: ByteRange
    unless_changed: ETag | datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a Link header (RFC 8288), its target resolved."""

    target: str
    rels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Preference:
    """A `return=representation` preference (RFC 7240, LDP §7.2): which parts to include and to leave out."""

    include: frozenset[str] = frozenset()
    omit: frozenset[str] = frozenset()


NO_PREFERENCE: Final = Preference()


@lru_cache(maxsize=256)
def parse_conditions(
    *, if_match: str | None, if_none_match: str | None, if_modified_since: str | None, if_unmodified_since: str | None
) -> Conditions:
    """Reads the four headers; raises Malformed for entity tags that cannot be read. A date that cannot be read is
    ignored, as RFC 9110 §13.1.3 and §13.1.4 demand."""
    if if_match is None and if_none_match is None and if_modified_since is None and if_unmodified_since is None:
        return NO_CONDITIONS
    return Conditions(
        None if if_match is None else parse_tags(if_match),
        None if if_none_match is None else parse_tags(if_none_match),
        None if if_modified_since is None else parse_http_date(if_modified_since),
        None if if_unmodified_since is None else parse_http_date(if_unmodified_since),
    )


def parse_tags(text: str) -> Tags:
    """`*`, or a list of entity tags (RFC 9110 §8.8.3)."""
    if text.strip(" \t") == "*":
        return AnyTag.ANY
    found: list[ETag] = []
    at = 0
    while at < len(text):
        read = _TAG.match(text, at)
        if read is None or len(found) == MAX_TAGS:
            raise Malformed("entity-tag", "The entity tags cannot be read.")
        found.append(ETag(read[2], weak=read[1] is not None))
        at = read.end()
    if not found:
        raise Malformed("entity-tag", "The list of entity tags is empty.")
    return tuple(found)


def evaluate_conditions(
    conditions: Conditions,
    *,
    current: Collection[ETag],
    chosen: ETag | None = None,
    modified: datetime | None = None,
    reading: bool,
) -> Verdict:
    """The preconditions in the order of RFC 9110 §13.2.2.

    `current`: the tags of every representation the resource has now, empty when there is none; any of them satisfies
    If-Match (PR-59). `chosen`: the tag of the representation that would be sent. `modified`: None where dates say
    nothing: absent resources, and containers (PR-32). `reading`: GET and HEAD.
    """
    if conditions is NO_CONDITIONS:
        return Verdict.PROCEED
    if conditions.if_match is not None:
        if not _matches_strongly(conditions.if_match, current):
            return Verdict.FAILED
    elif (
        conditions.if_unmodified_since is not None
        and modified is not None
        and modified > conditions.if_unmodified_since
    ):
        return Verdict.FAILED
    if conditions.if_none_match is not None:
        candidates = [chosen] if reading and chosen is not None else current
        if _matches_weakly(conditions.if_none_match, candidates):
            return Verdict.NOT_MODIFIED if reading else Verdict.FAILED
        return Verdict.PROCEED
    since = conditions.if_modified_since
    if reading and since is not None and modified is not None and modified <= since:
        return Verdict.NOT_MODIFIED
    return Verdict.PROCEED


def parse_range(text: str | None, if_range: str | None = None) -> RangeRequest | None:
    """One range of bytes (RFC 9110 §14.2). Several ranges, other units and what cannot be read are ignored, and the
    whole is sent; so is a range whose If-Range cannot be read."""
    read = None if text is None else _SPAN.fullmatch(text)
    if read is None or not (read[1] or read[2]):
        return None
    first, last = (int(side) if side else None for side in read.groups())
    if first is not None and last is not None and last < first:
        return None
    if if_range is None:
        return RangeRequest(ByteRange(first, last))
    tag = _TAG.fullmatch(if_range)
    validator = ETag(tag[2], weak=tag[1] is not None) if tag else parse_http_date(if_range)
    return None if validator is None else RangeRequest(ByteRange(first, last), validator)


def range_applies(request: RangeRequest, *, etag: ETag, modified: datetime) -> bool:
    """If-Range (RFC 9110 §13.1.5): a strong tag, or exactly the date; otherwise the whole is sent."""
    validator = request.unless_changed
    if validator is None:
        return True
    return validator == modified if isinstance(validator, datetime) else not validator.weak and validator == etag


def resolve_range(wanted: ByteRange, size: int) -> tuple[int, int] | None:
    """First and last byte, inclusive, of a body of `size` bytes; None when nothing of it is there (416)."""
    if wanted.first is None:
        count = min(wanted.last or 0, size)
        return (size - count, size - 1) if count else None
    if wanted.first >= size:
        return None
    return wanted.first, size - 1 if wanted.last is None else min(wanted.last, size - 1)


def parse_links(values: Sequence[str], *, base: str) -> tuple[Link, ...]:
    """The links of all Link headers; reading a header stops where it cannot be read."""
    found: list[Link] = []
    for text in values:
        at = 0
        while at < len(text):
            opened = text.find("<", at)
            closed = text.find(">", opened)
            if opened < 0 or closed < 0 or text[at:opened].strip(" \t,"):
                break
            rels: frozenset[str] | None = None
            at = closed + 1
            while (parameter := _LINK_PARAMETER.match(text, at)) is not None:
                if parameter[1].lower() == "rel" and rels is None:  # only the first counts (RFC 8288 §3.3)
                    value = (parameter[2] or "").strip('"')
                    rels = frozenset(rel if ":" in rel else rel.lower() for rel in value.split())
                at = parameter.end()
            found.append(Link(_resolved(base, text[opened + 1 : closed]), rels or frozenset()))
    return tuple(found)


def types_of(links: Sequence[Link]) -> frozenset[str]:
    """The targets of `rel="type"`: which interaction model a client asks for (PR-65, PR-68)."""
    return frozenset(link.target for link in links if "type" in link.rels)


def parse_slug(text: str | None) -> str | None:
    """The Slug header (RFC 5023 §9.7): percent-encoded UTF-8. What is not UTF-8 is no slug: a hint may be ignored."""
    if text is None:
        return None
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8").strip() or None
    except UnicodeError:
        return None


def parse_prefer(values: Sequence[str]) -> Preference:
    """The `return=representation` preference with its include and omit lists (LDP-3); anything else is ignored."""
    for text in values:
        facts = {read[1].lower(): read[2] or read[3] or "" for read in _PREFER_PARAMETER.finditer(text)}
        if facts.get("return") == "representation":
            return Preference(frozenset(facts.get("include", "").split()), frozenset(facts.get("omit", "").split()))
    return NO_PREFERENCE


def parse_http_date(text: str) -> datetime | None:
    """A date in one of the three forms of RFC 9110 §5.6.7, or None."""
    text = text.strip(" \t")
    if read := _IMF.fullmatch(text):
        day, month, year, *clock = read.groups()
    elif read := _RFC850.fullmatch(text):
        day, month, short, *clock = read.groups()
        year = f"{'19' if int(short) >= 70 else '20'}{short}"
    elif read := _ASCTIME.fullmatch(text):
        month, day, *clock, year = read.groups()
    else:
        return None
    if month not in _MONTHS:
        return None
    hour, minute, second = (int(part) for part in clock)
    try:
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def http_date(when: datetime) -> str:
    """IMF-fixdate, as Last-Modified shows it (PR-8)."""
    return _http_date(timegm(when.astimezone(UTC).timetuple()))


@lru_cache(maxsize=1024)
def _http_date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def _matches_strongly(wanted: Tags, current: Collection[ETag]) -> bool:
    """If-Match compares strongly: a weak tag never matches (TR-5, ATK-16)."""
    if isinstance(wanted, AnyTag):
        return bool(current)
    return any(not tag.weak and tag in current for tag in wanted)


def _matches_weakly(wanted: Tags, current: Collection[ETag]) -> bool:
    if isinstance(wanted, AnyTag):
        return bool(current)
    opaque = {tag.opaque for tag in current}
    return any(tag.opaque in opaque for tag in wanted)


def _resolved(base: str, target: str) -> str:
    try:
        return urljoin(base, target.strip())
    except ValueError:
        return target
