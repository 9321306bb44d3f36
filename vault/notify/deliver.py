"""Webhooks: the outbox is shared out among them, and each is called until it has taken its messages, in order.

One process at a time does this for all of them. What is to be sent to whom is noted in the transaction that notes how
far the sharing has come, so that a kill at any moment loses nothing; a message may then come twice, with the same id.

    waiting ──▶ taken (2xx)
       ├──▶ tried again, ever later ──▶ dead letter; after twice as many failures in a row the channel ends
       └──▶ gone with its channel: unsubscribed, past its end, access lost, or the receiver says 410
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from vault.config import NotifySettings
from vault.identity.outgoing import Sender
from vault.notify.channels import ChannelType, Subscription
from vault.notify.messages import Posted, is_told, message_id, state_message, topic_of, written
from vault.notify.ports import Courier, Due, Duty, NotifyWork, Reply, Transact
from vault.notify.subscribe import Door, end, state_of
from vault.observe import event, failure
from vault.values import Clock, Notice, ResourceUrl

_PAGE: Final = 500
_AT_ONCE: Final = 16  # receivers called at the same time
_NOTED_AT_LEAST_EVERY: Final = 5000  # notices that concern no webhook
_BUSY_PAUSE: Final = 0.1  # seconds between two looks, while there are webhooks
_IDLE_PAUSE: Final = 1.0
_GONE: Final = 410  # RFC 9110 §15.5.11: the receiver wants no more


class Relay:
    """The webhooks of the whole store, while this process has the duty."""

    def __init__(
        self,
        *,
        reading: Transact,
        writing: Transact,
        door: Door,
        clock: Clock,
        settings: NotifySettings,
        courier: Courier,
        sender: Sender,
        duty: Duty,
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._door = door
        self._clock = clock
        self._settings = settings
        self._courier = courier
        self._sender = sender
        self._duty = duty
        self._place: int | None = None
        self._noted = 0
        self._active = False
        self._news = asyncio.Event()
        self._calls: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Something was committed in this process. Costs nothing while there are no webhooks."""
        if self._active:
            self._news.set()

    async def run(self) -> None:
        """Forever, until it is cancelled; what is being sent then is finished by `finish`."""
        while True:
            self._news.clear()
            try:
                pause = await self._turn()
            except Exception as error:  # the store may be back in a moment
                failure("delivering-failed", error)
                pause = _IDLE_PAUSE
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()

    async def finish(self) -> None:
        """Waits for the calls under way, so that what a receiver took is noted."""
        if self._calls:
            await asyncio.wait(list(self._calls.values()))

    async def _turn(self) -> float:
        """One look at everything; how many seconds may pass before the next."""
        if not self._duty.take():
            return _IDLE_PAUSE
        more = await self._share_out()
        if not self._active:
            return _IDLE_PAUSE
        await self._call_due()
        return 0.0 if more else _BUSY_PAUSE

    async def _share_out(self) -> bool:
        """Notes which webhook is to be sent which notice; True when there may be more."""
        async with self._reading() as work:
            self._active = await work.subscriptions.any(ChannelType.WEBHOOK)
            if not self._active:  # nothing committed so far can concern a webhook that does not exist yet
                self._place = await work.notices.place()
                return False
            if self._place is None:
                self._place = self._noted = await work.deliveries.place()
            page = await work.notices.after(self._place, limit=_PAGE)
            matches = [match for posted in page.notices for match in await self._concerned(work, posted)]
        if matches or page.place > self._noted + _NOTED_AT_LEAST_EVERY:
            async with self._writing() as work:
                for channel, number in matches:
                    if not await work.deliveries.add(channel, number, most=self._settings.waiting_messages):
                        await self._give_up(work, channel)
                await work.deliveries.note(page.place)
            self._noted = page.place
        self._place = page.place
        return len(page.notices) == _PAGE

    async def _concerned(self, work: NotifyWork, posted: Posted) -> list[tuple[Subscription, int]]:
        topic = topic_of(posted.notice)
        storage = f"{self._door.base_url}{posted.pod}/"
        if topic is None or not topic.startswith(storage):
            return []
        place = ResourceUrl(posted.pod, topic[len(storage) - 1 :])
        channels = await work.subscriptions.about(place, ChannelType.WEBHOOK)
        return [(channel, posted.number) for channel in channels if is_told(channel, posted, topic)]

    async def _call_due(self) -> None:
        room = _AT_ONCE - len(self._calls)
        if room <= 0:
            return
        async with self._reading() as work:
            due = await work.deliveries.due(self._clock(), limit=_AT_ONCE)
        for one in due:
            if one.subscription.id not in self._calls and len(self._calls) < _AT_ONCE:
                self._calls[one.subscription.id] = asyncio.create_task(self._call(one))

    async def _call(self, due: Due) -> None:
        try:
            await self._send(due)
        except Exception as error:
            failure("delivery-failed", error)
            await asyncio.sleep(_BUSY_PAUSE)
        finally:
            del self._calls[due.subscription.id]
            self._news.set()

    async def _send(self, due: Due) -> None:
        channel, now = due.subscription, self._clock()
        hearer = await self._door.hearer(channel)
        async with self._reading() as work:
            # NP-11: read access is checked again before each delivery; when it is lost, the channel ends.
            welcome = not channel.has_ended(now) and await self._door.may_hear(work, hearer, channel)
            posted = await self._posted(work, due, now) if welcome else None
        if not welcome or channel.send_to is None:
            async with self._writing() as work:
                await end(work, channel, now=now)
            return
        reply = Reply(200) if posted is None else await self._post(channel.send_to, channel, posted, now)
        async with self._writing() as work:
            await self._note(work, due, reply, self._clock())

    async def _posted(self, work: NotifyWork, due: Due, now: datetime) -> Posted | None:
        """What is to be sent; None when it was forgotten meanwhile."""
        channel = due.subscription
        if due.number == channel.since:
            topic = channel.topic.iri(self._door.base_url)
            happened = Notice(topic, "", now.replace(microsecond=0))
            return state_message(channel, topic, await state_of(work, channel.topic), happened)
        return await work.notices.get(channel.topic.pod, due.number)

    async def _post(self, url: str, channel: Subscription, posted: Posted, now: datetime) -> Reply:
        body = written(posted, context=channel.context, media_type=channel.accept)
        headers = self._sender.headers(url, body, media_type=channel.accept, message_id=message_id(posted), now=now)
        return await self._courier.post(url, body=body, headers=headers)

    async def _note(self, work: NotifyWork, due: Due, reply: Reply, now: datetime) -> None:
        """What comes of an answer."""
        channel, settings = due.subscription, self._settings
        if 200 <= reply.status < 300:
            await work.deliveries.sent(due, again=now + timedelta(seconds=channel.rate_seconds))
            return
        if reply.status == _GONE:
            await end(work, channel, now=now)
            return
        failures = due.failures + 1
        if failures >= 2 * settings.retries:
            await self._give_up(work, channel)
            return
        seconds = max(settings.retry_seconds * 2 ** min(failures - 1, 32), reply.retry_after or 0.0)
        again = now + timedelta(seconds=min(settings.longest_retry_seconds, seconds))
        dead = failures >= settings.retries
        if dead:
            event("webhook-dead-letter", failures=failures, status=reply.status)
        await work.deliveries.failed(due, again=again, dead=dead)

    async def _give_up(self, work: NotifyWork, channel: Subscription) -> None:
        """Ends the channel of a receiver that does not take what is sent; what waited is kept as dead letters."""
        letters = await work.deliveries.bury(channel)
        await end(work, channel, now=self._clock())
        event("webhook-given-up", messages=letters)
