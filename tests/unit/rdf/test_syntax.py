"""Bytes to graphs and back: what is read, what is refused, and what writing keeps."""

from __future__ import annotations

import json

import pytest

from vault.config import Limits
from vault.errors import Malformed, Refusal, TooLarge, Unprocessable, UnsupportedMedia
from vault.rdf.blanks import isomorphic
from vault.rdf.graph import DCT, XSD, Graph, Iri, Literal, lang, triple, typed
from vault.rdf.jsonld import CONTEXTS
from vault.rdf.syntax import RDF_TYPES, is_rdf, parse, parse_named, serialise
from vault.values import HTML, JSON_LD, NTRIPLES, TURTLE, MediaType, parse_media_type

BASE = "https://pod.example/alice/doc"
LIMITS = Limits()

DOCUMENT = b"""\
@prefix dct: <http://purl.org/dc/terms/> .
@prefix ex: <https://example.org/> .
<> dct:title "Een \\"diploma\\"\\n"@nl-BE ; ex:part [ ex:list ( 1 01 2.50 true "x" [ ex:deep "1e3"^^ex:t ] ) ] .
<#me> ex:knows _:a . _:a ex:knows _:b . _:b ex:knows _:a ; ex:empty () .
[] ex:loose [] . <https://example.org/a/../b> ex:p <mailto:a@b.example>, <urn:x:y#z>, <https://example.org/> .
"""


def read(data: bytes | str, media_type: MediaType = TURTLE, limits: Limits = LIMITS) -> Graph:
    return parse(data.encode() if isinstance(data, str) else data, media_type, base=BASE, limits=limits)


def refusal(data: bytes | str, media_type: MediaType = TURTLE, limits: Limits = LIMITS) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(data, media_type, limits)
    return caught.value


@pytest.mark.requirement("PR-54")
@pytest.mark.parametrize("media_type", RDF_TYPES, ids=str)
def test_what_is_written_reads_back_as_the_same_graph(media_type: MediaType) -> None:
    graph = read(DOCUMENT)
    for base in (None, BASE):
        again = parse(serialise(graph, media_type, base=base), media_type, base="https://other.example/", limits=LIMITS)
        assert isomorphic(graph, again)


@pytest.mark.requirement("PR-59")
@pytest.mark.parametrize("media_type", RDF_TYPES, ids=str)
def test_one_graph_has_one_text_whatever_its_blank_nodes_are_called(media_type: MediaType) -> None:
    first, second = read(DOCUMENT), read(DOCUMENT.replace(b"_:a", b"_:zz").replace(b"_:b", b"_:a"))
    assert first != second  # parsers name nodes anew
    assert serialise(first, media_type, base=BASE) == serialise(second, media_type, base=BASE)


def test_turtle_is_readable() -> None:
    text = serialise(read(DOCUMENT), TURTLE, base=BASE, prefixes={"ex": "https://example.org/"}).decode()
    assert text.startswith(f"@base <{BASE}> .\n@prefix dct: <http://purl.org/dc/terms/> .\n@prefix ex: ")
    assert '<> dct:title "Een \\"diploma\\"\\n"@nl-be ;\n    ex:part [\n        ex:list ( 1 01 2.50 true "x" [' in text
    assert "rdf:first" not in text
    assert "@prefix foaf:" not in text


def test_prefixes_that_would_not_hold_are_left_out() -> None:
    graph = read('<> <https://e.example/a?b> "x" ; <https://e.example/x#> 1 ; <https://e.example/x#1.> 1 .')
    prefixes = {"q": "https://e.example/", "1": "https://e.example/x#", "bad name": "https://e.example/x#"}
    text = serialise(graph, TURTLE, prefixes=prefixes).decode()
    assert isomorphic(read(text), graph)
    assert "@prefix 1" not in text
    assert "bad name" not in text


def test_a_prefix_never_changes_what_an_iri_of_that_scheme_means() -> None:
    graph = read("<dct:title> <dct:title> <urn:a> ; <http://purl.org/dc/terms/title> <foaf:x>, 'v'^^<v:q> .")
    for media_type in RDF_TYPES:
        assert isomorphic(read(serialise(graph, media_type), media_type), graph)


def test_lexical_forms_are_kept() -> None:
    forms = ['"01"^^xsd:integer', '"1.0"^^xsd:decimal', '"2020-01-01T00:00:00.000Z"^^xsd:dateTime', '"1"^^xsd:boolean']
    graph = read(f"@prefix xsd: <{XSD.base}> . <> <https://e.example/p> {', '.join(forms)} .")
    for media_type in RDF_TYPES:
        again = read(serialise(graph, media_type), media_type)
        assert {str(t.object) for t in again} == {str(t.object) for t in graph}
    assert typed("01", XSD.integer) in {t.object for t in graph}


@pytest.mark.requirement("CH-9")
def test_parameters_and_letter_case_of_the_type_do_not_matter() -> None:
    assert is_rdf(parse_media_type('Text/Turtle; charset="UTF-8"'))
    assert len(read("<> <p:p> 1 .", parse_media_type("text/turtle; charset=UTF-8"))) == 1
    assert len(read("{}", parse_media_type('application/ld+json; profile="https://e.example/"'))) == 0


def test_other_encodings_and_other_types_are_not_read() -> None:
    for media_type in (HTML, parse_media_type("text/turtle; charset=iso-8859-1"), MediaType("application/rdf+xml")):
        caught = refusal("<> <p:p> 1 .", media_type)
        assert isinstance(caught, UnsupportedMedia)
        assert "text/turtle" in caught.accepted
    with pytest.raises(UnsupportedMedia):
        serialise(Graph(), HTML)


@pytest.mark.requirement("PR-70")
@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        ("<> <p:p> .", TURTLE),
        ("<> <p:p> <a b> .", TURTLE),
        (b'<> <p:p> "\xff" .', TURTLE),
        ("<rel> <p:p> 1 .", NTRIPLES),
        ("{", JSON_LD),
        ('{"a": NaN}', JSON_LD),
        ('"text"', JSON_LD),
        (b'{"a": "\xff"}', JSON_LD),
        ('{"@id": 1}', JSON_LD),
        ('{"@context": {"a": {"@id": "@type", "@container": "x"}}, "a": 1}', JSON_LD),
        ('{"@context": ["https://www.w3.org/ns/activitystreams", {"@base": 1}], "name": "x"}', JSON_LD),
    ],
)
def test_broken_syntax_is_malformed(data: bytes | str, media_type: MediaType) -> None:
    caught = refusal(data, media_type)
    assert isinstance(caught, Malformed)
    assert caught.reason == "rdf-syntax"


def test_a_syntax_error_says_where_and_not_what() -> None:
    caught = refusal("<> <p:p> 1 .\n<> <p:p> SECRET .")
    assert "line 2" in caught.detail
    assert "SECRET" not in caught.detail


def test_a_byte_order_mark_is_stepped_over() -> None:
    assert len(read(b"\xef\xbb\xbf<> <p:p> 1 .")) == 1
    assert len(read(b'\xef\xbb\xbf{"p:p": 1}', JSON_LD)) == 1


@pytest.mark.requirement("LIM-02")
def test_a_body_above_the_limit_is_refused_unread() -> None:
    assert isinstance(refusal("garbage" * 10, limits=Limits(rdf_bytes=69)), TooLarge)
    assert isinstance(refusal("garbage" * 10, limits=Limits(rdf_bytes=70)), Malformed)


@pytest.mark.requirement("LIM-06")
@pytest.mark.parametrize(
    "data",
    [
        "<a:a> <p:p> <<( <a:a> <b:b> <c:c> )>> .",
        "<< <a:a> <b:b> <c:c> >> <p:p> 1 .",
        "<a:a> <b:b> <c:c> {| <x:x> 1 |} .",
        "<a:a> <b:b> <c:c> ~ <r:r> .",
        'VERSION "1.2"\n<a:a> <b:b> <c:c> .',
        'version "1.2"\n<a:a> <b:b> <c:c> .',
        '@version "1.2" .\n<a:a> <b:b> <c:c> .',
        '<a:a> <b:b> "x"@en--ltr .',
    ],
)
def test_rdf_1_2_is_not_read(data: str) -> None:
    for media_type in (TURTLE, NTRIPLES):
        caught = refusal(data, media_type)
        assert isinstance(caught, Malformed)
        assert caught.reason == "rdf-1-2"


@pytest.mark.requirement("LIM-06")
@pytest.mark.parametrize(
    "data",
    [
        '{"@context": {"@direction": "rtl"}, "p:p": "x"}',
        '{"p:p": {"@value": "x", "@direction": "rtl"}}',
        '{"@context": {"d": "@direction"}, "p:p": {"@value": "x", "d": "rtl"}}',
    ],
)
def test_base_directions_are_not_read_from_json_either(data: str) -> None:
    assert refusal(data, JSON_LD).reason == "rdf-1-2"


@pytest.mark.requirement("LIM-06")
def test_the_marks_of_rdf_1_2_are_harmless_inside_strings_iris_comments_and_names() -> None:
    data = """\
    @prefix ex: <https://e.example/~a--b/> . # << {| ~ VERSION
    ex:a\\~b ex:version "<<( {| ~ \\" @en--ltr VERSION" , '''~ " ' <<''' , <https://e.example/~x--y> .
    """
    assert len(read(data)) == 3


@pytest.mark.requirement("LIM-07")
def test_contexts_are_counted_on_decoded_keys() -> None:
    limits = Limits(contexts=2)
    node = '{"\\u0040context": {"a": "b:b"}, "a": 1}'
    assert len(read(f'{{"p:p": [{node}, {node}]}}', JSON_LD, limits)) == 4
    assert refusal(f'{{"p:p": [{node}, {node}, {node}]}}', JSON_LD, limits).reason == "too-many-contexts"
    assert refusal('{"@context": [{}, {}, {}]}', JSON_LD, limits).reason == "too-many-contexts"
    scoped = '{"@context": {"a": {"@id": "a:a", "@context": {}}, "b": {"@id": "b:b", "@context": {}}}}'
    assert refusal(scoped, JSON_LD, limits).reason == "too-many-contexts"


@pytest.mark.requirement("LIM-07")
def test_terms_of_one_context_are_counted() -> None:
    def document(terms: int) -> str:
        return json.dumps({"@context": {f"t{n}": f"https://e.example/{n}" for n in range(terms)}, "t0": 1})

    assert len(read(document(256), JSON_LD)) == 1
    assert refusal(document(257), JSON_LD).reason == "too-many-terms"


@pytest.mark.requirement("LIM-07")
@pytest.mark.parametrize(
    "data", ['{"p:p": 1, "p:p": 2}', '{"@context": {}, "\\u0040context": {}}', '[{"a": {"b": 1, "\\u0062": 1}}]']
)
def test_the_same_key_twice_is_malformed(data: str) -> None:
    caught = refusal(data, JSON_LD)
    assert isinstance(caught, Malformed)
    assert caught.reason == "duplicate-key"


@pytest.mark.requirement("LIM-08", "TR-8")
@pytest.mark.parametrize(
    "context",
    [
        '"https://unknown.example/context"',
        '["https://www.w3.org/ns/activitystreams", "https://unknown.example/context"]',
        '{"@import": "https://unknown.example/context"}',
        '{"a": {"@id": "x:a", "@context": "https://unknown.example/context"}}',
        '"file:///etc/passwd"',
        '"context.jsonld"',
    ],
)
def test_an_unknown_context_is_unprocessable(context: str) -> None:
    caught = refusal(f'{{"@context": {context}, "a": {{"b": 1}}}}', JSON_LD)
    assert isinstance(caught, Unprocessable)
    assert caught.reason == "unknown-context"


@pytest.mark.requirement("D21", "D11")
@pytest.mark.parametrize("url", CONTEXTS)
def test_a_bundled_context_is_read_without_any_connection(url: str) -> None:
    graph = read(json.dumps({"@context": [url, {"x": "https://e.example/x"}], "@id": "a:a", "x": "y"}), JSON_LD)
    assert triple(Iri("a:a"), Iri("https://e.example/x"), Literal("y")) in graph


def test_a_bundled_context_under_import_is_read() -> None:
    context = '{"@import": "https://www.w3.org/ns/activitystreams", "own": "https://e.example/own"}'
    graph = read(f'{{"@context": {context}, "id": "a:a", "summary": "s", "own": 1}}', JSON_LD)
    assert {t.predicate.value for t in graph} == {
        "https://www.w3.org/ns/activitystreams#summary",
        "https://e.example/own",
    }


@pytest.mark.requirement("LIM-08")
def test_what_one_document_imports_never_changes_what_another_means() -> None:
    url = "https://www.w3.org/ns/activitystreams"
    plain = json.dumps({"@context": url, "id": "a:a", "summary": "s", "name": "n"})
    before = read(plain, JSON_LD)
    poison = {"@import": url, "summary": "https://evil.example/summary", "name": None}
    read(json.dumps({"@context": poison, "id": "a:a", "summary": "s"}), JSON_LD)
    assert read(plain, JSON_LD) == before
    assert len(before) == 2
    twice = {"@context": poison, "@graph": [{"id": "a:a", "summary": "s"}, json.loads(plain)]}
    assert before.triples < read(json.dumps(twice), JSON_LD).triples


def test_our_own_context_names_what_the_house_names() -> None:
    data = {"@context": "https://w3id.org/datakluis/context/v1", "id": "", "type": "LearningAchievement",
            "title": {"nl": "Bachelor"}, "awardedBy": {"awardingBody": {"legalName": {"nl": "School"}}}}  # fmt: skip
    graph = read(json.dumps(data), JSON_LD)
    assert triple(Iri(BASE), DCT.title, lang("Bachelor", "nl")) in graph
    assert len(graph) == 5


@pytest.mark.requirement("LIM-09")
def test_prefix_declarations_are_counted_and_not_the_word() -> None:
    def declared(count: int, form: str) -> str:
        return "".join(form.format(n) for n in range(count)) + '<> <p:p> "prefix" .'

    talk = "# prefix\n" * 300
    for form in ("@prefix a{}: <a:a> .\n", "PREFIX a{}: <a:a>\n"):
        assert len(read(talk + declared(256, form))) == 1
        assert refusal(declared(257, form)).reason == "too-many-prefixes"


@pytest.mark.requirement("LIM-10")
@pytest.mark.parametrize("media_type", [TURTLE, JSON_LD], ids=str)
def test_one_value_has_a_limit(media_type: MediaType) -> None:
    def document(literal: str, iri: str, language: str) -> str:
        if media_type == JSON_LD:
            return json.dumps({"@id": iri, "p:p": {"@value": literal, "@language": language}})
        return f'<{iri}> <p:p> "{literal}"@{language} .'

    limits = Limits(literal_bytes=100, iri_bytes=50)
    tag = "-".join(["en", *["abcdefgh"] * 6])
    assert len(read(document("é" * 50, "a:" + "é" * 24, tag), media_type, limits)) == 1
    for literal, iri, language in (
        ("é" * 50 + "e", "a:a", "en"),
        ("e", "a:" + "é" * 24 + "e", "en"),
        ("e", "a:a", f"{tag}-abcdefgh"),
    ):
        caught = refusal(document(literal, iri, language), media_type, limits)
        assert isinstance(caught, Unprocessable)
        assert caught.reason == "too-long"


@pytest.mark.requirement("LIM-10")
def test_an_iri_made_long_by_its_prefix_is_measured_whole() -> None:
    prefix = "https://e.example/" + "x" * 3000
    assert refusal(f"@prefix a: <{prefix}> . a:a a:{'y' * 1200} 1 .").reason == "too-long"


@pytest.mark.requirement("LIM-11")
def test_triples_and_blank_nodes_are_counted_while_reading() -> None:
    limits = Limits(triples=3, blank_nodes=2)
    assert len(read("<> <p:p> 1, 2, [] .", limits=limits)) == 3
    assert refusal("<> <p:p> 1, 2, 3, 4 .", limits=limits).reason == "too-many-triples"
    assert refusal("<> <p:p> [], [], [] .", limits=limits).reason == "too-many-blank-nodes"


@pytest.mark.requirement("PR-55")
def test_named_graphs_are_checked_and_left_aside_or_refused() -> None:
    data = b'{"@id": "a:g", "p:p": 1, "@graph": [{"@id": "a:a", "p:p": "x"}]}'
    assert len(parse_named(data, JSON_LD, base=BASE, limits=LIMITS)) == 1
    assert refusal(data, JSON_LD).reason == "named-graphs"
    bad = data.replace(b'"x"', b'{"@value": "x", "@language": "%s"}' % b"-".join([b"en", *[b"abcdefgh"] * 8]))
    with pytest.raises(Unprocessable):
        parse_named(bad, JSON_LD, base=BASE, limits=LIMITS)


@pytest.mark.requirement("LDP-2")
def test_relative_iris_resolve_against_the_base() -> None:
    for data, media_type in (
        ("<> <p:p> <#me>, <../x> .", TURTLE),
        ('{"@id": "", "p:p": [{"@id": "#me"}, {"@id": "../x"}]}', JSON_LD),
    ):
        assert {t.object for t in read(data, media_type)} == {Iri(BASE + "#me"), Iri("https://pod.example/x")}


def test_deeply_nested_blank_nodes_are_written_within_our_own_limits() -> None:
    graph = read("<> <p:p> " + "[ <p:p> " * 200 + "1" + " ]" * 200 + " .")
    lists = read("<> <p:p> " + "( " * 200 + "1" + " )" * 200 + " .")
    for media_type in RDF_TYPES:
        for deep in (graph, lists):
            written = serialise(deep, media_type)
            assert isomorphic(
                parse(written, media_type, base=BASE, limits=Limits(json_depth=64, turtle_depth=64)), deep
            )


def test_a_list_of_many_members_is_written_as_one_list() -> None:
    graph = read(f"<> <p:p> ( {' '.join(str(n) for n in range(3000))} ) .")
    assert serialise(graph, TURTLE).count(b"(") == 1
    assert serialise(graph, JSON_LD).count(b"@list") == 1
