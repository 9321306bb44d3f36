"""What clients post to the provider: token requests, pushed requests, revocation, introspection. Each proves first
which client it is; refusals are those of RFC 6749 §5.2."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import hdrs, web

from vault.errors import Malformed, OAuthRefusal
from vault.identity.exchange import exchange
from vault.identity.prove import ClientDesk, ClientRequest
from vault.identity.push import push
from vault.identity.revoke import introspect, revoke
from vault.values import Secret
from vault.web.middleware import GUARD
from vault.web.oidc import INTROSPECT, NOT_STORED, PUSH, REVOKE, TOKEN, oauth_error, posted
from vault.web.responses import json_response
from vault.web.routing import VAULT, Credentials, Route


async def post_token(request: web.Request) -> web.StreamResponse:
    """The token endpoint (RFC 6749 §3.2)."""

    async def answer(asked: ClientRequest, desk: ClientDesk) -> web.Response:
        issued = await exchange(asked, desk)
        told: dict[str, Any] = {
            "access_token": issued.access_token.reveal(),
            "token_type": "DPoP",
            "expires_in": issued.expires_in,
            "scope": " ".join(sorted(issued.scope)),
        }
        if issued.id_token is not None:
            told["id_token"] = issued.id_token.reveal()
        if issued.refresh_token is not None:
            told["refresh_token"] = issued.refresh_token.reveal()
        return json_response(told, headers=NOT_STORED)

    return await _answered(request, TOKEN, answer)


async def post_pushed(request: web.Request) -> web.StreamResponse:
    """Pushed authorization requests (RFC 9126 §2)."""

    async def answer(asked: ClientRequest, desk: ClientDesk) -> web.Response:
        vault, address = request.app[VAULT], request.app[GUARD].source(request)
        named = await push(asked, desk, seal_key=vault.secrets.forms, tries=vault.tries, address=address)
        told = {"request_uri": named.request_uri, "expires_in": named.expires_in}
        return json_response(told, 201, headers=NOT_STORED)

    return await _answered(request, PUSH, answer)


async def post_revocation(request: web.Request) -> web.StreamResponse:
    """Token revocation (RFC 7009 §2): 200 and nothing else, whatever the token was."""

    async def answer(asked: ClientRequest, desk: ClientDesk) -> web.Response:
        await revoke(asked, desk)
        return web.Response(headers=NOT_STORED)

    return await _answered(request, REVOKE, answer)


async def post_introspection(request: web.Request) -> web.StreamResponse:
    """Token introspection (RFC 7662 §2)."""

    async def answer(asked: ClientRequest, desk: ClientDesk) -> web.Response:
        return json_response(await introspect(asked, desk), headers=NOT_STORED)

    return await _answered(request, INTROSPECT, answer)


ROUTES: Final = (
    Route("POST", TOKEN, post_token, Credentials.CLIENT),
    Route("POST", PUSH, post_pushed, Credentials.CLIENT),
    Route("POST", REVOKE, post_revocation, Credentials.CLIENT),
    Route("POST", INTROSPECT, post_introspection, Credentials.CLIENT),
)


async def _answered(
    request: web.Request, path: str, answer: Callable[[ClientRequest, ClientDesk], Awaitable[web.Response]]
) -> web.Response:
    vault = request.app[VAULT]
    try:
        fields = await posted(request)
        form = dict(fields)
        if len(form) != len(fields):
            raise OAuthRefusal("invalid_request", "A parameter is there twice.")
        proofs = tuple(request.headers.getall("DPoP", ()))
        asked = ClientRequest(form, _basic(request), proofs, vault.base_url + path[1:])
        desk = ClientDesk(
            reading=vault.reading,
            writing=vault.writing,
            issuers=vault.issuers,
            replays=vault.replays,
            keys=vault.keys,
            nonces=vault.nonces,
            settings=vault.settings,
            token_url=vault.base_url + TOKEN[1:],
            now=vault.clock(),
        )
        return await answer(asked, desk)
    except OAuthRefusal as refusal:
        return oauth_error(request, refusal)
    except Malformed as refusal:  # RFC 6749 §5.2: "or is otherwise malformed"
        return oauth_error(request, OAuthRefusal("invalid_request", refusal.detail))


def _basic(request: web.Request) -> tuple[str, Secret] | None:
    """HTTP Basic credentials as they came; how they are encoded is for `prove` to find out."""
    values = request.headers.getall(hdrs.AUTHORIZATION, ())
    if not values:
        return None
    scheme, _, text = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "basic":
        raise OAuthRefusal("invalid_request", "A client authenticates with one Basic header, or in the form.")
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise OAuthRefusal("invalid_client", "The Basic credentials cannot be read.") from None
    if not colon:
        raise OAuthRefusal("invalid_client", "The Basic credentials cannot be read.")
    return name, Secret(secret)
