"""One invented citizen with a vault, one source with a contract, and a short way to deposit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT
from vault.audit import SERVER, AuditEntry, Intact, verify_chain
from vault.config import DatasluisSettings, Settings, StorageSettings
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.catalogue_files import read_catalogue
from vault.datasluis.deposit import deposit_message
from vault.datasluis.deposits import Deposited, DepositReport
from vault.datasluis.parcels import Delivery
from vault.datasluis.registry import Contact, Contract, Participant, Role
from vault.errors import Refusal
from vault.identity.accounts import Account, hash_national_number
from vault.ports import Work
from vault.rdf.graph import Graph
from vault.rdf.syntax import parse
from vault.solid.resource import Draft, Inline, Kind, Pod
from vault.storage.database import Database
from vault.values import TURTLE, XML, AccountId, Agent, MediaType, ParticipantId, PodName, ResourceUrl, WebId

MESSAGES = ROOT / "examples/manage_my_career/messages"
BASE = "https://vault.example/"
POD = PodName("lotte")
WEBID = WebId(f"{BASE}lotte/profile/card#me")
LED, DMFA = "94451222456", "94451244628"
KEY = b"k" * 32
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CATALOGUE = read_catalogue()


def a_source(identifier: str = "edu", **changes: Any) -> Participant:
    source = Participant(
        id=ParticipantId(identifier),
        webid=WebId(f"https://{identifier}.example/#us"),
        roles=frozenset({Role.DATA_SOURCE}),
        legal_name="Onderwijsregister",
        kbo="0456712325",
        website="https://edu.example/",
        dpo=Contact("The officer", "dpo@edu.example"),
        contract=Contract(
            frozenset(CATALOGUE.data_types), frozenset(), NOON - timedelta(days=1), NOON + timedelta(days=365), 0
        ),
        registered=NOON,
    )
    return replace(source, **changes)


def sample(name: str) -> bytes:
    return (MESSAGES / name).read_bytes()


@dataclass
class Desk:
    """Where messages are handed in, by the registered source or by another one."""

    store: Database
    catalogue: Catalogue = CATALOGUE
    source: Participant = field(default_factory=a_source)
    settings: Settings = field(default_factory=Settings)
    now: datetime = NOON
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    watch: Callable[[], AbstractContextManager[object]] = nullcontext

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Work]:
        """The deposit's own transaction. What happens `meanwhile` happens just before it, one thing each time; `watch`
        is held while it lasts."""
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        async with self.store.writing() as work:
            with self.watch():
                yield work

    async def deposit(
        self,
        raw: bytes,
        *,
        media_type: MediaType = XML,
        person: str | None = LED,
        citizen: WebId | None = None,
        reference: str | None = None,
        source: Participant | None = None,
    ) -> DepositReport:
        who = source or self.source
        async with self.store.writing() as work:
            await work.participants.put(who)
        delivery = Delivery(raw, media_type, person=person, citizen=citizen, reference=reference)
        return await self.hand_in(Agent(who.webid, None, BASE), delivery)

    async def hand_in(self, agent: Agent, delivery: Delivery) -> DepositReport:
        return await deposit_message(
            self.store.reading,
            self._writing,
            agent=agent,
            delivery=delivery,
            catalogue=self.catalogue,
            number_key=KEY,
            settings=self.settings,
            base_url=BASE,
            clock=lambda: self.now,
        )

    async def refused(self, raw: bytes, **given: Any) -> Refusal:
        """Why the whole message is not taken in."""
        with pytest.raises(Refusal) as refused:
            await self.deposit(raw, **given)
        return refused.value

    async def body(self, path: str) -> bytes | None:
        async with self.store.reading() as work:
            body = await work.resources.body(ResourceUrl(POD, path))
        return body.data if isinstance(body, Inline) else None

    async def graph(self, path: str) -> Graph:
        body = await self.body(path)
        assert body is not None
        return parse(body, TURTLE, base=f"{BASE}lotte{path}", limits=self.settings.limits)

    async def overwrite(self, path: str, data: bytes) -> None:
        """The citizen edits her own copy."""
        async with self.store.writing() as work:
            await work.resources.put(Draft(ResourceUrl(POD, path), Kind.GRAPH, TURTLE, NOON), Inline(data))

    async def remove(self, path: str) -> None:
        async with self.store.writing() as work:
            await work.resources.remove(ResourceUrl(POD, path))

    async def held(self, data_type: str, reference: str) -> Deposited | None:
        async with self.store.reading() as work:
            return await work.deposits.by_reference(POD, data_type, reference)

    async def records(self) -> list[Deposited]:
        async with self.store.reading() as work:
            return await work.deposits.for_pod(POD)

    async def log(self, pod: PodName = POD) -> list[AuditEntry]:
        async with self.store.reading() as work:
            entries = await work.audit.entries(pod)
        assert isinstance(verify_chain(entries), Intact)
        return entries

    async def operators_log(self) -> list[AuditEntry]:
        return await self.log(SERVER)


@asynccontextmanager
async def open_desk(place: Path, *numbers: str, quota_bytes: int = 50_000_000) -> AsyncIterator[Desk]:
    """A fresh store with one vault; `numbers` are the national numbers that lead to it."""
    store = await Database.open(StorageSettings(data=place), clock=lambda: NOON)
    account = Account(
        id=AccountId("a1"),
        email="lotte@example.org",
        password_hash="$argon2id$x",
        webid=WEBID,
        pod=POD,
        created=NOON,
        national_numbers=frozenset(hash_national_number(KEY, number) for number in numbers),
    )
    async with store.writing() as work:
        await work.resources.add_pod(Pod(POD, WEBID, NOON, quota_bytes))
        await work.resources.put(Draft(ResourceUrl(POD, "/"), Kind.CONTAINER, TURTLE, NOON), Inline(b""))
        await work.accounts.add(account)
    try:
        yield Desk(store)
    finally:
        await store.close()


def sample_mode() -> Settings:
    return Settings(datasluis=DatasluisSettings(accept_unmatched_national_numbers=True))
