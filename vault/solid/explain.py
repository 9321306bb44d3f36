"""Why somebody may or may not do something to a resource, in sentences for the operator."""

from __future__ import annotations

from typing import Final, Protocol

from vault.access.decide import Acls, Groups, ParsedAcls, Policy, explain
from vault.config import Limits
from vault.errors import Malformed
from vault.rdf.edits import GraphEdit
from vault.solid.find import find_target
from vault.solid.operation import Content, Delete, Operation, Patch, Post, Put, Read, required_access
from vault.solid.ports import Resources
from vault.solid.resource import Inline
from vault.values import Caller, ResourceUrl

_NOTHING: Final = Content(Inline(b""), None)


class ExplainWork(Protocol):
    """The slice of one transaction that an explanation reads."""

    @property
    def resources(self) -> Resources: ...
    @property
    def acls(self) -> Acls: ...


def operation_named(method: str, target: ResourceUrl) -> Operation:
    """The operation a method stands for when there is no body; a PATCH that only inserts. Raises Malformed."""
    match method.upper():
        case "GET" | "HEAD":
            return Read(target)
        case "PUT":
            return Put(target, _NOTHING)
        case "POST":
            return Post(target, _NOTHING)
        case "PATCH":
            return Patch(target, GraphEdit())
        case "DELETE":
            return Delete(target)
    raise Malformed("method", "The methods are GET, HEAD, PUT, POST, PATCH and DELETE.")


async def explain_access(
    work: ExplainWork,
    parsed: ParsedAcls,
    caller: Caller,
    operation: Operation,
    *,
    groups: Groups,
    base_url: str,
    limits: Limits,
    also: Policy | None = None,
) -> list[str]:
    """What the operation needs, which rule of which ACL gives it or does not, and the decision."""
    standing = await find_target(work.resources, operation)
    here = "exists" if standing.exists else "does not exist"
    needs = required_access(operation, exists=standing.exists, missing=standing.missing)
    lines = [f"{operation.target.path} {here}."]
    return lines + await explain(
        work.acls, parsed, caller, needs, groups=groups, base_url=base_url, limits=limits, also=also
    )
