"""Tells the owner of an account by mail that what opens it has changed, in the transaction that changes it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from vault.config import Settings
from vault.identity.accounts import Account
from vault.identity.correspond import write_letter
from vault.identity.letters import LetterKind
from vault.identity.ports import IdentityWork


class Change(StrEnum):
    """What happened: the fact `what` of a letter of the kind SECURITY_CHANGED."""

    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    CODES_MADE = "codes-made"
    CODE_USED = "code-used"
    PASSWORD_CHOSEN = "password-chosen"  # noqa: S105 - the name of a change
    PASSWORD_REMOVED = "password-removed"  # noqa: S105 - the name of a change
    SIGN_IN_JOINED = "sign-in-joined"  # one at another provider
    SIGN_IN_ENDED = "sign-in-ended"
    WEBID_LINKED = "webid-linked"  # one from elsewhere
    WEBID_UNLINKED = "webid-unlinked"


async def warn(
    work: IdentityWork, account: Account, change: Change, *, settings: Settings, language: str, now: datetime
) -> None:
    """A letter to the account's address; nothing where the operator has set up no mail."""
    kind, facts = LetterKind.SECURITY_CHANGED, {"what": change.value}
    await write_letter(work, kind, to=account.email, language=language, settings=settings, now=now, facts=facts)
