"""Who lately wrote in a pod: there, not elsewhere, not for ever, and never without end."""

from __future__ import annotations

import pytest

from vault.values import ANONYMOUS, Agent, Ceiling, ClientId, PodName, WebId
from vault.web.lately import AskFirst, Lately, Unasked

ALICE, CAROL = PodName("alice"), PodName("carol")
BOB = Agent(WebId("https://bob.example/#me"), ClientId("app"), "https://bob.example/")


def test_who_was_let_through_is_known_until_refused() -> None:
    lately = Lately()
    assert not lately.wrote(BOB, ALICE)
    lately.note(BOB, ALICE)
    assert lately.wrote(BOB, ALICE)
    lately.forget(BOB, ALICE)
    lately.forget(BOB, ALICE)
    assert not lately.wrote(BOB, ALICE)


def test_another_app_another_ceiling_nobody_and_another_pod_are_not_known_by_it() -> None:
    lately = Lately()
    lately.note(BOB, ALICE)
    other_app = Agent(BOB.webid, ClientId("other"), BOB.issuer)
    lowered = Agent(BOB.webid, BOB.client, BOB.issuer, Ceiling())
    assert not any(lately.wrote(caller, ALICE) for caller in (ANONYMOUS, other_app, lowered))
    assert not lately.wrote(BOB, CAROL)


def test_it_never_grows_without_end() -> None:
    lately = Lately(most=3)
    pods = [PodName(f"pod-{number}") for number in range(7)]
    for pod in pods:
        lately.note(BOB, pod)
    assert lately.wrote(BOB, pods[-1])
    assert sum(lately.wrote(BOB, pod) for pod in pods) <= 3


async def test_groups_are_not_asked_while_the_writer_is_held() -> None:
    with pytest.raises(AskFirst):
        await Unasked().members("https://groups.example/#g")
