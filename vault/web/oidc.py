"""The OpenID provider for programs: discovery, keys, userinfo, registration; tokens are in oauth.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from vault.errors import InsufficientScope, Malformed, OAuthRefusal, Unauthenticated, UnsupportedMedia
from vault.identity.authenticate import verified_claims
from vault.identity.authorization import SCOPES
from vault.identity.clients import ID_TOKEN_ALGORITHMS, ClientAuth
from vault.identity.exchange import GRANT_TYPES
from vault.identity.limit import count_kept
from vault.identity.register import Registered, register_client
from vault.identity.tokens import ALGORITHMS
from vault.web.middleware import GUARD
from vault.web.requests import parse_credentials, read_json, read_limited
from vault.web.responses import json_response, quotable
from vault.web.routing import VAULT, Credentials, Route

AUTHORIZE: Final = "/idp/auth"
TOKEN: Final = "/idp/token"  # noqa: S105 - a path
USERINFO: Final = "/idp/userinfo"
REGISTER: Final = "/idp/register"
END_SESSION: Final = "/idp/end-session"
JWKS: Final = "/idp/jwks"
PUSH: Final = "/idp/par"
REVOKE: Final = "/idp/revoke"
INTROSPECT: Final = "/idp/introspect"
CONFIGURATION: Final = "/.well-known/openid-configuration"
OAUTH_CONFIGURATION: Final = "/.well-known/oauth-authorization-server"

NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
JWK_SET: Final = "application/jwk-set+json"
FOR_MINUTES = {"Cache-Control": "public, max-age=300"}
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100
_CLAIMS: Final = (
    *("iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "cnf", "webid", "amr", "acr"),
    "profile",
)


async def get_configuration(request: web.Request) -> web.StreamResponse:
    """OP-1, OP-2; the same for OpenID Connect and for OAuth alone (RFC 8414 §3)."""
    base = request.app[VAULT].base_url
    methods, algorithms = [method.value for method in ClientAuth], list(ALGORITHMS)
    proving = [method for method in methods if method != ClientAuth.NONE]
    metadata = {
        "issuer": base,
        "authorization_endpoint": base + AUTHORIZE[1:],
        "pushed_authorization_request_endpoint": base + PUSH[1:],
        "require_pushed_authorization_requests": False,
        "token_endpoint": base + TOKEN[1:],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint": base + REVOKE[1:],
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint": base + INTROSPECT[1:],
        "introspection_endpoint_auth_methods_supported": proving,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "userinfo_endpoint": base + USERINFO[1:],
        "jwks_uri": base + JWKS[1:],
        "registration_endpoint": base + REGISTER[1:],
        "end_session_endpoint": base + END_SESSION[1:],
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": list(ID_TOKEN_ALGORITHMS),
        "dpop_signing_alg_values_supported": algorithms,
        "claims_supported": list(_CLAIMS),
        "acr_values_supported": list(request.app[VAULT].settings.upstream.upstream_levels),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["nl", "fr", "de", "en"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "solid_oidc_supported": "https://solidproject.org/TR/solid-oidc",
    }
    # RFC 8414 §3.2: what would be an empty list is left out.
    return json_response({name: value for name, value in metadata.items() if value != []}, headers=FOR_MINUTES)


async def get_jwks(request: web.Request) -> web.StreamResponse:
    """The public keys, the newest and those that still verify."""
    keys = request.app[VAULT].keys.public_jwks()
    return json_response(keys, headers=FOR_MINUTES, media_type=JWK_SET)


async def userinfo(request: web.Request) -> web.StreamResponse:
    """OpenID Connect Core §5.3: whom an access token of ours is about."""
    vault, credentials = request.app[VAULT], parse_credentials(request)
    if credentials is None:
        raise Unauthenticated("credentials-needed", "This needs an access token.")
    claims = await verified_claims(
        credentials,
        issuers=vault.issuers,
        replays=vault.replays,
        nonces=vault.nonces,
        settings=vault.settings.identity,
        limits=vault.settings.limits,
        now=vault.clock(),
    )
    if claims.issuer != vault.base_url:
        raise Unauthenticated("token-of-another-issuer", "This is not one of our tokens.", error="invalid_token")
    if "openid" not in claims.scope:
        raise InsufficientScope("insufficient-scope", "This needs the scope openid.")
    await vault.issuers.standing(claims.webid, claims.client, claims.token_id)
    # Of the scope `profile` there is one claim we can answer truthfully: where the person's own page is (§5.1).
    about = {"profile": claims.webid.partition("#")[0]} if "profile" in claims.scope else {}
    return json_response({"sub": claims.webid, "webid": claims.webid, **about}, headers=NOT_STORED)


async def post_registration(request: web.Request) -> web.StreamResponse:
    """Dynamic client registration (RFC 7591)."""
    vault, now = request.app[VAULT], request.app[VAULT].clock()
    try:
        metadata = await read_json(request, dict[str, Any])
        address = request.app[GUARD].source(request)
        await count_kept(vault.tries, "registrations", address=address, settings=vault.settings, now=now)
        async with vault.writing() as work:
            registered = await register_client(work, metadata, now=now)
    except OAuthRefusal as refusal:
        return oauth_error(request, refusal)
    return json_response(_registration(registered), 201, headers=NOT_STORED)


ROUTES: Final = (
    Route("GET", CONFIGURATION, get_configuration, Credentials.NOTHING),
    Route("GET", OAUTH_CONFIGURATION, get_configuration, Credentials.NOTHING),
    Route("GET", JWKS, get_jwks, Credentials.NOTHING),
    Route("GET", USERINFO, userinfo, Credentials.TOKEN),
    Route("POST", USERINFO, userinfo, Credentials.TOKEN),
    Route("POST", REGISTER, post_registration, Credentials.CLIENT),
)


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The parameters of a query or form; raises Malformed."""
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except (ValueError, UnicodeDecodeError):
        raise Malformed("parameters", "The parameters cannot be read.") from None


async def posted(request: web.Request) -> list[tuple[str, str]]:
    if request.content_type != _FORM:
        raise UnsupportedMedia("form-type", "A form is sent urlencoded.", accepted=(_FORM,))
    data = await read_limited(request, request.app[VAULT].settings.limits.form_bytes)
    try:
        return query_pairs(data.decode("ascii"))
    except UnicodeDecodeError:
        raise Malformed("parameters", "The parameters cannot be read.") from None


def oauth_error(request: web.Request, refusal: OAuthRefusal) -> web.Response:
    """RFC 6749 §5.2: 401 for a client that did not prove who it is, 400 for everything else."""
    status = 401 if refusal.reason == "invalid_client" else 400
    words = quotable(refusal.detail)
    body = {**refusal.facts, "error": refusal.reason, **({"error_description": words} if words else {})}
    response = json_response(body, status, headers=NOT_STORED)
    if status == 401 and hdrs.AUTHORIZATION in request.headers:
        response.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="clients", charset="UTF-8"'
    return response


def _registration(registered: Registered) -> Mapping[str, Any]:
    client, secret = registered.client, registered.secret
    answer: dict[str, Any] = {
        "client_id": client.id,
        "client_id_issued_at": int(client.created.timestamp()),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "grant_types": sorted(client.grant_types),
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth.value,
        "id_token_signed_response_alg": client.id_token_algorithm,
        "require_pushed_authorization_requests": client.must_push,
        "scope": " ".join(SCOPES),
    }
    if secret is not None:
        answer |= {"client_secret": secret.reveal(), "client_secret_expires_at": 0}
    if client.jwks:
        answer["jwks"] = {"keys": client.jwks}
    places = ("client_uri", "policy_uri", "tos_uri", "jwks_uri")
    # RFC 7591 §3.2.1: all that was registered, and nothing that was left out.
    return answer | {name: url for name in places if (url := getattr(client, name)) is not None}
