"""Letters on their way: sent once, tried again, given up, over TLS, and never lost (RFC 5321, RFC 3834)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.live import settings_for
from tests.mailbox import FROM, Mailbox, certificate, link_in, mail_server, mail_settings, takes, text_of
from vault.app import Machine, open_machine
from vault.chores import post_letters
from vault.identity.correspond import make_link, write_letter
from vault.identity.letters import Letter, LetterKind, LinkPurpose
from vault.values import Secret
from vault.web.letters import TEXTS, compose
from vault.web.locales import LANGUAGES

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ANN = "ann@people.example"


class Office:
    """A store with a clock to be moved, and the chore that sends its letters."""

    def __init__(self, machine: Machine, clock: list[datetime]) -> None:
        self.vault = machine.vault
        self.clock = clock

    async def write(self, to: str = ANN, kind: LetterKind = LetterKind.TEST, language: str = "en") -> None:
        async with self.vault.writing() as work:
            await write_letter(work, kind, to=to, language=language, settings=self.vault.settings, now=self.clock[0])

    async def post(self) -> int:
        return await post_letters(self.vault)

    def wait(self, seconds: float) -> None:
        self.clock[0] += timedelta(seconds=seconds)

    async def waiting(self) -> list[Letter]:
        async with self.vault.reading() as work:
            return await work.letters.due(self.clock[0] + timedelta(days=365), limit=100)

    async def given_up(self) -> list[Letter]:
        async with self.vault.reading() as work:
            return await work.letters.given_up(limit=100)


class Offices:
    """Opens stores on one folder, one after the other."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.clock = [NOON]

    async def open(self, box: Mailbox, **mail: Any) -> Office:
        settings = settings_for(self.folder, 3000, mail=mail_settings(box, **mail))
        machine = await self.stack.enter_async_context(open_machine(settings, clock=lambda: self.clock[0]))
        return Office(machine, self.clock)


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[Offices]:
    async with AsyncExitStack() as stack:
        yield Offices(tmp_path / "data", stack)


async def test_letter_arrives_once_with_what_mail_has_to_say(offices: Offices) -> None:
    with mail_server() as box:
        office = await offices.open(box)
        await office.write()
        assert await office.post() == 1
        assert await office.post() == 0
        assert await office.waiting() == []
    (message,) = box.received
    assert message["From"] == f"Datakluis <{FROM}>"
    assert message["To"] == ANN
    assert parsedate_to_datetime(message["Date"]) == NOON
    assert message["Message-ID"].endswith("@localhost>")
    assert message["Auto-Submitted"] == "auto-generated"  # RFC 3834 §5
    assert message["Content-Language"] == "en"
    assert "http://localhost:3000/" in text_of(message)


async def test_server_that_is_down_gets_the_letter_when_it_is_up_again(offices: Offices) -> None:
    box = Mailbox(0)
    with mail_server() as first:
        box = Mailbox(first.port)
    office = await offices.open(box)
    await office.write()
    await office.write("bob@people.example")
    assert await office.post() == 0
    tried = {letter.to: letter.tries for letter in await office.waiting()}
    assert sorted(tried.values()) == [0, 1]  # nobody answers: the others are not tried now
    office.wait(61)
    with mail_server(mailbox=box):
        assert await office.post() == 2
    assert {str(message["To"]) for message in box.received} == {ANN, "bob@people.example"}
    assert await office.waiting() == await office.given_up() == []


async def test_each_wait_is_twice_as_long_and_after_the_last_try_the_operator_has_it(offices: Offices) -> None:
    with mail_server() as box:
        box.refuse[ANN] = "450 Try again later"
        office = await offices.open(box, mail_tries=3, mail_retry_seconds=60)
        await office.write()
        for wait in (59, 1, 119, 1):
            await office.post()
            office.wait(wait)
        assert [letter.tries for letter in await office.waiting()] == [2]
        await office.post()
        office.wait(86400)
        box.refuse.clear()
        assert await office.post() == 0  # given up is given up
        (letter,) = await office.given_up()
    assert (letter.tries, letter.reason) == (3, "smtp-450")
    assert box.received == []


async def test_refusal_for_good_is_not_tried_again_and_stops_nobody_else(offices: Offices) -> None:
    with mail_server() as box:
        box.refuse[ANN] = "550 No such mailbox"
        office = await offices.open(box)
        await office.write()
        await office.write("bob@people.example")
        assert await office.post() == 1
        (letter,) = await office.given_up()
        assert (letter.to, letter.tries, letter.reason) == (ANN, 1, "smtp-550")
    assert [str(message["To"]) for message in box.received] == ["bob@people.example"]


@pytest.mark.parametrize(
    "address", ["a@b.example,c@d.example", "<a@b.example>", "x y@b.example", "a@b.example\r\nBcc: c@d"]
)
async def test_address_that_is_several_or_none_is_sent_nothing(offices: Offices, address: str) -> None:
    with mail_server() as box:
        office = await offices.open(box)
        await office.write(address)
        assert await office.post() == 0
        (letter,) = await office.given_up()
        assert letter.reason == "address"
    assert box.received == []


async def test_starttls_is_done_with_a_server_we_trust_and_the_password_is_given(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate(tmp_path)
    secure = {"smtp_security": "starttls", "smtp_host": "localhost", "smtp_user": "vault"}
    with mail_server(context=context, authenticator=takes("vault", "pass word"), auth_required=True) as box:
        office = await offices.open(box, **secure, smtp_password=Secret("pass word"))
        await office.write()
        assert await office.post() == 0  # its certificate is nobody's we know
        assert len(await office.waiting()) == 1
        assert box.received == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        office.wait(61)
        assert await office.post() == 1
    assert box.encrypted == [True]


async def test_wrong_password_at_the_server_is_not_the_letters_fault(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    secure = {"smtp_security": "starttls", "smtp_host": "localhost", "smtp_user": "vault"}
    with mail_server(context=context, authenticator=takes("vault", "pass word"), auth_required=True) as box:
        office = await offices.open(box, **secure, smtp_password=Secret("wrong"))
        await office.write()
        assert await office.post() == 0
        assert [letter.reason for letter in await office.waiting()] == ["smtp-535"]
        assert await office.given_up() == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_server_without_tls_gets_nothing_where_tls_is_asked_for(offices: Offices, security: str) -> None:
    with mail_server() as box:
        office = await offices.open(box, smtp_security=security)
        await office.write()
        assert await office.post() == 0
        assert len(await office.waiting()) == 1
    assert box.received == []


async def test_tls_from_the_first_byte_works_too(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(context=context, at_once=True) as box:
        office = await offices.open(box, smtp_security="tls", smtp_host="localhost")
        await office.write()
        assert await office.post() == 1
    assert box.encrypted == [True]


async def test_letter_whose_link_leads_nowhere_any_more_is_not_sent(offices: Offices) -> None:
    with mail_server() as box:
        office = await offices.open(box)
        settings, key = office.vault.settings, office.vault.secrets.links
        for seconds in (-1, 60):
            async with office.vault.writing() as work:
                expires = NOON + timedelta(seconds=seconds)
                link = await make_link(work, LinkPurpose.SIGN_UP, email=ANN, expires=expires)
                kind = LetterKind.SIGN_UP
                await write_letter(work, kind, to=ANN, language="en", settings=settings, now=NOON, link=link)
        assert await office.post() == 1
        assert await office.waiting() == []
    assert link_in(box.received[0]) == compose_link(link.id, key)


def compose_link(link_id: str, key: bytes) -> str:
    from vault.identity.letters import link_token

    return f"http://localhost:3000/idp/signup?link={link_token(link_id, key=key)}"


async def test_stop_in_the_middle_lets_the_letter_arrive_and_sends_it_once(offices: Offices) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def slowly() -> None:
        loop.call_soon_threadsafe(begun.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go_on.wait(), loop))

    with mail_server() as box:
        box.on_data = slowly
        office = await offices.open(box)
        await office.write()
        chore = asyncio.create_task(office.post())
        await begun.wait()
        chore.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await chore
        assert len(box.received) == 1
        assert await office.waiting() == []


async def test_without_mail_no_letter_is_written(offices: Offices) -> None:
    office = await offices.open(Mailbox(25), smtp_host="")
    await office.write()
    assert await office.waiting() == []


@pytest.mark.requirement("UX-35")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", LetterKind)
def test_every_letter_has_words_in_every_language_and_no_name_in_its_subject(kind: LetterKind, language: str) -> None:
    assert kind in TEXTS
    settings = settings_for(Path("nowhere"), 3000, operator={"operator_email": "help@vault.example"})
    facts = {"until": NOON.isoformat(), "documents": "12", "ended": "3", "what": "passkey-added"}
    text = compose(Letter("id", kind, ANN, language, NOON, NOON, facts=facts), None, settings=settings, key=b"k")
    assert "ann" not in text.subject.casefold()
    assert "localhost:3000" in text.subject
    assert "{" not in text.subject + text.body
    assert "letter." not in text.subject + text.body
    assert "\n" not in text.subject


@pytest.mark.requirement("ATK-36")
def test_letter_never_changes_with_the_try() -> None:
    letter = Letter("id", LetterKind.TEST, ANN, "nl", NOON, NOON)
    again = replace(letter, tries=4, due=NOON + timedelta(hours=1))
    settings = settings_for(Path("nowhere"), 3000)
    assert compose(letter, None, settings=settings, key=b"k") == compose(again, None, settings=settings, key=b"k")
