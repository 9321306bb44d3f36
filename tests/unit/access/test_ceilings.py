"""A ceiling takes from an app what its person has, and never adds anything (PAIN-05)."""

from __future__ import annotations

import pytest

from vault.access.decide import EffectiveAcl, ParsedAcls, decide, lowered, under_ceiling
from vault.access.modes import AccessMode, Allowed, Held, Need, Refused
from vault.config import Limits
from vault.values import ANONYMOUS, TURTLE, Agent, Ceiling, ClientId, MediaType, PodName, ResourceUrl, WebId

ALL = frozenset(AccessMode)
POD = PodName("alice")
WORK = ResourceUrl(POD, "/career/")
ME = WebId("https://vault.example/alice/profile/card#me")


class OneAcl:
    """A pod with an ACL at its root alone, which gives Alice everything."""

    async def effective(self, url: ResourceUrl, /) -> EffectiveAcl | None:
        root = ResourceUrl(POD, "/")
        return EffectiveAcl(ResourceUrl(POD, "/.acl"), 1, root, url != root, ME)

    async def text(self, acl: EffectiveAcl, /) -> bytes:
        return (
            f"<#owner> a <http://www.w3.org/ns/auth/acl#Authorization>; <http://www.w3.org/ns/auth/acl#agent> <{ME}>;"
            " <http://www.w3.org/ns/auth/acl#default> </alice/>;"
            " <http://www.w3.org/ns/auth/acl#mode> <http://www.w3.org/ns/auth/acl#Read> ."
        ).encode()

    async def media_type(self, acl: EffectiveAcl, /) -> MediaType:
        return TURTLE


class NoGroups:
    """There are none."""

    async def members(self, group: str, /, *, pod: PodName | None = None) -> frozenset[WebId]:
        return frozenset()


def app(ceiling: Ceiling | None) -> Agent:
    return Agent(
        WebId("https://vault.example/alice/profile/card#me"), ClientId("app"), "https://vault.example/", ceiling
    )


def test_without_a_ceiling_an_app_has_what_its_person_has() -> None:
    assert under_ceiling(ALL, app(None), ResourceUrl(POD, "/any.ttl")) == ALL


def test_nobody_in_particular_has_no_ceiling() -> None:
    assert under_ceiling(ALL, ANONYMOUS, WORK) == ALL


@pytest.mark.parametrize("path", ["/career/", "/career/a.ttl", "/career/deep/er/", "/career/.acl", "/career/a.meta"])
def test_below_its_folders_an_app_has_everything_but_control(path: str) -> None:
    assert under_ceiling(ALL, app(Ceiling((WORK,))), ResourceUrl(POD, path)) == ALL - {AccessMode.CONTROL}


@pytest.mark.parametrize("path", ["/", "/career", "/career.acl", "/careers/", "/profile/card", "/old/career/"])
def test_elsewhere_it_has_nothing_of_its_persons(path: str) -> None:
    assert under_ceiling(ALL, app(Ceiling((WORK,))), ResourceUrl(POD, path)) == frozenset()


def test_a_folder_of_one_pod_says_nothing_about_another_pod() -> None:
    assert under_ceiling(ALL, app(Ceiling((WORK,))), ResourceUrl(PodName("bob"), "/career/a.ttl")) == frozenset()


def test_a_ceiling_without_folders_leaves_nothing() -> None:
    assert under_ceiling(ALL, app(Ceiling()), WORK) == frozenset()


def test_what_is_held_is_lowered_to_what_everybody_holds_and_never_below() -> None:
    public = frozenset({AccessMode.READ})
    held = Held(ALL, public, "/.acl")
    assert lowered(held, app(Ceiling((WORK,))), ResourceUrl(POD, "/other/")) == Held(public, public, "/.acl")
    assert lowered(held, app(None), WORK) is held


async def test_what_an_acl_gave_on_one_target_says_nothing_about_another_under_a_ceiling() -> None:
    """One ACL governs both; what is remembered of it must not carry an app over its ceiling."""
    parsed, acls, caller = ParsedAcls(), OneAcl(), app(Ceiling((WORK,)))
    inside, outside = ResourceUrl(POD, "/career/a.ttl"), ResourceUrl(POD, "/private/b.ttl")
    for _ in range(2):
        for target, expected in ((inside, Allowed), (outside, Refused), (inside, Allowed)):
            decision = await decide(
                acls,
                parsed,
                caller,
                (Need(target, frozenset({AccessMode.READ}), "reading"),),
                groups=NoGroups(),
                base_url="https://vault.example/",
                limits=Limits(),
            )
            assert isinstance(decision, expected), target.path
