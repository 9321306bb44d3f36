"""ATK-29 for recovery codes: used twice, somebody else's, those of before, guessed; and what a code leads to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.authenticator import Key, Keyring
from tests.browser import Browser
from tests.live import Live, serving
from tests.people import Answer, Person, Visitor, visiting
from vault.audit import SERVER, AuditEvent
from vault.identity.accounts import Account
from vault.identity.letters import LetterKind
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import PodName

pytestmark = pytest.mark.requirement("ATK-29")

CODE = re.compile(r"<code>([0-9a-z-]{19})</code>")
FRESH = "een-heel-ander-wachtwoord"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with serving(
        tmp_path, limits={"sign_in_tries": 6}, mail={"smtp_host": "localhost", "mail_from": "v@v.example"}
    ) as found:
        yield found


@pytest.fixture
async def visitor(live: Live) -> AsyncIterator[Visitor]:
    async with visiting(live.base_url) as visitor:
        yield visitor


async def codes_of(browser: Browser) -> list[str]:
    """Makes codes for whoever is signed in at this browser."""
    page = await browser.submit(await browser.open("/my/account/recovery"), "/my/account/recovery")
    assert page.status == 200
    assert "no-store" in page.headers["Cache-Control"]
    return CODE.findall(page.text)


async def signed_in(visitor: Visitor, person: Person) -> Browser:
    browser = Browser(visitor)
    assert (await browser.sign_in(person)).status == 200
    return browser


async def recover(visitor: Visitor, email: str, code: str, *, browser: Browser | None = None) -> Answer:
    browser = browser or Browser(visitor)
    page = await browser.open("/idp/recover?next=/my/log")
    return await browser.submit(page, "/idp/recover", email=email, code=code, follow=False)


def account_of(live: Live, pod: str) -> Account:
    async def look(vault: Vault) -> Account | None:
        async with vault.reading() as work:
            return await work.accounts.by_pod(PodName(pod))

    found = live.within(look)
    assert found is not None
    return found


def events(live: Live, pod: PodName) -> list[AuditEvent]:
    async def look(vault: Vault) -> list[AuditEvent]:
        async with vault.reading() as work:
            return [entry.event for entry in await work.audit.entries(pod, newest_first=True, limit=4)]

    return live.within(look)


def letters(live: Live) -> list[str]:
    async def look(vault: Vault) -> list[str]:
        async with vault.reading() as work:
            due = await work.letters.due(vault.clock() + timedelta(days=1), limit=50)
            assert {letter.kind for letter in due} <= {LetterKind.SECURITY_CHANGED}
            assert {letter.to for letter in due} <= {live.people["alice"].email}
            return [letter.facts["what"] for letter in due]

    return live.within(look)


def everything_in(folder: Path) -> bytes:
    """All that the store has on disk."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


async def test_ten_codes_are_shown_once_and_stored_nowhere(live: Live, visitor: Visitor, tmp_path: Path) -> None:
    alice = live.people["alice"]
    browser = await signed_in(visitor, alice)
    codes = await codes_of(browser)
    assert len(set(codes)) == 10
    page = await browser.open("/my/account/recovery")
    assert "You have 10 recovery codes left" in page.text
    assert not CODE.search(page.text)
    data = everything_in(tmp_path)
    assert len(data) > 10_000
    assert not any(code.encode() in data or code.replace("-", "").encode() in data for code in codes)
    assert events(live, PodName("alice"))[0] is AuditEvent.RECOVERY_CODES_MADE
    assert letters(live) == ["codes-made"]


async def test_a_code_signs_in_however_it_is_typed(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    plain, spaced, upper, bare, *rest = await codes_of(await signed_in(visitor, alice))
    alike = next((code for code in rest if "0" in code or "1" in code), rest[0])
    typed = [plain, f" {spaced.replace('-', '  ')} ", upper.upper(), bare.replace("-", "")]
    for sent in [*typed, alike.replace("0", "O").replace("1", "l")]:
        answer = await recover(visitor, alice.email.upper(), sent)
        assert (answer.status, answer.headers["Location"]) == (303, "/my/account/recovered?next=/my/log"), sent


async def test_a_code_counts_once_and_the_page_tells_how_many_are_left(live: Live, visitor: Visitor) -> None:
    alice, browser = live.people["alice"], Browser(visitor)
    codes = await codes_of(await signed_in(visitor, alice))
    answer = await recover(visitor, alice.email, codes[3], browser=browser)
    assert answer.status == 303
    page = await browser.open(answer.headers["Location"])
    assert "You have 9 recovery codes left" in page.text
    assert 'href="/my/log"' in page.text
    assert AuditEvent.RECOVERY_CODE_USED in events(live, PodName("alice"))[:2]
    assert letters(live) == ["codes-made", "code-used"]
    assert (await recover(visitor, alice.email, codes[3])).status == 403
    assert (await recover(visitor, alice.email, codes[4])).status == 303


async def test_of_two_uses_at_once_one_gets_in(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    code = (await codes_of(await signed_in(visitor, alice)))[0]
    answers = await asyncio.gather(*(recover(visitor, alice.email, code) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [303, 403, 403, 403, 403]


async def test_new_codes_end_those_before(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    browser = await signed_in(visitor, alice)
    old, new = await codes_of(browser), await codes_of(browser)
    assert (await recover(visitor, alice.email, old[0])).status == 403
    assert (await recover(visitor, alice.email, new[0])).status == 303


async def test_a_code_of_one_account_opens_no_other(live: Live, visitor: Visitor) -> None:
    alice, bob = live.people["alice"], live.people["bob"]
    mine, theirs = await codes_of(await signed_in(visitor, alice)), await codes_of(await signed_in(visitor, bob))
    assert (await recover(visitor, bob.email, mine[0])).status == 403
    assert (await recover(visitor, alice.email, theirs[0])).status == 403
    assert (await recover(visitor, alice.email, mine[0])).status == 303


async def test_unknown_address_and_wrong_code_get_one_answer(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    await codes_of(await signed_in(visitor, alice))
    wrong = await recover(visitor, alice.email, "0000-0000-0000-0000")
    unknown = await recover(visitor, "nobody@people.example", "0000-0000-0000-0000")
    assert wrong.status == unknown.status == 403

    def plain(page: Answer) -> str:
        return "\n".join(line for line in page.text.splitlines() if 'name="csrf"' not in line)

    assert plain(unknown).replace("nobody@people.example", alice.email) == plain(wrong)
    assert "0000-0000" not in wrong.text
    assert events(live, PodName("alice"))[0] is AuditEvent.SIGN_IN_REFUSED
    assert events(live, SERVER)[0] is AuditEvent.SIGN_IN_REFUSED


async def test_guesses_are_counted_with_those_of_the_password(live: Live, visitor: Visitor) -> None:
    alice, bob = live.people["alice"], live.people["bob"]
    code = (await codes_of(await signed_in(visitor, alice)))[0]
    answers = [await recover(visitor, alice.email, f"guess {number}") for number in range(6)]
    assert {answer.status for answer in answers} == {403}
    limited = await recover(visitor, alice.email, code)
    assert limited.status == 429
    assert int(limited.headers["Retry-After"]) > 0
    browser = Browser(visitor)
    assert (await browser.sign_in(alice, follow=False)).status == 429
    assert (await recover(visitor, bob.email, "guess")).status == 429  # the address too


async def test_a_locked_account_opens_for_no_code_and_keeps_it(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    code = (await codes_of(await signed_in(visitor, alice)))[0]

    async def lock(vault: Vault, *, locked: bool) -> None:
        async with vault.writing() as work:
            await work.accounts.replace(replace(account_of_now, locked=locked))

    account_of_now = account_of(live, "alice")
    live.within(lambda vault: lock(vault, locked=True))
    assert (await recover(visitor, alice.email, code)).status == 403
    live.within(lambda vault: lock(vault, locked=False))
    assert (await recover(visitor, alice.email, code)).status == 303


async def test_making_codes_wants_a_fresh_proof(live: Live, visitor: Visitor) -> None:
    browser = await signed_in(visitor, live.people["alice"])
    page = await browser.open("/my/account/recovery")
    aged(live, browser)
    answer = await browser.submit(page, "/my/account/recovery", follow=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/idp/confirm?next=/my/account/recovery")
    assert (await browser.open("/my/account/recovery", follow=False)).status == 303


def aged(live: Live, browser: Browser) -> None:
    key = digest(browser.cookies["datakluis"])

    async def move(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(key)
            assert session is not None
            await work.sessions.replace(
                replace(session, authenticated_at=session.authenticated_at - timedelta(seconds=301))
            )

    live.within(move)


async def choose(browser: Browser, password: str, again: str | None = None) -> Answer:
    page = await browser.open("/my/account/new-password")
    return await browser.submit(page, "/my/account/new-password", new=password, again=again or password)


async def test_a_code_leads_to_another_password_and_signs_everybody_else_out(live: Live, visitor: Visitor) -> None:
    alice, browser = live.people["alice"], Browser(visitor)
    other = await signed_in(visitor, alice)
    code = (await codes_of(other))[0]
    await recover(visitor, alice.email, code, browser=browser)
    assert "not the same" in (await choose(browser, FRESH, "another")).text
    assert (await choose(browser, "kort", "kort")).status == 422
    page = await choose(browser, FRESH)
    assert "was changed" in page.text
    assert (await other.open("/my/account", follow=False)).status == 303
    assert (await Browser(visitor).sign_in(alice, follow=False)).status == 403
    assert (await Browser(visitor).sign_in(replace_password(alice), follow=False)).status == 303
    assert letters(live)[-1] == "password-chosen"


def replace_password(person: Person) -> Person:
    return replace(person, password=FRESH)


async def test_without_a_code_the_old_password_is_asked(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    browser = await signed_in(visitor, alice)
    page = await browser.open("/my/account/new-password")
    assert page.url.endswith("/idp/password")
    # Nor by sending the form that somebody else was given.
    code = (await codes_of(browser))[0]
    await recover(visitor, alice.email, code, browser=browser)
    form = await browser.open("/my/account/new-password")
    await browser.sign_in(alice, await browser.open("/idp/login?again=1"))
    page = await browser.submit(form, "/my/account/new-password", new=FRESH, again=FRESH)
    assert page.url.endswith("/idp/password")
    assert (await Browser(visitor).sign_in(alice, follow=False)).status == 303


async def test_a_code_of_a_while_ago_changes_no_password(live: Live, visitor: Visitor) -> None:
    alice, browser = live.people["alice"], Browser(visitor)
    code = (await codes_of(await signed_in(visitor, alice)))[0]
    await recover(visitor, alice.email, code, browser=browser)
    form = await browser.open("/my/account/new-password")
    aged(live, browser)
    page = await browser.submit(form, "/my/account/new-password", new=FRESH, again=FRESH)
    assert page.url.endswith("/idp/password")
    assert (await Browser(visitor).sign_in(alice, follow=False)).status == 303


async def test_the_password_goes_only_when_a_passkey_and_codes_are_there(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    browser = await signed_in(visitor, alice)
    ring, key = Keyring(browser), Key()
    page = await browser.open("/my/account/no-password")
    assert "a passkey and recovery codes first" in page.text
    assert (await ring.add(key)).status == 200
    assert "a passkey and recovery codes first" in (await browser.open("/my/account/no-password")).text
    codes = await codes_of(browser)
    page = await browser.open("/my/account/no-password")
    await codes_gone(live)
    refused = await browser.submit(page, "/my/account/no-password")
    assert refused.status == 409
    assert account_of(live, "alice").password_hash is not None
    codes = await codes_of(browser)
    page = await browser.submit(page, "/my/account/no-password")
    assert "Your password was removed" in page.text
    assert account_of(live, "alice").password_hash is None
    assert letters(live)[-1] == "password-removed"
    await then_nothing_but_the_passkey_opens_it(live, visitor, key, codes)


async def codes_gone(live: Live) -> None:
    account = account_of(live, "alice")

    async def forget(vault: Vault) -> None:
        async with vault.writing() as work:
            await work.recovery_codes.replace_all(account.id, frozenset())

    live.within(forget)


async def then_nothing_but_the_passkey_opens_it(live: Live, visitor: Visitor, key: Key, codes: list[str]) -> None:
    alice = live.people["alice"]
    assert (await Browser(visitor).sign_in(alice, follow=False)).status == 403
    browser = Browser(visitor)
    ring = Keyring(browser)
    assert (await ring.sign_in(key)).status == 200
    page = await browser.open("/idp/confirm")
    assert 'type="password"' not in page.text
    assert "Confirm with a passkey" in page.text
    assert (await browser.open("/idp/password")).url.endswith("/my/account/new-password")
    # The last way in stays, and codes are urged once they have run out.
    path = next(
        iter(re.findall(r"/my/account/passkeys/[0-9a-f]{32}", (await browser.open("/my/account/passkeys")).text))
    )
    page = await browser.submit(await browser.open(f"{path}/remove"), f"{path}/remove")
    assert page.status == 409
    assert "your last way to sign in" in page.text
    assert "Make recovery codes too" not in (await browser.open("/my/account/passkeys")).text
    await codes_gone(live)
    assert "Make recovery codes too" in (await browser.open("/my/account/passkeys")).text
    assert "was changed" in (await choose(browser, FRESH)).text
    page = await browser.submit(await browser.open(f"{path}/remove"), f"{path}/remove")
    assert "The passkey was removed" in page.text


async def test_a_passkey_goes_by_its_owner_alone_and_signs_other_browsers_out(live: Live, visitor: Visitor) -> None:
    alice, bob = live.people["alice"], live.people["bob"]
    browser, other, stranger = [await signed_in(visitor, one) for one in (alice, alice, bob)]
    key = Key()
    assert (await Keyring(browser).add(key, "  Sleutel\u202e\n bos ")).status == 200
    page = await browser.open("/my/account/passkeys")
    assert "Sleutel bos" in page.text
    path = next(iter(re.findall(r"/my/account/passkeys/[0-9a-f]{32}", page.text)))
    for address in (path, f"{path}/remove"):
        assert (await stranger.open(address)).status == 404
    page = await browser.open(path)
    assert (await browser.submit(page, path, name="   ")).status == 422
    page = await browser.submit(page, path, name="<b>Fiets</b>")
    assert "&lt;b&gt;Fiets" in page.text
    assert events(live, PodName("alice"))[0] is AuditEvent.PASSKEY_RENAMED
    page = await browser.submit(await browser.open(f"{path}/remove"), f"{path}/remove")
    assert "The passkey was removed" in page.text
    assert (await other.open("/my/account", follow=False)).status == 303
    assert (await browser.open("/my/account", follow=False)).status == 200
    assert (await Keyring(Browser(visitor)).sign_in(key)).status == 403
    assert letters(live) == ["passkey-added", "passkey-removed"]
    assert AuditEvent.PASSKEY_REMOVED in events(live, PodName("alice"))


async def ways_in(live: Live) -> tuple[bool, int]:
    """Whether Alice has a password, and how many passkeys."""
    account = account_of(live, "alice")

    async def look(vault: Vault) -> int:
        async with vault.reading() as work:
            return len(await work.passkeys.of(account.id))

    return account.password_hash is not None, live.within(look)


@pytest.mark.parametrize("password_first", [True, False])
async def test_of_the_last_two_ways_in_taken_away_at_once_one_stays(
    live: Live, visitor: Visitor, password_first: bool
) -> None:
    alice = live.people["alice"]
    browser = await signed_in(visitor, alice)
    assert (await Keyring(browser).add(Key())).status == 200
    await codes_of(browser)
    listed = (await browser.open("/my/account/passkeys")).text
    path = next(iter(re.findall(r"/my/account/passkeys/[0-9a-f]{32}", listed)))
    steps = [("/my/account/no-password", "/my/account/no-password"), (f"{path}/remove", f"{path}/remove")]
    pages = [(await browser.open(page), action) for page, action in steps]
    ordered = pages if password_first else pages[::-1]
    told = await asyncio.gather(*(browser.submit(page, action, follow=False) for page, action in ordered))
    assert sorted(answer.status for answer in told) == [303, 409]
    assert await ways_in(live) in ((True, 0), (False, 1))


async def test_of_two_last_passkeys_that_remove_each_other_one_stays(live: Live, visitor: Visitor) -> None:
    alice = live.people["alice"]
    browser = await signed_in(visitor, alice)
    for _ in range(2):
        assert (await Keyring(browser).add(Key())).status == 200
    await codes_of(browser)
    await browser.submit(await browser.open("/my/account/no-password"), "/my/account/no-password")
    listed = (await browser.open("/my/account/passkeys")).text
    paths = sorted(set(re.findall(r"/my/account/passkeys/[0-9a-f]{32}", listed)))
    pages = [await browser.open(f"{path}/remove") for path in paths]
    told = await asyncio.gather(
        *(browser.submit(page, f"{path}/remove", follow=False) for page, path in zip(pages, paths, strict=True))
    )
    assert sorted(answer.status for answer in told) == [303, 409]
    assert await ways_in(live) == (False, 1)
