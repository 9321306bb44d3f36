"""Letters in words: subject and text in the reader's language, plain, with nothing in them that tells who read it.

Every link begins with the base URL of the settings, never with what a request called us (ATK-29)."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from vault.config import Settings
from vault.identity.letters import Letter, LetterKind, LetterText, LinkPurpose, MailLink, link_token
from vault.identity.warn import Change
from vault.web.locales import moment, t

SIGN_UP: Final = "/idp/signup"
RESET: Final = "/idp/reset"
NEW_ADDRESS: Final = "/my/account/address/confirm"
KEEP: Final = "/idp/keep"

# Where each kind of link leads. Each page shows what it would do and asks; opening it changes nothing.
PAGES: Final = {
    LinkPurpose.SIGN_UP: SIGN_UP,
    LinkPurpose.INVITATION: SIGN_UP,
    LinkPurpose.NEW_ADDRESS: NEW_ADDRESS,
    LinkPurpose.NEW_PASSWORD: RESET,
    LinkPurpose.KEEP_ACCOUNT: KEEP,
}

# Subject and text of each.
TEXTS: Final = {
    LetterKind.SIGN_UP: ("letter.sign-up.subject", "letter.sign-up.text"),
    LetterKind.KNOWN_ALREADY: ("letter.known-already.subject", "letter.known-already.text"),
    LetterKind.INVITATION: ("letter.invitation.subject", "letter.invitation.text"),
    LetterKind.NEW_ADDRESS: ("letter.new-address.subject", "letter.new-address.text"),
    LetterKind.ADDRESS_CHANGED: ("letter.address-changed.subject", "letter.address-changed.text"),
    LetterKind.NEW_PASSWORD: ("letter.new-password.subject", "letter.new-password.text"),
    LetterKind.NOBODY_HERE: ("letter.nobody-here.subject", "letter.nobody-here.text"),
    LetterKind.PASSWORD_CHANGED: ("letter.password-changed.subject", "letter.password-changed.text"),
    LetterKind.SECURITY_CHANGED: ("letter.security-changed.subject", "letter.security-changed.text"),
    LetterKind.CLOSING: ("letter.closing.subject", "letter.closing.text"),
    LetterKind.CLOSED: ("letter.closed.subject", "letter.closed.text"),
    LetterKind.TEST: ("letter.test.subject", "letter.test.text"),
}


# What changed about signing in, by the fact `what` of the letter.
CHANGES: Final = {
    Change.PASSKEY_ADDED: "letter.change.passkey-added",
    Change.PASSKEY_REMOVED: "letter.change.passkey-removed",
    Change.CODES_MADE: "letter.change.codes-made",
    Change.CODE_USED: "letter.change.code-used",
    Change.PASSWORD_CHOSEN: "letter.change.password-chosen",
    Change.PASSWORD_REMOVED: "letter.change.password-removed",
    Change.SIGN_IN_JOINED: "letter.change.sign-in-joined",
    Change.SIGN_IN_ENDED: "letter.change.sign-in-ended",
    Change.WEBID_LINKED: "letter.change.webid-linked",
    Change.WEBID_UNLINKED: "letter.change.webid-unlinked",
}


def link_url(link: MailLink, *, base_url: str, key: bytes) -> str:
    """The address that a letter carries."""
    return f"{base_url}{PAGES[link.purpose][1:]}?link={link_token(link.id, key=key)}"


def compose(letter: Letter, link: MailLink | None, *, settings: Settings, key: bytes) -> LetterText:
    """The letter in words; no name of a person stands in its subject."""
    base_url, language = settings.server.base_url, letter.language
    until = link.expires.isoformat() if link is not None else ""
    facts = {"until": until, **letter.facts}
    if facts["until"]:
        facts["until"] = moment(language, datetime.fromisoformat(facts["until"]))
    if letter.kind is LetterKind.SECURITY_CHANGED:
        facts["what"] = t(language, CHANGES[Change(facts["what"])])
    facts |= {"link": "" if link is None else link_url(link, base_url=base_url, key=key)}
    facts |= {"site": base_url, "operator": settings.operator.operator_name}
    facts |= {"host": urlsplit(base_url).netloc, "help": settings.operator.operator_email or base_url}
    subject, text = TEXTS[letter.kind]
    body = f"{t(language, text, **facts)}\n\n-- \n{t(language, 'letter.foot', **facts)}\n"
    return LetterText(t(language, subject, **facts), body)
