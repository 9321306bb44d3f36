"""Closing the account (UX-33): what goes and what others keep, a time in which it can be kept, and a receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final

from aiohttp import web

from vault.datasluis.leave import Reader, check_may_leave, leaving
from vault.errors import Conflict
from vault.identity.close import (
    Receipt,
    account_to_keep,
    begin_closing,
    find_receipt,
    keep_account,
    keep_by_link,
    receipt_token,
)
from vault.values import Citizen
from vault.web.letters import KEEP
from vault.web.pages import Problems, locale_of, read_form, render, t
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import person_of, require_citizen, require_person, require_step_up

CLOSE: Final = "/my/account/close"
KEEP_MINE: Final = "/my/account/keep"
RECEIPT: Final = "/idp/closed"


@dataclass(frozen=True, slots=True)
class ClosePage:
    """Before: what ends, what stays with others. After: until when it can be kept, and where the receipt will be."""

    template: ClassVar[str] = "account/close.html"
    nav: ClassVar[str] = "account"
    grants: int
    requests: int
    readers: tuple[Reader, ...]
    pods: tuple[str, ...]
    until: datetime
    asked: bool
    receipt: str
    back: str = CLOSE
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeepPage:
    """Behind the link of the letter: keep it?"""

    template: ClassVar[str] = "account/keep.html"
    email: str
    until: datetime
    link: str
    back: str


@dataclass(frozen=True, slots=True)
class KeptPage:
    """It stays."""

    template: ClassVar[str] = "account/kept.html"


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """That it is closed, or will be."""

    template: ClassVar[str] = "account/closed.html"
    receipt: Receipt
    back: str


async def get_close(request: web.Request) -> web.Response:
    """What closing means; whoever sees it has just proved who they are."""
    person = await person_of(request)
    asked = person is not None and person.account.closes is not None
    citizen = await (require_citizen if asked else require_step_up)(request)
    return await _close_page(request, citizen)


async def post_close(request: web.Request) -> web.Response:
    """Asks for it, by somebody who is sure."""
    citizen = await require_step_up(request, back=CLOSE)
    form, vault = await read_form(request), request.app[VAULT]
    if form.get("sure") != "yes":
        problems = {"sure": t(locale_of(request), "close.not-sure")}
        return await _close_page(request, citizen, problems=problems, status=422)
    now = vault.clock()
    async with vault.writing() as work:
        account = await work.accounts.get(citizen.account)
        if account is None:
            raise Conflict("closing-already", "This account is gone.")
        await check_may_leave(work, account)
        language = locale_of(request)
        await begin_closing(work, account, actor=citizen.webid, settings=vault.settings, now=now, language=language)
    raise web.HTTPSeeOther(CLOSE)


async def post_keep_mine(request: web.Request) -> web.Response:
    """Keeps it, from the banner."""
    citizen = await require_citizen(request)
    await read_form(request)
    vault = request.app[VAULT]
    async with vault.writing() as work:
        await keep_account(work, citizen.account, actor=None, now=vault.clock())
    raise web.HTTPSeeOther("/my/account?kept=1")


async def get_keep(request: web.Request) -> web.Response:
    """Behind the link of the letter. Looking at it uses nothing up."""
    if "done" in request.query:
        return render(request, KeptPage())
    vault, token, now = request.app[VAULT], request.query.get("link", ""), request.app[VAULT].clock()
    async with vault.reading() as work:
        account = await account_to_keep(work, token, key=vault.secrets.links, now=now)
    return render(request, KeepPage(account.email, account.closes or now, token, f"{KEEP}?link={token}"))


async def post_keep(request: web.Request) -> web.Response:
    """Keeps it; the letter is proof enough, since it only takes something back."""
    form, vault = await read_form(request), request.app[VAULT]
    async with vault.writing() as work:
        await keep_by_link(work, form.text("link"), key=vault.secrets.links, now=vault.clock())
    raise web.HTTPSeeOther(f"{KEEP}?done=1")


async def get_receipt(request: web.Request) -> web.Response:
    """The receipt, for whoever kept its address."""
    vault, token = request.app[VAULT], request.query.get("receipt", "")
    async with vault.reading() as work:
        receipt = await find_receipt(work, token, key=vault.secrets.links)
    return render(request, ReceiptPage(receipt, f"{RECEIPT}?receipt={token}"))


ROUTES: Final = (
    Route("GET", CLOSE, get_close, Credentials.SESSION),
    Route("POST", CLOSE, post_close, Credentials.SESSION),
    Route("POST", KEEP_MINE, post_keep_mine, Credentials.SESSION),
    Route("GET", KEEP, get_keep, Credentials.VISITOR),
    Route("POST", KEEP, post_keep, Credentials.VISITOR),
    Route("GET", RECEIPT, get_receipt, Credentials.VISITOR),
)


async def _close_page(
    request: web.Request, citizen: Citizen, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    vault, person = request.app[VAULT], await require_person(request)
    now, closes = vault.clock(), person.account.closes
    grants, requests, readers = 0, 0, list[Reader]()
    async with vault.reading() as work:
        await check_may_leave(work, person.account)
        pods = [held.pod for held in await work.accounts.pods(citizen.account)]
        for pod in pods:
            found = await leaving(work, pod, now=now)
            grants, requests = grants + found.grants, requests + found.requests
            readers += found.readers
    page = ClosePage(
        grants=grants,
        requests=requests,
        readers=tuple(readers),
        pods=tuple(f"{vault.base_url}{pod}/" for pod in pods),
        until=closes or now + timedelta(days=vault.settings.identity.closing_days),
        asked=closes is not None,
        receipt=f"{vault.base_url}{RECEIPT[1:]}?receipt={receipt_token(person.account, key=vault.secrets.links)}",
        problems=problems or {},
    )
    return render(request, page, status=status)
