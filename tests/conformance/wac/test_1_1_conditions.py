"""Web Access Control 1.1, conditions: advertised, held against the token, and never passed over to somebody's loss."""

from __future__ import annotations

import pytest

from tests.browser import ask
from tests.elsewhere import Elsewhere, elsewhere
from tests.people import Person, Visitor, acl, rule

__all__ = ["elsewhere"]

CONDITION = "http://www.w3.org/ns/auth/acl#condition"
TYPES = {"http://www.w3.org/ns/auth/acl#ClientCondition", "http://www.w3.org/ns/auth/acl#IssuerCondition"}
FULL = "read write control"


@pytest.fixture
async def doc(http: Visitor, home: str, alice: Person) -> str:
    url = f"{home}doc"
    assert (await http.put(url, "<#it> <#is> <#here>.", by=alice)).status == 201
    return url


def readable(doc: str, alice: Person, bob: Person, condition: str) -> str:
    """An ACL by which Bob may read where the condition holds."""
    his = rule(modes="read", agent=bob.webid, to=doc).removesuffix(".")
    return acl(rule(modes=FULL, agent=alice.webid, to=doc), f"{his}; acl:condition {condition}.")


@pytest.mark.requirement("WC-1")
@pytest.mark.parametrize("place", ["", "doc"])
async def test_an_acl_says_which_conditions_count(
    http: Visitor, home: str, alice: Person, doc: str, place: str
) -> None:
    url = home + place
    await http.share(url, acl(rule(modes=FULL, agent=alice.webid, to=url, default=url)), by=alice)
    for answer in (await http.get(f"{url}.acl", by=alice), await http.head(f"{url}.acl", by=alice)):
        assert set(answer.links[CONDITION]) == TYPES
    assert CONDITION not in (await http.head(url, by=alice)).links


@pytest.mark.requirement("WC-3", "WC-4", "TR-31")
async def test_a_client_condition_is_held_against_the_client_of_the_token(
    http: Visitor, doc: str, alice: Person, bob: Person
) -> None:
    other = "[ a acl:ClientCondition; acl:client <https://other.example/id> ]"
    await http.share(doc, readable(doc, alice, bob, other), by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    everybody = "[ a acl:ClientCondition; acl:clientClass foaf:Agent ]"
    await http.share(doc, readable(doc, alice, bob, everybody), by=alice)
    assert (await http.get(doc, by=bob)).status == 200


APP, OTHER = "https://app.example/id", "https://other.example/id"


@pytest.mark.requirement("WC-3", "WC-4", "TR-31")
async def test_the_client_named_in_the_condition_and_no_other_acts_for_the_agent(
    http: Visitor, home: str, doc: str, alice: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    dora = elsewhere.webid("dora")
    vcard = "http://www.w3.org/2006/vcard/ns#"
    group = f"<#apps> a <{vcard}Group>; <{vcard}hasMember> <{APP}>, <https://third.example/id>."
    assert (await http.put(f"{home}apps", group, by=alice)).status == 201
    tokens = {
        "app": elsewhere.holder(dora, azp=APP),
        "app, by its other name": elsewhere.holder(dora, azp=None, client_id=APP),
        "other": elsewhere.holder(dora, azp=OTHER),
        "none": elsewhere.holder(dora, azp=None),
    }
    table = {
        f"[ a acl:ClientCondition; acl:client <{APP}> ]": (200, 200, 403, 403),
        f"[ a acl:ClientCondition; acl:client <{APP}>, <{OTHER}> ]": (200, 200, 200, 403),
        f"[ a acl:ClientCondition; acl:client <{elsewhere.issuer}> ]": (403, 403, 403, 403),
        f"[ a acl:ClientCondition; acl:client <{dora}> ]": (403, 403, 403, 403),
        f"[ a acl:ClientCondition; acl:clientGroup <{home}apps#apps> ]": (200, 200, 403, 403),
        f"[ a acl:ClientCondition; acl:clientGroup <{home}apps#none> ]": (403, 403, 403, 403),
        "[ a acl:ClientCondition ]": (403, 403, 403, 403),
        "[ a acl:ClientCondition; acl:clientClass foaf:Agent ]": (200, 200, 200, 200),
        f"[ acl:client <{APP}> ]": (200, 200, 403, 403),  # a condition that forgets to say its type counts all the same
    }
    for condition, statuses in table.items():
        his = rule(modes="read", agent=dora, to=doc).removesuffix(".")
        mine = rule(modes=FULL, agent=alice.webid, to=doc)
        await http.share(doc, acl(mine, f"{his}; acl:condition {condition}."), by=alice)
        seen = [(await ask(http, holder, doc)).status for holder in tokens.values()]
        assert tuple(seen) == statuses, condition


@pytest.mark.requirement("WC-3", "WC-5", "TR-31")
async def test_the_issuer_may_be_one_of_a_group(
    http: Visitor, home: str, doc: str, alice: Person, bob: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    dora = elsewhere.holder(elsewhere.webid("dora"))
    vcard = "http://www.w3.org/2006/vcard/ns#"
    assert (await http.put(f"{home}g", f"<#it> <{vcard}hasMember> <{elsewhere.issuer}>.", by=alice)).status == 201
    condition = f"[ a acl:IssuerCondition; acl:issuerGroup <{home}g#it> ]"
    anybody = rule(modes="read", agent_class="authenticated", to=doc).removesuffix(".")
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    await http.share(doc, acl(mine, f"{anybody}; acl:condition {condition}."), by=alice)
    assert (await ask(http, dora, doc)).status == 200
    assert (await http.get(doc, by=bob)).status == 403
    every = "[ a acl:IssuerCondition; acl:issuerClass foaf:Agent ]"
    await http.share(doc, acl(mine, f"{anybody}; acl:condition {every}."), by=alice)
    assert [(await ask(http, dora, doc)).status, (await http.get(doc, by=bob)).status] == [200, 200]


@pytest.mark.requirement("WC-3", "WC-5", "TR-31")
async def test_an_issuer_condition_is_held_against_the_issuer_of_the_token(
    http: Visitor, doc: str, alice: Person, bob: Person
) -> None:
    ours = f"[ a acl:IssuerCondition; acl:issuer <{http.base_url}> ]"
    await http.share(doc, readable(doc, alice, bob, ours), by=alice)
    assert (await http.get(doc, by=bob)).status == 200
    theirs = "[ a acl:IssuerCondition; acl:issuer <https://other.example/> ]"
    await http.share(doc, readable(doc, alice, bob, theirs), by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    await http.share(doc, readable(doc, alice, bob, f"{ours}, {theirs}"), by=alice)
    assert (await http.get(doc, by=bob)).status == 403


@pytest.mark.requirement("WC-3", "TR-31")
async def test_a_condition_on_everybody_leaves_strangers_out(
    http: Visitor, doc: str, alice: Person, bob: Person
) -> None:
    ours = f"[ a acl:IssuerCondition; acl:issuer <{http.base_url}> ]"
    public = rule(modes="read", agent_class="public", to=doc).removesuffix(".")
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    await http.share(doc, acl(mine, f"{public}; acl:condition {ours}."), by=alice)
    assert (await http.get(doc)).status == 401
    answer = await http.get(doc, by=bob)
    assert answer.status == 200
    assert answer.modes == {"user": {"read"}, "public": set()}


@pytest.mark.requirement("WC-2", "WA-11")
async def test_a_condition_of_another_kind_is_skipped(http: Visitor, doc: str, alice: Person, bob: Person) -> None:
    weekday = "[ a <https://x.example/Weekday>; <https://x.example/day> 2 ]"
    await http.share(doc, readable(doc, alice, bob, weekday), by=alice)
    assert (await http.get(doc, by=bob)).status == 200
    both = f"{weekday}, [ a acl:IssuerCondition; acl:issuer <https://other.example/> ]"
    await http.share(doc, readable(doc, alice, bob, both), by=alice)
    assert (await http.get(doc, by=bob)).status == 403


@pytest.mark.requirement("WC-3", "WA-7")
async def test_conditions_are_inherited_with_their_authorization(
    http: Visitor, home: str, doc: str, alice: Person, bob: Person
) -> None:
    for issuer, status in ((http.base_url, 200), ("https://other.example/", 403)):
        his = rule(modes="read", agent=bob.webid, default=home).removesuffix(".")
        text = f"{his}; acl:condition [ a acl:IssuerCondition; acl:issuer <{issuer}> ]."
        await http.share(home, acl(rule(modes=FULL, agent=alice.webid, to=home, default=home), text), by=alice)
        assert (await http.get(doc, by=bob)).status == status
