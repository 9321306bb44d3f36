"""Answering a request: the page, approving, refusing, and the receipt of either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final

from aiohttp import web

from vault.audit import AuditEvent
from vault.datasluis.answer import Choice, approve_request, refuse_request
from vault.datasluis.grants import Grant
from vault.datasluis.preview import RequestPreview, preview
from vault.datasluis.requests import AccessRequest, RequestState, state_at
from vault.errors import Conflict, Forbidden, Missing, Unprocessable
from vault.ports import Vault, Work
from vault.values import Citizen, RequestId
from vault.web.asking import Answer, chosen_documents, chosen_fields, durations, request_page, until_day
from vault.web.forms import Form
from vault.web.holdings import SharedItem, shared_items
from vault.web.locales import day, in_days, locale_of
from vault.web.pages import read_form, render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import CONFIRM, require_citizen, require_level, way_to
from vault.web.wording import TEXT_CHARACTERS, Organisation, Tongue, clean, organisation

_REASON_CHARACTERS: Final = 300
_PROOF_LOOKED_THROUGH: Final = 5000  # log lines


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """What was decided, for the citizen to keep (UX-09): who, what, until when, how to stop, where to complain."""

    template: ClassVar[str] = "datasluis/receipt.html"
    nav: ClassVar[str] = "home"
    id: RequestId
    who: Organisation
    purpose: str | None
    decided: datetime
    reason: str | None
    grant: Grant | None
    items: tuple[SharedItem, ...]
    proof: str | None  # the digest of the log line that holds the decision


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A form understood: the choice, or what is wrong with it by the name of the field."""

    choice: Choice | None
    problems: Mapping[str, str]


async def show(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    async with vault.reading() as work:
        found = await _prepare(vault, work, citizen, request)
    return render(request, request_page(found, tongue, vault.clock()))


async def approve(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    form = await read_form(request)
    answer = _answer(form)
    async with vault.reading() as work:
        found = await _prepare(vault, work, citizen, request)
    now = vault.clock()
    if stale := _stale(found.request, form, now):
        return await _look_again(request, citizen, stale)
    if "entered" in form:  # Enter in a field: nothing was decided
        return render(request, request_page(found, tongue, now, answer=answer))
    level = vault.settings.upstream.level_to_share
    await require_level(request, level, back=f"/my/requests/{found.request.id}")
    chosen = _choose(found, answer, form, tongue, now)
    if chosen.choice is None:
        page = request_page(found, tongue, now, answer=answer, problems=chosen.problems)
        return render(request, page, status=422)
    try:
        async with vault.writing() as work:
            await approve_request(
                work,
                citizen=citizen,
                request_id=found.request.id,
                choice=chosen.choice,
                catalogue=vault.catalogue,
                now=now,
            )
    except Unprocessable as refusal:
        # The documents or the allowed time changed between this page and the form: she looks again.
        return await _look_again(request, citizen, refusal.reason)
    except Conflict as refusal:
        return await _look_again(request, citizen, refusal.reason)
    except Forbidden as refusal:
        if refusal.reason != "step-up":
            raise
        raise web.HTTPSeeOther(way_to(CONFIRM, f"/my/requests/{found.request.id}")) from None
    raise web.HTTPSeeOther(f"/my/requests/{found.request.id}/receipt")


async def refuse(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    form = await read_form(request)
    request_id = RequestId(request.match_info["request"])
    reason = clean(form.text("reason"), _REASON_CHARACTERS)
    if "entered" in form:
        tongue = Tongue(locale_of(request), vault.catalogue)
        async with vault.reading() as work:
            found = await _prepare(vault, work, citizen, request)
        now = vault.clock()
        if stale := _stale(found.request, form, now):
            return await _look_again(request, citizen, stale)
        return render(request, request_page(found, tongue, now, answer=Answer(reason=reason)))
    try:
        async with vault.writing() as work:
            await refuse_request(
                work,
                citizen=citizen,
                request_id=request_id,
                version=_version(form),
                reason=reason or None,
                now=vault.clock(),
            )
    except Conflict as refusal:
        return await _look_again(request, citizen, refusal.reason)
    raise web.HTTPSeeOther(f"/my/requests/{request_id}/receipt")


async def back(request: web.Request) -> web.Response:
    """A form that came back stands at its own address; loading that again shows the request."""
    await require_citizen(request)
    raise web.HTTPSeeOther(f"/my/requests/{request.match_info['request']}")


async def receipt(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    async with vault.reading() as work:
        asked = await _own_request(work, citizen, request)
        if asked.state not in (RequestState.APPROVED, RequestState.REFUSED) or asked.decided is None:
            raise web.HTTPSeeOther(f"/my/requests/{asked.id}")
        grant = await work.grants.for_request(asked.id)
        participant = await work.participants.get(asked.data_user)
        event = AuditEvent.GRANT_ISSUED if grant else AuditEvent.REQUEST_REFUSED
        page = ReceiptPage(
            id=asked.id,
            who=organisation(participant, tongue),
            purpose=tongue.purpose(asked.purpose),
            decided=asked.decided,
            reason=clean(asked.decision_reason, TEXT_CHARACTERS) if asked.decision_reason else None,
            grant=grant,
            items=await shared_items(vault, work, grant, tongue) if grant else (),
            proof=await _proof(work, citizen, event, grant.id if grant else asked.id),
        )
    return render(request, page)


async def _own_request(work: Work, citizen: Citizen, request: web.Request) -> AccessRequest:
    """A request to this citizen; one to somebody else is answered like one that does not exist."""
    found = await work.requests.get(RequestId(request.match_info["request"]))
    if found is None or found.pod != citizen.pod or found.citizen != citizen.webid:
        raise Missing("no-such-request", "There is no such request.")
    return found


async def _prepare(vault: Vault, work: Work, citizen: Citizen, request: web.Request) -> RequestPreview:
    return await preview(
        work,
        citizen=citizen,
        request=await _own_request(work, citizen, request),
        catalogue=vault.catalogue,
        blobs=vault.blobs,
        base_url=vault.base_url,
        limits=vault.settings.limits,
        now=vault.clock(),
    )


async def _look_again(request: web.Request, citizen: Citizen, reason: str) -> web.Response:
    """The page as it is now, with nothing ticked, and said so (UX-10); what was closed meanwhile shows that."""
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    async with vault.reading() as work:
        found = await _prepare(vault, work, citizen, request)
    now = vault.clock()
    if reason == "request-closed" or state_at(found.request, now) is not RequestState.PENDING:
        raise web.HTTPSeeOther(f"/my/requests/{found.request.id}")
    return render(request, request_page(found, tongue, now, changed=True), status=409)


def _stale(asked: AccessRequest, form: Form, now: datetime) -> str | None:
    """Why this form answers nothing any more, whatever else is wrong with it: told before that, so that a page which
    comes back is never a new form for a request that she has not seen (UX-10)."""
    if state_at(asked, now) is not RequestState.PENDING:
        return "request-closed"
    return "request-changed" if _version(form) != asked.version else None


def _answer(form: Form) -> Answer:
    return Answer(
        documents=frozenset(form.all("document")),
        fields=frozenset(form.all("field")),
        omitted=frozenset(form.all("omit")),
        until=form.text("until", limit=10),
        date=form.text("date", limit=10),
    )


def _version(form: Form) -> int:
    """The version the page was made for; one that cannot be read is one that never was."""
    text = form.text("version", limit=12)
    return int(text) if text.isascii() and text.isdigit() else 0


def _choose(found: RequestPreview, answer: Answer, form: Form, tongue: Tongue, now: datetime) -> _Chosen:
    problems: dict[str, str] = {}
    items = tuple(
        (document.url, fields)
        for document in chosen_documents(found, answer)
        if (fields := chosen_fields(document, answer))
    )
    if not items and found.asked:
        first = next((one for one in found.asked if one.documents), found.asked[0])
        problems[f"type-{first.data_type.key}"] = tongue.say("problem.document")
    until = _until(found, answer, tongue, now, problems)
    if problems or until is None:
        return _Chosen(None, problems)
    return _Chosen(Choice(items=items, until=until, version=_version(form)), {})


def _until(
    found: RequestPreview, answer: Answer, tongue: Tongue, now: datetime, problems: dict[str, str]
) -> datetime | None:
    """The end that was chosen; None with a problem noted."""
    for offered in durations(found, tongue, now):
        if answer.until == offered.value:
            return offered.until
    last = in_days(found.latest, 0)
    if answer.until != "own":
        problems["until"] = tongue.say("problem.until")
        return None
    try:
        wanted = date.fromisoformat(answer.date)
    except ValueError:
        wanted = None
    if wanted is None or not in_days(now, 1) <= wanted <= last:
        problems["own-date"] = tongue.say("problem.date", last=day(tongue.locale, last))
        return None
    return until_day(wanted, found.latest)


async def _proof(work: Work, citizen: Citizen, event: AuditEvent, subject: str) -> str | None:
    """The digest of the log line of this decision: with the log's export it shows that the receipt is true."""
    before = 0
    for _ in range(_PROOF_LOOKED_THROUGH // 500):
        entries = await work.audit.entries(citizen.pod, after=before, limit=500, newest_first=True)
        for entry in entries:
            if entry.event is event and entry.subject == subject:
                return entry.digest
        if len(entries) < 500:
            return None
        before = entries[-1].number
    return None


ROUTES: Final = (
    Route("GET", "/my/requests/{request}", show, Credentials.SESSION, "request"),
    Route("POST", "/my/requests/{request}/approve", approve, Credentials.SESSION, "approve"),
    Route("GET", "/my/requests/{request}/approve", back, Credentials.SESSION),
    Route("POST", "/my/requests/{request}/refuse", refuse, Credentials.SESSION, "refuse"),
    Route("GET", "/my/requests/{request}/refuse", back, Credentials.SESSION),
    Route("GET", "/my/requests/{request}/receipt", receipt, Credentials.SESSION, "receipt"),
)
