"""The clients that the OpenID Foundation certified, at a server that demands nonces and at one that does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.interop.node import client, require
from tests.interop.person import at_a_browser
from tests.live import Live, serving


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that takes no proof without its nonce (RFC 9449 §8, §9)."""
    with serving(tmp_path_factory.mktemp("strict"), identity={"require_nonce": True}) as live:
        yield live


@pytest.fixture(params=["server", "strict"])
async def place(request: pytest.FixtureRequest) -> Live:
    """Both servers, one after the other."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Live)
    return found


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.mark.requirement("OP-1", "OP-12", "RFC7523-3", "RFC7591-2", "RFC7009-2", "RFC7662-2", "RFC9126-2")
@pytest.mark.requirement("RFC9126-6", "RFC9207-2", "RFC9449-8", "RFC9449-9", "RFC9449-10")
async def test_openid_client_does_all_it_can(place: Live, web: aiohttp.ClientSession) -> None:
    require("openid-client")
    alice = place.people["alice"]
    seen = await client("openid_client", place, home=alice.pod, visit=at_a_browser(web, place, alice))
    refreshed, own = {"rotated": True, "home": 200}, {"active": True, "type": "DPoP", "bound": True, "own": True}
    assert seen == {
        "issuer": place.base_url,
        "iss": True,
        "back": ["code", "iss", "state"],
        "tokens": {"type": "dpop", "webid": alice.webid, "aud": True},
        "userinfo": {"sub": alice.webid, "webid": alice.webid, "profile": alice.webid.partition("#")[0]},
        "home": 200,
        "strangerKey": 401,
        "introspected": own,
        "refreshed": refreshed,
        "revoked": "invalid_grant",
        "reused": "invalid_grant",
        "bye": "https://app.example/bye?state=ended",
        "pushed": {"address": ["client_id", "request_uri"], "home": 200},
        "keyed": {"home": 200, "introspected": own, "thief": "invalid_client", "again": "dpop"},
        # RFC 6749 §5.2: who failed with Basic is told by a challenge, which is how this client names it.
        "machine": {
            "ClientSecretBasic": [200, "OAUTH_WWW_AUTHENTICATE_CHALLENGE"],
            "ClientSecretPost": [200, "invalid_client"],
        },
        "wrongIss": {"forged": "OAUTH_INVALID_RESPONSE", "right": "dpop"},
    }


@pytest.mark.requirement("RFC8414-3", "RFC9126-2", "RFC9126-4", "RFC9207-2", "RFC9449-8", "RFC9449-9", "RFC7662-2")
@pytest.mark.requirement("RFC7523-3", "RFC7009-2")
async def test_oauth4webapi_checks_every_answer(place: Live, web: aiohttp.ClientSession) -> None:
    require("oauth4webapi")
    alice = place.people["alice"]
    seen = await client("oauth4webapi", place, home=alice.pod, visit=at_a_browser(web, place, alice))
    demanding = seen["pushed"].pop("challenged")
    assert demanding == (place.machine is not None and place.machine.vault.settings.identity.require_nonce)
    assert seen == {
        "oidc": f"{place.base_url}idp/token",
        "oauth2": f"{place.base_url}idp/token",
        "pushed": {"lasts": 60},
        "forged": "OAUTH_INVALID_RESPONSE",
        "tokens": {"type": "dpop", "webid": alice.webid, "sub": alice.webid},
        "userinfo": alice.webid,
        "home": 200,
        "renewed": {"rotated": True, "home": 200},
        "twice": "invalid_grant",
        "ended": True,
        "introspected": False,
        "keyed": {"lasts": 60, "thief": "invalid_client"},
        "machine": {"before": 200, "active": True, "after": False, "ended": True},
    }
