"""Two servers send the letters of one store: each letter by one of them at a time, and by the other when that one is
killed."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

from tests.faults.processes import begin, finish, running
from tests.live import settings_for
from tests.mailbox import Mailbox, mail_server, mail_settings
from vault.app import open_vault
from vault.identity.correspond import write_letter
from vault.identity.letters import LetterKind
from vault.identity.post import LEASE

LETTERS = 20


def write(folder: Path, box: Mailbox, count: int) -> None:
    async def letters() -> None:
        async with open_vault(settings_for(folder, 3000, mail=mail_settings(box))) as vault, vault.writing() as work:
            for number in range(count):
                to, now = f"p{number}@people.example", vault.clock()
                await write_letter(work, LetterKind.TEST, to=to, language="en", settings=vault.settings, now=now)

    asyncio.run(letters())


def sender(folder: Path, box: Mailbox, *, ahead: float = 0.0) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process that has opened the store and waits to be told."""
    return running("post_process", str(folder), str(box.port), str(ahead))


def sent_by(folder: Path, box: Mailbox, *, ahead: float = 0.0) -> int:
    """One round of a process of its own; how many letters left."""
    with sender(folder, box, ahead=ahead) as process:
        begin(process)
        return int(finish(process)[-1])


def test_of_two_senders_at_once_each_letter_is_sent_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with mail_server() as box:
        both, slowly = threading.Barrier(2, timeout=30), iter(range(LETTERS))

        async def together() -> None:
            if next(slowly) < 2:  # the first letter of each is on its way while the other one's is
                await asyncio.to_thread(both.wait)

        box.on_data = together
        write(folder, box, LETTERS)
        with sender(folder, box) as one, sender(folder, box) as other:
            begin(one)
            begin(other)
            shares = [int(finish(process)[-1]) for process in (one, other)]
    assert all(shares)
    assert sum(shares) == LETTERS
    assert set(Counter(str(message["To"]) for message in box.received).values()) == {1}
    assert len(box.received) == LETTERS


def test_letter_of_a_sender_that_was_killed_is_another_ones_after_the_lease(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with mail_server() as box:
        on_its_way, go_on = threading.Event(), threading.Event()

        async def held() -> None:
            on_its_way.set()
            await asyncio.to_thread(go_on.wait, 60)

        box.on_data = held
        write(folder, box, 1)
        with sender(folder, box) as first:
            begin(first)
            assert on_its_way.wait(30)
            assert sent_by(folder, box) == 0  # it is the first one's, and nobody else's
            first.kill()
            first.wait()
            box.on_data = None
            assert sent_by(folder, box) == 0  # nor is it yet: nobody can tell that the first one is dead
            assert sent_by(folder, box, ahead=LEASE.total_seconds()) == 1
            assert sent_by(folder, box, ahead=10 * LEASE.total_seconds()) == 0
        assert len(box.received) == 1
        go_on.set()
    # What the killed one had handed over whole may arrive too, and is known for the same letter by its id.
    assert len({str(message["Message-ID"]) for message in box.received}) == 1
