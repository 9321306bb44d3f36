"""Mail to people, as values: what a letter says, and the links that stand in one.

A letter is written in the transaction that gives reason for it and sent afterwards. It holds the kind and the facts,
never a finished text: the text is made when it is sent, in the reader's language. A link is made from its id under a
secret of the server, so that the store holds nothing that could be followed.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from vault.values import AccountId


class LinkPurpose(StrEnum):
    """What following a link does. A link for one purpose is worth nothing for another."""

    SIGN_UP = "sign-up"  # open an account under this address
    INVITATION = "invitation"  # open an account although the server takes no others
    NEW_ADDRESS = "new-address"  # this address is mine too
    NEW_PASSWORD = "new-password"  # noqa: S105 - a purpose
    KEEP_ACCOUNT = "keep-account"  # I do not want it closed after all


class LetterKind(StrEnum):
    """The letters there are; each has a subject and a text in four languages."""

    SIGN_UP = "sign-up"
    KNOWN_ALREADY = "known-already"  # somebody signs up with an address that has an account
    INVITATION = "invitation"
    NEW_ADDRESS = "new-address"
    ADDRESS_CHANGED = "address-changed"  # to the old address
    NEW_PASSWORD = "new-password"  # noqa: S105 - a kind of letter
    NOBODY_HERE = "nobody-here"  # somebody asks for a new password with an address that has no account
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a kind of letter
    SECURITY_CHANGED = "security-changed"  # a passkey, recovery codes or a sign-in elsewhere was added or removed
    CLOSING = "closing"
    CLOSED = "closed"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class MailLink:
    """A link for one use until `expires`. `account` is None where there is none yet. `onward`: the page of ours that
    whoever asked for it was on the way to; it stands here and not in the address that is mailed."""

    id: str
    purpose: LinkPurpose
    email: str
    expires: datetime
    account: AccountId | None = None
    used: bool = False
    onward: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to be sent. `link` is the id of the MailLink it carries; `facts` are short texts it mentions."""

    id: str
    kind: LetterKind
    to: str
    language: str
    written: datetime
    due: datetime
    link: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    tries: int = 0
    given_up: bool = False
    reason: str = ""  # why the last try failed: an SMTP code or a kind of failure, never what the other side wrote


@dataclass(frozen=True, slots=True)
class LetterText:
    """A letter in words, as it leaves: plain text, in the reader's language."""

    subject: str
    body: str


class NotDeliveredError(Exception):
    """A letter did not leave. `final`: trying again is of no use. `everybody`: it was not about this letter, so that
    the others need not be tried now. `reason` is fit for a log line."""

    def __init__(self, reason: str, *, final: bool = False, everybody: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.everybody = everybody


def can_follow(link: MailLink | None, purpose: LinkPurpose, now: datetime) -> bool:
    """Whether this link still leads somewhere, for this purpose and no other."""
    return link is not None and link.purpose is purpose and not link.used and now < link.expires


def after_failure(letter: Letter, reason: str, *, final: bool, tries: int, wait_seconds: int, now: datetime) -> Letter:
    """The letter after a try that failed: due again after a wait that doubles each time, or given up after the last
    of `tries`."""
    done = letter.tries + 1
    due = now + timedelta(seconds=wait_seconds * 2 ** min(done - 1, 20))
    return replace(letter, tries=done, due=due, given_up=final or done >= tries, reason=reason)


def link_token(link_id: str, *, key: bytes) -> str:
    """What stands in the URL of a link: its id and a seal that only this server can make."""
    return f"{link_id}.{_seal(link_id, key)}"


def read_link_token(token: str, *, key: bytes) -> str | None:
    """The id of a link whose seal holds; None for anything else. Compared in constant time (ATK-36)."""
    link_id, _, seal = token.partition(".")
    good = token.isascii() and hmac.compare_digest(seal, _seal(link_id, key))
    return link_id if good else None


def _seal(link_id: str, key: bytes) -> str:
    return hmac.new(key, link_id.encode(), sha256).hexdigest()
