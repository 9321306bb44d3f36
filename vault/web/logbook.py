"""Who looked: the citizen's log, its check, and the whole of it to take away (UX-19 to UX-21)."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from vault.audit import GENESIS, AuditEntry, Broken, verify_chain
from vault.datasluis.history import (
    HistoryLine,
    Outcome,
    Wanted,
    csv_rows,
    entry_record,
    line_of,
    organisations,
    read_history,
)
from vault.ports import Vault
from vault.values import Citizen, PodName
from vault.web.holdings import names_in
from vault.web.locales import locale_of
from vault.web.pages import page_headers, render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_citizen
from vault.web.telling import OUTCOMES, LogLine, tell
from vault.web.wording import NAME_CHARACTERS, Tongue, clean

_SHOWN = 50
_PAGE = 1000
_CHECKED_AT_ONCE = 20_000  # a longer log is checked when the citizen asks for it
_EVERYTHING = "all"  # the vault's own housekeeping too


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check found; `broken_at` is the first line that does not hold."""

    entries: int
    broken_at: int | None


@dataclass(frozen=True, slots=True)
class LogPage:
    """The log, filtered and newest first. `intact` is None when a long log was not checked this time."""

    template: ClassVar[str] = "datasluis/log.html"
    nav: ClassVar[str] = "log"
    lines: tuple[LogLine, ...]
    intact: bool | None
    entries: int
    broken_at: int | None
    organisations: tuple[tuple[str, str], ...]
    outcomes: tuple[tuple[str, str], ...]
    who: str
    what: str
    grant: str
    older: str | None
    newer: str | None


async def log(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    query = request.query
    before = _number(query.get("before"))
    async with vault.reading() as work:
        newest = await work.audit.entries(citizen.pod, limit=1, newest_first=True)
        names = await organisations(work, pod=citizen.pod)
        found = await read_history(
            work,
            pod=citizen.pod,
            citizen=citizen.webid,
            catalogue=vault.catalogue,
            wanted=_wanted(query),
            before=before or None,
            limit=_SHOWN,
        )
        told = tell(found.lines, await names_in(vault, work, citizen.pod, found.lines, tongue), tongue)
    total = newest[0].number if newest else 0
    short = total <= _CHECKED_AT_ONCE and not before
    checked = await check(vault, citizen.pod) if short or query.get("check") == "1" else None
    page = LogPage(
        lines=told,
        intact=None if checked is None else checked.broken_at is None,
        entries=checked.entries if checked else total,
        broken_at=checked.broken_at if checked else None,
        organisations=tuple((name, clean(name, NAME_CHARACTERS)) for name in names),
        outcomes=tuple((outcome.value, tongue.say(key)) for outcome, (key, _) in OUTCOMES.items()),
        who=query.get("who", ""),
        what=query.get("what", ""),
        grant=query.get("grant", ""),
        older=_address(query, found.before) if found.before else None,
        newer=_address(query, None) if before else None,
    )
    return render(request, page)


async def check(vault: Vault, pod: PodName) -> Checked:
    """Reads the whole chain page by page and checks every link; the hashing happens off the event loop."""
    number, previous = 0, GENESIS
    async with vault.reading() as work:
        while page := await work.audit.entries(pod, after=number, limit=_PAGE):
            found = await asyncio.to_thread(verify_chain, page, after=number, previous=previous)
            if isinstance(found, Broken):
                return Checked(number, found.number)
            number, previous = found.entries, found.head
    return Checked(number, None)


async def as_json(request: web.Request) -> web.StreamResponse:
    """Every line as it is in the chain: enough to check it without this server (UX-21)."""
    citizen = await require_citizen(request)
    return await _send(request, citizen, "application/json", "json", _json(request.app[VAULT], citizen))


async def as_csv(request: web.Request) -> web.StreamResponse:
    """Every line in words, for a spreadsheet."""
    citizen = await require_citizen(request)
    locale = locale_of(request)
    return await _send(request, citizen, "text/csv", "csv", _csv(request.app[VAULT], citizen, locale))


async def _send(
    request: web.Request, citizen: Citizen, media_type: str, ending: str, pieces: AsyncIterator[str]
) -> web.StreamResponse:
    response = web.StreamResponse(headers=page_headers())
    response.headers["Content-Type"] = f"{media_type}; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="log-{citizen.pod}.{ending}"'
    await response.prepare(request)
    async for piece in pieces:
        await response.write(piece.encode())
    await response.write_eof()
    return response


async def _pages(vault: Vault, pod: PodName) -> AsyncIterator[list[AuditEntry]]:
    """The chain in order, a page per transaction: a slow reader holds nothing open."""
    number = 0
    while True:
        async with vault.reading() as work:
            page = await work.audit.entries(pod, after=number, limit=_PAGE)
        if not page:
            return
        yield page
        number = page[-1].number


async def _json(vault: Vault, citizen: Citizen) -> AsyncIterator[str]:
    head = json.dumps({"pod": citizen.pod, "genesis": GENESIS, "hash": "SHA-256", "entries": []})
    yield head.removesuffix("]}")
    separator = "\n"
    async for page in _pages(vault, citizen.pod):
        yield separator + ",\n".join(json.dumps(entry_record(entry), ensure_ascii=False) for entry in page)
        separator = ",\n"
    yield "\n]}\n"


async def _csv(vault: Vault, citizen: Citizen, locale: str) -> AsyncIterator[str]:
    header = csv_rows((), locale)
    yield _written(header)
    async for page in _pages(vault, citizen.pod):
        lines: list[HistoryLine] = [line_of(e, citizen=citizen.webid, catalogue=vault.catalogue) for e in page]
        yield _written(csv_rows(lines, locale)[len(header) :])


def _written(rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _wanted(query: Mapping[str, str]) -> Wanted:
    """The filters of the address. Without any, the lock's own lines: who asked, who looked, what was decided."""
    what = query.get("what", "")
    outcome = next((one for one in Outcome if one.value == what), None)
    return Wanted(
        outcome=outcome,
        organisation=query.get("who") or None,
        grant=query.get("grant") or None,
        lock_only=what != _EVERYTHING and outcome is not Outcome.CHANGED,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


def _address(query: Mapping[str, str], before: int | None) -> str:
    pairs = {key: query.get(key, "")[:200] for key in ("who", "what", "grant")}
    pairs |= {"before": str(before)} if before else {}
    return f"/my/log?{urlencode({key: value for key, value in pairs.items() if value})}"


ROUTES: Final = (
    Route("GET", "/my/log", log, Credentials.SESSION, "log"),
    Route("GET", "/my/log.json", as_json, Credentials.SESSION, "log-json"),
    Route("GET", "/my/log.csv", as_csv, Credentials.SESSION, "log-csv"),
)
