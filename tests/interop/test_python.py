"""SolidClientCredentials: the client of Python programs that use requests."""

from __future__ import annotations

import asyncio

import requests
from solid_client_credentials import DpopTokenProvider, SolidClientCredentialsAuth

from tests.live import Live
from tests.people import CONTAINER_LINK, N3, TURTLE, Person, n3_patch


async def test_requests_with_client_credentials_does_a_days_work(server: Live, home: str, alice: Person) -> None:
    await asyncio.to_thread(_work, server.base_url, home, alice)


async def test_requests_with_somebody_elses_credentials_is_refused(
    server: Live, home: str, alice: Person, bob: Person
) -> None:
    def visit() -> list[int]:
        with requests.Session() as alices, requests.Session() as bobs, requests.Session() as nobodys:
            alices.auth, bobs.auth = _auth(server.base_url, alice), _auth(server.base_url, bob)
            return [one.get(home, timeout=30).status_code for one in (alices, bobs, nobodys)]

    assert await asyncio.to_thread(visit) == [200, 403, 401]


def _auth(base_url: str, person: Person) -> SolidClientCredentialsAuth:
    provider = DpopTokenProvider(issuer_url=base_url, client_id=person.client_id, client_secret=person.client_secret)
    return SolidClientCredentialsAuth(provider)


def _work(base_url: str, home: str, alice: Person) -> None:
    doc, blob = f"{home}folder/doc.ttl", f"{home}folder/data.bin"
    with requests.Session() as session:
        session.auth = _auth(base_url, alice)

        def status(method: str, url: str, data: str | bytes | None = None, **headers: str) -> int:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return session.request(method, url, data=data, headers=sent, timeout=30).status_code

        assert status("PUT", f"{home}folder/", Content_Type=TURTLE, Link=CONTAINER_LINK) == 201
        assert status("PUT", doc, "<#it> <#is> <#here>.", Content_Type=TURTLE) == 201
        assert status("PATCH", doc, n3_patch(inserts="<#it> <#is> <#there>"), Content_Type=N3) == 204
        read = session.get(doc, timeout=30)
        assert "#there" in read.text
        assert status("GET", doc, If_None_Match=read.headers["ETag"]) == 304
        assert status("PUT", doc, "", Content_Type=TURTLE, If_Match='"stale"') == 412
        made = session.post(f"{home}folder/", data=b"\0" * 100_000, headers={"Slug": "data.bin"}, timeout=30)
        assert made.status_code == 400  # content without a type
        headers = {"Slug": "data.bin", "Content-Type": "application/octet-stream"}
        made = session.post(f"{home}folder/", data=b"\0" * 100_000, headers=headers, timeout=30)
        assert (made.status_code, made.headers["Location"]) == (201, blob)
        part = session.get(blob, headers={"Range": "bytes=10-19"}, timeout=30)
        assert (part.status_code, part.content) == (206, b"\0" * 10)
        listing = session.get(f"{home}folder/", headers={"Accept": "application/ld+json"}, timeout=30).json()
        assert {one["@id"] for one in listing[0]["http://www.w3.org/ns/ldp#contains"]} == {doc, blob}
        assert status("DELETE", f"{home}folder/") == 409
        for url in (doc, blob, f"{home}folder/"):
            assert status("DELETE", url) in (204, 205)
            assert status("GET", url) == 404
