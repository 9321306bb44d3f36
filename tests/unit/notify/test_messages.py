"""Whom a notice concerns, and the message it becomes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vault.notify.channels import CONTEXTS, ChannelType, Subscription, describe_channel
from vault.notify.messages import (
    ACCESS_CHANGED,
    CHANNEL_ENDED,
    Posted,
    concerns,
    is_told,
    message,
    message_id,
    puts_in_doubt,
    state_message,
    topic_of,
    written,
)
from vault.values import JSON_LD, NTRIPLES, Notice, PodName, ResourceUrl

BASE = "https://vault.example/"
HERE = f"{BASE}alice/c/"
DOC = f"{HERE}doc"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALICE = PodName("alice")

CHANNEL = Subscription(
    id="c1",
    type=ChannelType.STREAM,
    topic=ResourceUrl(ALICE, "/c/doc"),
    agent=None,
    starts=NOON,
    ends=NOON + timedelta(hours=1),
    rate_seconds=0.0,
    state=None,
    accept=JSON_LD,
    accept_as_sent=None,
    context=CONTEXTS[0],
    spelled="StreamingHTTPChannel2023",
    send_to=None,
    since=10,
    position=10,
)


def posted(kind: str = "Update", *, number: int = 11, after: float = 0, target: str | None = None) -> Posted:
    return Posted(ALICE, number, Notice(DOC, kind, NOON + timedelta(seconds=after), target, "7-ttl"))


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_what_happens_to_a_resource_concerns_the_resource(kind: str) -> None:
    notice = posted(kind).notice
    assert concerns(notice, DOC)
    assert not concerns(notice, HERE)


@pytest.mark.parametrize("kind", ["Add", "Remove"])
def test_what_comes_and_goes_concerns_the_container(kind: str) -> None:
    notice = posted(kind, target=HERE).notice
    assert concerns(notice, HERE)
    assert not concerns(notice, DOC)


@pytest.mark.parametrize("kind", ["datasluis:grant:revoked", ACCESS_CHANGED, CHANNEL_ENDED, ""])
def test_other_notices_concern_no_channel(kind: str) -> None:
    assert topic_of(posted(kind).notice) is None


@pytest.mark.requirement("NP-11")
@pytest.mark.parametrize(
    ("subject", "doubtful"),
    [
        (DOC, True),
        (HERE, True),
        (f"{BASE}alice/", True),
        (f"{BASE}alice/c/do", False),
        (f"{DOC}s", False),
        (f"{BASE}alice/b/", False),
        (f"{BASE}bob/", False),
    ],
)
def test_an_acl_puts_in_doubt_what_it_may_govern(subject: str, doubtful: bool) -> None:
    assert puts_in_doubt(Notice(subject, ACCESS_CHANGED, NOON), DOC) is doubtful
    assert not puts_in_doubt(Notice(subject, "Update", NOON), DOC)


def test_a_channel_is_told_what_falls_into_its_time() -> None:
    assert is_told(CHANNEL, posted(), DOC)
    assert not is_told(CHANNEL, posted(number=10), DOC)  # from before it was made
    assert not is_told(CHANNEL, posted(after=-1), DOC)
    assert is_told(CHANNEL, posted(after=3599), DOC)
    assert not is_told(CHANNEL, posted(after=3600), DOC)
    assert not is_told(CHANNEL, posted("Add", target=HERE), DOC)


def test_a_message_says_what_happened() -> None:
    found = message(posted("Add", target=HERE), context=CONTEXTS[1])
    assert found == {
        "@context": ["https://www.w3.org/ns/activitystreams", CONTEXTS[1]],
        "id": found["id"],
        "type": "Add",
        "object": DOC,
        "target": HERE,
        "published": "2026-11-24T12:00:00.000Z",
        "state": "7-ttl",
    }
    assert "state" not in message(posted("Delete"), context=CONTEXTS[0])
    assert "target" not in message(posted(), context=CONTEXTS[0])


def test_an_id_is_the_same_for_the_same_notice_and_differs_for_every_other() -> None:
    same = [message_id(posted()), message_id(posted())]
    others = [
        message_id(posted(number=12)),
        message_id(replace(posted(), pod=PodName("bob"))),
        message_id(replace(posted(), mark="c1")),
    ]
    assert len(set(same)) == 1
    assert len({*same, *others}) == 4


def test_json_is_one_line_and_rdf_says_the_same() -> None:
    text = written(posted("Add", target=HERE), context=CONTEXTS[0], media_type=JSON_LD)
    assert b"\n" not in text
    assert json.loads(text) == message(posted("Add", target=HERE), context=CONTEXTS[0])
    lines = written(posted("Add", target=HERE), context=CONTEXTS[0], media_type=NTRIPLES).decode().splitlines()
    subject = f"<{message_id(posted('Add'))}>"
    assert len(lines) == 5
    assert all(line.startswith(subject) for line in lines)
    assert f"{subject} <https://www.w3.org/ns/activitystreams#target> <{HERE}> ." in lines


@pytest.mark.requirement("NP-10")
def test_a_state_message_is_an_update_or_a_deletion_with_an_id_of_its_own() -> None:
    now = Notice(DOC, "", NOON)
    there, gone = state_message(CHANNEL, DOC, "8-ttl", now), state_message(CHANNEL, DOC, None, now)
    assert (there.notice.kind, there.notice.state, there.number) == ("Update", "8-ttl", CHANNEL.since)
    assert gone.notice.kind == "Delete"
    assert message_id(there) != message_id(posted(number=CHANNEL.since))


@pytest.mark.requirement("NP-10")
def test_a_channel_is_described_with_what_holds_and_no_more() -> None:
    told = describe_channel(CHANNEL, base_url=BASE, receive_from="https://x/", sender="https://s/")
    assert set(told) == {"@context", "id", "type", "topic", "receiveFrom", "startAt", "endAt"}
    hook = replace(CHANNEL, type=ChannelType.WEBHOOK, send_to="https://r.example/", rate_seconds=5.0, state="s")
    told = describe_channel(hook, base_url=BASE, receive_from="https://x/", sender="https://s/")
    assert set(told) == {"@context", "id", "type", "topic", "sendTo", "sender", "startAt", "endAt", "rate", "state"}
