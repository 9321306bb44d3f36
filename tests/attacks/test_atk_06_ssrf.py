"""ATK-06: nobody makes the server ask an address of its own side (LIM-18); at the fetcher, and at every entry point."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from tests.browser import App, Browser, ask, refused, register
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import assertion, new_key, public
from tests.live import Live, serving
from tests.people import Visitor, visiting
from vault.config import OutboundSettings
from vault.outbound.fetch import Fetcher, Unreachable

__all__ = ["elsewhere"]

TURTLE = "text/turtle"
OPEN = OutboundSettings(insecure_allow_loopback=True, total_seconds=1.0)
CLOSED = OutboundSettings(total_seconds=1.0)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """A fetcher that may talk to this machine, as tests need it."""
    made = Fetcher(OPEN)
    yield made
    await made.close()


async def test_document_is_fetched_with_its_type_and_final_url(fetcher: Fetcher, elsewhere: Elsewhere) -> None:
    async def away(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/there")

    elsewhere.documents["/here"] = away
    url = elsewhere.publish("/there", "<#a> <#b> <#c>.")
    got = await fetcher.get(f"{elsewhere.base_url}here", accept=TURTLE)
    assert (got.url, got.media_type.essence, got.body) == (url, TURTLE, b"<#a> <#b> <#c>.")


ADDRESSES = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "3fff::1", "fec0::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1",
    "2002:7f00:1::", "2002:808:808::", "2001::1", "::127.0.0.1", "100::1", "5f00::1",
]  # fmt: skip


@pytest.mark.requirement("ATK-06", "LIM-18")
@pytest.mark.parametrize("address", ADDRESSES)
async def test_atk_06_name_that_means_an_inner_address_is_not_connected_to(address: str) -> None:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return [address]

    fetcher = Fetcher(CLOSED, lookup=lookup)
    with pytest.raises(Unreachable, match="address not allowed"):
        await fetcher.get("https://innocent.example/", accept=TURTLE)
    await fetcher.close()


@pytest.mark.requirement("ATK-06", "LIM-18")
@pytest.mark.parametrize("address", [address for address in ADDRESSES if "%" not in address])
async def test_atk_06_literal_inner_address_is_not_connected_to(address: str) -> None:
    fetcher = Fetcher(CLOSED)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Unreachable, match="address not allowed"):
        await fetcher.get(f"https://{host}/", accept=TURTLE)
    await fetcher.close()


@pytest.mark.requirement("ATK-06", "LIM-18")
@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001", "localhost", "x.localhost"]
)
async def test_atk_06_this_machine_in_other_spellings_is_not_connected_to(elsewhere: Elsewhere, host: str) -> None:
    port = elsewhere.base_url.rstrip("/").rpartition(":")[2]
    fetcher = Fetcher(CLOSED)
    for scheme in ("http", "https"):
        with pytest.raises(Unreachable):
            await fetcher.get(f"{scheme}://{host}:{port}/", accept=TURTLE)
    await fetcher.close()
    assert elsewhere.asked == []


@pytest.mark.requirement("ATK-06")
async def test_atk_06_second_answer_of_the_name_service_changes_nothing(elsewhere: Elsewhere) -> None:
    """DNS that answers public first and this machine afterwards: the connection goes to what was checked."""
    port = int(elsewhere.base_url.rstrip("/").rpartition(":")[2])
    answers = iter([["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]])
    asked = []

    async def lookup(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    fetcher = Fetcher(OutboundSettings(total_seconds=0.5), lookup=lookup)
    for _ in range(2):
        with pytest.raises(Unreachable):
            await fetcher.get(f"https://rebinding.example:{port}/", accept=TURTLE)
    await fetcher.close()
    assert asked == ["rebinding.example", "rebinding.example"]
    assert elsewhere.asked == []


@pytest.mark.requirement("ATK-06")
async def test_atk_06_of_several_addresses_only_permitted_ones_are_used(elsewhere: Elsewhere) -> None:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return ["10.0.0.1", "127.0.0.1", "::ffff:10.0.0.1"]

    fetcher = Fetcher(OPEN, lookup=lookup)
    elsewhere.publish("/doc", "<#a> <#b> <#c>.")
    assert (await fetcher.get(f"{elsewhere.base_url}doc", accept=TURTLE)).body
    await fetcher.close()


@pytest.mark.requirement("ATK-06", "LIM-18")
@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "file:///etc/passwd", "http://[::ffff:10.0.0.1]/"]
    + ["ftp://localhost/", "http://user@localhost/", "//10.0.0.1/x", "gopher://localhost:1/"],
)
async def test_atk_06_redirect_is_checked_like_the_first_url(
    fetcher: Fetcher, elsewhere: Elsewhere, target: str
) -> None:
    async def away(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    elsewhere.documents["/doc"] = away
    with pytest.raises(Unreachable):
        await fetcher.get(f"{elsewhere.base_url}doc", accept=TURTLE)
    assert elsewhere.asked == ["/doc"]


@pytest.mark.requirement("LIM-18")
async def test_lim_18_more_than_three_redirects_are_too_many(fetcher: Fetcher, elsewhere: Elsewhere) -> None:
    async def onward(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"/{int(request.path[1:]) + 1}")

    for number in range(4):
        elsewhere.documents[f"/{number}"] = onward
    elsewhere.publish("/4", "<#a> <#b> <#c>.")
    assert (await fetcher.get(f"{elsewhere.base_url}1", accept=TURTLE)).body
    with pytest.raises(Unreachable, match="too many redirects"):
        await fetcher.get(f"{elsewhere.base_url}0", accept=TURTLE)


@pytest.mark.requirement("LIM-18")
async def test_lim_18_body_is_cut_at_its_limit(elsewhere: Elsewhere) -> None:
    fetcher = Fetcher(OutboundSettings(insecure_allow_loopback=True, body_bytes=1000))
    elsewhere.publish("/fits", "#" * 1000)
    elsewhere.publish("/large", "#" * 1001)
    assert len((await fetcher.get(f"{elsewhere.base_url}fits", accept=TURTLE)).body) == 1000
    with pytest.raises(Unreachable, match="too large"):
        await fetcher.get(f"{elsewhere.base_url}large", accept=TURTLE)
    await fetcher.close()


@pytest.mark.requirement("LIM-18")
async def test_lim_18_gzip_bomb_is_not_unpacked(fetcher: Fetcher, elsewhere: Elsewhere) -> None:
    bomb = gzip.compress(b"#" * 200_000_000, compresslevel=9)

    async def packed(request: web.Request) -> web.StreamResponse:
        body = bomb if request.path == "/bomb" else gzip.compress(b"<#a> <#b> <#c>.")
        return web.Response(body=body, headers={"Content-Type": TURTLE, "Content-Encoding": "gzip"})

    elsewhere.documents |= {"/bomb": packed, "/small": packed}
    assert (await fetcher.get(f"{elsewhere.base_url}small", accept=TURTLE)).body == b"<#a> <#b> <#c>."
    started = time.perf_counter()
    with pytest.raises(Unreachable, match="too large"):
        await fetcher.get(f"{elsewhere.base_url}bomb", accept=TURTLE)
    assert time.perf_counter() - started < 0.5


@pytest.mark.requirement("LIM-18")
@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
async def test_other_content_encodings_are_refused(fetcher: Fetcher, elsewhere: Elsewhere, encoding: str) -> None:
    async def packed(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x", headers={"Content-Type": TURTLE, "Content-Encoding": encoding})

    elsewhere.documents["/doc"] = packed
    with pytest.raises(Unreachable, match="content encoding"):
        await fetcher.get(f"{elsewhere.base_url}doc", accept=TURTLE)


@pytest.mark.requirement("LIM-18")
@pytest.mark.parametrize("endless", [False, True], ids=["slow-drip", "endless-body"])
async def test_lim_18_slow_and_endless_bodies_end_in_time(
    fetcher: Fetcher, elsewhere: Elsewhere, endless: bool
) -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": TURTLE})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"#" * (65536 if endless else 1))
                await asyncio.sleep(0 if endless else 0.05)
        except ConnectionError:
            return response

    elsewhere.documents["/doc"] = dripping
    started = time.perf_counter()
    with pytest.raises(Unreachable):
        await fetcher.get(f"{elsewhere.base_url}doc", accept=TURTLE)
    assert time.perf_counter() - started < 2.0


@pytest.mark.requirement("ATK-06")
@pytest.mark.parametrize("media_type", ["text/html", "application/octet-stream", "image/png", "nonsense"])
async def test_atk_06_other_types_are_not_taken(fetcher: Fetcher, elsewhere: Elsewhere, media_type: str) -> None:
    elsewhere.publish("/doc", "<#a> <#b> <#c>.", media_type)
    with pytest.raises(Unreachable, match="media type"):
        await fetcher.get(f"{elsewhere.base_url}doc", accept=TURTLE)


@pytest.mark.requirement("ATK-06")
async def test_atk_06_no_cookie_and_no_credential_leaves(fetcher: Fetcher, elsewhere: Elsewhere) -> None:
    seen: list[dict[str, str]] = []

    async def curious(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.headers))
        return web.Response(text="<#a> <#b> <#c>.", content_type=TURTLE, headers={"Set-Cookie": "track=me"})

    elsewhere.documents["/doc"] = curious
    for _ in range(2):
        await fetcher.get(f"{elsewhere.base_url}doc", accept=TURTLE)
    for headers in seen:
        assert set(headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent", "Connection"}


@pytest.mark.requirement("ATK-06")
@pytest.mark.parametrize(
    "url", ["", "https://", "https:///x", "https://a b/", "https://a\\@b/", "https://u:p@a.example/", "https://a:b/"]
    + ["http://a.example/", "ws://a.example/", "https://[::1", "https://a.example\x00.b/"]
)  # fmt: skip
async def test_atk_06_what_is_no_plain_https_url_is_not_fetched(url: str) -> None:
    fetcher = Fetcher(CLOSED)
    with pytest.raises(Unreachable):
        await fetcher.get(url, accept=TURTLE)
    await fetcher.close()


@pytest.mark.requirement("ATK-06", "VEC-R16", "CI-5")
async def test_atk_06_name_is_asked_over_https_only_although_somebody_answers_over_http(elsewhere: Elsewhere) -> None:
    async def here(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    elsewhere.publish("/x", "<#a> <#b> <#c>.")
    fetcher = Fetcher(OPEN, lookup=here)
    port = elsewhere.base_url.rpartition(":")[2]
    with pytest.raises(Unreachable):
        await fetcher.get(f"http://pod.example:{port}x", accept=TURTLE)
    with pytest.raises(Unreachable):
        await fetcher.call("GET", f"http://pod.example:{port}x", accept=TURTLE, headers={})
    assert (await fetcher.post(f"http://pod.example:{port}x", body=b"", headers={})).status == 0
    assert elsewhere.asked == []
    assert (await fetcher.get(f"http://localhost:{port}x", accept=TURTLE)).body  # there it answers
    await fetcher.close()


# Every entry point of a server as it runs in production: the canary on this machine hears nothing.


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("strict")
    with serving(folder, outbound={"insecure_allow_loopback": False, "total_seconds": 1.0}) as live:
        yield live


@pytest.fixture
async def visitor(strict: Live) -> AsyncIterator[Visitor]:
    async with visiting(strict.base_url) as visitor:
        yield visitor


@pytest.mark.requirement("ATK-06")
async def test_atk_06_issuer_and_webid_on_this_machine_are_not_asked(visitor: Visitor, elsewhere: Elsewhere) -> None:
    elsewhere.publish_issuer()
    holder = elsewhere.holder(elsewhere.webid("dora"))
    assert refused(await ask(visitor, holder, f"{visitor.base_url}alice/"), "invalid_token")
    assert elsewhere.asked == []


@pytest.mark.requirement("ATK-06")
async def test_atk_06_jwks_uri_on_the_inside_is_not_asked(server: Live, http: Visitor, elsewhere: Elsewhere) -> None:
    elsewhere.publish_issuer(jwks_uri="http://169.254.169.254/jwks")
    holder = elsewhere.holder(elsewhere.webid("dora"))
    started = time.perf_counter()
    assert refused(await ask(http, holder, f"{server.base_url}alice/"), "invalid_token")
    assert time.perf_counter() - started < 1.0  # nothing was waited for
    assert elsewhere.asked == ["/.well-known/openid-configuration"]


@pytest.mark.requirement("ATK-06", "VEC-R16", "CI-4")
async def test_atk_06_client_id_document_on_this_machine_is_not_asked(visitor: Visitor, elsewhere: Elsewhere) -> None:
    client_id = f"{elsewhere.base_url}app"
    described = {"client_id": client_id, "redirect_uris": ["https://app.example/cb"]}
    elsewhere.publish("/app", json.dumps(described), "application/ld+json")
    app = App(visitor, client_id, "https://app.example/cb")
    answer = await Browser(visitor).open(app.authorization_url())
    assert answer.status == 400
    assert elsewhere.asked == []


@pytest.mark.requirement("ATK-06", "RFC7523-3", "RFC7591-3")
async def test_atk_06_keys_of_a_client_on_this_machine_are_not_asked(visitor: Visitor, elsewhere: Elsewhere) -> None:
    key = new_key()
    elsewhere.publish("/keys", json.dumps({"keys": [public(key)]}), "application/json")
    for number, where in enumerate((f"{elsewhere.base_url}keys", "https://169.254.169.254/keys", "https://[::1]/keys")):
        app = await register(visitor, token_endpoint_auth_method="private_key_jwt", jwks_uri=where)
        proof = assertion(app.client_id, visitor.base_url, key, jti=f"once-{number}")
        answer = await app.post_token(grant_type="refresh_token", refresh_token="x", **proof)
        assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert elsewhere.asked == []


@pytest.mark.requirement("ATK-06", "ATK-21")
async def test_atk_06_webid_to_be_linked_on_this_machine_is_not_asked(
    strict: Live, visitor: Visitor, elsewhere: Elsewhere
) -> None:
    alice = strict.people["alice"]
    login = {"email": alice.email, "password": alice.password}
    answer = await visitor.post(
        f"{visitor.base_url}.account/login/password/", json.dumps(login), kind="application/json"
    )
    headers = {"Authorization": f"CSS-Account-Token {answer.json['authorization']}"}
    index = await visitor.send("GET", f"{visitor.base_url}.account/", headers=headers)
    asked = {"webId": elsewhere.webid("me", visitor.base_url)}
    answer = await visitor.send(
        "POST",
        index.json["controls"]["account"]["webId"],
        body=json.dumps(asked),
        kind="application/json",
        headers=headers,
    )
    assert answer.status in (400, 422)
    assert elsewhere.asked == []


@pytest.mark.requirement("ATK-06", "WA-9")
async def test_atk_06_group_on_this_machine_is_not_asked(strict: Live, visitor: Visitor, elsewhere: Elsewhere) -> None:
    alice, bob = strict.people["alice"], strict.people["bob"]
    group = elsewhere.publish("/group", f"<#g> <http://www.w3.org/2006/vcard/ns#hasMember> <{bob.webid}>.") + "#g"
    url = f"{alice.pod}for-a-group"
    assert (await visitor.put(url, "<#a> <#b> <#c>.", by=alice)).status == 201
    rules = f"""@prefix acl: <http://www.w3.org/ns/auth/acl#>.
    [] a acl:Authorization; acl:accessTo <{url}>; acl:agentGroup <{group}>; acl:mode acl:Read."""
    assert (await visitor.put(f"{url}.acl", rules, by=alice)).status == 201
    assert (await visitor.get(url, by=bob)).status == 403
    assert elsewhere.asked == []
