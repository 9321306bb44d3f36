"""ATK-01, the part that headers do: what lives in a pod is sent sandboxed, never guessed at, and saved, not opened."""

from __future__ import annotations

import pytest

from tests.people import JSON_LD, TURTLE, Person, Visitor, acl, rule

ATTACK = "<script>fetch('/my/')</script>"
ACTIVE = [
    "text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "application/xslt+xml",
    "application/pdf", "text/javascript", "application/javascript", "text/css", "multipart/related",
    "message/rfc822", "application/x-unknown", "application/octet-stream", "application/wasm",
    "text/html; charset=utf-7",
]  # fmt: skip
PASSIVE = ["text/plain", "text/csv", "image/png", "image/gif", "video/mp4", "application/json"]


@pytest.mark.requirement("ATK-01")
@pytest.mark.parametrize("kind", [*ACTIVE, *PASSIVE, TURTLE])
async def test_what_a_pod_holds_is_sandboxed_and_never_sniffed(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    url = f"{home}page"
    body = "<#a> <#b> <#c>." if kind == TURTLE else ATTACK
    assert (await http.put(url, body, by=alice, kind=kind)).status == 201
    for answer in (await http.get(url, by=alice), await http.head(url, by=alice)):
        assert answer.headers["Content-Type"] == kind
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox;")
        assert "default-src 'none'" in policy
        assert "allow-" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.requirement("ATK-01")
@pytest.mark.parametrize(("kinds", "saved"), [(ACTIVE, True), (PASSIVE, False)])
async def test_active_types_are_saved_and_passive_ones_shown(
    http: Visitor, home: str, alice: Person, kinds: list[str], saved: bool
) -> None:
    for kind in kinds:
        await http.put(f"{home}page", ATTACK, by=alice, kind=kind)
        shown = (await http.get(f"{home}page", by=alice)).headers.get("Content-Disposition")
        assert (shown == "attachment") is saved, kind


@pytest.mark.requirement("ATK-01", "PR-7")
async def test_a_body_without_a_type_is_not_stored_at_all(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.put(f"{home}page", ATTACK, by=alice, kind=None)).status == 400
    assert (await http.get(f"{home}page", by=alice)).status == 404


@pytest.mark.requirement("ATK-01", "ATK-17")
async def test_what_everybody_may_read_may_be_embedded_and_nothing_else(
    http: Visitor, home: str, alice: Person
) -> None:
    url = f"{home}picture"
    await http.put(url, b"\x89PNG", by=alice, kind="image/png")
    mine = rule(modes="read write control", agent=alice.webid, to=url)
    await http.share(url, acl(mine, rule(modes="read", agent_class="public", to=url)), by=alice)
    assert (await http.get(url)).headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    await http.share(url, acl(mine, rule(modes="read", agent_class="authenticated", to=url)), by=alice)
    assert (await http.get(url, by=alice)).headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.requirement("ATK-17")
async def test_a_cache_keeps_nothing_private(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, "<#a> <#b> <#c>.", by=alice)
    for answer in (await http.get(url, by=alice), await http.get(url)):
        assert "no-store" in answer.headers["Cache-Control"]
    mine = rule(modes="read write control", agent=alice.webid, to=url)
    await http.share(url, acl(mine, rule(modes="read", agent_class="public", to=url)), by=alice)
    everybody = await http.get(url)
    assert everybody.headers["Cache-Control"] == "no-cache"
    assert {"Authorization", "Accept", "Origin"} <= everybody.listed("Vary")


@pytest.mark.requirement("ATK-01")
@pytest.mark.parametrize("accept", [None, "text/html", JSON_LD])
async def test_errors_below_a_pod_run_nothing_either(
    http: Visitor, home: str, alice: Person, accept: str | None
) -> None:
    evil = f"{home}%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    for answer in (await http.get(evil, accept=accept), await http.get(evil, by=alice, accept=accept)):
        assert answer.status in (401, 404)
        assert b"<script>alert" not in answer.body
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
