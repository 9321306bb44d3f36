"""Opening an account with a passkey: what the pages for that share. Their script asks first, with what stands in the
form, and answers with the passkey that was made; without a script the form is sent as it is."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from vault.errors import Malformed, Unprocessable
from vault.identity.accounts import Account, parse_email
from vault.identity.ceremonies import NewKey
from vault.identity.passkeys import ask_to_open, keep_passkey, new_opening
from vault.identity.ports import IdentityWork
from vault.identity.sign_in import Opened
from vault.values import parse_pod_name
from vault.web.forms import Form
from vault.web.pages import Problems, locale_of, t
from vault.web.passkeys import booth_of, said
from vault.web.recovering import RECOVERY
from vault.web.routing import VAULT
from vault.web.sessions import start_session, way_to

WAY = "way"  # a field that the script adds when it sends the form itself, for the page to say what is wrong
_NAME_CHARACTERS = 100


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What stands in the form; `link` is that of a letter."""

    name: str
    pod: str
    email: str = ""
    link: str = ""


class Answered(msgspec.Struct, forbid_unknown_fields=True):
    """The passkey that was made."""

    credential: dict[str, Any]
    next: str = ""
    link: str = ""


def name_of(form: Form) -> str:
    """How the person is called."""
    return form.text("name", limit=_NAME_CHARACTERS)


def problems_of(request: web.Request, form: Form) -> Problems:
    """Everything that is wrong with name, address and name of the vault, at once."""
    locale, found = locale_of(request), Problems()
    if not name_of(form):
        found["name"] = t(locale, "account.sign-up.no-name")
    try:
        parse_email(form.text("email"))
    except Malformed:
        found["email"] = t(locale, "account.sign-up.email")
    try:
        parse_pod_name(form.text("pod"))
    except Malformed:
        found["pod"] = t(locale, "account.sign-up.pod")
    return found


async def begin(request: web.Request, form: Form, *, ground: str = "") -> web.Response:
    """What the passkey has to be like. Raises Unprocessable("sign-up-fields"), which the script answers by sending the
    form: the page has the words for what is wrong with it."""
    if problems_of(request, form):
        raise Unprocessable("sign-up-fields", "Something in the form is missing or wrong.")
    opening = new_opening(
        email=form.text("email"), name=name_of(form), pod=parse_pod_name(form.text("pod")), ground=ground
    )
    return said(await ask_to_open(booth_of(request), opening))


async def keep_first(request: web.Request, work: IdentityWork, account: Account, made: NewKey) -> None:
    """The passkey of an account that was just made."""
    name = t(locale_of(request), "passkeys.new.suggested", number=1)
    await keep_passkey(work, account, made, name=name, now=request.app[VAULT].clock())


def let_in(request: web.Request, opened: Opened, onward: str) -> web.Response:
    """To the page that offers recovery codes, and from there onward. Where codes are only for those whom another
    provider vouches for, straight on."""
    level = request.app[VAULT].settings.upstream.level_to_manage
    response = said({"next": onward if level else way_to(RECOVERY, onward, new="1")})
    start_session(request, response, opened)
    return response
