"""What tests of the data lock share: organisations and a citizen, a diploma and a payslip, and a vault without HTTP
whose clock stands still until it is moved."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.contracts.stores import FixedClock
from vault.app import open_machine
from vault.audit import SERVER, AuditEntry, AuditEvent, Intact, verify_chain
from vault.config import Settings, StorageSettings
from vault.datasluis.admission import DraftTerms, RequestDraft
from vault.datasluis.answer import Choice, approve_request, refuse_request
from vault.datasluis.ask import submit_request, withdraw_request
from vault.datasluis.catalogue import Catalogue
from vault.datasluis.catalogue_files import default_folder, read_catalogue
from vault.datasluis.deposits import Deposited
from vault.datasluis.grants import Grant, GrantedItem, GrantState
from vault.datasluis.onboard import register_participant
from vault.datasluis.read import Look, View, Withheld, read_through_grant
from vault.datasluis.registry import Admission, Contact, Contract, Participant, Role
from vault.datasluis.requests import AccessRequest, Asked, RequestState, Terms
from vault.identity.accounts import Account
from vault.ports import Vault
from vault.solid.resource import Draft, Inline, Kind, Pod
from vault.values import (
    TURTLE,
    AccountId,
    Agent,
    Citizen,
    ClientId,
    GrantId,
    MediaType,
    ParticipantId,
    PodName,
    RequestId,
    ResourceUrl,
    WebId,
)

BASE = "https://vault.example/"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)

DPV = "https://w3id.org/dpv#"
GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
BELGIUM = "https://w3id.org/dpv/loc#BE"
APPLICANT = f"{DPV}RecruitmentApplicantInformationAuthentication"
PAYROLL = f"{DPV}PersonnelPayment"
RENT = "https://w3id.org/datakluis/v1#TenantIncomeCheck"

LOTTE = PodName("lotte")
STRANGER = PodName("stefaan")

DIPLOMA = """
@prefix elm: <http://data.europa.eu/snb/model/elm/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix rov: <http://www.w3.org/ns/regorg#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix adms: <http://www.w3.org/ns/adms#> .
@prefix lc: <https://data.vlaanderen.be/ns/leercredential#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<#it> a elm:LearningAchievement ; dct:title "Master in de rechten"@nl ;
  adms:status <http://purl.org/adms/status/Completed> ;
  elm:awardedBy <#award> ; elm:specifiedBy <#qualification> ; elm:provenBy <#assessment> .
<#award> a elm:AwardingProcess ; elm:awardingBody <#institution> ; elm:awardingDate "2014-07-01"^^xsd:date .
<#institution> a elm:Organisation ; rov:legalName "Hogeschool aan de Leie"@nl .
<#qualification> a elm:Qualification ; dct:title "Rechten"@nl ; elm:EQFLevel <http://data.europa.eu/snb/eqf/7> .
<#assessment> a elm:LearningAssessment ; elm:grade <#note> .
<#note> a elm:Note ; elm:noteLiteral "grote onderscheiding"@nl .
"""
PAYSLIP = """
@prefix loon: <https://data.vlaanderen.be/ns/loongegevens#> .
@prefix schema: <https://schema.org/> .
@prefix m8g: <http://data.europa.eu/m8g/> .
@prefix rov: <http://www.w3.org/ns/regorg#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix adms: <http://www.w3.org/ns/adms#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<#it> a loon:Arbeidsloon ; loon:verloningsperiode <#period> ; loon:arbeidsrelatie <#job> ;
  loon:brutoloon <#gross> ; loon:nettoloon <#net> .
<#period> a m8g:PeriodOfTime ; m8g:startTime "2026-10-01T00:00:00+02:00"^^xsd:dateTime ;
  m8g:endTime "2026-10-31T23:59:59+01:00"^^xsd:dateTime .
<#job> a loon:Arbeidsrelatie ; loon:werkgever <#employer> .
<#employer> skos:prefLabel "Drukkerij De Krekel" ; rov:registration <#kbo> .
<#kbo> a adms:Identifier ; skos:notation "0456712325" .
<#gross> a schema:MonetaryAmount ; schema:value 3412.50 ;
  schema:currency <http://publications.europa.eu/resource/authority/currency/EUR> .
<#net> a schema:MonetaryAmount ; schema:value 2287.13 ;
  schema:currency <http://publications.europa.eu/resource/authority/currency/EUR> .
"""
DOCUMENTS = {"diploma": DIPLOMA, "wage": PAYSLIP}


@cache
def shipped() -> Catalogue:
    """The catalogue that comes with the product."""
    return read_catalogue(default_folder())


def webid_of(name: str, base_url: str = BASE) -> WebId:
    return WebId(f"{base_url}{name}/profile/card#me")


def a_contract(**changes: Any) -> Contract:
    contract = Contract(
        frozenset(["diploma", "employment"]), frozenset([APPLICANT, PAYROLL]), NOON - 30 * DAY, NOON + 400 * DAY, 90
    )
    return replace(contract, **changes)


def a_participant(name: str = "hr", **changes: Any) -> Participant:
    participant = Participant(
        id=ParticipantId(name),
        webid=webid_of(name),
        roles=frozenset([Role.DATA_USER]),
        legal_name=f"{name.upper()} nv",
        kbo="0712398781",
        website=f"https://{name}.example/",
        dpo=Contact("Jan De Smet", f"dpo@{name}.example"),
        contract=a_contract(),
        registered=NOON - 30 * DAY,
    )
    return replace(participant, **changes)


def the_terms(**changes: Any) -> DraftTerms:
    terms = DraftTerms(
        legal_basis=f"{GDPR}A6-1-b-enter-into-contract",
        retention="P6M",
        recipients=(),
        locations=(BELGIUM,),
        jurisdiction=BELGIUM,
        notice="https://hr.example/privacy",
        reason="For the vacancy of crane operator.",
        consequence="Without it we cannot consider the application.",
    )
    return replace(terms, **changes)


def a_question(**changes: Any) -> RequestDraft:
    """A complete question: four fields of a diploma, the grade if she likes."""
    draft = RequestDraft(
        citizen=webid_of(LOTTE),
        asked=(Asked("diploma", ("title", "level", "awarding-body", "date"), ("grade",)),),
        purpose=APPLICANT,
        until=NOON + 60 * DAY,
        terms=the_terms(),
    )
    return replace(draft, **changes)


def a_request(**changes: Any) -> AccessRequest:
    terms = Terms(f"{GDPR}A6-1-b", "P6M", (), (BELGIUM,), "https://hr.example/privacy", None, None)
    request = AccessRequest(
        id=RequestId("1d2e4c0a-52b7-4d3f-8a8e-90c1f2b3a4d5"),
        data_user=ParticipantId("hr"),
        client=None,
        citizen=webid_of(LOTTE),
        pod=LOTTE,
        purpose=APPLICANT,
        asked=(Asked("diploma", ("title", "date"), ("grade",)),),
        until=NOON + 60 * DAY,
        terms=terms,
        advice=(),
        state=RequestState.PENDING,
        version=1,
        submitted=NOON,
        lapses=NOON + 30 * DAY,
    )
    return replace(request, **changes)


def a_grant(**changes: Any) -> Grant:
    grant = Grant(
        id=GrantId("6f0c7a52-8f0e-4b55-9d0c-2f3a5b1d7c11"),
        request=RequestId("1d2e4c0a-52b7-4d3f-8a8e-90c1f2b3a4d5"),
        data_user=ParticipantId("hr"),
        client=None,
        citizen=webid_of(LOTTE),
        pod=LOTTE,
        purpose=APPLICANT,
        items=(GrantedItem("diploma-1", document("diploma"), "diploma", ("title", "date")),),
        since=NOON,
        until=NOON + 30 * DAY,
        state=GrantState.ACTIVE,
        version=1,
    )
    return replace(grant, **changes)


def document(data_type: str, name: str = "one", pod: PodName = LOTTE) -> ResourceUrl:
    return ResourceUrl(pod, f"/{shipped().data_types[data_type].container}{name}")


@dataclass
class Counter:
    """A vault without HTTP: the use cases of the lock, called as its doors call them."""

    vault: Vault
    clock: FixedClock
    citizen: Citizen

    async def participant(self, participant: Participant) -> Participant:
        async with self.vault.writing() as work:
            return await register_participant(work, participant, catalogue=self.vault.catalogue, now=self.clock())

    async def pod(self, name: PodName) -> None:
        """A person with an account, a pod, and one diploma and one payslip that a source delivered."""
        async with self.vault.writing() as work:
            await work.resources.add_pod(Pod(name, webid_of(name), NOON - DAY, 1_000_000))
            await work.accounts.add(
                Account(AccountId(f"account-{name}"), f"{name}@people.example", "", webid_of(name), name, NOON - DAY)
            )
        for data_type in DOCUMENTS:
            await self.write(data_type, pod=name, delivered=True)

    async def write(
        self,
        data_type: str,
        name: str = "one",
        *,
        body: str | None = None,
        pod: PodName = LOTTE,
        delivered: bool = False,
        withdrawn: bool = False,
    ) -> ResourceUrl:
        """Puts a document where the citizen keeps that kind; `delivered` adds the lock's record of a deposit."""
        url = document(data_type, name, pod)
        data = (body or DOCUMENTS[data_type]).encode()
        async with self.vault.writing() as work:
            if url.parent is not None and await work.resources.get(url.parent) is None:
                await work.resources.put(Draft(url.parent, Kind.CONTAINER, TURTLE, self.clock()), Inline(b""))
            await work.resources.put(Draft(url, Kind.GRAPH, TURTLE, self.clock()), Inline(data))
            if delivered:
                await work.deposits.put(
                    Deposited(
                        url=url,
                        original=url,
                        data_type=data_type,
                        source=ParticipantId("school"),
                        reference=name,
                        mutation="1",
                        modified=None,
                        delivered=self.clock(),
                        digest=hashlib.sha256(data).hexdigest(),
                        message_digest="0" * 64,
                        withdrawn=withdrawn,
                    )
                )
        return url

    async def ask(
        self, draft: RequestDraft | None = None, *, by: str = "hr", client: str | None = None
    ) -> AccessRequest:
        async with self.vault.writing() as work:
            return await submit_request(
                work,
                agent=agent(by, client),
                draft=draft or a_question(),
                catalogue=self.vault.catalogue,
                settings=self.vault.settings,
                now=self.clock(),
            )

    def choose(self, request: AccessRequest, *fields: str, days: float = 30, data_type: str = "diploma") -> Choice:
        """One document of hers with these fields; without any, all that were asked."""
        asked = request.asked_for(data_type)
        chosen = fields or (asked.fields if asked else ())
        return Choice(
            ((document(data_type, pod=request.pod), tuple(chosen)),), self.clock() + days * DAY, request.version
        )

    async def approve(
        self,
        request: AccessRequest,
        choice: Choice | None = None,
        *,
        citizen: Citizen | None = None,
        catalogue: Catalogue | None = None,
    ) -> Grant:
        async with self.vault.writing() as work:
            return await approve_request(
                work,
                citizen=citizen or self.citizen,
                request_id=request.id,
                choice=choice or self.choose(request),
                catalogue=catalogue or self.vault.catalogue,
                now=self.clock(),
            )

    async def refuse(
        self, request_id: RequestId, *, citizen: Citizen | None = None, version: int = 1, reason: str | None = None
    ) -> AccessRequest:
        async with self.vault.writing() as work:
            return await refuse_request(
                work,
                citizen=citizen or self.citizen,
                request_id=request_id,
                version=version,
                reason=reason,
                now=self.clock(),
            )

    async def withdraw(self, request_id: RequestId, *, by: str = "hr") -> AccessRequest:
        async with self.vault.writing() as work:
            return await withdraw_request(work, agent=agent(by), request_id=request_id, now=self.clock())

    async def move(
        self, move: Callable[..., Awaitable[Grant]], grant: GrantId, *, citizen: Citizen | None = None
    ) -> Grant:
        """pause_grant, resume_grant or revoke_grant, by the citizen."""
        async with self.vault.writing() as work:
            return await move(work, citizen=citizen or self.citizen, grant_id=grant, now=self.clock())

    async def granted(self, *fields: str, draft: RequestDraft | None = None, by: str = "hr", days: float = 30) -> Grant:
        request = await self.ask(draft, by=by)
        data_type = request.asked[0].data_type
        return await self.approve(request, self.choose(request, *fields, days=days, data_type=data_type))

    async def look(
        self,
        grant: Grant | GrantId,
        item: str = "diploma-1",
        *,
        by: str = "hr",
        client: str | None = None,
        purpose: str | None = None,
        form: MediaType = TURTLE,
    ) -> View | Withheld:
        return await read_through_grant(
            self.vault.reading,
            self.vault.writing,
            agent=agent(by, client),
            look=Look(grant.id if isinstance(grant, Grant) else grant, item, form, purpose),
            catalogue=self.vault.catalogue,
            blobs=self.vault.blobs,
            base_url=self.vault.base_url,
            limits=self.vault.settings.limits,
            clock=self.clock,
        )

    async def refused(self, grant: Grant | GrantId, item: str = "diploma-1", **more: Any) -> str:
        """The reason a read is refused with; the last line of the log says so too, and nothing left."""
        outcome = await self.look(grant, item, **more)
        assert isinstance(outcome, Withheld), "this read should have been refused"
        return outcome.refusal.reason

    async def viewed(self, grant: Grant, item: str = "diploma-1", **more: Any) -> View:
        outcome = await self.look(grant, item, **more)
        assert isinstance(outcome, View), outcome
        return outcome

    async def stored(self, grant: GrantId) -> Grant:
        async with self.vault.reading() as work:
            found = await work.grants.get(grant)
        assert found is not None
        return found

    async def log(self, pod: PodName = LOTTE) -> list[AuditEntry]:
        """The whole chain of one pod, verified."""
        async with self.vault.reading() as work:
            entries = await work.audit.entries(pod, limit=10_000)
        assert isinstance(verify_chain(entries), Intact)
        return entries

    async def events(self, pod: PodName = LOTTE) -> list[AuditEvent]:
        return [entry.event for entry in await self.log(pod)]

    async def last(self, pod: PodName = LOTTE) -> AuditEntry:
        return (await self.log(pod))[-1]

    async def server_log(self) -> list[AuditEntry]:
        return await self.log(SERVER)


def a_citizen(name: PodName) -> Citizen:
    return Citizen(AccountId(f"account-{name}"), webid_of(name), name, stepped_up=False)


def agent(name: str, client: str | None = None) -> Agent:
    return Agent(webid_of(name), None if client is None else ClientId(client), BASE)


@asynccontextmanager
async def counter_in(folder: Path, **datasluis: Any) -> AsyncIterator[Counter]:
    """A vault in this folder with Lotte in it, an HR company, a landlord, a school, and a stranger with a pod."""
    clock = FixedClock(NOON)
    settings = Settings(storage=StorageSettings(data=folder))
    settings = replace(
        settings,
        server=replace(settings.server, base_url=BASE),
        datasluis=replace(settings.datasluis, **datasluis),
    )
    async with open_machine(settings, clock=clock) as machine:
        counter = Counter(machine.vault, clock, a_citizen(LOTTE))
        await counter.participant(a_participant("hr"))
        rent = a_contract(data_types=frozenset(["wage", "employment"]), purposes=frozenset([RENT]), max_days=60)
        await counter.participant(a_participant("landlord", contract=rent, kbo="0845632142"))
        loose = a_participant("lenient", admission=Admission.COMPATIBLE, kbo="0501234533")
        await counter.participant(loose)
        school = a_contract(data_types=frozenset(["diploma", "wage"]), purposes=frozenset(), max_days=0)
        await counter.participant(
            a_participant("school", roles=frozenset([Role.DATA_SOURCE]), contract=school, kbo="0456712325")
        )
        await counter.pod(LOTTE)
        await counter.pod(STRANGER)
        yield counter
