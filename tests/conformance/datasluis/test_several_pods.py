"""A person with two pods: what is asked of, delivered to and noted for a WebID belongs to the pod of that WebID."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial

import pytest

from tests.browser import Browser
from tests.lock import DIPLOMA
from tests.lock_live import LiveLock, counter, lock, lock_server
from vault.audit import AuditEvent
from vault.identity.hold import add_pod
from vault.ports import Vault, Work
from vault.solid.provision import create_pod
from vault.values import PodName

__all__ = ["counter", "lock", "lock_server"]


@pytest.fixture
def second(lock: LiveLock) -> str:
    """The name of one more pod of Lotte's."""
    name = PodName(f"lotte-{secrets.token_hex(4)}")

    async def made(vault: Vault, work: Work) -> None:
        account = await work.accounts.by_pod(PodName("lotte"))
        assert account is not None
        await add_pod(
            work,
            account,
            name=name,
            display_name="Lotte",
            create_pod=partial(create_pod, work),
            settings=vault.settings,
            now=vault.clock(),
        )

    lock.write(made)
    return name


async def test_request_to_the_second_webid_stands_in_the_second_pod(lock: LiveLock, second: str) -> None:
    asked = await lock.ask(citizen=f"{lock.server.live.base_url}{second}/profile/card#me")
    number = asked["id"].rpartition("/")[2]
    assert [one.subject for one in lock.log(second) if one.event is AuditEvent.REQUEST_SUBMITTED] == [number]
    assert not any(number == one.subject for one in lock.log("lotte"))
    browser = Browser(lock.http)
    await browser.sign_in(lock.person("lotte"))
    assert (await browser.open(f"/my/requests/{number}")).status == 404
    page = await browser.open("/my/account/identities")
    alone = page.body[page.body.index(f'value="{second}"'.encode()) - 600 :]
    form = replace(page, body=alone[alone.index(b"<form") :])
    await browser.submit(form, "/my/account/identities/look", pod=second)
    assert (await browser.open(f"/my/requests/{number}")).status == 200


async def test_document_for_the_second_webid_is_laid_down_in_the_second_pod(lock: LiveLock, second: str) -> None:
    answer = await lock.call(
        "POST",
        "deposits",
        by="school",
        body=DIPLOMA,
        Content_Type="text/turtle",
        Datasluis_Citizen=f"{lock.server.live.base_url}{second}/profile/card#me",
        Datasluis_Reference=f"n-{secrets.token_hex(4)}",
    )
    assert answer.status == 201, answer.text
    assert any(one.event is AuditEvent.MESSAGE_DEPOSITED for one in lock.log(second))
