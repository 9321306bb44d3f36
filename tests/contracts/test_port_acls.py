"""`Acls`: the nearest ACL governs, and its text is that of the version that was found."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contracts.stores import ALICE, BOB, a_draft, at, bytes_at, put, webid
from vault.access.decide import EffectiveAcl
from vault.errors import Missing
from vault.storage.database import Database
from vault.values import JSON_LD, TURTLE, PodName


async def _effective(store: Database, path: str, pod: PodName = ALICE) -> EffectiveAcl | None:
    async with store.reading() as work:
        return await work.acls.effective(at(path, pod))


@pytest.mark.requirement("WA-6")
@pytest.mark.parametrize(
    ("asked", "found", "inherited"),
    [
        ("/", "/.acl", False),
        ("/x", "/.acl", True),
        ("/c/", "/.acl", True),
        ("/c/d/", "/c/d/.acl", False),
        ("/c/d/own", "/c/d/own.acl", False),
        ("/c/d/other", "/c/d/.acl", True),
        ("/c/d/e/f/g/h", "/c/d/.acl", True),
        ("/c/d/own.acl", "/c/d/own.acl", False),
        ("/c/d/own.meta", "/c/d/own.acl", False),
        ("/c/d/other.acl", "/c/d/.acl", True),
        ("/c/d/.acl", "/c/d/.acl", False),
        ("/-c/-d/x", "/-c/.acl", True),
    ],
)
async def test_the_nearest_acl_governs(store: Database, asked: str, found: str, inherited: bool) -> None:
    async with store.writing() as work:
        for path in ("/", "/.acl", "/c/d/", "/c/d/.acl", "/c/d/own", "/c/d/own.acl", "/-c/.acl"):
            await put(work, path)
        version = (await put(work, found)).version
    subject = at(found.removesuffix(".acl"))
    assert await _effective(store, asked) == EffectiveAcl(at(found), version, subject, inherited, webid(ALICE))


async def test_the_deepest_path_finds_the_root_acl(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/.acl")
    found = await _effective(store, "/" + "a/" * 300)
    assert found is not None
    assert found.url == at("/.acl")


async def test_no_pod_and_a_pod_without_any_acl_have_none(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/.acl")
    assert await _effective(store, "/x", PodName("nobody")) is None
    assert await _effective(store, "/x", BOB) is None


@pytest.mark.requirement("PR-45")
async def test_a_removed_acl_gives_way_to_the_one_above(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/.acl")
        await put(work, "/x")
        await put(work, "/x.acl")
        await work.resources.remove(at("/x"))
    found = await _effective(store, "/x")
    assert found is not None
    assert found.url == at("/.acl")


@pytest.mark.requirement("D19")
async def test_a_change_made_by_another_worker_governs_at_once(store: Database, elsewhere: Database) -> None:
    """Whatever this worker remembers of the pod."""
    async with store.writing() as work:
        await put(work, "/.acl", b"root")
        await put(work, "/c/x", b"old")

    async def look() -> tuple[str, bytes | None]:
        async with store.reading() as work:
            acl = await work.acls.effective(at("/c/x"))
            assert acl is not None
            return acl.url.path, await bytes_at(work, "/c/x")

    assert await look() == await look() == ("/.acl", b"old")
    async with elsewhere.writing() as work:
        await put(work, "/c/.acl")
    assert await look() == ("/c/.acl", b"old")
    async with elsewhere.writing() as work:
        await put(work, "/c/x.acl")
        await put(work, "/c/x", b"new")
    assert await look() == ("/c/x.acl", b"new")
    async with elsewhere.writing() as work:
        await work.resources.remove(at("/c/x.acl"))
    assert await look() == ("/c/.acl", b"new")
    async with elsewhere.writing() as work:
        await work.resources.remove(at("/c/x"))
        await work.resources.remove(at("/c/.acl"))
    assert await look() == ("/.acl", None)


@pytest.mark.requirement("WA-18")
async def test_nothing_of_an_undone_change_is_remembered(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/.acl")
        await put(work, "/x", b"kept")

    async def change_and_fail() -> None:
        async with store.writing() as work:
            await put(work, "/x.acl")
            await put(work, "/x", b"undone")
            acl = await work.acls.effective(at("/x"))
            assert acl is not None
            assert acl.url == at("/x.acl")
            assert await bytes_at(work, "/x") == b"undone"
            raise LookupError

    with pytest.raises(LookupError):
        await change_and_fail()
    for transact in (store.reading, store.writing):
        async with transact() as work:
            acl = await work.acls.effective(at("/x"))
            assert acl is not None
            assert acl.url == at("/.acl")
            assert await bytes_at(work, "/x") == b"kept"


async def test_a_number_undone_here_and_given_there_is_never_mixed_up(store: Database, elsewhere: Database) -> None:
    """Two workers whose clock stands still may both give a number, if the first never was committed."""
    async with store.writing() as work:
        await put(work, "/x", b"first")
    numbers = []

    async def change_and_fail() -> None:
        async with store.writing() as work:
            numbers.append((await put(work, "/x", b"undone")).version)
            assert await bytes_at(work, "/x") == b"undone"
            raise LookupError

    with pytest.raises(LookupError):
        await change_and_fail()
    async with elsewhere.writing() as work:
        numbers.append((await put(work, "/x", b"given")).version)
    assert numbers[0] == numbers[1]
    async with store.reading() as work:
        assert await bytes_at(work, "/x") == b"given"


async def test_the_text_and_its_type_are_those_stored(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/.acl", b"<#owner> a <#x>.")
    async with store.reading() as work:
        acl = await work.acls.effective(at("/x"))
        assert acl is not None
        assert await work.acls.text(acl) == b"<#owner> a <#x>."
        assert await work.acls.media_type(acl) == TURTLE


async def test_a_large_acl_is_read_from_its_blob(store: Database) -> None:
    text = b"# long\n" * 10_000

    async def chunks() -> AsyncIterator[bytes]:
        yield text

    ref = await store.blobs.save(chunks(), limit=len(text))
    async with store.writing() as work:
        await work.resources.put(a_draft("/.acl", media_type=JSON_LD), ref)
    async with store.reading() as work:
        acl = await work.acls.effective(at("/x"))
        assert acl is not None
        assert await work.acls.text(acl) == text
        assert await work.acls.media_type(acl) == JSON_LD


async def test_a_newer_text_never_passes_for_an_older_acl(store: Database) -> None:
    async with store.writing() as work:
        await put(work, "/.acl", b"old")
    old = await _effective(store, "/")
    assert old is not None
    async with store.writing() as work:
        await put(work, "/.acl", b"new")
    async with store.reading() as work:
        with pytest.raises(Missing):
            await work.acls.text(old)
        with pytest.raises(Missing):
            await work.acls.media_type(old)
