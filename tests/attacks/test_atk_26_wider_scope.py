"""ATK-26: an organisation that tries to see more than was granted: other fields, wildcards, the document itself, error
texts, questions about many citizens."""

from __future__ import annotations

import itertools

import pytest

from tests.lock import PAYSLIP, RENT
from tests.lock_live import LiveLock

pytestmark = pytest.mark.requirement("ATK-26")

# Every value of the diploma, by the field it belongs to.
VALUES = {
    "title": "Master in de rechten",
    "date": "2014-07-01",
    "grade": "grote onderscheiding",
}
NEVER = ("Hogeschool aan de Leie", "snb/eqf/7")


@pytest.mark.parametrize(
    "granted", [pair for size in (1, 2, 3) for pair in itertools.combinations(sorted(VALUES), size)], ids="+".join
)
@pytest.mark.parametrize("accept", ["text/turtle", "application/ld+json"])
async def test_what_leaves_is_within_what_was_granted(lock: LiveLock, granted: tuple[str, ...], accept: str) -> None:
    view = (await lock.granted(*granted))["items"][0]["view"]
    answer = await lock.call("GET", view, by="employer", Accept=accept)
    told = answer.text + str(answer.headers)
    assert [key for key, value in VALUES.items() if value in told] == [key for key in VALUES if key in granted]
    assert not any(value in told for value in NEVER)
    assert lock.person("lotte").webid not in told


@pytest.mark.parametrize(
    "query",
    [
        "fields=grade",
        "fields=*",
        "field=grade&field=title",
        "expand=all",
        "include=grade",
        "sort=grade",
        "filter=grade>1",
    ]
    + ["shape=full", "view=raw", "item=diploma-2", "grant=other", "limit=1000", "$select=*", "accept=text/html"],
)
async def test_no_query_widens_sorts_or_filters(lock: LiveLock, query: str) -> None:
    view = (await lock.granted("title"))["items"][0]["view"]
    plain = await lock.call("GET", view, by="employer")
    asked = await lock.call("GET", f"{view}?{query}", by="employer")
    assert (asked.status, asked.body) == (200, plain.body)


@pytest.mark.parametrize(
    "item",
    ["*", "diploma-1,diploma-2", "diploma-0", "diploma-1.acl", "diploma-1.meta", "diploma-1%2F..", "..%2Fdiploma-1"]
    + ["wage-1", "diploma-1%00", "diplomas%2Fone", "DIPLOMA-1", "diploma%2D2"],
)
async def test_no_spelling_of_an_item_opens_another(lock: LiveLock, item: str) -> None:
    view = (await lock.granted("title"))["items"][0]["view"].rpartition("/")[0]
    answer = await lock.call("GET", f"{view}/{item}", by="employer")
    assert answer.status in (400, 403, 404)
    assert not any(value in answer.text for value in (*VALUES.values(), *NEVER))


async def test_a_narrowed_grant_never_opens_the_whole_resource(lock: LiveLock) -> None:
    await lock.granted("title")
    pod = lock.person("lotte").pod
    for path in ("diplomas/one", "diplomas/", "diplomas/originals/one.ttl", "", "profile/"):
        answer = await lock.http.get(f"{pod}{path}", by=lock.person("employer"))
        assert answer.status == 403
        assert not any(value in answer.text for value in (*VALUES.values(), *NEVER))


async def test_a_request_tells_nothing_of_what_the_citizen_has(lock: LiveLock) -> None:
    """Lotte has a diploma and no employment record; Stefaan has neither: the answers do not differ."""
    told = []
    for citizen in ("lotte", "stefaan"):
        for data in ([{"type": "diploma", "required": ["title"]}], [{"type": "employment", "required": ["employer"]}]):
            asked = await lock.ask(citizen=lock.person(citizen).webid, data=data)
            hidden = {"id": "", "citizen": "", "submitted": "", "lapses": "", "until": "", "data": "", "advice": ""}
            told.append({**asked, **hidden})
    assert all(one == told[0] for one in told)


async def test_the_state_of_a_request_tells_nothing_before_the_citizen_decides(lock: LiveLock) -> None:
    asked = await lock.ask()
    again = (await lock.call("GET", asked["id"], by="employer")).json
    assert again == asked


async def test_a_refusal_of_a_read_names_no_field_and_no_value(lock: LiveLock) -> None:
    grant = await lock.granted("title")
    view = grant["items"][0]["view"]
    for address in (f"{view}?purpose=x", view.replace("diploma-1", "diploma-9")):
        answer = await lock.call("GET", address, by="employer")
        assert answer.status == 403
        assert set(answer.json) == {"type", "title", "status", "reason", "detail", "request"}
        assert not any(value in answer.text for value in (*VALUES.values(), *NEVER, "diplomas/"))
        assert not any(key in answer.json["detail"] for key in VALUES)


async def test_the_gross_wage_stays_when_the_net_wage_goes(lock: LiveLock) -> None:
    assert (await lock.deliver(PAYSLIP, name="slip")).status in (200, 201)
    data = [{"type": "wage", "required": ["period", "net"], "optional": ["gross"]}]
    grant = lock.approve(await lock.ask(by="landlord", purpose=RENT, data=data), "net", name="slip", days=5)
    answer = await lock.call("GET", f"view/{grant.id}/wage-1", by="landlord")
    assert "2287.13" in answer.text
    for kept_back in ("3412.5", "Drukkerij", "0456712325", "2026-10-01"):
        assert kept_back not in answer.text


async def test_many_citizens_at_once_are_many_decisions(lock: LiveLock) -> None:
    """A list of citizens is not a citizen, and a pattern is not one either."""
    people = [lock.person("lotte").webid, lock.person("stefaan").webid]
    as_list = await lock.call("POST", "requests", by="employer", json_body=lock.question(citizen=people))
    assert as_list.status == 422
    for pattern in ("*", f"{lock.server.live.base_url}*/profile/card#me", " ".join(people), ",".join(people)):
        answer = await lock.call("POST", "requests", by="employer", json_body=lock.question(citizen=pattern))
        assert answer.status in (400, 403), pattern
