"""The JSON of the data lock: what organisations send and what they get, as strict structures.

The OpenAPI document is made from these, so that it cannot say anything else. Addresses are absolute.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vault.datasluis.admission import DraftTerms, RequestDraft
from vault.datasluis.catalogue import Catalogue, Rule
from vault.datasluis.deposits import Fate
from vault.datasluis.grants import Grant, GrantState
from vault.datasluis.grants import state_at as grant_state_at
from vault.datasluis.requests import AccessRequest, Asked, RequestState, Terms
from vault.datasluis.requests import state_at as request_state_at
from vault.values import parse_webid

Iri = Annotated[str, Meta(max_length=2048, extra_json_schema={"format": "iri"})]
Key = Annotated[str, Meta(max_length=120)]
Text = Annotated[str, Meta(max_length=2000)]
Moment = Annotated[datetime, Meta(tz=True)]
Duration = Annotated[
    str, Meta(max_length=32, description="ISO 8601 duration in years, months, weeks and days", examples=["P6M"])
]


class Sent(msgspec.Struct, forbid_unknown_fields=True, rename="camel", frozen=True, kw_only=True):
    """What comes in: a member we do not know is a mistake of the sender."""


class Given(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What goes out."""


class AskedForm(Sent, frozen=True, kw_only=True):
    """Fields of one data type, by the keys of the catalogue. The type by its key or its IRI."""

    type: Iri
    required: Annotated[list[Key], Meta(max_length=100)] = []
    optional: Annotated[list[Key], Meta(max_length=100)] = []


class TermsForm(Sent, frozen=True, kw_only=True):
    """What the organisation undertakes. Under the strict profile everything down to `notice` has to be said."""

    legal_basis: Iri | None = None
    retention: Duration | None = None
    recipients: Annotated[list[Text], Meta(max_length=100, description="further recipients; empty: none")] | None = None
    locations: Annotated[list[Iri], Meta(max_length=100, description="places of processing")] | None = None
    jurisdiction: Iri | None = None
    notice: Annotated[str, Meta(max_length=2048, description="web address of the privacy notice")] | None = None
    reason: Text | None = None
    consequence: Text | None = None
    automated_decision: bool = False


class RequestForm(Sent, frozen=True, kw_only=True):
    """A question to one citizen."""

    citizen: Annotated[str, Meta(max_length=2048, description="the citizen's WebID")]
    data: Annotated[list[AskedForm], Meta(max_length=100)]
    purpose: Iri | None = None
    until: Moment | None = None
    terms: TermsForm = TermsForm()


class AskedBody(Given, frozen=True, kw_only=True):
    type: str
    required: list[str]
    optional: list[str]


class TermsBody(Given, frozen=True, kw_only=True):
    """`unstated` names what was not said; it is shown to the citizen as missing (compatible profile)."""

    legal_basis: str | None
    retention: str | None
    recipients: list[str]
    locations: list[str]
    jurisdiction: str | None
    notice: str | None
    reason: str | None
    consequence: str | None
    automated_decision: bool
    unstated: list[str]


class AdviceBody(Given, frozen=True, kw_only=True):
    """A rule that the request met when it arrived; the citizen reads the same text."""

    rule: str
    slug: str
    severity: Literal["block", "warn", "hint"]
    text: dict[str, str]
    law: dict[str, str]


class RequestBody(Given, frozen=True, kw_only=True):
    """One request of the caller. `reason`: why the citizen refused, when she said so. `grant`: once approved."""

    id: str
    state: RequestState
    version: int
    citizen: str
    purpose: str | None
    data: list[AskedBody]
    until: Moment | None
    terms: TermsBody
    advice: list[AdviceBody]
    submitted: Moment
    lapses: Moment
    decided: Moment | None
    reason: str | None
    grant: str | None


class RequestList(Given, frozen=True, kw_only=True):
    """Newest first; the Link header names the next page, and none follows an empty one."""

    items: list[RequestBody]


class GrantedItemBody(Given, frozen=True, kw_only=True):
    """One document, and where its view is read."""

    key: str
    type: str
    fields: list[str]
    view: str


class GrantBody(Given, frozen=True, kw_only=True):
    """One permission that was given to the caller."""

    id: str
    request: str
    state: GrantState
    citizen: str
    purpose: str | None
    since: Moment
    until: Moment
    ended: Moment | None
    items: list[GrantedItemBody]
    reads: int
    last_read: Moment | None


class GrantList(Given, frozen=True, kw_only=True):
    """Newest first; the Link header names the next page, and none follows an empty one."""

    items: list[GrantBody]


class FindingBody(Given, frozen=True, kw_only=True):
    """What the shape does not accept; never a value."""

    path: str
    message: str


class DepositedItemBody(Given, frozen=True, kw_only=True):
    """What became of one item of a message; `position` counts from 1."""

    position: int
    outcome: Fate
    document: str | None = None
    reason: str | None = None
    warnings: list[str] = []
    findings: list[FindingBody] = []


class DepositBody(Given, frozen=True, kw_only=True):
    """What became of a message. `digest`: SHA-256 of its bytes. `empty`: why a message without data has none."""

    digest: str
    data_type: str | None
    items: list[DepositedItemBody]
    notes: list[str]
    empty: str | None = None


class Problem(Given, frozen=True, kw_only=True):
    """RFC 9457. `reason` is the stable slug; further members depend on it."""

    type: str
    title: str
    status: int
    reason: str
    request: str
    detail: str | None = None
    missing: list[str] | None = None
    forbidden: list[str] | None = None
    law: dict[str, str] | None = None


def draft_of(form: RequestForm) -> RequestDraft:
    """Raises Malformed when the citizen is not named by a WebID."""
    terms = form.terms
    return RequestDraft(
        citizen=parse_webid(form.citizen),
        asked=tuple(Asked(one.type, tuple(one.required), tuple(one.optional)) for one in form.data),
        purpose=form.purpose or None,
        until=form.until,
        terms=DraftTerms(
            legal_basis=terms.legal_basis,
            retention=terms.retention,
            recipients=None if terms.recipients is None else tuple(terms.recipients),
            locations=None if terms.locations is None else tuple(terms.locations),
            jurisdiction=terms.jurisdiction,
            notice=terms.notice,
            reason=terms.reason,
            consequence=terms.consequence,
            automated_decision=terms.automated_decision,
        ),
    )


def request_body(
    request: AccessRequest, *, grant: Grant | None, catalogue: Catalogue, lock_url: str, now: datetime
) -> RequestBody:
    rules = {rule.id: rule for rule in catalogue.rules}
    return RequestBody(
        id=f"{lock_url}requests/{request.id}",
        state=request_state_at(request, now),
        version=request.version,
        citizen=request.citizen,
        purpose=request.purpose,
        data=[
            AskedBody(type=one.data_type, required=list(one.required), optional=list(one.optional))
            for one in request.asked
        ],
        until=request.until,
        terms=_terms_body(request.terms),
        advice=[_advice_body(rules[rule]) for rule in request.advice if rule in rules],
        submitted=request.submitted,
        lapses=request.lapses,
        decided=request.decided,
        reason=request.decision_reason,
        grant=None if grant is None else f"{lock_url}grants/{grant.id}",
    )


def grant_body(grant: Grant, *, lock_url: str, now: datetime) -> GrantBody:
    """Without the addresses of the documents themselves: the view is what was granted."""
    return GrantBody(
        id=f"{lock_url}grants/{grant.id}",
        request=f"{lock_url}requests/{grant.request}",
        state=grant_state_at(grant, now),
        citizen=grant.citizen,
        purpose=grant.purpose,
        since=grant.since,
        until=grant.until,
        ended=grant.ended,
        items=[
            GrantedItemBody(
                key=item.key,
                type=item.data_type,
                fields=list(item.fields),
                view=f"{lock_url}view/{grant.id}/{item.key}",
            )
            for item in grant.items
        ],
        reads=grant.reads,
        last_read=grant.last_read,
    )


def _terms_body(terms: Terms) -> TermsBody:
    return TermsBody(
        legal_basis=terms.legal_basis,
        retention=terms.retention,
        recipients=list(terms.recipients),
        locations=list(terms.locations),
        jurisdiction=terms.jurisdiction,
        notice=terms.notice,
        reason=terms.reason,
        consequence=terms.consequence,
        automated_decision=terms.automated_decision,
        unstated=list(terms.unstated),
    )


def _advice_body(rule: Rule) -> AdviceBody:
    return AdviceBody(
        rule=rule.id, slug=rule.slug, severity=rule.severity.value, text=dict(rule.texts), law=dict(rule.law)
    )
