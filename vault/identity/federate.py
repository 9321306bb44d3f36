"""Sign-in through another OpenID provider: send a person there, hear who came back, and let her in, open an account for
her, or join the sign-in to the account she proves to be hers (OpenID Connect Core §3.1, RFC 9700, ATK-22).

An account is never found by its e-mail address: what another provider says of an address proves nothing here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from vault import observe
from vault.audit import AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Forbidden, Unavailable
from vault.identity.accounts import Account, hash_national_number
from vault.identity.authorization import FRESH, Person
from vault.identity.believe import Hearing, believe
from vault.identity.credentials import UpstreamLink
from vault.identity.errands import (
    ARRIVAL_SECONDS,
    Arrival,
    Errand,
    Purpose,
    errand_ends,
    new_errand,
    nonce_of,
    open_errand,
    seal_errand,
    verifier_of,
)
from vault.identity.levels import asked_for, at_least, reaches
from vault.identity.ports import CreatePod, IdentityWork, Replays, Transact, Tries, Upstream
from vault.identity.sign_in import Opened, Visitor, check_tries, create_account, open_session
from vault.identity.tokens import base64url_sha256, digest
from vault.identity.upstream import (
    said_methods,
    said_moment,
    said_number,
    said_text,
    url_of,
)
from vault.identity.warn import Change, warn
from vault.values import AccountId, PodName

CALLBACK: Final = "/idp/upstream/callback"

# RFC 6749 §4.1.2.1 and OpenID Connect Core §3.1.2.6: the person said no, or the provider needed what it did not get.
DECLINED: Final = frozenset({"access_denied", "login_required", "consent_required", "interaction_required"})
_BUSY: Final = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True)
class Gate:
    """What sending and receiving works with. `browser` is the form cookie of the visitor, which everything under way is
    bound to; `replaces` the hash of the session that the browser had until now."""

    reading: Transact
    writing: Transact
    replays: Replays
    tries: Tries
    upstream: Upstream
    settings: Settings
    key: bytes = field(repr=False)
    number_key: bytes = field(repr=False)
    now: datetime
    visitor: Visitor
    browser: str
    language: str
    replaces: str | None = None
    person: Person | None = None

    @property
    def redirect_uri(self) -> str:
        return self.settings.server.base_url + CALLBACK[1:]


@dataclass(frozen=True, slots=True)
class Returned:
    """What the browser brought back, so far as it is known to belong together; `code` is None after a no."""

    errand: Errand
    code: str | None


async def send(purpose: Purpose, onward: str, gate: Gate, *, home: str, level: str = "", fresh: bool = False) -> str:
    """The URL at the provider to send the person to: code flow with PKCE S256, state and nonce (RFC 9700 §2.1.1).
    Raises Unavailable."""
    upstream, provider = gate.settings.upstream, await gate.upstream.provider()
    wishes = dict(parse_qsl(urlsplit(onward).query)) if onward.startswith("/idp/auth") else {}
    # An app that wants the person asked anew means the provider too, if it is there that she signs in.
    fresh = fresh or (purpose is Purpose.SIGN_IN and FRESH in wishes)
    account = gate.person.account.id if gate.person is not None and purpose is not Purpose.SIGN_IN else ""
    errand = new_errand(purpose, onward, now=gate.now, level=level, fresh=fresh, account=account)
    wanted = level or asked_for(wishes.get("acr_values", ""), upstream.upstream_levels)
    parameters = {
        "response_type": "code",
        "client_id": upstream.upstream_client_id,
        "redirect_uri": gate.redirect_uri,
        "scope": upstream.upstream_scope,
        "state": seal_errand(errand, key=gate.key, visitor=gate.browser, home=home),
        "nonce": nonce_of(errand, key=gate.key),
        "code_challenge": base64url_sha256(verifier_of(errand, key=gate.key)),
        "code_challenge_method": "S256",
        "acr_values": " ".join(at_least(wanted, upstream.upstream_levels)),
        "prompt": "login" if fresh else "",
        "max_age": "0" if fresh else "",  # makes the provider say when she signed in (Core §3.1.2.1)
        "ui_locales": gate.language,
    }
    return url_of(provider.authorization_endpoint, parameters)


async def take_back(parameters: Mapping[str, str], gate: Gate) -> Returned:
    """Whether this answer belongs to an errand of this very browser, and came for the first time. Nothing is asked of
    the provider before. Raises Forbidden("upstream-state") or Forbidden("upstream-mix-up")."""
    errand = open_errand(parameters.get("state", ""), key=gate.key, visitor=gate.browser, now=gate.now)
    here = "" if gate.person is None else gate.person.account.id
    if errand is None or errand.account not in ("", here):
        raise Forbidden("upstream-state", "This sign-in was not begun in this browser, or took too long.")
    provider, named = await gate.upstream.provider(), parameters.get("iss")
    if named != provider.issuer and (named is not None or provider.says_iss):  # RFC 9207 §2.4
        raise Forbidden("upstream-mix-up", "This answer is not from the provider that was asked.")
    if not await gate.replays.claim(f"upstream {errand.id}", until=errand_ends(errand)):
        raise Forbidden("upstream-state", "This sign-in was finished before.")
    error = parameters.get("error")
    if error is None and parameters.get("code"):
        return Returned(errand, parameters["code"])
    if error in DECLINED:
        return Returned(errand, None)
    observe.warning("upstream-answered", reason=error if error in _BUSY else "another error")
    raise Unavailable("upstream-unreachable", "The other provider could not be asked.")


async def receive(returned: Returned, gate: Gate) -> Arrival:
    """Who came back: the code exchanged, the ID token checked, the claims read as the operator mapped them. Raises
    Forbidden or Unavailable; failures are counted per address."""
    key = f"upstream:{digest(gate.visitor.address)}"
    await check_tries(gate.tries, (key,), gate.settings, gate.now)
    errand = returned.errand
    try:
        redeemed = await gate.upstream.redeem(
            returned.code or "", verifier=verifier_of(errand, key=gate.key), redirect_uri=gate.redirect_uri
        )
        hearing = Hearing(gate.upstream, gate.reading, gate.settings, gate.now)
        claims = await believe(redeemed, hearing, nonce=nonce_of(errand, key=gate.key))
        return _checked(_arrival(claims, errand, gate), errand, claims, gate)
    except Forbidden:
        await gate.tries.add(key, now=gate.now)
        raise


async def let_in(arrival: Arrival, errand: Errand, gate: Gate) -> Opened | None:
    """A session for the account that this sign-in is joined to; None when there is no such account yet. Raises
    Forbidden when the account is another one than the one that was signed in, or is locked."""
    async with gate.writing() as work:
        link = await work.upstream_links.get(arrival.issuer, arrival.subject)
        if link is None:
            return None
        account = await work.accounts.get(link.account)
        if errand.account and link.account != errand.account:
            raise Forbidden("upstream-other-account", "This sign-in belongs to another account.")
        if account is not None and not account.locked:
            account = await _with_number(work, account, arrival)
            await work.upstream_links.put(replace(link, last_used=gate.now))
            same = gate.person if errand.account else None
            return await _open(work, account, arrival if same is None else _recent(arrival, same), gate)
        if account is not None:
            refused = AuditDraft(account.pod, gate.now, AuditEvent.SIGN_IN_REFUSED, "unknown", account.id)
            await work.audit.append(refused)
    raise Forbidden("upstream-no-entry", "This account cannot be used now.")


async def open_account(
    work: IdentityWork,
    arrival: Arrival,
    gate: Gate,
    *,
    email: str,
    name: str,
    pod: PodName,
    create_pod: CreatePod,
    account_id: AccountId | None = None,
) -> Opened:
    """An account with its pod for somebody who comes for the first time, in the one transaction. Raises Conflict when
    the address, the name of the pod or the national number is another account's."""
    if await work.upstream_links.get(arrival.issuer, arrival.subject) is not None:
        raise Conflict("upstream-taken", "Another account signs in this way.")
    account = await create_account(
        work,
        email=email,
        password=None,
        pod=pod,
        display_name=name,
        create_pod=create_pod,
        settings=gate.settings,
        now=gate.now,
        national_numbers=() if arrival.number is None else (arrival.number,),
        language=gate.language,
        account_id=account_id,
    )
    if arrival.email_verified and account.email == arrival.email:
        account = replace(account, email_verified=True)
        await work.accounts.replace(account)
    await _join(work, account, arrival, gate)
    await _claim(arrival, gate)
    return await _open(work, account, arrival, gate)


async def link_account(arrival: Arrival, gate: Gate) -> Opened:
    """Joins a sign-in to the account whose owner is signed in and has just proved it. One account has one sign-in with
    this provider: otherwise whoever has its password could vouch for himself. Raises Conflict, Forbidden."""
    person, manage = gate.person, gate.settings.upstream.level_to_manage
    assert person is not None  # the page is for people who are signed in
    if not reaches(arrival.level, manage, gate.settings.upstream.upstream_levels):
        raise Forbidden("upstream-level", "This sign-in is not sure enough.")
    async with gate.writing() as work:
        account = await work.accounts.get(person.account.id)
        if account is None or account.locked:
            raise Forbidden("upstream-no-entry", "This account cannot be used now.")
        held = await work.upstream_links.of(account.id)
        if any(link.issuer == arrival.issuer and link.subject != arrival.subject for link in held):
            raise Conflict("upstream-second", "This account signs in there already, as somebody else.")
        if arrival.number is not None and account.national_numbers and arrival.number not in account.national_numbers:
            raise Conflict("upstream-other-person", "This account belongs to another person.")
        account = await _with_number(work, account, arrival)
        await _join(work, account, arrival, gate)
        await _claim(arrival, gate)
        return await _open(work, account, _recent(arrival, person), gate)


async def unlink_account(issuer: str, subject: str, gate: Gate) -> Opened:
    """Ends a sign-in elsewhere, and every session of the account but this one, which goes on without a level. Raises
    Conflict("last-way-in") when nothing else would be left to sign in with."""
    person = gate.person
    assert person is not None  # the page is for people who are signed in
    async with gate.writing() as work:
        account = await work.accounts.get(person.account.id)
        if account is None or account.locked:
            raise Forbidden("upstream-no-entry", "This account cannot be used now.")
        held = await work.upstream_links.of(account.id)
        others = [link for link in held if (link.issuer, link.subject) != (issuer, subject)]
        if len(others) == len(held):
            raise Conflict("upstream-unknown", "There is no such sign-in.")
        if account.password_hash is None and not others and not await work.passkeys.of(account.id):
            raise Conflict("last-way-in", "Nothing else would be left to sign in with.")
        await work.upstream_links.remove(account.id, issuer, subject)
        await _note(work, account, AuditEvent.UPSTREAM_UNLINKED, Change.SIGN_IN_ENDED, gate)
        await work.sessions.remove_all(account.id)
        opened = await open_session(work, account, visitor=gate.visitor, now=gate.now, pod=person.session.pod)
        session = replace(
            opened.session,
            authenticated_at=person.session.authenticated_at,
            methods=person.session.methods,
            issuer=person.session.issuer,
        )
        await work.sessions.replace(session)
        return Opened(session, opened.cookie)


def _arrival(claims: Mapping[str, Any], errand: Errand, gate: Gate) -> Arrival:
    upstream, level = gate.settings.upstream, claims.get("acr")
    number = said_number(claims.get(upstream.upstream_number_claim)) if upstream.upstream_number_claim else None
    # Without a word on when, she may have been signed in there for long: that is no fresh proof here.
    stale = gate.now - timedelta(seconds=gate.settings.identity.step_up_seconds)
    moment = said_moment(claims) or stale
    return Arrival(
        id=secrets.token_urlsafe(16),
        issuer=upstream.upstream_issuer,
        subject=claims["sub"],
        onward=errand.onward,
        authenticated_at=gate.now if errand.fresh else min(moment, gate.now),
        expires=gate.now + timedelta(seconds=ARRIVAL_SECONDS),
        email=said_text(claims.get(upstream.upstream_email_claim)),
        email_verified=claims.get("email_verified") is True,
        name=said_text(claims.get(upstream.upstream_name_claim))[:100],
        number=None if number is None else hash_national_number(gate.number_key, number),
        methods=said_methods(claims),
        level=level[:255] if isinstance(level, str) and level else None,
    )


def _checked(arrival: Arrival, errand: Errand, claims: Mapping[str, Any], gate: Gate) -> Arrival:
    """What was demanded was done: asked anew, and as sure as it had to be."""
    earliest = errand.made - timedelta(seconds=gate.settings.identity.clock_tolerance_seconds)
    moment = said_moment(claims)
    if errand.fresh and (moment is None or moment < earliest):  # Core §3.1.3.7, 13
        raise Forbidden("upstream-not-fresh", "The provider did not ask anew.")
    if not reaches(arrival.level, errand.level, gate.settings.upstream.upstream_levels):
        raise Forbidden("upstream-level", "This sign-in is not sure enough.")
    return arrival


def _recent(arrival: Arrival, person: Person) -> Arrival:
    """She is one and the same: what she proved here a moment ago counts on."""
    return replace(arrival, authenticated_at=max(arrival.authenticated_at, person.session.authenticated_at))


async def _with_number(work: IdentityWork, account: Account, arrival: Arrival) -> Account:
    """The account with the number the provider vouches for. Raises Conflict("national-number-taken")."""
    if arrival.number is None or arrival.number in account.national_numbers:
        return account
    account = replace(account, national_numbers=account.national_numbers | {arrival.number})
    await work.accounts.replace(account)
    return account


async def _join(work: IdentityWork, account: Account, arrival: Arrival, gate: Gate) -> None:
    await work.upstream_links.put(UpstreamLink(arrival.issuer, arrival.subject, account.id, gate.now, gate.now))
    await _note(work, account, AuditEvent.UPSTREAM_LINKED, Change.SIGN_IN_JOINED, gate)


async def _note(work: IdentityWork, account: Account, event: AuditEvent, change: Change, gate: Gate) -> None:
    """The entry, and a letter to the owner where there is mail."""
    await work.audit.append(AuditDraft(account.pod, gate.now, event, account.webid, account.id))
    await warn(work, account, change, settings=gate.settings, language=gate.language, now=gate.now)


async def _claim(arrival: Arrival, gate: Gate) -> None:
    """Last, so that a refusal leaves the person free to try again: from here on it counts no more."""
    if not await gate.replays.claim(f"upstream {arrival.id}", until=arrival.expires):
        raise Forbidden("upstream-state", "This sign-in was finished before.")


async def _open(work: IdentityWork, account: Account, arrival: Arrival, gate: Gate) -> Opened:
    """A session that keeps how she proved who she is there, and how sure that is."""
    opened = await open_session(work, account, visitor=gate.visitor, now=gate.now, replaces=gate.replaces)
    session = replace(
        opened.session,
        authenticated_at=arrival.authenticated_at,
        methods=arrival.methods,
        level=arrival.level,
        issuer=arrival.issuer,
    )
    await work.sessions.replace(session)
    return Opened(session, opened.cookie)
