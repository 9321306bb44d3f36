"""Solid Protocol, writing and deleting: creation, replacement, conditions, concurrency, protected triples."""

from __future__ import annotations

import asyncio

import pytest

from tests.people import CONTAINER_LINK, JSON_LD, LDP, N3, TURTLE, Person, Visitor, acl, n3_patch, rule

SOME = "<#it> <#is> <#here>."


@pytest.mark.requirement("PR-60", "PR-61")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_writing_below_missing_containers_makes_them(
    http: Visitor, home: str, alice: Person, method: str
) -> None:
    url = f"{home}a/b/c/doc"
    body, kind = (SOME, TURTLE) if method == "PUT" else (n3_patch(inserts=SOME.rstrip(".")), N3)
    assert (await http.send(method, url, by=alice, body=body, kind=kind)).status == 201
    for above, below in ((home, "a/"), (f"{home}a/", "b/"), (f"{home}a/b/", "c/"), (f"{home}a/b/c/", "doc")):
        text = (await http.get(above, by=alice, accept="application/n-triples")).text
        assert f"<{above}> <{LDP}contains> <{above}{below}>" in text


@pytest.mark.requirement("PR-61", "PR-68")
async def test_a_container_below_missing_ones_makes_them_too(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.put(f"{home}a/b/", by=alice)).status == 201
    assert (await http.get(f"{home}a/", by=alice)).status == 200


@pytest.mark.requirement("PR-62")
async def test_new_is_201_and_replaced_is_204(http: Visitor, home: str, alice: Person) -> None:
    first = await http.put(f"{home}doc", SOME, by=alice)
    assert (first.status, first.location) == (201, f"{home}doc")
    second = await http.put(f"{home}doc", SOME, by=alice)
    assert (second.status, second.body) == (204, b"")
    assert "Content-Type" not in second.headers
    assert first.headers["ETag"] != second.headers["ETag"]


@pytest.mark.requirement("PR-63", "LDP-2")
async def test_a_post_makes_a_child_and_says_where(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.post(home, "<> <#is> <#here>.", by=alice)
    assert answer.status == 201
    name = answer.location.removeprefix(home)
    assert name
    assert "/" not in name
    text = (await http.get(answer.location, by=alice, accept="application/n-triples")).text
    assert text.startswith(f"<{answer.location}> ")


@pytest.mark.requirement("PR-64")
@pytest.mark.parametrize("slug", ["notes", "two words", "a%20b", "naïve", "x.ttl"])
async def test_a_slug_is_part_of_the_name(http: Visitor, home: str, alice: Person, slug: str) -> None:
    first = await http.post(home, SOME, by=alice, Slug=slug)
    second = await http.post(home, SOME, by=alice, Slug=slug)
    assert first.status == second.status == 201
    assert first.location != second.location
    assert (await http.get(first.location, by=alice)).status == 200
    if slug.isascii() and slug.isalnum():
        assert slug in first.location
        assert slug in second.location


@pytest.mark.requirement("PR-64")
async def test_a_slug_is_ignored_on_put_and_patch(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.put(f"{home}one", SOME, by=alice, Slug="two")).location == f"{home}one"
    assert (await http.get(f"{home}two", by=alice)).status == 404


@pytest.mark.requirement("PR-65")
@pytest.mark.parametrize("model", ["BasicContainer", "Container"])
async def test_a_post_with_a_container_link_makes_a_container(
    http: Visitor, home: str, alice: Person, model: str
) -> None:
    answer = await http.post(home, "", by=alice, kind=None, Link=f'<{LDP}{model}>; rel="type"', Slug="box")
    assert answer.status == 201
    assert answer.location == f"{home}box/"
    assert f"{LDP}BasicContainer" in (await http.head(answer.location, by=alice)).links["type"]


@pytest.mark.requirement("PR-65")
async def test_a_slug_with_a_slash_but_without_the_link_is_a_document(http: Visitor, home: str, alice: Person) -> None:
    assert not (await http.post(home, SOME, by=alice, Slug="box/")).location.endswith("/")


@pytest.mark.requirement("PR-66", "WM-16")
async def test_a_post_to_nothing_finds_nothing(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.post(f"{home}missing/", SOME, by=alice)).status == 404
    assert (await http.post(f"{home}missing", SOME, by=alice)).status in (404, 405)
    assert (await http.get(f"{home}missing/", by=alice)).status == 404


@pytest.mark.requirement("PR-67", "WM-16")
async def test_a_post_to_a_document_is_not_supported_after_authorization(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    assert (await http.post(f"{home}doc", SOME, by=alice)).status == 405
    assert (await http.post(f"{home}doc", SOME, by=bob)).status == 403
    assert (await http.post(f"{home}doc", SOME)).status == 401


@pytest.mark.requirement("PR-68", "D7")
async def test_a_containers_own_triples_are_kept_and_replaced(http: Visitor, home: str, alice: Person) -> None:
    box = f"{home}box/"
    assert (await http.put(box, '<> <#title> "one".', by=alice, Link=CONTAINER_LINK)).status == 201
    await http.put(f"{box}doc", SOME, by=alice)
    assert '"one"' in (await http.get(box, by=alice)).text
    assert (await http.put(box, '<> <#title> "two".', by=alice)).status == 204
    text = (await http.get(box, by=alice)).text
    assert '"two"' in text
    assert '"one"' not in text
    assert f"{box}doc" in (await http.get(box, by=alice, accept="application/n-triples")).text


@pytest.mark.requirement("PR-68")
@pytest.mark.parametrize(("place", "link"), [("box", CONTAINER_LINK), ("box/", f'<{LDP}NonRDFSource>; rel="type"')])
async def test_a_link_that_contradicts_the_uri_is_a_conflict(
    http: Visitor, home: str, alice: Person, place: str, link: str
) -> None:
    assert (await http.put(home + place, by=alice, Link=link)).status == 409
    assert (await http.get(home + place, by=alice)).status == 404


@pytest.mark.requirement("PR-69")
async def test_containment_in_a_put_is_a_conflict_even_when_it_is_true(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    assert (await http.put(home, f"<> <{LDP}contains> <doc>.", by=alice)).status == 409
    assert (await http.put(f"{home}new/", f"<> <{LDP}contains> <doc>.", by=alice)).status == 409
    assert (await http.put(home, f"<> a <{LDP}Container>; <#title> 'x'.", by=alice)).status == 204


@pytest.mark.requirement("PR-70")
async def test_types_that_do_not_fit_are_refused(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    assert (await http.patch(f"{home}doc", "x", by=alice, kind="text/plain")).status == 415
    assert (await http.put(f"{home}box/", "x", by=alice, kind="text/plain")).status == 415
    assert (await http.put(f"{home}doc.acl", "x", by=alice, kind="text/plain")).status == 415


@pytest.mark.requirement("PR-70", "N3-2", "WA-17")
@pytest.mark.parametrize(("place", "kind"), [("doc", TURTLE), ("doc", JSON_LD), ("box/", TURTLE), (".acl", TURTLE)])
async def test_broken_rdf_is_malformed_and_never_stored(
    http: Visitor, home: str, alice: Person, place: str, kind: str
) -> None:
    assert (await http.put(home + place, "<#a> <#b> ", by=alice, kind=kind)).status == 400
    assert (await http.get(home + place, by=alice)).status == 404


@pytest.mark.requirement("PR-70", "TR-8", "LIM-08")
async def test_a_context_that_is_not_bundled_cannot_be_processed(http: Visitor, home: str, alice: Person) -> None:
    body = '{"@context":"https://example.org/unknown.jsonld","@id":"#a","b":"c"}'
    assert (await http.put(f"{home}doc", body, by=alice, kind=JSON_LD)).status == 422
    assert (await http.get(f"{home}doc", by=alice)).status == 404


@pytest.mark.requirement("PR-71", "TR-20")
@pytest.mark.parametrize("place", ["doc", "box/"])
async def test_if_none_match_star_never_replaces(http: Visitor, home: str, alice: Person, place: str) -> None:
    assert (await http.put(home + place, SOME, by=alice, If_None_Match="*")).status == 201
    assert (await http.put(home + place, "<#other> <#b> <#c>.", by=alice, If_None_Match="*")).status == 412
    patch = n3_patch(inserts="<#other> <#b> <#c>")
    assert (await http.patch(home + place, patch, by=alice, If_None_Match="*")).status == 412
    assert "other" not in (await http.get(home + place, by=alice)).text


@pytest.mark.requirement("PR-71", "ATK-14")
async def test_of_ten_creations_at_once_exactly_one_succeeds(http: Visitor, home: str, alice: Person) -> None:
    await http.token_of(alice)
    answers = await asyncio.gather(
        *(http.put(f"{home}doc", f"<#n> <#is> {n}.", by=alice, If_None_Match="*") for n in range(10))
    )
    assert sorted(answer.status for answer in answers) == [201] + [412] * 9
    winner = next(n for n, answer in enumerate(answers) if answer.status == 201)
    assert (await http.get(f"{home}doc", by=alice)).text == f"<#n> <#is> {winner}."


@pytest.mark.requirement("PR-71", "PR-59", "N3-17")
async def test_if_match_and_dates_are_honoured_on_every_kind_of_target(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    rules = acl(rule(modes="read write control", agent=alice.webid, to=url))
    await http.put(f"{url}.acl", rules, by=alice)
    for target, body in ((url, SOME), (f"{url}.acl", rules)):
        assert (await http.put(target, body, by=alice, If_Match='"wrong"')).status == 412
        assert (await http.delete(target, by=alice, If_Match='"wrong"')).status == 412
        old = "Sat, 01 Jan 2000 00:00:00 GMT"
        assert (await http.put(target, body, by=alice, If_Unmodified_Since=old)).status == 412
        tag = (await http.head(target, by=alice)).headers["ETag"]
        assert (await http.put(target, body, by=alice, If_Match=tag)).status == 204
        assert (await http.put(target, body, by=alice, If_Match=tag)).status == 412
    assert (await http.put(f"{home}missing", SOME, by=alice, If_Match="*")).status == 412


@pytest.mark.requirement("PR-71", "ATK-16", "TR-5")
async def test_a_weak_tag_never_allows_a_write(http: Visitor, home: str, alice: Person) -> None:
    tag = (await http.put(f"{home}doc", SOME, by=alice)).headers["ETag"]
    assert (await http.put(f"{home}doc", SOME, by=alice, If_Match=f"W/{tag}")).status == 412


@pytest.mark.requirement("PR-72", "N3-13")
async def test_ten_patches_at_once_all_count(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    answers = await asyncio.gather(*(http.insert(url, f"<#n{n}> <#is> {n}", by=alice) for n in range(10)))
    assert {answer.status for answer in answers} == {204}
    text = (await http.get(url, by=alice, accept="application/n-triples")).text
    assert all(f"{url}#n{n}>" in text for n in range(10))
    assert len(text.splitlines()) == 11


@pytest.mark.requirement("PR-30", "PR-68", "LDP-1")
@pytest.mark.parametrize("kind", ["DirectContainer", "IndirectContainer"])
async def test_a_kind_of_container_that_there_is_not_is_refused(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    link = f'<{LDP}{kind}>; rel="type", <{LDP}Resource>; rel="type"'
    assert (await http.post(home, "", by=alice, Link=link)).status == 409
    assert (await http.put(f"{home}box/", "", by=alice, Link=link)).status == 409
    assert (await http.put(f"{home}doc", "", by=alice, Link=link)).status == 409
    assert "contains" not in (await http.get(home, by=alice)).text


@pytest.mark.requirement("PR-72")
async def test_ten_patches_at_once_all_count_as_a_public_suite_writes_them(
    http: Visitor, home: str, alice: Person
) -> None:
    """It ends the triple twice, which N3 does not allow: an empty statement is passed over."""
    url = f"{home}doc"
    await http.put(url, " ", by=alice)

    def patch(number: int) -> str:
        triple = f"<#triple-{number}> <#added> <#successfully> ."
        return (
            "@prefix solid: <http://www.w3.org/ns/solid/terms#>.\n"
            f"<#patch> a solid:InsertDeletePatch;\n  solid:inserts {{ {triple} .}}.\n"
        )

    answers = await asyncio.gather(*(http.patch(url, patch(number), by=alice) for number in range(10)))
    assert {answer.status for answer in answers} == {204}
    text = (await http.get(url, by=alice, accept="application/n-triples")).text
    assert len(text.splitlines()) == 10
    assert all(f"{url}#triple-{number}>" in text for number in range(10))


@pytest.mark.requirement("PR-72", "ATK-16")
async def test_no_update_is_lost_between_two_clients(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}count"
    await http.put(url, "<#n> <#is> 0.", by=alice)

    async def increase() -> None:
        for _ in range(40):
            now = await http.get(url, by=alice, accept=TURTLE)
            value = int(now.text.split()[2].rstrip("."))
            body = f"<#n> <#is> {value + 1}."
            if (await http.put(url, body, by=alice, If_Match=now.headers["ETag"])).status == 204:
                return
        pytest.fail("never got through")

    await asyncio.gather(*(increase() for _ in range(5)))
    assert (await http.get(url, by=alice)).text == "<#n> <#is> 5."


@pytest.mark.requirement("PR-73", "WA-5")
async def test_a_storage_and_its_acl_cannot_be_deleted(http: Visitor, alice: Person) -> None:
    for url in (alice.pod, f"{alice.pod}.acl"):
        answer = await http.delete(url, by=alice)
        assert answer.status == 405
        assert "DELETE" not in answer.listed("Allow")
        assert (await http.get(url, by=alice)).status == 200


@pytest.mark.requirement("PR-74")
async def test_a_deleted_document_is_gone_from_its_container(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    answer = await http.delete(url, by=alice)
    assert (answer.status, answer.body) == (204, b"")
    assert (await http.get(url, by=alice)).status == 404
    assert url not in (await http.get(home, by=alice, accept="application/n-triples")).text


@pytest.mark.requirement("PR-75", "TR-16")
async def test_only_an_empty_container_can_be_deleted(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}box/doc", SOME, by=alice)
    full = await http.delete(f"{home}box/", by=alice)
    assert full.status == 409
    assert full.json["detail"]
    await http.delete(f"{home}box/doc", by=alice)
    assert (await http.delete(f"{home}box/", by=alice)).status == 204
    assert (await http.get(f"{home}box/", by=alice)).status == 404


@pytest.mark.requirement("PR-75", "CH-11")
async def test_a_clean_up_with_many_deletes_at_once_works(http: Visitor, home: str, alice: Person) -> None:
    names = [f"{home}box/{n}" for n in range(8)]
    for name in names:
        await http.put(name, SOME, by=alice)
    answers = await asyncio.gather(*(http.delete(name, by=alice) for name in names))
    assert {answer.status for answer in answers} == {204}
    assert (await http.delete(f"{home}box/", by=alice)).status == 204


@pytest.mark.requirement("PR-76")
async def test_a_successful_write_echoes_nothing(http: Visitor, home: str, alice: Person) -> None:
    first = await http.put(f"{home}doc", SOME, by=alice)
    answers = [first, await http.put(f"{home}doc", SOME, by=alice), await http.post(home, SOME, by=alice)]
    answers += [await http.insert(f"{home}doc", "<#a> <#b> <#c>", by=alice), await http.delete(f"{home}doc", by=alice)]
    assert [answer.status for answer in answers] == [201, 204, 201, 204, 204]
    assert all(answer.body == b"" for answer in answers)


@pytest.mark.requirement("WP-3", "TR-22")
async def test_the_issuer_of_a_webid_cannot_be_changed_through_the_document(http: Visitor, bob: Person) -> None:
    document = bob.webid.partition("#")[0]
    before = await http.get(document)
    thief = f"<{bob.webid}> <http://www.w3.org/ns/solid/terms#oidcIssuer> <https://thief.example/>"
    assert (await http.insert(document, thief, by=bob)).status == 409
    assert (await http.put(document, f"{before.text}\n{thief}.", by=bob)).status == 409
    assert (await http.put(document, "<#me> <#a> <#b>.", by=bob)).status == 409
    assert (await http.put(document, "text", by=bob, kind="text/plain")).status == 409
    assert (await http.delete(document, by=bob)).status == 405
    assert (await http.get(document)).body == before.body
