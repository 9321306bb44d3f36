"""Signing out; and for somebody who came from another provider, the offer to sign out there as well
(OpenID Connect RP-Initiated Logout 1.0).

She is named to the provider by nothing: it knows her browser, and us by `client_id`, which is enough to bring her back
here (§2). So no ID token is kept, in which there may be a national number, and none travels in a URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from aiohttp import web

from vault.errors import Unavailable
from vault.identity.authorization import Person
from vault.identity.moments import read_moment, seal_moment
from vault.identity.sign_in import sign_out
from vault.identity.upstream import url_of
from vault.ports import Vault
from vault.web.forms import new_visitor_key, remember_visitor, visitor_key
from vault.web.oidc import NOT_STORED
from vault.web.pages import locale_of, read_form, render
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import end_session, person_of
from vault.web.upstream import provider_name, refused, require_upstream

SIGNED_OUT: Final = "/idp/signed-out"
SIGNED_OUT_THERE: Final = "/idp/upstream/signed-out"  # its post_logout_redirect_uri

_THERE: Final = "/idp/upstream/sign-out"
_OFFER: Final = f"{SIGNED_OUT}?there=1"


@dataclass(frozen=True, slots=True)
class SignedOutPage:
    """The last page of a session. `provider`: the other one, where she may sign out by `go`, or, without it, did."""

    template: ClassVar[str] = "account/signed-out.html"
    provider: str = ""
    go: str = ""


def signed_out(vault: Vault, person: Person | None) -> str:
    """Where the browser goes after it was signed out: with an offer to whoever came from the other provider."""
    ours = vault.settings.upstream.upstream_issuer
    came_from_there = person is not None and person.session.issuer == ours
    return _OFFER if ours and came_from_there else SIGNED_OUT


async def post_sign_out(request: web.Request) -> web.StreamResponse:
    """Ends the session of this browser."""
    await read_form(request)
    person, vault = await person_of(request), request.app[VAULT]
    if person is not None:
        async with vault.writing() as work:
            await sign_out(work, person.session, now=vault.clock())
    response = web.HTTPSeeOther(signed_out(vault, person))
    end_session(request, response)
    raise response


async def get_signed_out(request: web.Request) -> web.StreamResponse:
    """Says that nobody is signed in any more."""
    vault = request.app[VAULT]
    if "there" in request.query and await _endpoint(vault) is not None:
        return render(request, SignedOutPage(provider_name(vault), _THERE))
    return render(request, SignedOutPage())


async def get_there(request: web.Request) -> web.StreamResponse:
    """Sends the browser to the provider, to be signed out there and come back."""
    vault, known = require_upstream(request), visitor_key(request)
    endpoint = await _endpoint(vault)
    if endpoint is None:
        unreachable = Unavailable("upstream-unreachable", "The other provider could not be asked.")
        return refused(request, unreachable, str(request.rel_url))
    browser = known or new_visitor_key()
    parameters = {
        "client_id": vault.settings.upstream.upstream_client_id,
        "post_logout_redirect_uri": vault.base_url + SIGNED_OUT_THERE[1:],
        "state": seal_moment(vault.clock(), about=(SIGNED_OUT_THERE, browser), key=vault.secrets.forms),
        "ui_locales": locale_of(request),
    }
    response = web.Response(status=303, headers={"Location": url_of(endpoint, parameters), **NOT_STORED})
    if known is None:
        remember_visitor(request, response, browser)
    return response


async def get_signed_out_there(request: web.Request) -> web.StreamResponse:
    """Where the provider brings her back to. That she was signed out there is said to whoever we sent, and nobody
    else."""
    vault, state = require_upstream(request), request.query.get("state", "")
    about = (SIGNED_OUT_THERE, visitor_key(request) or "")
    came_back = read_moment(state, about=about, key=vault.secrets.forms) is not None
    return render(request, SignedOutPage(provider_name(vault) if came_back else ""))


ROUTES: Final = (
    Route("POST", "/idp/logout", post_sign_out, Credentials.VISITOR),
    Route("GET", SIGNED_OUT, get_signed_out, Credentials.VISITOR),
    Route("GET", _THERE, get_there, Credentials.VISITOR),
    Route("GET", SIGNED_OUT_THERE, get_signed_out_there, Credentials.VISITOR),
)


async def _endpoint(vault: Vault) -> str | None:
    """Where people sign out there; None where there is no such place, or it cannot be asked now."""
    if vault.upstream is None:
        return None
    try:
        return (await vault.upstream.provider()).end_session_endpoint
    except Unavailable:
        return None
