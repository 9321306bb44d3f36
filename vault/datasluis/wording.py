"""Values in words: dates, amounts, numbers, periods, yes and no, as the four languages write them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from vault.datasluis.catalogue import LANGUAGES, Labels

YES: Final[Labels] = {"nl": "ja", "fr": "oui", "de": "ja", "en": "yes"}
NO: Final[Labels] = {"nl": "nee", "fr": "non", "de": "nein", "en": "no"}

# Before a day, and before a month or a year: French and German tell them apart. An end is inside its period.
_SINCE_DAY: Final[Labels] = {"nl": "sinds {}", "fr": "depuis le {}", "de": "seit dem {}", "en": "since {}"}
_SINCE: Final[Labels] = {"nl": "sinds {}", "fr": "depuis {}", "de": "seit {}", "en": "since {}"}
_UNTIL_DAY: Final[Labels] = {"nl": "tot en met {}", "fr": "jusqu’au {}", "de": "bis zum {}", "en": "up to {}"}
_UNTIL: Final[Labels] = {"nl": "tot en met {}", "fr": "jusqu’en {}", "de": "bis {}", "en": "up to {}"}
_MONTHS: Final = {
    tag: tuple(names.split())
    for tag, names in {
        "nl": "januari februari maart april mei juni juli augustus september oktober november december",
        "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "en": "January February March April May June July August September October November December",
    }.items()
}
_DATE = re.compile(r"(-?[0-9]{4,})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?")
_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}
_DIGITS: Final = 15  # before or after the point; more than that nobody writes
_THIN = "\u202f"  # a narrow space that does not break, as French writes amounts


def date_words(lexical: str) -> Labels | str:
    """A date, dateTime, gYearMonth or gYear in words; what is none of these stays as it is."""
    found = _DATE.match(lexical.strip())
    if found is None:
        return lexical
    year, month, day = found.groups()
    if month is None:
        return dict.fromkeys(LANGUAGES, year)
    return {tag: _day(tag, year, int(month), int(day) if day else None) for tag in LANGUAGES}


def period_words(start: str | None, end: str | None) -> Labels | str:
    """ "1 July 2023 – 30 September 2023"; without an end "since …", without a start "up to …"."""
    first, last = (None if one is None else _labels(date_words(one)) for one in (start, end))
    if first is not None and last is not None:
        return {tag: f"{first[tag]} – {last[tag]}" for tag in LANGUAGES}
    if start is not None and first is not None:
        since = _SINCE_DAY if _names_a_day(start) else _SINCE
        return {tag: since[tag].format(first[tag]) for tag in LANGUAGES}
    if end is not None and last is not None:
        until = _UNTIL_DAY if _names_a_day(end) else _UNTIL
        return {tag: until[tag].format(last[tag]) for tag in LANGUAGES}
    return ""


def number_words(lexical: str) -> Labels | str:
    """A decimal as each language writes it, without zeros that say nothing."""
    number = _decimal(lexical)
    if number is None:
        return lexical
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return {tag: _grouped(tag, text) for tag in LANGUAGES}


def money_words(lexical: str, currency: str | None) -> Labels | str:
    """An amount with two decimals and its currency, a three-letter code, where it is known."""
    amount = _decimal(lexical)
    if amount is None:
        return lexical
    sign = _SYMBOLS.get(currency or "", currency or "")
    text = f"{amount:.2f}"
    written = {tag: _grouped(tag, text) for tag in LANGUAGES}
    if not sign:
        return written
    return {
        "nl": f"{sign} {written['nl']}",
        "fr": f"{written['fr']} {sign}",
        "de": f"{written['de']} {sign}",
        "en": f"{sign}{written['en']}" if sign in _SYMBOLS.values() else f"{sign} {written['en']}",
    }


def _names_a_day(lexical: str) -> bool:
    found = _DATE.match(lexical.strip())
    return found is not None and found[3] is not None


def _labels(words: Labels | str) -> Labels:
    return dict.fromkeys(LANGUAGES, words) if isinstance(words, str) else words


def _day(tag: str, year: str, month: int, day: int | None) -> str:
    name = _MONTHS[tag][month - 1]
    if day is None:
        return f"{name} {year}"
    number = f"{day}." if tag == "de" else "1er" if tag == "fr" and day == 1 else str(day)
    return f"{number} {name} {year}"


def _decimal(lexical: str) -> Decimal | None:
    """The number, if it is finite and of a size that people write."""
    if len(lexical) > 40:
        return None
    try:
        number = Decimal(lexical.strip())
    except InvalidOperation:
        return None
    # The exponent is looked at before any arithmetic: 1E1000000 is short to write and cannot be worked with.
    return number if number.is_finite() and abs(number.adjusted()) < _DIGITS else None


def _grouped(tag: str, text: str) -> str:
    """ "-1234.50" with the separators of the language."""
    minus, body = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, dot, fraction = body.partition(".")
    separator, point = {"nl": (".", ","), "fr": (_THIN, ","), "de": (".", ","), "en": (",", ".")}[tag]
    grouped = re.sub(r"(?<=[0-9])(?=(?:[0-9]{3})+$)", separator, whole)
    return f"{minus}{grouped}{point if dot else ''}{fraction}"
