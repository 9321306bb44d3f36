"""What a token of ours is still worth: account, client, consent and the token itself, looked at again; and how all of
them end at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vault.identity.accounts import Account
from vault.identity.claims import invalid_token
from vault.identity.consent import acts_as
from vault.identity.ports import IdentityWork, Standing
from vault.identity.tokens import digest
from vault.values import ClientId, WebId


async def standing_of(
    work: IdentityWork,
    webid: WebId,
    client_id: ClientId | None,
    *,
    token_id: str | None,
    issued: datetime | None = None,
) -> Standing:
    """The ceiling under which this client works for this person. Raises Unauthenticated (invalid_token) when anything
    the token stands on has ended: VEC-T28, VEC-T29, a consent withdrawn, a token revoked (RFC 7009 §2)."""
    account = await work.accounts.by_webid(webid)
    if account is None or account.locked:
        raise invalid_token("account", "The account behind this token cannot sign in.")
    if client_id is None:
        raise invalid_token("client", "The token names no client.")
    if token_id is not None and await _ended(work, token_id):
        raise invalid_token("revoked", "This token was revoked.")
    client = await work.clients.get(client_id)
    if client is not None and client.revoked is not None:
        raise invalid_token("client", "The client behind this token was revoked.")
    if client is not None and client.account == account.id:
        return Standing()  # the account's own machine: it acts as the account
    consent = await work.clients.consent(account.id, client_id)
    if consent is None or not acts_as(consent, account, webid):
        raise invalid_token("consent", "The consent behind this token has ended.")
    if issued is not None and any(_is_from_before(issued, moment) for moment in (account.tokens_since, consent.since)):
        raise invalid_token("signed-out", "This app was signed out since.")
    return Standing(consent.ceiling)


async def sign_everything_out(work: IdentityWork, account: Account, *, now: datetime) -> tuple[Account, int]:
    """Ends every session of the account and every token that apps hold; the account as it is then, and how many
    sessions that were. An account's own machines go on: they are ended one by one."""
    signed_out = replace(account, tokens_since=now)
    await work.accounts.replace(signed_out)
    ended = await work.sessions.remove_all(account.id)
    await work.refresh_tokens.end_for(account.id, None)
    return signed_out, ended


def _is_from_before(issued: datetime, moment: datetime | None) -> bool:
    """Tokens tell when they were made in whole seconds; in doubt it was after."""
    return moment is not None and issued < moment.replace(microsecond=0)


async def _ended(work: IdentityWork, token_id: str) -> bool:
    """The token itself, or the whole grant that its id begins with (revoke.py)."""
    grant, dot, _ = token_id.partition(".")
    if dot and await work.ended_tokens.has(digest(grant)):
        return True
    return await work.ended_tokens.has(digest(token_id))
