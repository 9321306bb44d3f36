"""`Resources`: what is put is found, listed in order, versioned for ever, counted, and gone when removed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.contracts.stores import ALICE, BOB, NOON, FixedClock, a_draft, a_pod, at, bytes_at, listing, put, webid
from vault.errors import Conflict, Missing
from vault.solid.resource import BlobRef, Inline, Kind, Resource
from vault.storage.database import Database
from vault.values import JSON_LD, TURTLE, MediaType, PodName


async def test_a_pod_is_found_as_it_was_added(store: Database) -> None:
    async with store.reading() as work:
        assert await work.resources.pod(ALICE) == a_pod(ALICE)
        assert await work.resources.pod(PodName("nobody")) is None


async def test_a_pod_name_is_given_once(store: Database) -> None:
    taken = replace(a_pod(ALICE), owner=webid(BOB))
    with pytest.raises(Conflict) as refused:
        async with store.writing() as work:
            await work.resources.add_pod(taken)
    assert refused.value.reason == "pod-exists"
    async with store.reading() as work:
        assert await work.resources.pod(ALICE) == a_pod(ALICE)


async def test_a_resource_is_found_as_it_was_put(store: Database) -> None:
    kind = MediaType("text/turtle", (("charset", "utf-8"), ("profile", 'a "quoted" one; really')))
    async with store.writing() as work:
        stored = await work.resources.put(a_draft("/a%20b", media_type=kind), Inline(b"<> a <#x>."))
    assert stored == Resource(at("/a%20b"), Kind.GRAPH, kind, stored.version, NOON, 10)
    async with store.reading() as work:
        assert await work.resources.get(at("/a%20b")) == stored
        assert await work.resources.body(at("/a%20b")) == Inline(b"<> a <#x>.")


async def test_the_body_is_found_without_asking_for_the_facts_first(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/a", b"\x00\xff")
        await put(work, "/empty", b"")
    async with store.reading() as work:
        assert await bytes_at(work, "/a") == b"\x00\xff"
        assert await bytes_at(work, "/empty") == b""


async def test_what_was_never_put_is_not_there(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/a", b"alice's")
    async with store.reading() as work:
        assert await work.resources.get(at("/b")) is None
        assert await work.resources.body(at("/b")) is None
        assert await work.resources.get(at("/a", BOB)) is None
        assert await work.resources.get(at("/A")) is None


async def test_a_large_body_is_kept_by_reference(store: Database) -> None:
    ref = BlobRef("ab" * 32, 123_456)
    async with store.writing() as work:
        stored = await work.resources.put(a_draft("/film"), ref)
    assert stored.size == 123_456
    async with store.reading() as work:
        assert await work.resources.body(at("/film")) == ref


async def test_a_second_put_replaces_everything(store: Database) -> None:
    async with store.writing() as work:
        await work.resources.put(a_draft("/a"), BlobRef("ab" * 32, 99))
    later = NOON + timedelta(seconds=5)
    async with store.writing() as work:
        second = await work.resources.put(a_draft("/a", media_type=JSON_LD, modified=later), Inline(b"{}"))
    async with store.reading() as work:
        assert await work.resources.get(at("/a")) == second
        assert await bytes_at(work, "/a") == b"{}"
        assert (second.media_type, second.modified, second.size) == (JSON_LD, later, 2)


async def test_within_one_transaction_a_read_sees_what_was_just_put(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/a", b"one")
        assert await bytes_at(work, "/a") == b"one"
        await put(work, "/a", b"two")
        assert await bytes_at(work, "/a") == b"two"
        await work.resources.remove(at("/a"))
        assert await work.resources.get(at("/a")) is None


async def test_a_put_in_a_pod_that_is_not_there_is_refused(store: Database) -> None:
    nowhere = PodName("nobody")
    with pytest.raises(Missing):
        async with store.writing() as work:
            await put(work, "/a", pod=nowhere)
    with pytest.raises(Missing):
        async with store.writing() as work:
            await work.resources.touch(at("/", nowhere), modified=None)


async def test_every_put_and_touch_gets_a_greater_version(store: Database) -> None:
    seen = []
    for _ in range(3):
        async with store.writing() as work:
            seen.append((await put(work, "/a")).version)
            seen.append((await put(work, "/b")).version)
            await put(work, "/")
            await work.resources.touch(at("/"), modified=None)
            root = await work.resources.get(at("/"))
            assert root is not None
            seen.append(root.version)
    assert seen == sorted(set(seen))
    assert seen[0] >= 1


@pytest.mark.requirement("PR-59")
async def test_a_version_is_never_used_again_after_a_deletion(store: Database, elsewhere: Database) -> None:
    async with store.writing() as work:
        first = await put(work, "/a", b"one")
    async with elsewhere.writing() as work:
        await work.resources.remove(at("/a"))
    async with elsewhere.writing() as work:
        second = await put(work, "/a", b"two")
    assert second.version > first.version


@pytest.mark.requirement("PR-59")
async def test_a_version_is_never_used_again_after_a_rollback(store: Database) -> None:
    """A cache may have learnt the version of a row that then never came to be."""
    seen = []

    async def put_and_fail() -> None:
        async with store.writing() as work:
            seen.append((await put(work, "/a", b"undone")).version)
            raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await put_and_fail()
    async with store.writing() as work:
        seen.append((await put(work, "/a", b"kept")).version)
    assert seen == sorted(set(seen))


async def test_versions_grow_when_the_clock_goes_back(store: Database, elsewhere: Database, clock: FixedClock) -> None:
    async with store.writing() as work:
        first = await put(work, "/a")
    clock.move(days=-400)
    async with elsewhere.writing() as work:
        second = await put(work, "/a")
    assert second.version > first.version


async def test_members_are_listed_in_code_point_order(store: Database) -> None:
    names = ["/c/b", "/c/a", "/c/Z", "/c/a/", "/c/a-", "/c/~", "/c/%C3%A9", "/c/10", "/c/9"]
    async with store.writing() as work:
        await put(work, "/c/")
        for name in names:
            await put(work, name)
    async with store.reading() as work:
        assert await listing(work, "/c/") == sorted(names)


@pytest.mark.requirement("PR-36")
async def test_only_direct_members_are_listed_and_never_an_auxiliary(store: Database) -> None:
    async with store.writing() as work:
        for path in ("/", "/.acl", "/.meta", "/c/", "/c/.acl", "/c/x", "/c/x.acl", "/c/x.meta", "/c/d/", "/c/d/deep"):
            await put(work, path)
        await put(work, "/c/bobs", pod=BOB)
    async with store.reading() as work:
        assert await listing(work, "/") == ["/c/"]
        assert await listing(work, "/c/") == ["/c/d/", "/c/x"]
        assert await listing(work, "/c/d/") == ["/c/d/deep"]
        assert await listing(work, "/c/x") == []


async def test_a_listed_member_is_what_get_gives(store: Database) -> None:
    async with store.writing() as work:
        stored = await put(work, "/c/x", b"123")
    async with store.reading() as work:
        assert [child async for child in work.resources.children(at("/c/"))] == [stored]


async def test_a_listing_continues_after_a_path_and_stops_at_a_limit(store: Database) -> None:
    names = [f"/c/{number:03}" for number in range(7)]
    async with store.writing() as work:
        for name in names:
            await put(work, name)
    async with store.reading() as work:
        assert await listing(work, "/c/", limit=3) == names[:3]
        assert await listing(work, "/c/", after=names[2], limit=3) == names[3:6]
        assert await listing(work, "/c/", after=names[2]) == names[3:]
        assert await listing(work, "/c/", after="/c/003x") == names[4:]
        assert await listing(work, "/c/", after=names[-1]) == []
        assert await listing(work, "/c/", limit=0) == []


@pytest.mark.parametrize("count", [255, 256, 257, 700])
async def test_a_long_listing_misses_nobody_at_its_seams(store: Database, count: int) -> None:
    names = [f"/c/{number:05}" for number in range(count)]
    async with store.writing() as work:
        for name in names:
            await put(work, name)
    async with store.reading() as work:
        assert await listing(work, "/c/") == names
        assert await listing(work, "/c/", limit=count - 1) == names[:-1]


async def test_a_listing_is_of_one_moment(store: Database) -> None:
    names = [f"/c/{number:05}" for number in range(600)]
    async with store.writing() as work:
        for name in names:
            await put(work, name)
    seen: list[str] = []
    async with store.reading() as work:
        async for child in work.resources.children(at("/c/")):
            if not seen:
                async with store.writing() as other:
                    await other.resources.remove(at("/c/00500"))
                    await put(other, "/c/99999")
            seen.append(child.url.path)
    assert seen == names


async def test_a_long_listing_gives_way_to_others(store: Database) -> None:
    async with store.writing() as work:
        for number in range(1100):
            await put(work, f"/c/{number:05}")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async with store.reading() as work:
        ticking = asyncio.create_task(tick())
        assert len(await listing(work, "/c/")) == 1100
        ticking.cancel()
    assert ticks >= 4


@pytest.mark.requirement("PR-36")
async def test_auxiliaries_do_not_make_a_container_non_empty(store: Database) -> None:
    async with store.writing() as work:
        for path in ("/c/", "/c/.acl", "/c/.meta"):
            await put(work, path)
        assert not await work.resources.has_children(at("/c/"))
        assert await work.resources.count_children(at("/c/"), most=10) == 0
        await put(work, "/c/x")
        assert await work.resources.has_children(at("/c/"))
        assert await work.resources.count_children(at("/c/"), most=10) == 1


async def test_members_are_counted_up_to_a_bound_and_without_what_is_below_them(store: Database) -> None:
    async with store.writing() as work:
        for path in ("/c/", "/c/d/", "/c/d/x", "/c/e", "/c/e.acl", "/c/f"):
            await put(work, path)
        assert [await work.resources.count_children(at("/c/"), most=most) for most in (1, 2, 3, 4)] == [1, 2, 3, 3]


@pytest.mark.requirement("PR-32")
async def test_touch_changes_the_version_and_the_time_only_when_containment_changed(store: Database) -> None:
    async with store.writing() as work:
        first = await put(work, "/c/", b"<> <#p> 1 .")
    async with store.writing() as work:
        await work.resources.touch(at("/c/"), modified=None)
    async with store.reading() as work:
        second = await work.resources.get(at("/c/"))
    assert second is not None
    assert second == replace(first, version=second.version)
    assert second.version > first.version
    later = NOON + timedelta(hours=1)
    async with store.writing() as work:
        await work.resources.touch(at("/c/"), modified=later)
    async with store.reading() as work:
        third = await work.resources.get(at("/c/"))
        assert await bytes_at(work, "/c/") == b"<> <#p> 1 ."
    assert third is not None
    assert third == replace(second, version=third.version, modified=later)
    assert third.version > second.version


async def _used(store: Database) -> int:
    async with store.reading() as work:
        pod = await work.resources.pod(ALICE)
    assert pod is not None
    return pod.used_bytes


async def test_used_bytes_follow_every_body(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/a", b"12345")
        await put(work, "/a.acl", b"123")
        await put(work, "/b", b"elsewhere", pod=BOB)
    assert await _used(store) == 8
    async with store.writing() as work:
        await put(work, "/a", b"1")
        await work.resources.put(a_draft("/film"), BlobRef("ab" * 32, 1000))
    assert await _used(store) == 1004
    async with store.writing() as work:
        await work.resources.touch(at("/a"), modified=None)
        await work.resources.put(a_draft("/film"), Inline(b"12"))
    assert await _used(store) == 6
    async with store.writing() as work:
        await work.resources.remove(at("/a"))
        await work.resources.remove(at("/film"))
    assert await _used(store) == 0


@pytest.mark.requirement("PR-45")
async def test_removing_a_resource_removes_its_auxiliaries_and_nothing_else(store: Database) -> None:
    paths = ("/c/", "/c/.acl", "/c/.meta", "/c/x", "/c/x.acl", "/c/x.meta", "/c/xy", "/c/xy.acl", "/c/x.aclish")
    async with store.writing() as work:
        for path in paths:
            await put(work, path)
    async with store.writing() as work:
        await work.resources.remove(at("/c/x"))
    async with store.reading() as work:
        left = [path for path in paths if await work.resources.get(at(path)) is not None]
    assert left == ["/c/", "/c/.acl", "/c/.meta", "/c/xy", "/c/xy.acl", "/c/x.aclish"]


async def test_removing_an_auxiliary_leaves_its_subject_and_its_sibling(store: Database) -> None:
    async with store.writing() as work:
        for path in ("/x", "/x.acl", "/x.meta"):
            await put(work, path)
        await work.resources.remove(at("/x.acl"))
    async with store.reading() as work:
        assert await work.resources.get(at("/x.acl")) is None
        assert await work.resources.get(at("/x")) is not None
        assert await work.resources.get(at("/x.meta")) is not None


async def test_removing_what_is_not_there_changes_nothing(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/a", b"123")
        await work.resources.remove(at("/b"))
        await work.resources.remove(at("/a", BOB))
    assert await _used(store) == 3


async def test_a_reading_transaction_cannot_write(store: Database) -> None:
    with pytest.raises(RuntimeError):
        async with store.reading() as work:
            await put(work, "/a")
    async with store.reading() as work:
        assert await work.resources.get(at("/a")) is None


@pytest.mark.parametrize(
    "media_type", [TURTLE, MediaType("image/svg+xml"), MediaType("a/b", (("q", ""), ("z", "é\\")))]
)
async def test_every_media_type_comes_back_as_it_went_in(store: Database, media_type: MediaType) -> None:
    async with store.writing() as work:
        await work.resources.put(a_draft("/a", media_type=media_type), Inline(b""))
    async with store.reading() as work:
        found = await work.resources.get(at("/a"))
    assert found is not None
    assert found.media_type == media_type


async def test_a_pod_is_cleared_in_steps_and_its_acls_go_last(store: Database) -> None:
    """While a document is there, the ACL that governs it is there too: nothing opens on the way out."""
    paths = ["/", "/.acl", "/a", "/a.acl", "/b/", "/b/-x", "/b/.acl", "/b/c", "/b/c.acl", "/b/c.meta"]
    async with store.writing() as work:
        for path in paths:
            await put(work, path, b"0123456789")
        await put(work, "/a", b"bob's", pod=BOB)
        before = await work.resources.version(ALICE)
    gone = [p for p in paths if p == "/" or p.endswith((".acl", ".meta"))]
    for _ in range(10):
        async with store.writing() as work:
            removed = await work.resources.clear(ALICE, limit=2)
        async with store.reading() as work:
            left = [path for path in paths if await work.resources.get(at(path)) is not None]
            pod = await work.resources.pod(ALICE)
            assert pod is not None
            assert pod.used_bytes == 10 * len(left)
            assert await work.resources.version(ALICE) > before
        assert set(gone) <= set(left) or set(left) <= set(gone)
        if not removed:
            break
    assert left == []
    async with store.reading() as work:
        assert await bytes_at(work, "/a", BOB) == b"bob's"


async def test_documents_are_cleared_members_first_and_descriptions_and_acls_stay(store: Database) -> None:
    paths = ["/", "/.acl", "/a", "/a.acl", "/b/", "/b/-x", "/b/.acl", "/b/c", "/b/c.meta"]
    async with store.writing() as work:
        for path in paths:
            await put(work, path, b"0123456789")
        await put(work, "/a", b"bob's", pod=BOB)
    gone: list[str] = []
    for most in (2, 2, 2, 2):
        async with store.writing() as work:
            gone += [url.path for url in await work.resources.clear_documents(ALICE, limit=most)]
    assert gone == ["/b/c", "/b/-x", "/b/", "/a", "/"]
    async with store.reading() as work:
        left = [path for path in paths if await work.resources.get(at(path)) is not None]
        pod = await work.resources.pod(ALICE)
        assert pod is not None
        assert (left, pod.used_bytes) == (["/.acl", "/a.acl", "/b/.acl", "/b/c.meta"], 40)
        assert await bytes_at(work, "/a", BOB) == b"bob's"


async def test_a_retired_pod_keeps_its_name_from_everybody(store: Database) -> None:
    async with store.writing() as work:
        await work.resources.retire(ALICE)
    async with store.reading() as work:
        pod = await work.resources.pod(ALICE)
        assert pod is not None
        assert (pod.owner, pod.quota_bytes) == ("", 0)
    for owner in (webid(BOB), webid(ALICE)):
        with pytest.raises(Conflict, match="pod-exists"):
            async with store.writing() as work:
                await work.resources.add_pod(replace(a_pod(ALICE), owner=owner))


PLACES = (
    "/c/x",
    "/c/x/",
    "/c/x.acl",
    "/c/x.meta",
    "/c/",
    "/c/.acl",
    "/",
    "/.acl",
    "/gone",
    "/c/d/e/f",
    "/" + "a/" * 60,
)


@pytest.mark.parametrize("looked_at", PLACES)
async def test_a_look_changes_no_answer(store: Database, looked_at: str) -> None:
    """Whatever is asked afterwards, about places that were looked at and about others."""
    async with store.writing() as work:
        for path in ("/", "/.acl", "/c/", "/c/x.meta", "/c/x.acl"):
            await put(work, path, path.encode())
        await work.resources.put(a_draft("/c/x"), BlobRef("ab" * 32, 99))

    async def answers(*, look: bool) -> list[object]:
        async with store.writing() as work:
            if look:
                await work.resources.look(at(looked_at))
                await work.resources.look(at(looked_at))
            asked: list[object] = [await work.resources.pod(ALICE), await work.resources.version(ALICE)]
            for path in PLACES:
                url = at(path)
                asked += [await work.acls.effective(url), await work.resources.get(url)]
                asked.append(await work.resources.body(url))
        return asked

    assert await answers(look=True) == await answers(look=False)


async def test_a_look_at_a_pod_that_is_not_there_finds_nothing(store: Database) -> None:
    nowhere = PodName("nobody")
    async with store.reading() as work:
        await work.resources.look(at("/x", nowhere))
        assert await work.resources.pod(nowhere) is None
        assert await work.resources.version(nowhere) == 0
        assert await work.resources.get(at("/x", nowhere)) is None
        assert await work.acls.effective(at("/x", nowhere)) is None


async def test_a_look_is_forgotten_when_something_is_written(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/", b"")
        await work.resources.look(at("/x"))
        assert await work.resources.get(at("/x")) is None
        before = await work.resources.version(ALICE)
        await put(work, "/x", b"12")
        await put(work, "/.acl", b"")
        assert await bytes_at(work, "/x") == b"12"
        assert await work.acls.effective(at("/x")) is not None
        assert await work.resources.version(ALICE) > before
        pod = await work.resources.pod(ALICE)
        assert pod is not None
        assert pod.used_bytes == 2


async def test_a_look_at_one_pod_says_nothing_of_another(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/x", b"alice's")
        await put(work, "/x", b"bob's", pod=BOB)
    async with store.reading() as work:
        await work.resources.look(at("/x"))
        assert await bytes_at(work, "/x", BOB) == b"bob's"
        assert await bytes_at(work, "/x") == b"alice's"
        await work.resources.look(at("/x", BOB))
        assert await bytes_at(work, "/x", BOB) == b"bob's"
        assert await bytes_at(work, "/x") == b"alice's"


@pytest.mark.requirement("PR-32", "PR-59")
async def test_the_containers_that_show_a_change_get_a_version_with_it(store: Database) -> None:
    later = NOON + timedelta(seconds=5)
    async with store.writing() as work:
        for path in ("/", "/c/", "/d/"):
            await put(work, path)

    async def state() -> list[tuple[int, datetime]]:
        found = []
        async with store.reading() as work:
            for path in ("/", "/c/", "/d/"):
                resource = await work.resources.get(at(path))
                assert resource is not None
                found.append((resource.version, resource.modified))
        return found

    root, folder, other = await state()
    async with store.writing() as work:
        await work.resources.put(a_draft("/c/x"), Inline(b""), shown_in=(at("/c/"), at("/")), moved=later)
    after_root, after_folder, after_other = await state()
    assert after_other == other
    assert after_root[0] > root[0]
    assert after_root[1] == root[1]
    assert after_folder[0] > folder[0]
    assert after_folder[1] == later
    async with store.writing() as work:
        await work.resources.put(a_draft("/c/x"), Inline(b"1"), shown_in=(at("/c/"),))
    assert (await state())[0] == after_root
    assert (await state())[1][0] > after_folder[0]
    assert (await state())[1][1] == later
    async with store.writing() as work:
        await work.resources.remove(at("/c/x"), shown_in=(at("/c/"), at("/")), moved=NOON)
    assert (await state())[0][0] > after_root[0]
    assert (await state())[1][1] == NOON


async def test_folders_are_the_containers_among_the_members_in_order(store: Database) -> None:
    async with store.writing() as work:
        for path in ("/", "/b/", "/a/", "/a/inner/", "/c/"):
            await work.resources.put(replace(a_draft(path), kind=Kind.CONTAINER), Inline(b""))
        await put(work, "/a.ttl", b"")
        await put(work, "/b.acl", b"")
    async with store.reading() as work:
        assert await work.resources.folders(at("/"), limit=10) == [at("/a/"), at("/b/"), at("/c/")]
        assert await work.resources.folders(at("/"), limit=2) == [at("/a/"), at("/b/")]
        assert await work.resources.folders(at("/a/"), limit=10) == [at("/a/inner/")]
        assert await work.resources.folders(at("/", BOB), limit=10) == []
