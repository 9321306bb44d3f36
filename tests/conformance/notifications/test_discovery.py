"""Where channels are found: the storage description, the subscription services, and what they say of themselves."""

from __future__ import annotations

import pyoxigraph
import pytest

from tests.conformance.notifications.channels import CONTEXT, KINDS, NOTIFY, PROTOCOL_CONTEXT, service
from tests.people import JSON_LD, TERMS, TURTLE, Person, Visitor

FEATURES = ["accept", "endAt", "rate", "startAt", "state"]


def facts_of(text: str, media_type: str, place: str) -> set[tuple[str, str, str]]:
    syntax = pyoxigraph.RdfFormat.from_media_type(media_type)
    assert syntax is not None
    return {
        (str(quad.subject), str(quad.predicate), str(quad.object))
        for quad in pyoxigraph.parse(text, format=syntax, base_iri=place)
    }


@pytest.mark.requirement("NP-1", "NP-3")
async def test_a_resource_leads_to_its_storage_description_and_that_to_the_services(
    http: Visitor, home: str, alice: Person
) -> None:
    place = (await http.head(home, by=alice)).links[f"{TERMS}storageDescription"][0]
    answer = await http.get(place, accept=TURTLE)
    assert answer.status == 200
    facts = facts_of(answer.text, TURTLE, place)
    for kind in KINDS:
        there = f"<{service(http, kind)}>"
        assert (f"<{alice.pod}>", f"<{NOTIFY}subscription>", there) in facts
        assert (there, f"<{NOTIFY}channelType>", f"<{NOTIFY}{kind}>") in facts
        assert {obj for s, p, obj in facts if s == there and p == f"<{NOTIFY}feature>"} == {
            f"<{NOTIFY}{feature}>" for feature in FEATURES
        }


@pytest.mark.requirement("NP-4", "NP-5")
async def test_the_description_in_json_ld_has_the_protocols_form_and_the_same_facts(
    http: Visitor, alice: Person
) -> None:
    place = f"{alice.pod}.well-known/solid"
    answer = await http.get(place, accept=JSON_LD)
    assert answer.headers["Content-Type"] == JSON_LD
    found = answer.json
    assert found["id"] == alice.pod
    assert {entry["channelType"]: entry["id"] for entry in found["subscription"]} == {
        kind: service(http, kind) for kind in KINDS
    }
    assert all(entry["feature"] == FEATURES for entry in found["subscription"])
    turtle = (await http.get(place, accept=TURTLE)).text
    assert facts_of(answer.text, JSON_LD, place) == facts_of(turtle, TURTLE, place)


@pytest.mark.requirement("NP-6")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_subscription_service_describes_itself(http: Visitor, kind: str) -> None:
    place = service(http, kind)
    answer = await http.get(place)
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON_LD)
    assert answer.json == {"@context": [CONTEXT], "id": place, "channelType": kind, "feature": FEATURES}
    head = await http.head(place)
    assert (head.status, head.body) == (200, b"")
    options = await http.options(place)
    assert options.status == 204
    assert {"GET", "HEAD", "OPTIONS", "POST"} <= options.listed("Allow")
    assert (await http.put(place, "{}", kind=JSON_LD)).status == 405


@pytest.mark.requirement("D11")
async def test_a_service_answers_in_the_context_that_was_asked_for(http: Visitor) -> None:
    place = service(http, KINDS[0])
    answer = await http.get(place, accept=f'{JSON_LD}; profile="{PROTOCOL_CONTEXT}"')
    assert answer.json["@context"] == [PROTOCOL_CONTEXT]


@pytest.mark.requirement("NP-6")
async def test_a_service_in_turtle_and_one_that_does_not_exist(http: Visitor) -> None:
    place = service(http, KINDS[0])
    turtle = await http.get(place, accept=TURTLE)
    assert turtle.headers["Content-Type"] == TURTLE
    assert (f"<{place}>", f"<{NOTIFY}channelType>", f"<{NOTIFY}{KINDS[0]}>") in facts_of(turtle.text, TURTLE, place)
    assert (await http.get(place, accept="image/png")).status == 406
    assert (await http.get(service(http, "PigeonChannel2023"))).status == 404


@pytest.mark.requirement("NC-2", "WP-2")
async def test_the_sender_of_webhooks_has_a_webid_that_names_our_issuer(http: Visitor) -> None:
    place = f"{http.base_url}.notifications/sender"
    for media_type in (TURTLE, JSON_LD):
        answer = await http.get(place, accept=media_type)
        assert answer.headers["Content-Type"] == media_type
        assert (f"<{place}#it>", f"<{TERMS}oidcIssuer>", f"<{http.base_url}>") in facts_of(
            answer.text, media_type, place
        )


@pytest.mark.requirement("CO-1")
async def test_a_script_of_any_origin_may_use_the_services(http: Visitor) -> None:
    answer = await http.get(service(http, KINDS[0]), Origin="https://app.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    preflight = await http.options(
        service(http, KINDS[0]), Origin="https://app.example", Access_Control_Request_Method="POST"
    )
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "POST" in preflight.listed("Access-Control-Allow-Methods")
