"""The permission table, case by case: every request on every kind of target, for every kind of agent and right.

One scene is a container with a target of each kind, and one pair of rights: on the targets, by their own ACL or by the
container's defaults, and on the container itself. In a scene all that must change nothing is asked first, and nothing
may have changed; then what is allowed, and exactly that has changed. Scenes are independent and run side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from tests.conformance.wac.permission_rows import (
    CLASSES,
    EVERY,
    ROOT_ROWS,
    ROWS,
    SETS,
    Row,
    expected,
    held_by,
    modes,
    pairs_for,
    rows_for,
)
from tests.people import N3, TURTLE, Answer, Person, Visitor, acl, n3_patch, rule

NTRIPLES = "application/n-triples"
AT_ONCE = 8

TEXT = "<#secret> <#is> <#here>. <#spare> <#is> <#here2>.\n"
BODIES: dict[str, tuple[str, str | None, str | None]] = {
    "GET": ("GET", None, None),
    "HEAD": ("HEAD", None, None),
    "OPTIONS": ("OPTIONS", None, None),
    "DELETE": ("DELETE", None, None),
    "PUT": ("PUT", TEXT + "<#put> <#is> <#done>.\n", TURTLE),
    "POST": ("POST", TEXT, TURTLE),
    "TEXT": ("PATCH", "nothing", "text/plain"),
    "INSERT": ("PATCH", n3_patch(inserts="<#inserted> <#is> <#done>"), N3),
    "WHERE": ("PATCH", n3_patch(where="?it <#is> <#here>", inserts="?it <#was> <#found>"), N3),
    "REMOVE": ("PATCH", n3_patch(deletes="<#spare> <#is> <#here2>"), N3),
}


@dataclass
class Scene:
    """One container and the rights in it. `keeper` may read everything and is not the one who asks."""

    http: Visitor
    box: str
    owner: Person
    keeper: Person
    asker: Person | None
    asks: str
    give: Callable[[frozenset[str], str, str], str]
    held: frozenset[str]
    above: frozenset[str]
    who: str
    inherited: bool
    wrong: list[str] = field(default_factory=list)
    cases: int = 0

    def url(self, row: Row) -> str:
        name = {
            "document": "document",
            "container": "container/",
            "filled": "filled/",
            "missing": f"missing-{row.request}",
            "missing/": f"absent-{row.request}/",
            "missing/deep": f"deep-{row.request}/er/document",
            "acl": "judged.acl",
            "missing acl": "judged.acl",
            "meta": "document.meta",
            "missing meta": "judged.meta",
        }[row.target]
        return self.box + name

    def rules(self, url: str, given: frozenset[str], predicate: str) -> list[str]:
        """Rules for one object: what the asker's class is given, and the keeper's right to look."""
        read = rule(modes="read", agent=self.keeper.webid, **{predicate: url})
        return [read, *([self.give(given, url, predicate)] if given else [])]

    def own_acl(self, url: str) -> str:
        return acl(*self.rules(url, self.held, "to")) + f"\n# one\n{TEXT}"

    async def lay(self) -> None:
        """Targets of each kind, and then the rights, the container's last: until then the owner has everything."""
        for name in ("document", "judged", "filled/inside"):
            await self.made(self.box + name, TEXT)
        await self.made(f"{self.box}container/", TEXT)
        described = await self.http.insert(f"{self.box}document.meta", TEXT, by=self.owner)
        assert described.status in (201, 204), described.text
        if not self.inherited:
            for name in ("document", "judged", "container/", "filled/"):
                await self.made(f"{self.box}{name}.acl", self.own_acl(self.box + name))
        rules = self.rules(self.box, self.above, "to") + self.rules(
            self.box, self.held if self.inherited else frozenset(), "default"
        )
        await self.made(f"{self.box}.acl", acl(*rules))

    async def made(self, url: str, body: str) -> None:
        answer = await self.http.put(url, body, by=self.owner)
        assert answer.status in (201, 204), f"{url}: {answer.status} {answer.text}"

    async def snapshot(self) -> dict[str, bytes | str]:
        """Everything there is, as the keeper sees it: the listing, each target, and the ACLs as the owner sees them."""
        seen: dict[str, bytes | str] = {}
        for name in ("", "container/", "filled/", "document", "document.meta", "judged"):
            answer = await self.http.get(self.box + name, by=self.keeper, accept=NTRIPLES)
            assert answer.status == 200, f"{name}: {answer.status}"
            seen[name] = answer.body
        for name in (".acl", "judged.acl", "judged.meta"):
            answer = await self.http.get(self.box + name, by=self.owner if name.endswith("acl") else self.keeper)
            seen[name] = answer.body if answer.status == 200 else str(answer.status)
        return seen

    async def ask(self, row: Row) -> Answer:
        method, body, kind = BODIES[row.request]
        if row.request == "PUT" and row.target in ("acl", "missing acl"):
            body = self.own_acl(f"{self.box}judged")  # the rights stay as they are, or become what they were
        answer = await self.http.send(method, self.url(row), by=self.asker, body=body, kind=kind)
        self.cases += 1
        status = expected(row, self.asks, held_by(self.who, self.held), held_by(self.who, self.above))
        if answer.status != status:
            self.wrong.append(f"{self.named(row)}: {answer.status} instead of {status}")
        if b"secret" in answer.body and row.request != "GET":
            self.wrong.append(f"{self.named(row)}: the answer holds what is stored")
        return answer

    def named(self, row: Row) -> str:
        def said(given: frozenset[str]) -> str:
            return " ".join(sorted(given)) or "nothing"

        return f"{row} by {self.who}, held {said(self.held)}, above {said(self.above)}"

    async def play(self) -> None:
        """First what must leave everything as it is, then what may change it."""
        await self.lay()
        quiet: list[Row] = []
        loud: list[Row] = []
        for row in rows_for(inherited=self.inherited):
            status = expected(row, self.asks, held_by(self.who, self.held), held_by(self.who, self.above))
            (loud if row.changes and status == row.done else quiet).append(row)
        before = await self.snapshot()
        for row in quiet:
            await self.ask(row)
        after = await self.snapshot()
        for name in before:
            if before[name] != after[name]:
                self.wrong.append(f"{self.named(quiet[0])} …: {name or 'the container'} has changed")
        if loud and not self.wrong:
            await self.act(loud)

    async def act(self, loud: list[Row]) -> None:
        """What is allowed happens, in the order of the table but for what takes targets away, and nothing besides."""
        names = await self.members()
        for row in sorted(loud, key=lambda row: (row.request == "DELETE", row.target == "document")):
            answer = await self.ask(row)
            name = self.url(row).removeprefix(self.box)
            if row.request == "DELETE" and "." not in name:
                names.discard(name)
            elif answer.status == 201 and "." not in name and row.request != "POST":
                names.add(name.split("/")[0] + ("/" if "/" in name else ""))
        if await self.members() != names:
            self.wrong.append(f"{self.named(loud[0])} …: other members than what was made and deleted")
        if not any(str(row) == "DELETE document" for row in loud):
            await self.check_document(loud)

    async def check_document(self, loud: list[Row]) -> None:
        text = (await self.http.get(f"{self.box}document", by=self.keeper, accept=NTRIPLES)).text
        done = {row.request for row in loud if row.target == "document"}
        for request, sign, there in (
            ("PUT", "#put>", True),
            ("INSERT", "#inserted>", True),
            ("WHERE", "#found>", True),
            ("REMOVE", "#here2>", False),
        ):
            if (sign in text) is not (there if request in done else not there):
                self.wrong.append(f"{self.named(loud[0])} …: the document does not show {request} as it should")

    async def members(self) -> set[str]:
        return await members_of(self.http, self.box, self.keeper)


async def members_of(http: Visitor, container: str, by: Person) -> set[str]:
    """The names in a listing."""
    text = (await http.get(container, by=by, accept=NTRIPLES)).text
    found = (line.split() for line in text.splitlines() if "#contains>" in line)
    return {words[2].strip("<>").removeprefix(container) for words in found}


def giving(who: str, owner: Person, bob: Person, group: str) -> Callable[[frozenset[str], str, str], str]:
    """How rights are given to a class."""
    _, to = CLASSES[who]
    by: dict[str, dict[str, str]] = {
        "owner": {"agent": owner.webid},
        "bob": {"agent": bob.webid},
        "group": {"group": group},
        "authenticated": {"agent_class": "authenticated"},
        "public": {"agent_class": "public"},
    }

    def give(given: frozenset[str], url: str, predicate: str) -> str:
        return rule(modes=" ".join(sorted(given)), **by[to], **{predicate: url})

    return give


async def side_by_side(acts: list[Callable[[], Awaitable[None]]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(act: Callable[[], Awaitable[None]]) -> None:
        async with gate:
            await act()

    await asyncio.gather(*(one(act) for act in acts))


@pytest.fixture
async def group(http: Visitor, home: str, alice: Person, bob: Person) -> str:
    """A group of Alice's with Bob in it."""
    vcard = "http://www.w3.org/2006/vcard/ns#"
    text = f"<#us> a <{vcard}Group>; <{vcard}hasMember> <{bob.webid}>."
    assert (await http.put(f"{home}team", text, by=alice)).status == 201
    return f"{home}team#us"


TABLE = pytest.mark.requirement(
    "PR-5", "WM-1", "WM-2", "WM-3", "WM-4", "WM-5", "WM-6", "WM-7", "WM-8", "WM-9", "WM-10", "WM-11", "WM-12", "WM-13",
    "WM-14", "WM-16", "WM-17", "WM-18", "N3-14", "N3-18", "D1", "D2", "D3", "D4", "TR-2", "TR-3", "TR-16", "WA-6",
    "WA-7", "WA-9", "WA-10", "WA-12", "WA-13", "WA-19", "PR-43", "PR-76",
)  # fmt: skip


@TABLE
@pytest.mark.parametrize("inherited", [True, False], ids=["inherited", "own"])
@pytest.mark.parametrize("who", CLASSES)
async def test_every_right_opens_what_the_table_says_and_nothing_else(
    http: Visitor, home: str, alice: Person, bob: Person, carol: Person, group: str, who: str, inherited: bool
) -> None:
    asks = CLASSES[who][0]
    scenes = [
        Scene(
            http=http,
            box=f"{home}{number}/",
            owner=alice,
            keeper=carol if asks == "owner" else alice,
            asker={"owner": alice, "bob": bob, "carol": carol}.get(asks),
            asks=asks,
            give=giving(who, alice, bob, group),
            held=held,
            above=above,
            who=who,
            inherited=inherited,
        )
        for number, (held, above) in enumerate(pairs_for(who))
    ]
    for person in (alice, bob, carol):
        await http.token_of(person)
    await side_by_side([scene.play for scene in scenes])
    wrong = [line for scene in scenes for line in scene.wrong]
    assert not wrong, "\n".join(wrong)
    assert sum(scene.cases for scene in scenes) == len(scenes) * len(list(rows_for(inherited=inherited)))


@pytest.fixture
async def root(http: Visitor, carol: Person) -> AsyncIterator[str]:
    """Carol's storage; its ACL and its members are afterwards what they were."""
    rights = (await http.get(f"{carol.pod}.acl", by=carol)).text
    before = await members_of(http, carol.pod, carol)
    yield carol.pod
    await set_root(http, carol.pod, carol, rights)
    assert (await http.put(carol.pod, "", by=carol)).status == 204
    for name in await members_of(http, carol.pod, carol) - before:
        assert (await http.delete(carol.pod + name, by=carol)).status == 204


@pytest.mark.requirement("WA-5", "PR-73", "WM-3", "WM-4", "WM-6", "WM-12", "WM-13", "TR-2", "TR-3", "WA-9", "WA-12")
@pytest.mark.parametrize("who", CLASSES)
async def test_every_right_on_a_root_opens_what_the_table_says(
    http: Visitor, root: str, alice: Person, bob: Person, carol: Person, group: str, who: str
) -> None:
    """The root has no container above it, always has an ACL, and cannot be deleted. Here Carol is the owner, so that
    it is Alice who is somebody else."""
    everybody = rule(modes="read", agent_class="public", to=group.partition("#")[0])
    await http.share(group.partition("#")[0], acl(everybody), by=alice)  # a group in another pod has to be readable
    asks = CLASSES[who][0]
    asker = {"owner": carol, "bob": bob, "carol": alice}.get(asks)
    keeper = bob if asker is alice else alice
    give = giving(who, carol, bob, group)
    wrong: list[str] = []
    for held in SETS if who == "agent" else [held for held, _ in pairs_for(who)]:
        await set_root(
            http, root, carol, acl(rule(modes="read write", agent=carol.webid, to=root), keeps(keeper, root))
        )
        assert (await http.put(root, TEXT, by=carol)).status == 204
        rights = acl(keeps(keeper, root), *([give(held, root, "to")] if held else []))
        await set_root(http, root, carol, rights)
        statuses = [(row, expected(row, asks, held_by(who, held), frozenset())) for row in ROOT_ROWS]
        before = await seen_of_root(http, root, keeper)
        for quiet in (True, False):
            for row, status in statuses:
                if quiet is (row.changes and status == row.done):
                    continue
                answer = await ask_root(http, root, row, asker, rights)
                if answer.status != status:
                    wrong.append(f"{row} by {who} with {sorted(held)}: {answer.status} instead of {status}")
            if quiet and await seen_of_root(http, root, keeper) != before:
                wrong.append(f"{who} with {sorted(held)} changed what nobody may change")
    assert not wrong, "\n".join(wrong)


def keeps(keeper: Person, root: str) -> str:
    return rule(modes="read control", agent=keeper.webid, to=root)


async def set_root(http: Visitor, root: str, owner: Person, rights: str) -> None:
    assert (await http.put(f"{root}.acl", rights, by=owner)).status == 204


async def seen_of_root(http: Visitor, root: str, keeper: Person) -> list[bytes]:
    answers = [await http.get(root, by=keeper), await http.get(f"{root}.acl", by=keeper)]
    assert [answer.status for answer in answers] == [200, 200]
    return [answer.body for answer in answers]


async def ask_root(http: Visitor, root: str, row: Row, asker: Person | None, rights: str) -> Answer:
    method, body, kind = BODIES[row.request]
    url = root if row.target == "root" else f"{root}.acl"
    text = rights if row.request == "PUT" and row.target == "root acl" else body
    return await http.send(method, url, by=asker, body=text, kind=kind)


def test_every_row_is_allowed_to_some_and_denied_to_others() -> None:
    for row in (*ROWS, *ROOT_ROWS):
        answers = {expected(row, "bob", held, above) for held, above in pairs_for("agent")}
        answers |= {expected(row, "bob", EVERY, EVERY)}
        assert row.done in answers, row
        if modes(row.on_it):
            assert 403 in answers, row


def test_the_table_has_thousands_of_cases() -> None:
    cases = sum(
        len(pairs_for(who)) * len(list(rows_for(inherited=inherited))) for who in CLASSES for inherited in (True, False)
    )
    assert cases > 12_000
