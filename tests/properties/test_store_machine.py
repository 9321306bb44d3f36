"""Any sequence of puts, touches, removals and failures on a real store agrees with a plain dictionary."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.contracts.stores import ALICE, FixedClock, a_draft, a_pod, at, open_sqlite
from vault.solid.paths import acl_candidates, auxiliary
from vault.solid.resource import BlobRef, Body, Inline, Resource
from vault.storage.database import Database

PATHS = [
    "/", "/.acl", "/.meta", "/a", "/a.acl", "/a.meta", "/a/", "/a/.acl", "/a/b", "/a/b.acl", "/a/b/", "/a/b/.acl",
    "/a/b/c", "/a-", "/-", "/ab", "/%C3%A9",
]  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=40).map(Inline),
    st.builds(BlobRef, st.integers(0, 3).map(lambda number: f"{number:064x}"), st.integers(0, 10**9)),
)


class StoreMachine(RuleBasedStateMachine):
    """Two workers on one store, and what they ought to hold."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FixedClock()
        self.stores: list[Database] = []
        self.model: dict[str, tuple[Resource, Body]] = {}
        self.highest = 0

    @initialize()
    def open(self) -> None:
        async def begin() -> None:
            self.stores = [await open_sqlite(self.folder, self.clock) for _ in range(2)]
            async with self.stores[0].writing() as work:
                await work.resources.add_pod(a_pod())

        self.runner.run(begin())

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    @rule(where=st.integers(0, 1), puts=st.lists(st.tuples(st.sampled_from(PATHS), BODIES), min_size=1, max_size=3))
    def put(self, where: int, puts: list[tuple[str, Body]]) -> None:
        async def act() -> list[Resource]:
            async with self.stores[where].writing() as work:
                return [await work.resources.put(a_draft(path, modified=self.clock()), body) for path, body in puts]

        for stored, (path, body) in zip(self.runner.run(act()), puts, strict=True):
            assert stored.version > self.highest
            self.highest = stored.version
            self.model[path] = (stored, body)

    @rule(where=st.integers(0, 1), path=st.sampled_from(PATHS), body=BODIES)
    def put_and_fail(self, where: int, path: str, body: Body) -> None:
        async def act() -> None:
            async with self.stores[where].writing() as work:
                await work.resources.put(a_draft(path), body)
                await work.resources.remove(at("/a"))
                raise LookupError

        try:
            self.runner.run(act())
        except LookupError:
            return
        raise AssertionError("the failure did not come out")

    @rule(where=st.integers(0, 1), path=st.sampled_from(PATHS), moved=st.booleans())
    def touch(self, where: int, path: str, moved: bool) -> None:
        async def act() -> Resource | None:
            async with self.stores[where].writing() as work:
                await work.resources.touch(at(path), modified=self.clock() if moved else None)
                return await work.resources.get(at(path))

        found = self.runner.run(act())
        if path not in self.model:
            assert found is None
            return
        old, body = self.model[path]
        assert found is not None
        assert found.version > self.highest
        assert found.modified == (self.clock() if moved else old.modified)
        self.highest = found.version
        self.model[path] = (found, body)

    @rule(where=st.integers(0, 1), path=st.sampled_from(PATHS))
    def remove(self, where: int, path: str) -> None:
        async def act() -> None:
            async with self.stores[where].writing() as work:
                await work.resources.remove(at(path))

        self.runner.run(act())
        for gone in (path,) if auxiliary(at(path)) else (path, path + ".acl", path + ".meta"):
            self.model.pop(gone, None)

    @rule(seconds=st.integers(-100, 100))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)

    @precondition(lambda self: bool(self.stores))
    @invariant()
    def both_workers_hold_what_they_ought_to(self) -> None:
        for store in self.stores:
            self.runner.run(self._agrees(store))

    async def _agrees(self, store: Database) -> None:
        async with store.reading() as work:
            for path in PATHS:
                stored, body = self.model.get(path, (None, None))
                assert await work.resources.get(at(path)) == stored
                assert await work.resources.body(at(path)) == body
                members = [child async for child in work.resources.children(at(path))]
                expected = [p for p in sorted(self.model) if at(p).parent == at(path) and not auxiliary(at(p))]
                assert members == [self.model[p][0] for p in expected]
                assert await work.resources.has_children(at(path)) == bool(expected)
                acl = await work.acls.effective(at(path))
                nearest = next((url for url in acl_candidates(at(path)) if url.path in self.model), None)
                assert (acl.url if acl else None) == nearest
                assert acl is None or acl.version == self.model[acl.url.path][0].version
            pod = await work.resources.pod(ALICE)
            assert pod is not None
            assert pod.used_bytes == sum(resource.size for resource, _ in self.model.values())


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestStoreMachine = StoreMachine.TestCase
