"""The data lock leaves its own notices in the citizen's inbox, so that an app of hers hears of a request at once."""

from __future__ import annotations

import pyoxigraph
import pytest

from tests.conformance.notifications.channels import WEBSOCKET, listening, subscribed
from tests.lock import Counter, a_question
from tests.lock_live import LiveLock, counter, lock, lock_server
from tests.people import JSON_LD, TURTLE
from vault.audit import AuditEvent
from vault.datasluis.requests import Asked

__all__ = ["counter", "lock", "lock_server"]

AS = "https://www.w3.org/ns/activitystreams#"


@pytest.mark.requirement("LD-4", "NP-1")
async def test_a_request_leaves_a_note_that_the_citizens_app_hears_of(lock: LiveLock) -> None:
    lotte = lock.person("lotte")
    inbox = f"{lotte.pod}inbox/"
    async with listening(lock.http, await subscribed(lock.http, WEBSOCKET, inbox, by=lotte)) as ear:
        asked = await lock.ask()
        message = await ear.next()
    number = asked["id"].rpartition("/")[2]
    place = f"{inbox}request-{number}"
    assert (message["type"], message["object"], message["target"]) == ("Add", place, inbox)
    note = await lock.http.get(place, by=lotte, accept=JSON_LD)
    page = f"{lock.server.live.base_url}my/requests/{number}"
    assert note.json["type"] == "Offer"
    assert note.json["actor"] == lock.person("employer").webid
    assert note.json["target"] == lotte.webid
    assert note.json["object"]["id"] == page
    turtle = await lock.http.get(place, by=lotte, accept=TURTLE)
    facts = {
        (quad.subject.value, quad.predicate.value, quad.object.value)
        for quad in pyoxigraph.parse(turtle.text, format=pyoxigraph.RdfFormat.TURTLE)
    }
    assert (place, f"{AS}object", page) in facts
    assert (place, f"{AS}actor", lock.person("employer").webid) in facts


@pytest.mark.requirement("LD-6")
async def test_a_note_tells_nothing_of_what_is_asked_and_the_asker_cannot_read_it(lock: LiveLock) -> None:
    lotte = lock.person("lotte")
    number = (await lock.ask())["id"].rpartition("/")[2]
    place = f"{lotte.pod}inbox/request-{number}"
    note = (await lock.http.get(place, by=lotte)).text
    assert "diploma" not in note
    assert "purpose" not in note.lower()
    assert (await lock.http.get(place, by=lock.person("employer"))).status == 403
    assert (await lock.http.delete(place, by=lotte)).status == 204


async def test_a_refused_question_leaves_no_note(lock: LiveLock) -> None:
    lotte = lock.person("lotte")
    before = (await lock.http.get(f"{lotte.pod}inbox/", by=lotte)).text
    question = lock.question(data=[{"type": "wage", "required": ["gross"], "optional": []}])
    answer = await lock.call("POST", "requests", by="recruiter", json_body=question)
    assert answer.status in (403, 422), answer.text
    assert (await lock.http.get(f"{lotte.pod}inbox/", by=lotte)).text == before


async def test_a_full_pod_takes_no_note_and_the_request_stands(counter: Counter) -> None:
    async with counter.vault.reading() as work:
        pod = await work.resources.pod(counter.citizen.pod)
    assert pod is not None
    await counter.write("diploma", "filler", body="x" * (pod.quota_bytes - pod.used_bytes - 10))
    request = await counter.ask(a_question(asked=(Asked("diploma", ("title",), ()),)))
    async with counter.vault.reading() as work:
        assert await work.requests.get(request.id) == request
    assert (await counter.last()).event is AuditEvent.REQUEST_SUBMITTED
