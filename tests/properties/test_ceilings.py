"""Random rules, folders and places: an app under a ceiling never holds what its person does not, nor more outside its
folders than everybody holds, and a wider ceiling never takes anything away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from vault.access.decide import EffectiveAcl, ParsedAcls, decide
from vault.access.modes import AccessMode, Modes, Need
from vault.config import Limits
from vault.values import ANONYMOUS, TURTLE, Agent, Caller, Ceiling, ClientId, MediaType, PodName, ResourceUrl, WebId

BASE = "https://vault.example/"
NOON = datetime(2026, 11, 26, tzinfo=UTC)
POD = PodName("alice")
OWNER, GUEST = WebId(f"{BASE}alice/profile/card#me"), WebId(f"{BASE}bob/profile/card#me")
PATHS = ("/", "/a/", "/a/b/", "/a/b/c.ttl", "/a/x.ttl", "/ab/", "/ab/y.ttl", "/a.acl", "/a/.acl", "/a/x.ttl.acl", "/z")
WHO = {
    "owner": f"acl:agent <{OWNER}>",
    "guest": f"acl:agent <{GUEST}>",
    "known": "acl:agentClass acl:AuthenticatedAgent",
    "public": "acl:agentClass foaf:Agent",
    "group": f"acl:agentGroup <{BASE}alice/groups#us>",
}

paths = st.sampled_from(PATHS)
folders = st.lists(st.sampled_from([path for path in PATHS if path.endswith("/")]), max_size=3).map(
    lambda chosen: tuple(ResourceUrl(POD, path) for path in chosen)
)
rules = st.lists(
    st.tuples(
        st.sampled_from(sorted(WHO)), st.sets(st.sampled_from(["Read", "Append", "Write", "Control"]), min_size=1)
    ),
    max_size=4,
)


class Acls:
    """One ACL at the root of the pod, which all below inherit."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def effective(self, url: ResourceUrl, /) -> EffectiveAcl | None:
        return EffectiveAcl(ResourceUrl(POD, "/.acl"), 1, ResourceUrl(POD, "/"), url.path != "/", OWNER)

    async def text(self, acl: EffectiveAcl, /) -> bytes:
        return self._text.encode()

    async def media_type(self, acl: EffectiveAcl, /) -> MediaType:
        return TURTLE


class Us:
    """A group with the guest in it."""

    async def members(self, group: str, /, *, pod: PodName | None = None) -> frozenset[WebId]:
        return frozenset({GUEST})


def held(text: str, caller: Caller, path: str) -> Modes:
    async def ask() -> Modes:
        need = Need(ResourceUrl(POD, path), frozenset(), "trying it")
        decision = await decide(Acls(text), ParsedAcls(), caller, [need], groups=Us(), base_url=BASE, limits=Limits())
        return decision.user

    return asyncio.run(ask())


def written(found: list[tuple[str, set[str]]]) -> str:
    root = f"acl:accessTo <{BASE}alice/>; acl:default <{BASE}alice/>"
    lines = ["@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>."]
    lines += [
        f"[] a acl:Authorization; {WHO[who]}; {root}; acl:mode {', '.join(f'acl:{mode}' for mode in sorted(modes))}."
        for who, modes in found
    ]
    return "\n".join(lines)


@given(rules, folders, paths, st.sampled_from([OWNER, GUEST]))
def test_an_app_under_a_ceiling_holds_a_part_of_what_its_person_holds(
    found: list[tuple[str, set[str]]], chosen: tuple[ResourceUrl, ...], path: str, webid: WebId
) -> None:
    text = written(found)
    person = Agent(webid, ClientId("app"), BASE)
    app = replace(person, ceiling=Ceiling(chosen))
    mine, its, everybodys = held(text, person, path), held(text, app, path), held(text, ANONYMOUS, path)
    assert its <= mine
    assert everybodys <= its  # it is never less than nobody in particular
    inside = any(path.startswith(folder.path) for folder in chosen)
    assert its == (mine - {AccessMode.CONTROL}) | everybodys if inside else its == everybodys


@given(rules, folders, folders, paths)
def test_more_folders_never_take_anything_away(
    found: list[tuple[str, set[str]]], some: tuple[ResourceUrl, ...], more: tuple[ResourceUrl, ...], path: str
) -> None:
    text = written(found)
    narrow = Agent(GUEST, ClientId("app"), BASE, Ceiling(some))
    wide = replace(narrow, ceiling=Ceiling((*some, *more)))
    assert held(text, narrow, path) <= held(text, wide, path) <= held(text, replace(narrow, ceiling=None), path)
