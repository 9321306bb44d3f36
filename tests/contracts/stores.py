"""The back ends every contract runs on, and values to put in them.

A new adapter joins by one line in BACK_ENDS: how to open a store in an empty place. Opening the same place twice gives
what two worker processes have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vault.audit import AuditDraft, AuditEvent
from vault.config import StorageSettings
from vault.datasluis.deposits import Deposited
from vault.datasluis.grants import Grant, GrantedItem, GrantState
from vault.datasluis.registry import Contact, Contract, Participant, Role
from vault.datasluis.requests import AccessRequest, Asked, RequestState, Terms
from vault.identity.accounts import Account, Code, RefreshToken, Session
from vault.identity.clients import Client, ClientAuth
from vault.ports import Work
from vault.solid.resource import Draft, Inline, Kind, Pod, Resource
from vault.storage.database import Database
from vault.storage.engines import Row, Transaction
from vault.values import (
    TURTLE,
    AccountId,
    ClientId,
    Clock,
    GrantId,
    MediaType,
    ParticipantId,
    PodName,
    RequestId,
    ResourceUrl,
    WebId,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALICE = PodName("alice")
BOB = PodName("bob")
BASE = "https://vault.example/"


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


async def open_sqlite(place: Path, clock: Clock) -> Database:
    return await Database.open(StorageSettings(data=place), clock=clock)


BACK_ENDS: dict[str, Callable[[Path, Clock], Awaitable[Database]]] = {"sqlite": open_sqlite}


def at(path: str, pod: PodName = ALICE) -> ResourceUrl:
    return ResourceUrl(pod, path)


def webid(pod: PodName) -> WebId:
    return WebId(f"{BASE}{pod}/profile/card#me")


def a_pod(name: PodName = ALICE, quota_bytes: int = 1_000_000) -> Pod:
    return Pod(name, webid(name), NOON, quota_bytes)


def a_draft(path: str, *, pod: PodName = ALICE, media_type: MediaType = TURTLE, modified: datetime = NOON) -> Draft:
    kind = Kind.CONTAINER if path.endswith("/") else Kind.GRAPH
    return Draft(at(path, pod), kind, media_type, modified)


async def put(work: Work, path: str, data: bytes = b"", *, pod: PodName = ALICE) -> Resource:
    return await work.resources.put(a_draft(path, pod=pod), Inline(data))


async def rows_of(store: Database, sql: str) -> list[Row]:
    """What the tables hold, where no port shows it."""

    def bare(transaction: Transaction) -> Transaction:
        return transaction

    async with store._engine.reading(bare) as transaction:
        return await transaction.all(sql)


async def bytes_at(work: Work, path: str, pod: PodName = ALICE) -> bytes | None:
    body = await work.resources.body(at(path, pod))
    if body is None:
        return None
    assert isinstance(body, Inline)
    return body.data


async def listing(
    work: Work, path: str, pod: PodName = ALICE, *, after: str = "", limit: int | None = None
) -> list[str]:
    return [child.url.path async for child in work.resources.children(at(path, pod), after=after, limit=limit)]


def an_account(name: PodName = ALICE, **numbers: str) -> Account:
    return Account(
        id=AccountId(f"account-{name}"),
        email=f"{name}@example.org",
        password_hash="$argon2id$" + name,
        webid=webid(name),
        pod=name,
        created=NOON,
        national_numbers=frozenset(numbers.values()),
    )


def a_client(identifier: str = "client-1") -> Client:
    return Client(
        id=ClientId(identifier),
        name="An app",
        redirect_uris=("https://app.example/back",),
        post_logout_redirect_uris=(),
        grant_types=frozenset({"authorization_code", "refresh_token"}),
        auth=ClientAuth.NONE,
        secret_hash=None,
        account=None,
        created=NOON,
    )


def a_session(id_hash: str = "s1", *, account: str = "account-alice", seen: datetime = NOON) -> Session:
    return Session(
        id_hash, AccountId(account), created=seen, last_seen=seen, authenticated_at=seen, user_agent="Browser"
    )


def a_code(code_hash: str = "c1", *, expires: datetime = NOON + timedelta(minutes=1)) -> Code:
    return Code(
        code_hash=code_hash,
        client=ClientId("client-1"),
        account=AccountId("account-alice"),
        webid=webid(ALICE),
        redirect_uri="https://app.example/back",
        scope=frozenset({"openid", "webid"}),
        code_challenge="abc",
        nonce=None,
        dpop_jkt="jkt",
        authenticated_at=NOON,
        expires=expires,
        family="family-1",
    )


def a_refresh_token(
    token_hash: str = "t1",
    *,
    family: str = "family-1",
    client: str = "client-1",
    expires: datetime = NOON + timedelta(days=30),
) -> RefreshToken:
    return RefreshToken(
        token_hash=token_hash,
        family=family,
        client=ClientId(client),
        account=AccountId("account-alice"),
        webid=webid(ALICE),
        scope=frozenset({"openid", "webid", "offline_access"}),
        key_thumbprint=None,
        authenticated_at=NOON,
        expires=expires,
    )


def a_participant(identifier: str = "hr", address: str = "https://hr.example/#us") -> Participant:
    return Participant(
        id=ParticipantId(identifier),
        webid=WebId(address),
        roles=frozenset({Role.DATA_USER}),
        legal_name="HR nv",
        kbo="0123456749",
        website="https://hr.example/",
        dpo=Contact("The officer", "dpo@hr.example"),
        contract=Contract(frozenset({"diploma"}), frozenset({"urn:purpose"}), NOON, NOON + timedelta(days=365), 90),
        registered=NOON,
    )


def a_request(
    identifier: str = "r1",
    *,
    pod: PodName = ALICE,
    data_user: str = "hr",
    submitted: datetime = NOON,
    lapses: datetime = NOON + timedelta(days=30),
    state: RequestState = RequestState.PENDING,
) -> AccessRequest:
    return AccessRequest(
        id=RequestId(identifier),
        data_user=ParticipantId(data_user),
        client=ClientId("client-1"),
        citizen=webid(pod),
        pod=pod,
        purpose="urn:purpose",
        asked=(Asked("diploma", ("title", "level"), ("grade",)),),
        until=NOON + timedelta(days=30),
        terms=Terms("urn:basis", "P6M", (), ("urn:be",), "https://hr.example/privacy", "Wij werven aan.", None),
        advice=("A4",),
        state=state,
        version=1,
        submitted=submitted,
        lapses=lapses,
    )


def a_grant(
    identifier: str = "g1",
    *,
    pod: PodName = ALICE,
    request: str = "r1",
    data_user: str = "hr",
    since: datetime = NOON,
    until: datetime = NOON + timedelta(days=30),
    state: GrantState = GrantState.ACTIVE,
) -> Grant:
    return Grant(
        id=GrantId(identifier),
        request=RequestId(request),
        data_user=ParticipantId(data_user),
        client=None,
        citizen=webid(pod),
        pod=pod,
        purpose="urn:purpose",
        items=(GrantedItem("k1", at("/diplomas/a", pod), "diploma", ("title", "level")),),
        since=since,
        until=until,
        state=state,
        version=1,
    )


def a_deposit(
    path: str = "/diplomas/a",
    *,
    pod: PodName = ALICE,
    data_type: str = "diploma",
    reference: str = "ref-1",
    delivered: datetime = NOON,
) -> Deposited:
    return Deposited(
        url=at(path, pod),
        original=at(path + ".xml", pod),
        data_type=data_type,
        source=ParticipantId("school"),
        reference=reference,
        mutation="1",
        modified=None,
        delivered=delivered,
        digest="d" * 64,
        message_digest="e" * 64,
    )


def an_act(subject: str = "/a", *, pod: PodName = ALICE, when: datetime = NOON, **facts: str) -> AuditDraft:
    return AuditDraft(pod, when, AuditEvent.RESOURCE_CREATED, webid(ALICE), subject, facts)
