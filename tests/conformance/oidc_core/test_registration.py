"""Dynamic client registration (RFC 7591, OpenID Connect Dynamic Client Registration 1.0)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import new_key, public
from tests.live import serving
from tests.people import Answer, Visitor

__all__ = ["elsewhere"]


async def register(http: Visitor, metadata: Any, *, kind: str = "application/json") -> Answer:
    body = metadata if isinstance(metadata, str) else json.dumps(metadata)
    return await http.post(f"{http.base_url}idp/register", body, kind=kind)


@pytest.mark.requirement("OP-6")
async def test_answer_holds_what_was_registered_and_a_secret(http: Visitor) -> None:
    asked = {"client_name": "An app", "redirect_uris": ["https://app.example/cb"], "client_uri": "https://app.example/"}
    answer = await register(http, asked)
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.json
    assert {**said, **asked} == said
    assert said["client_id"]
    assert len(said["client_secret"]) >= 32
    assert said["client_secret_expires_at"] == 0
    assert said["token_endpoint_auth_method"] == "client_secret_basic"
    assert said["grant_types"] == ["authorization_code", "refresh_token"]
    assert said["response_types"] == ["code"]


@pytest.mark.requirement("OP-6")
async def test_public_client_gets_no_secret(http: Visitor) -> None:
    asked = {"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none"}
    said = (await register(http, asked)).json
    assert "client_secret" not in said
    assert said["client_name"] == "app.example"  # without a name, the one thing that is certain


@pytest.mark.requirement("OP-6")
async def test_two_registrations_are_two_clients(http: Visitor) -> None:
    asked = {"redirect_uris": ["https://app.example/cb"]}
    first, second = (await register(http, asked)).json, (await register(http, asked)).json
    assert first["client_id"] != second["client_id"]
    assert first["client_secret"] != second["client_secret"]


@pytest.mark.requirement("RFC7591-2")
async def test_what_is_honoured_is_said_back(http: Visitor) -> None:
    asked = {
        "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [{**public(new_key()), "kid": "one"}, public(new_key("EdDSA")), public(new_key("RS256"))]},
        "id_token_signed_response_alg": "RS256",
        "require_pushed_authorization_requests": True,
    }
    answer = await register(http, asked)
    assert answer.status == 201, answer.text
    assert {**answer.json, **asked} == answer.json
    assert "client_secret" not in answer.json
    plain = (await register(http, {"redirect_uris": ["https://app.example/cb"]})).json
    assert plain["id_token_signed_response_alg"] == "ES256"
    assert plain["require_pushed_authorization_requests"] is False


@pytest.mark.requirement("RFC7591-3", "ATK-06")
async def test_all_that_is_kept_is_said_back_and_nothing_that_is_named_is_fetched(
    http: Visitor, elsewhere: Elsewhere
) -> None:
    """OpenID Connect Registration §2 names many more places; what is not kept is not said back either (RFC 7591 §2)."""
    kept = {
        "redirect_uris": ["https://app.example/cb"],
        "client_uri": f"{elsewhere.base_url}about",
        "policy_uri": f"{elsewhere.base_url}privacy",
        "tos_uri": f"{elsewhere.base_url}terms",
        "jwks_uri": f"{elsewhere.base_url}jwks",
        "post_logout_redirect_uris": [f"{elsewhere.base_url}bye"],
    }
    ignored = {
        "logo_uri": f"{elsewhere.base_url}logo.svg",
        "sector_identifier_uri": f"{elsewhere.base_url}sector",
        "subject_type": "pairwise",
        "initiate_login_uri": f"{elsewhere.base_url}start",
        "request_uris": [f"{elsewhere.base_url}request"],
        "backchannel_logout_uri": f"{elsewhere.base_url}out",
        "software_statement": "eyJhbGciOiJub25lIn0.e30.",
        "client_id": "chosen-by-me",
        "client_secret": "chosen-by-me",
        "account": "0" * 32,
        "registration_access_token": "x",
    }
    answer = await register(http, {**kept, **ignored})
    assert answer.status == 201, answer.text
    assert {**answer.json, **kept} == answer.json
    for name in ignored.keys() - {"client_id", "client_secret"}:
        assert name not in answer.json, name
    assert answer.json["client_id"] != "chosen-by-me"
    assert answer.json["client_secret"] != "chosen-by-me"
    assert elsewhere.asked == []
    # What is no proper address is left out, and not said back as if it counted.
    answer = await register(http, {"redirect_uris": ["https://a.example/"], "policy_uri": "javascript:1", "tos_uri": 7})
    assert answer.status == 201
    assert not {"policy_uri", "tos_uri"} & answer.json.keys()


def keyed(**metadata: Any) -> dict[str, Any]:
    return {"redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "private_key_jwt", **metadata}


WRONG: dict[str, tuple[Any, str]] = {
    "both-kinds-of-keys": (
        keyed(jwks={"keys": [public(new_key())]}, jwks_uri="https://a.example/keys"),
        "invalid_client_metadata",
    ),
    "keys-in-a-list": (keyed(jwks=[public(new_key())]), "invalid_client_metadata"),
    "no-keys": (keyed(jwks={"keys": []}), "invalid_client_metadata"),
    "too-many-keys": (keyed(jwks={"keys": [public(new_key())] * 21}), "invalid_client_metadata"),
    "private-key": (keyed(jwks={"keys": [dict(new_key().as_dict(private=True))]}), "invalid_client_metadata"),
    "shared-secret": (keyed(jwks={"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}), "invalid_client_metadata"),
    "keys-over-http": (keyed(jwks_uri="http://a.example/keys"), "invalid_client_metadata"),
    "keys-nowhere": (keyed(jwks_uri="keys"), "invalid_client_metadata"),
    "id-token-without-signature": (
        {"redirect_uris": ["https://a.example/"], "id_token_signed_response_alg": "none"},
        "invalid_client_metadata",
    ),
    "pushed-perhaps": (
        {"redirect_uris": ["https://a.example/"], "require_pushed_authorization_requests": "yes"},
        "invalid_client_metadata",
    ),
    "no-redirects": ({}, "invalid_redirect_uri"),
    "empty-redirects": ({"redirect_uris": []}, "invalid_redirect_uri"),
    "redirects-of-numbers": ({"redirect_uris": [1]}, "invalid_client_metadata"),
    "too-many-redirects": (
        {"redirect_uris": [f"https://app.example/{number}" for number in range(51)]},
        "invalid_redirect_uri",
    ),
    "implicit": ({"redirect_uris": ["https://a.example/"], "response_types": ["token"]}, "invalid_client_metadata"),
    "other-exchange": (
        {"redirect_uris": ["https://a.example/"], "grant_types": ["password"]},
        "invalid_client_metadata",
    ),
    "machine": (
        {"redirect_uris": ["https://a.example/"], "grant_types": ["client_credentials"]},
        "invalid_client_metadata",
    ),
    "method": (
        {"redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "private_key_jwt"},
        "invalid_client_metadata",
    ),
    "logout": (
        {"redirect_uris": ["https://a.example/"], "post_logout_redirect_uris": ["javascript:1"]},
        "invalid_redirect_uri",
    ),
}


@pytest.mark.requirement("OP-6", "PAIN-15")
@pytest.mark.parametrize(("metadata", "error"), [pytest.param(*row, id=name) for name, row in WRONG.items()])
async def test_wrong_metadata_is_refused_by_member(http: Visitor, metadata: Any, error: str) -> None:
    answer = await register(http, metadata)
    assert (answer.status, answer.json["error"]) == (400, error)
    assert ": expected " in answer.json["error_description"]


@pytest.mark.requirement("LIM-02", "LIM-04")
@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 422), ('"text"', 422), ("[" * 5000, 422), (" " * 300_000 + "{}", 413)],
    ids=["not-json", "a-list", "a-text", "very-deep", "too-large"],
)
async def test_body_that_is_no_metadata_is_refused(http: Visitor, body: str, status: int) -> None:
    assert (await register(http, body)).status == status


@pytest.mark.requirement("PR-70")
async def test_other_media_types_are_refused(http: Visitor) -> None:
    assert (await register(http, "a=b", kind="application/x-www-form-urlencoded")).status == 415


@pytest.mark.requirement("ATK-05")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Good\u202eelba\u200b app", "Goodelba app"),
        ("two\nlines\tand\x00 more", "two lines and more"),
        ("x" * 500, "x" * 80),
        ("  ", "app.example"),
        (7, "app.example"),
    ],
)
async def test_name_is_made_safe_to_show(http: Visitor, name: Any, shown: str) -> None:
    answer = await register(http, {"client_name": name, "redirect_uris": ["https://app.example/cb"]})
    assert answer.json["client_name"] == shown


async def test_address_that_fills_the_table_of_clients_waits(tmp_path: Path) -> None:
    with serving(tmp_path, limits={"sign_in_tries": 1}) as live:
        async with aiohttp.ClientSession() as session:
            http = Visitor(session, live.base_url)
            for _ in range(10):
                assert (await register(http, {"redirect_uris": ["https://app.example/cb"]})).status == 201
            answer = await register(http, {"redirect_uris": ["https://app.example/cb"]})
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 0
