"""The data lock behind a live server: organisations with tokens of their own, and a citizen whose decisions are made
where her browser session would make them. Every answer of the lock is held against its OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import jsonschema
import msgspec
import pytest

from tests.live import Live, serving
from tests.lock import APPLICANT, BELGIUM, DIPLOMA, DPV, GDPR, RENT, Counter, counter_in
from tests.people import Answer, Person, Visitor
from vault.audit import AuditEntry
from vault.datasluis.answer import approve_request, refuse_request
from vault.datasluis.grants import Grant
from vault.datasluis.requests import Choice
from vault.ports import Vault, Work
from vault.seed import Plan, seed
from vault.values import Citizen, GrantId, PodName, RequestId, ResourceUrl

T = TypeVar("T")

ORGANISATIONS: dict[str, dict[str, Any]] = {
    "employer": {"kbo": "0712398781", "dataTypes": ["diploma", "employment"], "purposes": [APPLICANT]},
    "recruiter": {"kbo": "0612345657", "dataTypes": ["diploma", "wage"], "purposes": [f"{DPV}PersonnelHiring"]},
    "landlord": {"kbo": "0845632142", "dataTypes": ["wage", "employment"], "purposes": [RENT]},
    "lenient": {"kbo": "0501234533", "dataTypes": ["diploma"], "purposes": [APPLICANT], "admission": "compatible"},
    "school": {"kbo": "0456712325", "dataTypes": ["diploma", "wage"], "purposes": [], "roles": ["data-source"]},
}  # fmt: skip
CITIZENS = ("lotte", "stefaan")


def plan() -> Plan:
    """A seed file with the organisations and two citizens."""
    now = datetime.now(UTC)
    accounts = [
        {
            "email": f"{name}@lock.example",
            "password": f"a long password for {name}",
            "pod": name,
            "name": name.capitalize(),
            "credentials": {"id": f"{name}-machine", "secret": f"{name}-secret-for-tests-0123456789"},
        }
        for name in (*CITIZENS, *ORGANISATIONS)
    ]
    participants = [
        {
            "id": name,
            "account": name,
            "roles": entry.get("roles", ["data-user"]),
            "legalName": f"{name.capitalize()} nv",
            "kbo": entry["kbo"],
            "website": f"https://{name}.example/",
            "dpo": {"name": "Data protection officer", "email": f"dpo@{name}.example"},
            "contract": {
                "dataTypes": entry["dataTypes"],
                "purposes": entry["purposes"],
                "since": (now - timedelta(days=30)).isoformat(),
                "until": (now + timedelta(days=1000)).isoformat(),
                "maxDays": 90 if entry["purposes"] else 0,
            },
            "admission": entry.get("admission", "strict"),
        }
        for name, entry in ORGANISATIONS.items()
    ]
    return msgspec.convert({"accounts": accounts, "participants": participants}, Plan)


@dataclass(frozen=True)
class LockServer:
    """A live server with the cast of the lock in it."""

    live: Live
    people: Mapping[str, Person]

    @cached_property
    def document(self) -> dict[str, Any]:
        from vault.web.openapi import document

        return document(self.live.base_url)


@dataclass
class LiveLock:
    """The doors of the lock, as a test uses them."""

    server: LockServer
    http: Visitor

    @property
    def base(self) -> str:
        return f"{self.server.live.base_url}datasluis/"

    def person(self, name: str) -> Person:
        return self.server.people[name]

    async def call(
        self,
        method: str,
        address: str,
        *,
        by: str | None = None,
        json_body: object = None,
        body: bytes | str | None = None,
        **headers: str,
    ) -> Answer:
        """One request; `address` is absolute or below /datasluis/. The answer fits the OpenAPI document."""
        url = address if address.startswith("http") else self.base + address
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if json_body is not None:
            body, sent["Content-Type"] = json.dumps(json_body), sent.get("Content-Type", "application/json")
        person = None if by is None else self.person(by)
        answer = await self.http.send(method, url, by=person, body=body, headers=sent)
        check_answer(self.server.document, method, url.removeprefix(self.server.live.base_url[:-1]), answer)
        return answer

    def question(self, **changes: Any) -> dict[str, Any]:
        """The JSON of a complete question; `changes` replace members, None takes one away."""
        draft: dict[str, Any] = {
            "citizen": self.person("lotte").webid,
            "purpose": APPLICANT,
            "data": [{"type": "diploma", "required": ["title", "date"], "optional": ["grade"]}],
            "until": (datetime.now(UTC) + timedelta(days=60)).isoformat(),
            "terms": {
                "legalBasis": f"{GDPR}A6-1-b-enter-into-contract",
                "retention": "P6M",
                "recipients": [],
                "locations": [BELGIUM],
                "jurisdiction": BELGIUM,
                "notice": "https://hr.example/privacy",
            },
        }
        return {name: value for name, value in {**draft, **changes}.items() if value is not None}

    async def ask(self, *, by: str = "employer", **changes: Any) -> dict[str, Any]:
        answer = await self.call("POST", "requests", by=by, json_body=self.question(**changes))
        assert answer.status == 201, answer.text
        found: dict[str, Any] = answer.json
        return found

    async def deliver(self, turtle: str = DIPLOMA, *, to: str = "lotte", name: str = "one") -> Answer:
        """The school delivers a document through the lock."""
        return await self.call(
            "POST",
            "deposits",
            by="school",
            body=turtle,
            Content_Type="text/turtle",
            Datasluis_Citizen=self.person(to).webid,
            Datasluis_Reference=name,
        )

    async def granted(self, *fields: str, by: str = "employer", days: float = 30, **changes: Any) -> dict[str, Any]:
        """A grant as the organisation sees it: asked, approved with these fields (all, without any), and fetched."""
        asked = await self.ask(by=by, **changes)
        grant = self.approve(asked, *fields, days=days)
        answer = await self.call("GET", f"grants/{grant.id}", by=by)
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def approve(
        self, asked: Mapping[str, Any], *fields: str, days: float = 30, name: str = "one", citizen: str = "lotte"
    ) -> Grant:
        """What the citizen's page does with her decision."""
        data = asked["data"][0]
        chosen = fields or (*data["required"], *data["optional"])
        until = datetime.now(UTC) + timedelta(days=days)

        async def act(vault: Vault, work: Work) -> Grant:
            folder = vault.catalogue.data_types[data["type"]].container
            url = ResourceUrl(PodName(citizen), f"/{folder}{name}")
            return await approve_request(
                work,
                citizen=await _citizen(work, citizen),
                request_id=RequestId(asked["id"].rpartition("/")[2]),
                choice=Choice(((url, tuple(chosen)),), until, asked["version"]),
                catalogue=vault.catalogue,
                now=vault.clock(),
            )

        return self.write(act)

    def refuse(self, asked: Mapping[str, Any], reason: str | None = None) -> None:
        async def act(vault: Vault, work: Work) -> object:
            return await refuse_request(
                work,
                citizen=await _citizen(work, "lotte"),
                request_id=RequestId(asked["id"].rpartition("/")[2]),
                version=asked["version"],
                reason=reason,
                now=vault.clock(),
            )

        self.write(act)

    def move(self, move: Callable[..., Awaitable[object]], grant: Mapping[str, Any]) -> None:
        """pause_grant, resume_grant or revoke_grant, by the citizen."""

        async def act(vault: Vault, work: Work) -> object:
            grant_id = GrantId(grant["id"].rpartition("/")[2])
            return await move(work, citizen=await _citizen(work, "lotte"), grant_id=grant_id, now=vault.clock())

        self.write(act)

    def write(self, act: Callable[[Vault, Work], Awaitable[T]]) -> T:
        """One transaction on the server's own vault."""

        async def run(vault: Vault) -> T:
            async with vault.writing() as work:
                return await act(vault, work)

        return self.server.live.within(run)

    def log(self, pod: str = "lotte") -> Sequence[AuditEntry]:
        """The citizen's log, oldest first; the operator's under the empty name."""

        async def run(vault: Vault) -> Sequence[AuditEntry]:
            async with vault.reading() as work:
                return await work.audit.entries(PodName(pod), limit=100_000)

        return self.server.live.within(run)


async def _citizen(work: Work, pod: str) -> Citizen:
    account = await work.accounts.by_pod(PodName(pod))
    assert account is not None
    return Citizen(account.id, account.webid, account.pod, stepped_up=False)


@contextmanager
def lock_serving(folder: Path, **changes: Any) -> Iterator[LockServer]:
    """A live server with the organisations and the citizens, for as long as the block lasts."""
    with serving(folder, **{"datasluis": {"pending_requests": 10_000}, **changes}) as live:
        live.within(lambda vault: seed(vault, plan(), Path()))
        people = {
            name: Person(
                name=name,
                email=f"{name}@lock.example",
                password=f"a long password for {name}",
                webid=f"{live.base_url}{name}/profile/card#me",
                pod=f"{live.base_url}{name}/",
                client_id=f"{name}-machine",
                client_secret=f"{name}-secret-for-tests-0123456789",
            )
            for name in (*CITIZENS, *ORGANISATIONS)
        }
        yield LockServer(live, people)


@pytest.fixture(scope="session")
def lock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockServer]:
    """One server for all tests of the lock's doors: they look at logs, which others would fill."""
    with lock_serving(tmp_path_factory.mktemp("lock")) as opened:
        yield opened


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    """A vault without HTTP, with a clock that stands still until it is moved."""
    async with counter_in(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def lock(lock_server: LockServer) -> AsyncIterator[LiveLock]:
    """The doors; Lotte has one diploma that the school delivered."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        opened = LiveLock(lock_server, Visitor(session, lock_server.live.base_url))
        delivered = await opened.deliver()
        assert delivered.status in (200, 201), delivered.text
        yield opened


def check_answer(document: Mapping[str, Any], method: str, path: str, answer: Answer) -> None:
    """The status, the media type and the body are ones that the document describes; and it leaves nothing unsaid."""
    described = operation_of(document, method, path.partition("?")[0])
    if described is None:
        assert answer.status in (404, 405), f"{method} {path} is not in the document and answered {answer.status}"
        return
    response = described["responses"].get(str(answer.status)) or described["responses"]["default"]
    assert answer.status < 300 or "default" in described["responses"]
    if answer.status < 300:
        assert str(answer.status) in described["responses"], f"{answer.status} of {method} {path} is not described"
    for name in response.get("headers", {}):
        assert name == "Link" or name in answer.headers, f"{method} {path} has no {name}"
    if method == "HEAD" or answer.status == 304:
        return
    content = response.get("content")
    if not content:
        assert answer.body == b""
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in content, f"{media_type} of {method} {path} is not described"
    if media_type.endswith("json") and media_type != "application/ld+json":
        schema = {**content[media_type]["schema"], "components": _closed(document["components"], answer.status)}
        jsonschema.validate(answer.json, schema, cls=jsonschema.Draft202012Validator)


def operation_of(document: Mapping[str, Any], method: str, path: str) -> dict[str, Any] | None:
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def _closed(components: Mapping[str, Any], status: int) -> dict[str, Any]:
    """The schemas with nothing allowed beyond what they name: a problem alone may say more."""
    schemas = {
        name: {**schema, "additionalProperties": False} if "properties" in schema and status < 300 else schema
        for name, schema in components["schemas"].items()
    }
    return {"schemas": schemas}
