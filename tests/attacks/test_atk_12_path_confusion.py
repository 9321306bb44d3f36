"""ATK-12: whatever a URL looks like, it means one resource for the ACL and for the store, or it is refused."""

from __future__ import annotations

import itertools

import pytest

from tests.people import Person, Visitor, acl, rule

SECRET = "<#secret> <#is> <#here>."
UNITS = (
    ".. . %2e%2e %2E. .%2e %2f %5c \\ ..%2f %2e%2e%2f ..; %252e%252e %c0%ae%c0%ae %00 ; %EF%BC%8E%EF%BC%8E %2e%2e%5c"
)
TAILS = (
    "private/doc private/doc/ private//doc private/./doc private/doc. private/doc%20 PRIVATE/doc private/doc%00"
    " private/doc;x private%2fdoc private%2Fdoc private%5cdoc private/%64oc %70rivate/doc"
)
ODD = (
    "open/../private/doc open/..%2Fprivate/doc ./private/doc open/%2e%2e/private/doc //private/doc open//private/doc"
    " private/doc?x=/open/ private/doc? private/doc%3Fopen private/doc%23 private/caf%C3%A9 private/cafe%CC%81"
    " private/doc%0d%0aX:%20y private/%ed%a0%80 private/%ff private/%c1%a4oc open/%u002e/doc private/%F0%9F%92%A9"
)
URLS = [f"open/{unit}/{tail}" for unit, tail in itertools.product(UNITS.split(), TAILS.split())]
URLS += [*TAILS.split(), *ODD.split()]


@pytest.fixture
async def place(http: Visitor, home: str, alice: Person, bob: Person) -> str:
    """`open/` is Bob's to read and write; `private/doc` is not."""
    await http.put(f"{home}private/doc", SECRET, by=alice)
    await http.put(f"{home}open/doc", "<#a> <#b> <#c>.", by=alice)
    url = f"{home}open/"
    rules = acl(
        rule(modes="read write control", agent=alice.webid, to=url, default=url),
        rule(modes="read write append", agent=bob.webid, to=url, default=url),
    )
    await http.share(url, rules, by=alice)
    return home


@pytest.mark.requirement("ATK-12", "PR-15")
async def test_three_hundred_odd_urls_lead_nowhere_they_should_not(
    http: Visitor, place: str, alice: Person, bob: Person
) -> None:
    assert len(URLS) > 240
    odd: list[tuple[str, int]] = []
    for tail in URLS:
        read = await http.get(place + tail, by=bob)
        written = await http.put(place + tail, "<#stolen> <#is> <#mine>.", by=bob)
        if b"secret" in read.body or read.status >= 500 or written.status >= 500:
            odd.append((tail, read.status))
    assert odd == []
    assert (await http.get(f"{place}private/doc", by=alice)).text == SECRET


@pytest.mark.requirement("ATK-12", "PR-15")
async def test_what_was_written_under_an_odd_name_is_found_under_it_and_nowhere_else(
    http: Visitor, place: str, alice: Person
) -> None:
    members_before = await _members(http, place, alice)
    for number, tail in enumerate(TAILS.split()[4:]):
        url = f"{place}open/{tail.replace('private', 'p' + str(number))}"
        body = f"<#n> <#is> {number}."
        answer = await http.put(url, body, by=alice)
        if answer.status == 201:
            assert (await http.get(url, by=alice)).text in (body, "") or url.endswith("/")
            assert answer.location.startswith(f"{place}open/")
            assert (await http.get(answer.location, by=alice)).status == 200
        else:
            assert answer.status in (400, 403, 404, 409)
    assert await _members(http, place, alice) == members_before != []


async def _members(http: Visitor, container: str, alice: Person) -> list[str]:
    """What the container holds; its members' own dates may move meanwhile."""
    listing = await http.get(container, by=alice, accept="application/n-triples")
    return [line for line in listing.text.splitlines() if "ldp#contains" in line]


@pytest.mark.requirement("ATK-12")
@pytest.mark.parametrize("name", ["caf%C3%A9", "cafe%CC%81"])
async def test_composed_and_decomposed_letters_are_two_names(
    http: Visitor, home: str, alice: Person, name: str
) -> None:
    other = {"caf%C3%A9": "cafe%CC%81", "cafe%CC%81": "caf%C3%A9"}[name]
    assert (await http.put(home + name, SECRET, by=alice)).status == 201
    assert (await http.get(home + other, by=alice)).status == 404
