"""Whatever is done to a pod, containment mirrors the paths one to one."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.audit import Intact, verify_chain
from vault.config import Limits, StorageSettings
from vault.errors import Refusal
from vault.ports import Work
from vault.solid.operation import Content, Delete, Operation, Post, Put
from vault.solid.paths import auxiliary, is_forbidden, twin
from vault.solid.provision import create_pod
from vault.solid.resource import Inline
from vault.solid.write import add_resource, delete_resource, put_resource
from vault.storage.database import Database
from vault.values import TURTLE, PodName, ResourceUrl, webid_of

BASE = "https://vault.example/"
NOON = datetime(2026, 11, 24, tzinfo=UTC)
ALICE = PodName("alice")
NAMES = st.sampled_from(["a", "b", "a.acl", ".acl", ".meta", "a.meta", "x.acl.acl", "a%2Fb"])
PATHS = st.builds(
    lambda names, folder: ResourceUrl(ALICE, "/" + "/".join(names) + ("/" if folder and names else "")),
    st.lists(NAMES, min_size=1, max_size=3),
    st.booleans(),
)
EMPTY = Content(Inline(b""), TURTLE)
CONTAINER = frozenset({"http://www.w3.org/ns/ldp#BasicContainer"})
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(lambda url: Put(url, EMPTY), PATHS),
    st.builds(
        lambda url, slug, types: Post(url, EMPTY, slug=slug, types=types),
        PATHS,
        NAMES,
        st.sampled_from([frozenset(), CONTAINER]),
    ),
    st.builds(Delete, PATHS),
    st.just(Post(ResourceUrl(ALICE, "/"), EMPTY, slug="a")),
)


async def _act(work: Work, operation: Operation, now: datetime) -> None:
    facts = {"actor": "alice", "now": now, "base_url": BASE, "limits": Limits()}
    match operation:
        case Put():
            await put_resource(work, operation, **facts)  # type: ignore[arg-type]
        case Post():
            await add_resource(work, operation, **facts)  # type: ignore[arg-type]
        case Delete():
            await delete_resource(work, operation, **facts)  # type: ignore[arg-type]


async def _tree(work: Work, container: ResourceUrl) -> list[ResourceUrl]:
    """Everything that can be reached from a container by containment."""
    found = [container]
    async for member in work.resources.children(container):
        assert member.url.parent == container
        found += await _tree(work, member.url) if member.url.is_container else [member.url]
    return found


async def _check(work: Work, tried: set[ResourceUrl]) -> None:
    reached = set(await _tree(work, ResourceUrl(ALICE, "/")))
    for url in reached:
        assert auxiliary(url) is None
        assert not is_forbidden(url)
        assert url.is_storage or twin(url) not in reached
    for url in tried:
        row = await work.resources.get(url)
        found = auxiliary(url)
        if found is None:
            assert (row is not None) == (url in reached)
        elif row is not None:  # an auxiliary lives no longer than its subject
            assert found[1] in reached


async def _run(folder: Path, operations: list[Operation]) -> None:
    store = await Database.open(StorageSettings(data=folder), clock=lambda: NOON)
    async with store.writing() as work:
        await create_pod(
            work,
            name=ALICE,
            owner=webid_of(ALICE, base_url=BASE),
            display_name="Alice",
            issuer=BASE,
            base_url=BASE,
            quota_bytes=1_000_000,
            now=NOON,
        )
    for number, operation in enumerate(operations):
        with contextlib.suppress(Refusal):
            async with store.writing() as work:
                await _act(work, operation, NOON + timedelta(seconds=number))
    async with store.reading() as work:
        await _check(work, {operation.target for operation in operations})
        assert isinstance(verify_chain(await work.audit.entries(ALICE)), Intact)
    await store.close()


@pytest.mark.requirement("PR-30")
@pytest.mark.requirement("PR-11")
@pytest.mark.requirement("PR-45")
@settings(max_examples=40, deadline=None)
@given(st.lists(OPERATIONS, max_size=12))
def test_containment_mirrors_the_paths_and_nothing_is_orphaned(operations: list[Operation]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_run(Path(folder) / "data", operations))
