"""What telling others needs of the store and of the outside world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from vault.access.decide import Acls
from vault.notify.channels import ChannelType, Subscription
from vault.notify.messages import Posted
from vault.solid.ports import Outbox, Resources
from vault.values import PodName, ResourceUrl, WebId


@dataclass(frozen=True, slots=True)
class Page:
    """Notices of all pods in the order of their commits; `place` is where the next page begins."""

    notices: tuple[Posted, ...]
    place: int


class Notices(Protocol):
    """The outbox, read."""

    async def place(self) -> int:
        """Where the outbox ends now: what is committed later stands behind it."""
        ...

    async def after(self, place: int, /, *, limit: int) -> Page:
        """What was committed after `place`. A place from before the outbox was emptied counts as its beginning."""
        ...

    async def of_pod(self, pod: PodName, /, *, after: int, limit: int) -> list[Posted]:
        """Notices of one pod with a number greater than `after`."""
        ...

    async def get(self, pod: PodName, number: int, /) -> Posted | None: ...
    async def last(self, pod: PodName, /) -> int:
        """The number of the newest notice of a pod; 0 when there is none."""
        ...


class Subscriptions(Protocol):
    """The channels. One that is past its end is still found, until it is forgotten."""

    async def add(self, subscription: Subscription, /) -> None: ...
    async def get(self, identifier: str, /) -> Subscription | None: ...
    async def remove(self, subscription: Subscription, /) -> bool:
        """With everything that waits for it, except the dead letters; False when it was gone already."""
        ...

    async def move(self, subscription: Subscription, position: int, /) -> None:
        """Notes that everything up to `position` was told; it never moves back."""
        ...

    async def about(self, topic: ResourceUrl, kind: ChannelType, /) -> list[Subscription]: ...
    async def of(self, webid: WebId, /) -> list[Subscription]:
        """Every channel of a WebID."""
        ...

    async def held(self, pod: PodName, agent: WebId, /, *, limit: int) -> list[Subscription]:
        """Channels on anything in this pod, and those of this agent anywhere."""
        ...

    async def any(self, kind: ChannelType, /) -> bool: ...
    async def any_in(self, pod: PodName, /) -> bool:
        """Whether there is a channel on anything in this pod."""
        ...

    async def count(self, agent: str | None, /, *, now: datetime, most: int) -> int:
        """How many channels of an agent ("" for nobody in particular) last beyond `now`, of everybody for None; it
        stops counting at `most`."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """A message that can be sent now. `failures`: how often in a row this channel failed before."""

    subscription: Subscription
    number: int
    failures: int


class Deliveries(Protocol):
    """What webhooks are still to be sent: shared out in one transaction, then sent one after the other."""

    async def place(self) -> int:
        """How far the outbox has been shared out."""
        ...

    async def note(self, place: int, /) -> None:
        """The outbox has been shared out up to here."""
        ...

    async def add(self, subscription: Subscription, number: int, /, *, most: int) -> bool:
        """Notes that the channel is to be sent this notice; with a rate, in place of what waits for it already. False
        when the channel is gone, or `most` wait for it already."""
        ...

    async def due(self, now: datetime, /, *, limit: int) -> list[Due]:
        """For each channel that may be called now, the oldest that waits for it."""
        ...

    async def sent(self, due: Due, /, *, again: datetime) -> None:
        """The receiver took it. `again`: when the channel may be called next."""
        ...

    async def failed(self, due: Due, /, *, again: datetime, dead: bool) -> None:
        """The receiver did not take it. `dead`: it is not tried again, and kept among the dead letters."""
        ...

    async def owed(self, pod: PodName, /, *, storage: str) -> bool:
        """Whether a webhook in this pod is still to be told something, or that its topic is gone; `storage` is the
        URL of the pod, without the slash at its end."""
        ...

    async def bury(self, subscription: Subscription, /) -> int:
        """Nothing that waits for this channel is tried again; how many messages that were."""
        ...


class NotifyWork(Protocol):
    """The slice of one transaction that telling others uses."""

    @property
    def resources(self) -> Resources: ...
    @property
    def acls(self) -> Acls: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def subscriptions(self) -> Subscriptions: ...
    @property
    def deliveries(self) -> Deliveries: ...


Transact: TypeAlias = Callable[[], AbstractAsyncContextManager[NotifyWork]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver said: the status, or 0 when nobody answered; and how many seconds it asks us to wait."""

    status: int
    retry_after: float | None = None


class Courier(Protocol):
    """The way out to receivers, through the guard that every request to strangers passes (ATK-06)."""

    def check(self, url: str, /) -> str:
        """The URL in the form it would be called in; raises Unprocessable for one that never would be."""
        ...

    async def post(self, url: str, /, *, body: bytes, headers: Mapping[str, str]) -> Reply: ...


class Duty(Protocol):
    """Something that one process at a time does for all of them; it ends with the process, however that ends."""

    def take(self) -> bool:
        """True when this process does it; asking again is harmless."""
        ...
