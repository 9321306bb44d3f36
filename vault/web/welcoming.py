"""The first visit of somebody who comes from the other provider and whom nobody here knows yet: a new vault, opened
with a passkey or by that sign-in alone; or one that she has already."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Conflict, Forbidden, Malformed, TooMany
from vault.identity.accounts import Account
from vault.identity.errands import Arrival
from vault.identity.federate import open_account
from vault.identity.passkeys import check_opening, taken
from vault.identity.sign_in import Opened, count_sign_up
from vault.ports import Vault, Work
from vault.solid.provision import create_pod
from vault.values import AccountId, parse_pod_name
from vault.web.forms import Form
from vault.web.locales import locale_of
from vault.web.opening import WAY, Answered, Asked, begin, keep_first, name_of, problems_of
from vault.web.pages import Problems, read_form, render, t
from vault.web.passkeys import booth_of, from_own_page, said
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import SIGN_IN, form_targets, start_session, way_to
from vault.web.upstream import (
    LINK,
    WELCOME,
    arrival_of,
    forget_arrival,
    gate_of,
    provider_name,
    refused,
    require_upstream,
)

_POD_CHARACTERS = 40
_PROPOSALS = 20


@dataclass(frozen=True, slots=True)
class WelcomePage:
    """Somebody came from the other provider for the first time: a new vault, or one that she has already."""

    template: ClassVar[str] = "account/welcome.html"
    script: ClassVar[str] = "passkey.js"
    provider: str
    open_to_all: bool
    name: str
    email: str
    pod: str
    base_url: str
    known: str  # where to go with a vault one has already
    number: bool  # the provider gave a national number
    back: str = WELCOME
    problems: Problems = field(default_factory=dict)


async def get_welcome(request: web.Request) -> web.StreamResponse:
    """The first visit: what will be kept, and the name of the vault."""
    vault, arrival = require_upstream(request), arrival_of(request)
    if arrival is None:
        raise web.HTTPSeeOther(SIGN_IN)
    proposal = await _proposal(vault, arrival.name) if vault.settings.upstream.upstream_sign_up else ""
    return _welcome_page(request, arrival, Form([("name", arrival.name), ("email", arrival.email), ("pod", proposal)]))


async def post_welcome(request: web.Request) -> web.StreamResponse:
    """An account without a password, its pod, the sign-in that leads to it, and a session."""
    vault, form, arrival = require_upstream(request), await read_form(request), arrival_of(request)
    if arrival is None:
        raise web.HTTPSeeOther(SIGN_IN)
    _require_open(vault)
    problems = problems_of(request, form)
    if problems or form.get(WAY) == "passkey":
        return _welcome_page(request, arrival, form, problems=problems, status=422 if problems else 200)
    gate = await gate_of(request)
    try:
        await count_sign_up(vault.tries, visitor=gate.visitor, settings=vault.settings, now=gate.now)
        async with vault.writing() as work:
            opened = await _made(work, request, arrival, form)
    except Conflict as refusal:
        if refusal.reason != "account-exists":
            return refused(request, refusal, SIGN_IN)
        # One answer for address and name: it does not say whose address is known here.
        problems = {"email": t(locale_of(request), "account.sign-up.taken")}
        return _welcome_page(request, arrival, form, problems=problems, status=409)
    except (Forbidden, TooMany) as refusal:
        return refused(request, refusal, WELCOME)
    response = web.HTTPSeeOther(arrival.onward)
    start_session(request, response, opened)
    forget_arrival(request, response)
    raise response


async def post_passkey_options(request: web.Request) -> web.Response:
    """What the passkey of the new account has to be like."""
    vault, asked, arrival = require_upstream(request), await from_own_page(request, Asked), _arrival(request)
    _require_open(vault)
    form = Form([("name", asked.name), ("email", asked.email), ("pod", asked.pod)])
    return await begin(request, form, ground=arrival.id)


async def post_passkey(request: web.Request) -> web.Response:
    """The same account, and a passkey that opens it too. It goes straight on: who loses the device can come from the
    provider again."""
    vault, answer, arrival = require_upstream(request), await from_own_page(request, Answered), _arrival(request)
    _require_open(vault)
    opening, key = await check_opening(booth_of(request), answer.credential, ground=arrival.id)
    form = Form([("name", opening.name), ("email", opening.email), ("pod", opening.pod)])
    async with vault.writing() as work:
        try:
            opened = await _made(work, request, arrival, form, account_id=opening.account)
        except Conflict as refusal:
            raise taken() if refusal.reason == "account-exists" else refusal from None
        await keep_first(request, work, await _account(work, opened), key)
    response = said({"next": arrival.onward})
    start_session(request, response, opened)
    forget_arrival(request, response)
    return response


ROUTES: Final = (
    Route("GET", WELCOME, get_welcome, Credentials.VISITOR),
    Route("POST", WELCOME, post_welcome, Credentials.VISITOR),
    Route("POST", f"{WELCOME}/passkey/options", post_passkey_options, Credentials.VISITOR),
    Route("POST", f"{WELCOME}/passkey", post_passkey, Credentials.VISITOR),
)


async def _made(
    work: Work, request: web.Request, arrival: Arrival, form: Form, *, account_id: AccountId | None = None
) -> Opened:
    return await open_account(
        work,
        arrival,
        await gate_of(request),
        email=form.text("email"),
        name=name_of(form),
        pod=parse_pod_name(form.text("pod")),
        create_pod=partial(create_pod, work),
        account_id=account_id,
    )


async def _account(work: Work, opened: Opened) -> Account:
    account = await work.accounts.get(opened.session.account)
    assert account is not None  # it was made in this transaction
    return account


def _arrival(request: web.Request) -> Arrival:
    """Who came to this browser. Raises Forbidden, upon which the script opens the page again: it knows where to go."""
    arrival = arrival_of(request)
    if arrival is None:
        raise Forbidden("signed-out", "Nobody came here from the other provider, or too long ago.")
    return arrival


def _require_open(vault: Vault) -> None:
    if not vault.settings.upstream.upstream_sign_up:
        raise Forbidden("sign-up-closed", "This server does not take new accounts.")


def _welcome_page(
    request: web.Request, arrival: Arrival, form: Form, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    vault = request.app[VAULT]
    page = WelcomePage(
        provider=provider_name(vault),
        open_to_all=vault.settings.upstream.upstream_sign_up,
        name=name_of(form),
        email=form.text("email", limit=254),
        pod=form.text("pod", limit=63),
        base_url=vault.base_url,
        known=way_to(SIGN_IN, LINK),
        number=arrival.number is not None,
        problems=problems or {},
    )
    return render(request, page, status=status, forms_to=form_targets(arrival.onward))


async def _proposal(vault: Vault, name: str) -> str:
    """A name for the vault made from the person's, and not taken so far; empty when hers makes none."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_POD_CHARACTERS].strip("-")
    async with vault.reading() as work:
        for number in range(1, _PROPOSALS):
            proposal = stem if number == 1 else f"{stem}-{number}"
            try:
                if await work.accounts.by_pod(parse_pod_name(proposal)) is None:
                    return proposal
            except Malformed:
                continue
    return ""
