"""Letting an app in, under a ceiling, and showing it out again: what is kept of it, and what stands in the log.

    asked ──▶ given ──▶ used … used ──▶ given anew (wider, or the app is another than it was) ──▶ withdrawn

A consent names the app as it was shown (ATK-23), as whom it acts, and the most it may do (PAIN-05).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from vault.audit import AuditDraft, AuditEvent
from vault.errors import Missing
from vault.identity.accounts import Account, Code, Consent, RefreshToken
from vault.identity.clients import Client, ClientFacts, is_loopback
from vault.identity.ports import IdentityWork
from vault.identity.tokens import digest
from vault.values import Ceiling, ClientId, WebId


class Reason(StrEnum):
    """Why the person is asked: told to the page, and to the log."""

    SIGNED_OUT = "signed-out"
    SIGN_IN_AGAIN = "sign-in-again"
    FIRST_TIME = "first-time"
    WIDER = "wider"
    CHANGED = "changed"
    ASKED_FOR = "asked-for"


class Choice(StrEnum):
    """What the person said to a consent question."""

    ALLOW = "allow"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person said, and to what exactly. `webid`: as whom; None is the account's first. `seen`: the mark of the
    facts that stood on the page."""

    choice: Choice
    ceiling: Ceiling | None = None
    webid: WebId | None = None
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of a client that is not what it was: the field of ClientFacts, and both values."""

    fact: str
    before: str | None
    now: str | None


def host_of(redirect_uri: str) -> str:
    """Where an answer goes: the host with its port, or the scheme that belongs to an app."""
    parts = urlsplit(redirect_uri)
    return parts.netloc if parts.scheme in ("https", "http") else parts.scheme


def facts_of(client: Client) -> ClientFacts:
    """What a person goes by when deciding about this client. Every host it may be answered at counts: a client that
    adds one can be answered there without a question later."""
    hosts = ", ".join(sorted({host_of(uri) for uri in client.redirect_uris}))
    return ClientFacts(client.name, hosts, client.client_uri, client.policy_uri, client.tos_uri)


def mark_of(client: Client) -> str:
    """What tells one set of facts from another: a yes counts for those it was given to, and a document may change while
    the page is read (ATK-23)."""
    return digest("\0".join(str(fact) for fact in astuple(facts_of(client))))


def changes(before: ClientFacts | None, now: ClientFacts) -> tuple[Change, ...]:
    """What is different from what the person was shown (ATK-23); nothing where nothing was noted down."""
    if before is None:
        return ()
    pairs = [(field.name, getattr(before, field.name), getattr(now, field.name)) for field in fields(ClientFacts)]
    return tuple(Change(name, old, new) for name, old, new in pairs if old != new)


def reason_to_ask(
    given: Consent | None,
    client: Client,
    scope: frozenset[str],
    prompts: frozenset[str],
    *,
    redirect_uri: str,
    issuer: str,
) -> Reason | None:
    """Why an earlier yes does not do (OP-16); None when it does."""
    if given is None:
        return Reason.FIRST_TIME
    if not scope <= given.scope:
        return Reason.WIDER
    if changes(given.seen, facts_of(client)):
        return Reason.CHANGED
    if "consent" in prompts:
        return Reason.ASKED_FOR
    # RFC 8252 §8.6: a redirect within a device says nothing about who receives it, so the person is asked each time;
    # a vault that itself runs on this machine, for development, is no more certain than its apps.
    certain = urlsplit(redirect_uri).scheme == "https"
    return None if certain or is_loopback(urlsplit(issuer).hostname or "") else Reason.ASKED_FOR


def reach(ceiling: Ceiling | None) -> Mapping[str, str]:
    """A ceiling as facts of the log: its kind and a count, for names of folders tell of their content."""
    if ceiling is None:
        return {"reach": "whole"}
    return {"reach": "folders", "folders": str(len(ceiling.folders))} if ceiling.folders else {"reach": "identity"}


async def give(
    work: IdentityWork, account: Account, client: Client, answer: Answer, scope: frozenset[str], *, now: datetime
) -> Consent:
    """Keeps the person's yes, in the transaction that makes the code. What an earlier yes allowed stays allowed."""
    earlier = await work.clients.consent(account.id, client.id)
    consent = Consent(
        account.id,
        client.id,
        scope | (earlier.scope if earlier is not None else frozenset()),
        now,
        webid=answer.webid or account.webid,
        ceiling=answer.ceiling,
        seen=facts_of(client),
        last_used=earlier.last_used if earlier is not None else None,
        stamp=earlier.stamp if earlier is not None else new_stamp(),
    )
    await work.clients.put_consent(consent)
    facts = {"scope": " ".join(sorted(scope)), **reach(answer.ceiling)}
    await work.audit.append(_entry(AuditEvent.CONSENT_GIVEN, account, client.id, facts, now))
    return consent


def new_stamp() -> str:
    """A stamp that no consent had before."""
    return secrets.token_hex(8)


async def refuse(work: IdentityWork, account: Account, client: ClientId, scope: frozenset[str], now: datetime) -> None:
    """Only a line in the log: what was allowed earlier stays as it is, and is withdrawn in its own place."""
    facts = {"scope": " ".join(sorted(scope))}
    await work.audit.append(_entry(AuditEvent.CONSENT_REFUSED, account, client, facts, now))


async def limit(
    work: IdentityWork, account: Account, client: ClientId, ceiling: Ceiling | None, *, now: datetime
) -> None:
    """Another ceiling for an app that is in already, without its help. Raises Missing when it is not."""
    consent = await _held(work, account, client)
    if consent.ceiling == ceiling:
        return
    await work.clients.put_consent(replace(consent, ceiling=ceiling))
    facts = {"scope": " ".join(sorted(consent.scope)), **reach(ceiling)}
    await work.audit.append(_entry(AuditEvent.CONSENT_GIVEN, account, client, facts, now))


async def withdraw(work: IdentityWork, account: Account, client: ClientId, *, now: datetime) -> None:
    """The app is out: no new tokens, and those it holds are worth nothing, because their consent is gone. A code that
    is still on its way meets the same. Raises Missing when it was not in."""
    consent = await _held(work, account, client)
    await work.clients.remove_consent(account.id, client)
    await work.refresh_tokens.end_for(account.id, client)
    facts = reach(consent.ceiling)
    await work.audit.append(_entry(AuditEvent.CONSENT_WITHDRAWN, account, client, facts, now))


async def use(work: IdentityWork, given: Code | RefreshToken, *, now: datetime) -> Account | None:
    """Whose consent stands behind a code or refresh token that is being exchanged, and that it was used; None when
    the account, its hold on the WebID, or the consent to act as this WebID has ended (VEC-F06), or the person has
    signed everything out since."""
    holder = await work.accounts.by_webid(given.webid)
    consent = await work.clients.consent(given.account, given.client)
    if holder is None or holder.id != given.account or holder.locked or not acts_as(consent, holder, given.webid):
        return None
    assert consent is not None  # acts_as has said so
    if consent.stamp != given.stamp:
        return None
    await work.clients.put_consent(replace(consent, last_used=now))
    return holder


def acts_as(consent: Consent | None, account: Account, webid: WebId) -> bool:
    """Whether this consent lets its client act as this WebID of the account."""
    return consent is not None and (consent.webid or account.webid) == webid


async def _held(work: IdentityWork, account: Account, client: ClientId) -> Consent:
    consent = await work.clients.consent(account.id, client)
    if consent is None:
        raise Missing("no-such-app", "This app is not connected.")
    return consent


def _entry(
    event: AuditEvent, account: Account, client: ClientId, facts: Mapping[str, str], now: datetime
) -> AuditDraft:
    return AuditDraft(account.pod, now, event, account.webid, client, facts)
