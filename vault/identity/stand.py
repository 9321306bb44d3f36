"""What a token of ours is still worth: the account, the client, the consent and the token itself, looked at again."""

from __future__ import annotations

from vault.identity.claims import invalid_token
from vault.identity.consent import acts_as
from vault.identity.ports import IdentityWork, Standing
from vault.identity.tokens import digest
from vault.values import ClientId, WebId


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
    return Standing(consent.ceiling)


async def _ended(work: IdentityWork, token_id: str) -> bool:
    """The token itself, or the whole grant that its id begins with (revoke.py)."""
    grant, dot, _ = token_id.partition(".")
    if dot and await work.ended_tokens.has(digest(grant)):
        return True
    return await work.ended_tokens.has(digest(token_id))
