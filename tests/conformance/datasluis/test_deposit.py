"""Depositing: who may, for whom, what is stored beside what, and what is told."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.datasluis.depositing import (
    BASE,
    DMFA,
    LED,
    NOON,
    WEBID,
    Desk,
    a_source,
    open_desk,
    sample,
    sample_mode,
)
from vault.audit import AuditEvent
from vault.datasluis.deposits import DepositReport, Fate
from vault.datasluis.registry import Admission, Contract, Role
from vault.errors import Forbidden, Malformed, Missing, OverQuota, Refusal, Unavailable, Unprocessable, UnsupportedMedia
from vault.rdf.graph import ADMS, ELM, RDF, Graph, Iri, Literal
from vault.values import JSON_LD, TURTLE, MediaType, WebId

BACHELOR = "5d0f7a52-0c41-4a8e-8f6e-1b7c3c90a101"
SECONDARY = "b7a9e3c4-6f1d-4e0b-9d55-2c8d4da1b202"
WITHDRAWN = Iri("http://purl.org/adms/status/Withdrawn")
COMPLETED = Iri("http://purl.org/adms/status/Completed")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, LED, DMFA) as opened:
        yield opened


def fates(report: DepositReport) -> list[str]:
    return [item.fate.value for item in report.items]


def status(graph: Graph, reference: str) -> object:
    return graph.value(Iri(f"{BASE}lotte/diplomas/{reference}#it"), ADMS.status)


async def test_a_certificate_becomes_a_document_with_its_original_bytes_beside_it(desk: Desk) -> None:
    raw = sample("led-diplomas.xml")
    report = await desk.deposit(raw)
    assert fates(report) == ["stored", "stored"]
    graph = await desk.graph(f"/diplomas/{BACHELOR}")
    it = Iri(f"{BASE}lotte/diplomas/{BACHELOR}#it")
    assert graph.value(it, RDF.type) == ELM.LearningAchievement
    assert graph.value(Iri(WEBID), ELM.hasClaim) == it
    original = await desk.body(f"/diplomas/originals/{BACHELOR}.xml")
    assert original is not None
    assert original in raw
    assert original.startswith(b"<Bewijs>")
    assert BACHELOR.encode() in original
    assert SECONDARY.encode() not in original


async def test_the_record_tells_the_source_the_version_and_the_digest_of_what_stands_there(desk: Desk) -> None:
    raw = sample("led-diplomas.xml")
    await desk.deposit(raw)
    held = await desk.held("diploma", BACHELOR)
    body = await desk.body(f"/diplomas/{BACHELOR}")
    assert held is not None
    assert body is not None
    assert held.source == "edu"
    assert held.digest == hashlib.sha256(body).hexdigest()
    assert held.message_digest == hashlib.sha256(raw).hexdigest()
    assert held.original.path == f"/diplomas/originals/{BACHELOR}.xml"
    assert (held.withdrawn, held.self_declared) == (False, False)


@pytest.mark.parametrize("number", [LED, DMFA])
async def test_either_number_of_a_citizen_leads_to_her_one_vault(desk: Desk, number: str) -> None:
    name = "led-diplomas.xml" if number == LED else "dmfa-quarters.xml"
    report = await desk.deposit(sample(name), person=number)
    assert report.documents
    assert all(item.document is None or item.document.pod == "lotte" for item in report.items)


async def test_a_message_routed_by_webid_is_taken_in_when_it_names_a_number_of_that_account(desk: Desk) -> None:
    assert fates(await desk.deposit(sample("led-diplomas.xml"), person=None, citizen=WEBID)) == ["stored", "stored"]
    report = await desk.deposit(sample("led-other-person.xml"), person=None, citizen=WEBID)
    assert [item.reason for item in report.items] == [None, "foreign-person"]


async def test_a_number_that_was_not_asked_about_is_foreign_even_when_it_is_hers(desk: Desk) -> None:
    report = await desk.deposit(sample("dmfa-quarters.xml"), person=LED)
    assert {item.reason for item in report.items} == {"foreign-person"}
    assert await desk.records() == []


async def test_nobody_is_guessed(desk: Desk) -> None:
    unknown = await desk.refused(sample("led-diplomas.xml"), person="71440822672")
    assert isinstance(unknown, Missing)
    stranger = WebId(f"{BASE}nobody/profile/card#me")
    assert isinstance(await desk.refused(b"<a/>", person=None, citizen=stranger), Missing)
    assert isinstance(await desk.refused(b"<a/>", person=None, citizen=None), Malformed)
    assert isinstance(await desk.refused(b"<a/>", person=LED, citizen=WEBID), Malformed)


@pytest.mark.parametrize(
    "person", ["", "9445122245", "944512224567", "94.45.12-224.56", "９４４５１２２２４５６", "abc"]
)
async def test_a_number_is_eleven_digits_and_nothing_else(desk: Desk, person: str) -> None:
    assert (await desk.refused(sample("led-diplomas.xml"), person=person)).reason == "national-number"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"roles": frozenset({Role.DATA_USER})}, "not-a-participant"),
        ({"suspended": True}, "suspended"),
        ({"suspended": True, "admission": Admission.COMPATIBLE}, "suspended"),
    ],
)
async def test_only_a_source_in_good_standing_deposits(desk: Desk, changes: dict[str, Any], reason: str) -> None:
    refusal = await desk.refused(sample("led-diplomas.xml"), source=a_source(**changes))
    assert isinstance(refusal, Forbidden)
    assert reason in refusal.reason
    assert await desk.records() == []


@pytest.mark.parametrize("admission", list(Admission))
async def test_a_contract_must_be_in_force_for_that_data_whatever_the_profile(desk: Desk, admission: Admission) -> None:
    day = timedelta(days=1)
    everything = frozenset({"diploma", "employment", "wage"})
    for contract in (
        Contract(frozenset({"wage", "employment"}), frozenset(), NOON - day, NOON + day, 0),
        Contract(everything, frozenset(), NOON - 2 * day, NOON - day, 0),
        Contract(everything, frozenset(), NOON + day, NOON + 2 * day, 0),
    ):
        source = a_source(contract=contract, admission=admission)
        assert isinstance(await desk.refused(sample("led-diplomas.xml"), source=source), Forbidden)
    assert await desk.records() == []


async def test_the_same_message_again_changes_nothing(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    before, lines = await desk.records(), len(await desk.log())
    again = await desk.deposit(sample("led-diplomas.xml"))
    assert fates(again) == ["unchanged", "unchanged"]
    assert len(again.documents) == 2
    assert await desk.records() == before
    assert [entry.event for entry in (await desk.log())[lines:]] == [AuditEvent.MESSAGE_DEPOSITED]


async def test_a_newer_version_replaces_and_an_older_one_does_not(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    newer = await desk.deposit(sample("led-changed-and-cancelled.xml"))
    assert fates(newer) == ["updated", "withdrawn"]
    graph = await desk.graph(f"/diplomas/{BACHELOR}")
    assert "2015-06-30" in " ".join(map(str, graph))
    older = await desk.deposit(sample("led-diplomas.xml"))
    assert fates(older) == ["older", "older"]
    assert await desk.graph(f"/diplomas/{BACHELOR}") == graph


async def test_a_cancelled_certificate_stays_and_says_that_it_was_withdrawn(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    assert status(await desk.graph(f"/diplomas/{SECONDARY}"), SECONDARY) == COMPLETED
    await desk.deposit(sample("led-changed-and-cancelled.xml"))
    assert status(await desk.graph(f"/diplomas/{SECONDARY}"), SECONDARY) == WITHDRAWN
    held = await desk.held("diploma", SECONDARY)
    assert held is not None
    assert held.withdrawn


async def test_a_cancellation_of_what_was_never_held_is_recorded_and_not_written(desk: Desk) -> None:
    report = await desk.deposit(sample("led-changed-and-cancelled.xml"))
    assert fates(report) == ["stored", "not-held"]
    assert await desk.body(f"/diplomas/{SECONDARY}") is None
    facts = (await desk.log())[-1].facts
    assert facts["not-held"] == "1"


async def test_a_version_under_another_number_withdraws_its_predecessor(desk: Desk) -> None:
    await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA)
    await desk.deposit(sample("dmfa-later.xml"), person=DMFA)
    ended = await desk.held("employment", "6104471103")
    current = await desk.held("employment", "6104471203")
    assert ended is not None
    assert current is not None
    assert (ended.withdrawn, current.withdrawn) == (True, False)
    graph = await desk.graph("/employment/6104471103")
    assert graph.objects(Iri(f"{BASE}lotte/employment/6104471103#it"), ADMS.status) == (WITHDRAWN,)
    body = await desk.body("/employment/6104471103")
    assert body is not None
    assert ended.digest == hashlib.sha256(body).hexdigest()


async def test_what_was_ended_does_not_rise_again_with_an_old_message(desk: Desk) -> None:
    await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA)
    await desk.deposit(sample("dmfa-later.xml"), person=DMFA)
    before = await desk.records()
    await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA)
    assert await desk.records() == before


async def test_a_citizens_changed_copy_is_replaced_by_a_new_version_only_and_never_silently(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    path = f"/diplomas/{BACHELOR}"
    await desk.overwrite(path, b"<#it> <urn:note> 'mine' .")
    again = await desk.deposit(sample("led-diplomas.xml"))
    assert again.items[0].fate is Fate.UNCHANGED
    assert await desk.body(path) == b"<#it> <urn:note> 'mine' ."
    newer = await desk.deposit(sample("led-changed-and-cancelled.xml"))
    assert newer.items[0].warnings == ("citizen-copy-replaced",)
    assert await desk.body(path) != b"<#it> <urn:note> 'mine' ."
    facts = [entry.facts for entry in await desk.log() if entry.event is AuditEvent.MESSAGE_DEPOSITED]
    assert [fact.get("replaced") for fact in facts] == [None, None, "1"]


async def test_a_changed_copy_keeps_its_words_when_its_predecessor_is_withdrawn_elsewhere(desk: Desk) -> None:
    await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA)
    await desk.overwrite("/employment/6104471103", b"<#it> <urn:note> 'mine' .")
    await desk.deposit(sample("dmfa-later.xml"), person=DMFA)
    assert await desk.body("/employment/6104471103") == b"<#it> <urn:note> 'mine' ."
    held = await desk.held("employment", "6104471103")
    assert held is not None
    assert held.withdrawn
    assert held.digest != hashlib.sha256(b"<#it> <urn:note> 'mine' .").hexdigest()


async def test_what_its_owner_deleted_comes_back_only_in_a_new_version(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    for reference in (BACHELOR, SECONDARY):
        await desk.remove(f"/diplomas/{reference}")
    assert fates(await desk.deposit(sample("led-diplomas.xml"))) == ["deleted-by-citizen"] * 2
    assert await desk.body(f"/diplomas/{BACHELOR}") is None
    later = await desk.deposit(sample("led-changed-and-cancelled.xml"))
    assert fates(later) == ["updated", "deleted-by-citizen"]
    assert await desk.body(f"/diplomas/{SECONDARY}") is None


async def test_another_source_does_not_take_over_a_reference(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    report = await desk.deposit(sample("led-changed-and-cancelled.xml"), source=a_source("other"))
    assert [item.reason for item in report.items] == ["reference-of-another-source"] * 2
    assert status(await desk.graph(f"/diplomas/{SECONDARY}"), SECONDARY) == COMPLETED


@pytest.mark.parametrize("name", [".acl", "x.acl", "x.meta", "originals", "..", "a/b"])
async def test_a_reference_never_becomes_an_acl_a_description_or_another_place(desk: Desk, name: str) -> None:
    text = sample("led-diplomas.xml").decode().replace(BACHELOR, name)
    report = await desk.deposit(text.encode())
    assert report.items[0].reason == "reference-unreadable"
    assert [one.reference for one in await desk.records()] == [SECONDARY]


async def test_an_item_that_does_not_fit_its_shape_is_refused_with_the_report_and_the_others_go_on(desk: Desk) -> None:
    good = sample("led-diplomas.xml").decode()
    long_name = "x" * 1001
    broken = good.replace("Professionele bachelor in de toegepaste informatica", long_name)
    report = await desk.deposit(broken.encode())
    assert fates(report) == ["refused", "stored"]
    (refused,) = report.refusals
    assert refused.reason == "shape"
    assert refused.findings[0][0] == "dct:title"
    assert long_name not in repr(report)


@pytest.mark.parametrize(
    ("name", "kind", "code", "retry"),
    [
        ("led-busy.xml", Unavailable, "MAGDA/99996", True),
        ("led-no-dossier.xml", Unprocessable, "MAGDA/13202", False),
    ],
)
async def test_an_error_of_the_source_is_refused_with_its_code(
    desk: Desk, name: str, kind: type[Refusal], code: str, retry: bool
) -> None:
    refusal = await desk.refused(sample(name))
    assert isinstance(refusal, kind)
    assert refusal.facts["code"] == code
    assert isinstance(refusal, Unavailable) is retry
    line = (await desk.log())[-1]
    assert (line.event, line.facts["code"]) == (AuditEvent.MESSAGE_REFUSED, code)


async def test_an_empty_answer_leaves_what_is_held_and_says_why(desk: Desk) -> None:
    await desk.deposit(sample("led-diplomas.xml"))
    before = await desk.records()
    assert (await desk.deposit(sample("led-nothing-found.xml"))).empty == "nothing-found"
    assert (await desk.deposit(sample("led-filtered.xml"))).empty == "filtered"
    assert await desk.records() == before


@pytest.mark.parametrize(
    ("raw", "media_type", "kind"),
    [
        (b"<a", MediaType("application/xml"), Malformed),
        (b"<!DOCTYPE a><a/>", MediaType("text/xml"), Unprocessable),
        (b"<a/>", MediaType("application/xml"), Unprocessable),
        (b"%PDF-1.7", MediaType("application/pdf"), UnsupportedMedia),
        (b"<#it> a", TURTLE, Malformed),
        (b"{", JSON_LD, Malformed),
    ],
)
async def test_what_cannot_be_read_is_refused_and_written_down(
    desk: Desk, raw: bytes, media_type: MediaType, kind: type[Refusal]
) -> None:
    refusal = await desk.refused(raw, media_type=media_type)
    assert isinstance(refusal, kind)
    line = (await desk.log())[-1]
    assert (line.event, line.facts["reason"]) == (AuditEvent.MESSAGE_REFUSED, refusal.reason)


async def test_a_message_for_nobody_here_is_a_line_in_the_operators_log(desk: Desk) -> None:
    await desk.refused(sample("led-diplomas.xml"), person="71440822672")
    assert await desk.log() == []
    (line,) = await desk.operators_log()
    assert (line.event, line.facts["reason"]) == (AuditEvent.MESSAGE_REFUSED, "no-vault")


@pytest.mark.requirement("UX-21")
async def test_every_message_and_every_refused_item_is_a_line_in_the_citizens_log(desk: Desk) -> None:
    await desk.deposit(sample("led-other-person.xml"))
    lines = [entry for entry in await desk.log() if entry.event.value.startswith("datasluis:")]
    assert [entry.event for entry in lines] == [AuditEvent.MESSAGE_DEPOSITED, AuditEvent.ITEM_REFUSED]
    deposited, refused = lines
    assert deposited.facts["stored"] == "1"
    assert deposited.facts["refused"] == "1"
    assert deposited.facts["organisation"] == "Onderwijsregister"
    assert deposited.facts["reference"] == "DEMO-LED-3"
    assert deposited.facts["capacity"] == "ipdc-demo"
    assert (refused.facts["reason"], refused.facts["position"]) == ("foreign-person", "2")


async def test_no_national_number_is_in_the_log_the_report_the_record_or_the_document(desk: Desk) -> None:
    reports = [
        await desk.deposit(sample("led-diplomas.xml").replace(b"DEMO-LED-1", LED.encode())),
        await desk.deposit(sample("led-other-person.xml")),
        await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA),
    ]
    refusal = await desk.refused(sample("led-diplomas.xml"), person="71440822672")
    records = await desk.records()
    documents = [await desk.body(one.url.path) for one in records]
    logs = [*await desk.log(), *await desk.operators_log()]
    said = repr([*reports, *(r.as_facts(BASE) for r in reports), *logs, records, refusal.detail, refusal.facts])
    for number in (LED, DMFA, "88520311864", "71440822672"):
        assert number not in said
        assert all(body is not None and number.encode() not in body for body in documents)


async def test_sample_mode_takes_in_another_persons_items_and_the_document_says_so(desk: Desk) -> None:
    desk.settings = sample_mode()
    report = await desk.deposit(sample("led-other-person.xml"))
    assert fates(report) == ["stored", "stored"]
    assert report.items[0].warnings == ()
    assert "sample-person" in report.items[1].warnings
    document = report.items[1].document
    assert document is not None
    body = await desk.body(document.path)
    assert body is not None
    assert "op naam van iemand anders" in body.decode()


async def test_a_document_in_our_own_form_moves_to_its_place_in_the_pod(desk: Desk) -> None:
    raw = sample("diploma-master.ttl")
    report = await desk.deposit(raw, media_type=TURTLE)
    document = report.items[0].document
    assert document is not None
    assert document.path == "/diplomas/UO-2018-1183-0442"
    graph = await desk.graph(document.path)
    assert graph.value(Iri(document.iri(BASE) + "#it"), ELM.awardedBy) == Iri(document.iri(BASE) + "#award")
    assert "deposit.invalid" not in " ".join(map(str, graph))
    assert await desk.body("/diplomas/originals/UO-2018-1183-0442.ttl") == raw


async def test_a_document_with_its_own_address_is_moved_with_all_its_parts(desk: Desk) -> None:
    text = sample("diploma-master.ttl").decode().replace("<#", "<https://uni.example/d/1#")
    report = await desk.deposit(text.encode(), media_type=TURTLE, reference="mijn-master")
    document = report.items[0].document
    assert document is not None
    assert document.path == "/diplomas/mijn-master"
    assert "uni.example" not in " ".join(map(str, await desk.graph(document.path)))


async def test_the_same_document_again_is_unchanged_and_another_version_of_it_replaces(desk: Desk) -> None:
    raw = sample("payslip-2026-10.ttl")
    assert fates(await desk.deposit(raw, media_type=TURTLE, person=DMFA)) == ["stored"]
    assert fates(await desk.deposit(b"# a comment\n" + raw, media_type=TURTLE, person=DMFA)) == ["unchanged"]
    corrected = raw.replace(b"2414.46", b"2414.50")
    assert fates(await desk.deposit(corrected, media_type=TURTLE, person=DMFA)) == ["updated"]
    body = await desk.body("/wages/LN-2026-10-77140")
    assert body is not None
    assert b"2414.50" in body


async def test_json_ld_is_taken_in_and_stored_as_turtle_beside_its_original(desk: Desk) -> None:
    raw = b"""{"@context": {"elm": "http://data.europa.eu/snb/model/elm/", "rov": "http://www.w3.org/ns/regorg#"},
      "@id": "#it", "@type": "elm:LearningAchievement",
      "http://purl.org/dc/terms/title": {"@value": "Lasser", "@language": "nl"},
      "elm:awardedBy": {"@id": "#award", "@type": "elm:AwardingProcess",
        "elm:awardingBody": {"@id": "#body", "@type": "elm:Organisation",
          "rov:legalName": {"@value": "CVO De Trekvogel", "@language": "nl"}}}}"""
    report = await desk.deposit(raw, media_type=JSON_LD, reference="lasser")
    assert fates(report) == ["stored"]
    assert Literal("Lasser", language="nl") in {one.object for one in await desk.graph("/diplomas/lasser")}
    assert await desk.body("/diplomas/originals/lasser.jsonld") == raw


async def test_a_national_number_in_a_document_is_left_out_and_somebody_elses_is_refused(desk: Desk) -> None:
    text = sample("diploma-master.ttl").decode()
    mine = text + f'<#me> elm:hasClaim <#it> ; elm:nationalId [ skos:notation "{LED}" ] .'
    report = await desk.deposit(mine.encode(), media_type=TURTLE)
    assert report.items[0].warnings == ("national-number-left-out",)
    body = await desk.body("/diplomas/UO-2018-1183-0442")
    assert body is not None
    assert LED.encode() not in body
    other = text + '<#me> elm:hasClaim <#it> ; elm:nationalId "88.52.03-118.64" .'
    refused = await desk.deposit(other.encode(), media_type=TURTLE, reference="other")
    assert [item.reason for item in refused.items] == ["foreign-person"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<#it> <urn:p> 'no class' .", "data-type-unknown"),
        ("[] a <http://data.europa.eu/snb/model/elm/LearningAchievement> .", "no-subject"),
        (
            "<#a> a <http://data.europa.eu/snb/model/elm/LearningAchievement> ."
            "<#b> a <http://data.europa.eu/snb/model/elm/LearningAchievement> .",
            "no-subject",
        ),
        (
            "<#it> a <http://data.europa.eu/snb/model/elm/LearningAchievement> ,"
            "<https://data.vlaanderen.be/ns/loongegevens#Arbeidsloon> .",
            "data-type-unknown",
        ),
        ("<#it> a <http://data.europa.eu/snb/model/elm/LearningAchievement> ; <urn:p> <other> .", "relative-iri"),
    ],
)
async def test_a_document_that_is_not_about_one_known_thing_is_refused(desk: Desk, text: str, reason: str) -> None:
    assert (await desk.refused(text.encode(), media_type=TURTLE)).reason == reason


async def test_a_declaration_of_employment_never_passes_as_a_payslip(desk: Desk) -> None:
    await desk.deposit(sample("dmfa-quarters.xml"), person=DMFA)
    statement = await desk.body("/employment/6104471104")
    assert statement is not None
    dressed = statement.replace(b"v:EmploymentStatement", b"<https://data.vlaanderen.be/ns/loongegevens#Arbeidsloon>")
    report = await desk.deposit(dressed, media_type=TURTLE, person=DMFA, reference="dressed")
    assert [item.reason for item in report.refusals] == ["shape"]
    assert await desk.held("wage", "dressed") is None


async def test_a_full_vault_takes_in_nothing_of_the_message(tmp_path: Path) -> None:
    async with open_desk(tmp_path, LED, quota_bytes=4_000) as desk:
        with pytest.raises(OverQuota):
            await desk.deposit(sample("led-diplomas.xml"))
        assert await desk.records() == []
        assert await desk.log() == []


async def test_the_source_is_told_where_each_item_stands(desk: Desk) -> None:
    facts: Any = (await desk.deposit(sample("led-other-person.xml"))).as_facts(BASE)
    stored, refused = facts["items"]
    assert stored["document"].startswith(f"{BASE}lotte/diplomas/")
    assert refused == {"position": 2, "outcome": "refused", "reason": "foreign-person"}
