"""Accounts, the credentials they hold, and browser sessions."""

from __future__ import annotations

import hmac
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vault.config import IdentitySettings, Limits
from vault.errors import Malformed, Unprocessable
from vault.identity.clients import ClientFacts
from vault.values import AccountId, Ceiling, Citizen, ClientId, PodName, Secret, WebId


@dataclass(frozen=True, slots=True)
class Cleared:
    """What is gone already of an account whose time to be kept is over, so that a removal goes on where it stopped:
    resources, and grants and requests. `begun`: there is no way back. `emptied`: when the last document went."""

    begun: bool = False
    documents: int = 0
    sharing: int = 0
    emptied: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A person or organisation that can sign in. `password_hash` is an argon2id string; None for an account that signs
    in by passkey or through another provider only.

    `webid` and `pod` are its first; it may hold more of both (`Accounts.webids`, `Accounts.pods`). `national_numbers`
    are keyed hashes (hex HMAC-SHA-256), never the numbers: a source's message finds its citizen by them. `closes` is
    when an account that its owner wants closed goes for good; until then it can be kept.
    """

    id: AccountId
    email: str  # as typed; `email_key` of it is unique
    password_hash: str | None
    webid: WebId
    pod: PodName
    created: datetime
    national_numbers: frozenset[str] = frozenset()
    locked: bool = False
    email_verified: bool = False
    closes: datetime | None = None
    cleared: Cleared = Cleared()
    language: str = "nl"  # of the letters to them: the one their pages were last in when a letter mattered


@dataclass(frozen=True, slots=True)
class HeldPod:
    """A pod of an account, and the WebID that owns it."""

    pod: PodName
    webid: WebId


def acting_for(account: Account, held: HeldPod | None) -> Account:
    """The account as the holder of this one of its pods; None is its first."""
    return account if held is None else replace(account, pod=held.pod, webid=held.webid)


def email_key(email: str) -> str:
    """What two spellings of one address share: trimmed and case-folded."""
    return email.strip().casefold()


class SessionKind(StrEnum):
    """Who keeps the secret of a session. One kind is never taken for the other."""

    BROWSER = "browser"  # as a cookie
    TOOL = "tool"  # as the token of the account API


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser or tool. `id_hash` is SHA-256 of the cookie's or token's value, hex: the store never holds
    the value."""

    id_hash: str
    account: AccountId
    created: datetime
    last_seen: datetime
    authenticated_at: datetime  # when the person last proved who they are: step-up looks at it
    user_agent: str = ""
    address: str = ""  # truncated, for the person's own list of sessions
    methods: tuple[str, ...] = ("pwd",)  # how (RFC 8176): pwd, hwk or swk, user, otp, or what another provider said
    level: str | None = None  # the level of assurance (acr) another provider vouched for
    pod: PodName | None = None  # which pod is being looked at, where the account has several
    kind: SessionKind = SessionKind.BROWSER
    issuer: str | None = None  # the other provider that she came from, and may still be signed in at


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, waiting to be exchanged once. `code_hash` is SHA-256 of the code, hex."""

    code_hash: str
    client: ClientId
    account: AccountId
    webid: WebId
    redirect_uri: str
    scope: frozenset[str]
    code_challenge: str  # S256, base64url
    nonce: str | None
    dpop_jkt: str | None
    authenticated_at: datetime
    expires: datetime
    family: str  # the refresh family its tokens belong to: reuse of the code ends it
    used: bool = False
    methods: tuple[str, ...] = ()  # of the session it came from: amr and acr of the ID token
    level: str | None = None
    stamp: str = ""  # that of the consent it stands on


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link of a rotating family. `token_hash` is SHA-256 of the token, hex."""

    token_hash: str
    family: str
    client: ClientId
    account: AccountId
    webid: WebId
    scope: frozenset[str]
    key_thumbprint: str | None  # the DPoP key of a public client (RFC 9449 §5)
    authenticated_at: datetime
    expires: datetime
    used: bool = False
    stamp: str = ""  # that of the consent it stands on


@dataclass(frozen=True, slots=True)
class Consent:
    """What an account agreed to for one client; the consent page is not shown again for the same scopes, as long as
    the client is still what it was then.

    `webid`: as whom, where the account has several. `ceiling`: the most the client may do; None is everything the
    person may. `seen`: the client's own facts as they were shown (ATK-23). `last_used`: when it was last given a token.
    `stamp`: what everything that was given on it carries; with another stamp, all of that is worth nothing any more.
    """

    account: AccountId
    client: ClientId
    scope: frozenset[str]
    given: datetime
    webid: WebId | None = None
    ceiling: Ceiling | None = None
    seen: ClientFacts | None = None
    last_used: datetime | None = None
    stamp: str = ""


def parse_email(text: str) -> str:
    """An e-mail address as far as it can be checked without sending to it; raises Malformed."""
    email = text.strip()
    name, at, domain = email.rpartition("@")
    clean = not any(ch.isspace() or unicodedata.category(ch).startswith("C") for ch in email)
    if not at or not name or "." not in domain.strip(".") or not clean or len(email) > 254:
        raise Malformed("email", "An e-mail address looks like name@example.org.")
    return email


def hash_password(password: Secret) -> str:
    """argon2id with the parameters of RFC 9106 §4. Takes tens of milliseconds: call it in a thread."""
    return _HASHER.hash(_prepared(password))


def password_matches(password: Secret, password_hash: str | None, *, limits: Limits) -> bool:
    """Whether this is the password. Without an account the same work is done against a decoy, so that the time says
    nothing (ATK-29). Takes tens of milliseconds: call it in a thread."""
    given = _prepared(password)
    if len(password.reveal()) > limits.password_characters:  # LIM-19: refused, and still at the usual price
        given, password_hash = "", None
    try:
        matches = _HASHER.verify(password_hash or _decoy(), given)
    except (VerificationError, InvalidHashError):
        return False
    return matches and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """True when the parameters have changed since it was made."""
    return _HASHER.check_needs_rehash(password_hash)


def check_new_password(password: Secret, *, email: str, pod: str, limits: Limits) -> None:
    """What a person may choose: 8 characters or more (no rule on which), not one that everybody tries first, not the
    account's own names. Raises Unprocessable with a slug the form shows."""
    text = password.reveal()
    if len(text) < 8:
        raise Unprocessable("password-short", "A password has 8 characters or more.")
    if len(text) > limits.password_characters:  # LIM-19
        raise Unprocessable("password-long", f"A password has {limits.password_characters} characters or fewer.")
    plain = text.casefold()
    own = {email_key(email), email_key(email).partition("@")[0], pod, pod * 2}
    if plain in own or plain.strip("0123456789!.?*-_") in _FIRST_TRIED | own or len(set(plain)) < 4:
        raise Unprocessable("password-common", "This password is one that others would try first.")


def hash_national_number(key: bytes, number: str) -> str:
    """How a national number is kept: HMAC-SHA-256 over its digits, in hex. Without the key it cannot be tried out."""
    digits = "".join(ch for ch in number if ch.isdigit())
    return hmac.new(key, digits.encode(), sha256).hexdigest()


def session_holds(session: Session, settings: IdentitySettings, now: datetime) -> bool:
    """Neither idle for too long nor open for too long (ATK-02)."""
    idle = timedelta(seconds=settings.session_idle_seconds)
    whole = timedelta(seconds=settings.session_seconds)
    return now < session.last_seen + idle and now < session.created + whole


def citizen(
    account: Account, session: Session, settings: IdentitySettings, now: datetime, *, held: HeldPod | None = None
) -> Citizen:
    """The person behind a session that holds, at the pod she looks at."""
    stepped_up = now < session.authenticated_at + timedelta(seconds=settings.step_up_seconds)
    seen = acting_for(account, held)
    return Citizen(account.id, seen.webid, seen.pod, stepped_up)


_HASHER = PasswordHasher()

# The stems that lists of stolen passwords begin with, and ours; digits and marks around them do not help.
_FIRST_TRIED = frozenset(
    {"password", "passw0rd", "p@ssword", "passwort", "wachtwoord", "motdepasse", "welkom", "welcome",
     "bienvenue", "willkommen", "qwerty", "qwertyuiop", "azerty", "azertyuiop", "qwertz", "qwertzuiop", "abc",
     "abcd", "abcdef", "iloveyou", "letmein", "admin", "administrator", "login", "secret", "geheim",
     "changeme", "default", "football", "voetbal", "baseball", "dragon", "monkey", "sunshine", "princess",
     "superman", "batman", "trustno", "whatever", "datakluis", "vault", "solid", ""}
)  # fmt: skip


def _prepared(password: Secret) -> str:
    # NFC, so that one password typed on two keyboards is one password (RFC 8265 §4.2).
    return unicodedata.normalize("NFC", password.reveal())


@cache
def _decoy() -> str:
    return _HASHER.hash("nobody has this password")
