"""Random questions, choices, documents and moves: a grant never holds more than was asked, a view never more than was
granted, and nothing opens once it has ended."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lock import DAY, DIPLOMA, DPV, NOON, PAYSLIP, a_grant, a_request, document, shipped
from vault.config import Limits
from vault.datasluis.advice import advise, blocking, considered_request
from vault.datasluis.catalogue import DataType, is_narrower
from vault.datasluis.grants import Grant, GrantState, Usable, check_usable, expire, pause, read, resume, revoke
from vault.datasluis.provenance import Provenance, Verification, marked
from vault.datasluis.requests import Asked, Choice, RequestState, approve, plain_text
from vault.datasluis.views import view_graph
from vault.errors import Conflict, Refusal
from vault.rdf.graph import Graph, Literal, V
from vault.rdf.syntax import parse
from vault.values import TURTLE, GrantId

URL = "https://vault.example/lotte/diplomas/one"
VIEW = "https://vault.example/datasluis/view/g/diploma-1"
DOCUMENTS = {"diploma": DIPLOMA, "wage": PAYSLIP}
KEYS = {name: [one.key for one in shipped().data_types[name].fields] for name in DOCUMENTS}

moves = st.lists(st.tuples(st.sampled_from([pause, resume, revoke, expire, read]), st.integers(0, 40)), max_size=12)
diploma_fields = st.lists(st.sampled_from([*KEYS["diploma"], "*", "", "shoe-size"]), max_size=6)


@given(moves)
def test_what_has_ended_never_opens_again_whatever_is_tried(tried: list[tuple[object, int]]) -> None:
    grant, ended = a_grant(), False
    for move, days in sorted(tried, key=lambda one: one[1]):
        now = NOON + days * DAY
        ended = ended or grant.state in (GrantState.REVOKED, GrantState.EXPIRED) or now >= grant.until
        before = grant
        try:
            moved = move(grant, now)  # type: ignore[operator]
        except Conflict:
            continue
        assert isinstance(moved, Grant)
        grant = moved
        assert grant.version == before.version + 1
        assert (grant.items, grant.until, grant.data_user) == (before.items, before.until, before.data_user)
        if ended:
            assert not isinstance(check_usable(grant, now), Usable)


@given(
    required=st.lists(st.sampled_from(KEYS["diploma"]), unique=True, max_size=5),
    chosen=diploma_fields,
    days=st.floats(-5, 400, allow_nan=False),
    latest=st.integers(0, 100),
    version=st.integers(0, 3),
)
def test_an_approval_gives_no_more_than_was_asked_and_no_longer_than_is_allowed(
    required: list[str], chosen: list[str], days: float, latest: int, version: int
) -> None:
    request = a_request(asked=(Asked("diploma", tuple(required), ("notes",) if "notes" not in required else ()),))
    until = NOON + timedelta(days=days)
    try:
        approved, grant = approve(
            request,
            Choice(((document("diploma"), tuple(chosen)),), until, version),
            data_types={document("diploma"): "diploma"},
            latest=NOON + latest * DAY,
            grant_id=GrantId("g"),
            now=NOON,
        )
    except Refusal:
        return
    assert version == request.version
    assert set(grant.items[0].fields) == set(chosen) <= set(request.asked[0].fields)
    assert NOON < grant.until <= NOON + latest * DAY
    assert approved.state is RequestState.APPROVED


def _leaves(graph: Graph) -> set[str]:
    return {str(one.object) for one in graph if isinstance(one.object, Literal)}


def _reachable(graph: Graph, data_type: DataType, fields: frozenset[str]) -> set[str]:
    """Literals at the end of the granted fields' paths, found the plain way: step by step from the subject."""
    paths = [path for one in data_type.fields if one.key in fields for path in one.paths] + list(data_type.always)
    found: set[str] = set()
    for path in paths:
        nodes: set[object] = {f"<{URL}#it>"}
        for step in path:
            nodes = {
                one.object if isinstance(one.object, Literal) else str(one.object)
                for one in graph
                if one.predicate.value == step and str(one.subject) in nodes
            }
        found |= {str(node) for node in nodes if isinstance(node, Literal)}
    return found


@settings(max_examples=150, deadline=None)
@given(
    data_type=st.sampled_from(sorted(DOCUMENTS)),
    fields=st.data(),
    extra=st.lists(st.sampled_from(["title", "note", "secret", "grade"]), max_size=4),
)
def test_the_leaves_of_a_view_are_leaves_that_were_granted(
    data_type: str, fields: st.DataObject, extra: list[str]
) -> None:
    granted = frozenset(fields.draw(st.lists(st.sampled_from(KEYS[data_type]), max_size=8)))
    more = "".join(f'\n<#it> <https://example.org/{name}> "hidden {name}" .' for name in extra)
    more += "".join(f'\n<#other-{n}> <http://purl.org/dc/terms/title> "other {n}" .' for n in range(len(extra)))
    graph = parse((DOCUMENTS[data_type] + more).encode(), TURTLE, base=URL, limits=Limits())
    kind = shipped().data_types[data_type]
    view = view_graph(graph, document_url=URL, view_url=VIEW, data_type=kind, fields=granted)
    assert _leaves(view) == _reachable(graph, kind, granted)
    assert "lotte" not in str(sorted(map(str, view)))
    whole = marked(view, VIEW, Provenance(Verification.AS_DELIVERED, "School", NOON))
    assert _leaves(whole) - _leaves(view) == {'"School"'}
    assert {one.predicate for one in whole - view} == {V.verification, V.source}


@given(st.text(max_size=200), st.integers(1, 50))
def test_a_strangers_words_are_always_one_printable_line_within_the_limit(text: str, limit: int) -> None:
    shown = plain_text(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    assert plain_text(shown, limit) == shown.strip()


@given(st.lists(st.sampled_from(sorted(shipped().purposes)), max_size=3), st.sampled_from(sorted(shipped().data_types)))
def test_no_recruitment_purpose_ever_gets_a_payslip_past_the_rule(purposes: list[str], data_type: str) -> None:
    for purpose in purposes:
        fields = tuple(one.key for one in shipped().data_types[data_type].fields)
        request = a_request(purpose=purpose, asked=(Asked(data_type, fields),))
        blocked = {hit.rule.slug for hit in blocking(advise(considered_request(request, admitted=True), shipped()))}
        pay = data_type in ("wage", "employment")
        recruiting = is_narrower(shipped(), purpose, f"{DPV}PersonnelHiring")
        assert ("pay-history" in blocked) == (pay and recruiting)
