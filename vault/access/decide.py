"""May this caller do this? The effective ACL first, then the second policy for what WAC does not give; fail closed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Protocol

from vault.access.modes import NO_MODES, AccessMode, Allowed, Decision, Held, Modes, Need, closure, judge
from vault.access.wac import (
    NO_GROUPS,
    TRUSTED_ORIGIN,
    Authorization,
    Members,
    Origin,
    groups_to_ask,
    modes_held,
    parse_acl,
    why_not,
)
from vault.config import Limits
from vault.errors import Forbidden, Malformed, Missing, TooLarge, Unauthenticated, Unprocessable, UnsupportedMedia
from vault.rdf.isolate import parse_guarded
from vault.values import (
    ANONYMOUS,
    Agent,
    Anonymous,
    Caller,
    Ceiling,
    MediaType,
    PodName,
    ResourceUrl,
    WebId,
    normalise_url,
)


@dataclass(frozen=True, slots=True)
class EffectiveAcl:
    """Which ACL governs a resource (WA-6), without its text.

    `url` is the `.acl` itself and `version` the version it is stored under; `subject` is what it belongs to, and
    `inherited` says that this is an ancestor of what was asked about. `owner` is the owner of the pod (WA-5).
    """

    url: ResourceUrl
    version: int
    subject: ResourceUrl
    inherited: bool
    owner: WebId


class Acls(Protocol):
    """The ACLs of pods, inside one transaction."""

    async def effective(self, url: ResourceUrl, /) -> EffectiveAcl | None:
        """The nearest ACL that exists: the resource's own, else that of its nearest ancestor that has one; for an
        auxiliary that of its subject. `url` itself need not exist. None: there is no such pod, or it has no ACL."""
        ...

    async def text(self, acl: EffectiveAcl, /) -> bytes: ...
    async def media_type(self, acl: EffectiveAcl, /) -> MediaType: ...


class Groups(Protocol):
    """Members of group documents (WA-9), wherever they live."""

    async def members(self, group: str, /, *, pod: PodName | None = None) -> frozenset[WebId]:
        """The `vcard:hasMember` of `group`, an IRI with its fragment. Empty on any trouble (fail closed). `pod` is the
        pod whose ACL names it: a group document in the same pod counts even where it is private."""
        ...


class Policy(Protocol):
    """A second source of modes beside WAC (D15): the grants of the data lock."""

    async def held(self, caller: Caller, needs: Sequence[Need], /) -> Mapping[ResourceUrl, Held]:
        """What this policy gives on the targets of `needs`; a target it does not know may be left out."""
        ...

    async def witness(self, allowed: Allowed, now: datetime, /) -> None:
        """Writes the entry this policy leaves behind, in the transaction that acts: no entry, no data."""
        ...


class ParsedAcls:
    """ACLs parsed before, and what they gave to whom, by pod, path and version: an entry can be lost, never be stale
    (WA-18)."""

    __slots__ = ("_capacity", "_entries", "_held", "_weight")

    def __init__(self, capacity: int = 65_536) -> None:
        """`capacity` counts authorizations and the names in them, over all ACLs that are kept."""
        self._capacity = capacity
        self._weight = 0
        self._entries: OrderedDict[tuple[str, str, int], tuple[Authorization, ...]] = OrderedDict()
        self._held: dict[tuple[str, str, int, str, bool, Caller], Held] = {}

    def get(self, acl: EffectiveAcl) -> tuple[Authorization, ...] | None:
        """What was parsed from this version of the ACL, or None."""
        key = (acl.url.pod, acl.url.path, acl.version)
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, acl: EffectiveAcl, authorizations: tuple[Authorization, ...]) -> None:
        """Keeps what was parsed; the least recently used go when the room is full."""
        key = (acl.url.pod, acl.url.path, acl.version)
        self._forget(key)
        self._entries[key] = authorizations
        self._weight += _weight(authorizations)
        while self._weight > self._capacity and self._entries:
            self._forget(next(iter(self._entries)))

    def held(self, acl: EffectiveAcl, caller: Caller) -> Held | None:
        """What this ACL gave the caller on its subject, or by inheritance on anything below, or None."""
        return self._held.get((acl.url.pod, acl.url.path, acl.version, acl.owner, acl.inherited, caller))

    def keep_held(self, acl: EffectiveAcl, caller: Caller, held: Held) -> None:
        """Only for what follows from the text of the ACL alone: members of groups change without it."""
        if len(self._held) >= _MOST_HELD:
            self._held.clear()
        self._held[acl.url.pod, acl.url.path, acl.version, acl.owner, acl.inherited, caller] = held

    def __len__(self) -> int:
        return len(self._entries)

    def _forget(self, key: tuple[str, str, int]) -> None:
        gone = self._entries.pop(key, None)
        if gone is not None:
            self._weight -= _weight(gone)


async def decide(
    acls: Acls,
    parsed: ParsedAcls,
    caller: Caller,
    needs: Sequence[Need],
    *,
    groups: Groups,
    base_url: str,
    limits: Limits,
    also: Policy | None = None,
    origin: Origin | None = TRUSTED_ORIGIN,
) -> Decision:
    """Compares what `needs` ask with what the caller holds: by the effective ACLs, and where they do not suffice by
    the second policy `also` (D15). Runs inside the transaction that acts (ATK-14). `needs` is never empty, and its
    first target is the one the request is about.
    """
    look = _Look(acls, parsed, caller, groups=groups, base_url=base_url, limits=limits, origin=origin)
    held: dict[ResourceUrl, Held] = {}
    for need in needs:
        if need.target not in held:
            held[need.target] = await look.held_on(need.target)
    decision = judge(needs, held)
    if also is None or isinstance(decision, Allowed):
        return decision
    lacking = [need for need in needs if not need.modes <= closure(held[need.target].user)]
    for target, more in (await also.held(caller, lacking)).items():
        if target in held:
            own, user = held[target], under_ceiling(more.user, caller, target)
            by = more.by if user else own.by
            held[target] = Held(own.user | user, own.public | more.public, by)
    return judge(needs, held)


def require(decision: Decision, caller: Caller, *, absent: bool = False) -> Allowed:
    """The permission, or the refusal to raise (section 5.2).

    `absent`: the target does not exist and the method is neither PUT nor PATCH. Then whoever may read it is told so;
    everybody else gets the answer they would get if it were there (TR-3, D4).
    """
    if isinstance(decision, Allowed):
        return decision
    control_asked = AccessMode.CONTROL in decision.need.modes  # an ACL is read with Control, not with Read (WA-13)
    if absent and AccessMode.READ in decision.user and not control_asked:
        raise Missing("no-such-resource", "There is nothing here.")
    if isinstance(caller, Anonymous):  # TR-2: anonymous 401, authenticated 403
        raise Unauthenticated("credentials-needed", "This needs credentials.")
    raise Forbidden("not-allowed", "You may not do this here.")


_MOST_HELD: Final = 16_384


@lru_cache(maxsize=16)
def normalise_base(base_url: str) -> str:
    """The base URL as ACL targets are compared with it; a server has one."""
    return normalise_url(base_url)


class _Look:
    """One decision's way to the ACLs: who asks, of which transaction, by which rules."""

    __slots__ = ("acls", "base_url", "caller", "groups", "limits", "origin", "parsed")

    def __init__(
        self,
        acls: Acls,
        parsed: ParsedAcls,
        caller: Caller,
        *,
        groups: Groups,
        base_url: str,
        limits: Limits,
        origin: Origin | None,
    ) -> None:
        self.acls = acls
        self.parsed = parsed
        self.caller = caller
        self.groups = groups
        self.base_url = normalise_base(base_url)
        self.limits = limits
        self.origin = origin

    async def held_on(self, target: ResourceUrl) -> Held:
        """The modes that the effective ACL and the ownership of the pod give on one target."""
        acl = await self.acls.effective(target)
        if acl is None:
            return Held(NO_MODES, NO_MODES, "no ACL: there is no such storage")
        # The text of an ACL gives the same on everything that inherits it, and on its subject, whatever else is there.
        alike = self.origin is TRUSTED_ORIGIN and (acl.inherited or target.path == acl.subject.path)
        held = self.parsed.held(acl, self.caller) if alike else None
        if held is None:
            held, by_text = await self._worked_out(acl, target)
            if alike and by_text:
                self.parsed.keep_held(acl, self.caller, held)
        return lowered(held, self.caller, target)  # a ceiling looks at the target: after what is kept, never in it

    async def _worked_out(self, acl: EffectiveAcl, target: ResourceUrl) -> tuple[Held, bool]:
        """The person's modes by the rules of one ACL, and whether they follow from its text alone."""
        rules = await authorizations_of(self.acls, self.parsed, acl, base_url=self.base_url, limits=self.limits)
        place = target.iri(self.base_url)
        above = acl.subject.iri(self.base_url) if acl.inherited else None
        user = modes_held(rules, self.caller, target=place, inherited_from=above, origin=self.origin)
        members = await self.members(acl, rules, place, above, user)
        by_text = not members and self.parsed.get(acl) is not None
        if members:
            user = modes_held(
                rules, self.caller, target=place, inherited_from=above, groups=members, origin=self.origin
            )
        user |= owner_modes(acl, self.caller)
        public = user
        if isinstance(self.caller, Agent):
            public = modes_held(rules, ANONYMOUS, target=place, inherited_from=above, origin=self.origin)
        return Held(user | public, public, acl.url.path), by_text

    async def members(
        self, acl: EffectiveAcl, rules: tuple[Authorization, ...], place: str, above: str | None, held: Modes
    ) -> Members:
        """Members of those groups that could add something to `held`; most ACLs name none, and nothing is awaited."""
        wanted = groups_to_ask(rules, self.caller, target=place, inherited_from=above, held=held)
        if not wanted:
            return NO_GROUPS
        return {group: await self.groups.members(group, pod=acl.url.pod) for group in sorted(wanted)}

    async def explained(self, need: Need) -> list[str]:
        """Why each rule of the effective ACL matches this caller on the need's target, or does not."""
        acl = await self.acls.effective(need.target)
        if acl is None:
            return ["  There is no such storage, or it has no ACL: nothing is held."]
        rules = await authorizations_of(self.acls, self.parsed, acl, base_url=self.base_url, limits=self.limits)
        place = need.target.iri(self.base_url)
        above = acl.subject.iri(self.base_url) if acl.inherited else None
        members = await self.members(acl, rules, place, above, NO_MODES)
        counted = f"inherited, so acl:default {acl.subject.path} counts" if acl.inherited else "its own"
        lines = [f"  The effective ACL is {acl.url.path} ({counted}); applicable rules: {len(rules)}."]
        for rule in rules:
            why = why_not(rule, self.caller, target=place, inherited_from=above, groups=members, origin=self.origin)
            verdict = f"gives {_listed(rule.modes)}" if why is None else f"gives nothing: {why}"
            lines.append(f"  Rule {rule.name} {verdict}.")
        if owner_modes(acl, self.caller):
            lines.append("  The caller owns the storage, which always gives control.")
        if isinstance(self.caller, Agent) and self.caller.ceiling is not None:
            lines.append(f"  {_ceiling_in_words(self.caller.ceiling, need.target)}")
        return lines


def owner_modes(acl: EffectiveAcl, caller: Caller) -> Modes:
    """WA-5: the owner of a storage always holds Control, and only Control, on every resource of it."""
    return _CONTROL if isinstance(caller, Agent) and caller.webid == acl.owner else NO_MODES


def lowered(held: Held, caller: Caller, target: ResourceUrl) -> Held:
    """What an app under a ceiling holds of what its person holds; never less than everybody."""
    user = under_ceiling(held.user, caller, target)
    return held if user is held.user else Held(user | held.public, held.public, held.by)


def under_ceiling(modes: Modes, caller: Caller, target: ResourceUrl) -> Modes:
    """What is left of a person's modes for an app under a ceiling (PAIN-05): below its folders all but Control, since
    who may see them is not the app's to say; elsewhere nothing beyond what everybody holds."""
    ceiling = caller.ceiling if isinstance(caller, Agent) else None
    if ceiling is None:
        return modes
    return modes - _CONTROL if ceiling.covers(target) else NO_MODES


async def explain(
    acls: Acls,
    parsed: ParsedAcls,
    caller: Caller,
    needs: Sequence[Need],
    *,
    groups: Groups,
    base_url: str,
    limits: Limits,
    also: Policy | None = None,
    origin: Origin | None = TRUSTED_ORIGIN,
) -> list[str]:
    """The same decision in sentences, for the operator: each need, each rule that could meet it, and why or why not."""
    look = _Look(acls, parsed, caller, groups=groups, base_url=base_url, limits=limits, origin=origin)
    lines: list[str] = []
    for need in needs:
        lines.append(f"{need.target.path}: {need.because} needs {_listed(need.modes)}.")
        lines += await look.explained(need)
    if also is not None:
        for target, held in (await also.held(caller, needs)).items():
            lines.append(f"{target.path}: the second policy gives {_listed(held.user)}, by {held.by}.")
    decision = await decide(
        acls, parsed, caller, needs, groups=groups, base_url=base_url, limits=limits, also=also, origin=origin
    )
    if isinstance(decision, Allowed):
        return [*lines, f"Allowed, by {decision.by}."]
    return [*lines, f"Refused: {decision.because}."]


async def authorizations_of(
    acls: Acls, parsed: ParsedAcls, acl: EffectiveAcl, *, base_url: str, limits: Limits
) -> tuple[Authorization, ...]:
    """The rules of one ACL, parsed once for each version. An ACL that does not parse gives nothing (fail closed)."""
    found = parsed.get(acl)
    if found is not None:
        return found
    place = acl.url.iri(base_url)
    try:
        graph = await parse_guarded(await acls.text(acl), await acls.media_type(acl), base=place, limits=limits)
    except (Malformed, Unprocessable, UnsupportedMedia, TooLarge) as fault:
        if fault.reason != "parse-budget":  # that one may pass the next time
            parsed.put(acl, ())
        return ()
    found = parse_acl(graph, place)
    parsed.put(acl, found)
    return found


_CONTROL: Final[Modes] = frozenset({AccessMode.CONTROL})


def _ceiling_in_words(ceiling: Ceiling, target: ResourceUrl) -> str:
    """For the operator: what a ceiling makes of the rules on one target."""
    if not ceiling.folders:
        return "The ceiling of the client is identity alone: of all this, what everybody has is left."
    named = ", ".join(f"/{folder.pod}{folder.path}" for folder in ceiling.folders)
    if ceiling.covers(target):
        return f"The ceiling of the client is {named}, which covers this: all of it but control is left."
    return f"The ceiling of the client is {named}, which does not cover this: what everybody has is left."


def _listed(modes: Modes) -> str:
    return ", ".join(sorted(modes)) or "nothing"


def _weight(authorizations: tuple[Authorization, ...]) -> int:
    return 1 + sum(a.weight for a in authorizations)
