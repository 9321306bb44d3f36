"""Channels: the four types, what a subscription asks, what it gets, and how both are written (Notifications 0.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from vault.rdf.graph import FOAF, PIM, RDF, SOLID, Graph, Iri, Namespace, Triple, triple
from vault.values import ANONYMOUS, Agent, Caller, MediaType, ResourceUrl

# Solid reference, D11: "Both notification contexts are accepted (bundled, never fetched); the answer
# uses the one the request used." The first is what deployed clients send, the second what the protocol names.
CONTEXTS: Final = (
    "https://www.w3.org/ns/solid/notification/v1",
    "https://www.w3.org/ns/solid/notifications-context/v1",
)
NOTIFY: Final = Namespace("http://www.w3.org/ns/solid/notifications#")

FEATURES: Final = ("accept", "endAt", "rate", "startAt", "state")
ROOT: Final = ".notifications/"
OF: Final = f"{ROOT}of/"
UPDATES_REL: Final = "http://www.w3.org/ns/solid/terms#updatesViaStreamingHttp2023"


class ChannelType(StrEnum):
    """How messages leave; the value is the short name of the type."""

    WEBSOCKET = "WebSocketChannel2023"  # NC-1
    WEBHOOK = "WebhookChannel2023"  # NC-2
    STREAM = "StreamingHTTPChannel2023"  # NC-3
    EVENTS = "EventSourceChannel2023"  # NC-4

    @property
    def pushes(self) -> bool:
        """We call the receiver, instead of waiting for its call."""
        return self is ChannelType.WEBHOOK


@dataclass(frozen=True, slots=True)
class Subscription:
    """One channel. `agent`: who subscribed; None for nobody in particular, on a public topic. `origin`: that of the web
    page it was made from, None when it was no web page.

    `since` is the number of the newest notice in the pod when the channel was made, `position` that of the last one
    it was told; `since - 1` means that it is to be told of the state first (the feature `state`).

    The channel of one connection alone (`of_connection`) has an empty `id`: it is stored nowhere and ends with it.
    """

    id: str
    type: ChannelType
    topic: ResourceUrl
    agent: Agent | None
    starts: datetime
    ends: datetime
    rate_seconds: float
    state: str | None
    accept: MediaType
    accept_as_sent: str | None
    context: str
    spelled: str
    send_to: str | None
    since: int
    position: int
    origin: str | None = None

    @property
    def caller(self) -> Caller:
        return ANONYMOUS if self.agent is None else self.agent

    @property
    def is_stored(self) -> bool:
        return bool(self.id)

    @property
    def owes_state(self) -> bool:
        return self.position < self.since

    def has_ended(self, now: datetime) -> bool:
        return now >= self.ends


def moment(at: datetime) -> str:
    """An xsd:dateTime in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """An xsd:duration in seconds."""
    return f"PT{seconds:g}S" if seconds < 1e6 else f"PT{int(seconds)}S"


def describe_channel(channel: Subscription, *, base_url: str, receive_from: str | None, sender: str) -> dict[str, Any]:
    """The notification channel as JSON-LD: everything that was accepted, as it holds (NP-10)."""
    facts: dict[str, Any] = {
        "@context": [channel.context],
        "id": channel_url(channel, base_url=base_url),
        "type": channel.spelled,
        "topic": channel.topic.iri(base_url),
    }
    if channel.type.pushes:
        facts |= {"sendTo": channel.send_to, "sender": sender}
    elif receive_from is not None:
        facts["receiveFrom"] = receive_from
    facts |= {"startAt": moment(channel.starts), "endAt": moment(channel.ends)}
    if channel.rate_seconds:
        facts["rate"] = duration(channel.rate_seconds)
    if channel.state is not None:
        facts["state"] = channel.state
    if channel.accept_as_sent is not None:
        facts["accept"] = channel.accept_as_sent
    return facts


def service_url(channel: ChannelType, *, base_url: str) -> str:
    return f"{base_url}{ROOT}{channel}/"


def channel_url(channel: Subscription, *, base_url: str) -> str:
    return f"{service_url(channel.type, base_url=base_url)}{channel.id}"


def stream_url(topic: ResourceUrl, *, base_url: str) -> str:
    """The channel that a resource itself leads to by `UPDATES_REL`, without any subscription (NC-3)."""
    return f"{base_url}{OF}{topic.pod}{topic.path}"


def sender_of(base_url: str) -> str:
    """The WebID that webhooks are sent by (NC-2)."""
    return f"{base_url}{ROOT}sender#it"


def describe_service(channel: ChannelType, *, base_url: str, context: str) -> dict[str, Any]:
    """One subscription service as JSON-LD (NP-5, NP-6)."""
    place = service_url(channel, base_url=base_url)
    return {"@context": [context], "id": place, "channelType": channel.value, "feature": list(FEATURES)}


def advertise(storage: ResourceUrl, *, base_url: str) -> Graph:
    """What a storage description says of notifications (NP-3, NP-5)."""
    subject = Iri(storage.iri(base_url))
    found: list[Triple] = []
    for channel in ChannelType:
        service = Iri(service_url(channel, base_url=base_url))
        found.append(triple(subject, NOTIFY.subscription, service))
        found += service_facts(channel, base_url=base_url)
    return Graph.of(found)


def describe_storage_services(storage: ResourceUrl, *, base_url: str) -> dict[str, Any]:
    """The storage description as JSON-LD in the protocol's own form (NP-4, NP-5). Its context stands in it: nobody has
    to fetch one to read it as RDF."""
    found = [describe_service(channel, base_url=base_url, context="") for channel in ChannelType]
    for service in found:
        del service["@context"]
    return {
        "@context": _INLINE,
        "id": storage.iri(base_url),
        "type": PIM.Storage.value,
        "subscription": found,
    }


def service_facts(channel: ChannelType, *, base_url: str) -> list[Triple]:
    """One subscription service as triples."""
    place = Iri(service_url(channel, base_url=base_url))
    kind = triple(place, NOTIFY.channelType, NOTIFY[channel])
    return [kind, *(triple(place, NOTIFY.feature, NOTIFY[feature]) for feature in FEATURES)]


def describe_sender(base_url: str) -> Graph:
    """The WebID document of the sender: a receiver finds there which issuer speaks for it."""
    sender = Iri(sender_of(base_url))
    return Graph.of([triple(sender, RDF.type, FOAF.Agent), triple(sender, SOLID.oidcIssuer, Iri(base_url))])


_INLINE: Final = {
    "id": "@id",
    "type": "@type",
    "notify": NOTIFY.base,
    **{name: f"notify:{name}" for name in (*ChannelType, *FEATURES)},
    "channelType": {"@id": "notify:channelType", "@type": "@vocab"},
    "feature": {"@id": "notify:feature", "@type": "@vocab"},
    "subscription": {"@id": "notify:subscription", "@type": "@id"},
}
