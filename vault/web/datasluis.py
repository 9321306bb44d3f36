"""The data lock's API: what organisations call, with their own tokens. The citizen answers on her pages, never here."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec
from aiohttp import hdrs, web

from vault.datasluis.admission import RequestDraft
from vault.datasluis.ask import record_rejection, submit_request, withdraw_request
from vault.datasluis.catalogue import LANGUAGES, Catalogue
from vault.datasluis.deposit import deposit_message
from vault.datasluis.grants import Grant
from vault.datasluis.parcels import Delivery
from vault.datasluis.read import Look, Withheld, read_through_grant
from vault.datasluis.registry import Participant, Role, check_role
from vault.datasluis.requests import AccessRequest, RequestState
from vault.errors import Forbidden, Malformed, Missing, NotAcceptable, Refusal, Unauthenticated, Unprocessable
from vault.ports import Vault, Work
from vault.rdf.syntax import is_rdf
from vault.solid.negotiation import choose, parse_accept
from vault.values import JSON_LD, TURTLE, Agent, GrantId, RequestId, parse_media_type, parse_webid
from vault.web.datasluis_json import (
    GrantList,
    RequestBody,
    RequestForm,
    RequestList,
    draft_of,
    grant_body,
    request_body,
)
from vault.web.datasluis_public import catalogue_body, describe
from vault.web.openapi import document
from vault.web.requests import caller_of, listed, read_json, read_limited
from vault.web.responses import json_response
from vault.web.routing import VAULT, Credentials, Route

T = TypeVar("T")

PERSON_HEADER: Final = "Datasluis-Person"  # the national number the message is about
CITIZEN_HEADER: Final = "Datasluis-Citizen"  # or the WebID
REFERENCE_HEADER: Final = "Datasluis-Reference"  # the source's own name for a document in our form

_PRIVATE: Final[dict[str, str]] = {hdrs.CACHE_CONTROL: "private, no-store"}
_PUBLIC: Final = "public, max-age=3600"
_PAGE: Final = 50
_MOST: Final = 100
_VIEW_TYPES: Final = (TURTLE, JSON_LD)


async def post_request(request: web.Request) -> web.Response:
    """A data user asks a citizen."""
    vault, agent = request.app[VAULT], await _agent(request)
    draft = draft_of(await read_json(request, RequestForm))
    now = vault.clock()
    try:
        async with vault.writing() as work:
            asked = await submit_request(
                work, agent=agent, draft=draft, catalogue=vault.catalogue, settings=vault.settings, now=now
            )
    except Refusal as refusal:
        await _note(vault, agent, draft, refusal)
        raise
    body = _request_body(vault, asked, None)
    return json_response(body, 201, headers={**_PRIVATE, hdrs.LOCATION: body.id})


async def list_requests(request: web.Request) -> web.Response:
    """The caller's requests, newest first."""
    vault, agent = request.app[VAULT], await _agent(request)
    limit, before = _page_asked(request)
    async with vault.reading() as work:
        data_user = await _data_user(work, agent)

        async def fetch(count: int) -> Sequence[AccessRequest]:
            return await work.requests.for_data_user(data_user.id, before=before, limit=count)

        found, more = await _whole_moments(fetch, lambda one: one.submitted, limit)
        items = [_request_body(vault, one, await _grant_of(work, one)) for one in found]
    headers = _next(vault, "requests", found[-1].submitted if more else None, limit)
    return json_response(RequestList(items=items), headers=headers)


async def get_request(request: web.Request) -> web.Response:
    """One request of the caller; somebody else's is not there."""
    vault, agent = request.app[VAULT], await _agent(request)
    async with vault.reading() as work:
        data_user = await _data_user(work, agent)
        found = await work.requests.get(RequestId(request.match_info["request"]))
        if found is None or found.data_user != data_user.id:
            raise Missing("no-such-request", "There is no such request.")
        body = _request_body(vault, found, await _grant_of(work, found))
    return json_response(body, headers=_PRIVATE)


async def delete_request(request: web.Request) -> web.Response:
    """The caller takes its question back."""
    vault, agent = request.app[VAULT], await _agent(request)
    async with vault.writing() as work:
        request_id = RequestId(request.match_info["request"])
        await withdraw_request(work, agent=agent, request_id=request_id, now=vault.clock())
    return web.Response(status=204, headers=_PRIVATE)


async def list_grants(request: web.Request) -> web.Response:
    """What was granted to the caller, newest first."""
    vault, agent = request.app[VAULT], await _agent(request)
    limit, before = _page_asked(request)
    async with vault.reading() as work:
        data_user = await _data_user(work, agent)

        async def fetch(count: int) -> Sequence[Grant]:
            return await work.grants.for_data_user(data_user.id, before=before, limit=count)

        found, more = await _whole_moments(fetch, lambda one: one.since, limit)
    items = [grant_body(one, lock_url=_lock_url(vault), now=vault.clock()) for one in found]
    headers = _next(vault, "grants", found[-1].since if more else None, limit)
    return json_response(GrantList(items=items), headers=headers)


async def get_grant(request: web.Request) -> web.Response:
    """One grant of the caller, with the addresses of its views; somebody else's is not there."""
    vault, agent = request.app[VAULT], await _agent(request)
    async with vault.reading() as work:
        data_user = await _data_user(work, agent)
        found = await work.grants.get(GrantId(request.match_info["grant"]))
    if found is None or found.data_user != data_user.id:
        raise Missing("no-such-grant", "There is no such grant.")
    return json_response(grant_body(found, lock_url=_lock_url(vault), now=vault.clock()), headers=_PRIVATE)


async def get_view(request: web.Request) -> web.Response:
    """One item of a grant: exactly the granted fields. Every call is a line in the citizen's log, a refused one too."""
    vault, agent = request.app[VAULT], await _agent(request)
    chosen = choose(parse_accept(listed(request, hdrs.ACCEPT)), _VIEW_TYPES)
    if chosen is None:
        raise NotAcceptable("not-acceptable", "A view is Turtle or JSON-LD.")
    look = Look(
        grant=GrantId(request.match_info["grant"]),
        item=request.match_info["item"],
        media_type=chosen,
        purpose=request.query.get("purpose"),
        method=request.method,
    )
    outcome = await read_through_grant(
        vault.reading,
        vault.writing,
        agent=agent,
        look=look,
        catalogue=vault.catalogue,
        blobs=vault.blobs,
        base_url=vault.base_url,
        limits=vault.settings.limits,
        clock=vault.clock,
    )
    if isinstance(outcome, Withheld):
        raise outcome.refusal
    response = web.Response(body=outcome.body, headers=_PRIVATE)
    response.headers[hdrs.CONTENT_TYPE] = str(outcome.media_type)
    response.headers[hdrs.ETAG] = str(outcome.etag)
    response.headers[hdrs.VARY] = "Accept, Authorization"
    return response


async def post_deposit(request: web.Request) -> web.Response:
    """A data source delivers a message for one citizen, named in a header: addresses end up in logs, headers do not."""
    vault, agent = request.app[VAULT], await _agent(request)
    async with vault.reading() as work:
        check_role(await work.participants.by_webid(agent.webid), Role.DATA_SOURCE)  # before its megabytes are read
    media_type = parse_media_type(request.headers.get(hdrs.CONTENT_TYPE, ""))
    limits = vault.settings.limits
    raw = await read_limited(request, limits.rdf_bytes if is_rdf(media_type) else limits.xml_bytes)
    citizen = request.headers.get(CITIZEN_HEADER)
    delivery = Delivery(
        raw=raw,
        media_type=media_type,
        person=request.headers.get(PERSON_HEADER),
        citizen=None if citizen is None else parse_webid(citizen),
        reference=request.headers.get(REFERENCE_HEADER),
    )
    report = await deposit_message(
        vault.reading,
        vault.writing,
        agent=agent,
        delivery=delivery,
        catalogue=vault.catalogue,
        number_key=vault.secrets.national_numbers,
        settings=vault.settings,
        base_url=vault.base_url,
        clock=vault.clock,
    )
    facts = report.as_facts(vault.base_url)
    if report.items and len(report.refusals) == len(report.items):
        raise Unprocessable("nothing-accepted", "No item of this message could be taken in.", facts=facts)
    written = any(item.fate.was_written for item in report.items)
    return json_response(facts, 201 if written else 200, headers=_PRIVATE)


async def get_catalogue(request: web.Request) -> web.Response:
    """What can be asked, for what, and by which rules it is looked at; public."""
    return _public(request, _catalogue_bytes(_Held(request.app[VAULT].catalogue)))


async def get_openapi(request: web.Request) -> web.Response:
    """The OpenAPI document, for machines; public."""
    return _public(request, msgspec.json.encode(document(request.app[VAULT].base_url)))


async def get_description(request: web.Request) -> web.Response:
    """Where to begin; public."""
    return _public(request, msgspec.json.encode(describe(request.app[VAULT])))


class _Held:
    """A catalogue as a cache key: the same object, the same bytes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.catalogue is self.catalogue

    def __hash__(self) -> int:
        return id(self.catalogue)


@lru_cache(maxsize=2)
def _catalogue_bytes(held: _Held) -> bytes:
    return msgspec.json.encode(catalogue_body(held.catalogue, LANGUAGES))


def _public(request: web.Request, data: bytes) -> web.Response:
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers: dict[str, str] = {hdrs.CACHE_CONTROL: _PUBLIC, hdrs.ETAG: etag}
    if etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, headers={**headers, hdrs.CONTENT_TYPE: "application/json"})


async def _agent(request: web.Request) -> Agent:
    caller = await caller_of(request)
    if not isinstance(caller, Agent):
        raise Unauthenticated("token-needed", "An organisation comes with its access token.")
    if caller.ceiling is not None:
        # PAIN-05: an app that somebody of the organisation let in, up to a point, is not the organisation.
        raise Forbidden("client-ceiling", "This client works under a ceiling. An organisation comes with its own.")
    return caller


async def _data_user(work: Work, agent: Agent) -> Participant:
    return check_role(await work.participants.by_webid(agent.webid), Role.DATA_USER)


async def _note(vault: Vault, agent: Agent, draft: RequestDraft, refusal: Refusal) -> None:
    """The lock's own no is a line too, in a transaction of its own: the refused one left nothing."""
    async with vault.writing() as work:
        await record_rejection(work, agent=agent, draft=draft, refusal=refusal, now=vault.clock())


async def _grant_of(work: Work, request: AccessRequest) -> Grant | None:
    return await work.grants.for_request(request.id) if request.state is RequestState.APPROVED else None


def _request_body(vault: Vault, request: AccessRequest, grant: Grant | None) -> RequestBody:
    return request_body(request, grant=grant, catalogue=vault.catalogue, lock_url=_lock_url(vault), now=vault.clock())


def _lock_url(vault: Vault) -> str:
    return f"{vault.base_url}datasluis/"


def _page_asked(request: web.Request) -> tuple[int, datetime | None]:
    """`limit` and `before` of the query; the latter as our own Link header gave it."""
    limit, before = request.query.get("limit"), request.query.get("before")
    try:
        count = _PAGE if limit is None else int(limit)
        moment = None if before is None else datetime.fromisoformat(before)
    except ValueError:
        raise Malformed("query", "limit is a number and before is a time, as the Link header gave it.") from None
    if not 1 <= count <= _MOST or (moment is not None and moment.tzinfo is None):
        raise Malformed("query", f"limit is 1 to {_MOST}; before is a time with an offset.")
    return count, moment


async def _whole_moments(
    fetch: Callable[[int], Awaitable[Sequence[T]]], moment: Callable[[T], datetime], limit: int
) -> tuple[Sequence[T], bool]:
    """About `limit` rows, newest first, and whether more follow. The next page starts before the last moment, so rows
    of one moment are never parted: otherwise those beyond the cut would be on no page."""
    count = limit
    while True:
        rows = await fetch(count + 1)
        if len(rows) <= count:
            return rows, False
        cut = count
        while cut and moment(rows[cut - 1]) == moment(rows[count]):
            cut -= 1
        if cut:
            return rows[:cut], True
        count *= 2


def _next(vault: Vault, name: str, before: datetime | None, limit: int) -> dict[str, str]:
    if before is None:
        return _PRIVATE
    query = urlencode({"before": before.astimezone(UTC).isoformat(), "limit": limit})
    return {**_PRIVATE, hdrs.LINK: f'<{_lock_url(vault)}{name}?{query}>; rel="next"'}


ROUTES: Final = (
    Route("GET", "/datasluis/", get_description, Credentials.NOTHING, "datasluis"),
    Route("GET", "/datasluis/openapi.json", get_openapi, Credentials.NOTHING),
    Route("GET", "/datasluis/catalogue", get_catalogue, Credentials.NOTHING),
    Route("POST", "/datasluis/deposits", post_deposit, Credentials.TOKEN),
    Route("POST", "/datasluis/requests", post_request, Credentials.TOKEN),
    Route("GET", "/datasluis/requests", list_requests, Credentials.TOKEN),
    Route("GET", "/datasluis/requests/{request}", get_request, Credentials.TOKEN),
    Route("DELETE", "/datasluis/requests/{request}", delete_request, Credentials.TOKEN),
    Route("GET", "/datasluis/grants", list_grants, Credentials.TOKEN),
    Route("GET", "/datasluis/grants/{grant}", get_grant, Credentials.TOKEN),
    Route("GET", "/datasluis/view/{grant}/{item}", get_view, Credentials.TOKEN),
    Route("HEAD", "/datasluis/view/{grant}/{item}", get_view, Credentials.TOKEN),
)
