"""Another e-mail address: asked for on a page of the account, confirmed by the link that went to the new one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Gone, Malformed, Missing, TooMany
from vault.identity.correspond import find_link, has_mail
from vault.identity.letters import LinkPurpose
from vault.identity.renew import ask_for_address, change_address_by_link
from vault.web.letters import NEW_ADDRESS
from vault.web.pages import Problems, SentPage, later, locale_of, read_form, render, t, wait_words
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_citizen, require_person, require_step_up, visitor_of

ADDRESS: Final = "/my/account/address"


@dataclass(frozen=True, slots=True)
class AddressPage:
    """The address there is, and a place for another."""

    template: ClassVar[str] = "account/address.html"
    nav: ClassVar[str] = "account"
    email: str
    verified: bool
    new: str = ""
    done: bool = False
    back: str = ADDRESS
    problems: Problems = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfirmAddressPage:
    """Is this the address from now on?"""

    template: ClassVar[str] = "account/address-confirm.html"
    nav: ClassVar[str] = "account"
    email: str
    new: str
    link: str
    back: str


async def get_address(request: web.Request) -> web.Response:
    """The form; whoever sees it has just proved who they are."""
    _require_mail(request)
    if "done" in request.query:
        await require_citizen(request)
        return await _address_page(request, done=True)
    await require_step_up(request)
    return render(request, SentPage("address")) if "sent" in request.query else await _address_page(request)


async def post_address(request: web.Request) -> web.Response:
    """A letter to the new address; nothing has changed yet."""
    _require_mail(request)
    citizen = await require_step_up(request, back=ADDRESS)
    form, vault, locale = await read_form(request), request.app[VAULT], locale_of(request)
    new = form.text("new", limit=254)
    try:
        await ask_for_address(
            writing=vault.writing,
            tries=vault.tries,
            citizen=citizen,
            email=new,
            visitor=visitor_of(request),
            language=locale,
            settings=vault.settings,
            now=vault.clock(),
        )
    except Malformed:
        return await _address_page(request, new=new, problems={"new": t(locale, "account.sign-up.email")}, status=422)
    except TooMany as refusal:
        page = await _address_page(request, new=new, problems=wait_words(request, "new"), status=429)
        return later(page, refusal)
    raise web.HTTPSeeOther(f"{ADDRESS}?sent=1")


async def get_confirm_address(request: web.Request) -> web.Response:
    """What the link would do. It is shown to the account that asked, and to nobody else."""
    person = await require_person(request)
    vault, token = request.app[VAULT], request.query.get("link", "")
    async with vault.reading() as work:
        link = await find_link(work, token, LinkPurpose.NEW_ADDRESS, key=vault.secrets.links, now=vault.clock())
    if link.account != person.account.id:
        raise Gone("link-over", "This link was used already or is too old. Ask for a new one.")
    page = ConfirmAddressPage(person.account.email, link.email, token, f"{NEW_ADDRESS}?link={token}")
    return render(request, page)


async def post_confirm_address(request: web.Request) -> web.Response:
    """From now on it is this address."""
    citizen = await require_citizen(request)
    form, vault = await read_form(request), request.app[VAULT]
    async with vault.writing() as work:
        await change_address_by_link(
            work,
            citizen=citizen,
            token=form.text("link"),
            key=vault.secrets.links,
            language=locale_of(request),
            settings=vault.settings,
            now=vault.clock(),
        )
    raise web.HTTPSeeOther(f"{ADDRESS}?done=1")


ROUTES: Final = (
    Route("GET", ADDRESS, get_address, Credentials.SESSION),
    Route("POST", ADDRESS, post_address, Credentials.SESSION),
    Route("GET", NEW_ADDRESS, get_confirm_address, Credentials.SESSION),
    Route("POST", NEW_ADDRESS, post_confirm_address, Credentials.SESSION),
)


async def _address_page(
    request: web.Request,
    *,
    new: str = "",
    done: bool = False,
    problems: Problems | None = None,
    status: int = 200,
) -> web.Response:
    account = (await require_person(request)).account
    page = AddressPage(account.email, account.email_verified, new, done, problems=problems or {})
    return render(request, page, status=status)


def _require_mail(request: web.Request) -> None:
    if not has_mail(request.app[VAULT].settings):
        raise Missing("no-mail", "This server sends no mail: ask the operator.")
