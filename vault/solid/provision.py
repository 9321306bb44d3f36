"""A new pod, from the documents in pod_template/: private, except for what must be public (CH-8)."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from vault.audit import AuditDraft, AuditEvent
from vault.rdf.graph import Literal
from vault.solid.paths import INBOX_PATH, storage_of
from vault.solid.ports import SolidWork
from vault.solid.resource import Draft, Inline, Kind, Pod
from vault.values import TURTLE, WEBID_PATH, PodName, ResourceUrl, WebId, webid_of

_TEMPLATE: Final = Path(__file__).parent / "pod_template"

_CONTAINERS: Final = ("/", INBOX_PATH, "/profile/", "/settings/")

# Path in the pod → document of the template. WP-6, WP-8, TI-2: what a profile says and where the indexes stand.
_DOCUMENTS: Final = {
    "/.acl": "root.acl.ttl",
    f"{INBOX_PATH}.acl": "inbox.acl.ttl",
    "/settings/prefs.ttl": "prefs.ttl",
    "/settings/privateTypeIndex.ttl": "privateTypeIndex.ttl",
    "/settings/publicTypeIndex.ttl": "publicTypeIndex.ttl",
    "/settings/publicTypeIndex.ttl.acl": "publicTypeIndex.acl.ttl",
}
# The WebID document and its ACL; an owner whose WebID lives elsewhere has none here.
_PROFILE: Final = {WEBID_PATH: "card.ttl", f"{WEBID_PATH}.acl": "card.acl.ttl"}


async def create_pod(
    work: SolidWork,
    *,
    name: PodName,
    owner: WebId,
    display_name: str,
    issuer: str,
    base_url: str,
    quota_bytes: int,
    now: datetime,
) -> Pod:
    """Makes a storage with its owner's profile, settings, inbox and ACLs. Raises Conflict("pod-exists")."""
    now = now.replace(microsecond=0)
    pod = Pod(name, owner, now, quota_bytes)
    await work.resources.add_pod(pod)
    for path in _CONTAINERS:
        await work.resources.put(Draft(ResourceUrl(name, path), Kind.CONTAINER, TURTLE, now), Inline(b""))
    words = {
        "base": base_url,
        "storage": storage_of(name).iri(base_url),
        "card": ResourceUrl(name, WEBID_PATH).iri(base_url),
        "webid": webid_of(name, base_url=base_url),
        "owner": owner,
        "issuer": issuer,  # D10: the same string everywhere
        "name": str(Literal(display_name)),  # as N-Triples writes it: nothing in a name can end the literal
    }
    own_profile = owner == words["webid"]
    for path, document in (_DOCUMENTS | (_PROFILE if own_profile else {})).items():
        text = _template(document).substitute(words)
        await work.resources.put(Draft(ResourceUrl(name, path), Kind.GRAPH, TURTLE, now), Inline(text.encode()))
    await work.audit.append(AuditDraft(name, now, AuditEvent.POD_CREATED, owner, "/"))
    return await work.resources.pod(name) or pod


@cache
def _template(document: str) -> Template:
    return Template((_TEMPLATE / document).read_text(encoding="utf-8"))
