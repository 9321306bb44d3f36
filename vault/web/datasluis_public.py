"""What everybody may know of the data lock: where its doors are, and what can be asked for what."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

import vault as package
from vault.datasluis.catalogue import LANGUAGES, Catalogue, DataType, Purpose, Rule
from vault.datasluis.registry import Admission
from vault.ports import Vault
from vault.web.datasluis_json import Given


class FieldBody(Given, frozen=True, kw_only=True):
    key: str
    labels: dict[str, str]
    kind: str
    sensitive: bool


class DataTypeBody(Given, frozen=True, kw_only=True):
    key: str
    iri: str
    class_iri: str
    labels: dict[str, str]
    plural: dict[str, str]
    broader: list[str]
    fields: list[FieldBody]


class PurposeBody(Given, frozen=True, kw_only=True):
    """`enough`: per data type the fields that suffice; asking more is shown to the citizen as asking more."""

    iri: str
    broader: list[str]
    labels: dict[str, str]
    sentence: dict[str, str]
    max_days: int
    max_retention_days: int
    enough: dict[str, list[str]]


class RuleBody(Given, frozen=True, kw_only=True):
    id: str
    slug: str
    severity: Literal["block", "warn", "hint"]
    purposes: list[str]
    data: list[str]
    text: dict[str, str]
    law: dict[str, str]


class CatalogueBody(Given, frozen=True, kw_only=True):
    """What can be asked, for what, and by which rules it is looked at."""

    languages: list[str]
    data_types: list[DataTypeBody]
    purposes: list[PurposeBody]
    rules: list[RuleBody]


class Endpoints(Given, frozen=True, kw_only=True):
    """`view` is a URI template."""

    requests: str
    grants: str
    view: str
    deposits: str
    catalogue: str
    openapi: str
    token: str


class Operator(Given, frozen=True, kw_only=True):
    """Who runs this, in the words of the Data Governance Act, art. 10(b)."""

    service: str
    issuer: str


class Description(Given, frozen=True, kw_only=True):
    """Where to begin."""

    name: str
    version: str
    endpoints: Endpoints
    profiles: list[str]
    languages: list[str]
    pending_requests: Annotated[int, Meta(description="unanswered requests of one organisation to one citizen")]
    request_days: Annotated[int, Meta(description="days after which an unanswered request lapses")]
    operator: Operator


def describe(vault: Vault) -> Description:
    lock_url = f"{vault.base_url}datasluis/"
    return Description(
        name="Datakluis",
        version=package.__version__,
        endpoints=Endpoints(
            requests=f"{lock_url}requests",
            grants=f"{lock_url}grants",
            view=f"{lock_url}view/{{grant}}/{{item}}",
            deposits=f"{lock_url}deposits",
            catalogue=f"{lock_url}catalogue",
            openapi=f"{lock_url}openapi.json",
            token=f"{vault.base_url}idp/token",
        ),
        profiles=[profile.value for profile in Admission],
        languages=list(LANGUAGES),
        pending_requests=vault.settings.datasluis.pending_requests,
        request_days=vault.settings.datasluis.request_days,
        operator=Operator(
            service="https://w3id.org/dpv/legal/eu/dga#DataIntermediationServiceBetweenSubjectsUsers",
            issuer=vault.base_url,
        ),
    )


def catalogue_body(catalogue: Catalogue, languages: tuple[str, ...]) -> CatalogueBody:
    return CatalogueBody(
        languages=list(languages),
        data_types=[_data_type_body(one) for one in catalogue.data_types.values()],
        purposes=[_purpose_body(one) for one in catalogue.purposes.values()],
        rules=[_rule_body(one) for one in catalogue.rules],
    )


def _data_type_body(data_type: DataType) -> DataTypeBody:
    return DataTypeBody(
        key=data_type.key,
        iri=data_type.iri,
        class_iri=data_type.class_iri,
        labels=dict(data_type.labels),
        plural=dict(data_type.plural),
        broader=list(data_type.broader),
        fields=[
            FieldBody(key=one.key, labels=dict(one.labels), kind=one.kind.value, sensitive=one.sensitive)
            for one in data_type.fields
        ],
    )


def _purpose_body(purpose: Purpose) -> PurposeBody:
    return PurposeBody(
        iri=purpose.iri,
        broader=list(purpose.broader),
        labels=dict(purpose.labels),
        sentence=dict(purpose.sentence),
        max_days=purpose.max_days,
        max_retention_days=purpose.max_retention_days,
        enough={key: list(fields) for key, fields in purpose.enough.items()},
    )


def _rule_body(rule: Rule) -> RuleBody:
    return RuleBody(
        id=rule.id,
        slug=rule.slug,
        severity=rule.severity.value,
        purposes=list(rule.purposes),
        data=list(rule.data),
        text=dict(rule.texts),
        law=dict(rule.law),
    )
