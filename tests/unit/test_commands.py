"""The commands for accounts and mail, as an operator types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.live import settings_for
from tests.mailbox import mail_server, mail_settings
from tests.unit.test_cli import SEED, datakluis
from vault.app import open_vault
from vault.chores import post_letters


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "seed.json").write_text(json.dumps(SEED))
    done = datakluis("seed", str(tmp_path / "seed.json"), "--data", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    return tmp_path / "data"


def lines(text: str) -> dict[str, dict[str, object]]:
    return {line["email"]: line for line in map(json.loads, text.splitlines())}


def test_accounts_are_listed_locked_unlocked_and_closed_with_a_line_for_each_act(store: Path) -> None:
    def run(*words: str) -> str:
        done = datakluis("account", *words, "--data", str(store))
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = lines(run("list"))
    assert list(listed) == ["alice@example.org", "bob@example.org"]
    assert listed["alice@example.org"]["pods"] == 1
    assert listed["alice@example.org"]["locked"] is False
    assert "argon2" not in json.dumps(listed)
    run("lock", "ALICE@example.org")
    assert lines(run("list"))["alice@example.org"]["locked"] is True
    run("unlock", "alice@example.org")
    assert "closes on" in run("close", "bob@example.org")
    assert lines(run("list"))["bob@example.org"]["closes"]
    assert run("close", "bob@example.org", "--at-once").strip() == "closed"
    assert list(lines(run("list"))) == ["alice@example.org"]
    verified = datakluis("audit", "verify", "--data", str(store))
    chains = {line["pod"]: line["entries"] for line in map(json.loads, verified.stdout.splitlines())}
    assert chains["alice"] >= 4  # pod and account made, locked, unlocked
    assert chains[""] == 1  # the server's own line of the closed account
    again = datakluis("account", "lock", "bob@example.org", "--data", str(store))
    assert again.returncode == 2
    assert "no-such-account" in again.stderr


def test_invitation_is_printed_and_refused_for_who_has_an_account_or_where_nobody_is_taken(store: Path) -> None:
    data = ("--data", str(store))
    made = datakluis("account", "invite", "guest@example.org", *data)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("http://localhost:3000/idp/signup?link=")
    known = datakluis("account", "invite", "alice@example.org", *data)
    assert (known.returncode, "account-exists" in known.stderr) == (2, True)
    closed = datakluis("account", "invite", "other@example.org", *data, DATAKLUIS_SIGN_UP="closed")
    assert (closed.returncode, "sign-up-closed" in closed.stderr) == (2, True)


def test_command_that_mails_or_announces_wants_the_address_that_the_store_was_made_for(tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text(json.dumps(SEED))
    data, ours = ("--data", str(tmp_path / "data")), ("--base-url", "https://vault.example")
    assert datakluis("seed", str(tmp_path / "seed.json"), *data, *ours).returncode == 0
    invited = datakluis("account", "invite", "guest@example.org", *data, *ours)
    assert invited.stdout.startswith("https://vault.example/idp/signup?link=")
    for words in (("invite", "other@example.org"), ("close", "bob@example.org", "--at-once")):
        refused = datakluis("account", *words, *data)
        assert (refused.returncode, "other-address" in refused.stderr) == (2, True)
    assert "bob@example.org" in lines(datakluis("account", "list", *data).stdout)
    assert datakluis("account", "close", "bob@example.org", "--at-once", *data, *ours).stdout.strip() == "closed"


def test_test_letter_says_what_became_of_it(tmp_path: Path) -> None:
    with mail_server() as box:
        environment = {f"DATAKLUIS_{name.upper()}": str(value) for name, value in mail_settings(box).items()}
        box.refuse["nobody@people.example"] = "550 No such mailbox"
        sent = datakluis("mail", "test", "ann@people.example", "--language", "de", **environment)
        assert (sent.returncode, sent.stdout.strip()) == (0, "sent")
        refused = datakluis("mail", "test", "nobody@people.example", **environment)
        assert (refused.returncode, refused.stderr.strip()) == (1, "not sent: smtp-550")
    assert [str(message["Content-Language"]) for message in box.received] == ["de"]
    without = datakluis("mail", "test", "ann@people.example")
    assert (without.returncode, without.stderr.strip()) == (1, "not sent: smtp_host is not set")


def test_undelivered_letters_are_there_for_the_operator(store: Path) -> None:
    """The invitation was written for a server that refuses it; `serve` would have tried, here the chore does."""
    with mail_server() as box:
        settings = mail_settings(box)
        environment = {f"DATAKLUIS_{name.upper()}": str(value) for name, value in settings.items()}
        box.refuse["guest@example.org"] = "550 No such mailbox"
        invited = datakluis("account", "invite", "guest@example.org", "--data", str(store), **environment)
        assert invited.returncode == 0, invited.stderr

        async def post() -> int:
            async with open_vault(settings_for(store, 3000, mail=settings)) as vault:
                return await post_letters(vault)

        assert asyncio.run(post()) == 0
    shown = datakluis("mail", "undelivered", "--data", str(store))
    (line,) = map(json.loads, shown.stdout.splitlines())
    assert (line["to"], line["kind"], line["reason"]) == ("guest@example.org", "invitation", "smtp-550")
