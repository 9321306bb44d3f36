"""Solid Protocol, CORS: every response can be read by a script of another origin, and none acts by a cookie."""

from __future__ import annotations

import pytest

from tests.people import TURTLE, Person, Visitor

APP = "https://app.example"
EXPOSED = {
    "Accept-Patch", "Accept-Post", "Accept-Put", "Accept-Ranges", "Allow", "Content-Length", "Content-Range",
    "DPoP-Nonce", "ETag", "Last-Modified", "Link", "Location", "Retry-After", "Updates-Via", "Vary", "WAC-Allow",
    "WWW-Authenticate",
}  # fmt: skip


@pytest.mark.requirement("CO-1", "CO-2", "TR-1")
@pytest.mark.parametrize(
    ("method", "place", "signed", "status"),
    [
        ("GET", "doc", True, 200),
        ("HEAD", "doc", True, 200),
        ("GET", "doc", False, 401),
        ("GET", "missing", True, 404),
        ("GET", "a//b", True, 400),
        ("PUT", "doc", True, 204),
        ("PUT", "new", True, 201),
        ("PUT", "doc/below", True, 409),
        ("PATCH", "doc", True, 415),
        ("POST", "doc", True, 405),
        ("DELETE", "", True, 409),
        ("PROPFIND", "", True, 501),
        ("OPTIONS", "doc", False, 204),
    ],
)
async def test_every_answer_can_be_read_from_the_origin_that_asked(
    http: Visitor, home: str, alice: Person, method: str, place: str, signed: bool, status: int
) -> None:
    await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice)
    answer = await http.send(
        method,
        home + place,
        by=alice if signed else None,
        body="<#a> <#b> <#c>." if method in ("PUT", "POST", "PATCH") else None,
        kind=TURTLE if method in ("PUT", "POST", "PATCH") else None,
        headers={"Origin": APP},
    )
    assert answer.status == status
    assert answer.headers.getall("Access-Control-Allow-Origin") == [APP]
    assert "Origin" in answer.listed("Vary")
    assert answer.listed("Access-Control-Expose-Headers") >= EXPOSED


@pytest.mark.requirement("CO-1", "PR-59")
async def test_304_403_406_and_412_too(http: Visitor, home: str, alice: Person, bob: Person) -> None:
    tag = (await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice)).headers["ETag"]
    answers = [
        await http.get(f"{home}doc", by=alice, Origin=APP, If_None_Match=tag),
        await http.get(f"{home}doc", by=bob, Origin=APP),
        await http.get(f"{home}doc", by=alice, Origin=APP, accept="image/png"),
        await http.put(f"{home}doc", "", by=alice, Origin=APP, If_None_Match="*"),
        await http.get(f"{home}doc", Origin=APP, Authorization="DPoP nonsense", DPoP="nonsense"),
        await http.get(f"{http.base_url}healthz", Origin=APP),
        await http.get(f"{http.base_url}no-such-storage", Origin=APP),
    ]
    assert [answer.status for answer in answers] == [304, 403, 406, 412, 401, 200, 404]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {APP}


@pytest.mark.requirement("CO-3", "CO-4", "WA-14")
async def test_exposed_headers_are_named_one_by_one(http: Visitor, home: str, alice: Person) -> None:
    preflight = await http.options(home, Origin=APP, Access_Control_Request_Method="PUT")
    for answer in (await http.get(home, by=alice, Origin=APP), await http.get(home, Origin=APP), preflight):
        exposed = answer.listed("Access-Control-Expose-Headers")
        assert exposed >= EXPOSED
        assert "*" not in exposed


@pytest.mark.requirement("CO-3")
async def test_every_header_that_comes_is_exposed_or_always_readable(http: Visitor, home: str, alice: Person) -> None:
    tag = (await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice, Origin=APP)).headers["ETag"]
    await http.put(f"{home}film", b"0123456789", by=alice, kind="video/mp4")
    answers = [
        await http.get(f"{home}doc", by=alice, Origin=APP),
        await http.get(home, by=alice, Origin=APP),
        await http.get(f"{home}film", by=alice, Origin=APP, Range="bytes=0-3"),
        await http.get(f"{home}film", by=alice, Origin=APP, Range="bytes=90-"),
        await http.get(f"{home}doc", by=alice, Origin=APP, If_None_Match=tag),
        await http.get(f"{home}doc", Origin=APP),
        await http.get(f"{home}doc", Origin=APP, accept="text/html"),
        await http.get(f"{home}missing", by=alice, Origin=APP),
        await http.put(f"{home}new", "", by=alice, Origin=APP),
        await http.patch(f"{home}doc", "", by=alice, Origin=APP, kind="text/plain"),
        await http.post(f"{home}doc", "", by=alice, Origin=APP),
        await http.delete(f"{home}new", by=alice, Origin=APP),
        await http.options(f"{home}doc", Origin=APP, Access_Control_Request_Method="PUT"),
        await http.get(f"{alice.pod}.well-known/solid", Origin=APP),
    ]
    assert [answer.status for answer in answers] == [
        200, 200, 206, 416, 304, 401, 401, 404, 201, 415, 405, 204, 204, 200,
    ]  # fmt: skip
    # Fetch §2.2.6: what scripts may read of any answer; and what concerns the connection and never reaches a script.
    always = {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified"}
    hop_by_hop = {"connection", "keep-alive", "transfer-encoding"}
    for answer in answers:
        exposed = {name.lower() for name in answer.listed("Access-Control-Expose-Headers")}
        sent = {name.lower() for name in answer.headers if not name.lower().startswith("access-control-")}
        assert sent - exposed - always - hop_by_hop == set()


@pytest.mark.requirement("CO-5")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("place", ["", "doc", "missing", "missing/", ".acl"])
async def test_a_preflight_is_answered_for_any_url_without_credentials(
    http: Visitor, home: str, method: str, place: str
) -> None:
    answer = await http.options(home + place, Origin=APP, Access_Control_Request_Method=method)
    assert (answer.status, answer.body) == (204, b"")
    assert method in answer.listed("Access-Control-Allow-Methods")
    assert answer.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.requirement("CO-2", "CO-5")
@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("alice", 404),  # no storage: its path would end in a slash
        ("Not%20a%20name/doc", 404),
        ("alice/%zz", 400),
        ("alice/a//b", 400),
        (f"alice/{'a' * 5000}", 413),
    ],
)
async def test_a_preflight_is_answered_where_the_request_itself_will_be_refused(
    http: Visitor, place: str, status: int
) -> None:
    """Without it a script would hear of a network error and never of the refusal."""
    url = http.base_url + place
    preflight = await http.options(url, Origin=APP, Access_Control_Request_Method="PUT")
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["Access-Control-Allow-Origin"] == APP
    assert "PUT" in preflight.listed("Access-Control-Allow-Methods")
    refused = await http.put(url, "", Origin=APP)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (status, APP)


@pytest.mark.requirement("CO-5", "WM-1")
async def test_bad_credentials_never_refuse_options(http: Visitor, home: str) -> None:
    for authorization in ("DPoP nonsense", "Bearer x", "Nonsense", "Basic YTpi"):
        assert (await http.options(home, Authorization=authorization)).status == 204


@pytest.mark.requirement("CO-6")
async def test_requested_headers_come_back_as_they_were_asked_and_nothing_else(http: Visitor, home: str) -> None:
    asked = "X-CUSTOM, Content-Type, authorization, DPoP"
    answer = await http.options(
        home, Origin=APP, Access_Control_Request_Method="PUT", Access_Control_Request_Headers=asked
    )
    assert answer.headers["Access-Control-Allow-Headers"] == asked
    with_accept = await http.options(
        home, Origin=APP, Access_Control_Request_Method="PUT", Access_Control_Request_Headers="Accept"
    )
    assert with_accept.headers["Access-Control-Allow-Headers"] == "Accept"
    none = await http.options(home, Origin=APP, Access_Control_Request_Method="PUT")
    assert "Accept" not in none.listed("Access-Control-Allow-Headers")


@pytest.mark.requirement("CO-7")
async def test_options_without_a_requested_method_is_shared_too(http: Visitor, home: str) -> None:
    answer = await http.options(home, Origin=APP)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert "Origin" in answer.listed("Vary")


@pytest.mark.requirement("CO-8")
async def test_an_authorized_answer_names_the_request_headers_we_use(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.get(home, by=alice, Origin=APP)
    assert {"Authorization", "DPoP", "If-Match", "Slug", "Link"} <= answer.listed("Access-Control-Allow-Headers")
    assert "WAC-Allow" in answer.listed("Access-Control-Expose-Headers")


@pytest.mark.requirement("CO-9", "OP-2")
async def test_without_an_origin_everybody_may_read(http: Visitor, home: str) -> None:
    for url in (home, f"{http.base_url}.well-known/openid-configuration"):
        assert (await http.get(url)).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.requirement("CO-10")
async def test_cookies_are_not_looked_at(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice)
    for cookie in ("__Host-session=abc", "session=abc; lang=nl", "=;;;= , __Host-session"):
        assert (await http.get(f"{home}doc", Cookie=cookie)).status == 401


@pytest.mark.requirement("CO-10", "ATK-03")
async def test_a_page_that_tells_of_a_refusal_on_a_resource_knows_no_cookie(http: Visitor, home: str) -> None:
    """Scripts of other origins may read it: it holds nothing of the visitor, and nothing that a form would need."""
    for cookie in ("form=" + "a" * 43, "lang=fr; form=" + "b" * 43, ""):
        answer = await http.get(home, accept="text/html", Origin=APP, Cookie=cookie, Accept_Language="de")
        assert (answer.status, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
        assert answer.headers["Content-Language"] == "de"
        assert "Set-Cookie" not in answer.headers
        assert "<form" not in answer.text
        assert "csrf" not in answer.text


@pytest.mark.requirement("TR-25", "PR-51", "PR-52")
async def test_a_preflight_carries_what_options_always_carries(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.options(home, Origin=APP, Access_Control_Request_Method="POST")
    assert {"GET", "HEAD", "OPTIONS", "POST"} <= answer.listed("Allow")
    assert answer.headers["Accept-Post"] == "*/*"
    assert answer.links["http://www.w3.org/ns/solid/terms#storageDescription"] == [f"{alice.pod}.well-known/solid"]
