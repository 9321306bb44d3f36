"""The authorization endpoint as a table of steps (OpenID Connect Core §3.1.2, RFC 6749 §4.1, RFC 9700).

Each step takes the request as it has become so far and returns it, a question for the person, or raises OAuthRefusal.
Before `check_redirect_uri` has passed, nothing is ever redirected: such a refusal is a page (VEC-R01 to R16).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from vault.errors import Forbidden, OAuthRefusal
from vault.identity.accounts import Account, Code, Consent
from vault.identity.authorization import (
    FRESH,
    SCOPES,
    AuthorizationRequest,
    ConsentQuestion,
    Desk,
    Outcome,
    Person,
    Redirect,
    SignInQuestion,
    Step,
    StepResult,
)
from vault.identity.claims import read_id_hint
from vault.identity.clients import AUTHORIZATION_CODE, Client, redirect_allowed
from vault.identity.consent import Choice, Reason, give, mark_of, reason_to_ask, refuse
from vault.identity.levels import open_wish
from vault.identity.moments import read_moment, seal_moment
from vault.identity.ports import IdentityWork
from vault.identity.prove import find_client
from vault.identity.pushed import REQUEST_URI, find_pushed, hold_pushed, use_pushed
from vault.identity.sign_in import standing_account
from vault.identity.tokens import digest
from vault.values import ClientId

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_THUMBPRINT = _CHALLENGE


async def authorize(parameters: Sequence[tuple[str, str]], desk: Desk) -> Outcome:
    """Goes through the steps. Raises OAuthRefusal only where nothing may be redirected: the answer is a page."""
    request = AuthorizationRequest(_once(parameters))
    for step in STEPS:
        try:
            result = await step(request, desk)
        except OAuthRefusal as refusal:
            if request.redirect_uri is None:
                raise
            if request.pushed is not None:
                await use_pushed(desk.writing, request.pushed, now=desk.now)
            answer = {"error": refusal.reason, "error_description": refusal.detail}
            return _answer(request, answer, desk)
        if not isinstance(result, AuthorizationRequest):
            if request.pushed is not None and not isinstance(result, Redirect):
                await hold_pushed(desk.writing, request.pushed, now=desk.now)
            return result
        request = result
    raise AssertionError("the last step always answers")


async def load_pushed(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """RFC 9126 §4: what was pushed takes the place of everything in the URL but the client, who must be the same."""
    uri = request.get("request_uri") or ""
    if not uri.startswith(REQUEST_URI):
        return request
    pushed = await find_pushed(desk.reading, uri, now=desk.now)
    if pushed is None or pushed.parameters["client_id"] != request.get("client_id"):
        raise OAuthRefusal("invalid_request_uri", "request_uri: not known here, or too old; the app must ask again")
    sealed = {FRESH: request.parameters[FRESH]} if FRESH in request.parameters else {}
    return replace(request, parameters={**pushed.parameters, **sealed}, pushed=pushed)


async def load_client(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """Who asks (VEC-R15, R16)."""
    named = request.get("client_id")
    if named is None:
        raise OAuthRefusal("invalid_request", "client_id: missing")
    client = await find_client(ClientId(named), reading=desk.reading, issuers=desk.issuers)
    return replace(request, client=client)


async def check_redirect_uri(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """OP-5: "exact match". From here on the client hears of what is wrong; before, only the person does."""
    asked = request.get("redirect_uri")
    if asked is None:
        raise OAuthRefusal("invalid_request", "redirect_uri: missing")
    if not redirect_allowed(_client(request), asked):
        raise OAuthRefusal("invalid_request", "redirect_uri: not one of those this client registered")
    return replace(request, redirect_uri=asked)


async def check_response_type(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """Codes in the query, and nothing else: no implicit flow, no request objects (VEC-R19)."""
    if request.get("response_type") is None:
        raise OAuthRefusal("invalid_request", "response_type: missing")
    if request.get("response_type") != "code":
        raise OAuthRefusal("unsupported_response_type", "response_type: expected code")
    if request.get("response_mode") not in (None, "query"):
        raise OAuthRefusal("invalid_request", "response_mode: expected query")
    if request.get("request") is not None:
        raise OAuthRefusal("request_not_supported", "request: not supported")
    if request.get("request_uri") is not None:
        raise OAuthRefusal("request_uri_not_supported", "request_uri: not supported")
    if request.get("registration") is not None:
        raise OAuthRefusal("registration_not_supported", "registration: not supported")
    if AUTHORIZATION_CODE not in _client(request).grant_types:
        raise OAuthRefusal("unauthorized_client", "grant_types: this client has no authorization_code")
    return request


async def check_pkce(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """OP-3: PKCE with S256, for every client (VEC-R17, R18)."""
    if not _CHALLENGE.fullmatch(request.get("code_challenge") or ""):
        raise OAuthRefusal("invalid_request", "code_challenge: expected the S256 challenge of RFC 7636")
    if request.get("code_challenge_method") != "S256":
        raise OAuthRefusal("invalid_request", "code_challenge_method: expected S256")
    if (bound := request.get("dpop_jkt")) is not None and not _THUMBPRINT.fullmatch(bound):
        raise OAuthRefusal("invalid_request", "dpop_jkt: expected a SHA-256 thumbprint")
    return request


async def check_scope(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """Scopes we do not know are left out, not refused (RFC 6749 §3.3); the token answer says what remained."""
    return replace(request, scope=frozenset((request.get("scope") or "").split()) & frozenset(SCOPES))


async def check_prompt(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """`prompt` and `max_age`: must the person sign in anew, and since when does that count?"""
    prompts = frozenset((request.get("prompt") or "").split())
    if "none" in prompts and len(prompts) > 1:
        raise OAuthRefusal("invalid_request", "prompt: none stands alone")
    since: datetime | None = None
    if prompts & {"login", "select_account"}:
        since = _asked_at(request, desk) or desk.now + timedelta(seconds=1)
    if (text := request.get("max_age")) is not None:
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise OAuthRefusal("invalid_request", "max_age: expected seconds")
        oldest = desk.now - timedelta(seconds=int(text))
        asked = _asked_at(request, desk)
        # A sign-in that this very request brought about counts, or max_age=0 would never come to an end.
        oldest = min(oldest, asked) if asked is not None else oldest
        since = max(since, oldest) if since is not None else oldest
    return replace(request, prompts=prompts, signed_in_since=since)


async def check_pushed(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """One answer to each pushed request (VEC-R22), and nothing but pushed requests where the client wants it so."""
    if request.pushed is not None and request.pushed.used:
        raise OAuthRefusal("invalid_request_uri", "request_uri: answered before")
    if request.pushed is None and _client(request).must_push:  # RFC 9126 §6
        raise OAuthRefusal("invalid_request", "request_uri: this client pushes its authorization requests")
    return request


async def load_session(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """Who is at the browser, if that is anybody still welcome."""
    person = desk.person
    return replace(request, person=None if person is None or person.account.locked else person)


async def heed_hint(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """OpenID Connect Core §3.1.2.1, `id_token_hint`: the answer is about the person that it names, or there is none.
    Somebody else at the browser may sign in as that person, once."""
    text, person = request.get("id_token_hint"), request.person
    if text is None:
        return request
    keys = await desk.issuers.keys(desk.issuer)
    named = read_id_hint(text, keys, own_issuer=desk.issuer, limits=desk.settings.limits)
    if named is None or named[1] != _client(request).id:
        raise OAuthRefusal("invalid_request", "id_token_hint: not an ID token that this server gave this client")
    if person is None:
        return request
    async with desk.reading() as work:
        if named[0] in await work.accounts.webids(person.account.id):
            return request
    asked = _asked_at(request, desk)
    if asked is not None and person.session.authenticated_at >= asked:
        raise OAuthRefusal("login_required", "Somebody else signed in than the person that id_token_hint names.")
    return replace(request, signed_in_since=asked or desk.now + timedelta(seconds=1))


async def ask_to_sign_in(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """VEC-R20: with prompt=none a question is an error."""
    person, since = request.person, request.signed_in_since
    fresh = {FRESH: seal_moment(desk.now, about=_about(request), key=desk.key)}
    if person is not None and (since is None or person.session.authenticated_at >= since):
        wish = open_wish(request.get("acr_values") or "", person.session.level, desk.settings.upstream)
        if not wish or "none" in request.prompts or _asked_at(request, desk) is not None:
            return request  # a wish is put to the person once with each request
        return SignInQuestion(request.resume() | fresh, Reason.SIGN_IN_AGAIN, wish)
    if "none" in request.prompts:
        raise OAuthRefusal("login_required", "Nobody is signed in, or not recently enough.")
    resume = {name: value for name, value in request.resume().items() if name != FRESH}
    reason = Reason.SIGNED_OUT if person is None else Reason.SIGN_IN_AGAIN
    return SignInQuestion(resume if since is None else resume | fresh, reason)


async def ask_to_consent(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """OP-16: the first time, for more than before, for an app that is not what it was, and when the client wants to be
    sure. VEC-R21: no is no."""
    client, person, answer = _client(request), _person(request), desk.answer
    async with desk.reading() as work:
        given = await work.clients.consent(person.account.id, client.id)
        webids = tuple(await work.accounts.webids(person.account.id))
    if given is not None and given.webid is not None and given.webid not in webids:
        given = None  # it was to act as somebody this account no longer is
    reason = reason_to_ask(
        given, client, request.scope, request.prompts, redirect_uri=request.redirect_uri or "", issuer=desk.issuer
    )
    if answer is not None and answer.choice is Choice.REFUSE:  # also where an earlier yes would have done
        async with desk.writing() as work:
            await refuse(work, person.account, client.id, request.scope, desk.now)
        raise OAuthRefusal("access_denied", "The person said no.")
    if answer is not None and answer.webid in (None, *webids) and answer.seen == mark_of(client):
        return replace(request, answer=answer, webid=answer.webid)
    if reason is None:
        return replace(request, webid=None if given is None else given.webid)
    if "none" in request.prompts:
        raise OAuthRefusal("consent_required", "The person has not agreed to this client as it is now.")
    return ConsentQuestion(request, client, reason, given, webids)


async def answer_pushed(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """Of two answers at once, one is given."""
    if request.pushed is not None and not await use_pushed(desk.writing, request.pushed, now=desk.now):
        raise OAuthRefusal("invalid_request_uri", "request_uri: answered before")
    return request


async def issue_code(request: AuthorizationRequest, desk: Desk) -> StepResult:
    """A code for one exchange, and the consent it stands on, in one transaction."""
    client, person = _client(request), _person(request)
    value = secrets.token_urlsafe(32)
    code = Code(
        code_hash=digest(value),
        client=client.id,
        account=person.account.id,
        webid=request.webid or person.account.webid,
        redirect_uri=request.redirect_uri or "",
        scope=request.scope,
        code_challenge=request.get("code_challenge") or "",
        nonce=request.get("nonce"),
        dpop_jkt=request.get("dpop_jkt"),
        authenticated_at=person.session.authenticated_at,
        expires=desk.now + timedelta(seconds=desk.settings.identity.code_seconds),
        family=secrets.token_hex(16),
        methods=person.session.methods,
        level=person.session.level,
    )
    async with desk.writing() as work:
        account = await _still_here(work, person)
        if request.answer is not None:
            consent = await give(work, account, client, request.answer, request.scope, now=desk.now)
        else:
            consent = await _still_given(work, account, client)
        await work.codes.add(replace(code, stamp=consent.stamp))
    return _answer(request, {"code": value}, desk)


_WHO: Final[tuple[Step, ...]] = (load_client, check_redirect_uri)
_WHAT: Final[tuple[Step, ...]] = (check_response_type, check_pkce, check_scope, check_prompt)
# What needs no person: a request that is pushed goes through these first (RFC 9126 §2.1).
CHECKS: Final[tuple[Step, ...]] = (*_WHO, *_WHAT)
STEPS: Final[tuple[Step, ...]] = (
    load_pushed,
    *_WHO,
    check_pushed,
    *_WHAT,
    load_session,
    heed_hint,
    ask_to_sign_in,
    ask_to_consent,
    answer_pushed,
    issue_code,
)


def _once(parameters: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    found = dict(parameters)
    if len(found) != len(parameters):  # RFC 6749 §3.1: "parameters MUST NOT be included more than once"
        raise OAuthRefusal("invalid_request", "A parameter is there twice.")
    return found


def _client(request: AuthorizationRequest) -> Client:
    assert request.client is not None  # load_client is the first step
    return request.client


def _person(request: AuthorizationRequest) -> Person:
    assert request.person is not None  # ask_to_sign_in has passed
    return request.person


async def _still_here(work: IdentityWork, person: Person) -> Account:
    """She may have been signed out, in another browser, since this request began."""
    try:
        return await standing_account(work, person.session)
    except Forbidden:
        raise OAuthRefusal("login_required", "Nobody is signed in any more.") from None


async def _still_given(work: IdentityWork, account: Account, client: Client) -> Consent:
    consent = await work.clients.consent(account.id, client.id)
    if consent is None:
        raise OAuthRefusal("consent_required", "The person has shown this client out.")
    return consent


def _answer(request: AuthorizationRequest, answer: Mapping[str, str], desk: Desk) -> Redirect:
    state = request.get("state")
    pairs = {**answer, **({"state": state} if state is not None else {}), "iss": desk.issuer}
    target = request.redirect_uri or ""
    return Redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(pairs)}")


def _asked_at(request: AuthorizationRequest, desk: Desk) -> datetime | None:
    return read_moment(request.get(FRESH) or "", about=_about(request), key=desk.key)


def _about(request: AuthorizationRequest) -> tuple[str, str]:
    """What a sealed moment stands for: this request and no other."""
    return request.get("client_id") or "", request.get("code_challenge") or ""
