"""What is there, before anything is decided: the target, and which containers above it are missing."""

from __future__ import annotations

from typing import NamedTuple

from vault.solid.operation import Operation, Patch, Put, Read
from vault.solid.paths import auxiliary
from vault.solid.ports import Resources
from vault.solid.resource import Resource
from vault.values import ResourceUrl


class Standing(NamedTuple):
    """`resource`: the target, None when it does not exist. `missing`: for what would be made, the containers above it
    that do not exist either, nearest first (WM-10)."""

    resource: Resource | None
    missing: tuple[ResourceUrl, ...] = ()

    @property
    def exists(self) -> bool:
        return self.resource is not None


async def find_target(resources: Resources, operation: Operation) -> Standing:
    """Looks up what `required_access` asks about; its answer may be told to nobody before the decision (TR-3)."""
    target = operation.target
    if not isinstance(operation, Read):
        await resources.look(target)
    resource = await resources.get(target)
    if resource is not None or not isinstance(operation, Put | Patch) or auxiliary(target) is not None:
        return Standing(resource)
    missing: list[ResourceUrl] = []
    above = target.parent
    while above is not None and await resources.get(above) is None:
        missing.append(above)
        above = above.parent
    return Standing(None, tuple(missing))
