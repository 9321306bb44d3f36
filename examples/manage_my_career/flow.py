"""Manage My Career, from the first deposit to the last refusal, against a running vault.

Five parties, each with its own credentials and nothing shared but HTTP. Read it from top to bottom; run it with
`make flow` while `make demo` runs, or `python flow.py http://localhost:3000/`. It can be run again and again: what the
sources deliver twice is found unchanged, and every run asks, approves, reads and revokes anew.
"""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a script: the repository is the place imports start from
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.manage_my_career.browser import Browser, Page
from examples.manage_my_career.party import Party

MESSAGES = Path(__file__).parent / "messages"
DPV = "https://w3id.org/dpv#"
GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
AUTHENTICATION = DPV + "RecruitmentApplicantInformationAuthentication"
PAYROLL = DPV + "PersonnelPayment"
RENTAL = "https://w3id.org/datakluis/v1#TenantIncomeCheck"

LED_NUMBER = "94451222456"  # the national numbers under which the two sources know the citizen; invented
DMFA_NUMBER = "94451244628"


async def main(base: str) -> None:
    """The whole story; raises AssertionError where it goes another way than told here."""
    citizen = f"{base}lotte/profile/card#me"
    async with (
        Party(base, "education-source", "demo-only-education-source") as education,
        Party(base, "social-secretariat", "demo-only-social-secretariat") as secretariat,
        Party(base, "hr-company", "demo-only-hr-company") as recruiter,
        Party(base, "landlord", "demo-only-landlord") as landlord,
        Browser() as browser,
    ):
        lock = await find_data_lock(recruiter, citizen)
        await deposit_diplomas(education, lock)
        await deposit_wages(secretariat, lock)

        asked = await ask_for_diploma(recruiter, lock, citizen)
        await sign_in(browser, base)
        await approve_without_the_grade(browser, base, asked)
        grant = await read_the_diploma(recruiter, lock, asked)
        await see_the_read_and_revoke(browser, base, grant)
        await be_refused_after_revocation(recruiter, lock, grant)

        await ask_what_she_earned(recruiter, lock, citizen)
        rental = await ask_for_wages(landlord, lock, citizen)
        await approve_wages(browser, base, rental)
        await read_the_wages(landlord, lock, rental)

        payroll = await ask_for_payroll(recruiter, lock, citizen)
        await approve_wages(browser, base, payroll)
        await read_for_payroll(recruiter, lock, payroll)
    say("The end.")


# ── the sources ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def deposit_diplomas(source: Party, lock: str) -> None:
    """The education source takes a reply of LED GeefBewijs, as it came, and hands it to the lock."""
    title("The education source delivers diplomas")
    await deposit(source, lock, "led-diplomas.xml", "application/xml", LED_NUMBER)
    await deposit(source, lock, "diploma-master.ttl", "text/turtle", LED_NUMBER)


async def deposit_wages(source: Party, lock: str) -> None:
    """The social secretariat delivers what the RSZ says of her work, and the payslips it made itself."""
    title("The social secretariat delivers employment facts and payslips")
    await deposit(source, lock, "dmfa-quarters.xml", "application/xml", DMFA_NUMBER)
    await deposit(source, lock, "payslip-2026-09.ttl", "text/turtle", DMFA_NUMBER)
    await deposit(source, lock, "payslip-2026-10.ttl", "text/turtle", DMFA_NUMBER)


async def deposit(source: Party, lock: str, file: str, media_type: str, number: str) -> None:
    # The national number travels in a header, never in an address, and the lock keeps it nowhere.
    answer = await source.call(
        "POST",
        f"{lock}deposits",
        body=(MESSAGES / file).read_bytes(),
        headers={"Content-Type": media_type, "Datasluis-Person": number},
    )
    assert answer.status in (200, 201), (answer.status, answer.text)
    for item in answer.data["items"]:
        why = f": {item['reason']}" if item.get("reason") else ""
        say(f"{file}, item {item['position']}: {item['outcome']}{why}")


# ── the organisations that ask ────────────────────────────────────────────────────────────────────────────────────────


async def find_data_lock(party: Party, webid: str) -> str:
    """All that a company knows is the WebID; the profile behind it says where the data lock is."""
    title("The HR company finds the data lock from the WebID")
    async with party.http.get(webid.split("#", maxsplit=1)[0], headers={"Accept": "text/turtle"}) as answer:
        profile = await answer.text()
    found = re.search(r"<https://w3id\.org/datakluis/v1#dataLock>\s+<([^>]+)>", profile)
    assert found, "this WebID names no data lock"
    say(f"{webid} → {found[1]}")
    return found[1]


async def ask_for_diploma(party: Party, lock: str, citizen: str) -> str:
    """What, for what, by what right, and for how long it will be kept. The address of the request comes back."""
    title("The HR company asks for a diploma")
    data = {"type": "diploma", "required": ["title", "level", "awarding-body", "date"], "optional": ["grade"]}
    undertaken = terms("A6-1-b-enter-into-contract", "https://hr-scheldeland.example/privacy")
    question = {"citizen": citizen, "purpose": AUTHENTICATION, "data": [data], "terms": undertaken}
    return await ask(party, lock, question, days=60)


async def read_the_diploma(party: Party, lock: str, request: str) -> dict[str, Any]:
    """The request tells its grant, the grant tells its views; each view holds the granted fields and no other."""
    title("The HR company reads through the grant")
    grant = await granted(party, lock, request)
    for item in grant["items"]:
        answer = await party.call("GET", item["view"], headers={"Accept": "text/turtle"})
        assert answer.status == 200, (answer.status, answer.text)
        assert "onderscheiding" not in answer.text, "the grade left out must not arrive"
        say(f"{item['type']}: {', '.join(item['fields'])}")
        print(indent(answer.text))
        as_json = await party.call("GET", item["view"], headers={"Accept": "application/ld+json"})
        assert as_json.status == 200
    title("Reading more is refused")
    first = grant["items"][0]["view"]
    beyond = await party.call("GET", first.rsplit("/", 1)[0] + "/99")
    assert beyond.status == 403, (beyond.status, beyond.text)
    say(f"another item of the same grant: {beyond.status} {beyond.data['detail']}")
    whole = await party.call("GET", f"{party.issuer}lotte/diplomas/")
    assert whole.status == 403, (whole.status, whole.text)
    say(f"the folder in her pod: {whole.status}")
    return grant


async def be_refused_after_revocation(party: Party, lock: str, grant: dict[str, Any]) -> None:
    title("The HR company reads again, with the same token")
    answer = await party.call("GET", grant["items"][0]["view"])
    assert answer.status == 403, (answer.status, answer.text)
    assert answer.data["reason"] == "grant-revoked", answer.data
    say(f"{answer.status} {answer.data['detail']}")


async def ask_what_she_earned(party: Party, lock: str, citizen: str) -> None:
    """Recruiting and pay history: the law forbids the question, so the citizen never sees it."""
    title("The recruiter asks what she earned")
    answer = await party.call(
        "POST",
        f"{lock}requests",
        json={
            "citizen": citizen,
            "purpose": DPV + "RecruitmentApplicantSelection",
            "data": [{"type": "wage", "required": ["gross", "period"]}],
            "until": in_days(30),
            "terms": terms("A6-1-b-enter-into-contract", "https://hr-scheldeland.example/privacy"),
        },
    )
    assert answer.status == 403, (answer.status, answer.text)
    assert answer.data["reason"] == "pay-history", answer.data
    say(f"{answer.status} {answer.data['detail']}")
    say(answer.data["law"]["en"])


async def ask_for_wages(party: Party, lock: str, citizen: str) -> str:
    title("A landlord asks for payslips, to check that the rent can be paid")
    data = {"type": "wage", "required": ["period", "net"], "optional": ["employer"]}
    undertaken = terms("A6-1-b-enter-into-contract", "https://woonhuys.example/privacy")
    question = {"citizen": citizen, "purpose": RENTAL, "data": [data], "terms": undertaken}
    return await ask(party, lock, question, days=20)


async def read_the_wages(party: Party, lock: str, request: str) -> None:
    title("The landlord reads the net amounts")
    for text in await views_of(party, lock, request):
        assert "brutoloon" not in text, "gross pay was not asked for"
        print(indent(text))


async def ask_for_payroll(party: Party, lock: str, citizen: str) -> str:
    """The same company that may not ask an applicant what she earned may ask it of her once she works there."""
    title("She is hired: the HR company asks for payslips, for its payroll")
    data = {"type": "wage", "required": ["period", "gross"], "optional": ["employer"]}
    undertaken = terms("A6-1-b-contract-performance", "https://hr-scheldeland.example/privacy")
    question = {"citizen": citizen, "purpose": PAYROLL, "data": [data], "terms": undertaken}
    return await ask(party, lock, question, days=30)


async def read_for_payroll(party: Party, lock: str, request: str) -> None:
    title("The payroll reads the gross amounts")
    for text in await views_of(party, lock, request):
        assert "nettoloon" not in text, "net pay was not asked for"
        print(indent(text))


async def ask(party: Party, lock: str, question: dict[str, Any], *, days: int) -> str:
    answer = await party.call("POST", f"{lock}requests", json={**question, "until": in_days(days)})
    assert answer.status == 201, (answer.status, answer.text)
    say(f"asked; the request is {answer.data['state']}")
    return answer.headers["Location"]


async def views_of(party: Party, lock: str, request: str) -> list[str]:
    """What the permission that answered a request opens, as Turtle."""
    texts = []
    for item in (await granted(party, lock, request))["items"]:
        answer = await party.call("GET", item["view"], headers={"Accept": "text/turtle"})
        assert answer.status == 200, (answer.status, answer.text)
        texts.append(answer.text)
    return texts


async def granted(party: Party, lock: str, request: str) -> dict[str, Any]:
    """The grant that answered a request."""
    answer = await party.call("GET", request)
    assert answer.status == 200, (answer.status, answer.text)
    assert answer.data["state"] == "approved", answer.data
    grant = await party.call("GET", answer.data["grant"])
    assert grant.status == 200, (grant.status, grant.text)
    found: dict[str, Any] = grant.data
    return found


def terms(basis: str, notice: str) -> dict[str, Any]:
    """What an organisation undertakes with every request: right, retention, recipients, places, privacy notice."""
    return {
        "legalBasis": GDPR + basis,
        "retention": "P1M",
        "recipients": [],
        "locations": ["https://w3id.org/dpv/loc#BE"],
        "jurisdiction": "https://w3id.org/dpv/loc#BE",
        "notice": notice,
    }


# ── the citizen, in her browser ───────────────────────────────────────────────────────────────────────────────────────


async def sign_in(browser: Browser, base: str) -> None:
    title("The citizen signs in")
    page = await browser.open(f"{base}my/")
    page = await browser.send(
        page, page.form("/idp/login"), email="lotte@example.org", password="wandelen-langs-de-leie"
    )
    assert page.url.endswith("/my/"), page.text
    say(page.url)


async def approve_without_the_grade(browser: Browser, base: str, request: str) -> None:
    """She sees the very values that would leave, ticks her diplomas, leaves the grade alone, and says 30 days."""
    title("The citizen sees the request with the real values, and approves for 30 days without the grade")
    page = await request_page(browser, base, request)
    assert "toegepaste informatica" in page.text, "the page shows the real values"
    assert "onderscheiding" in page.text, "the grade that she may leave out is shown too"
    await approve(browser, page, days="30")


async def approve_wages(browser: Browser, base: str, request: str) -> None:
    title("The citizen approves, without the name of her employer")
    await approve(browser, await request_page(browser, base, request), days="7")


async def request_page(browser: Browser, base: str, request: str) -> Page:
    page = await browser.open(f"{base}my/requests/{request.rstrip('/').rsplit('/', 1)[-1]}")
    assert page.status == 200, page.text
    return page


async def approve(browser: Browser, page: Page, *, days: str) -> None:
    form = page.form("/approve")
    until = next(value for value in form.choices["until"] if days in value)
    # Optional fields are switches of the same form; none is ticked here, so none is given.
    documents = form.choices.get("document") or form.fields["document"]
    page = await browser.send(page, form, document=documents, until=until)
    assert page.status == 200, page.text
    assert page.url.endswith("/receipt"), page.text
    say(f"approved: {page.url}")


async def see_the_read_and_revoke(browser: Browser, base: str, grant: dict[str, Any]) -> None:
    title("The citizen sees who looked, and stops it")
    log = await browser.open(f"{base}my/log")
    assert "HR Scheldeland" in log.text, log.text
    say("her log names HR Scheldeland, what it read, why and when")
    page = await browser.open(f"{base}my/sharing/{grant['id'].rsplit('/', 1)[-1]}/revoke")
    page = await browser.send(page, page.form("/revoke"))
    assert page.status == 200, page.text
    say("revoked")


# ── telling ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0).isoformat()


def title(text: str) -> None:
    print(f"\n{text}")


def say(text: str) -> None:
    print(f"  {text}")


def indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000/"
    asyncio.run(main(address if address.endswith("/") else address + "/"))
