"""The pods and WebIDs of an account, on pages: which pod is looked at, one more pod, a WebID by proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Conflict, Malformed, TooMany, Unprocessable
from vault.identity.hold import (
    MOST_PODS,
    MOST_WEBIDS,
    add_pod,
    link_webid,
    look_at,
    proof_statement,
    proof_text,
    unlink_webid,
    webid_by_reference,
    webid_reference,
)
from vault.identity.sign_in import standing_account
from vault.solid.paths import storage_of
from vault.solid.provision import create_pod
from vault.values import AccountId, PodName, WebId, parse_pod_name, parse_webid
from vault.web.account_holdings import link_desk
from vault.web.pages import Problems, later, locale_of, read_form, render, t
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_person, require_step_up

IDENTITIES: Final = "/my/account/identities"
_NEW_POD: Final = f"{IDENTITIES}/pod"
_LINK: Final = f"{IDENTITIES}/webid"
_NAME_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class PodRow:
    """One of the pods; `looked_at`: the pages show this one."""

    name: str
    url: str
    webid: str
    looked_at: bool


@dataclass(frozen=True, slots=True)
class WebIdRow:
    """A WebID from elsewhere."""

    webid: str
    path: str


@dataclass(frozen=True, slots=True)
class IdentitiesPage:
    """Everything the account holds."""

    template: ClassVar[str] = "account/identities.html"
    nav: ClassVar[str] = "account"
    pods: tuple[PodRow, ...]
    webids: tuple[WebIdRow, ...]
    full: bool
    full_of_webids: bool
    done: str = ""  # pod, looked, linked or unlinked


@dataclass(frozen=True, slots=True)
class NewPodPage:
    """What one more pod is called."""

    template: ClassVar[str] = "account/pod-new.html"
    nav: ClassVar[str] = "account"
    base_url: str
    name: str = ""
    pod: str = ""
    longest: int = _NAME_CHARACTERS
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkPage:
    """A WebID, and what its document must say before it is linked; nothing of that before it is named."""

    template: ClassVar[str] = "account/webid-link.html"
    nav: ClassVar[str] = "account"
    webid: str = ""
    lines: str = ""
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnlinkPage:
    """Before a WebID goes."""

    template: ClassVar[str] = "account/webid-unlink.html"
    nav: ClassVar[str] = "account"
    webid: WebIdRow


async def get_identities(request: web.Request) -> web.Response:
    """The list."""
    person, vault, done = await require_person(request), request.app[VAULT], request.query.get("done", "")
    seen = person.account.pod if person.held is None else person.held.pod
    async with vault.reading() as work:
        held = await work.accounts.pods(person.account.id)
        webids = await work.accounts.webids(person.account.id)
    owners = {one.webid for one in held}
    page = IdentitiesPage(
        pods=tuple(
            PodRow(one.pod, storage_of(one.pod).iri(vault.base_url), one.webid, one.pod == seen) for one in held
        ),
        webids=tuple(_row(webid) for webid in webids if webid not in owners),
        full=len(held) >= MOST_PODS,
        full_of_webids=len(webids) >= MOST_WEBIDS,
        done=done if done in ("pod", "looked", "linked", "unlinked") else "",
    )
    return render(request, page)


async def post_look(request: web.Request) -> web.Response:
    """From now on the pages show this pod."""
    form, person = await read_form(request), await require_person(request)
    async with request.app[VAULT].writing() as work:
        await look_at(work, person.session, PodName(form.text("pod", limit=63)))
    raise web.HTTPSeeOther(f"{IDENTITIES}?done=looked")


async def get_new_pod(request: web.Request) -> web.Response:
    """Where one is made."""
    await require_step_up(request)
    return render(request, NewPodPage(request.app[VAULT].base_url))


async def post_new_pod(request: web.Request) -> web.Response:
    """Makes it, with a WebID of its own."""
    form, vault = await read_form(request), request.app[VAULT]
    await require_step_up(request, back=_NEW_POD)
    person, locale = await require_person(request), locale_of(request)
    name, pod = form.text("name", limit=_NAME_CHARACTERS), form.text("pod", limit=63)
    status, problems = 422, {}
    if not name:
        problems["name"] = t(locale, "identities.name.missing")
    try:
        wanted = parse_pod_name(pod)
        if not problems:
            async with vault.writing() as work:
                await add_pod(
                    work,
                    await standing_account(work, person.session),
                    name=wanted,
                    display_name=name,
                    create_pod=partial(create_pod, work),
                    settings=vault.settings,
                    now=vault.clock(),
                )
            raise web.HTTPSeeOther(f"{IDENTITIES}?done=pod")
    except Malformed:
        problems["pod"] = t(locale, "identities.pod.wrong")
    except Conflict as refusal:
        status, words = 409, "identities.full" if refusal.reason == "pods-many" else "identities.pod.taken"
        problems["pod"] = t(locale, words, most=MOST_PODS)
    return render(request, NewPodPage(vault.base_url, name, pod, problems=problems), status=status)


async def get_link(request: web.Request) -> web.Response:
    """Where a WebID from elsewhere is named."""
    await require_step_up(request)
    return render(request, LinkPage())


async def post_link(request: web.Request) -> web.Response:
    """Links it when its document says so already; else says what has to stand there."""
    form, vault = await read_form(request), request.app[VAULT]
    await require_step_up(request, back=_LINK)
    person, text = await require_person(request), form.text("webid", limit=2048)
    try:
        webid = parse_webid(text)
    except Malformed:
        return _link_problem(request, text, "identities.webid.wrong")
    lines = _lines(request, person.account.id, webid)
    try:
        await link_webid(link_desk(vault, locale_of(request)), person.session, webid)
    except TooMany as refusal:
        return later(_link_problem(request, text, "account.tries", lines, status=429), refusal)
    except Conflict as refusal:
        return _link_problem(request, text, f"identities.{refusal.reason}", status=409)
    except Unprocessable as refusal:
        if refusal.reason == "webid-proof" and "shown" not in form:
            return render(request, LinkPage(text, lines))
        return _link_problem(request, text, f"identities.{refusal.reason}", lines)
    raise web.HTTPSeeOther(f"{IDENTITIES}?done=linked")


async def get_unlink(request: web.Request) -> web.Response:
    """Asks whether it may go."""
    await require_step_up(request)
    return render(request, UnlinkPage(_row(await _webid(request))))


async def post_unlink(request: web.Request) -> web.Response:
    """The account signs in as it no more."""
    await read_form(request)
    webid, vault = await _webid(request), request.app[VAULT]
    await require_step_up(request, back=request.path)
    person = await require_person(request)
    async with vault.writing() as work:
        account = await standing_account(work, person.session)
        settings, language = vault.settings, locale_of(request)
        await unlink_webid(work, account, webid, settings=settings, language=language, now=vault.clock())
    raise web.HTTPSeeOther(f"{IDENTITIES}?done=unlinked")


_ONE: Final = IDENTITIES + "/{webid:[0-9a-f]{32}}/unlink"

ROUTES: Final = (
    Route("GET", IDENTITIES, get_identities, Credentials.SESSION),
    Route("POST", f"{IDENTITIES}/look", post_look, Credentials.SESSION),
    Route("GET", _NEW_POD, get_new_pod, Credentials.SESSION),
    Route("POST", _NEW_POD, post_new_pod, Credentials.SESSION),
    Route("GET", _LINK, get_link, Credentials.SESSION),
    Route("POST", _LINK, post_link, Credentials.SESSION),
    Route("GET", _ONE, get_unlink, Credentials.SESSION),
    Route("POST", _ONE, post_unlink, Credentials.SESSION),
)


async def _webid(request: web.Request) -> WebId:
    """The WebID of the address, if it is this account's. Raises Missing."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        return await webid_by_reference(work, person.account.id, request.match_info["webid"])


def _link_problem(request: web.Request, text: str, words: str, lines: str = "", *, status: int = 422) -> web.Response:
    problems = {"webid": t(locale_of(request), words)}
    return render(request, LinkPage(text, lines, problems), status=status)


def _lines(request: web.Request, account: AccountId, webid: WebId) -> str:
    vault = request.app[VAULT]
    text = proof_text(account, webid, key=vault.secrets.forms, now=vault.clock())
    issuer = f"<{webid}> <http://www.w3.org/ns/solid/terms#oidcIssuer> <{vault.base_url}> ."
    return f"{issuer}\n{proof_statement(webid, text)}"


def _row(webid: WebId) -> WebIdRow:
    return WebIdRow(webid, f"{IDENTITIES}/{webid_reference(webid)}/unlink")
