"""Subscribing: what may be asked, by whom, and what is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conformance.notifications.channels import (
    CONTEXT,
    EVENTS,
    KINDS,
    NOTIFY,
    PROTOCOL_CONTEXT,
    STREAM,
    WEBHOOK,
    WEBSOCKET,
    ask,
    grant,
    service,
    subscribed,
)
from tests.people import JSON_LD, TURTLE, Person, Visitor

DRAFT = "http://www.w3.org/ns/solid/notification#"
TWO_WEEKS = timedelta(days=14)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def later(**by: float) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


@pytest.mark.requirement("NP-7", "NP-10", "NP-12")
@pytest.mark.parametrize(("kind", "scheme"), [(WEBSOCKET, "ws"), (STREAM, "http"), (EVENTS, "http")])
async def test_the_answer_names_the_channel_and_where_it_is_received(
    http: Visitor, home: str, alice: Person, kind: str, scheme: str
) -> None:
    answer = await ask(http, kind, home, by=alice)
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON_LD)
    channel = answer.json
    assert channel["@context"] == [CONTEXT]
    assert channel["id"].startswith(service(http, kind))
    assert (channel["type"], channel["topic"]) == (kind, home)
    assert channel["receiveFrom"].partition("://")[0] in (scheme, f"{scheme}s")
    assert "sender" not in channel
    left = moment(channel["endAt"]) - datetime.now(UTC)
    assert timedelta(days=1) < left <= TWO_WEEKS
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("NP-10", "D11", "TR-26")
@pytest.mark.parametrize("context", [CONTEXT, PROTOCOL_CONTEXT])
@pytest.mark.parametrize("space", ["", NOTIFY, DRAFT])
async def test_both_contexts_and_every_spelling_of_the_type_are_taken(
    http: Visitor, home: str, alice: Person, context: str, space: str
) -> None:
    request = {"@context": context, "type": f"{space}{WEBSOCKET}", "topic": home}
    answer = await http.post(service(http, WEBSOCKET), json.dumps(request), by=alice, kind=JSON_LD)
    assert answer.status == 200, answer.text
    assert answer.json["@context"] == [context]
    assert answer.json["type"] == (WEBSOCKET if not space else f"{NOTIFY}{WEBSOCKET}")


@pytest.mark.requirement("NP-7", "TR-26")
async def test_a_request_with_terms_spelled_out_needs_no_context(http: Visitor, home: str, alice: Person) -> None:
    request = {"@type": f"{DRAFT}{WEBSOCKET}", f"{DRAFT}topic": {"@id": home}, f"{NOTIFY}rate": "PT1S"}
    answer = await http.post(service(http, WEBSOCKET), json.dumps(request), by=alice, kind=JSON_LD)
    assert answer.status == 200, answer.text
    assert answer.json["rate"] == "PT1S"


@pytest.mark.requirement("NP-8")
@pytest.mark.parametrize("context", [CONTEXT, PROTOCOL_CONTEXT])
async def test_a_profile_that_is_one_of_the_contexts_is_taken(
    http: Visitor, home: str, alice: Person, context: str
) -> None:
    body = json.dumps({"@context": [context], "type": WEBSOCKET, "topic": home})
    kind = f'{JSON_LD}; profile="{context}"'
    assert (await http.post(service(http, WEBSOCKET), body, by=alice, kind=kind)).status == 200


@pytest.mark.requirement("NP-8", "NP-7")
@pytest.mark.parametrize("kind", [f'{JSON_LD}; profile="https://other.example/"', "text/csv", "application/json"])
async def test_another_profile_or_type_is_415(http: Visitor, home: str, alice: Person, kind: str) -> None:
    body = json.dumps({"@context": [CONTEXT], "type": WEBSOCKET, "topic": home})
    answer = await http.post(service(http, WEBSOCKET), body, by=alice, kind=kind)
    assert answer.status == 415
    assert JSON_LD in answer.headers["Accept-Post"]


@pytest.mark.requirement("NP-9")
@pytest.mark.parametrize(
    "changes",
    [
        {"topic": None},
        {"topic": "not an IRI"},
        {"topic": ["https://a.example/", "https://b.example/"]},
        {"type": None},
        {"type": "PigeonChannel2023"},
        {"type": WEBHOOK},
        {"type": [WEBSOCKET, WEBHOOK]},
        {"@context": ["https://other.example/context"]},
        {"endAt": "tomorrow"},
        {"endAt": "2020-01-01T00:00:00Z"},
        {"endAt": "2099-01-01T00:00:00"},
        {"startAt": "2099-01-01T00:00:00Z"},
        {"startAt": "2026-13-01T00:00:00Z"},
        {"rate": "often"},
        {"rate": "-PT1S"},
        {"rate": "P"},
        {"rate": "PT"},
        {"rate": ["PT1S", "PT2S"]},
        {"accept": "image/png"},
        {"state": "x" * 1000},
        {"state": {"@id": "https://a.example/"}},
    ],
    ids=str,
)
async def test_what_cannot_be_processed_is_422(
    http: Visitor, home: str, alice: Person, changes: dict[str, Any]
) -> None:
    request = {"@context": [CONTEXT], "type": WEBSOCKET, "topic": home, **changes}
    body = json.dumps({name: value for name, value in request.items() if value is not None})
    answer = await http.post(service(http, WEBSOCKET), body, by=alice, kind=JSON_LD)
    assert answer.status == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.requirement("NP-9")
async def test_two_topics_in_one_request_are_422(http: Visitor, home: str, alice: Person) -> None:
    body = json.dumps({"@context": [CONTEXT], "type": WEBSOCKET, "topic": [home, f"{home}a"]})
    assert (await http.post(service(http, WEBSOCKET), body, by=alice, kind=JSON_LD)).status == 422


@pytest.mark.requirement("PR-7")
async def test_a_request_that_is_no_json_is_400_and_one_too_large_413(http: Visitor, alice: Person) -> None:
    place = service(http, WEBSOCKET)
    assert (await http.post(place, "{", by=alice, kind=JSON_LD)).status == 400
    assert (await http.post(place, "{}", by=alice, kind=None)).status == 400
    assert (await http.post(place, " " * 20_000 + "{}", by=alice, kind=JSON_LD)).status == 413


@pytest.mark.requirement("NP-13")
@pytest.mark.parametrize("place", ["https://elsewhere.example/doc", "{base}", "{base}idp/token", "{base}a/b"])
async def test_a_topic_outside_our_storages_is_422(http: Visitor, alice: Person, place: str) -> None:
    topic = place.replace("{base}", http.base_url)
    assert (await ask(http, WEBSOCKET, topic, by=alice)).status == 422


@pytest.mark.requirement("NP-13", "PR-43")
@pytest.mark.parametrize("name", ["doc.acl", "doc.meta", ".acl", "doc?query", "doc#part"])
async def test_an_auxiliary_resource_is_no_topic(http: Visitor, home: str, alice: Person, name: str) -> None:
    assert (await ask(http, WEBSOCKET, f"{home}{name}", by=alice)).status == 422


@pytest.mark.requirement("NP-11", "WM-15")
@pytest.mark.parametrize("kind", KINDS)
async def test_only_who_may_read_the_topic_may_subscribe(
    http: Visitor, home: str, alice: Person, bob: Person, carol: Person, kind: str
) -> None:
    more: dict[str, Any] = {"sendTo": "https://receiver.example/"} if kind == WEBHOOK else {}
    await grant(http, home, alice, bob)
    assert (await ask(http, kind, f"{home}doc", by=bob, **more)).status == 200
    assert (await ask(http, kind, f"{home}doc", by=carol, **more)).status == 403
    anonymous = await ask(http, kind, f"{home}doc", **more)
    assert anonymous.status == 401
    assert "DPoP" in anonymous.headers["WWW-Authenticate"]


@pytest.mark.requirement("NP-11", "WM-15")
@pytest.mark.parametrize("modes", ["write", "append", "control"])
async def test_no_other_mode_stands_for_read(http: Visitor, home: str, alice: Person, bob: Person, modes: str) -> None:
    await grant(http, home, alice, bob, modes=modes)
    assert (await ask(http, WEBSOCKET, home, by=bob)).status == 403


@pytest.mark.requirement("NP-11", "TR-3")
async def test_a_pod_that_does_not_exist_is_answered_like_one_that_is_closed(http: Visitor, alice: Person) -> None:
    assert (await ask(http, WEBSOCKET, f"{http.base_url}nobody-here/doc", by=alice)).status == 403
    assert (await ask(http, WEBSOCKET, f"{http.base_url}nobody-here/doc")).status == 401


@pytest.mark.requirement("NP-11")
async def test_a_public_topic_needs_no_credentials_but_for_a_webhook(http: Visitor, home: str, alice: Person) -> None:
    await grant(http, home, alice, None)
    channel = await subscribed(http, WEBSOCKET, home)
    assert moment(channel["endAt"]) - datetime.now(UTC) <= timedelta(hours=1)
    assert (await ask(http, WEBHOOK, home, sendTo="https://receiver.example/")).status == 401


@pytest.mark.requirement("NP-11", "TR-2")
async def test_a_bad_token_is_401_even_for_a_public_topic(http: Visitor, home: str, alice: Person) -> None:
    await grant(http, home, alice, None)
    body = json.dumps({"@context": [CONTEXT], "type": WEBSOCKET, "topic": home})
    answer = await http.post(
        service(http, WEBSOCKET), body, kind=JSON_LD, Authorization="DPoP nonsense", DPoP="nonsense"
    )
    assert answer.status == 401


@pytest.mark.requirement("NP-12")
async def test_a_life_is_bounded_and_the_answer_says_what_holds(http: Visitor, home: str, alice: Person) -> None:
    short, long = later(hours=1), later(days=400)
    channel = await subscribed(http, WEBSOCKET, home, by=alice, endAt=short)
    assert abs(moment(channel["endAt"]) - moment(short)) <= timedelta(seconds=1)
    channel = await subscribed(http, WEBSOCKET, home, by=alice, endAt=long)
    assert moment(channel["endAt"]) - datetime.now(UTC) <= TWO_WEEKS


@pytest.mark.requirement("NP-10")
async def test_the_answer_repeats_every_feature_that_was_accepted(http: Visitor, home: str, alice: Person) -> None:
    features = {"startAt": later(hours=1), "endAt": later(hours=2), "rate": "PT90S", "state": "abc", "accept": TURTLE}
    channel = await subscribed(http, WEBSOCKET, home, by=alice, **features)
    assert {name: channel[name] for name in ("rate", "state", "accept")} == {
        name: features[name] for name in ("rate", "state", "accept")
    }
    assert abs(moment(channel["startAt"]) - moment(features["startAt"])) <= timedelta(seconds=1)


@pytest.mark.requirement("NP-12", "PAIN-18")
async def test_a_channel_tells_its_maker_what_holds_and_nobody_else(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    channel = await subscribed(http, WEBSOCKET, home, by=alice)
    assert (await http.get(channel["id"], by=alice)).json == channel
    assert (await http.get(channel["id"], by=bob)).status == 403
    assert (await http.get(channel["id"])).status == 401
    assert (await http.get(f"{service(http, WEBSOCKET)}nonsense", by=alice)).status == 404
    assert (await http.get(channel["id"].replace(WEBSOCKET, STREAM), by=alice)).status == 404


@pytest.mark.requirement("NP-12")
@pytest.mark.parametrize("kind", KINDS)
async def test_whoever_made_a_channel_ends_it(http: Visitor, home: str, alice: Person, bob: Person, kind: str) -> None:
    more: dict[str, Any] = {"sendTo": "https://receiver.example/"} if kind == WEBHOOK else {}
    channel = (await subscribed(http, kind, home, by=alice, **more))["id"]
    assert (await http.delete(channel, by=bob)).status == 403
    assert (await http.delete(channel)).status == 401
    assert (await http.delete(channel, by=alice)).status == 204
    assert (await http.delete(channel, by=alice)).status == 404
    assert (await http.get(channel, by=alice)).status == 404


@pytest.mark.requirement("NP-12")
async def test_a_channel_that_nobody_in_particular_made_is_ended_by_who_knows_it(
    http: Visitor, home: str, alice: Person
) -> None:
    await grant(http, home, alice, None)
    channel = (await subscribed(http, STREAM, home))["id"]
    assert (await http.delete(channel)).status == 204
    assert (await http.get(channel)).status == 404


@pytest.mark.requirement("NC-2")
async def test_a_webhook_names_its_sender(http: Visitor, home: str, alice: Person) -> None:
    channel = await subscribed(http, WEBHOOK, home, by=alice, sendTo="https://receiver.example/hook?a=b")
    assert channel["sender"] == f"{http.base_url}.notifications/sender#it"
    assert channel["sendTo"] == "https://receiver.example/hook?a=b"
    assert "receiveFrom" not in channel


@pytest.mark.requirement("NC-2", "ATK-06")
@pytest.mark.parametrize(
    "place",
    [
        None,
        "http://receiver.example/",
        "ftp://receiver.example/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:password@receiver.example/",
        "urn:x",
    ],
)
async def test_a_webhook_goes_to_a_public_https_address_or_nowhere(
    http: Visitor, home: str, alice: Person, place: str | None
) -> None:
    assert (await ask(http, WEBHOOK, home, by=alice, sendTo=place)).status == 422


@pytest.mark.requirement("NP-7", "NP-10")
async def test_a_subscription_may_be_asked_and_told_in_turtle(http: Visitor, home: str, alice: Person) -> None:
    """The client that LDO and others use speaks no JSON-LD."""
    body = f"_:channel a <{NOTIFY}{WEBSOCKET}>; <{NOTIFY}topic> <{home}>."
    place = service(http, WEBSOCKET)
    answer = await http.post(place, body, by=alice, kind=TURTLE, Accept=TURTLE)
    assert (answer.status, answer.headers["Content-Type"]) == (200, TURTLE)
    assert f"notify:topic <{home}>" in answer.text
    assert "notify:receiveFrom <ws" in answer.text
    plain = await http.post(place, body, by=alice, kind="text/plain")
    assert plain.status == 415
    assert TURTLE in plain.listed("Accept-Post")
