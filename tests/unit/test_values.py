"""The shared words: what parses, what is refused, what never shows."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import Malformed
from vault.values import (
    ETag,
    MediaType,
    PodName,
    ResourceUrl,
    Secret,
    parse_media_type,
    parse_pod_name,
    parse_webid,
)


@pytest.mark.parametrize("name", ["alice", "hr-scheldeland", "a1b", "x" * 63])
def test_a_plain_name_is_a_pod_name(name: str) -> None:
    assert parse_pod_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "Alice",
        "-alice",
        "alice-",
        "al_ice",
        "al.ice",
        "x" * 64,
        "datasluis",
        "static",
        "my",
        "été",
        "a/b",
        "al\n",
    ],
)
def test_a_name_that_routes_use_or_urls_twist_is_no_pod_name(name: str) -> None:
    with pytest.raises(Malformed):
        parse_pod_name(name)


@pytest.mark.parametrize(
    "webid", ["https://id.example/alice#me", "http://localhost:3000/alice/profile/card#me", "https://x/"]
)
def test_an_absolute_http_url_is_a_webid(webid: str) -> None:
    assert parse_webid(webid) == webid


@pytest.mark.parametrize(
    "webid",
    ["", "alice", "mailto:alice@x", "https://", "https://u:p@x/", "https://x/ y", "https://x/<>", "https://x/\n",
     "//x/a", "https://[::1", "ftp://x/", "https://x/" + "a" * 2048],
)  # fmt: skip
def test_anything_else_is_no_webid(webid: str) -> None:
    with pytest.raises(Malformed):
        parse_webid(webid)


def test_a_resource_knows_its_parent_and_its_name() -> None:
    document = ResourceUrl(PodName("alice"), "/diplomas/2014/x.ttl")
    assert document.parent == ResourceUrl(PodName("alice"), "/diplomas/2014/")
    assert document.parent is not None
    assert document.parent.name == "2014/"
    assert document.name == "x.ttl"
    assert document.iri("https://v.example/") == "https://v.example/alice/diplomas/2014/x.ttl"


@pytest.mark.requirement("PR-10")
def test_only_a_path_ending_in_a_slash_is_a_container() -> None:
    assert ResourceUrl(PodName("alice"), "/a/").is_container
    assert not ResourceUrl(PodName("alice"), "/a").is_container


def test_a_storage_has_no_parent() -> None:
    root = ResourceUrl(PodName("alice"), "/")
    assert root.is_storage
    assert root.parent is None
    assert ResourceUrl(PodName("alice"), "/a/").parent == root


@pytest.mark.requirement("CH-9")
def test_a_media_type_is_read_with_its_parameters_whatever_the_case() -> None:
    parsed = parse_media_type('Text/Turtle ; Charset=UTF-8; profile="a;b\\"c"')
    assert parsed.essence == "text/turtle"
    assert parsed.parameter("charset") == "UTF-8"
    assert parsed.parameter("profile") == 'a;b"c'


@pytest.mark.parametrize(
    "text", ["", "text", "text/", "/turtle", "text/tur tle", "text/turtle; =x", "te xt/a; b", "a/b;c"]
)
def test_a_media_type_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_media_type(text)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), min_size=1),
    )
)
def test_a_media_type_survives_being_written_and_read(parameters: dict[str, str]) -> None:
    media_type = MediaType("text/turtle", tuple(parameters.items()))
    assert parse_media_type(str(media_type)) == media_type


def test_a_long_hostile_media_type_is_read_in_linear_time() -> None:
    began = time.perf_counter()
    with pytest.raises(Malformed):
        parse_media_type("text/turtle" + ';"' * 50_000)
    assert time.perf_counter() - began < 1


def test_a_secret_shows_in_no_text() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != Secret("other")


def test_an_entity_tag_is_written_as_http_wants_it() -> None:
    assert str(ETag("7-ttl")) == '"7-ttl"'
    assert str(ETag("7-ttl", weak=True)) == 'W/"7-ttl"'
