"""What holds for every path anyone can send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import Malformed, Missing
from vault.solid.paths import acl_candidates, auxiliary, is_forbidden, mint, parse_target, subject_of, twin
from vault.values import PodName, ResourceUrl, canonical_path

_PIECES = st.sampled_from(
    [
        "..",
        ".",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "/",
        "//",
        "\\",
        "%00",
        ";",
        "%C0%AF",
        ".acl",
        ".meta",
        "a",
        "A",
        "%61",
        "é",
    ]
    + ["%c3%a9", " ", "%20", "%25", "%", "~", "%7E", "\x00", "x.", "?", "#", "+", "%2B", "\udcff"]
)
_PATHS = st.lists(_PIECES, max_size=8).map("".join) | st.text(max_size=40)
_SLUGS = st.text(max_size=200) | st.lists(_PIECES, max_size=6).map("".join)


@pytest.mark.requirement("PR-15")
@pytest.mark.requirement("ATK-12")
@given(_PATHS)
def test_the_canonical_form_of_a_canonical_form_is_itself(tail: str) -> None:
    try:
        path = canonical_path("/alice/" + tail)
    except Malformed:
        return
    assert canonical_path(path) == path


@pytest.mark.requirement("PR-15")
@given(_PATHS)
def test_a_path_that_is_read_has_no_segment_to_climb_with(tail: str) -> None:
    try:
        url = parse_target("/alice/" + tail)
    except (Malformed, Missing):
        return
    segments = url.path.removeprefix("/").removesuffix("/").split("/") if url.path != "/" else []
    assert not {"", ".", ".."} & set(segments)
    assert url.path.isascii()
    assert url.path.isprintable()
    assert url.pod == "alice"


@pytest.mark.requirement("ATK-12")
@given(_PATHS)
def test_the_acl_that_decides_stands_above_the_key_that_is_stored(tail: str) -> None:
    try:
        url = parse_target("/alice/" + tail)
    except (Malformed, Missing):
        return
    subject = subject_of(url)
    for candidate in acl_candidates(url):
        found = auxiliary(candidate)
        assert candidate.path.endswith(".acl")
        assert subject.path.startswith(candidate.path.removesuffix(".acl"))
        if not is_forbidden(url):
            assert found is not None
            assert not is_forbidden(candidate)


@given(_PATHS)
def test_the_twin_of_a_twin_is_the_resource(tail: str) -> None:
    try:
        url = parse_target("/alice/" + tail)
    except (Malformed, Missing):
        return
    assert twin(twin(url)) == url


@pytest.mark.requirement("PR-47")
@pytest.mark.requirement("ATK-13")
@given(_SLUGS, st.booleans(), st.sampled_from(["", "0f3a"]))
def test_no_slug_makes_an_auxiliary_or_leaves_its_container(slug: str, container: bool, unique: str) -> None:
    here = ResourceUrl(PodName("alice"), "/in/")
    try:
        made = mint(here, slug, container_wanted=container, unique=unique)
    except Malformed:
        assert not unique
        return
    assert made.parent == here
    assert made.is_container is container
    assert auxiliary(made) is None
    assert not is_forbidden(made)
    assert parse_target(f"/alice{made.path}") == made
