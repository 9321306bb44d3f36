"""The doors where organisations see their grants and read through them, over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.lock import APPLICANT, DIPLOMA, PAYROLL
from tests.lock_live import LiveLock
from vault.audit import AuditEvent
from vault.datasluis.answer import pause_grant, resume_grant, revoke_grant

TITLE, DATE, GRADE = "Master in de rechten", "2014-07-01", "grote onderscheiding"


async def test_a_grant_is_shown_with_the_address_of_each_view_and_not_of_the_document(lock: LiveLock) -> None:
    grant = await lock.granted("title", "date")
    assert grant["state"] == "active"
    assert grant["items"] == [
        {
            "key": "diploma-1",
            "type": "diploma",
            "fields": ["title", "date"],
            "view": f"{lock.base}view/{grant['id'].rpartition('/')[2]}/diploma-1",
        }
    ]
    assert "/diplomas/" not in json.dumps(grant)


async def test_a_grant_stands_in_the_list_of_its_holder_alone(lock: LiveLock) -> None:
    grant = await lock.granted()
    mine = await lock.call("GET", "grants?limit=1", by="employer")
    assert mine.json["items"][0]["id"] == grant["id"]
    theirs = await lock.call("GET", "grants", by="landlord")
    assert grant["id"] not in [one["id"] for one in theirs.json["items"]]


@pytest.mark.requirement("ATK-15")
async def test_a_grant_of_somebody_else_is_answered_like_one_that_does_not_exist(lock: LiveLock) -> None:
    grant = await lock.granted()
    for theirs, absent in (
        (grant["id"], "grants/6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11"),
        (grant["items"][0]["view"], "view/6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11/diploma-1"),
    ):
        one = await lock.call("GET", theirs, by="landlord")
        other = await lock.call("GET", absent, by="landlord")
        assert one.status == other.status == 404
        assert {**one.json, "request": ""} == {**other.json, "request": ""}
        assert set(one.headers) == set(other.headers)


async def test_exactly_the_granted_fields_arrive_as_turtle_and_as_json_ld(lock: LiveLock) -> None:
    view = (await lock.granted("title", "date"))["items"][0]["view"]
    turtle = await lock.call("GET", view, by="employer", Accept="text/turtle")
    json_ld = await lock.call("GET", view, by="employer", Accept="application/ld+json")
    assert turtle.headers["Content-Type"] == "text/turtle"
    assert json_ld.headers["Content-Type"] == "application/ld+json"
    for answer in (turtle, json_ld):
        assert answer.status == 200
        assert TITLE in answer.text
        assert DATE in answer.text
        assert GRADE not in answer.text
        assert "AsDelivered" in answer.text
        assert "School nv" in answer.text
        assert answer.headers["Cache-Control"] == "private, no-store"
    json.loads(json_ld.text)
    assert turtle.headers["ETag"] != json_ld.headers["ETag"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", "text/turtle"),
        ("application/*", "application/ld+json"),
        ("text/turtle;q=0.5, application/ld+json", "application/ld+json"),
        ("text/html, */*;q=0.1", "text/turtle"),
    ],
)
async def test_the_form_follows_accept(lock: LiveLock, accept: str, chosen: str) -> None:
    view = (await lock.granted())["items"][0]["view"]
    answer = await lock.call("GET", view, by="employer", Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (200, chosen)


@pytest.mark.parametrize("accept", ["application/rdf+xml", "application/json", "image/png", "text/turtle;q=0"])
async def test_a_form_we_do_not_write_is_not_acceptable(lock: LiveLock, accept: str) -> None:
    view = (await lock.granted())["items"][0]["view"]
    answer = await lock.call("GET", view, by="employer", Accept=accept)
    assert (answer.status, answer.json["reason"]) == (406, "not-acceptable")


async def test_head_is_get_without_the_body_and_is_a_line_too(lock: LiveLock) -> None:
    view = (await lock.granted())["items"][0]["view"]
    get = await lock.call("GET", view, by="employer")
    head = await lock.call("HEAD", view, by="employer")
    same = ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary")
    assert [head.headers[name] for name in same] == [get.headers[name] for name in same]
    assert head.body == b""
    assert [line.facts["method"] for line in lock.log()[-2:]] == ["GET", "HEAD"]


async def test_a_read_is_in_the_citizens_log_when_the_answer_arrives(lock: LiveLock) -> None:
    grant = await lock.granted("title")
    await lock.call("GET", f"{grant['items'][0]['view']}?purpose={APPLICANT.replace('#', '%23')}", by="employer")
    line = lock.log()[-1]
    assert (line.event, line.actor) == (AuditEvent.GRANT_READ, "employer")
    assert line.facts["organisation"] == "Employer nv"
    assert (line.facts["fields"], line.facts["declared"]) == ("title", APPLICANT)
    assert (await lock.call("GET", grant["id"], by="employer")).json["reads"] == 1


@pytest.mark.requirement("UX-15", "UX-20")
async def test_revocation_bites_at_the_next_read_and_says_so_clearly(lock: LiveLock) -> None:
    grant = await lock.granted()
    view = grant["items"][0]["view"]
    assert (await lock.call("GET", view, by="employer")).status == 200
    lock.move(revoke_grant, grant)
    for method in ("GET", "HEAD"):
        answer = await lock.call(method, view, by="employer")
        assert answer.status == 403
    refused = await lock.call("GET", view, by="employer")
    assert refused.json["reason"] == "grant-revoked"
    assert refused.json["detail"] == "The citizen has withdrawn this permission."
    assert TITLE not in refused.text
    line = lock.log()[-1]
    assert (line.event, line.facts["reason"]) == (AuditEvent.GRANT_READ_REFUSED, "grant-revoked")
    assert (await lock.call("GET", grant["id"], by="employer")).json["state"] == "revoked"


async def test_a_paused_grant_is_refused_with_its_own_reason_and_opens_again(lock: LiveLock) -> None:
    grant = await lock.granted()
    view = grant["items"][0]["view"]
    lock.move(pause_grant, grant)
    assert (await lock.call("GET", view, by="employer")).json["reason"] == "grant-paused"
    lock.move(resume_grant, grant)
    assert (await lock.call("GET", view, by="employer")).status == 200


async def test_a_purpose_that_was_not_granted_is_refused(lock: LiveLock) -> None:
    view = (await lock.granted())["items"][0]["view"]
    answer = await lock.call("GET", f"{view}?purpose={PAYROLL.replace('#', '%23')}", by="employer")
    assert (answer.status, answer.json["reason"]) == (403, "purpose-not-granted")


async def test_an_item_that_was_not_granted_is_refused(lock: LiveLock) -> None:
    view = (await lock.granted())["items"][0]["view"]
    answer = await lock.call("GET", view.replace("diploma-1", "diploma-2"), by="employer")
    assert (answer.status, answer.json["reason"]) == (403, "not-covered")


async def test_the_grant_opens_its_view_and_never_the_document_itself(lock: LiveLock) -> None:
    await lock.granted()
    for path in ("diplomas/one", "diplomas/", "diplomas/one.acl", "diplomas/originals/"):
        answer = await lock.http.get(f"{lock.person('lotte').pod}{path}", by=lock.person("employer"))
        assert answer.status == 403, path


async def test_an_edit_of_the_citizen_shows_in_the_mark(lock: LiveLock) -> None:
    await lock.deliver(DIPLOMA.replace("Master", "Bachelor"), name="edited")
    edited = DIPLOMA.replace("Master", "Doctor")
    url = f"{lock.person('lotte').pod}diplomas/edited"
    put = await lock.http.put(url, edited, by=lock.person("lotte"))
    assert put.status in (201, 204), put.text
    asked = await lock.ask()
    grant = lock.approve(asked, "title", name="edited")
    answer = await lock.call("GET", f"view/{grant.id}/diploma-1", by="employer")
    assert "ChangedSinceDelivery" in answer.text
    assert "Doctor in de rechten" in answer.text


async def test_a_document_the_citizen_deleted_is_refused_in_words(lock: LiveLock) -> None:
    await lock.deliver(DIPLOMA.replace("Master", "Graduaat"), name="deleted")
    grant = lock.approve(await lock.ask(), "title", name="deleted")
    gone = await lock.http.delete(f"{lock.person('lotte').pod}diplomas/deleted", by=lock.person("lotte"))
    assert gone.status in (200, 204), gone.text
    answer = await lock.call("GET", f"view/{grant.id}/diploma-1", by="employer")
    assert (answer.status, answer.json["reason"]) == (403, "document-gone")


async def test_a_script_in_a_browser_reads_the_refusal_too(lock: LiveLock) -> None:
    grant = await lock.granted()
    lock.move(revoke_grant, grant)
    answer = await lock.call("GET", grant["items"][0]["view"], by="employer", Origin="https://employer.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://employer.example"
