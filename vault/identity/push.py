"""A client pushes its authorization request and gets a name for it (RFC 9126 §2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vault.errors import OAuthRefusal
from vault.identity.authorization import FRESH, AuthorizationRequest, Desk
from vault.identity.authorize import CHECKS
from vault.identity.limit import count_kept
from vault.identity.ports import Tries
from vault.identity.prove import AUTH_PARAMETERS, ClientDesk, ClientRequest, check_possession, prove_client
from vault.identity.pushed import REQUEST_URI, SECONDS
from vault.identity.tokens import digest

# How the client proved itself is nobody's business later on, and what is ours nobody else may say.
_LEFT_OUT: Final = AUTH_PARAMETERS | {FRESH}


@dataclass(frozen=True, slots=True)
class Named:
    """What the client sends its person here with."""

    request_uri: str
    expires_in: int  # seconds


async def push(request: ClientRequest, desk: ClientDesk, *, seal_key: bytes, tries: Tries, address: str) -> Named:
    """Checks everything that can be checked without a person, exactly as the authorization endpoint will do again, and
    keeps the request. `seal_key` is that endpoint's own. Raises OAuthRefusal, and TooMany (RFC 9126 §2.3) for an
    `address` that pushes too much in the name of clients that prove nothing."""
    client = await prove_client(request, desk)
    if client.is_public:
        await count_kept(tries, "pushed-requests", address=address, settings=desk.settings, now=desk.now)
    if request.get("request_uri") is not None:  # RFC 9126 §2.1, point 2
        raise OAuthRefusal("invalid_request", "request_uri: this is where one is made")
    parameters = {name: text for name, text in request.form.items() if text and name not in _LEFT_OUT}
    parameters["client_id"] = client.id
    if sum(len(name) + len(text) for name, text in parameters.items()) > 2 * desk.settings.limits.url_bytes:
        raise OAuthRefusal("invalid_request", "The request is too long.")  # no longer than one that comes in a URL
    if request.proofs:
        # RFC 9449 §10.1: the proof names the key, as dpop_jkt would; both together must agree.
        bound = await check_possession(request, desk)
        if parameters.setdefault("dpop_jkt", bound) != bound:
            raise OAuthRefusal("invalid_dpop_proof", "dpop_jkt: not the key of the DPoP proof")
    await _check(parameters, desk, seal_key)
    uri = REQUEST_URI + secrets.token_urlsafe(32)
    async with desk.writing() as work:
        await work.pushed_requests.add(digest(uri), parameters, expires=desk.now + timedelta(seconds=SECONDS))
    return Named(uri, SECONDS)


async def _check(parameters: dict[str, str], desk: ClientDesk, seal_key: bytes) -> None:
    at_the_desk = Desk(
        reading=desk.reading,
        writing=desk.writing,
        issuers=desk.issuers,
        settings=desk.settings,
        key=seal_key,
        now=desk.now,
        person=None,
    )
    asked = AuthorizationRequest(parameters)
    for step in CHECKS:
        result = await step(asked, at_the_desk)
        assert isinstance(result, AuthorizationRequest)  # none of these asks or answers
        asked = result
