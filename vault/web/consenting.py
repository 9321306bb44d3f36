"""The authorization endpoint for people: sign in, say yes or no to an app, and go back to it with the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, assert_never
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from vault.errors import Malformed, OAuthRefusal
from vault.identity.accounts import Account
from vault.identity.authorization import ConsentQuestion, Desk, Outcome, Person, Redirect, SignInQuestion
from vault.identity.authorize import authorize
from vault.identity.clients import Client
from vault.identity.consent import Answer, Change, Choice, Reason, changes, facts_of, host_of, mark_of
from vault.ports import Vault
from vault.values import ClientId, WebId
from vault.web.locales import locale_of, t
from vault.web.oidc import AUTHORIZE, NOT_STORED, posted, query_pairs
from vault.web.pages import Form, read_form, render
from vault.web.reach import Reach, ceiling_of, lacks_folders, nothing_yet, reach_of, read_reach
from vault.web.responses import wants_page
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import LEVEL, SIGN_IN, person_of, redirect_targets, way_to
from vault.web.wording import NAME_CHARACTERS, clean, link, mixed_scripts, shown_link

CONSENT: Final = "/idp/consent"


@dataclass(frozen=True, slots=True)
class AsWhom:
    """One of the person's WebIDs, to choose from. Shown by its pod, or where it lives elsewhere by that place."""

    webid: WebId
    name: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """One app asks to act for the person: who it is as far as known, what it may do and what not, and how far."""

    template: ClassVar[str] = "account/consent.html"
    client: Client
    host: str  # where the answer goes: the one thing about an app that is certain
    vouched: str  # by what its name is known: "document" (at its own URL), "itself" or "operator"
    links: tuple[tuple[str, str], ...]  # pages about it, on its own host: what they are, and where
    mixed: bool  # letters of different scripts in its name: it may pose as another
    scope: frozenset[str]
    reason: Reason
    changes: tuple[Change, ...]
    email: str
    account: str
    webids: tuple[AsWhom, ...]
    reach: Reach
    resume: str
    seen: str  # the mark of what the page says about the app
    change: str  # where to sign in as somebody else
    back: str
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """An authorization request that may not even be answered by a redirect: what is wrong, for person and developer.
    `over`: it was a good one, and waited too long; `email`: of who is signed in, or empty."""

    template: ClassVar[str] = "account/refused.html"
    reason: str
    detail: str
    over: bool
    email: str


async def get_authorization(request: web.Request) -> web.StreamResponse:
    """The authorization endpoint (OP-3)."""
    parameters = query_pairs(request.rel_url.raw_query_string)
    return await _answer_authorization(request, parameters, None)


async def post_authorization(request: web.Request) -> web.StreamResponse:
    """OpenID Connect Core §3.1.2.1: POST too. Told to come back with GET, since the browser brings the session cookie
    of a form that another site sent only then."""
    raise web.HTTPSeeOther(f"{AUTHORIZE}?{urlencode(await posted(request))}")


async def post_consent(request: web.Request) -> web.StreamResponse:
    """The person's yes or no. Every step is taken again: nothing the form says about the request is believed."""
    form = await read_form(request)
    person = await person_of(request)
    if person is not None and form.get("account") != person.account.id:
        # Somebody else has signed in at this browser since the question was put.
        raise web.HTTPSeeOther(f"{AUTHORIZE}?{form.get('resume', '')}")
    parameters = query_pairs(form.get("resume", ""))
    if person is None:
        return await _answer_authorization(request, parameters, None)
    said = form.get("choice", "")
    if said == Choice.REFUSE:
        return await _answer_authorization(request, parameters, Answer(Choice.REFUSE))
    reach = await _read_reach(request, person, form)
    webid = WebId(form["webid"]) if "webid" in form else None
    if said == Choice.ALLOW and not lacks_folders(reach):
        answer = Answer(Choice.ALLOW, ceiling_of(reach), webid, form.get("seen", ""))
        return await _answer_authorization(request, parameters, answer)
    if said != Choice.ALLOW and "entered" not in form:
        raise Malformed("choice", "Say yes or no.")
    # Not finished, or Enter was pressed in a field, which decides nothing: the question stands as it was.
    return await _answer_authorization(request, parameters, None, asked=(reach, webid, said == Choice.ALLOW))


ROUTES: Final = (
    Route("GET", AUTHORIZE, get_authorization, Credentials.VISITOR),
    Route("POST", AUTHORIZE, post_authorization, Credentials.VISITOR),
    Route("POST", CONSENT, post_consent, Credentials.SESSION),
)


# What is on a form that comes back: how far, as whom, and whether something is missing on it.
_Asked = tuple[Reach, WebId | None, bool]


async def _answer_authorization(
    request: web.Request,
    parameters: Sequence[tuple[str, str]],
    answer: Answer | None,
    *,
    asked: _Asked | None = None,
) -> web.StreamResponse:
    vault = request.app[VAULT]
    person = await person_of(request)
    desk = Desk(
        reading=vault.reading,
        writing=vault.writing,
        issuers=vault.issuers,
        settings=vault.settings,
        key=vault.secrets.forms,
        now=vault.clock(),
        person=person,
        answer=answer,
    )
    try:
        outcome: Outcome = await authorize(parameters, desk)
    except OAuthRefusal as refusal:
        if not wants_page(request):
            raise
        over, email = refusal.reason == "invalid_request_uri", person.account.email if person is not None else ""
        return render(request, RefusedPage(refusal.reason, refusal.detail, over, email), status=400)
    match outcome:
        case Redirect():
            if person is not None and answer is not None:
                await forget_standing(vault, person.account, ClientId(dict(parameters).get("client_id", "")))
            # RFC 9700 §4.12: 303, so that no browser sends the form, and with it the answer, once more.
            return to_client(outcome.url)
        case SignInQuestion(level=level) if level:
            onward = f"{AUTHORIZE}?{urlencode(outcome.resume)}"
            raise web.HTTPSeeOther(way_to(LEVEL, onward, level=level, optional="1"))
        case SignInQuestion():
            again = {"again": "1"} if outcome.reason is Reason.SIGN_IN_AGAIN else {}
            raise web.HTTPSeeOther(way_to(SIGN_IN, f"{AUTHORIZE}?{urlencode(outcome.resume)}", **again))
        case ConsentQuestion():
            return await _consent_page(request, outcome, asked)
        case _:
            assert_never(outcome)


async def _read_reach(request: web.Request, person: Person, form: Form) -> Reach:
    async with request.app[VAULT].reading() as work:
        return read_reach(form, await reach_of(work, person.account, nothing_yet()))


def to_client(url: str) -> web.Response:
    """A redirect to a client, byte for byte as the URL was put together."""
    return web.Response(status=303, headers={"Location": url, **NOT_STORED})


async def _consent_page(request: web.Request, question: ConsentQuestion, asked: _Asked | None) -> web.Response:
    wanted, client, given = question.request, question.client, question.given
    person = wanted.person
    assert person is not None  # the steps have asked for a sign-in before
    resume = urlencode(wanted.resume())
    here = f"{AUTHORIZE}?{resume}"
    if asked is None:
        before = given.ceiling if given is not None else nothing_yet()
        async with request.app[VAULT].reading() as work:
            asked = (await reach_of(work, person.account, before), given.webid if given is not None else None, False)
    reach, webid, unfinished = asked
    problems = {"reach": t(locale_of(request), "account.consent.no-folder")} if unfinished else {}
    redirect_uri = wanted.redirect_uri or ""
    page = ConsentPage(
        client=client,
        host=host_of(redirect_uri),
        vouched=_vouched(client),
        links=own_pages(client, redirect_uri),
        mixed=mixed_scripts(client.name),
        scope=wanted.scope,
        reason=question.reason,
        changes=changes(given.seen, facts_of(client)) if given is not None else (),
        email=person.account.email,
        account=person.account.id,
        webids=_as_whom(request, question.webids, webid),
        reach=reach,
        resume=resume,
        seen=mark_of(client),
        change=way_to(SIGN_IN, here, again="1"),
        back=here,
        problems=problems,
    )
    status = 422 if problems else 200
    return render(request, page, status=status, forms_to=redirect_targets(wanted.parameters))


async def forget_standing(vault: Vault, account: Account, client: ClientId) -> None:
    """After the commit: what was decided about this client counts in this process for the very next request, for the
    tokens that it holds already too; in other processes a second later."""
    async with vault.reading() as work:
        webids = await work.accounts.webids(account.id)
    for webid in webids:
        vault.issuers.forget_standing(webid, client)


def own_pages(client: Client, redirect_uri: str) -> tuple[tuple[str, str], ...]:
    """Pages about the client that stand where its answer goes, or where its document is: only those can be its own."""
    hosts = {host_of(redirect_uri), urlsplit(client.id).netloc} - {""}
    found = (("website", client.client_uri), ("policy", client.policy_uri), ("terms", client.tos_uri))
    return tuple((what, url) for what, url in found if url and link(url) and host_of(url) in hosts)


def name_of_webid(webid: WebId, base_url: str) -> str:
    """A WebID without its technical form: the pod it describes, or the place elsewhere that it stands at."""
    if webid.startswith(base_url):
        return webid.removeprefix(base_url).partition("/")[0]
    return clean(shown_link(webid.partition("#")[0]), NAME_CHARACTERS)


def _vouched(client: Client) -> str:
    if client.id.startswith(("https://", "http://")):
        return "document"
    return "itself" if client.dynamic else "operator"


def _as_whom(request: web.Request, webids: Sequence[WebId], chosen: WebId | None) -> tuple[AsWhom, ...]:
    """Nothing to choose where there is one."""
    if len(webids) < 2:
        return ()
    base_url = request.app[VAULT].base_url
    picked = chosen if chosen in webids else webids[0]
    return tuple(AsWhom(webid, name_of_webid(webid, base_url), webid == picked) for webid in webids)
