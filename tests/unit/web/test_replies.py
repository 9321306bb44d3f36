"""The room for kept answers: bounded, and what was not asked for longest goes first."""

from __future__ import annotations

from aiohttp import web

from vault.solid.paths import parse_target
from vault.values import ANONYMOUS
from vault.web.replies import Kept, Question, Replies, kept


def question(name: str) -> Question:
    return Question(ANONYMOUS, parse_target(f"/alice/{name}"), None, (), None, None, signed=False)


def test_the_room_is_never_exceeded_and_the_oldest_goes() -> None:
    replies = Replies(room=4096)
    for name in ("a", "b", "c"):
        replies.keep(question(name), Kept(1, 200, b"", b"x" * 100))
    assert replies.get(question("a")) is not None
    replies.keep(question("d"), Kept(1, 200, b"", b"x" * 100))
    assert replies.get(question("b")) is None
    assert replies.get(question("a")) is not None
    replies.keep(question("huge"), Kept(1, 200, b"", b"x" * 10_000))
    assert len(replies) == 0


def test_an_answer_takes_the_place_of_the_one_before() -> None:
    replies = Replies()
    for version in (1, 2):
        replies.keep(question("a"), Kept(version, 200, b"", b""))
    found = replies.get(question("a"))
    assert found is not None
    assert (found.version, len(replies)) == (2, 1)


def test_only_plain_answers_are_kept() -> None:
    assert kept(web.Response(body=b"x"), 1) is not None
    assert kept(web.Response(status=304), 1) is not None
    assert kept(web.Response(status=404), 1) is None
    assert kept(web.StreamResponse(), 1) is None
    ending = web.Response(body=b"x")
    ending.force_close()
    assert kept(ending, 1) is None


def test_no_header_can_break_out_of_its_line() -> None:
    for text in ("a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b"):
        assert kept(web.Response(body=b"x", headers={"Location": text}), 1) is None
