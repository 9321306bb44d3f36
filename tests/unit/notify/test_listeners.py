"""One listener's queue: bounded, in order, and never with a gap."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.notify.test_messages import CHANNEL, DOC, posted
from vault.notify.listen import Ended, Listener


def live(rate: float = 0.0) -> Listener:
    """A listener that has caught up."""
    made = Listener(replace(CHANNEL, rate_seconds=rate), DOC, position=CHANNEL.since)
    made.behind = False
    return made


def test_what_is_told_comes_out_in_order_and_once() -> None:
    listener = live()
    for number in (11, 12, 12, 11, 13):
        listener.tell(posted(number=number))
    assert [listener.next().number for _ in range(3)] == [11, 12, 13]
    assert not listener.queue


def test_one_that_reads_from_the_store_only_remembers_that_there_is_more() -> None:
    listener = live()
    listener.behind = True
    listener.tell(posted(number=11))
    assert listener.again
    assert not listener.queue


def test_one_that_cannot_keep_up_reads_from_the_store_again_after_what_it_was_given() -> None:
    listener = live()
    listener.tell(posted(number=11))
    assert listener.next().number == 11
    for number in range(12, 12 + 300):
        listener.tell(posted(number=number))
    assert listener.behind
    assert listener.scanned == 11
    assert len(listener.queue) <= 256


def test_with_a_rate_only_the_newest_waits() -> None:
    listener = live(rate=1.0)
    for number in range(11, 500):
        listener.tell(posted(number=number))
    assert len(listener.queue) == 1
    assert listener.next().number == 499


def test_the_first_reason_to_end_is_the_one_that_counts() -> None:
    listener = live()
    listener.end(Ended.REVOKED)
    listener.end(Ended.GONE)
    assert listener.ended is Ended.REVOKED
    assert listener.news.is_set()
