"""The door where organisations ask: POST, GET and DELETE of requests, over HTTP, each answer as it is documented."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lock import DPV, LOTTE, RENT
from tests.lock_live import LiveLock
from vault.audit import SERVER, AuditEvent
from vault.ports import Vault, Work
from vault.values import RequestId

WAGES = [{"type": "wage", "required": ["gross"]}]


async def _refused(lock: LiveLock, status: int, reason: str, *, by: str | None = "employer", **changes: Any) -> Any:
    answer = await lock.call("POST", "requests", by=by, json_body=lock.question(**changes))
    assert (answer.status, answer.json["reason"]) == (status, reason), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json


async def test_a_question_is_made_and_found_at_its_address(lock: LiveLock) -> None:
    answer = await lock.call("POST", "requests", by="employer", json_body=lock.question())
    assert answer.status == 201
    assert answer.location == answer.json["id"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    found = await lock.call("GET", answer.location, by="employer")
    assert found.json == answer.json
    assert (found.json["state"], found.json["version"], found.json["grant"]) == ("pending", 1, None)
    assert found.json["citizen"] == lock.person("lotte").webid
    assert found.json["terms"]["recipients"] == []
    assert [one["slug"] for one in found.json["advice"]] == ["too-much"]


async def test_a_question_stands_in_the_citizens_log_at_once(lock: LiveLock) -> None:
    asked = await lock.ask()
    line = lock.log()[-1]
    assert (line.event, line.subject) == (AuditEvent.REQUEST_SUBMITTED, asked["id"].rpartition("/")[2])
    assert line.facts["client"] == "employer-machine"


async def test_a_refusal_reaches_the_organisation_with_the_reason_the_citizen_gave(lock: LiveLock) -> None:
    asked = await lock.ask()
    lock.refuse(asked, "I found another job.")
    found = (await lock.call("GET", asked["id"], by="employer")).json
    assert (found["state"], found["reason"], found["grant"]) == ("refused", "I found another job.", None)


async def test_an_approved_request_leads_to_its_grant(lock: LiveLock) -> None:
    asked = await lock.ask()
    grant = lock.approve(asked, "title")
    found = (await lock.call("GET", asked["id"], by="employer")).json
    assert (found["state"], found["grant"]) == ("approved", f"{lock.base}grants/{grant.id}")


# The law and the contract


@pytest.mark.parametrize("by", ["employer", "recruiter"])
async def test_a_recruiter_who_asks_what_an_applicant_earned_hears_the_article(lock: LiveLock, by: str) -> None:
    """Whether its contract covers wages or not."""
    problem = await _refused(lock, 403, "pay-history", by=by, data=WAGES)
    assert problem["rule"] == "A1"
    assert set(problem["law"]) == {"nl", "fr", "de", "en"}
    assert "2023/970" in problem["law"]["nl"]
    assert problem["detail"] == "An employer is not allowed to ask applicants how much they earn or used to earn."


async def test_the_refusal_of_the_lock_is_committed_though_nothing_else_is(lock: LiveLock) -> None:
    before = lock.log()
    await _refused(lock, 403, "pay-history", data=WAGES)
    assert lock.log() == before
    line = lock.log(SERVER)[-1]
    assert (line.event, line.actor) == (AuditEvent.REQUEST_REJECTED, "employer")
    assert (line.facts["reason"], line.facts["data"]) == ("pay-history", "wage")


async def test_a_landlord_may_ask_what_a_tenant_earns(lock: LiveLock) -> None:
    asked = await lock.ask(by="landlord", purpose=RENT, data=WAGES)
    assert asked["state"] == "pending"


async def test_what_lies_outside_the_contract_is_named(lock: LiveLock) -> None:
    problem = await _refused(lock, 403, "outside-contract", purpose=RENT)
    assert problem["outside"] == [RENT]


# What must be said


async def test_strict_names_every_missing_and_forbidden_member_in_one_problem(lock: LiveLock) -> None:
    body = {"citizen": lock.person("lotte").webid, "data": [{"type": "diploma", "required": ["title", "shoe-size"]}]}
    answer = await lock.call("POST", "requests", by="employer", json_body=body)
    assert (answer.status, answer.json["reason"]) == (400, "request-incomplete")
    assert answer.json["missing"] == [
        "purpose",
        "until",
        "terms.legalBasis",
        "terms.retention",
        "terms.locations",
        "terms.jurisdiction",
        "terms.notice",
        "terms.recipients",
    ]
    assert answer.json["forbidden"] == ["data[0].shoe-size"]


async def test_compatible_takes_it_and_says_what_is_unstated(lock: LiveLock) -> None:
    body = {"citizen": lock.person("lotte").webid, "data": [{"type": "diploma", "required": ["title"]}]}
    answer = await lock.call("POST", "requests", by="lenient", json_body=body)
    assert answer.status == 201
    assert "terms.legalBasis" in answer.json["terms"]["unstated"]


async def test_a_purpose_that_does_not_exist_is_named(lock: LiveLock) -> None:
    assert (await _refused(lock, 400, "request-incomplete", purpose=f"{DPV}HiringManagement"))["forbidden"] == [
        "purpose"
    ]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("", 400, "json-syntax"),
        ("{", 400, "json-syntax"),
        ("[]", 422, "json-shape"),
        ("{}", 422, "json-shape"),
        ('{"citizen": 1, "data": []}', 422, "json-shape"),
        ('{"citizen": "x", "data": []}', 400, "webid"),
        ('{"citizen": "javascript:alert(1)", "data": []}', 400, "webid"),
        ('{"citizen": "https://a.example/#x", "data": [], "sudo": true}', 422, "json-shape"),
        ('{"citizen": "https://a.example/#x", "data": [{"type": "diploma", "fields": []}]}', 422, "json-shape"),
        ('{"citizen": "https://a.example/#x", "data": [], "until": "tomorrow"}', 422, "json-shape"),
        ('{"citizen": "https://a.example/#x", "data": [], "until": "2027-01-01T00:00:00"}', 422, "json-shape"),
        ('{"citizen": "https://a.example/#x", "data": ' + "[" * 100 + "]" * 100 + "}", 422, None),
    ],
)
async def test_a_body_of_another_form_is_refused(lock: LiveLock, body: str, status: int, reason: str | None) -> None:
    answer = await lock.call("POST", "requests", by="employer", body=body, Content_Type="application/json")
    assert answer.status == status, answer.text
    assert reason is None or answer.json["reason"] == reason


async def test_a_body_beyond_the_limit_is_refused_before_it_is_parsed(lock: LiveLock) -> None:
    body = json.dumps(lock.question(terms={"reason": "x" * 300_000}))
    answer = await lock.call("POST", "requests", by="employer", body=body, Content_Type="application/json")
    assert answer.status == 413


async def test_another_media_type_is_refused(lock: LiveLock) -> None:
    answer = await lock.call("POST", "requests", by="employer", body="<a/>", Content_Type="application/xml")
    assert answer.status == 415


# Who


@pytest.mark.parametrize(
    ("method", "address"),
    [("POST", "requests"), ("GET", "requests"), ("GET", "requests/x"), ("DELETE", "requests/x"), ("GET", "grants")]
    + [("GET", "grants/x"), ("GET", "view/x/y"), ("HEAD", "view/x/y"), ("POST", "deposits")],
)
async def test_without_a_token_nothing_is_said(lock: LiveLock, method: str, address: str) -> None:
    answer = await lock.call(method, address, body=None if method in ("GET", "HEAD") else "{}")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


@pytest.mark.parametrize("by", ["school", "lotte", "stefaan"])
async def test_only_a_data_user_asks_and_lists(lock: LiveLock, by: str) -> None:
    await _refused(lock, 403, "not-a-participant", by=by)
    for address in ("requests", "grants", "requests/x", "grants/x"):
        answer = await lock.call("GET", address, by=by)
        assert (answer.status, answer.json["reason"]) == (403, "not-a-participant")


@pytest.mark.requirement("ATK-15")
async def test_an_unknown_citizen_is_answered_like_one_who_takes_no_requests(lock: LiveLock) -> None:
    told = set()
    for webid in (
        f"{lock.server.live.base_url}nobody/profile/card#me",
        lock.person("school").webid,
        "https://a.example/#x",
    ):
        problem = await _refused(lock, 403, "no-requests", citizen=webid)
        told.add(json.dumps({name: value for name, value in problem.items() if name != "request"}))
    assert len(told) == 1


@pytest.mark.requirement("ATK-15")
async def test_a_request_of_somebody_else_is_answered_like_one_that_does_not_exist(lock: LiveLock) -> None:
    asked = await lock.ask()
    for method in ("GET", "DELETE"):
        theirs = await lock.call(method, asked["id"], by="landlord")
        absent = await lock.call(method, "requests/6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11", by="landlord")
        assert theirs.status == absent.status == 404
        assert {**theirs.json, "request": ""} == {**absent.json, "request": ""}
        assert set(theirs.headers) == set(absent.headers)
    assert (await lock.call("GET", asked["id"], by="employer")).json["state"] == "pending"


# Lists


async def _pages(lock: LiveLock, address: str, by: str) -> list[list[str]]:
    pages = []
    following: str | None = address
    while following is not None:
        answer = await lock.call("GET", following, by=by)
        assert answer.status == 200, answer.text
        pages.append([one["id"] for one in answer.json["items"]])
        following = answer.links.get("next", [None])[0]
    return pages


async def test_a_list_pages_through_everything_once_newest_first(lock: LiveLock) -> None:
    made = [(await lock.ask(by="lenient"))["id"] for _ in range(7)]
    pages = await _pages(lock, "requests?limit=3", "lenient")
    everything = [one for page in pages for one in page]
    assert everything[:7] == made[::-1]
    assert len(set(everything)) == len(everything)
    assert all(pages), "a next link led to an empty page"
    assert all(len(page) == 3 for page in pages[:-1])


async def test_a_list_that_ends_at_the_page_has_no_next(lock: LiveLock) -> None:
    await lock.ask(by="landlord", purpose=RENT, data=WAGES)
    total = sum(len(page) for page in await _pages(lock, "requests?limit=100", "landlord"))
    answer = await lock.call("GET", f"requests?limit={total}", by="landlord")
    assert len(answer.json["items"]) == total
    assert "Link" not in answer.headers


async def test_rows_of_one_moment_are_never_parted_by_a_page(lock: LiveLock) -> None:
    asked = await lock.ask(by="recruiter", purpose=f"{DPV}PersonnelHiring")

    async def copy(_vault: Vault, work: Work) -> None:
        stored = await work.requests.get(RequestId(asked["id"].rpartition("/")[2]))
        assert stored is not None
        for number in range(5):
            await work.requests.add(replace(stored, id=RequestId(f"twin-{number}")))

    lock.write(copy)
    older = await lock.ask(by="recruiter", purpose=f"{DPV}PersonnelHiring")
    everything = [one for page in await _pages(lock, "requests?limit=2", "recruiter") for one in page]
    assert {asked["id"], older["id"], *(f"{lock.base}requests/twin-{number}" for number in range(5))} <= set(everything)
    assert len(set(everything)) == len(everything)


async def test_a_list_shows_the_callers_own_and_nobody_elses(lock: LiveLock) -> None:
    asked = await lock.ask()
    everything = [one for page in await _pages(lock, "requests?limit=100", "landlord") for one in page]
    assert asked["id"] not in everything


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=-1", "before=yesterday", "before=2026-01-01T00:00:00", "limit=1e1"]
    + ["before=", "limit="],
)
@pytest.mark.parametrize("name", ["requests", "grants"])
async def test_a_page_that_cannot_be_asked_is_refused(lock: LiveLock, name: str, query: str) -> None:
    answer = await lock.call("GET", f"{name}?{query}", by="employer")
    assert (answer.status, answer.json["reason"]) == (400, "query")


async def test_a_page_before_everything_is_empty_and_leads_nowhere(lock: LiveLock) -> None:
    answer = await lock.call("GET", "requests?before=2001-01-01T00:00:00Z", by="employer")
    assert (answer.status, answer.json["items"]) == (200, [])
    assert "Link" not in answer.headers


# Taking it back


async def test_a_question_is_taken_back_once(lock: LiveLock) -> None:
    asked = await lock.ask()
    answer = await lock.call("DELETE", asked["id"], by="employer")
    assert (answer.status, answer.body) == (204, b"")
    assert (await lock.call("GET", asked["id"], by="employer")).json["state"] == "withdrawn"
    again = await lock.call("DELETE", asked["id"], by="employer")
    assert (again.status, again.json["reason"], again.json["state"]) == (409, "request-closed", "withdrawn")
    assert lock.log(LOTTE)[-1].event is AuditEvent.REQUEST_WITHDRAWN


async def test_an_approved_question_is_not_taken_back(lock: LiveLock) -> None:
    asked = await lock.ask()
    lock.approve(asked, "title")
    assert (await lock.call("DELETE", asked["id"], by="employer")).status == 409


async def test_an_end_beyond_the_contract_is_forbidden_by_name(lock: LiveLock) -> None:
    until = (datetime.now(UTC) + timedelta(days=91)).isoformat()
    assert (await _refused(lock, 400, "request-incomplete", until=until))["forbidden"] == ["until"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_named_as_not_allowed(lock: LiveLock, method: str) -> None:
    answer = await lock.call(method, "requests", by="employer", body="{}", Content_Type="application/json")
    assert answer.status == 405
    assert answer.listed("Allow") == {"GET", "HEAD", "OPTIONS", "POST"}
