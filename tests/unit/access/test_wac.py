"""An ACL says who may do what; what it does not say clearly gives nothing."""

from __future__ import annotations

import itertools

import pytest

from vault.access.modes import NO_MODES, AccessMode, Modes
from vault.access.wac import (
    CLIENT_CONDITION,
    CONDITION_TYPES,
    ISSUER_CONDITION,
    Authorization,
    Origin,
    gives_control,
    groups_to_ask,
    modes_held,
    origin_of,
    parse_acl,
    wac_allow,
    why_not,
)
from vault.config import Limits
from vault.rdf.syntax import parse
from vault.values import ANONYMOUS, TURTLE, Agent, Caller, ClientId, WebId, normalise_url

R, A, W, C = AccessMode.READ, AccessMode.APPEND, AccessMode.WRITE, AccessMode.CONTROL
POD = "https://vault.example/alice/"
DOC, FOLDER = f"{POD}c/doc", f"{POD}c/"
ISSUER = "https://vault.example/"
BOB = Agent(WebId("https://vault.example/bob/profile/card#me"), ClientId("https://app.example/id"), ISSUER)
CAROL = Agent(WebId("https://carol.example/#me"), None, "https://carol.example/")
GROUP = f"{POD}groups#friends"

HEAD = f"""
    @prefix acl: <http://www.w3.org/ns/auth/acl#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>.
    @prefix bob: <{BOB.webid}>. @prefix x: <https://x.example/>.
"""
BOB_READS = f"a acl:Authorization; acl:agent <{BOB.webid}>; acl:mode acl:Read; acl:accessTo <doc>"


def rules(text: str, acl: str = f"{DOC}.acl") -> tuple[Authorization, ...]:
    return parse_acl(parse((HEAD + text).encode(), TURTLE, base=acl, limits=Limits()), acl)


def held(
    text: str,
    caller: Caller = BOB,
    *,
    target: str = DOC,
    inherited_from: str | None = None,
    groups: dict[str, frozenset[WebId]] | None = None,
    origin: Origin | None = None,
) -> Modes:
    return modes_held(
        rules(text), caller, target=target, inherited_from=inherited_from, groups=groups or {}, origin=origin
    )


@pytest.mark.requirement("WA-8")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "<#a> acl:agent bob:; acl:mode acl:Read; acl:accessTo <doc>.",
        "<#a> a acl:Authorization; acl:mode acl:Read; acl:accessTo <doc>.",
        "<#a> a acl:Authorization; acl:agent bob:; acl:accessTo <doc>.",
        "<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read.",
        "<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read; acl:accessTo <other>.",
        "<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read; acl:default <doc>.",
        "<#a> a acl:Authorization; acl:origin <https://app.example>; acl:mode acl:Read; acl:accessTo <doc>.",
        f'<#a> a acl:Authorization; acl:agent "{BOB.webid}"; acl:mode acl:Read; acl:accessTo <doc>.',
        f'<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read; acl:accessTo "{DOC}".',
        "<#a> a acl:Authorization; acl:agent bob:; acl:mode <Read>; acl:accessTo <doc>.",
        "<#a> a foaf:Authorization; acl:agent bob:; acl:mode acl:Read; acl:accessTo <doc>.",
    ],
)
def test_a_rule_that_lacks_something_gives_nothing(text: str) -> None:
    assert held(text) == NO_MODES


@pytest.mark.requirement("WA-8")
@pytest.mark.parametrize("subject", ["<#a>", "[]", "_:b", "<https://elsewhere.example/rule>", "<>"])
def test_a_rule_may_have_any_subject(subject: str) -> None:
    line = f"{subject} {BOB_READS}."
    assert held(line) == {R}
    assert held(line, CAROL) == NO_MODES
    assert held(line, ANONYMOUS) == NO_MODES


def test_rules_of_several_subjects_add_up() -> None:
    text = f"<#a> {BOB_READS}. [] a acl:Authorization; acl:agent bob:; acl:mode acl:Append; acl:accessTo <doc>."
    assert held(text) == {R, A}


@pytest.mark.requirement("WA-9")
def test_an_agent_is_named_byte_for_byte() -> None:
    for other in ("https://vault.example/bob/profile/card", "https://VAULT.example/bob/profile/card#me", "urn:bob"):
        text = f"<#a> a acl:Authorization; acl:agent <{other}>; acl:mode acl:Read; acl:accessTo <doc>."
        assert held(text) == NO_MODES


@pytest.mark.requirement("WA-9")
@pytest.mark.parametrize(
    ("agent_class", "bob", "stranger"),
    [("foaf:Agent", True, True), ("acl:AuthenticatedAgent", True, False), ("foaf:AuthenticatedAgent", False, False)]
    + [("acl:Agent", False, False), ("foaf:Person", False, False)],
)
def test_a_class_names_everybody_or_everybody_authenticated(agent_class: str, bob: bool, stranger: bool) -> None:
    text = f"<#a> a acl:Authorization; acl:agentClass {agent_class}; acl:mode acl:Read; acl:accessTo <doc>."
    assert held(text) == ({R} if bob else NO_MODES)
    assert held(text, ANONYMOUS) == ({R} if stranger else NO_MODES)


@pytest.mark.requirement("WA-9")
def test_a_group_gives_to_its_members_alone_and_nothing_when_it_is_unknown() -> None:
    text = f"<#a> a acl:Authorization; acl:agentGroup <{GROUP}>; acl:mode acl:Read; acl:accessTo <doc>."
    members = {GROUP: frozenset({BOB.webid})}
    assert held(text, groups=members) == {R}
    assert held(text, CAROL, groups=members) == NO_MODES
    assert held(text, ANONYMOUS, groups=members) == NO_MODES
    assert held(text, groups={GROUP: frozenset()}) == NO_MODES
    assert held(text) == NO_MODES


@pytest.mark.requirement("WA-9")
def test_a_group_is_asked_only_when_it_could_add_something() -> None:
    text = f"""<#a> {BOB_READS}.
        <#b> a acl:Authorization; acl:agentGroup <{GROUP}>; acl:mode acl:Read; acl:accessTo <doc>.
        <#c> a acl:Authorization; acl:agentGroup <{POD}g2#it>; acl:mode acl:Write; acl:accessTo <other>."""

    def wanted(caller: Caller, modes: Modes) -> frozenset[str]:
        return groups_to_ask(rules(text), caller, target=DOC, inherited_from=None, held=modes)

    assert wanted(CAROL, NO_MODES) == {GROUP}
    assert wanted(BOB, frozenset({R})) == frozenset()
    assert wanted(ANONYMOUS, NO_MODES) == frozenset()


@pytest.mark.requirement("WA-7")
@pytest.mark.requirement("TR-14")
def test_access_to_counts_in_the_own_acl_and_default_in_an_inherited_one() -> None:
    text = f"""<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read; acl:accessTo <{FOLDER}>.
               <#b> a acl:Authorization; acl:agent bob:; acl:mode acl:Append; acl:default <{FOLDER}>."""
    assert held(text, target=FOLDER) == {R}
    assert held(text, target=DOC, inherited_from=FOLDER) == {A}
    assert held(text, target=DOC, inherited_from=POD) == NO_MODES
    # A container's ACL that names a child gives nothing on it, nor does a default for the resource itself.
    child = f"<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read; acl:accessTo <{DOC}>; acl:default <{DOC}>."
    assert held(child, target=DOC, inherited_from=FOLDER) == NO_MODES
    assert held(child, target=DOC) == {R}


@pytest.mark.requirement("WA-11")
def test_unknown_modes_and_properties_are_skipped_and_never_widen() -> None:
    text = f"<#a> {BOB_READS}; acl:mode acl:Delete, x:Write; acl:public true; acl:condition [ a x:Weekday ]."
    assert held(text) == {R}
    only = "<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Everything; acl:accessTo <doc>."
    assert rules(only) == ()


@pytest.mark.requirement("PR-15")
@pytest.mark.parametrize("written", ["a%c3%a9%7e", "aé~", "a%C3%A9~", "HTTPS://VAULT.example:443/alice/c/a%C3%A9~"])
def test_an_acl_may_write_its_target_in_any_form(written: str) -> None:
    text = f"<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read; acl:accessTo <{written}>."
    assert held(text, target=normalise_url(f"{FOLDER}a%C3%A9~")) == {R}
    assert held(text, target=normalise_url(f"{FOLDER}ae~")) == NO_MODES


@pytest.mark.requirement("WA-16")
@pytest.mark.requirement("D5")
def test_origins_are_trusted_unless_strict_mode_is_on() -> None:
    text = f"<#a> {BOB_READS}; acl:origin <https://app.example>."
    free = f"<#a> {BOB_READS}."
    assert held(text) == {R}
    assert held(text, origin=Origin("https://app.example")) == {R}
    assert held(text, origin=origin_of(None, strict=True)) == {R}
    assert held(text, origin=Origin("https://app.example/")) == NO_MODES
    assert held(text, origin=Origin("https://rogue.example")) == NO_MODES
    assert held(free, origin=Origin("https://rogue.example")) == {R}


def test_an_origin_never_makes_up_for_the_agent() -> None:
    text = f"<#a> {BOB_READS}; acl:origin <https://app.example>."
    assert held(text, CAROL, origin=Origin("https://app.example")) == NO_MODES


# condition                                                            BOB    CAROL  anonymous
CONDITIONS = [
    ("[ a acl:ClientCondition; acl:client <https://app.example/id> ]",      True,  False, False),
    ("[ a acl:ClientCondition; acl:client <https://other.example/> ]",      False, False, False),
    ("[ a acl:ClientCondition; acl:clientClass foaf:Agent ]",               True,  True,  True),
    ("[ a acl:ClientCondition; acl:clientClass acl:AuthenticatedAgent ]",   False, False, False),
    (f"[ a acl:ClientCondition; acl:clientGroup <{GROUP}> ]",               True,  False, False),
    ("[ a acl:ClientCondition ]",                                           False, False, False),
    ('[ a acl:ClientCondition; acl:client "https://app.example/id" ]',      False, False, False),
    ("[ a acl:IssuerCondition; acl:issuer <https://vault.example/> ]",      True,  False, False),
    ("[ a acl:IssuerCondition; acl:issuer <https://vault.example> ]",       False, False, False),
    ("[ a acl:IssuerCondition; acl:issuerClass foaf:Agent ]",               True,  True,  True),
    ("[ a acl:IssuerCondition; acl:issuer <https://carol.example/> ]",      False, True,  False),
    ("[ a acl:IssuerCondition; acl:client <https://app.example/id> ]",      False, False, False),
    ("[ acl:client <https://other.example/> ]",                             False, False, False),
    ("[ a acl:ClientCondition, acl:IssuerCondition; acl:client <https://app.example/id> ]", False, False, False),
    ("[ a x:Weekday ]",                                                     True,  True,  True),
    ('"Tuesday"',                                                           True,  True,  True),
]  # fmt: skip


@pytest.mark.requirement("WC-3")
@pytest.mark.requirement("WC-4")
@pytest.mark.requirement("WC-5")
@pytest.mark.requirement("TR-31")
@pytest.mark.parametrize(("condition", "bob", "carol", "stranger"), CONDITIONS)
def test_a_rule_gives_only_where_its_conditions_hold(condition: str, bob: bool, carol: bool, stranger: bool) -> None:
    text = f"""<#a> a acl:Authorization; acl:agentClass foaf:Agent; acl:mode acl:Read; acl:accessTo <doc>;
                 acl:condition {condition}."""
    groups = {GROUP: frozenset({WebId("https://app.example/id")})}
    for caller, expected in ((BOB, bob), (CAROL, carol), (ANONYMOUS, stranger)):
        assert held(text, caller, groups=groups) == ({R} if expected else NO_MODES)


@pytest.mark.requirement("WC-3")
def test_all_conditions_must_hold() -> None:
    client = "[ a acl:ClientCondition; acl:client <https://app.example/id> ]"
    issuer = "[ a acl:IssuerCondition; acl:issuer <https://rogue.example/> ]"
    assert held(f"<#a> {BOB_READS}; acl:condition {client}.") == {R}
    assert held(f"<#a> {BOB_READS}; acl:condition {client}, {issuer}.") == NO_MODES


@pytest.mark.requirement("WC-1")
def test_both_condition_types_are_advertised() -> None:
    assert set(CONDITION_TYPES) == {CLIENT_CONDITION, ISSUER_CONDITION}


@pytest.mark.requirement("WA-12")
def test_nothing_matches_nothing_is_held() -> None:
    assert modes_held((), BOB, target=DOC, inherited_from=None) == NO_MODES


@pytest.mark.requirement("WA-5")
def test_control_for_somebody_is_seen_in_the_own_acl_alone() -> None:
    text = "<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Control; acl:{} <doc>."
    assert gives_control(rules(text.format("accessTo")), DOC)
    assert not gives_control(rules(text.format("default")), DOC)
    assert not gives_control(rules(text.format("accessTo")), FOLDER)
    assert not gives_control(rules(f"<#a> {BOB_READS}; acl:mode acl:Write."), DOC)


@pytest.mark.requirement("WA-15")
@pytest.mark.parametrize(
    ("user", "public", "value"),
    [
        ({R, W}, {R}, 'user="append read write",public="read"'),
        (set(), set(), 'user="",public=""'),
        ({A}, set(), 'user="append",public=""'),
        ({W}, set(), 'user="append write",public=""'),
        ({C}, {R}, 'user="control read",public="read"'),
        ({R, A, W, C}, {W}, 'user="append control read write",public="append write"'),
    ],
)
def test_wac_allow_is_spelled_as_clients_split_it(user: set[AccessMode], public: set[AccessMode], value: str) -> None:
    assert wac_allow(frozenset(user), frozenset(public)) == value


@pytest.mark.requirement("WA-10")
@pytest.mark.requirement("WA-15")
def test_wac_allow_of_every_pair_has_user_above_public_and_append_with_write() -> None:
    sets = [frozenset(some) for n in range(5) for some in itertools.combinations(AccessMode, n)]
    for user, public in itertools.product(sets, sets):
        shown = dict(part.split("=") for part in wac_allow(user, public).split(","))
        names = {group: set(text.strip('"').split()) for group, text in shown.items()}
        assert names["user"] >= names["public"]
        for group, modes in (("user", user | public), ("public", public)):
            assert names[group] == set(modes) | ({A} if W in modes else set())


def test_every_no_has_its_reason() -> None:
    def reason(text: str, caller: Caller = BOB, origin: Origin | None = None) -> str | None:
        (rule,) = rules(text)
        return why_not(rule, caller, target=DOC, inherited_from=None, origin=origin)

    assert reason(f"<#a> {BOB_READS}.") is None
    assert "accessTo" in str(reason("<#a> a acl:Authorization; acl:agent bob:; acl:mode acl:Read; acl:default <doc>."))
    assert "name the caller" in str(reason(f"<#a> {BOB_READS}.", CAROL))
    condition = "[ a acl:ClientCondition; acl:client <https://other.example/> ]"
    assert "client condition" in str(reason(f"<#a> {BOB_READS}; acl:condition {condition}."))
    origin = Origin("https://rogue.example")
    assert "origin" in str(reason(f"<#a> {BOB_READS}; acl:origin <https://app.example>.", origin=origin))
