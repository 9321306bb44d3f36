"""What is told: a notice in its place in the outbox, whom it concerns, and the message it becomes (NP, section 8)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from vault.audit import AuditEvent
from vault.notify.channels import NOTIFY, Subscription, moment
from vault.rdf.graph import RDF, XSD, Graph, Iri, Literal, Namespace, triple, typed
from vault.rdf.syntax import serialise
from vault.values import JSON_LD, MediaType, Notice, PodName

ACTIVITIES: Final = "https://www.w3.org/ns/activitystreams"
AS: Final = Namespace(f"{ACTIVITIES}#")

_OF_THE_RESOURCE: Final = frozenset({"Create", "Update", "Delete"})
_OF_THE_CONTAINER: Final = frozenset({"Add", "Remove"})

# Not told to anybody: an ACL changed, so that everybody who listens below it is judged anew.
ACCESS_CHANGED: Final = AuditEvent.ACL_CHANGED.value
# Not told to anybody: a channel was ended, so that whoever holds it open lets go.
CHANNEL_ENDED: Final = "notify:channel:ended"


@dataclass(frozen=True, slots=True)
class Posted:
    """A notice and its number: numbers only grow within a pod, in the order of the commits."""

    pod: PodName
    number: int
    notice: Notice
    mark: str = ""  # what tells it from the notice of the same number: a message that no notice caused


def topic_of(notice: Notice) -> str | None:
    """The resource whose listeners are told; None for what is no activity on a resource. A container hears of what
    comes and goes in it, a resource of what happens to itself."""
    if notice.kind in _OF_THE_RESOURCE:
        return notice.topic
    return notice.target if notice.kind in _OF_THE_CONTAINER else None


def concerns(notice: Notice, topic: str) -> bool:
    """Whether a channel on `topic` is told of this notice."""
    return topic_of(notice) == topic


def puts_in_doubt(notice: Notice, topic: str) -> bool:
    """Whether this notice may have changed who may read `topic`: an ACL of its own, or one above it."""
    if notice.kind != ACCESS_CHANGED:
        return False
    return notice.topic == topic or (notice.topic.endswith("/") and topic.startswith(notice.topic))


def is_told(channel: Subscription, posted: Posted, topic: str) -> bool:
    """Whether the channel is told of this notice: it is about its topic, and falls into its time."""
    at = posted.notice.at
    return posted.number > channel.since and concerns(posted.notice, topic) and channel.starts <= at < channel.ends


def state_message(channel: Subscription, topic: str, state: str | None, posted: Notice) -> Posted:
    """What a channel with the feature `state` hears first when the topic is not in the state its client saw."""
    kind = "Delete" if state is None else "Update"
    notice = Notice(topic, kind, posted.at, state=state)
    return Posted(channel.topic.pod, channel.since, notice, mark=channel.id)


def message(posted: Posted, *, context: str) -> dict[str, Any]:
    """The notification message as JSON-LD. The id is the same whenever and to whomever this is told, so that a
    receiver can tell a repetition."""
    notice = posted.notice
    facts: dict[str, Any] = {
        "@context": [ACTIVITIES, context],
        "id": message_id(posted),
        "type": notice.kind,
        "object": notice.topic,
        "published": moment(notice.at),
    }
    if notice.target is not None:
        facts["target"] = notice.target
    if notice.state is not None and notice.kind != "Delete":
        facts["state"] = notice.state
    return facts


def message_id(posted: Posted) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{posted.notice.topic} {posted.pod} {posted.number} {posted.mark}')}"


@lru_cache(maxsize=512)  # one notice goes to many channels
def written(posted: Posted, *, context: str, media_type: MediaType) -> bytes:
    """The message in the format a channel accepts, on one line when it is JSON."""
    if media_type == JSON_LD:
        return json.dumps(message(posted, context=context), ensure_ascii=False, separators=(",", ":")).encode()
    return serialise(_graph(posted), media_type, prefixes={"as": AS.base, "notify": NOTIFY.base})


def _graph(posted: Posted) -> Graph:
    notice, subject = posted.notice, Iri(message_id(posted))
    found = [
        triple(subject, RDF.type, AS[notice.kind]),
        triple(subject, AS.object, Iri(notice.topic)),
        triple(subject, AS.published, typed(moment(notice.at), XSD.dateTime)),
    ]
    if notice.target is not None:
        found.append(triple(subject, AS.target, Iri(notice.target)))
    if notice.state is not None and notice.kind != "Delete":
        found.append(triple(subject, NOTIFY.state, Literal(notice.state)))
    return Graph.of(found)
