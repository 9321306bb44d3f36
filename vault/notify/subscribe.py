"""Subscribing and unsubscribing, and who may hear of a topic: asked when a channel is made and with every message."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vault.access.decide import Groups, ParsedAcls, decide, require
from vault.access.modes import Allowed, Decision
from vault.access.wac import origin_of
from vault.config import NotifySettings, Settings
from vault.errors import Forbidden, Missing, TooMany, Unauthenticated
from vault.identity.ports import Issuers
from vault.notify.channels import CONTEXTS, ChannelType, Subscription
from vault.notify.messages import CHANNEL_ENDED
from vault.notify.ports import NotifyWork
from vault.notify.wanted import Wanted, period
from vault.solid.operation import Read, required_access
from vault.solid.resource import current_tags
from vault.values import Agent, Anonymous, Caller, ClientId, MediaType, Notice, PodName, ResourceUrl, WebId

_TRY_AGAIN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Door:
    """What it takes to judge who may hear of a topic."""

    parsed_acls: ParsedAcls
    groups: Groups
    issuers: Issuers
    settings: Settings

    @property
    def base_url(self) -> str:
        return self.settings.server.base_url

    async def decide(self, work: NotifyWork, caller: Caller, topic: ResourceUrl, *, origin: str | None) -> Decision:
        """WM-15: hearing of a resource needs what reading it needs, whether or not it exists."""
        return await decide(
            work.acls,
            self.parsed_acls,
            caller,
            required_access(Read(topic), exists=True),
            groups=self.groups,
            base_url=self.base_url,
            limits=self.settings.limits,
            origin=origin_of(origin, strict=self.settings.server.strict_origins),
        )

    async def hearer(self, channel: Subscription) -> Caller | None:
        """Whoever made the channel as they stand now, under the ceiling that holds now; None when they may not speak
        here any more: the account locked or gone, the client revoked, the consent withdrawn. What other servers say of
        their WebIDs is not asked again: the access token of the subscription answered for that."""
        agent = channel.agent
        if agent is None or agent.issuer != self.issuers.own:
            return channel.caller
        if agent.webid.startswith(self.base_url) and agent.issuer not in await self.issuers.trusted_by(agent.webid):
            return None
        try:
            standing = await self.issuers.standing(agent.webid, agent.client, None)
        except Unauthenticated:
            return None
        return replace(agent, ceiling=standing.ceiling)

    async def may_hear(self, work: NotifyWork, hearer: Caller | None, channel: Subscription) -> bool:
        """NP-11: whether the agent of this channel would be allowed to read its topic now."""
        if hearer is None:
            return False
        return isinstance(await self.decide(work, hearer, channel.topic, origin=channel.origin), Allowed)


async def subscribe(
    work: NotifyWork,
    wanted: Wanted,
    *,
    kind: ChannelType,
    identifier: str,
    caller: Caller,
    origin: str | None,
    door: Door,
    settings: NotifySettings,
    now: datetime,
) -> Subscription:
    """Makes the channel, in the transaction that sees what was committed before it and what comes after (NP-10 to
    NP-13). Raises Unauthenticated, Forbidden, Unprocessable or TooMany. `identifier` cannot be guessed."""
    agent = caller if isinstance(caller, Agent) else None
    if agent is None and kind.pushes:
        raise Unauthenticated("credentials-needed", "A webhook needs credentials.")
    require(await door.decide(work, caller, wanted.topic, origin=origin), caller)
    await _check_room(work, agent, settings, now)
    seconds = settings.anonymous_channel_seconds if agent is None else settings.channel_seconds
    starts, ends = period(wanted, now=now, longest=timedelta(seconds=seconds))
    since = await work.notices.last(wanted.topic.pod)
    behind = wanted.state is not None and await _has_changed(work, wanted.topic, wanted.state)
    channel = Subscription(
        id=identifier,
        type=kind,
        topic=wanted.topic,
        agent=agent,
        starts=starts,
        ends=ends,
        rate_seconds=wanted.rate.total_seconds(),
        state=wanted.state,
        accept=wanted.accept,
        accept_as_sent=wanted.accept_as_sent,
        context=wanted.context,
        spelled=wanted.spelled,
        send_to=wanted.send_to,
        since=since,
        position=since - 1 if behind else since,
        origin=origin,
    )
    await work.subscriptions.add(channel)
    if behind and kind.pushes:
        await work.deliveries.add(channel, since, most=settings.waiting_messages)
    return channel


async def of_connection(
    work: NotifyWork,
    topic: ResourceUrl,
    *,
    accept: MediaType,
    caller: Caller,
    origin: str | None,
    door: Door,
    settings: NotifySettings,
    now: datetime,
) -> Subscription:
    """A channel for one connection, to whoever may read the topic (NP-11). Raises Unauthenticated or Forbidden."""
    require(await door.decide(work, caller, topic, origin=origin), caller)
    agent = caller if isinstance(caller, Agent) else None
    seconds = settings.anonymous_channel_seconds if agent is None else settings.channel_seconds
    since = await work.notices.last(topic.pod)
    return Subscription(
        id="",
        type=ChannelType.STREAM,
        topic=topic,
        agent=agent,
        starts=now.replace(microsecond=0),
        ends=now + timedelta(seconds=seconds),
        rate_seconds=0.0,
        state=None,
        accept=accept,
        accept_as_sent=None,
        context=CONTEXTS[0],
        spelled=ChannelType.STREAM.value,
        send_to=None,
        since=since,
        position=since,
        origin=origin,
    )


async def own_channel(work: NotifyWork, identifier: str, kind: ChannelType, *, caller: Caller) -> Subscription:
    """The channel, for whoever made it. One that nobody in particular made belongs to who knows its id, which was told
    to its maker alone. Raises Missing, Unauthenticated or Forbidden."""
    channel = await work.subscriptions.get(identifier)
    if channel is None or channel.type is not kind:
        raise Missing("no-such-channel", "There is no such channel.")
    if channel.agent is None or (isinstance(caller, Agent) and _is_own(channel.agent, caller)):
        return channel
    if isinstance(caller, Anonymous):
        raise Unauthenticated("credentials-needed", "This needs credentials.")
    raise Forbidden("not-allowed", "This channel was made by somebody else.")


async def end_for(work: NotifyWork, webid: WebId, client: ClientId, *, now: datetime) -> int:
    """Ends every channel that this person made through this client; how many."""
    found = [
        channel for channel in await work.subscriptions.of(webid) if channel.agent and channel.agent.client == client
    ]
    for channel in found:
        await end(work, channel, now=now)
    return len(found)


async def end(work: NotifyWork, channel: Subscription, *, now: datetime) -> bool:
    """Ends a channel, and tells every worker that may hold it open (NP-12); False when it was gone already."""
    gone = await work.subscriptions.remove(channel)
    if gone:
        await work.outbox.append(channel.topic.pod, Notice(channel.id, CHANNEL_ENDED, now))
    return gone


async def end_all(work: NotifyWork, pod: PodName, agent: WebId, *, now: datetime, limit: int) -> int:
    """Ends up to `limit` channels on a pod that goes, and of the agent that goes with it; how many."""
    held = await work.subscriptions.held(pod, agent, limit=limit)
    for channel in held:
        await end(work, channel, now=now)
    return len(held)


async def state_of(work: NotifyWork, topic: ResourceUrl) -> str | None:
    """The entity tag of the topic as messages tell it; None when it does not exist."""
    resource = await work.resources.get(topic)
    return None if resource is None else resource.etag().opaque


async def refreshed(work: NotifyWork, channel: Subscription) -> Subscription | None:
    """The channel as it is stored now; None when it was ended."""
    found = await work.subscriptions.get(channel.id)
    return None if found is None else replace(channel, position=found.position)


def _is_own(maker: Agent, caller: Agent) -> bool:
    """An app under a ceiling (PAIN-05) has no say over channels that its person made through another."""
    return maker.webid == caller.webid and (caller.ceiling is None or maker.client == caller.client)


async def _check_room(work: NotifyWork, agent: Agent | None, settings: NotifySettings, now: datetime) -> None:
    """ATK-32: nobody fills the store with channels."""
    most = settings.anonymous_channels if agent is None else settings.channels_per_agent
    own = await work.subscriptions.count("" if agent is None else agent.webid, now=now, most=most)
    everybody = await work.subscriptions.count(None, now=now, most=settings.channels)
    if own >= most or everybody >= settings.channels:
        raise TooMany("too-many-channels", "There are too many channels already.", retry_after=_TRY_AGAIN_SECONDS)


async def _has_changed(work: NotifyWork, topic: ResourceUrl, seen: str) -> bool:
    """Whether the state a client saw last, in whichever representation, is not that of now."""
    return seen not in {tag.opaque for tag in current_tags(await work.resources.get(topic))}
