"""N3 Patch and the SPARQL Update subset: how patches are read, and what they do to a graph."""

from __future__ import annotations

import pytest

from vault.config import Limits
from vault.errors import Conflict, Malformed, Refusal, TooLarge, Unprocessable, UnsupportedMedia
from vault.rdf.graph import Blank, Graph, Iri, Literal
from vault.rdf.patch import GraphEdit, apply_edit, parse_patch
from vault.rdf.syntax import parse
from vault.values import N3_PATCH, SPARQL_UPDATE, TURTLE, MediaType

BASE = "https://pod.example/alice/doc"
LIMITS = Limits()
PREFIXES = "@prefix solid: <http://www.w3.org/ns/solid/terms#> . @prefix ex: <https://example.org/> .\n"


def n3(body: str, limits: Limits = LIMITS) -> GraphEdit:
    return parse_patch((PREFIXES + body).encode(), N3_PATCH, base=BASE, limits=limits)


def patch(*, where: str = "", deletes: str = "", inserts: str = "") -> GraphEdit:
    parts = {"where": where, "deletes": deletes, "inserts": inserts}
    said = "".join(f"; solid:{name} {{ {text} }}" for name, text in parts.items() if text)
    return n3(f"<> a solid:InsertDeletePatch{said} .")


def sparql(text: str, limits: Limits = LIMITS) -> GraphEdit:
    return parse_patch(text.encode(), SPARQL_UPDATE, base=BASE, limits=limits)


def graph(turtle: str) -> Graph:
    text = f"@prefix ex: <https://example.org/> . {turtle}"
    return parse(text.encode(), TURTLE, base=BASE, limits=LIMITS)


def after(before: str, edit: GraphEdit, limits: Limits = LIMITS) -> Graph:
    return apply_edit(graph(before), edit, limits=limits)


def refused(body: str, media_type: MediaType = N3_PATCH) -> Refusal:
    with pytest.raises(Refusal) as caught:
        n3(body) if media_type == N3_PATCH else sparql(body)
    return caught.value


PEOPLE = '<#a> ex:family "Garcia" ; ex:given "Claudia" . <#b> ex:family "Peeters" ; ex:given "Jan" .'


# ---- N3 Patch: reading


@pytest.mark.requirement("N3-10", "N3-13", "TR-27")
def test_the_example_of_the_specification() -> None:
    edit = n3("""_:rename a solid:InsertDeletePatch;
      solid:where   { ?person ex:family "Garcia" . };   # prefixes from outside apply inside
      solid:inserts { ?person ex:given "Alex" . };
      solid:deletes { ?person ex:given "Claudia" . } .""")
    assert (edit.has_where, edit.has_deletes, edit.has_inserts, edit.lenient) == (True, True, True, False)
    assert after(PEOPLE, edit) == graph(PEOPLE.replace("Claudia", "Alex"))


@pytest.mark.requirement("N3-14")
@pytest.mark.parametrize("part", ["where", "deletes", "inserts"])
def test_a_patch_tells_which_modes_it_needs(part: str) -> None:
    edit = n3(f"<> a solid:InsertDeletePatch ; solid:{part} {{ <a> <b> <c> }} .")
    asked = {"where": edit.has_where, "deletes": edit.has_deletes, "inserts": edit.has_inserts}
    assert [name for name, has in asked.items() if has] == [part]


@pytest.mark.requirement("N3-5", "N3-19", "TR-27")
@pytest.mark.parametrize("body", ["", "; solid:inserts {}", "; solid:where {}; solid:deletes {}; solid:inserts {}"])
def test_an_empty_patch_is_a_patch(body: str) -> None:
    edit = n3(f"<> a solid:InsertDeletePatch{body} .")
    assert (edit.has_where, edit.has_deletes, edit.has_inserts) == (False, False, False)
    assert after(PEOPLE, edit) == graph(PEOPLE)


@pytest.mark.requirement("N3-2")
@pytest.mark.parametrize(
    "body",
    [
        "garbage",
        "<> a solid:InsertDeletePatch; solid:inserts { <a> <b> .",
        "<> a solid:InsertDeletePatch; solid:inserts { <a> <b> 'unclosed }.",
        "<> a solid:InsertDeletePatch; solid:inserts { <a> <b> <c d> }.",
        "<> a solid:InsertDeletePatch; solid:inserts { <a> unknown:b <c> }.",
        "@forAll :x . <> a solid:InsertDeletePatch .",
    ],
)
def test_what_is_not_n3_is_malformed(body: str) -> None:
    assert isinstance(refused(body), Malformed)


def test_what_is_not_utf_8_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_patch(b"\xff", N3_PATCH, base=BASE, limits=LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<> <p> <o> .", marks=pytest.mark.requirement("N3-3"), id="no patch"),
        pytest.param("<a> a solid:InsertDeletePatch . <b> a solid:InsertDeletePatch .",
                     marks=pytest.mark.requirement("N3-3"), id="two patches"),
        pytest.param("<> a solid:Patch ; solid:inserts { <a> <b> <c> } .",
                     marks=pytest.mark.requirement("N3-4"), id="solid:Patch is not enough"),
        pytest.param("<> solid:inserts { <a> <b> <c> } .", marks=pytest.mark.requirement("N3-4"), id="no type"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { <a> <b> <c> }, { <a> <b> <d> } .",
                     marks=pytest.mark.requirement("N3-5"), id="two inserts"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:where { <a> <b> { <c> <d> <e> } } .",
                     marks=pytest.mark.requirement("N3-6"), id="nested formula"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts <a> .",
                     marks=pytest.mark.requirement("N3-6"), id="no formula"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts [] .",
                     marks=pytest.mark.requirement("N3-6"), id="node for formula"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { <a> <b> <c> } ; ex:note { <d> <e> <f> } .",
                     marks=pytest.mark.requirement("N3-6"), id="another formula"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { <a> <b>!<c> <d> } .",
                     marks=pytest.mark.requirement("N3-6"), id="path"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { <a> => <c> } .",
                     marks=pytest.mark.requirement("N3-6"), id="rule"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { <a> = <c> } .",
                     marks=pytest.mark.requirement("N3-6"), id="equality"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { <a> is <b> of <c> } .",
                     marks=pytest.mark.requirement("N3-6"), id="turned around"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { 'a' <b> <c> } .",
                     marks=pytest.mark.requirement("N3-6"), id="literal as subject"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:inserts { <a> <b> ?c } .",
                     marks=pytest.mark.requirement("N3-7"), id="variable only in inserts"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:where { ?a <b> <c> } ; solid:deletes { ?a <b> ?d } .",
                     marks=pytest.mark.requirement("N3-7"), id="variable only in deletes"),
        pytest.param("?x a solid:InsertDeletePatch ; solid:where { ?x <b> <c> } .",
                     marks=pytest.mark.requirement("N3-7"), id="variable outside"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:where { ?x <b> <c> } ; solid:inserts { <a> <b> 'x'^^?x } .",
                     marks=pytest.mark.requirement("N3-7"), id="variable as datatype"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:deletes { <a> <b> [] } .",
                     marks=pytest.mark.requirement("N3-8"), id="blank node in deletes"),
        pytest.param("<> a solid:InsertDeletePatch ; solid:where { <a> <b> _:x } ; solid:inserts { <a> <c> _:x } .",
                     marks=pytest.mark.requirement("N3-9"), id="label in where and inserts"),
        pytest.param("_:x a solid:InsertDeletePatch ; solid:inserts { <a> <c> _:x } .",
                     marks=pytest.mark.requirement("N3-9"), id="label in inserts and outside"),
        pytest.param("_:x a solid:InsertDeletePatch ; solid:where { <a> <c> _:x } .",
                     marks=pytest.mark.requirement("N3-9"), id="label in where and outside"),
    ],
)  # fmt: skip
def test_a_document_of_another_shape_is_unprocessable(body: str) -> None:
    caught = refused(body)
    assert isinstance(caught, Unprocessable)
    assert caught.reason == "patch-shape"


def test_nobody_can_smuggle_in_our_own_iris() -> None:
    assert refused("<> a solid:InsertDeletePatch ; solid:inserts { <a> <b> <urn:x-n3var:v> } .").reason == "patch-shape"
    assert refused("INSERT DATA { <urn:x-patch:0> <b> <c> }", SPARQL_UPDATE).reason == "patch-shape"
    for escaped in ("<urn:x-n3v\\u0061r:v>", "<urn:x-n3v\\U00000061r:v>"):
        text = f"<> a solid:InsertDeletePatch ; solid:inserts {{ <a> <b> {escaped} }} ."
        assert refused(text).reason == "patch-shape"


@pytest.mark.requirement("N3-8", "LIM-12")
def test_marks_inside_strings_iris_names_and_comments_are_no_structure() -> None:
    text = '"?x # {" , \'\'\'?y " } \'\'\' , """z\\"?w""" , <https://e.example/?q=?x#f> , ex:a\\?b } . # ?z {'
    edit = n3(f"<> a solid:InsertDeletePatch ; solid:inserts {{ <a> <b> {text}")
    found = {slot.value for _, _, slot in edit.inserts if isinstance(slot, Iri | Literal)}
    assert found == {"?x # {", '?y " } ', 'z"?w', "https://e.example/?q=?x#f", "https://example.org/a?b"}


@pytest.mark.requirement("PR-72")
@pytest.mark.parametrize("dots", [". .", ". # so it ends\n .", "..", " . . . "])
def test_several_dots_in_a_row_are_one(dots: str) -> None:
    edit = n3(f"<> a solid:InsertDeletePatch ; solid:inserts {{ <a> <b> <c> {dots} <d> <e> 1.5 {dots} }} {dots}")
    assert len(edit.inserts) == 2


@pytest.mark.requirement("LIM-02")
def test_a_patch_above_its_limit_is_too_large() -> None:
    with pytest.raises(TooLarge):
        n3("<> a solid:InsertDeletePatch .", Limits(patch_bytes=50))


@pytest.mark.requirement("PR-70")
def test_other_types_are_no_patches() -> None:
    with pytest.raises(UnsupportedMedia) as caught:
        parse_patch(b"", TURTLE, base=BASE, limits=LIMITS)
    assert caught.value.accepted == ("text/n3", "application/sparql-update")


# ---- N3 Patch: applying


@pytest.mark.requirement("N3-10")
def test_a_patch_makes_a_graph_from_nothing() -> None:
    assert apply_edit(Graph(), patch(inserts="<> <b> 1"), limits=LIMITS) == graph("<> <b> 1 .")


@pytest.mark.requirement("N3-11")
def test_conditions_must_match() -> None:
    with pytest.raises(Conflict) as caught:
        after(PEOPLE, patch(where='?p ex:family "Nobody"', inserts="?p ex:seen true"))
    assert caught.value.reason == "patch-no-match"
    with pytest.raises(Conflict):
        after("", patch(where="<a> <b> <c>", inserts="<a> <b> <d>"))


@pytest.mark.requirement("N3-11")
def test_conditions_must_match_once() -> None:
    with pytest.raises(Conflict) as caught:
        after(PEOPLE, patch(where="?p ex:family ?f", inserts="?p ex:seen true"))
    assert caught.value.reason == "patch-many-matches"


@pytest.mark.requirement("N3-11")
def test_blank_nodes_in_conditions_stand_for_anything_and_are_not_counted() -> None:
    edit = patch(where="?p ex:family _:anything", inserts="?p ex:seen true")
    assert len(after('<#a> ex:family "Garcia", "Lopez" .', edit)) == 3
    with pytest.raises(Conflict):
        after(PEOPLE, edit)


@pytest.mark.requirement("N3-11")
def test_conditions_are_joined() -> None:
    edit = patch(where='?p ex:family "Garcia" ; ex:given ?g . ?q ex:likes ?g', deletes="?q ex:likes ?g")
    data = PEOPLE + ' <#c> ex:likes "Claudia", "Jan" . <#d> ex:likes "Jan" .'
    assert after(data, edit) == graph(PEOPLE + ' <#c> ex:likes "Jan" . <#d> ex:likes "Jan" .')


def test_one_variable_means_one_thing_within_a_pattern() -> None:
    edit = patch(where="?x ex:is ?x", inserts="?x ex:seen true")
    assert len(after("<a> ex:is <b> . <c> ex:is <c> .", edit)) == 3


@pytest.mark.requirement("N3-12")
def test_what_is_deleted_must_be_there_or_nothing_changes() -> None:
    before = graph(PEOPLE)
    with pytest.raises(Conflict) as caught:
        apply_edit(
            before, patch(deletes='<#a> ex:given "Claudia", "Other"', inserts="<#a> ex:seen true"), limits=LIMITS
        )
    assert caught.value.reason == "patch-absent-triple"
    assert before == graph(PEOPLE)


@pytest.mark.requirement("N3-12")
def test_a_delete_is_by_lexical_form() -> None:
    assert len(after("<a> ex:n 01 .", patch(deletes="<a> ex:n 01"))) == 0
    with pytest.raises(Conflict):
        after("<a> ex:n 01 .", patch(deletes="<a> ex:n 1"))


def test_language_tags_are_compared_without_regard_to_case() -> None:
    assert len(after('<a> ex:t "x"@nl-BE .', patch(deletes='<a> ex:t "x"@NL-be'))) == 0


@pytest.mark.requirement("N3-13")
def test_deletes_come_before_inserts() -> None:
    edit = patch(deletes="<a> <b> <c>", inserts="<a> <b> <c>")
    assert after("<a> <b> <c> .", edit) == graph("<a> <b> <c> .")


@pytest.mark.requirement("N3-8")
def test_each_label_of_an_insert_is_one_new_node() -> None:
    before = graph("<> ex:old _:x .")
    edit = patch(inserts="<> ex:one _:x . _:x ex:two _:y, []")
    once = apply_edit(before, edit, limits=LIMITS)
    twice = apply_edit(once, edit, limits=LIMITS)
    assert (len(once), len(twice)) == (4, 7)
    blanks = {t.object for t in twice if isinstance(t.object, Blank)}
    assert len(blanks) == 1 + 3 + 3


@pytest.mark.requirement("N3-11")
def test_a_match_that_makes_no_triple_changes_nothing() -> None:
    with pytest.raises(Conflict) as caught:
        after('<a> ex:is "text" .', patch(where="<a> ex:is ?x", inserts="?x ex:seen true"))
    assert caught.value.reason == "patch-not-rdf"


@pytest.mark.requirement("LIM-12")
def test_conditions_are_counted() -> None:
    limits = Limits(where_patterns=2)
    n3("<> a solid:InsertDeletePatch ; solid:where { <a> <b> 1, 2 } .", limits)
    with pytest.raises(Unprocessable) as caught:
        n3("<> a solid:InsertDeletePatch ; solid:where { <a> <b> 1, 2, 3 } .", limits)
    assert caught.value.reason == "too-many-patterns"


@pytest.mark.requirement("LIM-12")
def test_matching_has_a_budget_of_steps() -> None:
    # Two camps, each member tied to all of the other: there is no triangle, and it takes long to be sure.
    ties = [(f"<a{one}>", f"<b{other}>") for one in range(30) for other in range(30)]
    data = "".join(f"{one} ex:p {other} . {other} ex:p {one} ." for one, other in ties)
    triangle = patch(where="?a ex:p ?b . ?b ex:p ?c . ?c ex:p ?a", inserts="<x> <y> <z>")
    product = sparql(f"{PEOPLE_PREFIX} DELETE {{ ?a ex:q ?f }} WHERE {{ ?a ex:p ?b . ?c ex:p ?d . ?e ex:p ?f }}")
    for edit in (triangle, product):
        with pytest.raises(Unprocessable) as caught:
            after(data, edit)
        assert caught.value.reason == "patch-budget"
    path = patch(where="<a1> ex:p ?b . ?b ex:p <a1> . <a2> ex:p ?b", inserts="<x> <y> <z>")
    with pytest.raises(Conflict):  # within the budget, and many matches
        after(data, path)


@pytest.mark.requirement("LIM-11")
def test_the_result_has_a_limit_too() -> None:
    with pytest.raises(Unprocessable):
        after("<a> <b> 1, 2 .", patch(inserts="<a> <b> 3, 4"), Limits(triples=3))


# ---- SPARQL Update


PEOPLE_PREFIX = "PREFIX ex: <https://example.org/>\n"


@pytest.mark.requirement("D9")
@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('INSERT DATA { <#c> ex:given "An"@nl, 1, -1.5, TRUE ; a ex:P . [] ex:p () }',
         PEOPLE + '<#c> ex:given "An"@nl, 1, -1.5, true ; a ex:P . [] ex:p () .'),
        ('DELETE DATA { <#b> ex:given "Jan" ; ex:family "Peeters" }', '<#a> ex:family "Garcia" ; ex:given "Claudia" .'),
        ('delete { ?p ex:given ?g } insert { ?p ex:given "X" } where { ?p ex:family "Garcia" ; ex:given ?g }',
         PEOPLE.replace("Claudia", "X")),
        ("DELETE WHERE { <#a> ?p $o }", '<#b> ex:family "Peeters" ; ex:given "Jan" .'),
        ("INSERT { ?p ex:seen true } WHERE { ?p ex:family ?f }", PEOPLE + "<#a> ex:seen true . <#b> ex:seen true ."),
        ("DELETE { ?p ex:given ?g } WHERE { ?p ex:given ?g }", '<#a> ex:family "Garcia" . <#b> ex:family "Peeters" .'),
        ("INSERT { <x> <y> <z> } WHERE {}", PEOPLE + "<x> <y> <z> ."),
        ("", PEOPLE),
        ("BASE <https://example.org/> PREFIX : <n/> INSERT DATA { <a> :b '''c\n''' }",
         PEOPLE + 'ex:a <https://example.org/n/b> "c\\n" .'),
    ],
)  # fmt: skip
def test_the_operations_of_the_subset(text: str, result: str) -> None:
    made = after(PEOPLE, sparql(PEOPLE_PREFIX + text))
    assert {t.predicate for t in made} == {t.predicate for t in graph(result)}
    ground = {t for t in made if not isinstance(t.subject, Blank)}
    assert ground == {t for t in graph(result) if not isinstance(t.subject, Blank)}


@pytest.mark.requirement("TR-29")
def test_a_list_of_operations_is_one_edit_applied_in_order() -> None:
    edit = sparql(
        "PREFIX ex: <https://example.org/> DELETE DATA { <a> ex:n 1 } ; INSERT DATA { <a> ex:n 2 } ;\n"
        "PREFIX e: <https://example.org/> DELETE { <a> e:n ?x } INSERT { <a> e:n 3 ; e:was ?x } WHERE { <a> e:n ?x } ;"
    )
    assert len(edit.steps) == 3
    assert (edit.has_where, edit.has_deletes, edit.has_inserts) == (True, True, True)
    assert after("<a> ex:n 1 .", edit) == graph("<a> ex:n 3 ; ex:was 2 .")


@pytest.mark.requirement("TR-29")
def test_a_list_is_applied_whole_or_not_at_all() -> None:
    before = graph("<a> <b> 1, 2 .")
    edit = sparql("DELETE DATA { <a> <b> 1 } ; INSERT DATA { <a> <b> 3, 4, 5, 6 }")
    with pytest.raises(Unprocessable):
        apply_edit(before, edit, limits=Limits(triples=4))
    assert before == graph("<a> <b> 1, 2 .")


@pytest.mark.requirement("TR-29")
@pytest.mark.parametrize(
    "text",
    ["DELETE DATA { <a> <b> <absent> }", "DELETE WHERE { ?x <absent> ?y }", "INSERT { <a> <b> ?x } WHERE { ?x <c> 1 }"],
)
def test_what_is_not_there_is_no_conflict_in_sparql(text: str) -> None:
    assert after(PEOPLE, sparql(text)) == graph(PEOPLE)


@pytest.mark.requirement("D9")
def test_a_blank_node_of_a_template_is_new_for_each_solution() -> None:
    made = after(PEOPLE, sparql(PEOPLE_PREFIX + "INSERT { ?p ex:note _:n . _:n ex:of ?p } WHERE { ?p ex:family ?f }"))
    assert len({t.object for t in made if isinstance(t.object, Blank)}) == 2


def test_what_cannot_be_a_triple_is_left_out_as_sparql_says() -> None:
    edit = sparql(
        PEOPLE_PREFIX + "INSERT { ?g ex:of ?p . ?p ex:seen true . ?p ex:x ?unbound } WHERE { ?p ex:given ?g }"
    )
    assert len(after(PEOPLE, edit)) == 6


@pytest.mark.requirement("D9", "LIM-13")
@pytest.mark.parametrize(
    "text",
    [
        "LOAD <https://e.example/>",
        "CLEAR ALL",
        "DROP GRAPH <g>",
        "COPY <a> TO <b>",
        "WITH <g> DELETE { ?a <b> <c> } WHERE { ?a <b> <c> }",
        "INSERT DATA { GRAPH <g> { <a> <b> <c> } }",
        "DELETE { ?a <b> ?c } USING <g> WHERE { ?a <b> ?c }",
        "DELETE { ?a <b> ?c } WHERE { ?a <b> ?c FILTER(?c > 3) }",
        "DELETE { ?a <b> ?c } WHERE { ?a <b>/<c> ?c }",
        "DELETE { ?a <b> ?c } WHERE { ?a ^<b> ?c }",
        "DELETE { ?a <b> ?c } WHERE { ?a <b>+ ?c }",
        "DELETE { ?a <b> ?c } WHERE { ?a <b> ?c OPTIONAL { ?a <d> ?c } }",
        "DELETE { ?a <b> ?c } WHERE { { ?a <b> ?c } UNION { ?a <d> ?c } }",
        "DELETE { ?a <b> ?c } WHERE { SELECT ?a ?c WHERE { ?a <b> ?c } }",
        "DELETE { ?a <b> ?c } WHERE { SERVICE <https://e.example/> { ?a <b> ?c } }",
        "DELETE { ?a <b> ?c } WHERE { VALUES ?a { <a> } }",
        "SELECT * WHERE { ?a ?b ?c }",
    ],
)
def test_other_operations_are_not_offered(text: str) -> None:
    caught = refused(text, SPARQL_UPDATE)
    assert isinstance(caught, Unprocessable)
    assert caught.reason == "patch-unsupported"


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "INSERT DATA { <a> <b> <c>",
        "INSERT DATA { <a> <b> }",
        "INSERT DATA { <a> <b> <c> } INSERT DATA { <a> <b> <d> }",
        "INSERT DATA { <a> x:b <c> }",
        "INSERT DATA { <a> <b> 'unclosed }",
        "INSERT DATA { @prefix a: <b> . a:b a:c a:d }",
        "INSERT { <a> <b> <c> }",
        "PREFIX a <b> INSERT DATA {}",
    ],
)
def test_what_is_not_sparql_is_malformed(text: str) -> None:
    assert isinstance(refused(text, SPARQL_UPDATE), Malformed)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { ?a <b> <c> }",
        "DELETE DATA { <a> <b> ?c }",
        "DELETE DATA { _:a <b> <c> }",
        "DELETE { [] <b> ?c } WHERE { ?a <b> ?c }",
        "DELETE WHERE { [] <b> ?c }",
        "INSERT DATA { 'a' <b> <c> }",
    ],
)
def test_templates_hold_what_they_may(text: str) -> None:
    assert isinstance(refused(text, SPARQL_UPDATE), Unprocessable)


@pytest.mark.requirement("LIM-13")
def test_brackets_in_sparql_nest_so_deep_and_no_deeper() -> None:
    def nested(levels: int) -> str:
        return f"INSERT DATA {{ <a> <b> {'(' * levels} 1 {')' * levels} }}"

    sparql(nested(15))
    with pytest.raises(Unprocessable) as caught:
        sparql(nested(16))
    assert caught.value.reason == "too-deep"


@pytest.mark.requirement("LIM-09")
def test_prefixes_of_a_patch_are_counted() -> None:
    with pytest.raises(Unprocessable) as caught:
        sparql("".join(f"PREFIX a{n}: <a:a> " for n in range(257)))
    assert caught.value.reason == "too-many-prefixes"


@pytest.mark.requirement("LIM-10")
def test_one_value_of_a_patch_has_a_limit() -> None:
    limits = Limits(iri_bytes=60)
    for text in (
        f"INSERT DATA {{ <a> <b> <x:{'x' * 60}> }}",
        "INSERT DATA { <a> <b> 'x'@" + "-".join(["en", *["abcdefgh"] * 8]) + "}",
    ):
        with pytest.raises(Unprocessable) as caught:
            sparql(text, limits)
        assert caught.value.reason == "too-long"
