"""The account page: everything about signing in that its owner can look at and change, each on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from aiohttp import web

from vault.identity.correspond import has_mail
from vault.ports import Vault
from vault.web.pages import render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import ELSEWHERE, require_person

ACCOUNT: Final = "/my/account"


def _always(_vault: Vault) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Entry:
    """One of the pages this leads to. Its words are `account.entry.<name>` and `account.entry.<name>.words`. `offered`:
    whether this server has it at all."""

    name: str
    path: str
    offered: Callable[[Vault], bool] = _always


ENTRIES: Final = (
    Entry("passkeys", "/my/account/passkeys"),
    Entry("recovery", "/my/account/recovery"),
    Entry("password", "/idp/password"),
    Entry("apps", "/my/account/apps"),
    Entry("programs", "/my/account/programs"),
    Entry("identities", "/my/account/identities"),
    Entry("elsewhere", ELSEWHERE, lambda vault: vault.upstream is not None),
    Entry("address", "/my/account/address", lambda vault: has_mail(vault.settings)),
    Entry("sessions", "/my/account/sessions"),
    Entry("close", "/my/account/close"),
)


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Whose account this is, and the ways on."""

    template: ClassVar[str] = "account/account.html"
    nav: ClassVar[str] = "account"
    email: str
    entries: tuple[Entry, ...]
    kept: bool  # it was to be closed, and is not


async def get_account(request: web.Request) -> web.Response:
    """The list of what can be changed."""
    person = await require_person(request)
    vault = request.app[VAULT]
    entries = tuple(one for one in ENTRIES if one.offered(vault))
    return render(request, AccountPage(person.account.email, entries, "kept" in request.query))


ROUTES: Final = (Route("GET", ACCOUNT, get_account, Credentials.SESSION),)
