"""ATK-27: one organisation acting under the grant of another, or one's software under the grant of another's."""

from __future__ import annotations

import pytest

from tests.lock import DPV, RENT
from tests.lock_live import LiveLock
from tests.people import Person
from vault.audit import AuditEvent
from vault.identity.register import register_credentials
from vault.ports import Vault, Work
from vault.values import ClientId, PodName, Secret

pytestmark = pytest.mark.requirement("ATK-27")


def _second_client(lock: LiveLock, name: str, client_id: str) -> Person:
    """The same organisation, through other software."""
    first = lock.person(name)
    secret = f"{client_id}-secret-for-tests-0123456789"

    async def register(vault: Vault, work: Work) -> None:
        account = await work.accounts.by_pod(PodName(name))
        assert account is not None
        await register_credentials(
            work,
            account=account,
            client_id=ClientId(client_id),
            secret=Secret(secret),
            name=client_id,
            now=vault.clock(),
        )

    lock.write(register)
    return Person(first.name, first.email, first.password, first.webid, first.pod, client_id, secret)


async def test_each_grant_opens_for_its_own_organisation_and_for_no_other(lock: LiveLock) -> None:
    grants = {
        "employer": await lock.granted("title"),
        "lenient": await lock.granted("title", by="lenient"),
        "recruiter": await lock.granted("title", by="recruiter", purpose=f"{DPV}PersonnelHiring"),
    }
    everybody = [*grants, "landlord", "school", "lotte", "stefaan"]
    for holder, grant in grants.items():
        for caller in everybody:
            answer = await lock.call("GET", grant["items"][0]["view"], by=caller)
            assert answer.status == (200 if caller == holder else 404), (holder, caller)


async def test_other_software_of_the_same_organisation_does_not_read(lock: LiveLock) -> None:
    view = (await lock.granted("title"))["items"][0]["view"]
    other = _second_client(lock, "employer", "employer-other")
    answer = await lock.http.get(view, by=other)
    assert (answer.status, answer.json["reason"]) == (403, "wrong-client")
    line = lock.log()[-1]
    assert (line.event, line.facts["reason"]) == (AuditEvent.GRANT_READ_REFUSED, "wrong-client")
    assert line.facts["client"] == "employer-other"
    assert (await lock.call("GET", view, by="employer")).status == 200


async def test_a_token_that_was_passed_on_is_worth_nothing_without_its_key(lock: LiveLock) -> None:
    view = (await lock.granted("title"))["items"][0]["view"]
    employer, thief = lock.person("employer"), lock.person("landlord")
    token = await lock.http.token_of(employer)
    await lock.http.token_of(thief)
    proof = thief.proof("GET", view, ath=None)
    stolen = await lock.http.send("GET", view, headers={"Authorization": f"DPoP {token}", "DPoP": proof})
    assert stolen.status == 401
    bare = await lock.http.send("GET", view, headers={"Authorization": f"Bearer {token}"})
    assert bare.status == 401


async def test_a_citizens_token_decides_nothing_at_the_doors_of_the_lock(lock: LiveLock) -> None:
    """Approving comes from a browser session: there is no door for it that takes a token."""
    asked = await lock.ask()
    for method in ("POST", "PUT", "PATCH"):
        for address in (asked["id"], f"{asked['id']}/approve", f"{lock.base}grants"):
            answer = await lock.call(method, address, by="lotte", body="{}", Content_Type="application/json")
            assert answer.status in (403, 404, 405), (method, address)
    answer = await lock.call("DELETE", asked["id"], by="lotte")
    assert answer.status == 403
    assert (await lock.call("GET", asked["id"], by="employer")).json["state"] == "pending"


async def test_nobody_asks_in_the_name_of_another(lock: LiveLock) -> None:
    """What a body says about who asks is not even read: the token says it."""
    for member in ("dataUser", "participant", "requestor", "client"):
        body = {**lock.question(), member: lock.person("landlord").webid}
        answer = await lock.call("POST", "requests", by="employer", json_body=body)
        assert (answer.status, answer.json["reason"]) == (422, "json-shape")


async def test_a_source_never_reads_and_a_data_user_never_deposits(lock: LiveLock) -> None:
    refused = await lock.call(
        "POST",
        "deposits",
        by="employer",
        body="<#it> a <https://example.org/Thing> .",
        Content_Type="text/turtle",
        Datasluis_Citizen=lock.person("lotte").webid,
    )
    assert (refused.status, refused.json["reason"]) == (403, "not-a-participant")
    view = (await lock.granted("title"))["items"][0]["view"]
    assert (await lock.call("GET", view, by="school")).status == 404


async def test_the_purpose_of_one_contract_does_not_serve_another(lock: LiveLock) -> None:
    answer = await lock.call("POST", "requests", by="employer", json_body=lock.question(purpose=RENT))
    assert (answer.status, answer.json["reason"]) == (403, "outside-contract")
