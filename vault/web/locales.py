"""The four languages: texts from the gettext catalogs, and dates, numbers and money as each language writes them.

Catalogs are `locale/<language>/*.po`, read when first asked for; keys are dotted names ("home.title"). A text may hold
`{name}` places; a text with a plural has two forms, chosen by the number `n`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit

LANGUAGES: Final = ("nl", "fr", "de", "en")
DEFAULT: Final = "nl"
COOKIE: Final = "lang"
ZONE: Final = ZoneInfo("Europe/Brussels")  # what "today" and "midnight" mean to the citizen
NAMES: Final = {"nl": "Nederlands", "fr": "Français", "de": "Deutsch", "en": "English"}

_FOLDER = Path(__file__).parent / "locale"
_REGION = {"nl": "nl_BE", "fr": "fr_BE", "de": "de_BE", "en": "en_GB"}
_DURATION = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?")


@dataclass(frozen=True, slots=True)
class Text:
    """One text of one language: its forms (one, or singular and plural)."""

    forms: tuple[str, ...]


@cache
def texts(locale: str) -> Mapping[str, Text]:
    """Every text of one language, over all its catalogs."""
    found: dict[str, Text] = {}
    for file in sorted((_FOLDER / locale).glob("*.po")):
        with file.open("rb") as handle:
            catalog = read_po(handle, locale=locale)
        for message in catalog:
            if message.id:
                key = message.id if isinstance(message.id, str) else message.id[0]
                forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
                found[key] = Text(forms)
    return found


def t(locale: str, key: str, **values: object) -> str:
    """The text `key` in this language. `n` chooses singular or plural. An unknown key shows itself: a test finds it."""
    text = texts(locale).get(key) or texts(DEFAULT).get(key)
    if text is None:
        return key
    number = values.get("n")
    singular = not isinstance(number, int) or _locale(locale).plural_form(number) == "one"
    return (text.forms[0] if singular else text.forms[-1]).format(**values)


def has_text(key: str) -> bool:
    """True when there is a text of this name (a refusal's own words, for instance)."""
    return key in texts(DEFAULT)


def locale_of(request: web.Request) -> str:
    """The language of this visitor: the cookie of an earlier choice, then Accept-Language, then Dutch."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("Accept-Language", ""))


def preferred(accept_language: str) -> str:
    """The first of our languages in an Accept-Language header, by its q-values; Dutch when none fits."""
    best, weight = DEFAULT, 0.0
    for piece in accept_language[:512].split(","):
        tag, _, parameter = piece.partition(";")
        language = tag.strip().lower().split("-")[0]
        name, _, number = parameter.strip().partition("=")
        try:
            q = float(number) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and q > weight:
            best, weight = language, q
    return best


def day(locale: str, value: date | datetime) -> str:
    """A date in words: 3 december 2026. A moment is shown as the day it is in Brussels."""
    plain = value.astimezone(ZONE).date() if isinstance(value, datetime) else value
    words = str(format_date(plain, format="long", locale=_REGION[locale]))
    return f"1er{words[1:]}" if locale == "fr" and plain.day == 1 else words


def moment(locale: str, value: datetime) -> str:
    """A moment to the minute, in Brussels time."""
    return f"{day(locale, value)}, {value.astimezone(ZONE):%H:%M}"


def exact(locale: str, value: datetime) -> str:
    """A moment to the second with its zone, for the log and for receipts (UX-19)."""
    local = value.astimezone(ZONE)
    return f"{day(locale, value)}, {local:%H:%M:%S} {local:%Z}"


def number(locale: str, value: int | float | Decimal) -> str:
    return str(format_decimal(value, locale=_REGION[locale]))


def money(locale: str, value: Decimal | int | float, currency: str = "EUR") -> str:
    return str(format_currency(value, currency, locale=_REGION[locale]))


def size(locale: str, octets: int) -> str:
    """A size in the largest unit that keeps it above one: 12 kB."""
    value, units = float(octets), ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    shown = round(value, 1) if value < 10 and units[0] != "byte" else round(value)
    return str(format_unit(shown, f"digital-{units[0]}", length="short", locale=_REGION[locale]))


def duration(locale: str, iso: str) -> str:
    """An ISO 8601 duration of years, months, weeks and days in words: 6 maanden. Anything else as it was written."""
    found = _DURATION.fullmatch(iso)
    if not found or not any(found.groups()):
        return iso
    units = ("year", "month", "week", "day")
    pieces = [
        str(format_unit(int(amount), f"duration-{unit}", length="long", locale=_REGION[locale]))
        for amount, unit in zip(found.groups(), units, strict=True)
        if amount and int(amount)
    ]
    return ", ".join(pieces) or iso


def listed(locale: str, items: Iterable[str]) -> str:
    """a, b en c."""
    return str(format_list(list(items), locale=_REGION[locale]))


def end_of_day(chosen: date) -> datetime:
    """The last second of a day in Brussels: what "until 3 December" means."""
    return datetime(chosen.year, chosen.month, chosen.day, 23, 59, 59, tzinfo=ZONE)


def in_days(now: datetime, days: int) -> date:
    """The day in Brussels, so many days from now."""
    return (now.astimezone(ZONE) + timedelta(days=days)).date()


def country(locale: str, code: str) -> str:
    """The name of a country (ISO 3166) in this language; the code itself when it is none."""
    return str(_locale(locale).territories.get(code.upper(), code))


@cache
def _locale(locale: str) -> Locale:
    return Locale.parse(_REGION[locale])
