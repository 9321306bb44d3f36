"""The log: events with fields, and nothing that tells a person, a token or a place."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from vault import observe


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    observe.configure(level="info", form="json", stream=stream)
    yield stream
    observe.configure(level="error", form="json")


def read(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.requirement("ATK-34")
@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJFUzI1NiJ9aaaa.eyJpc3MiOiJodHRwczovL2EifQaaa.c2lnbmF0dXJl",
        "https://pod.example/alice/profile/card#me",
        "alice@people.example",
        "85.07.30-033.28",
        "85073003328",
        "a3f5c2d1" * 6,
    ],
)
def test_secrets_and_people_are_blackened_wherever_they_stand(lines: io.StringIO, secret: str) -> None:
    observe.warning("odd", message=f"we saw {secret} here", reason=secret)
    assert secret not in lines.getvalue()
    assert read(lines)[0]["message"] == "we saw *** here"


@pytest.mark.requirement("ATK-34")
def test_a_field_nobody_listed_is_dropped(lines: io.StringIO) -> None:
    observe.event("odd", webid="https://a.example/#me", name="Alice", status=200)
    (line,) = read(lines)
    assert set(line) == {"event", "level", "at", "status"}


@pytest.mark.requirement("ATK-34")
def test_nothing_breaks_out_of_its_line(lines: io.StringIO) -> None:
    observe.warning("odd", message='a\r\n{"event":"forged"}\x1b[2J')
    (line,) = read(lines)
    assert line["event"] == "odd"
    assert "\x1b" not in str(line["message"])


def test_an_exception_is_told_by_type_and_place_and_never_by_its_words(lines: io.StringIO) -> None:
    try:
        try:
            raise KeyError("alice's secret")
        except KeyError as inner:
            raise ValueError("another secret") from inner
    except ValueError as error:
        observe.failure("broken", error, request="0123456789abcdef")
    (line,) = read(lines)
    assert line["error"] == "ValueError < KeyError"
    assert "secret" not in lines.getvalue()
    assert "test_observe" in str(line["frames"])


def test_libraries_speak_in_the_same_lines_without_their_values(lines: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "192.0.2.7")
    logging.getLogger("asyncio").debug("noise")
    (line,) = read(lines)
    assert (line["logger"], line["event"], line["level"]) == ("aiohttp.server", "library", "error")
    assert "192.0.2.7" not in lines.getvalue()


def test_a_request_line_is_json_with_its_fields(lines: io.StringIO) -> None:
    observe.request_line(
        request="00", method="GET", route="/{path:.*}", status=200, ms=1.5, pod="ab", address="192.0.2.0", reason=""
    )
    (line,) = read(lines)
    assert line == line | {"event": "request", "status": 200, "ms": 1.5, "route": "/{path:.*}"}


def test_the_console_form_and_a_higher_level_leave_request_lines_to_the_library() -> None:
    stream = io.StringIO()
    fields = {"request": "00", "method": "GET", "route": "/", "pod": "", "address": "", "reason": ""}
    observe.configure(level="info", form="console", stream=stream)
    observe.request_line(status=200, ms=1.0, **fields)
    assert "request" in stream.getvalue()
    observe.configure(level="warning", form="json", stream=(quiet := io.StringIO()))
    observe.request_line(status=200, ms=1.0, **fields)
    assert quiet.getvalue() == ""
    assert not observe.wants_requests()
    observe.configure(level="error", form="json")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("", ""),
        (None, ""),
        ("not an address", ""),
    ],
)
def test_an_address_loses_its_last_part(address: str | None, shown: str) -> None:
    assert observe.truncated_address(address) == shown


def test_a_pod_is_named_by_a_keyed_hash() -> None:
    assert observe.hashed_pod("alice", b"k") == observe.hashed_pod("alice", b"k")
    assert observe.hashed_pod("alice", b"k") != observe.hashed_pod("alice", b"other")
    assert observe.hashed_pod("alice", b"k") != observe.hashed_pod("bob", b"k")
    assert observe.hashed_pod("", b"k") == ""


def test_request_ids_differ() -> None:
    assert len({observe.new_request_id() for _ in range(1000)}) == 1000
