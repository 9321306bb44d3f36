"""The apps that a person let in: which, how far, since when, used when last; another ceiling; and out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Missing
from vault.identity.accounts import Account, Consent
from vault.identity.clients import ClientFacts
from vault.identity.consent import facts_of, limit, withdraw
from vault.identity.tokens import digest
from vault.notify.subscribe import end_for
from vault.ports import Work
from vault.values import ClientId
from vault.web.consenting import forget_standing, name_of_webid
from vault.web.locales import locale_of
from vault.web.pages import read_form, render
from vault.web.reach import Reach, ceiling_of, in_words, lacks_folders, nothing_yet, reach_of, read_reach
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_person
from vault.web.wording import NAME_CHARACTERS, Tongue, clean

APPS: Final = "/my/account/apps"


@dataclass(frozen=True, slots=True)
class AppCard:
    """One app. `key` names it in addresses; `host` and `name` are what the person was shown when letting it in."""

    key: str
    name: str
    host: str
    reach: str
    since: datetime
    last_used: datetime | None
    as_whom: str  # nothing where the person has one WebID


@dataclass(frozen=True, slots=True)
class AppsPage:
    """Every app that is in."""

    template: ClassVar[str] = "account/apps.html"
    nav: ClassVar[str] = "account"
    apps: tuple[AppCard, ...]
    done: bool  # one was shown out a moment ago


@dataclass(frozen=True, slots=True)
class AppPage:
    """One app, and how far it may reach."""

    template: ClassVar[str] = "account/app.html"
    nav: ClassVar[str] = "account"
    app: AppCard
    reach: Reach
    done: bool
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DisconnectPage:
    """The one question before an app is out."""

    template: ClassVar[str] = "account/disconnect.html"
    nav: ClassVar[str] = "account"
    app: AppCard


async def get_apps(request: web.Request) -> web.Response:
    """The list, the latest decision first."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        consents = await work.clients.consents(person.account.id)
        cards = [await _card(request, work, person.account, consent) for consent in consents]
    return render(request, AppsPage(tuple(cards), request.query.get("done") == "1"))


async def get_app(request: web.Request) -> web.Response:
    """One app."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        consent = await _consent(work, person.account, request)
        card = await _card(request, work, person.account, consent)
        reach = await reach_of(work, person.account, consent.ceiling)
    return render(request, AppPage(card, reach, request.query.get("done") == "1"))


async def post_app(request: web.Request) -> web.Response:
    """Another ceiling; it counts from the app's next request on, without its help."""
    person = await require_person(request)
    vault, form = request.app[VAULT], await read_form(request)
    async with vault.reading() as work:
        consent = await _consent(work, person.account, request)
        reach = read_reach(form, await reach_of(work, person.account, consent.ceiling or nothing_yet()))
        card = await _card(request, work, person.account, consent)
    if "entered" in form or lacks_folders(reach):
        tongue = Tongue(locale_of(request), vault.catalogue)
        problems = {} if "entered" in form else {"reach": tongue.say("account.consent.no-folder")}
        return render(request, AppPage(card, reach, False, problems), status=422 if problems else 200)
    async with vault.writing() as work:
        await limit(work, person.account, consent.client, ceiling_of(reach), now=vault.clock())
    await forget_standing(vault, person.account, consent.client)
    raise web.HTTPSeeOther(f"{APPS}/{card.key}?done=1")


async def ask_disconnect(request: web.Request) -> web.Response:
    """Whether to."""
    person = await require_person(request)
    async with request.app[VAULT].reading() as work:
        consent = await _consent(work, person.account, request)
        return render(request, DisconnectPage(await _card(request, work, person.account, consent)))


async def disconnect(request: web.Request) -> web.Response:
    """The app is out: its consent, its refresh tokens and its channels end in one transaction, and its access tokens
    with the consent (UX-15)."""
    person = await require_person(request)
    vault = request.app[VAULT]
    await read_form(request)
    now = vault.clock()
    async with vault.writing() as work:
        consent = await _consent(work, person.account, request)
        await withdraw(work, person.account, consent.client, now=now)
        for webid in await work.accounts.webids(person.account.id):
            await end_for(work, webid, consent.client, now=now)
    await forget_standing(vault, person.account, consent.client)
    raise web.HTTPSeeOther(f"{APPS}?done=1")


ROUTES: Final = (
    Route("GET", APPS, get_apps, Credentials.SESSION, "apps"),
    Route("GET", APPS + "/{app}", get_app, Credentials.SESSION, "app"),
    Route("POST", APPS + "/{app}", post_app, Credentials.SESSION),
    Route("GET", APPS + "/{app}/disconnect", ask_disconnect, Credentials.SESSION, "disconnect"),
    Route("POST", APPS + "/{app}/disconnect", disconnect, Credentials.SESSION),
)


def key_of(client: ClientId) -> str:
    """An app in an address: client ids are addresses themselves, and too long and too telling to stand in one."""
    return digest(client)[:32]


async def _consent(work: Work, account: Account, request: web.Request) -> Consent:
    """The app that the address names, among those of this person; raises Missing."""
    for consent in await work.clients.consents(account.id):
        if key_of(consent.client) == request.match_info["app"]:
            return consent
    raise Missing("no-such-app", "This app is not connected.")


async def _card(request: web.Request, work: Work, account: Account, consent: Consent) -> AppCard:
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    facts = consent.seen or await _facts(work, consent.client)
    webids = await work.accounts.webids(account.id)
    return AppCard(
        key=key_of(consent.client),
        name=clean(facts.name, NAME_CHARACTERS),
        host=facts.host,
        reach=in_words(consent.ceiling, account, tongue),
        since=consent.given,
        last_used=consent.last_used,
        as_whom=name_of_webid(consent.webid or account.webid, vault.base_url) if len(webids) > 1 else "",
    )


async def _facts(work: Work, client_id: ClientId) -> ClientFacts:
    """Of a client whose facts were not noted down: those of its registration, or else its id."""
    client = await work.clients.get(client_id)
    return ClientFacts(client_id, client_id) if client is None else facts_of(client)
