"""One canonical form per URI, and no way around it to an auxiliary."""

from __future__ import annotations

import pytest

from vault.errors import Malformed, Missing
from vault.solid.paths import (
    MAX_DEPTH,
    MAX_PATH_BYTES,
    Auxiliary,
    acl_candidates,
    acl_of,
    ancestors,
    auxiliary,
    is_forbidden,
    is_reserved,
    meta_of,
    mint,
    parse_target,
    twin,
)
from vault.values import PodName, ResourceUrl, normalise_url

ALICE = PodName("alice")


def at(path: str) -> ResourceUrl:
    return ResourceUrl(ALICE, path)


@pytest.mark.requirement("PR-15")
@pytest.mark.requirement("ATK-12")
@pytest.mark.parametrize(
    "raw",
    [
        "/alice/..",
        "/alice/../bob/",
        "/alice/%2e%2e/bob/",
        "/alice/%2E./x",
        "/alice/.%2e",
        "/alice/./x",
        "/alice/%2e/x",
        "/alice/a/.",
        "/alice//x",
        "//alice/x",
        "/alice/x//",
        "/alice/a\\b",
        "/alice/\x00",
        "/alice/%00",
        "/alice/a%0Ab",
        "/alice/a\tb",
        "/alice/%1f",
        "/alice/%7f",
        "/alice/%C2%80",
        "/alice/%c2%9f",
        "/alice/%C0%AF",
        "/alice/%C0%AE%C0%AE/",
        "/alice/%E0%80%AF",
        "/alice/%F8%88%80%80%AF",
        "/alice/%ED%A0%80",
        "/alice/%FF",
        "/alice/%C3",
        "/alice/\udcff",
        "/alice/\ud800x",
        "/alice/%",
        "/alice/%2",
        "/alice/%zz",
        "/alice/%u0041",
        "/alice/x?y",
        "/alice/x#y",
        "alice/x",
        "",
        "*",
    ],
)
def test_what_has_no_safe_reading_is_refused(raw: str) -> None:
    with pytest.raises(Malformed):
        parse_target(raw)


@pytest.mark.requirement("PR-15")
@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/alice/", "/"),
        ("/%61lice/", "/"),
        ("/alice/a", "/a"),
        ("/alice/%41%7e%2D%2e%5F", "/A~-._"),
        ("/alice/a%20b", "/a%20b"),
        ("/alice/a b", "/a%20b"),
        ("/alice/caf%c3%a9", "/caf%C3%A9"),
        ("/alice/café", "/caf%C3%A9"),
        ("/alice/cafe\u0301", "/cafe%CC%81"),
        ("/alice/\udcc3\udca9", "/%C3%A9"),
        ("/alice/a%2fb", "/a%2Fb"),
        ("/alice/a%5cb", "/a%5Cb"),
        ("/alice/..%2f", "/..%2F"),
        ("/alice/%252e%252e/x", "/%252e%252e/x"),
        ("/alice/a;b=c,d", "/a;b=c,d"),
        ("/alice/a%3Bb", "/a%3Bb"),
        ("/alice/...", "/..."),
        ("/alice/x.", "/x."),
        ('/alice/[x]|^`{}<>"', "/%5Bx%5D%7C%5E%60%7B%7D%3C%3E%22"),
    ],
)
def test_every_uri_has_one_canonical_form(raw: str, path: str) -> None:
    assert parse_target(raw) == at(path)


@pytest.mark.requirement("PR-15")
@pytest.mark.parametrize(("one", "other"), [("/alice/a%2Fb", "/alice/a/b"), ("/alice/A", "/alice/a")])
def test_different_uris_stay_different(one: str, other: str) -> None:
    assert parse_target(one) != parse_target(other)


@pytest.mark.parametrize(
    "raw", ["/", "/alice", "/Alice/", "/idp/x", "/al/x", "/favicon.ico", "/.well-known/x", "/a_b/x"]
)
def test_where_no_storage_can_be_there_is_nothing(raw: str) -> None:
    with pytest.raises(Missing):
        parse_target(raw)


def test_a_path_that_is_too_long_or_too_deep_is_refused() -> None:
    assert parse_target("/alice/" + "a" * (MAX_PATH_BYTES - 7)).name == "a" * (MAX_PATH_BYTES - 7)
    with pytest.raises(Malformed):
        parse_target("/alice/" + "a" * (MAX_PATH_BYTES - 6))
    with pytest.raises(Malformed):
        parse_target("/alice/" + "é" * (MAX_PATH_BYTES // 4))
    assert parse_target("/alice/" + "a/" * MAX_DEPTH).is_container
    with pytest.raises(Malformed):
        parse_target("/alice/" + "a/" * (MAX_DEPTH + 1))


@pytest.mark.requirement("PR-42")
def test_a_subject_has_one_acl_and_one_description() -> None:
    assert (acl_of(at("/a/doc")).path, meta_of(at("/a/")).path) == ("/a/doc.acl", "/a/.meta")
    assert auxiliary(at("/a/doc.acl")) == (Auxiliary.ACL, at("/a/doc"))
    assert auxiliary(at("/a/.meta")) == (Auxiliary.META, at("/a/"))
    assert auxiliary(at("/.acl")) == (Auxiliary.ACL, at("/"))


@pytest.mark.requirement("PR-46")
@pytest.mark.parametrize("path", ["/doc.acl.acl", "/doc.acl.meta", "/doc.meta.meta", "/doc.meta.acl", "/.acl.acl"])
def test_there_is_no_auxiliary_of_an_auxiliary(path: str) -> None:
    assert auxiliary(at(path)) is None
    assert is_forbidden(at(path))


@pytest.mark.requirement("PR-47")
@pytest.mark.requirement("ATK-13")
@pytest.mark.parametrize(
    "path", ["/.acl/", "/foo.acl/", "/a/.meta/", "/foo.acl/bar", "/.acl/x", "/a/b.meta/c/d", "/foo.acl/bar.acl"]
)
def test_a_container_named_like_an_auxiliary_is_forbidden_and_all_below_it(path: str) -> None:
    assert is_forbidden(at(path))
    assert auxiliary(at(path)) is None


@pytest.mark.requirement("PR-47")
@pytest.mark.parametrize(
    "path", ["/x.dummy", "/.dummy", "/acl", "/foo.aclx", "/foo.acl.txt", "/a.metadata/x", "/doc.acl%20"]
)
def test_other_names_with_dots_are_ordinary(path: str) -> None:
    assert not is_forbidden(at(path))
    assert auxiliary(at(path)) is None


@pytest.mark.parametrize("path", ["/.well-known", "/.well-known/solid", "/.well-known/solid/", "/.well-known/solid/x"])
def test_nothing_stands_in_the_way_of_the_storage_description(path: str) -> None:
    assert is_reserved(at(path))


def test_other_well_known_places_are_free() -> None:
    assert not is_reserved(at("/.well-known/"))
    assert not is_reserved(at("/.well-known/solidarity"))
    assert not is_reserved(at("/a/.well-known/solid"))


@pytest.mark.requirement("WA-6")
def test_acls_are_looked_for_from_the_resource_up_to_the_storage() -> None:
    assert [c.path for c in acl_candidates(at("/a/b/doc"))] == ["/a/b/doc.acl", "/a/b/.acl", "/a/.acl", "/.acl"]
    assert [c.path for c in acl_candidates(at("/a/b/"))] == ["/a/b/.acl", "/a/.acl", "/.acl"]
    assert [c.path for c in acl_candidates(at("/"))] == ["/.acl"]


@pytest.mark.requirement("PR-43")
@pytest.mark.parametrize("path", ["/a/doc.meta", "/a/doc.acl"])
def test_an_auxiliary_has_the_acls_of_its_subject(path: str) -> None:
    assert acl_candidates(at(path)) == acl_candidates(at("/a/doc"))


def test_the_containers_above_come_nearest_first() -> None:
    assert [a.path for a in ancestors(at("/a/b/c"))] == ["/a/b/", "/a/", "/"]
    assert [a.path for a in ancestors(at("/a/b/"))] == ["/a/", "/"]
    assert ancestors(at("/")) == ()


@pytest.mark.requirement("PR-11")
def test_a_twin_differs_in_the_final_slash_alone() -> None:
    assert (twin(at("/a/b")), twin(at("/a/b/"))) == (at("/a/b/"), at("/a/b"))
    assert twin(at("/")) == at("/")


@pytest.mark.requirement("PR-47")
@pytest.mark.requirement("ATK-13")
@pytest.mark.parametrize(
    ("slug", "name"),
    [
        (".acl", "-acl"),
        ("doc.acl", "doc-acl"),
        ("doc.ACL", "doc-ACL"),
        ("doc.meta", "doc-meta"),
        ("doc.acl.acl", "doc.acl-acl"),
        ("doc.acl/", "doc-acl"),
        ("/etc/passwd", "etc-passwd"),
        ("..\\..\\x", "..-..-x"),
        ("../x", "..-x"),
        ("a\x00\x01b", "ab"),
        ("a\u202eb", "ab"),
        ("x.dummy", "x.dummy"),
        (".hidden", ".hidden"),
        ("a b", "a-b"),
        ("50%", "50%25"),
        ("é", "%C3%A9"),
        ("what?#", "what%3F%23"),
    ],
)
@pytest.mark.parametrize("container_wanted", [False, True])
def test_a_slug_becomes_a_safe_name(slug: str, name: str, container_wanted: bool) -> None:
    made = mint(at("/in/"), slug, container_wanted=container_wanted, unique="")
    assert made == at("/in/" + name + ("/" if container_wanted else ""))
    assert auxiliary(made) is None
    assert not is_forbidden(made)
    assert parse_target(f"/alice{made.path}") == made


@pytest.mark.requirement("PR-64")
def test_a_taken_name_gets_something_unique_added() -> None:
    assert mint(at("/in/"), "note", container_wanted=False, unique="7f").path == "/in/note-7f"
    assert mint(at("/in/"), "note.acl", container_wanted=False, unique="7f").path == "/in/note-acl-7f"


@pytest.mark.parametrize("slug", [None, "", "/", "..", ".", "\x00", "   "])
def test_a_slug_that_says_nothing_leaves_the_unique_name(slug: str | None) -> None:
    assert mint(at("/in/"), slug, container_wanted=False, unique="7f").path == "/in/7f"
    with pytest.raises(Malformed):
        mint(at("/in/"), slug, container_wanted=False, unique="")


def test_a_long_slug_is_cut_and_a_path_never_grows_too_long() -> None:
    assert len(mint(at("/in/"), "a" * 5000, container_wanted=False, unique="").name) == 128
    with pytest.raises(Malformed):
        mint(at("/" + "a" * 1500 + "/"), "é" * 128, container_wanted=False, unique="")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTPS://Vault.Example/a", "https://vault.example/a"),
        ("https://vault.example:443/a", "https://vault.example/a"),
        ("http://vault.example:80", "http://vault.example/"),
        ("https://vault.example/caf%c3%a9", "https://vault.example/café"),
        ("https://[::1]:3000/a", "https://[::1]:3000/a"),
    ],
)
def test_urls_that_say_the_same_are_normalised_to_the_same(one: str, other: str) -> None:
    assert normalise_url(one) == normalise_url(other)


@pytest.mark.parametrize(
    "url",
    [
        "https://u@vault.example/a",
        "https://vault.example/a/../b",
        "urn:x",
        "https://vault.example:99999/",
        "ftp://x/a",
        "",
    ],
)
def test_a_url_without_a_normal_form_stays_as_it_is(url: str) -> None:
    assert normalise_url(url) == url
