"""Sign up: an account with its pod, opened with a passkey or with a password. With mail the address comes first, and
the account is made when the link that went there is followed, so that it is theirs. Without mail it is made at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Conflict, Forbidden, Malformed, Refusal, TooMany
from vault.identity.accounts import Account, check_new_password
from vault.identity.correspond import find_link, has_mail
from vault.identity.letters import MailLink
from vault.identity.passkeys import check_opening, taken
from vault.identity.sign_in import PasswordHash, count_sign_up, create_account, hashed, open_session
from vault.identity.sign_up import OPEN, ask_to_sign_up, purposes_open, sign_up_by_link
from vault.ports import Work
from vault.solid.provision import create_pod
from vault.values import AccountId, PodName, Secret, parse_pod_name
from vault.web.forms import Form
from vault.web.letters import SIGN_UP
from vault.web.opening import WAY, Answered, Asked, begin, keep_first, let_in, name_of, problems_of
from vault.web.pages import Problems, SentPage, later, locale_of, read_form, render, t, wait_words
from vault.web.passkeys import booth_of, from_own_page
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import form_targets, safe_next, session_hash, start_session, visitor_of, way_to

PASSKEY: Final = f"{SIGN_UP}/passkey"


@dataclass(frozen=True, slots=True)
class SignUpPage:
    """A new account with its pod. With a link the address is settled."""

    template: ClassVar[str] = "account/sign-up.html"
    script: ClassVar[str] = "passkey.js"
    onward: str
    name: str
    email: str
    pod: str
    base_url: str
    back: str
    link: str = ""
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignUpAskPage:
    """The address first."""

    template: ClassVar[str] = "account/sign-up-ask.html"
    onward: str
    email: str
    back: str
    problems: Problems = field(default_factory=dict)


async def get_sign_up(request: web.Request) -> web.StreamResponse:
    """The form for a new account; behind a link, or where the operator lets everybody in."""
    onward, token, vault = safe_next(request.query.get("next", "")), request.query.get("link", ""), request.app[VAULT]
    if token:
        link = await _link(request, token)
        return _sign_up_page(request, safe_next(link.onward), Form([("email", link.email), ("link", token)]))
    _require_open(request)
    if not has_mail(vault.settings):
        return _sign_up_page(request, onward, Form([]))
    return render(request, SentPage("sign-up")) if "sent" in request.query else _ask_page(request, onward, "")


async def post_sign_up(request: web.Request) -> web.StreamResponse:
    """An account, its pod and a session; or a letter with the link that leads there."""
    form, vault = await read_form(request), request.app[VAULT]
    token, visitor, now = form.text("link"), visitor_of(request), vault.clock()
    if token:
        link = await _link(request, token)
        form = Form([*((name, form[name]) for name in form if name != "email"), ("email", link.email)])
        onward = safe_next(link.onward)
    else:
        _require_open(request)
        if has_mail(vault.settings):
            return await _ask(request, form)
        onward = safe_next(form.get("next", ""))
    problems = _sign_up_problems(request, form)
    if problems or form.get(WAY) == "passkey":
        status = 422 if problems else 200
        return _sign_up_page(request, onward, form, problems=problems, status=status)
    try:
        await count_sign_up(vault.tries, visitor=visitor, settings=vault.settings, now=now)
        kept = await hashed(Secret(form.get("password", "")), settings=vault.settings)
        async with vault.writing() as work:
            account = await _made(work, request, form, password=kept)
            opened = await open_session(work, account, visitor=visitor, now=now, replaces=session_hash(request))
    except Conflict:
        # One answer for both: it does not say whose address is known here.
        words = t(locale_of(request), "account.sign-up.taken")
        return _sign_up_page(request, onward, form, problems={"pod" if token else "email": words}, status=409)
    except TooMany as refusal:
        return later(_sign_up_page(request, onward, form, problems=wait_words(request), status=429), refusal)
    response = web.HTTPSeeOther(onward)
    start_session(request, response, opened)
    raise response


async def post_passkey_options(request: web.Request) -> web.Response:
    """What the passkey of a new account has to be like."""
    said = await from_own_page(request, Asked)
    link = await _entitled(request, said.link)
    email = said.email if link is None else link.email
    form = Form([("name", said.name), ("email", email), ("pod", said.pod)])
    return await begin(request, form, ground=said.link)


async def post_passkey(request: web.Request) -> web.Response:
    """An account that this passkey opens, its pod and a session."""
    answer, vault = await from_own_page(request, Answered), request.app[VAULT]
    link = await _entitled(request, answer.link)
    opening, key = await check_opening(booth_of(request), answer.credential, ground=answer.link)
    said = [("name", opening.name), ("email", opening.email), ("pod", opening.pod), ("link", answer.link)]
    async with vault.writing() as work:
        try:
            account = await _made(work, request, Form(said), account_id=opening.account)
        except Conflict:
            raise taken() from None
        await keep_first(request, work, account, key)
        visitor, replaces = visitor_of(request), session_hash(request)
        opened = await open_session(
            work, account, visitor=visitor, now=vault.clock(), replaces=replaces, methods=key.methods
        )
    return let_in(request, opened, safe_next(answer.next if link is None else link.onward))


ROUTES: Final = (
    Route("GET", SIGN_UP, get_sign_up, Credentials.VISITOR),
    Route("POST", SIGN_UP, post_sign_up, Credentials.VISITOR),
    Route("POST", f"{PASSKEY}/options", post_passkey_options, Credentials.VISITOR),
    Route("POST", PASSKEY, post_passkey, Credentials.VISITOR),
)


async def _made(
    work: Work,
    request: web.Request,
    form: Form,
    *,
    password: PasswordHash | None = None,
    account_id: AccountId | None = None,
) -> Account:
    vault, language = request.app[VAULT], locale_of(request)
    pod, name, make = parse_pod_name(form.text("pod")), name_of(form), partial(create_pod, work)
    if token := form.text("link"):
        return await sign_up_by_link(
            work,
            token=token,
            key=vault.secrets.links,
            password=password,
            pod=pod,
            display_name=name,
            create_pod=make,
            settings=vault.settings,
            language=language,
            now=vault.clock(),
            account_id=account_id,
        )
    return await create_account(
        work,
        email=form.text("email"),
        password=password,
        pod=pod,
        display_name=name,
        create_pod=make,
        settings=vault.settings,
        now=vault.clock(),
        language=language,
        account_id=account_id,
    )


async def _ask(request: web.Request, form: Form) -> web.StreamResponse:
    """The same page and the same work for every address (ATK-29)."""
    vault, onward, email = request.app[VAULT], safe_next(form.get("next", "")), form.text("email", limit=254)
    try:
        await ask_to_sign_up(
            writing=vault.writing,
            tries=vault.tries,
            email=email,
            onward=onward,
            visitor=visitor_of(request),
            language=locale_of(request),
            settings=vault.settings,
            now=vault.clock(),
        )
    except Malformed:
        words = t(locale_of(request), "account.sign-up.email")
        return _ask_page(request, onward, email, problems={"email": words}, status=422)
    except TooMany as refusal:
        page = _ask_page(request, onward, email, problems=wait_words(request, "email"), status=429)
        return later(page, refusal)
    raise web.HTTPSeeOther(f"{SIGN_UP}?sent=1")


async def _link(request: web.Request, token: str) -> MailLink:
    """The link that a letter carried: it alone says whose address that is, and where the account leads on to. Raises
    Gone("link-over")."""
    vault = request.app[VAULT]
    async with vault.reading() as work:
        return await find_link(work, token, *purposes_open(vault.settings), key=vault.secrets.links, now=vault.clock())


async def _entitled(request: web.Request, token: str) -> MailLink | None:
    """The link, or None where an account is opened without one. Raises Gone("link-over"), Forbidden."""
    if token:
        return await _link(request, token)
    _require_open(request)
    if has_mail(request.app[VAULT].settings):
        raise Forbidden("sign-up-closed", "Here an account is opened by the link that was mailed.")
    return None


def _ask_page(
    request: web.Request, onward: str, email: str, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    page = SignUpAskPage(onward, email, way_to(SIGN_UP, onward), problems or {})
    return render(request, page, status=status, forms_to=form_targets(onward))


def _sign_up_page(
    request: web.Request, onward: str, form: Form, *, problems: Problems | None = None, status: int = 200
) -> web.Response:
    page = SignUpPage(
        onward=onward,
        name=name_of(form),
        email=form.text("email", limit=254),
        pod=form.text("pod", limit=63),
        base_url=request.app[VAULT].base_url,
        back=way_to(SIGN_UP, onward, **({"link": form.text("link")} if form.get("link") else {})),
        link=form.text("link"),
        problems=problems or {},
    )
    return render(request, page, status=status, forms_to=form_targets(onward))


def _sign_up_problems(request: web.Request, form: Form) -> Problems:
    """Everything that is wrong with the form, at once; who makes a passkey needs no password."""
    found = problems_of(request, form)
    if form.get(WAY) == "passkey":
        return found
    try:
        check_new_password(
            Secret(form.get("password", "")),
            email=form.text("email"),
            pod=PodName(form.text("pod")),
            limits=request.app[VAULT].settings.limits,
        )
    except Refusal as refusal:
        found["password"] = t(locale_of(request), f"account.{refusal.reason}")
    return found


def _require_open(request: web.Request) -> None:
    if request.app[VAULT].settings.identity.sign_up != OPEN:
        raise Forbidden("sign-up-closed", "This server does not take new accounts.")
