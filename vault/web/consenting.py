"""The authorization endpoint for people: sign in, say yes or no to an app, and go back to it with the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, assert_never
from urllib.parse import urlencode

from aiohttp import web

from vault.errors import Malformed, OAuthRefusal
from vault.identity.authorize import (
    Choice,
    ConsentQuestion,
    Desk,
    Outcome,
    Reason,
    Redirect,
    SignInQuestion,
    authorize,
)
from vault.identity.clients import Client
from vault.web.oidc import AUTHORIZE, NOT_STORED, posted, query_pairs
from vault.web.pages import read_form, render
from vault.web.responses import wants_page
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import LEVEL, SIGN_IN, person_of, redirect_targets, way_to

CONSENT: Final = "/idp/consent"


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """One app asks to act for the person: who it is as far as known, what it will be able to do and what not."""

    template: ClassVar[str] = "account/consent.html"
    client: Client
    host: str  # where the answer goes: the one thing about an app that is certain
    documented: bool  # its name and addresses come from a document at its own URL
    scope: frozenset[str]
    reason: Reason
    email: str
    account: str
    resume: str
    change: str  # where to sign in as somebody else
    back: str


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """An authorization request that may not even be answered by a redirect: what is wrong, for person and developer."""

    template: ClassVar[str] = "account/refused.html"
    reason: str
    detail: str


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
    try:
        choice = Choice(form.get("choice", ""))
    except ValueError:
        raise Malformed("choice", "Say yes or no.") from None
    return await _answer_authorization(request, query_pairs(form.get("resume", "")), choice)


ROUTES: Final = (
    Route("GET", AUTHORIZE, get_authorization, Credentials.VISITOR),
    Route("POST", AUTHORIZE, post_authorization, Credentials.VISITOR),
    Route("POST", CONSENT, post_consent, Credentials.SESSION),
)


async def _answer_authorization(
    request: web.Request, parameters: Sequence[tuple[str, str]], choice: Choice | None
) -> web.StreamResponse:
    vault = request.app[VAULT]
    desk = Desk(
        reading=vault.reading,
        writing=vault.writing,
        issuers=vault.issuers,
        settings=vault.settings,
        key=vault.secrets.forms,
        now=vault.clock(),
        person=await person_of(request),
        choice=choice,
    )
    try:
        outcome: Outcome = await authorize(parameters, desk)
    except OAuthRefusal as refusal:
        if not wants_page(request):
            raise
        return render(request, RefusedPage(refusal.reason, refusal.detail), status=400)
    match outcome:
        case Redirect():
            # RFC 9700 §4.12: 303, so that no browser sends the form, and with it the answer, once more.
            return to_client(outcome.url)
        case SignInQuestion(level=level) if level:
            onward = f"{AUTHORIZE}?{urlencode(outcome.resume)}"
            raise web.HTTPSeeOther(way_to(LEVEL, onward, level=level, optional="1"))
        case SignInQuestion():
            again = {"again": "1"} if outcome.reason is Reason.SIGN_IN_AGAIN else {}
            raise web.HTTPSeeOther(way_to(SIGN_IN, f"{AUTHORIZE}?{urlencode(outcome.resume)}", **again))
        case ConsentQuestion():
            return _consent_page(request, outcome)
        case _:
            assert_never(outcome)


def to_client(url: str) -> web.Response:
    """A redirect to a client, byte for byte as the URL was put together."""
    return web.Response(status=303, headers={"Location": url, **NOT_STORED})


def _consent_page(request: web.Request, question: ConsentQuestion) -> web.Response:
    asked, person = question.request, question.request.person
    assert person is not None  # the steps have asked for a sign-in before
    resume = urlencode(asked.resume())
    here = f"{AUTHORIZE}?{resume}"
    page = ConsentPage(
        client=question.client,
        host=_host(asked.redirect_uri or ""),
        documented=question.client.id.startswith(("https://", "http://")),
        scope=asked.scope,
        reason=question.reason,
        email=person.account.email,
        account=person.account.id,
        resume=resume,
        change=way_to(SIGN_IN, here, again="1"),
        back=here,
    )
    return render(request, page, forms_to=redirect_targets(asked.parameters))


def _host(redirect_uri: str) -> str:
    scheme, _, rest = redirect_uri.partition("://")
    return rest.partition("/")[0].partition("?")[0] if scheme in ("https", "http") else redirect_uri.partition(":")[0]
