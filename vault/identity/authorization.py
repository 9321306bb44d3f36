"""What an app asks for at the authorization endpoint, who is there, and what comes of it (OpenID Connect Core §3.1.2).

These are the values that the steps of `authorize` hand to one another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vault.config import Settings
from vault.identity.accounts import Account, Consent, HeldPod, Session
from vault.identity.clients import Client
from vault.identity.consent import Answer, Reason
from vault.identity.ports import Issuers, Transact
from vault.identity.pushed import Pushed
from vault.values import WebId

SCOPES: Final = ("openid", "webid", "profile", "offline_access")
FRESH: Final = "signed_in_after"  # our own parameter: proves when a new sign-in was asked for


@dataclass(frozen=True, slots=True)
class Person:
    """The signed-in person at the browser. `held`: the pod she looks at, where that is not the account's first;
    `several`: there is more than one to look at."""

    account: Account
    session: Session
    held: HeldPod | None = None
    several: bool = False


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What is asked, as far as it has been checked; `redirect_uri` is set once it may be redirected to."""

    parameters: Mapping[str, str]
    client: Client | None = None
    redirect_uri: str | None = None
    scope: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    signed_in_since: datetime | None = None  # the person must have signed in at or after this moment
    person: Person | None = None
    answer: Answer | None = None  # a yes that is to be kept
    webid: WebId | None = None  # as whom
    pushed: Pushed | None = None

    def get(self, name: str) -> str | None:
        return self.parameters.get(name) or None  # RFC 6749 §3.1: "without a value … treated as if omitted"

    def resume(self) -> dict[str, str]:
        """The parameters to come back with after a page. A pushed request stays where it is; its redirect URI goes
        along so that pages know where their form may lead, and is not believed."""
        if self.pushed is None:
            return dict(self.parameters)
        named = {name: text for name, text in self.parameters.items() if name in ("client_id", "redirect_uri", FRESH)}
        return {**named, "request_uri": self.pushed.uri}


@dataclass(frozen=True, slots=True)
class SignInQuestion:
    """The person must sign in; `resume` are the parameters to come back with. With a `level` she need not."""

    resume: Mapping[str, str]
    reason: Reason
    level: str = ""


@dataclass(frozen=True, slots=True)
class ConsentQuestion:
    """The person must say yes or no to this client. `given` is the yes of an earlier time, if there was one; `webids`
    are those the person may choose from."""

    request: AuthorizationRequest
    client: Client
    reason: Reason
    given: Consent | None
    webids: tuple[WebId, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """Back to the client, with an answer; always carries `iss` (OP-7, RFC 9207)."""

    url: str


Outcome = SignInQuestion | ConsentQuestion | Redirect
StepResult = AuthorizationRequest | Outcome


@dataclass(frozen=True, slots=True)
class Desk:
    """What the steps work with: who is at the browser, what the person just chose, and the world around."""

    reading: Transact
    writing: Transact
    issuers: Issuers
    settings: Settings
    key: bytes = field(repr=False)
    now: datetime
    person: Person | None
    answer: Answer | None = None

    @property
    def issuer(self) -> str:
        return self.settings.server.base_url


Step = Callable[[AuthorizationRequest, Desk], Awaitable[StepResult]]
