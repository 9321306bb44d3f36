"""Before deciding, a citizen sees exactly the values that would leave, and what stays closed."""

from __future__ import annotations

import pytest

from tests.lock import (
    DAY,
    DIPLOMA,
    LOTTE,
    NOON,
    STRANGER,
    Counter,
    a_citizen,
    a_question,
    document,
    the_terms,
)
from vault.datasluis.admission import RequestDraft
from vault.datasluis.preview import MAX_DOCUMENTS, AskedPreview, RequestPreview, preview
from vault.datasluis.provenance import Verification
from vault.datasluis.requests import AccessRequest, Asked
from vault.datasluis.views import show, subject_of
from vault.errors import Missing
from vault.values import Citizen


async def _preview(counter: Counter, request: AccessRequest, citizen: Citizen | None = None) -> RequestPreview:
    async with counter.vault.reading() as work:
        return await preview(
            work,
            citizen=citizen or counter.citizen,
            request=request,
            catalogue=counter.vault.catalogue,
            blobs=counter.vault.blobs,
            base_url=counter.vault.base_url,
            limits=counter.vault.settings.limits,
            now=counter.clock(),
        )


async def _asked(counter: Counter, draft: RequestDraft | None = None, *, by: str = "hr") -> AskedPreview:
    return (await _preview(counter, await counter.ask(draft, by=by))).asked[0]


def _texts(asked: AskedPreview, document: int = 0) -> dict[str, list[str]]:
    return {
        one.field.key: [value.in_language("nl") for value in one.shown.values] if one.shown else []
        for one in asked.documents[document].fields
    }


@pytest.mark.requirement("UX-03")
async def test_each_field_shows_the_value_that_would_leave_now(counter: Counter) -> None:
    shown = _texts(await _asked(counter))
    assert shown["title"] == ["Master in de rechten"]
    assert shown["awarding-body"] == ["Hogeschool aan de Leie"]
    assert shown["grade"] == ["grote onderscheiding"]
    assert list(shown) == ["title", "level", "awarding-body", "date", "grade"]


@pytest.mark.requirement("UX-03")
async def test_what_the_page_shows_is_what_a_read_gives(counter: Counter) -> None:
    """The preview of the granted fields and the view that leaves have the same values, field by field."""
    request = await counter.ask()
    before = {key: values for key, values in _texts((await _preview(counter, request)).asked[0]).items() if values}
    view = await counter.viewed(await counter.approve(request))
    data_type = counter.vault.catalogue.data_types["diploma"]
    subject = subject_of(view.graph, f"{counter.vault.base_url}datasluis/view/{view.grant.id}/diploma-1", data_type)
    assert subject is not None
    left = {
        shown.key: [value.in_language("nl") for value in shown.values]
        for shown in show(view.graph, subject, data_type, counter.vault.catalogue)
    }
    assert left == before


@pytest.mark.requirement("UX-03")
async def test_a_field_without_a_value_says_so(counter: Counter) -> None:
    await counter.write("diploma", body=DIPLOMA.replace("elm:provenBy <#assessment>", "dct:type <#x>"))
    asked = await _asked(counter)
    assert next(one for one in asked.documents[0].fields if one.field.key == "grade").shown is None


@pytest.mark.requirement("UX-04")
async def test_required_and_optional_are_told_apart(counter: Counter) -> None:
    fields = {one.field.key: one.required for one in (await _asked(counter)).documents[0].fields}
    assert fields == {"title": True, "level": True, "awarding-body": True, "date": True, "grade": False}


@pytest.mark.requirement("UX-05")
async def test_the_neighbouring_data_that_stays_closed_is_listed(counter: Counter) -> None:
    asked = await _asked(counter, a_question(asked=(Asked("diploma", ("title",)),)))
    closed = {one.key for one in asked.documents[0].closed}
    assert {"level", "awarding-body", "date", "grade", "programme"} <= closed
    assert "title" not in closed
    assert "credits" not in closed  # this diploma has none: nothing to keep closed


async def test_a_citizen_who_has_no_such_document_is_told(counter: Counter) -> None:
    asked = await _asked(counter, a_question(asked=(Asked("employment", ("employer",)),)))
    assert (asked.data_type.key, asked.documents, asked.unreadable) == ("employment", (), 0)


async def test_each_document_says_whose_word_it_is_and_the_withdrawn_come_last(counter: Counter) -> None:
    await counter.write("diploma", "a-gone", delivered=True, withdrawn=True)
    await counter.write("diploma", "b-mine")
    await counter.write("diploma", "c-edited", delivered=True)
    await counter.write("diploma", "c-edited", body=DIPLOMA + "# a note\n")
    found = [(one.url.name, one.provenance.verification) for one in (await _asked(counter)).documents]
    assert found == [
        ("c-edited", Verification.CHANGED),
        ("b-mine", Verification.SELF_DECLARED),
        ("one", Verification.AS_DELIVERED),
        ("a-gone", Verification.WITHDRAWN),
    ]


async def test_the_source_is_named(counter: Counter) -> None:
    assert (await _asked(counter)).documents[0].provenance.source == "SCHOOL nv"


async def test_a_document_that_cannot_be_read_is_counted_and_not_shown(counter: Counter) -> None:
    await counter.write("diploma", "broken", body="this is not Turtle", delivered=True)
    await counter.write("diploma", "other", body="<#it> a <https://example.org/Dog> .")
    await counter.write("diploma", "emptied", body="<#it> a <https://example.org/Dog> .", delivered=True)
    asked = await _asked(counter)
    assert [one.url.name for one in asked.documents] == ["one"]
    assert asked.unreadable == 2  # the dog in the folder is nobody's diploma


async def test_a_blocked_field_is_shown_locked(counter: Counter) -> None:
    draft = a_question(asked=(Asked("wage", ("gross",)), Asked("diploma", ("title",))))
    found = await _preview(counter, await counter.ask(draft, by="lenient"))
    assert [one.locked for one in found.asked[0].documents[0].fields] == [True]
    assert [one.locked for one in found.asked[1].documents[0].fields] == [False]
    assert "A1" in [hit.rule.id for hit in found.advice]


async def test_advice_is_given_anew_on_the_page_and_knows_the_citizens_own_word(counter: Counter) -> None:
    await counter.write("diploma", "mine")
    found = await _preview(counter, await counter.ask(a_question(terms=the_terms(recipients=("Payroll bv",)))))
    assert {"A4", "A10", "A13"} <= {hit.rule.id for hit in found.advice}


async def test_the_page_knows_the_latest_end_the_purpose_and_whether_the_operator_admitted_it(counter: Counter) -> None:
    strict = await _preview(counter, await counter.ask())
    assert (strict.latest, strict.admitted) == (NOON + 60 * DAY, True)
    assert strict.purpose is not None
    bare = RequestDraft(a_question().citizen, (Asked("diploma", ("title",)),))
    loose = await _preview(counter, await counter.ask(bare, by="lenient"))
    assert (loose.latest, loose.admitted, loose.purpose) == (NOON + 30 * DAY, False, None)


async def test_nobody_sees_the_preview_of_somebody_else(counter: Counter) -> None:
    with pytest.raises(Missing) as refused:
        await _preview(counter, await counter.ask(), a_citizen(STRANGER))
    assert refused.value.reason == "no-such-request"


async def test_documents_of_another_pod_are_never_among_hers(counter: Counter) -> None:
    await counter.write("diploma", "theirs", pod=STRANGER)
    assert {one.url.pod for one in (await _asked(counter)).documents} == {LOTTE}


async def test_of_very_many_documents_the_latest_are_shown_and_the_rest_is_counted(counter: Counter) -> None:
    """A folder lists by name: the latest payslip of a long career has to be there, whatever it is called."""
    for number in range(MAX_DOCUMENTS + 4):
        await counter.write("diploma", f"d{number:04}")
    latest = await counter.write("diploma", "zzzz")
    asked = await _asked(counter)
    assert len(asked.documents) == MAX_DOCUMENTS
    assert asked.documents[0].url == latest
    assert document("diploma", "d0000") not in {one.url for one in asked.documents}
    assert asked.older == 6  # with the one that she had
    assert (await _asked(counter, a_question(asked=(Asked("employment", ("employer",)),)))).older == 0
