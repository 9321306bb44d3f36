"""Channels that receivers listen to, in the worker that holds their connection: every notice once, in order.

    opened ──▶ catching up ◀──▶ live ──▶ ended (time, revocation, unsubscription, a receiver that is gone, or our stop)

One reader follows the outbox for all connections of this process. A connection that has just come, or that could not
keep up, reads what it missed from the store and joins the others again; so memory is bounded and nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from enum import StrEnum
from typing import Final

from vault.config import NotifySettings
from vault.errors import Unavailable
from vault.notify.channels import Subscription
from vault.notify.messages import ACCESS_CHANGED, CHANNEL_ENDED, Posted, is_told, puts_in_doubt, state_message, topic_of
from vault.notify.ports import Transact
from vault.notify.subscribe import Door, end, state_of
from vault.observe import failure
from vault.values import Clock, Notice

_PAGE: Final = 500
_MOST_QUEUED: Final = 256
_SHORT_PAUSE: Final = 0.05  # seconds between two looks at what other workers committed, right after something was
_LONG_PAUSE: Final = 0.2
_ALONE_PAUSE: Final = 1.0  # where no other worker writes, our own commits wake us
_SAVE_SECONDS: Final = 10.0


class Ended(StrEnum):
    """Why a connection ends."""

    TIME = "time"
    REVOKED = "revoked"
    UNSUBSCRIBED = "unsubscribed"
    GONE = "gone"  # the receiver
    SLOW = "slow"
    STOPPING = "stopping"


class Listener:
    """One connection of one channel. `position` is the number of the last notice its receiver has taken, `given` that
    of the last one handed out, `scanned` that of the last one that was looked at."""

    __slots__ = (
        "again",
        "behind",
        "doubted",
        "ended",
        "given",
        "news",
        "position",
        "queue",
        "saved",
        "scanned",
        "subscription",
        "topic",
    )

    def __init__(self, subscription: Subscription, topic: str, *, position: int) -> None:
        self.subscription = subscription
        self.topic = topic
        self.position = self.given = self.scanned = position
        self.saved = subscription.position
        self.queue: deque[Posted] = deque()
        self.news = asyncio.Event()
        self.behind = True  # reads from the store first
        self.again = False  # something came while it read
        self.doubted = False
        self.ended: Ended | None = None

    def tell(self, posted: Posted) -> None:
        if self.behind:
            self.again = True
        elif posted.number > self.scanned and is_told(self.subscription, posted, self.topic):
            if self.subscription.rate_seconds:
                self.queue.clear()  # what happens meanwhile is told as one: the newest of it
            if len(self.queue) >= _MOST_QUEUED:
                self.queue.clear()
                self.behind, self.scanned = True, self.given
            else:
                self.queue.append(posted)
                self.scanned = posted.number
        self.news.set()

    def doubt(self) -> None:
        """Access may have changed: look again, before anything else."""
        self.doubted = True
        self.news.set()

    def next(self) -> Posted:
        """What is handed out now; with a rate, the newest of all that waits."""
        posted = self.queue.pop() if self.subscription.rate_seconds else self.queue.popleft()
        if self.subscription.rate_seconds:
            self.queue.clear()
        self.given = posted.number
        return posted

    @property
    def must_read(self) -> bool:
        """It is behind, and has nothing more to hand out."""
        return self.behind and not self.queue

    def end(self, because: Ended) -> None:
        if self.ended is None:
            self.ended = because
        self.news.set()


class Hub:
    """Everybody who listens in this process. `polls`: other processes write to the same store."""

    def __init__(
        self,
        *,
        reading: Transact,
        writing: Transact,
        door: Door,
        clock: Clock,
        settings: NotifySettings,
        polls: bool,
    ) -> None:
        self._reading = reading
        self._writing = writing
        self.door = door
        self._clock = clock
        self.settings = settings
        self._polls = polls
        self._listeners: set[Listener] = set()
        self._by_topic: dict[str, set[Listener]] = {}
        self._news = asyncio.Event()
        self._place = 0
        self._watching: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._stopping = False

    def __len__(self) -> int:
        return len(self._listeners)

    def wake(self) -> None:
        """Something was committed in this process. Costs nothing while nobody listens."""
        if self._listeners:
            self._news.set()

    async def open(self, subscription: Subscription, *, after: int | None = None) -> Listener:
        """Joins; `after` is the number of the last notice the receiver says it has taken. Raises Unavailable when
        there is no room or the server is stopping; `leave` must follow."""
        if self._stopping or len(self._listeners) >= self.settings.connections:
            raise Unavailable("no-room", "Too many channels are listened to here; try again.")
        topic = subscription.topic.iri(self.door.base_url)
        position = max([subscription.position, *self._positions(subscription, topic)])
        if after is not None:
            position = max(after, subscription.since)
        listener = Listener(subscription, topic, position=position)
        self._listeners.add(listener)
        self._by_topic.setdefault(topic, set()).add(listener)
        try:
            await self._start()
        except BaseException:
            self._forget(listener)
            raise
        return listener

    async def leave(self, listener: Listener) -> None:
        """The connection is over; what it was told is noted."""
        self._forget(listener)
        with suppress(Unavailable):
            await self._save([listener])

    async def messages(self, listener: Listener) -> AsyncGenerator[Posted | None, None]:
        """What to send, one after the other; None when it is time for a sign of life. It is taken as sent when the
        next one is asked for. Ends with the channel; `listener.ended` says why."""
        loop = asyncio.get_running_loop()
        ping = loop.time() + self.settings.ping_seconds
        free = 0.0  # the rate: nothing is sent before
        while await self._goes_on(listener):
            waits = ping - loop.time()
            if listener.queue and (waits := free - loop.time()) <= 0:
                posted = listener.next()
                if not await self._is_welcome(listener):
                    return
                yield posted
                listener.position = max(listener.position, posted.number)
                free = loop.time() + listener.subscription.rate_seconds
                ping = loop.time() + self.settings.ping_seconds
                continue
            if ping <= loop.time():
                yield None
                ping = loop.time() + self.settings.ping_seconds
                continue
            await self._wait(listener, min(waits, ping - loop.time()))

    async def stop(self) -> None:
        """Ends every connection; their handlers then close them."""
        self._stopping = True
        for listener in list(self._listeners):
            listener.end(Ended.STOPPING)
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    # ---- one connection

    async def _goes_on(self, listener: Listener) -> bool:
        """Looks at everything that may end the channel, and fills the queue of one that is behind."""
        if listener.ended is None and listener.subscription.has_ended(self._clock()):
            listener.end(Ended.TIME)
        if listener.ended is None and listener.doubted:
            listener.doubted = False
            await self._is_welcome(listener)
        if listener.ended is None and listener.must_read:
            await self._catch_up(listener)
        return listener.ended is None

    async def _is_welcome(self, listener: Listener) -> bool:
        """NP-11: read access is checked again before each delivery; when it is lost, the channel ends."""
        channel = listener.subscription
        hearer = await self.door.hearer(channel)
        async with self._reading() as work:
            allowed = await self.door.may_hear(work, hearer, channel)
            there = not channel.is_stored or await work.subscriptions.get(channel.id) is not None
        if not there:
            listener.end(Ended.UNSUBSCRIBED)
        elif not allowed:
            listener.end(Ended.REVOKED)
            if channel.is_stored:
                async with self._writing() as work:
                    await end(work, channel, now=self._clock())
        return listener.ended is None

    async def _catch_up(self, listener: Listener) -> None:
        channel = listener.subscription
        async with self._reading() as work:
            listener.again = False
            if listener.given < channel.since:
                now = Notice(listener.topic, "", self._clock().replace(microsecond=0))
                state = await state_of(work, channel.topic)
                listener.queue.append(state_message(channel, listener.topic, state, now))
                listener.scanned = channel.since
            page = await work.notices.of_pod(channel.topic.pod, after=listener.scanned, limit=_MOST_QUEUED)
        listener.queue.extend(posted for posted in page if is_told(channel, posted, listener.topic))
        if page:
            listener.scanned = page[-1].number
        listener.behind = len(page) == _MOST_QUEUED or listener.again
        if not listener.queue:
            listener.position = listener.given = listener.scanned

    async def _wait(self, listener: Listener, seconds: float) -> None:
        left = (listener.subscription.ends - self._clock()).total_seconds()
        listener.news.clear()
        if listener.ended is not None or listener.doubted or listener.must_read:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(seconds, left))):
                await listener.news.wait()

    # ---- all of them

    async def _start(self) -> None:
        async with self._starting:
            if self._watching is None or self._watching.done():
                async with self._reading() as work:
                    self._place = await work.notices.place()
                self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Follows the outbox while somebody listens."""
        loop = asyncio.get_running_loop()
        pause, save, recheck = _SHORT_PAUSE, loop.time() + _SAVE_SECONDS, loop.time() + self.settings.recheck_seconds
        while self._listeners:
            self._news.clear()
            try:
                found = await self._share()
                if loop.time() >= save:
                    save = loop.time() + _SAVE_SECONDS
                    await self._save(list(self._listeners))
            except Exception as error:  # the store may be back in a moment
                failure("listening-failed", error)
                found = 0
            if loop.time() >= recheck:
                recheck = loop.time() + self.settings.recheck_seconds
                for listener in self._listeners:
                    listener.doubt()
            if found == _PAGE:
                await asyncio.sleep(0)
                continue
            pause = _SHORT_PAUSE if found else min(_LONG_PAUSE, pause * 1.5)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause if self._polls else _ALONE_PAUSE):
                    await self._news.wait()

    async def _share(self) -> int:
        async with self._reading() as work:
            page = await work.notices.after(self._place, limit=_PAGE)
        self._place = page.place
        for posted in page.notices:
            topic = topic_of(posted.notice)
            if topic is not None:
                for listener in self._by_topic.get(topic, ()):
                    listener.tell(posted)
            elif posted.notice.kind == ACCESS_CHANGED:
                for listener in self._listeners:
                    if puts_in_doubt(posted.notice, listener.topic):
                        listener.doubt()
            elif posted.notice.kind == CHANNEL_ENDED:
                for listener in self._listeners:
                    if listener.subscription.id == posted.notice.topic:
                        listener.end(Ended.UNSUBSCRIBED)
        return len(page.notices)

    async def _save(self, listeners: list[Listener]) -> None:
        """Notes how far each has come, in one transaction; nothing is written where nobody has moved."""
        moved = [(one, one.position) for one in listeners if one.subscription.is_stored and one.position > one.saved]
        if not moved:
            return
        async with self._writing() as work:
            for listener, position in moved:
                await work.subscriptions.move(listener.subscription, position)
        for listener, position in moved:
            listener.saved = position

    def _positions(self, subscription: Subscription, topic: str) -> list[int]:
        """How far other connections of the same channel have come in this process."""
        return [
            listener.position
            for listener in self._by_topic.get(topic, ())
            if subscription.is_stored and listener.subscription.id == subscription.id
        ]

    def _forget(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        others = self._by_topic.get(listener.topic)
        if others is not None:
            others.discard(listener)
            if not others:
                del self._by_topic[listener.topic]
