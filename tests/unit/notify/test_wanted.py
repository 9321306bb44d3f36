"""What a subscription may ask, as values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vault.config import Limits
from vault.errors import Unprocessable, UnsupportedMedia
from vault.notify.channels import CONTEXTS, ChannelType, duration
from vault.notify.wanted import Wanted, check_profile, context_of, period, read_request, read_topic
from vault.rdf.syntax import parse
from vault.values import JSON_LD, TURTLE, PodName, ResourceUrl

BASE = "https://vault.example/"
TOPIC = f"{BASE}alice/doc"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def wanted(**changes: Any) -> Wanted:
    request = {"@context": [CONTEXTS[0]], "type": "WebSocketChannel2023", "topic": TOPIC, **changes}
    text = json.dumps(request).encode()
    graph = parse(text, JSON_LD, base=f"{BASE}.notifications/", limits=Limits())
    return read_request(request, graph, ChannelType.WEBSOCKET, base_url=BASE)


def test_the_least_request_asks_nothing_but_a_topic() -> None:
    assert wanted() == Wanted(
        topic=ResourceUrl(PodName("alice"), "/doc"),
        context=CONTEXTS[0],
        spelled="WebSocketChannel2023",
        send_to=None,
        starts=None,
        ends=None,
        rate=timedelta(),
        state=None,
        accept=JSON_LD,
        accept_as_sent=None,
    )


@pytest.mark.requirement("NP-10")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT10S", 10),
        ("PT10s", 10),  # as the drafts of the channel types write it
        ("PT0.5S", 0.5),
        ("PT1M30S", 90),
        ("PT2H", 7200),
        ("P1D", 86400),
        ("P1DT1S", 86401),
        ("P1M", 30 * 86400),
        ("P1Y", 365 * 86400),
        ("PT0S", 0),
    ],
)
def test_a_rate_is_a_duration(text: str, seconds: float) -> None:
    assert wanted(rate=text).rate.total_seconds() == seconds


@pytest.mark.requirement("NP-9")
@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1S", "PT1", "PT1X", "-PT1S", "P1H", "PT.5S", "P1W", "PT١S"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable):
        wanted(rate=text)


@pytest.mark.requirement("NP-10")
def test_times_are_read_in_any_zone() -> None:
    assert wanted(endAt="2026-11-24T13:00:00+01:00").ends == NOON
    assert wanted(startAt="2026-11-24T12:00:00Z").starts == NOON


@pytest.mark.requirement("NP-9")
@pytest.mark.parametrize("text", ["2026-11-24T12:00:00", "soon", "0001-01-01T00:00:00+23:59", ""])
def test_a_time_without_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable):
        wanted(endAt=text)


@pytest.mark.requirement("NP-10")
@pytest.mark.parametrize("text", ["5-ttl", '"5-ttl"', 'W/"5-ttl"'])
def test_a_state_is_an_entity_tag_with_or_without_its_quotes(text: str) -> None:
    assert wanted(state=text).state == "5-ttl"


def test_the_format_is_what_accept_likes_best() -> None:
    assert wanted(accept="text/turtle;q=0.9, application/ld+json;q=0.1").accept == TURTLE
    assert wanted(accept="*/*").accept == JSON_LD


@pytest.mark.requirement("D11")
def test_the_context_is_the_one_the_request_names() -> None:
    for context in CONTEXTS:
        assert context_of({"@context": context}) == context
        assert context_of({"@context": ["https://w3id.org/security/v2", context, {"a": "urn:a"}]}) == context
    others: list[Any] = [{}, [], {"@context": None}, {"@context": {"a": "urn:a"}}, "text"]
    for document in others:
        assert context_of(document) == CONTEXTS[0]


@pytest.mark.requirement("NP-8")
def test_only_the_profiles_of_the_protocol_are_known() -> None:
    check_profile(None)
    check_profile(" ".join(CONTEXTS))
    for profile in ("https://other.example/", f"{CONTEXTS[0]} https://other.example/"):
        with pytest.raises(UnsupportedMedia):
            check_profile(profile)


@pytest.mark.requirement("NP-13")
@pytest.mark.parametrize("path", ["alice/", "alice/a/b/", "alice/a%20b", "alice/.hidden"])
def test_a_topic_is_a_resource_in_a_storage(path: str) -> None:
    assert read_topic(BASE + path, base_url=BASE).iri(BASE) == BASE + path


@pytest.mark.requirement("NP-13", "PR-15")
@pytest.mark.parametrize(
    "iri",
    [
        BASE,
        f"{BASE}alice",
        f"{BASE}idp/token",
        f"{BASE}alice/a/../b",
        f"{BASE}alice//b",
        f"{BASE}alice/doc.acl",
        f"{BASE}alice/.meta",
        f"{BASE}alice/.well-known/solid",
        f"{BASE}alice/doc?x",
        f"{BASE}alice/doc#x",
        "https://vault.example.attacker.example/alice/doc",
        "https://other.example/alice/doc",
        "urn:x",
    ],
)
def test_everything_else_is_no_topic(iri: str) -> None:
    with pytest.raises(Unprocessable):
        read_topic(iri, base_url=BASE)


@pytest.mark.requirement("NP-12")
def test_a_period_lies_within_what_is_allowed_and_has_whole_seconds() -> None:
    at = NOON + timedelta(microseconds=400_000)
    assert period(wanted(), now=at, longest=WEEK) == (NOON, NOON + WEEK)
    long = wanted(endAt="2099-01-01T00:00:00Z")
    assert period(long, now=at, longest=WEEK) == (NOON, NOON + WEEK)
    between = wanted(startAt="2026-11-24T12:00:10.2Z", endAt="2026-11-24T12:00:20.2Z")
    assert period(between, now=at, longest=WEEK) == (NOON + timedelta(seconds=11), NOON + timedelta(seconds=21))
    past = wanted(startAt="2020-01-01T00:00:00Z")
    assert period(past, now=at, longest=WEEK) == (NOON, NOON + WEEK)


@pytest.mark.requirement("NP-12")
@pytest.mark.parametrize(
    "changes",
    [
        {"endAt": "2026-11-24T12:00:00Z"},
        {"startAt": "2026-11-24T13:00:00Z", "endAt": "2026-11-24T13:00:00Z"},
        {"startAt": "2027-01-01T00:00:00Z"},
    ],
)
def test_a_period_that_is_over_before_it_begins_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Unprocessable):
        period(wanted(**changes), now=NOON, longest=WEEK)


@pytest.mark.parametrize("seconds", [0.5, 10.0, 90.0, 86400.0, 31536000.0, 315360000.0])
def test_a_duration_is_written_so_that_it_can_be_read(seconds: float) -> None:
    assert wanted(rate=duration(seconds)).rate.total_seconds() == seconds
