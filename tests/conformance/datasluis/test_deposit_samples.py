"""The table: what every sample message gives, ours always, the public ones where they are at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.datasluis.depositing import DMFA, LED, MESSAGES, Desk, open_desk, sample
from tests.house.tree import ROOT
from vault.errors import Refusal
from vault.values import TURTLE, XML

ODD = "68471533403"
EXAMPLES = ROOT / "shapes/examples"
PUBLIC = ROOT.parent / "shared/data/magda"

# file, person, outcomes, why there are none, the refusal of the whole message
OWN = [
    ("led-diplomas.xml", LED, {"stored": 2}, None, None),
    ("led-changed-and-cancelled.xml", LED, {"updated": 1, "withdrawn": 1}, None, None),
    ("led-other-person.xml", LED, {"stored": 1, "refused": 1}, None, None),
    ("led-odd-values.xml", ODD, {"stored": 4}, None, None),
    ("led-nothing-found.xml", LED, {}, "nothing-found", None),
    ("led-filtered.xml", LED, {}, "filtered", None),
    ("led-busy.xml", LED, {}, None, "too-many-questions"),
    ("led-no-dossier.xml", LED, {}, None, "no-dossier"),
    ("dmfa-quarters.xml", DMFA, {"stored": 4, "superseded": 1, "not-held": 1}, None, None),
    ("dmfa-later.xml", DMFA, {"stored": 2, "superseded": 1, "withdrawn": 1}, None, None),
    ("dmfa-empty.xml", DMFA, {}, "nothing-found", None),
    ("dmfa-nothing-found.xml", DMFA, {}, "nothing-found", None),
    ("payslip-2026-09.ttl", DMFA, {"stored": 1}, None, None),
    ("payslip-2026-10.ttl", DMFA, {"stored": 1}, None, None),
    ("diploma-master.ttl", LED, {"stored": 1}, None, None),
]

# LED: certificates, documents, certificates that name another person, reason when there are none.
LED_TABLE = {
    "10611300379": (4, 4, 0, None),
    "96611827972": (4, 4, 0, None),
    "98661320978": (3, 3, 0, None),
    "78672429129": (2, 2, 0, None),
    "90722500488": (2, 2, 0, None),
    "99681543224": (2, 2, 0, None),
    "00671031676": (1, 1, 0, None),
    "70062199185": (1, 1, 0, None),
    "79652300264": (1, 1, 0, None),
    "90642300294": (1, 1, 0, None),
    "91690200204": (1, 1, 0, None),
    "99610999874": (1, 1, 0, None),
    "89610532179": (13, 12, 1, None),
    "67621546751": (2, 1, 1, None),
    "70622299753": (2, 1, 1, None),
    "98640399761": (2, 1, 1, None),
    "99610100150": (24, 1, 23, None),
    "90722500191": (0, 0, 0, "too-many-questions"),
    "90722500389": (0, 0, 0, "source-unavailable"),
    "90722500785": (0, 0, 0, "no-dossier"),
    "90722501874": (0, 0, 0, "filtered"),
    "notfound": (0, 0, 0, "nothing-found"),
}
# DmfA: statements, valid, cancelled, superseded.
DMFA_TABLE = {
    "02622200138": (5, 2, 2, 1),
    "71640618918": (7, 6, 0, 1),
    "82650300149": (7, 3, 3, 1),
    "84711200157": (6, 3, 2, 1),
    "88691900114": (6, 3, 2, 1),
    "84720680027": (0, 0, 0, 0),
    "notfound": (0, 0, 0, 0),
}
UNKNOWN = "99999999999"


def _public(service: str) -> Path:
    folder = PUBLIC / service
    if not folder.is_dir():
        pytest.skip(f"the public sample messages are not at {folder}")
    return folder


def _message(service: str, person: str) -> bytes:
    return (_public(service) / f"{person}.xml").read_bytes()


async def _outcomes(desk: Desk, raw: bytes, person: str) -> tuple[Counter[str], str | None]:
    try:
        report = await desk.deposit(raw, person=person)
    except Refusal as refusal:
        return Counter(), refusal.reason
    assert [item.findings for item in report.items if item.findings] == []
    return Counter(item.reason or item.fate.value for item in report.items), report.empty


async def test_our_own_samples_give_what_their_table_says(tmp_path: Path) -> None:
    async with open_desk(tmp_path, LED, DMFA, ODD) as desk:
        found: list[tuple[str, str, dict[str, int], str | None, str | None]] = []
        for name, person, *_ in OWN:
            media_type = XML if name.endswith(".xml") else TURTLE
            try:
                report = await desk.deposit(sample(name), person=person, media_type=media_type)
            except Refusal as refusal:
                found.append((name, person, {}, None, refusal.reason))
                continue
            fates = dict(Counter(item.fate.value for item in report.items))
            found.append((name, person, fates, report.empty, None))
        assert found == OWN
        records = await desk.records()
        assert Counter(one.data_type for one in records) == {"diploma": 8, "employment": 6, "wage": 2}
        assert sum(one.withdrawn for one in records) == 3


async def test_the_examples_of_the_shapes_are_taken_in_or_refused_as_they_say(tmp_path: Path) -> None:
    wrong = []
    async with open_desk(tmp_path, LED) as desk:
        for path in sorted(EXAMPLES.iterdir()):
            name = path.name.removesuffix(".ttl").replace(".", "-")
            report = await desk.deposit(path.read_bytes(), media_type=TURTLE, reference=name)
            outcome = [(item.fate.value, item.reason, bool(item.findings)) for item in report.items]
            valid = ".valid-" in path.name
            wrong += (
                [] if outcome == [("stored", None, False) if valid else ("refused", "shape", True)] else [path.name]
            )
        assert wrong == []
        stored = {one.reference for one in await desk.records()}
    assert stored == {path.name.removesuffix(".ttl").replace(".", "-") for path in EXAMPLES.glob("*.valid-*")}


def test_every_sample_of_ours_is_in_the_table() -> None:
    assert sorted(path.name for path in MESSAGES.iterdir() if path.suffix != ".md") == sorted(row[0] for row in OWN)


def test_no_number_of_the_public_samples_is_in_ours() -> None:
    ours = "".join(path.read_text(encoding="utf-8") for path in MESSAGES.iterdir())
    assert [number for number in (*LED_TABLE, *DMFA_TABLE) if number.isdigit() and number in ours] == []


@pytest.mark.parametrize("person", sorted(LED_TABLE))
async def test_a_public_led_message_gives_what_the_table_says(person: str, tmp_path: Path) -> None:
    raw = _message("LED-GeefBewijs-02.00", person)
    asked = person if person.isdigit() else UNKNOWN
    certificates, documents, foreign, why = LED_TABLE[person]
    async with open_desk(tmp_path, asked) as desk:
        outcomes, reason = await _outcomes(desk, raw, asked)
        assert outcomes.total() == certificates
        assert (outcomes["stored"], outcomes["foreign-person"], reason) == (documents, foreign, why)
        again, _ = await _outcomes(desk, raw, asked)
        assert (again["unchanged"], again["stored"]) == (documents, 0)


def test_the_public_led_table_is_complete() -> None:
    folder = _public("LED-GeefBewijs-02.00")
    assert sorted(path.stem for path in folder.glob("*.xml")) == sorted(LED_TABLE)
    rows = LED_TABLE.values()
    assert [sum(column) for column in list(zip(*rows, strict=True))[:3]] == [66, 39, 27]
    assert sum(row[3] is not None for row in rows) == 5


@pytest.mark.parametrize("person", sorted(DMFA_TABLE))
async def test_a_public_dmfa_message_gives_what_the_table_says(person: str, tmp_path: Path) -> None:
    raw = _message("Werk-GeefDmfaVoorWerknemer-03.00", person)
    asked = person if person.isdigit() else UNKNOWN
    statements, valid, cancelled, superseded = DMFA_TABLE[person]
    async with open_desk(tmp_path, asked) as desk:
        outcomes, reason = await _outcomes(desk, raw, asked)
        assert outcomes.total() == statements
        assert (outcomes["stored"], outcomes["not-held"], outcomes["superseded"]) == (valid, cancelled, superseded)
        assert reason == (None if statements else "nothing-found")
        again, _ = await _outcomes(desk, raw, asked)
        assert (again["unchanged"], again["stored"]) == (valid, 0)


def test_the_public_dmfa_table_is_complete() -> None:
    folder = _public("Werk-GeefDmfaVoorWerknemer-03.00")
    assert sorted(path.stem for path in folder.glob("*.xml")) == sorted(DMFA_TABLE)
    assert [sum(column) for column in zip(*DMFA_TABLE.values(), strict=True)] == [31, 17, 9, 5]
