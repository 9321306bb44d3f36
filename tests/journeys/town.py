"""The town the journeys are set in: one citizen with diplomas, work and wages, one with nothing, and who asks them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tests.live import Live, serving
from vault.datasluis.answer import approve_request, pause_grant, refuse_request, revoke_grant
from vault.datasluis.ask import submit_request
from vault.datasluis.read import Look, read_through_grant
from vault.datasluis.requests import Choice
from vault.ports import Vault, Work
from vault.seed import read_plan, seed
from vault.values import TURTLE, Agent, Citizen, GrantId, ParticipantId, PodName, RequestId, ResourceUrl
from vault.web.datasluis_json import RequestForm, draft_of

_T = TypeVar("_T")
HERE = Path(__file__).parent
MESSAGES = HERE.parents[1] / "examples" / "manage_my_career" / "messages"
GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
CHECKING = "https://w3id.org/dpv#RecruitmentApplicantInformationAuthentication"
RENTING = "https://w3id.org/datakluis/v1#TenantIncomeCheck"

LOTTE = ("lotte@example.org", "wandelen-langs-de-leie")
AMIR = ("amir@example.org", "nog-niemand-gevraagd")

DIPLOMA = {
    "purpose": CHECKING,
    "data": [{"type": "diploma", "required": ["title", "level", "awarding-body", "date"], "optional": ["grade"]}],
    "terms": {
        "legalBasis": f"{GDPR}A6-1-b-enter-into-contract",
        "retention": "P6M",
        "recipients": [],
        "locations": ["https://w3id.org/dpv/loc#BE"],
        "jurisdiction": "https://w3id.org/dpv/loc#BE",
        "notice": "https://hr-scheldeland.example/privacy",
        "reason": "We zoeken een verantwoordelijke voor de kade in Temse en kijken na wat op uw cv staat.",
        "consequence": "Zonder diploma kunnen we uw sollicitatie niet behandelen.",
    },
}
WAGES = {
    "purpose": RENTING,
    "data": [{"type": "wage", "required": ["period", "net"], "optional": ["employer"]}],
    "terms": {
        "legalBasis": f"{GDPR}A6-1-b-enter-into-contract",
        "retention": "P3M",
        "recipients": ["Rekenbureau Huur en Zoon bv"],
        "locations": ["https://w3id.org/dpv/loc#BE", "https://w3id.org/dpv/loc#US"],
        "jurisdiction": "https://w3id.org/dpv/loc#BE",
        "notice": "https://woonhuys.example/privacy",
        "automatedDecision": True,
    },
}
SILENT: dict[str, Any] = {"data": [{"type": "diploma", "required": ["title"]}], "terms": {}}


@dataclass(frozen=True)
class Town:
    """A running vault with its people, and what happens in it, by the same use cases as everywhere."""

    live: Live

    @property
    def base_url(self) -> str:
        return self.live.base_url

    def write(self, act: Callable[[Vault, Work], Awaitable[_T]]) -> _T:
        async def run(vault: Vault) -> _T:
            async with vault.writing() as work:
                return await act(vault, work)

        return self.live.within(run)

    def ask(self, data_user: str, body: dict[str, Any], *, citizen: str = "lotte", days: int | None = 60) -> RequestId:
        """An organisation asks; the number of the request."""

        async def act(vault: Vault, work: Work) -> RequestId:
            participant = await work.participants.get(ParticipantId(data_user))
            account = await work.accounts.by_pod(PodName(citizen))
            assert participant is not None
            assert account is not None
            until = {"until": (vault.clock() + timedelta(days=days)).isoformat()} if days else {}
            form = msgspec.convert({**body, **until, "citizen": account.webid}, RequestForm)
            agent = Agent(participant.webid, None, vault.base_url)
            request = await submit_request(
                work,
                agent=agent,
                draft=draft_of(form),
                catalogue=vault.catalogue,
                settings=vault.settings,
                now=vault.clock(),
            )
            return request.id

        return self.write(act)

    def approve(self, request: RequestId, *, days: int = 30, documents: int = 1, path: str | None = None) -> GrantId:
        """The citizen approves: the required fields of her first documents, or of the one at `path`."""

        async def act(vault: Vault, work: Work) -> GrantId:
            asked = await work.requests.get(request)
            assert asked is not None
            data_type = asked.asked[0]
            container = vault.catalogue.data_types[data_type.data_type].container
            folder = ResourceUrl(asked.pod, f"/{container}")
            found = [
                member.url async for member in work.resources.children(folder) if await work.deposits.get(member.url)
            ]
            chosen = found[:documents] if path is None else [url for url in found if url.path == path]
            items = tuple((url, data_type.required) for url in chosen)
            choice = Choice(items, vault.clock() + timedelta(days=days), asked.version)
            grant = await approve_request(
                work,
                citizen=await citizen_of(work, asked.pod),
                request_id=request,
                choice=choice,
                catalogue=vault.catalogue,
                now=vault.clock(),
            )
            return grant.id

        return self.write(act)

    def refuse(self, request: RequestId) -> None:
        async def act(vault: Vault, work: Work) -> None:
            asked = await work.requests.get(request)
            assert asked is not None
            citizen = await citizen_of(work, asked.pod)
            await refuse_request(
                work,
                citizen=citizen,
                request_id=request,
                version=asked.version,
                reason="Liever niet.",
                now=vault.clock(),
            )

        self.write(act)

    def pause(self, grant: GrantId) -> None:
        async def act(vault: Vault, work: Work) -> None:
            await pause_grant(work, citizen=await _giver(work, grant), grant_id=grant, now=vault.clock())

        self.write(act)

    def revoke(self, grant: GrantId) -> None:
        async def act(vault: Vault, work: Work) -> None:
            await revoke_grant(work, citizen=await _giver(work, grant), grant_id=grant, now=vault.clock())

        self.write(act)

    def deliver(self) -> None:
        """The sources deliver all over again."""
        self.live.within(lambda vault: seed(vault, read_plan(HERE / "town.json"), MESSAGES))

    def read(self, grant: GrantId, *, by: str | None = None) -> None:
        """An organisation reads the first document of a permission, or tries to: the one that holds it, unless `by`."""

        async def act(vault: Vault) -> None:
            async with vault.reading() as work:
                found = await work.grants.get(grant)
                assert found is not None
                participant = await work.participants.get(ParticipantId(by) if by else found.data_user)
                assert participant is not None
            await read_through_grant(
                vault.reading,
                vault.writing,
                agent=Agent(participant.webid, None, vault.base_url),
                look=Look(grant, found.items[0].key, TURTLE),
                catalogue=vault.catalogue,
                blobs=vault.blobs,
                base_url=vault.base_url,
                limits=vault.settings.limits,
                clock=vault.clock,
            )

        self.live.within(act)

    def touch(self, request: RequestId) -> None:
        """The request changes after somebody opened it."""

        async def act(_vault: Vault, work: Work) -> None:
            found = await work.requests.get(request)
            assert found is not None
            await work.requests.replace(replace(found, version=found.version + 1))

        self.write(act)


async def citizen_of(work: Work, pod: PodName) -> Citizen:
    account = await work.accounts.by_pod(pod)
    assert account is not None
    return Citizen(account.id, account.webid, account.pod, stepped_up=True)


async def _giver(work: Work, grant: GrantId) -> Citizen:
    found = await work.grants.get(grant)
    assert found is not None
    return await citizen_of(work, found.pod)


@contextmanager
def built(folder: Path, **changes: Any) -> Iterator[Town]:
    """The town, empty of requests; `changes` are sections of settings."""
    with serving(folder, datasluis={"pending_requests": 10_000}, **changes) as live:
        live.within(lambda vault: seed(vault, read_plan(HERE / "town.json"), MESSAGES))
        yield Town(live)
