"""A ceiling takes from an app what its person has, and never adds anything (PAIN-05)."""

from __future__ import annotations

import pytest

from vault.access.decide import under_ceiling
from vault.access.modes import AccessMode
from vault.values import ANONYMOUS, Agent, Ceiling, ClientId, PodName, ResourceUrl, WebId

ALL = frozenset(AccessMode)
POD = PodName("alice")
WORK = ResourceUrl(POD, "/work/")


def app(ceiling: Ceiling | None) -> Agent:
    return Agent(
        WebId("https://vault.example/alice/profile/card#me"), ClientId("app"), "https://vault.example/", ceiling
    )


def test_without_a_ceiling_an_app_has_what_its_person_has() -> None:
    assert under_ceiling(ALL, app(None), ResourceUrl(POD, "/any.ttl")) == ALL


def test_nobody_in_particular_has_no_ceiling() -> None:
    assert under_ceiling(ALL, ANONYMOUS, WORK) == ALL


@pytest.mark.parametrize("path", ["/work/", "/work/a.ttl", "/work/deep/er/", "/work/.acl", "/work/a.ttl.meta"])
def test_below_its_folders_an_app_has_everything_but_control(path: str) -> None:
    assert under_ceiling(ALL, app(Ceiling((WORK,))), ResourceUrl(POD, path)) == ALL - {AccessMode.CONTROL}


@pytest.mark.parametrize("path", ["/", "/work", "/work.acl", "/working/", "/profile/card", "/homework/work/"])
def test_elsewhere_it_has_nothing_of_its_persons(path: str) -> None:
    assert under_ceiling(ALL, app(Ceiling((WORK,))), ResourceUrl(POD, path)) == frozenset()


def test_a_folder_of_one_pod_says_nothing_about_another_pod() -> None:
    assert under_ceiling(ALL, app(Ceiling((WORK,))), ResourceUrl(PodName("bob"), "/work/a.ttl")) == frozenset()


def test_a_ceiling_without_folders_leaves_nothing() -> None:
    assert under_ceiling(ALL, app(Ceiling()), WORK) == frozenset()
