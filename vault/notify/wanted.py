"""What a subscription request asks: read from its graph, checked, and cut to what is allowed (NP-8 to NP-13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from vault.errors import Malformed, Missing, Unprocessable, UnsupportedMedia
from vault.notify.channels import CONTEXTS, NOTIFY, ChannelType, moment
from vault.rdf.graph import RDF, Graph, Iri, Literal, Term, parts, triple
from vault.solid.negotiation import choose, parse_accept
from vault.solid.paths import auxiliary, is_description, parse_target
from vault.values import JSON_LD, NTRIPLES, TURTLE, MediaType, ResourceUrl

_DRAFT: Final = "http://www.w3.org/ns/solid/notification#"  # how the drafts of the channel types spell the vocabulary
FORMATS: Final = (JSON_LD, TURTLE, NTRIPLES)  # what messages can be written in, the usual one first

_DURATION = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?"
    r"(T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST_STATE = 256
_LONGEST_ACCEPT = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscription request asks, read and checked. `state` is an entity tag without its quotes; `spelled` is
    the type as the client wrote it, which is how the answer writes it."""

    topic: ResourceUrl
    context: str
    spelled: str
    send_to: str | None
    starts: datetime | None
    ends: datetime | None
    rate: timedelta
    state: str | None
    accept: MediaType
    accept_as_sent: str | None


def read_request(document: Any, graph: Graph, channel: ChannelType, *, base_url: str) -> Wanted:
    """The request in `graph`, which `document` holds as JSON (NP-9, NP-10). Raises Unprocessable."""
    facts = _facts_of_channel(_one_vocabulary(graph))
    kinds = facts.get(RDF.type.value, ())
    if [kind.value for kind in kinds if isinstance(kind, Iri)] != [NOTIFY[channel].value]:
        raise _wrong("channel-type", f"The type here is {channel}.")
    topics = facts.get(NOTIFY.topic.value, ())
    if len(topics) != 1 or not isinstance(topics[0], Iri):
        raise _wrong("topic", "A subscription has exactly one topic, an IRI.")
    accept = _text(facts, "accept", _LONGEST_ACCEPT)
    state = _text(facts, "state", _LONGEST_STATE)
    starts, ends = _moment(facts, "startAt"), _moment(facts, "endAt")
    return Wanted(
        topic=read_topic(topics[0].value, base_url=base_url),
        context=context_of(document),
        spelled=channel.value if _type_as_sent(document) == channel.value else NOTIFY[channel].value,
        send_to=_place(facts, "sendTo"),
        starts=starts,
        ends=ends,
        rate=_rate(_text(facts, "rate", 64)),
        state=None if state is None else state.removeprefix("W/").strip('"'),
        accept=_format(accept),
        accept_as_sent=accept,
    )


def read_topic(iri: str, *, base_url: str) -> ResourceUrl:
    """The resource a topic names: in one of our storages, whether or not it exists yet (NP-13)."""
    if not iri.startswith(base_url) or "?" in iri or "#" in iri:
        raise _wrong("topic", "The topic is not a resource in a storage here.")
    try:
        topic = parse_target("/" + iri[len(base_url) :])
    except (Malformed, Missing):
        raise _wrong("topic", "The topic is not a resource in a storage here.") from None
    if auxiliary(topic) is not None or is_description(topic):
        raise _wrong("topic", "Changes of an auxiliary resource are told as changes of its subject: subscribe to that.")
    return topic


def context_of(document: Any) -> str:
    """Which of the two contexts a request used; the first when it is not said by name."""
    named = document.get("@context") if isinstance(document, dict) else None
    given = named if isinstance(named, list) else [named]
    return next((context for context in given if context in CONTEXTS), CONTEXTS[0])


def check_profile(profile: str | None) -> None:
    """NP-8: the profiles of JSON-LD that are understood are the two contexts; several may stand in one parameter."""
    if profile is not None and not set(profile.split()) <= set(CONTEXTS):
        raise UnsupportedMedia("profile", "The profile is not one of this protocol.", accepted=(str(JSON_LD),))


def period(wanted: Wanted, *, now: datetime, longest: timedelta) -> tuple[datetime, datetime]:
    """From when to when the channel lasts: in whole seconds, and never longer than allowed (NP-12). Notices carry
    whole seconds too, so that what is answered is what is done."""
    starts = now if wanted.starts is None else max(now, _whole(wanted.starts))
    limit = now + longest
    ends = limit if wanted.ends is None else min(limit, _whole(wanted.ends))
    if ends <= now or (wanted.starts is not None and starts >= ends):
        raise _wrong("period", "The channel would end before it begins; it may last until " + moment(limit) + ".")
    return starts.replace(microsecond=0), ends.replace(microsecond=0)


_Facts = Mapping[str, list[Term]]


def _one_vocabulary(graph: Graph) -> Graph:
    """The graph with the drafts' spelling of the vocabulary replaced by the protocol's."""
    moved = (parts(statement) for statement in graph)
    return Graph.of(triple(subject, _spelled_iri(predicate), _spelled(obj)) for subject, predicate, obj in moved)


def _spelled(term: Term) -> Term:
    return _spelled_iri(term) if isinstance(term, Iri) else term


def _spelled_iri(iri: Iri) -> Iri:
    return NOTIFY[iri.value[len(_DRAFT) :]] if iri.value.startswith(_DRAFT) else iri


def _facts_of_channel(graph: Graph) -> _Facts:
    """What is said of the one thing that has a channel type; raises Unprocessable when there is not exactly one."""
    kinds = {NOTIFY[channel].value for channel in ChannelType}
    typed = (parts(found) for found in graph.match(None, RDF.type))
    subjects = {subject for subject, _, kind in typed if isinstance(kind, Iri) and kind.value in kinds}
    if len(subjects) != 1:
        raise _wrong("channel-type", "A subscription request describes one channel, with its type.")
    facts: dict[str, list[Term]] = {}
    for found in graph.match(subjects.pop()):
        _, predicate, obj = parts(found)
        facts.setdefault(predicate.value, []).append(obj)
    return facts


def _text(facts: _Facts, name: str, longest: int) -> str | None:
    found = facts.get(NOTIFY[name].value)
    if not found:
        return None
    if len(found) != 1 or not isinstance(found[0], Literal) or len(found[0].value) > longest:
        raise _wrong("feature", f"{name}: expected one text of at most {longest} characters.")
    return found[0].value


def _place(facts: _Facts, name: str) -> str | None:
    found = facts.get(NOTIFY[name].value)
    if not found:
        return None
    if len(found) != 1 or not isinstance(found[0], Iri):
        raise _wrong("feature", f"{name}: expected one IRI.")
    return found[0].value


def _moment(facts: _Facts, name: str) -> datetime | None:
    text = _text(facts, name, 64)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong("feature", f"{name}: expected an xsd:dateTime with a time zone.") from None


def _rate(text: str | None) -> timedelta:
    """An xsd:duration; a year counts as 365 days and a month as 30. Small letters are read too: the channel drafts
    themselves write `PT10s`."""
    if text is None:
        return timedelta()
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()) or (found[4] or "x").upper() == "T":
        raise _wrong("feature", "rate: expected an xsd:duration, for instance PT10S.")
    years, months, days, _, hours, minutes, seconds = found.groups()
    whole = int(years or 0) * 365 + int(months or 0) * 30 + int(days or 0)
    return timedelta(days=whole, hours=int(hours or 0), minutes=int(minutes or 0), seconds=float(seconds or 0))


def _format(accept: str | None) -> MediaType:
    try:
        chosen = choose(parse_accept(accept), FORMATS)
    except Malformed:
        chosen = None
    if chosen is None:
        raise _wrong("feature", "accept: messages are written as JSON-LD, Turtle or N-Triples.")
    return chosen


def _type_as_sent(document: Any) -> Any:
    given = document.get("type", document.get("@type")) if isinstance(document, dict) else None
    return given[0] if isinstance(given, list) and len(given) == 1 else given


def _whole(at: datetime) -> datetime:
    """The next whole second."""
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def _wrong(reason: str, detail: str) -> Unprocessable:
    return Unprocessable(f"subscription-{reason}", detail)
