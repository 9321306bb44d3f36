"""What an account holds beside its password: WebIDs and pods, passkeys, recovery codes, sign-ins elsewhere, mail; and
what protocols keep for one use."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contracts.stores import (
    ALICE,
    BOB,
    NOON,
    FixedClock,
    a_client,
    a_code,
    a_refresh_token,
    a_session,
    an_account,
    rows_of,
    webid,
)
from vault.errors import Conflict
from vault.identity.accounts import Consent, HeldPod
from vault.identity.credentials import Passkey, UpstreamLink
from vault.identity.letters import Letter, LetterKind, LinkPurpose, MailLink
from vault.storage.database import Database
from vault.values import AccountId, ClientId, PodName, WebId

ALICES = AccountId("account-alice")
BOBS = AccountId("account-bob")
ELSEWHERE = WebId("https://elsewhere.example/alice#me")
SECOND = HeldPod(PodName("second"), WebId("https://vault.example/second/profile/card#me"))

A_PASSKEY = Passkey("cred-1", ALICES, "cose", 0, "phone", NOON, ("internal",), backed_up=True)
A_LINK = MailLink(
    "link-1", LinkPurpose.NEW_PASSWORD, "alice@example.org", NOON + timedelta(hours=1), ALICES, onward="/my/log"
)
A_LETTER = Letter("letter-1", LetterKind.NEW_PASSWORD, "alice@example.org", "nl", NOON, NOON, "link-1", {"name": "x"})


@pytest.fixture
async def accounts(store: Database) -> Database:
    """The store with an account for Alice and one for Bob."""
    async with store.writing() as work:
        await work.accounts.add(an_account(ALICE))
        await work.accounts.add(an_account(BOB))
    return store


async def test_an_account_holds_its_first_webid_and_pod_from_the_start(accounts: Database) -> None:
    async with accounts.reading() as work:
        assert await work.accounts.webids(ALICES) == [webid(ALICE)]
        assert await work.accounts.pods(ALICES) == [HeldPod(ALICE, webid(ALICE))]


async def test_an_account_is_found_by_every_webid_and_pod_it_holds(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.accounts.add_webid(ALICES, ELSEWHERE)
        await work.accounts.add_webid(ALICES, ELSEWHERE)  # once more is no error
        await work.accounts.add_pod(ALICES, SECOND)
    async with accounts.reading() as work:
        for held in (webid(ALICE), ELSEWHERE):
            found = await work.accounts.by_webid(held)
            assert found is not None
            assert found.id == ALICES
        found = await work.accounts.by_pod(SECOND.pod)
        assert found is not None
        assert found.id == ALICES
        assert await work.accounts.webids(ALICES) == [webid(ALICE), ELSEWHERE]
        assert await work.accounts.pods(ALICES) == [HeldPod(ALICE, webid(ALICE)), SECOND]


async def test_a_webid_or_pod_of_another_account_is_refused(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.accounts.add_webid(ALICES, ELSEWHERE)
        await work.accounts.add_pod(ALICES, SECOND)
    with pytest.raises(Conflict) as refused:
        async with accounts.writing() as work:
            await work.accounts.add_webid(BOBS, ELSEWHERE)
    assert refused.value.reason == "webid-taken"
    with pytest.raises(Conflict) as refused:
        async with accounts.writing() as work:
            await work.accounts.add_pod(BOBS, SECOND)
    assert refused.value.reason == "pod-taken"
    for twin in (replace(an_account(PodName("carol")), webid=ELSEWHERE), an_account(SECOND.pod)):
        with pytest.raises(Conflict):
            async with accounts.writing() as work:
                await work.accounts.add(twin)


async def test_a_webid_and_a_pod_can_be_let_go(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.accounts.add_webid(ALICES, ELSEWHERE)
        await work.accounts.add_pod(ALICES, SECOND)
    async with accounts.writing() as work:
        await work.accounts.remove_webid(BOBS, ELSEWHERE)  # not Bob's to let go
        await work.accounts.remove_webid(ALICES, ELSEWHERE)
        await work.accounts.remove_pod(ALICES, SECOND.pod)
    async with accounts.reading() as work:
        assert await work.accounts.by_webid(ELSEWHERE) is None
        assert await work.accounts.by_pod(SECOND.pod) is None


async def test_accounts_that_close_are_found_when_their_time_is_over(accounts: Database) -> None:
    over = NOON + timedelta(days=14)
    async with accounts.writing() as work:
        await work.accounts.replace(replace(an_account(ALICE), closes=over))
    async with accounts.reading() as work:
        assert await work.accounts.closing(over - timedelta(seconds=1), limit=10) == []
        assert [one.id for one in await work.accounts.closing(over, limit=10)] == [ALICES]
    async with accounts.writing() as work:
        await work.accounts.replace(an_account(ALICE))
    async with accounts.reading() as work:
        assert await work.accounts.closing(over, limit=10) == []


async def test_a_removed_account_leaves_nothing_of_itself_and_everything_of_others(accounts: Database) -> None:
    mine = replace(a_client("machine"), account=ALICES)
    async with accounts.writing() as work:
        await work.accounts.replace(replace(an_account(ALICE), national_numbers=frozenset({"n"})))
        await work.clients.put(mine)
        await work.clients.put(a_client("app"))
        await work.clients.put_consent(Consent(ALICES, ClientId("app"), frozenset({"openid"}), NOON))
        await work.sessions.add(a_session())
        await work.codes.add(a_code())
        await work.refresh_tokens.add(a_refresh_token())
        await work.passkeys.add(A_PASSKEY)
        await work.recovery_codes.replace_all(ALICES, frozenset({"one"}))
        await work.upstream_links.put(UpstreamLink("https://up.example", "s", ALICES, NOON))
        await work.mail_links.add(A_LINK)
    async with accounts.writing() as work:
        await work.accounts.remove(ALICES)
    async with accounts.reading() as work:
        assert await work.accounts.get(ALICES) is None
        assert await work.accounts.by_pod(ALICE) is None
        assert await work.clients.get(ClientId("machine")) is None
        assert await work.clients.get(ClientId("app")) is not None
        assert await work.accounts.by_webid(webid(BOB)) is not None
    tables = await rows_of(accounts, "SELECT name FROM sqlite_master WHERE type = 'table'")
    for (table,) in tables:
        columns = [row[1] for row in await rows_of(accounts, f"PRAGMA table_info({table})")]
        if "account" in columns:
            assert await rows_of(accounts, f"SELECT * FROM {table} WHERE account = '{ALICES}'") == [], table


async def test_credentials_and_consents_of_an_account_are_listed(accounts: Database) -> None:
    later = replace(a_client("m2"), account=ALICES, created=NOON + timedelta(hours=1))
    first = replace(a_client("m1"), account=ALICES)
    old = Consent(ALICES, ClientId("a"), frozenset(), NOON)
    new = Consent(ALICES, ClientId("b"), frozenset(), NOON + timedelta(days=1))
    async with accounts.writing() as work:
        for client in (later, first, replace(a_client("bobs"), account=BOBS), a_client("app")):
            await work.clients.put(client)
        for consent in (old, new, replace(old, account=BOBS)):
            await work.clients.put_consent(consent)
    async with accounts.reading() as work:
        assert await work.clients.of(ALICES) == [first, later]
        assert await work.clients.consents(ALICES) == [new, old]


async def test_sessions_of_an_account_are_listed_the_last_used_first(accounts: Database) -> None:
    early = a_session()
    late = replace(early, id_hash="late", last_seen=early.last_seen + timedelta(minutes=1))
    async with accounts.writing() as work:
        for session in (early, late, replace(early, id_hash="bobs", account=BOBS)):
            await work.sessions.add(session)
    async with accounts.reading() as work:
        assert await work.sessions.of(ALICES) == [late, early]


async def test_a_passkey_is_registered_once_whoever_comes_second(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.passkeys.add(A_PASSKEY)
    with pytest.raises(Conflict) as refused:
        async with accounts.writing() as work:
            await work.passkeys.add(replace(A_PASSKEY, account=BOBS))
    assert refused.value.reason == "passkey-known"
    async with accounts.writing() as work:
        used = replace(A_PASSKEY, sign_count=7, last_used=NOON)
        await work.passkeys.replace(used)
        await work.passkeys.replace(replace(used, account=BOBS, name="stolen"))  # not Bob's to change
    async with accounts.reading() as work:
        assert await work.passkeys.get("cred-1") == used
        assert await work.passkeys.of(ALICES) == [used]
        assert await work.passkeys.of(BOBS) == []


async def test_a_passkey_is_removed_by_its_own_account_only(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.passkeys.add(A_PASSKEY)
        assert not await work.passkeys.remove(BOBS, "cred-1")
        assert await work.passkeys.remove(ALICES, "cred-1")
        assert not await work.passkeys.remove(ALICES, "cred-1")


async def test_a_recovery_code_counts_once_and_for_its_own_account(accounts: Database, elsewhere: Database) -> None:
    async with accounts.writing() as work:
        await work.recovery_codes.replace_all(ALICES, frozenset({"one", "two"}))
        assert not await work.recovery_codes.claim(BOBS, "one")

    async def claim(store: Database) -> bool:
        async with store.writing() as work:
            return await work.recovery_codes.claim(ALICES, "one")

    assert sorted(await asyncio.gather(claim(accounts), claim(elsewhere))) == [False, True]
    async with accounts.writing() as work:
        assert await work.recovery_codes.count(ALICES) == 1
        await work.recovery_codes.replace_all(ALICES, frozenset({"three"}))
        assert not await work.recovery_codes.claim(ALICES, "two")
        assert await work.recovery_codes.claim(ALICES, "three")


async def test_a_sign_in_elsewhere_belongs_to_one_account(accounts: Database) -> None:
    link = UpstreamLink("https://up.example", "subject", ALICES, NOON)
    async with accounts.writing() as work:
        await work.upstream_links.put(link)
        await work.upstream_links.put(replace(link, last_used=NOON))
    with pytest.raises(Conflict) as refused:
        async with accounts.writing() as work:
            await work.upstream_links.put(replace(link, account=BOBS))
    assert refused.value.reason == "upstream-taken"
    async with accounts.writing() as work:
        assert await work.upstream_links.of(ALICES) == [replace(link, last_used=NOON)]
        assert not await work.upstream_links.remove(BOBS, link.issuer, link.subject)
        assert await work.upstream_links.remove(ALICES, link.issuer, link.subject)
        assert await work.upstream_links.get(link.issuer, link.subject) is None


async def test_a_mailed_link_is_claimed_once(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.mail_links.add(A_LINK)
    async with accounts.writing() as work:
        assert await work.mail_links.claim("link-1") == A_LINK
        assert await work.mail_links.claim("link-1") == replace(A_LINK, used=True)
        assert await work.mail_links.claim("no-such-link") is None


async def test_a_later_link_ends_the_earlier_ones_of_its_purpose(accounts: Database) -> None:
    other = replace(A_LINK, id="link-2", purpose=LinkPurpose.NEW_ADDRESS)
    async with accounts.writing() as work:
        await work.mail_links.add(A_LINK)
        await work.mail_links.add(other)
        await work.mail_links.end_for(ALICES, LinkPurpose.NEW_PASSWORD)
    async with accounts.reading() as work:
        assert await work.mail_links.get("link-1") == replace(A_LINK, used=True)
        assert await work.mail_links.get("link-2") == other


async def test_letters_wait_until_they_are_due_and_go_to_the_operator_when_given_up(accounts: Database) -> None:
    later = replace(A_LETTER, id="letter-2", due=NOON + timedelta(minutes=5))
    async with accounts.writing() as work:
        await work.letters.add(later)
        await work.letters.add(A_LETTER)
    async with accounts.writing() as work:
        assert await work.letters.due(NOON, limit=10) == [A_LETTER]
        await work.letters.remove("letter-1")
        assert await work.letters.due(later.due, limit=10) == [later]
        lease = later.due + timedelta(minutes=1)
        assert await work.letters.claim(later.due, until=lease) == replace(later, due=lease)
        given_up = replace(later, tries=8, given_up=True)
        await work.letters.give_back(given_up, lease=lease)
        assert await work.letters.due(later.due, limit=10) == []
        assert await work.letters.given_up(limit=10) == [given_up]


async def test_a_letter_is_claimed_by_one_sender_until_its_lease_ends(accounts: Database) -> None:
    second = replace(A_LETTER, id="letter-2", due=NOON + timedelta(seconds=1))
    first_lease, now = NOON + timedelta(seconds=60), NOON + timedelta(seconds=10)
    async with accounts.writing() as work:
        await work.letters.add(second)
        await work.letters.add(A_LETTER)
    async with accounts.writing() as work:
        assert await work.letters.claim(NOON - timedelta(seconds=1), until=first_lease) is None
        assert await work.letters.claim(NOON, until=first_lease) == replace(A_LETTER, due=first_lease)
    async with accounts.writing() as work:  # another sender gets the other one, and then none
        claimed = await work.letters.claim(now, until=now + timedelta(seconds=60))
        assert claimed is not None
        assert claimed.id == "letter-2"
        assert await work.letters.claim(now, until=now + timedelta(seconds=60)) is None
        assert await work.letters.due(now, limit=10) == []
    async with accounts.writing() as work:  # the first sender died
        second_lease = first_lease + timedelta(seconds=60)
        assert await work.letters.claim(first_lease, until=second_lease) == replace(A_LETTER, due=second_lease)
    late = replace(A_LETTER, tries=1, due=NOON + timedelta(seconds=70))
    async with accounts.writing() as work:  # or was only slow: it is not its letter any more
        await work.letters.give_back(late, lease=first_lease)
        assert [one.id for one in await work.letters.due(first_lease + timedelta(seconds=15), limit=9)] == ["letter-2"]
    async with accounts.writing() as work:
        await work.letters.give_back(late, lease=second_lease)
        assert late in await work.letters.due(late.due, limit=9)


async def test_a_pushed_request_is_there_until_it_is_used_or_too_old(store: Database) -> None:
    ends = NOON + timedelta(seconds=60)
    async with store.writing() as work:
        await work.pushed_requests.add("uri", {"client_id": "app"}, expires=ends)
    async with store.writing() as work:
        assert await work.pushed_requests.get("uri", now=NOON) == {"client_id": "app"}
        assert await work.pushed_requests.get("uri", now=ends) is None
        assert await work.pushed_requests.remove("uri")
        assert not await work.pushed_requests.remove("uri")
        assert await work.pushed_requests.get("uri", now=NOON) is None


async def test_an_ended_token_is_known_as_such(store: Database) -> None:
    async with store.writing() as work:
        await work.ended_tokens.add("hash", expires=NOON)
        await work.ended_tokens.add("hash", expires=NOON)
        assert await work.ended_tokens.has("hash")
        assert not await work.ended_tokens.has("other")


async def test_what_was_for_a_time_is_forgotten_after_it(accounts: Database, clock: FixedClock) -> None:
    async with accounts.writing() as work:
        await work.mail_links.add(A_LINK)
        await work.letters.add(replace(A_LETTER, given_up=True))
        await work.letters.add(replace(A_LETTER, id="waiting"))
        await work.pushed_requests.add("uri", {}, expires=NOON)
        await work.ended_tokens.add("hash", expires=NOON)
    await accounts.housekeeping(NOON + timedelta(hours=2))
    async with accounts.reading() as work:
        assert await work.mail_links.get("link-1") is not None  # so that its reuse is seen for what it is
    await accounts.housekeeping(NOON + timedelta(days=40))
    async with accounts.reading() as work:
        assert await work.mail_links.get("link-1") is None
        assert await work.letters.given_up(limit=10) == []
        assert [one.id for one in await work.letters.due(NOON, limit=10)] == ["waiting"]
        assert not await work.ended_tokens.has("hash")
    assert await rows_of(accounts, "SELECT * FROM pushed_requests") == []


async def test_a_signing_key_is_removed_by_its_id(store: Database) -> None:
    async with store.writing() as work:
        await work.signing_keys.add("token", {"kid": "one"}, created=NOON)
        await work.signing_keys.add("token", {"kid": "two"}, created=NOON + timedelta(days=1))
        await work.signing_keys.add("other", {"kid": "one"}, created=NOON)
        await work.signing_keys.remove("token", "one")
    async with store.reading() as work:
        assert await work.signing_keys.all("token") == [{"kid": "two"}]
        assert await work.signing_keys.all("other") == [{"kid": "one"}]


async def test_accounts_are_listed_by_address_in_pages(store: Database) -> None:
    async with store.writing() as work:
        for name in (PodName("carol"), ALICE, BOB):
            await work.accounts.add(an_account(name))
    async with store.reading() as work:
        first = await work.accounts.listed(after="", limit=2)
        rest = await work.accounts.listed(after=first[-1].email.upper(), limit=2)
    assert [account.pod for account in (*first, *rest)] == [ALICE, BOB, "carol"]
