"""authlib's client: its own metadata classes, dynamic registration, a sign-in with PKCE, refresh, introspection and
revocation. It knows no DPoP, so the proofs come from a key that the test holds."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.oauth2 import rfc8414, rfc9207
from authlib.oidc import rpinitiated
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.browser import App, Browser
from tests.forge import Holder
from tests.interop.person import REDIRECT
from tests.live import Live
from tests.people import Person, Visitor

with warnings.catch_warnings(record=True):  # it would rather have the successor of httpx, and says so when imported
    from authlib.integrations.httpx_client import AsyncOAuth2Client

BYE = "https://app.example/bye"


class Bound(httpx.Auth):
    """Sends the token with a fresh proof of the holder's key."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"DPoP {self.holder.token}"
        request.headers["DPoP"] = self.holder.proof(request.method, str(request.url))
        yield request


async def discovered(web: httpx.AsyncClient, server: Live) -> OpenIDProviderMetadata:
    """What we say of ourselves, as authlib holds it to be valid."""
    answer = await web.get(get_well_known_url(server.base_url, external=True))
    metadata = OpenIDProviderMetadata(answer.json())
    metadata.validate(metadata_classes=[rpinitiated.OpenIDProviderMetadata, rfc9207.AuthorizationServerMetadata])
    return metadata


@pytest.mark.requirement("OP-1", "OP-2", "RFC8414-3")
async def test_authlib_finds_our_metadata_valid_and_equal_at_both_addresses(server: Live) -> None:
    async with httpx.AsyncClient() as web:
        found = await discovered(web, server)
        answer = await web.get(rfc8414.get_well_known_url(server.base_url, external=True))
    plain = rfc8414.AuthorizationServerMetadata(answer.json())
    plain.validate()
    assert dict(plain) == dict(found)
    assert [name for name, value in found.items() if value == []] == []  # RFC 8414 §3.2
    assert found["issuer"] == server.base_url
    assert found["code_challenge_methods_supported"] == ["S256"]


@pytest.mark.requirement("OP-3", "OP-6", "OP-9", "OP-12", "RFC7591-2", "RFC7009-2", "RFC7662-2", "RFC9207-2")
async def test_authlib_signs_in_refreshes_and_signs_out(server: Live, http: Visitor, alice: Person) -> None:
    async with httpx.AsyncClient() as web:
        metadata = await discovered(web, server)
        asked = {"client_name": "Authlib", "redirect_uris": [REDIRECT], "post_logout_redirect_uris": [BYE]}
        registered = (await web.post(metadata["registration_endpoint"], json=asked)).json()
        keys = KeySet.import_key_set((await web.get(metadata["jwks_uri"])).json())
    holder, browser = Holder(), Browser(http)

    def proof() -> dict[str, str]:
        return {"DPoP": Holder(key=holder.key).proof("POST", metadata["token_endpoint"])}

    async with AsyncOAuth2Client(
        registered["client_id"],
        registered["client_secret"],
        token_endpoint_auth_method=registered["token_endpoint_auth_method"],
        scope="openid webid profile offline_access",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
    ) as session:
        verifier = "v" * 48
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-1"
        )
        given = await App(http, "", REDIRECT).led(browser, alice, url)
        assert (given["state"], given["iss"]) == (state, metadata["issuer"])
        back = f"{REDIRECT}?{urlencode(given)}"
        with pytest.raises(OAuthError, match="invalid_dpop_proof"):
            await session.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier)
        tokens = await session.fetch_token(
            metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, headers=proof()
        )
        assert tokens["token_type"] == "DPoP"
        claims = CodeIDToken(
            jwt.decode(tokens["id_token"], keys).claims,
            {},
            options={"iss": {"value": metadata["issuer"]}},
            params={"client_id": registered["client_id"], "nonce": "n-1", "access_token": tokens["access_token"]},
        )
        claims.validate()
        assert claims["webid"] == alice.webid

        holder.token = tokens["access_token"]
        about = (await session.get(metadata["userinfo_endpoint"], auth=Bound(holder))).json()
        assert about["webid"] == alice.webid
        assert (await session.get(alice.pod, auth=Bound(holder))).status_code == 200
        assert (await session.request("GET", alice.pod, withhold_token=True)).status_code == 401

        renewed = await session.refresh_token(metadata["token_endpoint"], headers=proof())
        assert renewed["refresh_token"] != tokens["refresh_token"]
        holder.token = renewed["access_token"]
        assert (await session.get(alice.pod, auth=Bound(holder))).status_code == 200
        assert await _active(session, metadata, renewed["access_token"])
        gone = await session.revoke_token(
            metadata["revocation_endpoint"], token=renewed["refresh_token"], token_type_hint="refresh_token"
        )
        assert gone.status_code == 200
        assert not await _active(session, metadata, renewed["access_token"])
        with pytest.raises(OAuthError, match="invalid_grant"):
            await session.refresh_token(
                metadata["token_endpoint"], refresh_token=renewed["refresh_token"], headers=proof()
            )
        leave = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "ended"}
        page = await browser.open(f"{metadata['end_session_endpoint']}?{urlencode(leave)}")
        assert page.location == f"{BYE}?state=ended"


@pytest.mark.requirement("OP-11", "OP-12")
async def test_authlib_works_with_a_machines_credentials(server: Live, alice: Person) -> None:
    for secret, method in ((alice.client_secret, "client_secret_basic"), (alice.client_secret, "client_secret_post")):
        async with AsyncOAuth2Client(alice.client_id, secret, token_endpoint_auth_method=method) as session:
            url, holder = f"{server.base_url}idp/token", Holder()
            tokens = await session.fetch_token(
                url, grant_type="client_credentials", headers={"DPoP": holder.proof("POST", url)}
            )
            holder.token = tokens["access_token"]
            assert (await session.get(alice.pod, auth=Bound(holder))).status_code == 200
    async with AsyncOAuth2Client(alice.client_id, "wrong") as session:
        with pytest.raises(OAuthError, match="invalid_client"):
            await session.fetch_token(
                url, grant_type="client_credentials", headers={"DPoP": Holder().proof("POST", url)}
            )


async def _active(session: Any, metadata: OpenIDProviderMetadata, token: str) -> bool:
    answer = await session.introspect_token(metadata["introspection_endpoint"], token=token)
    return bool(answer.json()["active"])
