"""The XML door, and what the envelope and its exceptions mean."""

from __future__ import annotations

import pytest

from tests.house.tree import ROOT
from vault.connectors.magda import Empty, Fault, Found, Message, MessageKind, judge, read_message, read_xml
from vault.errors import Malformed, TooLarge, Unprocessable

SAMPLES = ROOT / "examples/manage_my_career/messages"
LED = "http://geefbewijs.bewijsraadplegingdienst.led.vlaanderen.be"
EMPTY_REPLY = f'<g:GeefBewijsResponse xmlns:g="{LED}"><Repliek>{{}}</Repliek></g:GeefBewijsResponse>'


def sample(name: str) -> Message:
    return read_message((SAMPLES / name).read_bytes(), max_bytes=2**21, max_depth=64)


def exception(origin: str, number: str, kind: str = "FOUT") -> tuple[tuple[str, str], ...]:
    return ((f"{origin}/{number}", kind),)


@pytest.mark.requirement("LIM-15")
@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a><a/>",
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>',
        '<!DOCTYPE a [<!ENTITY a0 "aa"><!ENTITY a1 "&a0;&a0;&a0;&a0;"><!ENTITY a2 "&a1;&a1;&a1;&a1;">]><a>&a2;</a>',
    ],
)
def test_a_doctype_ends_the_reading_before_any_entity_is_seen(text: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        read_xml(text.encode(), max_bytes=10_000, max_depth=10)
    assert refused.value.reason == "xml-doctype"


@pytest.mark.requirement("LIM-15")
def test_a_message_over_the_size_limit_is_not_parsed() -> None:
    with pytest.raises(TooLarge):
        read_xml(b"<a>" + b" " * 100 + b"</a>", max_bytes=100, max_depth=10)
    assert read_xml(b"<a>" + b" " * 93 + b"</a>", max_bytes=100, max_depth=10).name == "a"


@pytest.mark.requirement("LIM-15")
def test_depth_is_limited() -> None:
    assert read_xml(b"<a>" * 10 + b"</a>" * 10, max_bytes=10_000, max_depth=10).name == "a"
    with pytest.raises(Unprocessable) as refused:
        read_xml(b"<a>" * 11 + b"</a>" * 11, max_bytes=10_000, max_depth=10)
    assert refused.value.reason == "xml-depth"


@pytest.mark.requirement("LIM-15")
def test_the_number_of_elements_is_limited() -> None:
    with pytest.raises(Unprocessable) as refused:
        read_xml(b"<a>" + b"<b/>" * 100_000 + b"</a>", max_bytes=2**21, max_depth=64)
    assert refused.value.reason == "xml-elements"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "xml-syntax"),
        (b"<a>", "xml-syntax"),
        (b"<a></b>", "xml-syntax"),
        (b"<a>&unknown;</a>", "xml-syntax"),
        (b"<a/><b/>", "xml-syntax"),
        (b"<x:a/>", "xml-syntax"),
        (b"<a>\xff</a>", "xml-encoding"),
        ("<a>é</a>".encode("utf-16"), "xml-encoding"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "xml-encoding"),
    ],
)
def test_what_is_not_well_formed_utf_8_is_malformed(raw: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_xml(raw, max_bytes=10_000, max_depth=10)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "raw",
    [
        b"<a><b>x</b></a>",
        b"<a>\n <b\n>x</b ></a>",
        b'<a><b c=">" d=\'">\'>x</b></a>',
        b'<a><b c=">"/></a>',
        "<a><é>ë</é><b>ü</b></a>".encode(),
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><a><!-- <b> --><b><![CDATA[</b>]]></b></a>',
    ],
)
def test_an_element_is_cut_out_of_the_original_exactly(raw: bytes) -> None:
    root = read_xml(raw, max_bytes=10_000, max_depth=10)
    inner = root.children[-1]
    assert raw[root.start : root.end] == raw[raw.index(b"<a") :]
    assert raw[inner.start : inner.end] == raw[inner.start : raw.rindex(b"</a>")]
    assert raw[inner.start : inner.start + 1] == b"<"
    assert raw[inner.end - 1 : inner.end] == b">"


def test_white_space_in_values_is_collapsed() -> None:
    root = read_xml(b"<a><b>\n  Hoger\t\n  onderwijs </b></a>", max_bytes=1000, max_depth=10)
    assert root.value("b") == "Hoger onderwijs"


def test_an_inner_element_in_another_namespace_is_not_taken_for_ours() -> None:
    root = read_xml(b'<a><b xmlns="urn:x">theirs</b><b>ours</b></a>', max_bytes=1000, max_depth=10)
    assert root.value("b") == "ours"


def test_the_service_is_told_by_the_root_element_whatever_the_prefix() -> None:
    assert sample("led-diplomas.xml").kind is MessageKind.LED
    assert sample("dmfa-quarters.xml").kind is MessageKind.DMFA
    other = EMPTY_REPLY.replace("g:", "web:").replace("xmlns:g", "xmlns:web").format("<Antwoorden/>")
    assert read_message(other.encode(), max_bytes=1000, max_depth=10).kind is MessageKind.LED


def test_a_reply_is_found_inside_a_soap_envelope() -> None:
    message = sample("led-changed-and-cancelled.xml")
    assert message.original.startswith(b"<?xml")
    assert len(message.answers) == 1


@pytest.mark.parametrize(
    "text",
    [
        "<GeefBewijsResponse><Repliek/></GeefBewijsResponse>",
        f'<g:GeefIetsAndersResponse xmlns:g="{LED}"><Repliek/></g:GeefIetsAndersResponse>',
        f'<g:GeefBewijsResponse xmlns:g="{LED}"/>',
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault/></s:Body></s:Envelope>',
    ],
)
def test_another_message_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable):
        read_message(text.encode(), max_bytes=10_000, max_depth=10)


def test_references_and_purpose_code_are_kept_for_the_statutory_log() -> None:
    message = sample("led-diplomas.xml")
    assert message.reference == "DEMO-LED-1"
    assert message.source_reference.startswith("3f0c6a1e")
    assert message.capacity == "ipdc-demo"


@pytest.mark.parametrize(
    ("exceptions", "outcome"),
    [
        (exception("LED", "40000"), Empty("nothing-found")),
        (exception("MAGDA", "30001"), Empty("nothing-found")),
        (exception("MAGDA", "15021"), Empty("filtered")),
        (exception("LED", "40000") + exception("MAGDA", "15021"), Empty("filtered")),
        (exception("MAGDA", "40000"), Fault("MAGDA/40000", "unknown-fault", retryable=False)),
        (exception("MAGDA", "13202"), Fault("MAGDA/13202", "no-dossier", retryable=False)),
        (exception("MAGDA", "99996"), Fault("MAGDA/99996", "too-many-questions", retryable=True)),
        (exception("LED", "90000"), Fault("LED/90000", "source-unavailable", retryable=True)),
        (exception("MAGDA", "60006"), Fault("MAGDA/60006", "source-silent", retryable=True)),
        (exception("LED", "40000") + exception("LED", "90000"), Fault("LED/90000", "source-unavailable", True)),
        (exception("MAGDA", "99984", "WAARSCHUWING"), Empty("nothing-found", ("MAGDA/99984",))),
    ],
)
def test_the_pair_of_origin_and_number_decides(exceptions: tuple[tuple[str, str], ...], outcome: object) -> None:
    assert judge(exceptions, has_content=False) == outcome


def test_a_warning_stands_beside_content_and_a_fault_does_not() -> None:
    noted = exception("MAGDA", "99984", "WAARSCHUWING") + exception("MAGDA", "30042", "INFORMATIE")
    assert judge(noted, has_content=True) == Found(("MAGDA/99984", "MAGDA/30042"))
    assert judge(exception("MAGDA", "77777"), has_content=True) == Fault("MAGDA/77777", "unknown-fault", False)


def test_data_that_come_later_in_a_batch_are_not_taken_for_none() -> None:
    text = EMPTY_REPLY.format(
        "<Antwoorden><Antwoord><Inhoud><AntwoordInBatch><Resultaat>1</Resultaat></AntwoordInBatch></Inhoud></Antwoord>"
        "</Antwoorden>"
    )
    message = read_message(text.encode(), max_bytes=10_000, max_depth=10)
    assert message.answers[0].outcome == Empty("later")


def test_neither_a_message_nor_an_element_shows_what_is_in_it() -> None:
    message = sample("led-diplomas.xml")
    assert "94451222456" not in repr(message) + repr(message.answers) + repr(message.answers[0].content)
