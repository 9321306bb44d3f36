"""Who and what is in the vault under load: one citizen, a source, an organisation that asked, a diploma."""

from __future__ import annotations

from typing import Any

AUTHENTICATION = "https://w3id.org/dpv#RecruitmentApplicantInformationAuthentication"


def _account(pod: str, client: str) -> dict[str, Any]:
    credentials = {"id": client, "secret": f"{client}-secret"}
    return {"email": f"{pod}@example.org", "password": f"{pod}-long-password", "pod": pod, "credentials": credentials}


def _participant(pod: str, role: str, kbo: str, purposes: list[str], days: int) -> dict[str, Any]:
    contract = {"dataTypes": ["diploma"], "purposes": purposes, "since": "2020-01-01", "until": "2099-01-01"}
    return {
        "id": pod,
        "account": pod,
        "roles": [role],
        "legalName": pod,
        "kbo": kbo,
        "website": f"https://{pod}.example/",
        "dpo": {"name": "DPO", "email": f"dpo@{pod}.example"},
        "contract": {**contract, "maxDays": days},
    }


PLAN: dict[str, Any] = {
    "accounts": [
        {**_account("alice", "bench"), "nationalNumbers": ["90410112394"]},
        _account("source", "source"),
        _account("hr-bench", "hr"),
    ],
    "participants": [
        _participant("source", "data-source", "0456712325", [], 0),
        _participant("hr-bench", "data-user", "0712398781", [AUTHENTICATION], 90),
    ],
    "deposits": [{"source": "source", "person": "90410112394", "file": "diploma.ttl", "mediaType": "text/turtle"}],
    "requests": [
        {
            "dataUser": "hr-bench",
            "citizen": "alice",
            "days": 30,
            "ask": {
                "purpose": AUTHENTICATION,
                "data": [{"type": "diploma", "required": ["title", "level", "awarding-body", "date"]}],
                "terms": {
                    "legalBasis": "https://w3id.org/dpv/legal/eu/gdpr#A6-1-b-enter-into-contract",
                    "retention": "P3M",
                    "recipients": [],
                    "locations": ["https://w3id.org/dpv/loc#BE"],
                    "jurisdiction": "https://w3id.org/dpv/loc#BE",
                    "notice": "https://hr-bench.example/privacy",
                },
            },
        }
    ],
}

DIPLOMA = b"""
@prefix elm: <http://data.europa.eu/snb/model/elm/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix rov: <http://www.w3.org/ns/regorg#> .
@prefix adms: <http://www.w3.org/ns/adms#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<#it> a elm:LearningAchievement ; dct:title "Bachelor in de verpleegkunde"@nl ;
  adms:identifier <#ref> ; elm:awardedBy <#award> ; elm:specifiedBy <#qualification> .
<#ref> a elm:Identifier ; skos:notation "bench-1" .
<#award> a elm:AwardingProcess ; elm:awardingBody <#institution> ; elm:awardingDate "2014-06-30"^^xsd:date .
<#institution> a elm:Organisation ; rov:legalName "Hogeschool aan de Schelde"@nl .
<#qualification> a elm:Qualification ; elm:EQFLevel <http://data.europa.eu/snb/eqf/6> .
"""
