"""The lock's own notices in the citizen's inbox (Linked Data Notifications): an app of hers hears of a request as the
pages do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from vault.config import Limits
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import Participant
from vault.datasluis.requests import AccessRequest
from vault.errors import Refusal
from vault.rdf.graph import RDF, XSD, Graph, Iri, Namespace, V, triple, typed
from vault.solid.operation import Content, Put
from vault.solid.paths import INBOX_PATH
from vault.solid.resource import Inline
from vault.solid.write import put_resource
from vault.values import JSON_LD, ResourceUrl

_AS: Final = Namespace("https://www.w3.org/ns/activitystreams#")


async def note_request(
    work: DatasluisWork,
    request: AccessRequest,
    participant: Participant,
    *,
    base_url: str,
    limits: Limits,
    now: datetime,
) -> None:
    """Leaves a note of a new request, in the transaction that makes it. It says who asks and where to answer, and
    nothing of what is asked. A full pod takes no note; the request itself stands all the same."""
    place = ResourceUrl(request.pod, f"{INBOX_PATH}request-{request.id}")
    note, page = Iri(place.iri(base_url)), Iri(f"{base_url}my/requests/{request.id}")
    at = typed(now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), XSD.dateTime)
    graph = Graph.of(
        [
            triple(note, RDF.type, _AS.Offer),
            triple(note, _AS.actor, Iri(participant.webid)),
            triple(note, _AS.target, Iri(request.citizen)),
            triple(note, _AS.published, at),
            triple(note, _AS.object, page),
            triple(page, RDF.type, V.AccessRequest),
        ]
    )
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": note.value,
        "type": "Offer",
        "actor": participant.webid,
        "target": request.citizen,
        "published": at.value,
        "object": {"id": page.value, "type": V.AccessRequest.value},
    }
    content = Content(Inline(json.dumps(document, ensure_ascii=False).encode()), JSON_LD, graph)
    try:
        await put_resource(work, Put(place, content), actor=participant.id, now=now, base_url=base_url, limits=limits)
    except Refusal:
        return
