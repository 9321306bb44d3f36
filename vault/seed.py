"""Accounts, participants and sample messages from one JSON file, laid down through the use cases everybody uses.

Idempotent: what is there stays, what changed in the file is brought up to date. The demo stands on it, and so do test
ecosystems: fixed client credentials let a machine sign in as an account's WebID.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from vault.datasluis.ask import submit_request
from vault.datasluis.deposit import deposit_message
from vault.datasluis.onboard import register_participant
from vault.datasluis.parcels import Delivery
from vault.datasluis.registry import Admission, Contact, Contract, Participant, Role
from vault.errors import Refusal
from vault.identity.accounts import Account, hash_national_number
from vault.identity.register import register_credentials
from vault.identity.sign_in import create_account, hashed
from vault.ports import Vault, Work
from vault.solid.provision import create_pod
from vault.values import (
    Agent,
    ClientId,
    MediaType,
    ParticipantId,
    PodName,
    Secret,
    parse_media_type,
    parse_pod_name,
    webid_of,
)
from vault.web.datasluis_json import RequestForm, draft_of


class _Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel", frozen=True):
    """An unknown key in a seed file is a mistake, not a wish."""


class SeedCredentials(_Strict, frozen=True):
    id: str
    secret: str


class SeedAccount(_Strict, frozen=True):
    email: str
    password: str
    pod: str
    name: str = ""
    national_numbers: list[str] = []
    credentials: SeedCredentials | None = None


class SeedContact(_Strict, frozen=True):
    name: str
    email: str


class SeedContract(_Strict, frozen=True):
    data_types: list[str]
    purposes: list[str]
    since: str
    until: str
    max_days: int


class SeedParticipant(_Strict, frozen=True):
    id: str
    account: str  # the pod name of the account whose WebID the organisation uses
    roles: list[Role]
    legal_name: str
    kbo: str
    website: str
    dpo: SeedContact
    contract: SeedContract
    admission: Admission = Admission.STRICT
    suspended: bool = False


class SeedDeposit(_Strict, frozen=True):
    source: str  # a participant id
    person: str  # the national number the source asked about
    file: str  # relative to the seed file
    media_type: str = "application/xml"
    reference: str | None = None


class SeedRequest(_Strict, frozen=True):
    data_user: str  # a participant id
    citizen: str  # a pod name
    days: int  # how long the access is asked for, from the day of seeding on
    ask: dict[str, Any]  # as the body of POST /datasluis/requests, without citizen and until


class Plan(_Strict, frozen=True):
    """A whole seed file."""

    accounts: list[SeedAccount]
    participants: list[SeedParticipant] = []
    deposits: list[SeedDeposit] = []
    requests: list[SeedRequest] = []


# WebIDs are absolute and stand in every access rule: a store stays at the address it was made for.
_ELSEWHERE = "this store was made for another address: it knows {webid}, and {base} is asked for"


class SeedError(Exception):
    """The file cannot be read or does not fit together; the message names the place."""


@dataclass(frozen=True, slots=True)
class Laid:
    """What stands after seeding: per pod its WebID, address and client id."""

    accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    participants: dict[str, str] = field(default_factory=dict)


def read_plan(file: Path) -> Plan:
    """Reads and checks a seed file. Raises SeedError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Plan)
    except OSError:
        raise SeedError(f"{file} cannot be read") from None
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise SeedError(f"{file}: {error}") from None


async def seed(vault: Vault, plan: Plan, folder: Path) -> Laid:
    """Lays the plan down; `folder` is where the messages it names stand. Raises SeedError."""
    laid = Laid()
    try:
        for entry in plan.accounts:
            account = await _account(vault, entry)
            laid.accounts[account.pod] = _described(vault, account, entry)
        for organisation in plan.participants:
            await _participant(vault, organisation)
            laid.participants[organisation.id] = laid.accounts[organisation.account]["webId"]
        for message in plan.deposits:
            await _deposit(vault, message, folder)
        for request in plan.requests:
            await _request(vault, request)
    except Refusal as refusal:
        raise SeedError(f"{refusal.reason}: {refusal.detail} {dict(refusal.facts) or ''}".strip()) from refusal
    except OSError as error:
        raise SeedError(f"{error.filename} cannot be read") from None
    except KeyError as unknown:
        raise SeedError(f"{unknown.args[0]} is named but not laid down by this file") from None
    return laid


async def _account(vault: Vault, entry: SeedAccount) -> Account:
    numbers = frozenset(hash_national_number(vault.secrets.national_numbers, n) for n in entry.national_numbers)
    password = await hashed(Secret(entry.password), settings=vault.settings)
    async with vault.writing() as work:
        account = await work.accounts.by_email(entry.email)
        if account is not None and account.webid != webid_of(account.pod, base_url=vault.base_url):
            raise SeedError(_ELSEWHERE.format(webid=account.webid, base=vault.base_url))
        if account is None:
            account = await create_account(
                work,
                create_pod=partial(create_pod, work),
                email=entry.email,
                password=password,
                pod=parse_pod_name(entry.pod),
                display_name=entry.name or entry.pod,
                settings=vault.settings,
                now=vault.clock(),
            )
        if numbers != account.national_numbers:
            account = replace(account, national_numbers=numbers)
            await work.accounts.replace(account)
        if entry.credentials is not None:
            await register_credentials(
                work,
                account=account,
                client_id=ClientId(entry.credentials.id),
                secret=Secret(entry.credentials.secret),
                name=entry.name or entry.pod,
                now=vault.clock(),
            )
    return account


def _described(vault: Vault, account: Account, entry: SeedAccount) -> dict[str, str]:
    described = {"email": account.email, "webId": account.webid, "pod": f"{vault.base_url}{account.pod}/"}
    if entry.credentials is not None:
        described["clientId"] = entry.credentials.id
    return described


async def _participant(vault: Vault, entry: SeedParticipant) -> None:
    contract = entry.contract
    async with vault.writing() as work:
        account = await work.accounts.by_pod(PodName(entry.account))
        if account is None:
            raise KeyError(entry.account)
        participant = Participant(
            id=ParticipantId(entry.id),
            webid=account.webid,
            roles=frozenset(entry.roles),
            legal_name=entry.legal_name,
            kbo=entry.kbo,
            website=entry.website,
            dpo=Contact(entry.dpo.name, entry.dpo.email),
            contract=Contract(
                frozenset(contract.data_types),
                frozenset(contract.purposes),
                _day(contract.since),
                _day(contract.until),
                contract.max_days,
            ),
            registered=vault.clock(),
            admission=entry.admission,
            suspended=entry.suspended,
        )
        known = await work.participants.get(participant.id)
        if known is None or replace(participant, registered=known.registered) != known:
            await register_participant(work, participant, catalogue=vault.catalogue, now=vault.clock())


async def _deposit(vault: Vault, entry: SeedDeposit, folder: Path) -> None:
    raw = (folder / entry.file).read_bytes()
    async with vault.reading() as work:
        source = await _known(work, entry.source)
    await deposit_message(
        vault.reading,
        vault.writing,
        agent=Agent(source.webid, None, vault.base_url),
        delivery=Delivery(raw, _media_type(entry.media_type), person=entry.person, reference=entry.reference),
        catalogue=vault.catalogue,
        number_key=vault.secrets.national_numbers,
        settings=vault.settings,
        base_url=vault.base_url,
        clock=vault.clock,
    )


async def _request(vault: Vault, entry: SeedRequest) -> None:
    async with vault.writing() as work:
        user = await _known(work, entry.data_user)
        account = await work.accounts.by_pod(PodName(entry.citizen))
        if account is None:
            raise KeyError(entry.citizen)
        before = await work.requests.for_data_user(user.id)
        if any(request.citizen == account.webid for request in before):
            return  # asked already: a second run of the same file asks nothing twice
        until = (vault.clock() + timedelta(days=entry.days)).isoformat()
        form = msgspec.convert({**entry.ask, "citizen": account.webid, "until": until}, RequestForm)
        agent = Agent(user.webid, None, vault.base_url)
        await submit_request(
            work,
            agent=agent,
            draft=draft_of(form),
            catalogue=vault.catalogue,
            settings=vault.settings,
            now=vault.clock(),
        )


async def _known(work: Work, participant: str) -> Participant:
    found = await work.participants.get(ParticipantId(participant))
    if found is None:
        raise KeyError(participant)
    return found


def _media_type(text: str) -> MediaType:
    return parse_media_type(text)


def _day(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
