"""Allow is true for its target, and for those who may not know it depends on the URI alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vault.errors import MethodNotAllowed
from vault.solid.methods import accepted_types, allowed_methods, check_method
from vault.solid.resource import Kind, Resource, current_tags, representations
from vault.values import JSON_LD, TURTLE, ETag, MediaType, PodName, ResourceUrl


def at(path: str) -> ResourceUrl:
    return ResourceUrl(PodName("alice"), path)


def row(path: str, kind: Kind, media_type: MediaType = TURTLE) -> Resource:
    return Resource(at(path), kind, media_type, 7, datetime(2026, 11, 24, tzinfo=UTC), 3)


PNG = row("/p", Kind.BINARY, MediaType("image/png"))
DOCUMENT = row("/d", Kind.GRAPH)
FOLDER = row("/f/", Kind.CONTAINER)


@pytest.mark.requirement("PR-51")
@pytest.mark.parametrize(
    ("path", "resource", "absent"),
    [
        ("/d", DOCUMENT, {"POST"}),
        ("/p", PNG, {"POST", "PATCH"}),
        ("/f/", FOLDER, set()),
        ("/", row("/", Kind.CONTAINER), {"DELETE"}),
        ("/.acl", row("/.acl", Kind.GRAPH), {"DELETE", "POST"}),
        ("/f/.acl", row("/f/.acl", Kind.GRAPH), {"POST"}),
        ("/profile/card", row("/profile/card", Kind.GRAPH), {"DELETE", "POST"}),
        ("/.well-known/solid", None, {"PUT", "PATCH", "POST", "DELETE"}),
        ("/nothing", None, {"POST"}),
        ("/nothing/", None, set()),
    ],
)
def test_allow_leaves_out_what_the_target_does_not_do(path: str, resource: Resource | None, absent: set[str]) -> None:
    every = {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}
    assert set(allowed_methods(at(path), resource)) == every - absent
    for method in absent:
        with pytest.raises(MethodNotAllowed) as refusal:
            check_method(method, at(path), resource)
        assert method not in refusal.value.allowed
    for method in every - absent:
        check_method(method, at(path), resource)


@pytest.mark.requirement("PR-52")
@pytest.mark.requirement("PR-53")
def test_types_are_announced_for_the_methods_in_allow_alone() -> None:
    assert accepted_types(at("/f/"), FOLDER) == {
        "Accept-Patch": "text/n3, application/sparql-update",
        "Accept-Post": "*/*",
        "Accept-Put": "text/turtle, application/ld+json, application/n-triples",
    }
    assert set(accepted_types(at("/d"), DOCUMENT)) == {"Accept-Patch", "Accept-Put"}
    assert accepted_types(at("/p"), PNG) == {
        "Accept-Put": "text/turtle, application/ld+json, application/n-triples, */*"
    }
    assert accepted_types(at("/.well-known/solid"), None) == {}
    assert accepted_types(at("/d.acl"), None)["Accept-Put"].startswith("text/turtle")


@pytest.mark.requirement("PR-54")
def test_the_stored_form_is_offered_first_and_other_bytes_in_one_form_only() -> None:
    utf8 = MediaType("text/turtle", (("charset", "UTF-8"),))
    assert representations(row("/d", Kind.GRAPH, utf8))[0] is utf8
    assert [str(m) for m in representations(row("/d", Kind.GRAPH, JSON_LD))] == [
        "application/ld+json",
        "text/turtle",
        "application/n-triples",
    ]
    assert representations(PNG) == (MediaType("image/png"),)
    assert representations(FOLDER)[0] == TURTLE


@pytest.mark.requirement("PR-59")
def test_each_representation_has_its_own_tag() -> None:
    tags = current_tags(DOCUMENT)
    assert len(set(tags)) == 3
    assert not any(tag.weak for tag in tags)
    assert current_tags(PNG) == (ETag("7-x"),)
    assert current_tags(None) == ()
