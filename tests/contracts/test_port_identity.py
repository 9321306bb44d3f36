"""What identity keeps: accounts found by every key, clients and consents, sessions, and things claimed once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contracts.stores import (
    ALICE,
    BOB,
    NOON,
    a_client,
    a_code,
    a_refresh_token,
    a_session,
    an_account,
    webid,
)
from vault.errors import Conflict, Missing
from vault.identity.accounts import Account, Code, Consent, RefreshToken
from vault.storage.database import Database
from vault.values import AccountId, ClientId, PodName, WebId

ALICES = AccountId("account-alice")
BOBS = AccountId("account-bob")


@pytest.fixture
async def accounts(store: Database) -> Database:
    """The store with an account for Alice and one for Bob."""
    async with store.writing() as work:
        await work.accounts.add(an_account(ALICE, number="n-alice"))
        await work.accounts.add(an_account(BOB))
    return store


async def test_an_account_is_found_by_each_of_its_keys(accounts: Database) -> None:
    alice = an_account(ALICE, number="n-alice")
    async with accounts.reading() as work:
        assert await work.accounts.get(ALICES) == alice
        assert await work.accounts.by_email("  ALICE@Example.ORG ") == alice
        assert await work.accounts.by_webid(webid(ALICE)) == alice
        assert await work.accounts.by_pod(ALICE) == alice
        assert await work.accounts.by_national_number("n-alice") == alice


async def test_an_account_that_is_not_there_is_found_by_none(accounts: Database) -> None:
    async with accounts.reading() as work:
        assert await work.accounts.get(AccountId("nobody")) is None
        assert await work.accounts.by_email("nobody@example.org") is None
        assert await work.accounts.by_webid(WebId("https://elsewhere.example/#me")) is None
        assert await work.accounts.by_pod(PodName("nobody")) is None
        assert await work.accounts.by_national_number("n-nobody") is None


CAROL = replace(an_account(PodName("carol")), national_numbers=frozenset({"n-carol"}))


@pytest.mark.parametrize(
    ("twin", "reason"),
    [
        (replace(CAROL, email=" Alice@EXAMPLE.org"), "account-exists"),
        (replace(CAROL, webid=webid(ALICE)), "account-exists"),
        (replace(CAROL, pod=ALICE), "account-exists"),
        (replace(CAROL, id=ALICES), "account-exists"),
        (replace(CAROL, national_numbers=frozenset({"n-new", "n-alice"})), "national-number-taken"),
    ],
)
async def test_a_second_account_with_the_same_key_is_refused_and_leaves_nothing(
    accounts: Database, twin: Account, reason: str
) -> None:
    async with accounts.writing() as work:
        with pytest.raises(Conflict) as refused:
            await work.accounts.add(twin)
    assert refused.value.reason == reason
    async with accounts.reading() as work:
        assert await work.accounts.by_pod(CAROL.pod) is None
        assert await work.accounts.by_national_number("n-new") is None
        assert await work.accounts.by_national_number("n-carol") is None
        assert await work.accounts.get(ALICES) == an_account(ALICE, number="n-alice")


async def test_two_at_once_make_one_account(accounts: Database, elsewhere: Database) -> None:
    async def add(store: Database, account: Account) -> bool:
        try:
            async with store.writing() as work:
                await work.accounts.add(account)
        except Conflict:
            return False
        return True

    one, two = replace(CAROL, id=AccountId("one")), replace(CAROL, id=AccountId("two"))
    results = await asyncio.gather(add(accounts, one), add(elsewhere, two), add(accounts, two))
    assert sorted(results) == [False, False, True]


async def test_a_replaced_account_is_found_by_its_new_keys_only(accounts: Database) -> None:
    changed = replace(
        an_account(ALICE), email="new@example.org", password_hash="other", national_numbers=frozenset("x")
    )
    async with accounts.writing() as work:
        await work.accounts.replace(changed)
    async with accounts.reading() as work:
        assert await work.accounts.by_email("new@example.org") == changed
        assert await work.accounts.by_national_number("x") == changed
        assert await work.accounts.by_email("alice@example.org") is None
        assert await work.accounts.by_national_number("n-alice") is None


@pytest.mark.parametrize(
    "changed",
    [
        replace(an_account(ALICE), email="bob@example.org"),
        replace(an_account(ALICE), webid=webid(BOB)),
        replace(an_account(ALICE), pod=BOB),
    ],
)
async def test_a_change_to_what_another_account_has_is_refused(accounts: Database, changed: Account) -> None:
    with pytest.raises(Conflict):
        async with accounts.writing() as work:
            await work.accounts.replace(changed)
    async with accounts.reading() as work:
        assert await work.accounts.get(ALICES) == an_account(ALICE, number="n-alice")
        assert await work.accounts.get(BOBS) == an_account(BOB)


async def test_an_account_that_is_not_there_cannot_be_replaced(accounts: Database) -> None:
    with pytest.raises(Missing):
        async with accounts.writing() as work:
            await work.accounts.replace(CAROL)


async def test_a_client_is_found_as_it_was_put_last(accounts: Database) -> None:
    later = replace(a_client(), name="Renamed", redirect_uris=(), grant_types=frozenset({"client_credentials"}))
    async with accounts.writing() as work:
        await work.clients.put(a_client())
        await work.clients.put(a_client("client-2"))
        await work.clients.put(later)
    async with accounts.reading() as work:
        assert await work.clients.get(ClientId("client-1")) == later
        assert await work.clients.get(ClientId("client-2")) == a_client("client-2")
        assert await work.clients.get(ClientId("client-3")) is None


async def test_consent_is_one_account_s_to_one_client(accounts: Database) -> None:
    first = Consent(ALICES, ClientId("client-1"), frozenset({"openid"}), NOON)
    more = replace(first, scope=frozenset({"openid", "webid"}))
    other = replace(first, client=ClientId("https://app.example/id"))
    async with accounts.writing() as work:
        for consent in (first, other, more):
            await work.clients.put_consent(consent)
    async with accounts.reading() as work:
        assert await work.clients.consent(ALICES, first.client) == more
        assert await work.clients.consent(BOBS, first.client) is None
    async with accounts.writing() as work:
        await work.clients.remove_consent(ALICES, first.client)
        await work.clients.remove_consent(BOBS, other.client)
    async with accounts.reading() as work:
        assert await work.clients.consent(ALICES, first.client) is None
        assert await work.clients.consent(ALICES, other.client) == other


async def test_a_session_is_found_until_it_is_removed(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.sessions.add(a_session("s1"))
        await work.sessions.add(a_session("s2"))
    later = replace(a_session("s1"), last_seen=NOON + timedelta(minutes=5))
    async with accounts.writing() as work:
        await work.sessions.replace(later)
        await work.sessions.remove("s2")
    async with accounts.reading() as work:
        assert await work.sessions.get("s1") == later
        assert await work.sessions.get("s2") is None


async def test_a_removed_session_does_not_come_back_by_being_seen(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.sessions.add(a_session("s1"))
        await work.sessions.remove("s1")
        await work.sessions.replace(replace(a_session("s1"), last_seen=NOON + timedelta(minutes=5)))
        assert await work.sessions.get("s1") is None


async def test_signing_out_everywhere_ends_the_sessions_of_one_account(accounts: Database) -> None:
    async with accounts.writing() as work:
        for id_hash in ("s1", "s2"):
            await work.sessions.add(a_session(id_hash))
        await work.sessions.add(a_session("s3", account=BOBS))
    async with accounts.writing() as work:
        assert await work.sessions.remove_all(ALICES) == 2
        assert await work.sessions.remove_all(ALICES) == 0
    async with accounts.reading() as work:
        assert await work.sessions.get("s1") is None
        assert await work.sessions.get("s3") == a_session("s3", account=BOBS)


@pytest.mark.requirement("VEC-C01")
async def test_a_code_is_claimed_once(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.codes.add(a_code())
    async with accounts.writing() as work:
        assert await work.codes.claim("c1") == a_code()
    async with accounts.writing() as work:
        assert await work.codes.claim("c1") == replace(a_code(), used=True)
        assert await work.codes.claim("c2") is None


async def test_of_many_claims_at_once_exactly_one_is_the_first(accounts: Database, elsewhere: Database) -> None:
    async with accounts.writing() as work:
        await work.codes.add(a_code())
        await work.refresh_tokens.add(a_refresh_token())

    async def claim(store: Database) -> tuple[Code | None, RefreshToken | None]:
        async with store.writing() as work:
            return await work.codes.claim("c1"), await work.refresh_tokens.claim("t1")

    claims = await asyncio.gather(*(claim(store) for store in (accounts, elsewhere) * 8))
    assert [code.used for code, _ in claims if code].count(False) == 1
    assert [token.used for _, token in claims if token].count(False) == 1


async def test_a_claim_that_is_rolled_back_is_no_claim(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.codes.add(a_code())

    async def claim_and_fail() -> None:
        async with accounts.writing() as work:
            await work.codes.claim("c1")
            raise LookupError

    with pytest.raises(LookupError):
        await claim_and_fail()
    async with accounts.writing() as work:
        assert await work.codes.claim("c1") == a_code()


async def test_a_refresh_token_is_claimed_once(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.refresh_tokens.add(a_refresh_token())
        assert await work.refresh_tokens.claim("t1") == a_refresh_token()
        assert await work.refresh_tokens.claim("t1") == replace(a_refresh_token(), used=True)
        assert await work.refresh_tokens.claim("t2") is None


async def test_the_end_of_a_family_ends_all_of_it_and_no_other(accounts: Database) -> None:
    async with accounts.writing() as work:
        for token in (a_refresh_token("t1"), a_refresh_token("t2"), a_refresh_token("t3", family="family-2")):
            await work.refresh_tokens.add(token)
        await work.refresh_tokens.claim("t1")
    async with accounts.writing() as work:
        await work.refresh_tokens.end_family("family-1")
        assert await work.refresh_tokens.claim("t1") is None
        assert await work.refresh_tokens.claim("t2") is None
        assert await work.refresh_tokens.claim("t3") is not None


async def test_tokens_end_for_one_client_or_for_the_whole_account(accounts: Database) -> None:
    async with accounts.writing() as work:
        for number, client in enumerate(("client-1", "client-2", "client-2")):
            await work.refresh_tokens.add(a_refresh_token(f"t{number}", client=client))
        await work.refresh_tokens.end_for(ALICES, ClientId("client-1"))
        await work.refresh_tokens.end_for(BOBS, None)
        assert await work.refresh_tokens.claim("t0") is None
        assert await work.refresh_tokens.claim("t1") is not None
        await work.refresh_tokens.end_for(ALICES, None)
        assert await work.refresh_tokens.claim("t1") is None
        assert await work.refresh_tokens.claim("t2") is None


async def test_signing_keys_come_newest_first_and_by_use(accounts: Database) -> None:
    keys = [{"kty": "EC", "kid": str(number), "d": "secret", "key_ops": ["sign"]} for number in range(4)]
    async with accounts.writing() as work:
        await work.signing_keys.add("token", keys[0], created=NOON)
        await work.signing_keys.add("token", keys[1], created=NOON + timedelta(days=2))
        await work.signing_keys.add("token", keys[2], created=NOON + timedelta(days=1))
        await work.signing_keys.add("datasluis", keys[3], created=NOON)
    async with accounts.reading() as work:
        assert await work.signing_keys.all("token") == [keys[1], keys[2], keys[0]]
        assert await work.signing_keys.all("datasluis") == [keys[3]]
        assert await work.signing_keys.all("other") == []


async def test_of_two_keys_of_the_same_moment_the_later_is_newer(accounts: Database) -> None:
    async with accounts.writing() as work:
        for kid in ("a", "b"):
            await work.signing_keys.add("token", {"kid": kid}, created=NOON)
    async with accounts.reading() as work:
        assert [key["kid"] for key in await work.signing_keys.all("token")] == ["b", "a"]


async def test_a_secret_is_made_once_and_stays(accounts: Database, elsewhere: Database) -> None:
    async def ask(store: Database, name: str) -> str:
        async with store.writing() as work:
            return await work.secrets.get_or_make(name)

    made = await asyncio.gather(*(ask(store, "forms") for store in (accounts, elsewhere) * 4))
    assert len(set(made)) == 1
    assert len(bytes.fromhex(made[0])) == 32
    assert await ask(accounts, "national-numbers") != made[0]
    async with elsewhere.reading() as work:
        assert await work.secrets.get_or_make("forms") == made[0]


async def test_a_reading_transaction_makes_no_secret(accounts: Database) -> None:
    async with accounts.reading() as work:
        with pytest.raises(RuntimeError):
            await work.secrets.get_or_make("forms")
