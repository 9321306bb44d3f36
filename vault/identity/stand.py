"""What a token of ours is still worth: account, client, consent and the token itself, looked at again; and how all of
them end at once."""

from __future__ import annotations

from dataclasses import replace

from vault.identity.claims import invalid_token
from vault.identity.consent import acts_as, new_stamp
from vault.identity.ports import IdentityWork, Standing
from vault.identity.tokens import digest
from vault.values import AccountId, ClientId, WebId


async def standing_of(
    work: IdentityWork, webid: WebId, client_id: ClientId | None, *, token_id: str | None
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
    if token_id is not None and _stands_on(token_id)[0] != consent.stamp:
        raise invalid_token("signed-out", "This app was signed out since.")
    return Standing(consent.ceiling)


async def sign_everything_out(work: IdentityWork, account_id: AccountId) -> int:
    """Ends every session of the account and everything that apps hold, which is whatever was given before this commit
    and nothing that is given after it; how many sessions that were. The apps stay let in, and an account's own machines
    go on: they are ended one by one."""
    for consent in await work.clients.consents(account_id):
        await work.clients.put_consent(replace(consent, stamp=new_stamp()))
    await work.refresh_tokens.end_for(account_id, None)
    return await work.sessions.remove_all(account_id)


def _stands_on(token_id: str) -> tuple[str, str]:
    """The stamp of the consent and the name of the grant that the id of a token begins with (exchange.py); both are
    empty for that of a machine."""
    stamp, _, rest = token_id.partition(".")
    grant, dot, _ = rest.partition(".")
    return (stamp, grant) if dot else ("", "")


async def _ended(work: IdentityWork, token_id: str) -> bool:
    """The token itself, or the whole grant that its id names (revoke.py)."""
    grant = _stands_on(token_id)[1]
    if grant and await work.ended_tokens.has(digest(grant)):
        return True
    return await work.ended_tokens.has(digest(token_id))
