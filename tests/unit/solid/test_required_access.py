"""The table of needs, row by row: method × target × present or absent (Solid reference, section 5.3)."""

from __future__ import annotations

import pytest

from vault.access.modes import AccessMode
from vault.errors import Malformed
from vault.rdf.edits import GraphEdit, Pattern
from vault.rdf.graph import LDP, Iri
from vault.solid.operation import (
    TABLE,
    Case,
    Content,
    Delete,
    Operation,
    Patch,
    Post,
    Put,
    Read,
    required_access,
    shown_modes,
)
from vault.solid.resource import Inline
from vault.values import PodName, ResourceUrl

R, A, W, C = AccessMode.READ, AccessMode.APPEND, AccessMode.WRITE, AccessMode.CONTROL
PATTERN: Pattern = (Iri("urn:a"), LDP.contains, Iri("urn:b"))
NOTHING = Content(Inline(b""), None)


def at(path: str) -> ResourceUrl:
    return ResourceUrl(PodName("alice"), path)


def operation(name: str, path: str) -> Operation:
    """The columns of the table below speak of these."""
    target = at(path)
    edits = {
        "PATCH+": GraphEdit(inserts=(PATTERN,)),
        "PATCH?+": GraphEdit(where=(PATTERN,), inserts=(PATTERN,)),
        "PATCH-": GraphEdit(deletes=(PATTERN,)),
        "PATCH?-+": GraphEdit(where=(PATTERN,), deletes=(PATTERN,), inserts=(PATTERN,)),
        "PATCH0": GraphEdit(),
        "PATCH;-": GraphEdit(inserts=(PATTERN,), then=(GraphEdit(deletes=(PATTERN,)),)),
    }
    if name in edits:
        return Patch(target, edits[name])
    made: dict[str, Operation] = {
        "GET": Read(target),
        "PUT": Put(target, NOTHING),
        "POST": Post(target, NOTHING),
        "DELETE": Delete(target),
        "PATCH!": Patch(target, fault=Malformed("rdf-syntax")),
    }
    return made[name]


# operation, target,   id,       modes by target if it exists,              modes by target if it does not
ROWS = [
    ("GET",      "/c/r",  "WM-2",  {"/c/r": {R}},                            {"/c/r": {R}}),
    ("GET",      "/c/",   "WM-2",  {"/c/": {R}},                             {"/c/": {R}}),
    ("POST",     "/c/",   "WM-3",  {"/c/": {A}},                             {"/c/": {A}}),
    ("POST",     "/c/r",  "WM-16", {"/c/r": {A}},                            {"/c/r": {A}}),
    ("PUT",      "/c/r",  "WM-5",  {"/c/r": {W}},                            {"/c/r": {W}, "/c/": {A}}),
    ("PUT",      "/c/k/", "WM-4",  {"/c/k/": {W}},                           {"/c/k/": {W}, "/c/": {A}}),
    ("PUT",      "/",     "WM-4",  {"/": {W}},                               {"/": {W}}),
    ("PATCH+",   "/c/r",  "WM-6",  {"/c/r": {A}},                            {"/c/r": {A}, "/c/": {A}}),
    ("PATCH?+",  "/c/r",  "WM-7",  {"/c/r": {A, R}},                         {"/c/r": {A, R}, "/c/": {A}}),
    ("PATCH-",   "/c/r",  "WM-8",  {"/c/r": {A, R, W}},                      {"/c/r": {A, R, W}, "/c/": {A}}),
    ("PATCH?-+", "/c/r",  "WM-9",  {"/c/r": {A, R, W}},                      {"/c/r": {A, R, W}, "/c/": {A}}),
    ("PATCH;-",  "/c/r",  "WM-8",  {"/c/r": {A, R, W}},                      {"/c/r": {A, R, W}, "/c/": {A}}),
    ("PATCH0",   "/c/r",  "N3-19", {"/c/r": {A}},                            {"/c/r": {A}, "/c/": {A}}),
    ("PATCH!",   "/c/r",  "WM-18", {"/c/r": {A}},                            {"/c/r": {A}, "/c/": {A}}),
    ("PATCH+",   "/c/k/", "WM-6",  {"/c/k/": {A}},                           {"/c/k/": {A}, "/c/": {A}}),
    ("DELETE",   "/c/r",  "WM-11", {"/c/r": {W}, "/c/": {W}},                {"/c/r": {W, R}, "/c/": {W}}),
    ("DELETE",   "/c/k/", "WM-12", {"/c/k/": {W, R}, "/c/": {W}},            {"/c/k/": {W, R}, "/c/": {W}}),
    ("DELETE",   "/",     "WM-12", {"/": {W, R}},                            {"/": {W, R}}),
]  # fmt: skip

# On auxiliaries the subject alone decides, whether or not the auxiliary exists.
AUXILIARY_ROWS = [
    ("GET",     "/c/r.acl",  "WM-13", {"/c/r": {C}}),
    ("PUT",     "/c/r.acl",  "WM-13", {"/c/r": {C}}),
    ("POST",    "/c/r.acl",  "WM-13", {"/c/r": {C}}),
    ("PATCH-",  "/c/.acl",   "WM-13", {"/c/": {C}}),
    ("PATCH!",  "/c/.acl",   "WM-18", {"/c/": {C}}),
    ("DELETE",  "/.acl",     "WM-13", {"/": {C}}),
    ("GET",     "/c/r.meta", "WM-14", {"/c/r": {R}}),
    ("PUT",     "/c/r.meta", "WM-14", {"/c/r": {W}}),
    ("DELETE",  "/c/.meta",  "WM-14", {"/c/": {W}}),
    ("PATCH+",  "/c/r.meta", "WM-14", {"/c/r": {A}}),
    ("PATCH?+", "/c/r.meta", "WM-14", {"/c/r": {A, R}}),
    ("PATCH-",  "/c/r.meta", "WM-14", {"/c/r": {A, R, W}}),
    ("PATCH!",  "/c/r.meta", "WM-18", {"/c/r": {A}}),
    ("POST",    "/c/r.meta", "WM-16", {"/c/r": {A}}),
]  # fmt: skip


def asked(name: str, path: str, *, exists: bool) -> dict[str, set[AccessMode]]:
    needs = required_access(operation(name, path), exists=exists)
    assert all(need.because for need in needs)
    return {need.target.path: set(need.modes) for need in needs}


@pytest.mark.parametrize(
    ("name", "path", "present", "absent"),
    [pytest.param(row[0], row[1], row[3], row[4], marks=pytest.mark.requirement(row[2])) for row in ROWS],
)
def test_each_operation_needs_what_its_row_says(
    name: str, path: str, present: dict[str, set[AccessMode]], absent: dict[str, set[AccessMode]]
) -> None:
    assert asked(name, path, exists=True) == present
    assert asked(name, path, exists=False) == absent


@pytest.mark.parametrize(
    ("name", "path", "modes"),
    [pytest.param(row[0], row[1], row[3], marks=pytest.mark.requirement(row[2])) for row in AUXILIARY_ROWS],
)
def test_an_auxiliary_is_judged_by_its_subject_alone(name: str, path: str, modes: dict[str, set[AccessMode]]) -> None:
    assert asked(name, path, exists=True) == modes
    assert asked(name, path, exists=False) == modes


@pytest.mark.requirement("WM-10")
@pytest.mark.requirement("TR-15")
@pytest.mark.parametrize("name", ["PUT", "PATCH+"])
def test_each_missing_container_needs_append_on_its_parent(name: str) -> None:
    missing = (at("/a/b/c/"), at("/a/b/"))
    needs = required_access(operation(name, "/a/b/c/r"), exists=False, missing=missing)
    assert [(need.target.path, set(need.modes)) for need in needs[1:]] == [
        ("/a/b/c/", {A}),
        ("/a/b/", {A}),
        ("/a/", {A}),
    ]


@pytest.mark.parametrize("row", [*ROWS, *AUXILIARY_ROWS])
def test_the_first_need_is_on_the_target_or_its_subject(row: tuple[str, str, str, dict[str, set[AccessMode]]]) -> None:
    assert required_access(operation(row[0], row[1]), exists=True)[0].target.path == next(iter(row[3]))


def test_a_name_that_only_looks_like_an_auxiliary_is_judged_as_itself() -> None:
    assert asked("PUT", "/c/r.acl.acl", exists=False) == {"/c/r.acl.acl": {W}, "/c/": {A}}
    assert asked("GET", "/c/r.acl/x", exists=False) == {"/c/r.acl/x": {R}}


def test_every_case_has_a_row_and_every_row_asks_something() -> None:
    assert set(TABLE) == set(Case)
    assert all(row.target for row in TABLE.values())


@pytest.mark.requirement("WA-13")
def test_what_is_shown_of_an_acl_is_control_or_nothing() -> None:
    assert shown_modes(at("/r.acl"), frozenset({R, W, A})) == frozenset()
    assert shown_modes(at("/r.acl"), frozenset({C})) == {R, A, W, C}
    assert shown_modes(at("/r.meta"), frozenset({R})) == {R}
    assert shown_modes(at("/r"), frozenset({C})) == {C}
