"""Entries of the log as readable values, filtered and exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lock import APPLICANT, DAY, LOTTE, NOON, shipped, webid_of
from vault.audit import GENESIS, AuditDraft, AuditEntry, AuditEvent, Intact, link, verify_chain
from vault.datasluis.history import EVERYTHING, Outcome, Wanted, Who, csv_rows, entry_record, line_of

LINES = {
    AuditEvent.GRANT_READ: Outcome.GIVEN,
    AuditEvent.GRANT_READ_REFUSED: Outcome.REFUSED,
    AuditEvent.GRANT_ISSUED: Outcome.DECIDED,
    AuditEvent.GRANT_REVOKED: Outcome.DECIDED,
    AuditEvent.GRANT_EXPIRED: Outcome.ENDED,
    AuditEvent.REQUEST_SUBMITTED: Outcome.ASKED,
    AuditEvent.REQUEST_WITHDRAWN: Outcome.ENDED,
    AuditEvent.MESSAGE_DEPOSITED: Outcome.RECEIVED,
    AuditEvent.RESOURCE_CREATED: Outcome.CHANGED,
}


def _entry(
    event: AuditEvent = AuditEvent.GRANT_READ,
    more: Mapping[str, str] | None = None,
    *,
    actor: str = "hr",
    number: int = 1,
    **facts: str,
) -> AuditEntry:
    given = {
        "organisation": "HR nv",
        "purpose": APPLICANT,
        "data": "diploma",
        "fields": "title date",
        "how": "api",
        **(more or {}),
    }
    return link(AuditDraft(LOTTE, NOON, event, actor, "grant-1", {**given, **facts}), number=number, previous=GENESIS)


def _line(entry: AuditEntry) -> Any:
    return line_of(entry, citizen=webid_of(LOTTE), catalogue=shipped())


@pytest.mark.requirement("UX-19")
def test_a_read_says_who_what_when_why_how_and_with_which_outcome() -> None:
    line = _line(_entry(client="hr-app", resource="/diplomas/one", digest="d" * 64))
    assert (line.who, line.name, line.client) == (Who.ORGANISATION, "HR nv", "hr-app")
    assert line.what[0].labels["en"] == "diploma or certificate"
    assert [labels["en"] for labels in line.what[0].fields] == ["title of the diploma", "date awarded"]
    assert line.at == NOON
    assert line.why["en"] == "Checking an applicant’s information"
    assert (line.grant, line.how, line.outcome, line.reason) == ("grant-1", "api", Outcome.GIVEN, None)
    assert (line.resource, line.digest) == ("/diplomas/one", "d" * 64)
    assert line.key == "log.event.datasluis.grant.read"


@pytest.mark.parametrize(("event", "outcome"), LINES.items())
def test_each_event_has_its_outcome(event: AuditEvent, outcome: Outcome) -> None:
    assert _line(_entry(event)).outcome is outcome


def test_a_refused_try_says_why() -> None:
    line = _line(_entry(AuditEvent.GRANT_READ_REFUSED, reason="grant-revoked"))
    assert (line.outcome, line.reason) == (Outcome.REFUSED, "grant-revoked")


def test_who_did_it_is_told_apart() -> None:
    assert _line(_entry(actor=webid_of(LOTTE))).who is Who.CITIZEN
    assert _line(_entry(actor="clock")).who is Who.SERVER
    stranger = link(
        AuditDraft(LOTTE, NOON, AuditEvent.GRANT_READ_REFUSED, webid_of("eve"), "g", {}), number=1, previous=GENESIS
    )
    assert _line(stranger).who is Who.STRANGER
    assert _line(stranger).name == ""


def test_an_approval_names_each_kind_of_document_with_its_fields() -> None:
    facts = {
        "data": "diploma wage",
        "fields.diploma-1": "title",
        "fields.diploma-2": "title date",
        "fields.wage-1": "net",
    }
    entry = link(
        AuditDraft(LOTTE, NOON, AuditEvent.GRANT_ISSUED, webid_of(LOTTE), "g", facts), number=1, previous=GENESIS
    )
    what = {one.data_type: [labels["en"] for labels in one.fields] for one in _line(entry).what}
    assert what == {"diploma": ["title of the diploma", "date awarded"], "wage": ["net pay"]}


def test_a_line_names_the_documents_it_is_about() -> None:
    assert _line(_entry(resource="/diplomas/one")).documents == ("/diplomas/one",)
    approval = {"resource.diploma-1": "/diplomas/one", "resource.diploma-2": "/diplomas/two"}
    assert _line(_entry(AuditEvent.GRANT_ISSUED, approval)).documents == ("/diplomas/one", "/diplomas/two")
    assert _line(_entry(AuditEvent.GRANT_REVOKED)).documents == ()


@pytest.mark.parametrize(
    ("facts", "news"),
    [
        ({"stored": "2"}, True),
        ({"unchanged": "1", "updated": "1"}, True),
        ({"withdrawn": "1"}, True),
        ({"unchanged": "3", "older": "1"}, False),
        ({"refused": "1"}, False),
        ({"empty": "nothing-found"}, False),
    ],
)
def test_a_delivery_says_whether_it_brought_anything(facts: dict[str, str], news: bool) -> None:
    assert _line(_entry(AuditEvent.MESSAGE_DEPOSITED, facts)).news is news


def test_an_unknown_purpose_or_data_type_does_not_break_a_line() -> None:
    line = _line(_entry(purpose="https://hr.example/own", data="passport", fields="number"))
    assert (line.why, line.purpose, line.what) == (None, "https://hr.example/own", ())


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EVERYTHING, True),
        (Wanted(), True),
        (Wanted(outcome=Outcome.GIVEN), True),
        (Wanted(outcome=Outcome.REFUSED), False),
        (Wanted(organisation="HR nv"), True),
        (Wanted(organisation="Other"), False),
        (Wanted(data_type="diploma"), True),
        (Wanted(data_type="wage"), False),
        (Wanted(grant="grant-1"), True),
        (Wanted(grant="grant-2"), False),
        (Wanted(since=NOON, until=NOON + DAY), True),
        (Wanted(since=NOON + DAY), False),
        (Wanted(until=NOON), False),
    ],
)
def test_each_filter_narrows(wanted: Wanted, found: bool) -> None:
    assert wanted(_line(_entry())) is found


def test_the_vaults_own_housekeeping_is_left_out_unless_it_is_wanted() -> None:
    line = _line(_entry(AuditEvent.RESOURCE_UPDATED))
    assert not Wanted()(line)
    assert EVERYTHING(line)


@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
def test_the_table_export_is_in_the_citizens_language(language: str) -> None:
    header, row = csv_rows([_line(_entry())], language)
    cells = dict(zip(header, row, strict=True))
    assert cells["data"] == shipped().data_types["diploma"].labels[language]
    assert cells["purpose"] == shipped().purposes[APPLICANT].labels[language]
    assert cells["document"] == ""
    _, row = csv_rows([_line(_entry(resource="/diplomas/one"))], language)
    assert row[-1] == "/diplomas/one"


@pytest.mark.requirement("ATK-34")
@pytest.mark.parametrize("name", ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "a\x1b[31mb"])
def test_no_cell_is_a_formula_or_breaks_its_line(name: str) -> None:
    _, row = csv_rows([_line(_entry(organisation=name))], "en")
    cell = row[5]
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert cell.isprintable()


@pytest.mark.requirement("UX-21")
def test_the_raw_export_alone_verifies_the_chain_and_shows_an_altered_line() -> None:
    first = _entry()
    second = link(
        AuditDraft(LOTTE, NOON, AuditEvent.GRANT_REVOKED, webid_of(LOTTE), "grant-1"), number=2, previous=first.digest
    )
    records: list[dict[str, Any]] = [entry_record(entry) for entry in (first, second)]

    def read_back(rows: list[dict[str, Any]]) -> object:
        from datetime import datetime

        kept = [{**row, "at": datetime.fromisoformat(row["at"]), "event": AuditEvent(row["event"])} for row in rows]
        return verify_chain(AuditEntry(**row) for row in kept)

    assert isinstance(read_back(records), Intact)
    altered = [{**records[0], "facts": {**records[0]["facts"], "fields": "title"}}, records[1]]
    assert not isinstance(read_back(altered), Intact)
    assert not isinstance(read_back(records[1:]), Intact)
    assert not isinstance(read_back(records[::-1]), Intact)
