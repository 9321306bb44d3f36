"""One decision over ACLs in the real store: the nearest ACL, the owner's Control, then the second policy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vault.access.decide import EffectiveAcl, ParsedAcls, decide, explain, require
from vault.access.modes import NO_MODES, AccessMode, Allowed, Decision, Held, Modes, Need, Refused
from vault.access.wac import Origin
from vault.config import Limits, StorageSettings
from vault.errors import Forbidden, Missing, Unauthenticated
from vault.rdf.edits import GraphEdit
from vault.solid.operation import Content, Operation, Patch, Put, Read, required_access
from vault.solid.provision import create_pod
from vault.solid.resource import Draft, Inline, Kind
from vault.storage.database import Database
from vault.values import ANONYMOUS, TURTLE, Agent, Caller, MediaType, PodName, ResourceUrl, WebId, webid_of

BASE = "https://vault.example/"
NOON = datetime(2026, 11, 24, tzinfo=UTC)
POD = PodName("alice")
ALICE = Agent(webid_of(POD, base_url=BASE), None, BASE)
BOB = Agent(WebId("https://bob.example/#me"), None, "https://bob.example/")
GROUP = f"{BASE}alice/groups#friends"
R, A, W, C = AccessMode.READ, AccessMode.APPEND, AccessMode.WRITE, AccessMode.CONTROL


def at(path: str) -> ResourceUrl:
    return ResourceUrl(POD, path)


def rule(*, who: str, mode: str, to: str = "", default: str = "", more: str = "") -> str:
    """One authorization, with paths of the pod for its targets."""
    target = f"acl:accessTo <{BASE}alice{to}>; " if to else ""
    target += f"acl:default <{BASE}alice{default}>; " if default else ""
    return f"[] a acl:Authorization; {who}; {target}acl:mode {mode}{more}.\n"


BOB_IS = f"acl:agent <{BOB.webid}>"


@dataclass
class Friends:
    """A port for groups that counts how often it is asked."""

    who: Mapping[str, frozenset[WebId]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def members(self, group: str, /, *, pod: PodName | None = None) -> frozenset[WebId]:
        self.asked.append(group)
        return self.who.get(group, frozenset())


@dataclass
class Grants:
    """A second policy that gives fixed modes, and remembers what it was asked about."""

    gives: Mapping[ResourceUrl, Modes]
    asked: list[ResourceUrl] = field(default_factory=list)

    async def held(self, caller: Caller, needs: Sequence[Need], /) -> Mapping[ResourceUrl, Held]:
        self.asked += [need.target for need in needs]
        return {target: Held(modes, NO_MODES, "grant 7") for target, modes in self.gives.items()}

    async def witness(self, allowed: Allowed, now: datetime, /) -> None:
        raise AssertionError("deciding leaves no entry")


class Door:
    """Alice's pod, its ACLs, and the question put to them."""

    def __init__(self, store: Database) -> None:
        self.store = store
        self.parsed = ParsedAcls()
        self.friends = Friends()

    async def write(self, path: str, text: str, media_type: MediaType = TURTLE) -> None:
        prefixes = "@prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>.\n"
        async with self.store.writing() as work:
            draft = Draft(at(path), Kind.GRAPH, media_type, NOON)
            await work.resources.put(draft, Inline((prefixes + text).encode()))

    async def ask(
        self,
        caller: Caller,
        *needs: tuple[str, set[AccessMode]],
        also: Grants | None = None,
        origin: Origin | None = None,
    ) -> Decision:
        asked = [Need(at(path), frozenset(modes), "testing it") for path, modes in needs]
        async with self.store.reading() as work:
            return await decide(
                work.acls,
                self.parsed,
                caller,
                asked,
                groups=self.friends,
                base_url=BASE,
                limits=Limits(),
                also=also,
                origin=origin,
            )

    async def holds(self, caller: Caller, path: str) -> set[AccessMode]:
        return set((await self.ask(caller, (path, set()))).user)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    store = await Database.open(StorageSettings(data=tmp_path / "data"), clock=lambda: NOON)
    async with store.writing() as work:
        await create_pod(
            work,
            name=POD,
            owner=ALICE.webid,
            display_name="Alice",
            issuer=BASE,
            base_url=BASE,
            quota_bytes=1_000_000,
            now=NOON,
        )
    yield Door(store)
    await store.close()


@pytest.mark.requirement("WA-6")
@pytest.mark.requirement("WA-7")
async def test_the_nearest_acl_decides_alone(door: Door) -> None:
    await door.write("/c/.acl", rule(who=BOB_IS, mode="acl:Read", default="/c/"))
    assert await door.holds(BOB, "/c/x") == {R}
    assert await door.holds(BOB, "/c/d/x") == {R}
    assert await door.holds(BOB, "/c/") == set()
    assert await door.holds(BOB, "/x") == set()
    await door.write("/c/d/.acl", rule(who=BOB_IS, mode="acl:Append", to="/c/d/"))
    assert await door.holds(BOB, "/c/d/x") == set()
    assert await door.holds(BOB, "/c/d/") == {A}
    await door.write("/c/d/x.acl", rule(who=BOB_IS, mode="acl:Write", to="/c/d/x"))
    assert await door.holds(BOB, "/c/d/x") == {W, A}


@pytest.mark.requirement("WA-5")
@pytest.mark.requirement("TR-14")
async def test_the_owner_keeps_control_and_only_control(door: Door) -> None:
    assert await door.holds(ALICE, "/x") == {R, W, A, C}
    await door.write("/c/.acl", "")
    assert await door.holds(ALICE, "/c/x") == {C}
    assert isinstance(await door.ask(ALICE, ("/c/x", {R})), Refused)
    await door.write("/c/.acl", rule(who=BOB_IS, mode="acl:Control", default="/c/"))
    assert await door.holds(ALICE, "/c/x") == {C}
    assert await door.holds(BOB, "/c/x") == {C}


@pytest.mark.requirement("WA-18")
@pytest.mark.requirement("CH-5")
async def test_a_changed_acl_bites_at_the_next_question(door: Door) -> None:
    await door.write("/c/.acl", rule(who=BOB_IS, mode="acl:Read", default="/c/"))
    assert await door.holds(BOB, "/c/x") == {R}
    await door.write("/c/.acl", "")
    assert await door.holds(BOB, "/c/x") == set()
    async with door.store.writing() as work:
        await work.resources.remove(at("/c/.acl"))
    await door.write("/.acl", rule(who=BOB_IS, mode="acl:Append", default="/"))
    assert await door.holds(BOB, "/c/x") == {A}


async def test_an_acl_that_does_not_parse_gives_nothing_but_the_owners_control(door: Door) -> None:
    for broken in ("this is not Turtle", "[] a acl:Authorization; acl:agentClass foaf:Agent; acl:mode acl:Read"):
        await door.write("/c/.acl", broken)
        assert await door.holds(BOB, "/c/x") == set()
        assert await door.holds(ANONYMOUS, "/c/x") == set()
        assert await door.holds(ALICE, "/c/x") == {C}
    await door.write("/c/.acl", "x", MediaType("text/plain"))
    assert await door.holds(BOB, "/c/x") == set()


async def test_in_a_pod_that_is_not_there_nothing_is_held(door: Door) -> None:
    need = Need(ResourceUrl(PodName("nobody"), "/"), frozenset({R}), "reading it")
    async with door.store.reading() as work:
        decision = await decide(
            work.acls, door.parsed, ALICE, [need], groups=door.friends, base_url=BASE, limits=Limits()
        )
    assert isinstance(decision, Refused)
    with pytest.raises(Forbidden):
        require(decision, ALICE, absent=True)
    with pytest.raises(Unauthenticated):
        require(decision, ANONYMOUS, absent=True)


@pytest.mark.requirement("WA-12")
@pytest.mark.requirement("TR-2")
async def test_every_need_must_be_met(door: Door) -> None:
    await door.write(
        "/.acl", rule(who=BOB_IS, mode="acl:Append", to="/") + rule(who=BOB_IS, mode="acl:Read", default="/")
    )
    assert isinstance(await door.ask(BOB, ("/", {A}), ("/x", {R})), Allowed)
    decision = await door.ask(BOB, ("/", {A}), ("/x", {R, W}))
    assert isinstance(decision, Refused)
    assert decision.need.target == at("/x")
    with pytest.raises(Forbidden):
        require(decision, BOB)
    with pytest.raises(Unauthenticated):
        require(await door.ask(ANONYMOUS, ("/x", {R})), ANONYMOUS)


@pytest.mark.requirement("D4")
@pytest.mark.requirement("TR-3")
async def test_absence_is_told_only_to_those_who_may_read(door: Door) -> None:
    await door.write("/r/.acl", rule(who=BOB_IS, mode="acl:Read", default="/r/"))
    await door.write("/w/.acl", rule(who=BOB_IS, mode="acl:Write", default="/w/"))
    reader = await door.ask(BOB, ("/r/x", {R, W}))
    with pytest.raises(Missing):
        require(reader, BOB, absent=True)
    with pytest.raises(Forbidden):
        require(reader, BOB)
    with pytest.raises(Forbidden):
        require(await door.ask(BOB, ("/w/x", {R, W})), BOB, absent=True)


@pytest.mark.requirement("WA-19")
@pytest.mark.requirement("WA-13")
async def test_a_reader_does_not_learn_whether_there_is_an_acl(door: Door) -> None:
    await door.write("/r/.acl", rule(who=BOB_IS, mode="acl:Read", default="/r/"))
    with pytest.raises(Forbidden):
        require(await door.ask(BOB, ("/r/x", {C})), BOB, absent=True)


@pytest.mark.requirement("WA-9")
async def test_groups_are_asked_only_when_they_could_add_something(door: Door) -> None:
    friends = f"acl:agentGroup <{GROUP}>"
    await door.write(
        "/c/.acl", rule(who=BOB_IS, mode="acl:Read", default="/c/") + rule(who=friends, mode="acl:Read", default="/c/")
    )
    assert await door.holds(BOB, "/c/x") == {R}
    assert await door.holds(ANONYMOUS, "/c/x") == set()
    assert await door.holds(BOB, "/settings/prefs.ttl") == set()
    assert door.friends.asked == []
    await door.write("/c/.acl", rule(who=friends, mode="acl:Write", default="/c/"))
    assert await door.holds(BOB, "/c/x") == set()
    assert door.friends.asked == [GROUP]
    door.friends.who = {GROUP: frozenset({BOB.webid})}
    assert await door.holds(BOB, "/c/x") == {W, A}


@pytest.mark.requirement("WA-14")
async def test_what_everybody_holds_is_part_of_the_decision(door: Door) -> None:
    everybody = "acl:agentClass foaf:Agent"
    await door.write(
        "/c/.acl",
        rule(who=everybody, mode="acl:Read", default="/c/") + rule(who=BOB_IS, mode="acl:Write", default="/c/"),
    )
    decision = await door.ask(BOB, ("/c/x", {R}), ("/", set()))
    assert decision.user == {R, W, A}
    assert decision.public == {R}
    stranger = await door.ask(ANONYMOUS, ("/c/x", {W}))
    assert isinstance(stranger, Refused)
    assert stranger.user == {R}
    assert stranger.public == {R}


@pytest.mark.requirement("D15")
async def test_the_second_policy_is_asked_only_for_what_wac_does_not_give(door: Door) -> None:
    await door.write("/c/.acl", rule(who=BOB_IS, mode="acl:Append", default="/c/"))
    grants = Grants({at("/c/x"): frozenset({R})})
    assert isinstance(await door.ask(BOB, ("/c/x", {A}), also=grants), Allowed)
    assert grants.asked == []
    allowed = await door.ask(BOB, ("/c/x", {R, A}), also=grants)
    assert isinstance(allowed, Allowed)
    assert (allowed.by, grants.asked) == ("grant 7", [at("/c/x")])
    assert isinstance(await door.ask(BOB, ("/c/y", {R}), also=grants), Refused)
    assert isinstance(await door.ask(BOB, ("/c/x", {W}), also=grants), Refused)
    assert isinstance(await door.ask(BOB, ("/c/x", {R}), ("/c/", {W}), also=grants), Refused)


async def test_a_second_policy_widens_no_other_target(door: Door) -> None:
    grants = Grants({at("/elsewhere"): frozenset({R, W, A, C})})
    assert isinstance(await door.ask(BOB, ("/c/x", {R}), also=grants), Refused)


@pytest.mark.requirement("D5")
async def test_strict_origins_reach_the_rules(door: Door) -> None:
    await door.write(
        "/c/.acl", rule(who=BOB_IS, mode="acl:Read", default="/c/", more="; acl:origin <https://app.example>")
    )
    need = ("/c/x", {R})
    assert isinstance(await door.ask(BOB, need), Allowed)
    assert isinstance(await door.ask(BOB, need, origin=Origin("https://app.example")), Allowed)
    assert isinstance(await door.ask(BOB, need, origin=Origin("https://rogue.example")), Refused)


async def test_parsed_acls_are_kept_by_version_and_bounded() -> None:
    parsed = ParsedAcls(capacity=4)
    acls = [EffectiveAcl(at(f"/{n}.acl"), n, at(f"/{n}"), False, ALICE.webid) for n in range(6)]
    for acl in acls:
        parsed.put(acl, ())
    assert [parsed.get(acl) is not None for acl in acls] == [False, False, True, True, True, True]
    assert parsed.get(acls[2]) == ()
    parsed.put(acls[0], ())
    assert parsed.get(acls[2]) == ()
    assert parsed.get(acls[3]) is None
    newer = EffectiveAcl(acls[2].url, 99, acls[2].subject, False, ALICE.webid)
    assert parsed.get(newer) is None
    parsed.put(newer, ())
    parsed.put(newer, ())
    assert len(parsed) == 4


async def test_an_explanation_names_the_acl_the_rules_and_the_answer(door: Door) -> None:
    await door.write("/c/.acl", f"<#bob> a acl:Authorization; {BOB_IS}; acl:default <./>; acl:mode acl:Read.")

    async def said(caller: Caller, operation: Operation) -> str:
        async with door.store.reading() as work:
            lines = await explain(
                work.acls,
                door.parsed,
                caller,
                required_access(operation, exists=False),
                groups=door.friends,
                base_url=BASE,
                limits=Limits(),
                also=Grants({at("/c/y"): frozenset({R})}),
            )
        return "\n".join(lines)

    yes = await said(BOB, Read(at("/c/x")))
    assert "/c/.acl (inherited" in yes
    assert "Rule #bob gives read" in yes
    assert yes.endswith("Allowed, by /c/.acl.")
    no = await said(ANONYMOUS, Put(at("/c/x"), Content(Inline(b""), TURTLE)))
    assert "Rule #bob gives nothing: it does not name the caller" in no
    assert "Refused: making it with PUT (WM-5, WM-10, D1): write" in no
    granted = await said(BOB, Patch(at("/c/y"), GraphEdit()))
    assert "the second policy gives read, by grant 7" in granted
    assert "Refused" in granted
    owner = await said(ALICE, Read(at("/c/x.acl")))
    assert "owns the storage" in owner
    assert "Allowed" in owner
