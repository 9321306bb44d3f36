"""Web Access Control: an ACL graph becomes authorizations, and authorizations become the modes that a caller holds.

The sentences are those of Web Access Control 1.0, with the conditions of 1.1: a condition that is ignored makes
access wider than its author meant (TR-31), so they are evaluated from the first day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from vault.access.modes import NO_MODES, AccessMode, Modes, closure
from vault.rdf.graph import ACL, FOAF, RDF, Graph, Iri, Literal, Subject, Term, Triple
from vault.values import Agent, Anonymous, Caller, WebId, normalise_url

# WC-1: what an effective ACL resource advertises by rel="http://www.w3.org/ns/auth/acl#condition".
CLIENT_CONDITION: Final = ACL.ClientCondition.value
ISSUER_CONDITION: Final = ACL.IssuerCondition.value
CONDITION_TYPES: Final = (CLIENT_CONDITION, ISSUER_CONDITION)

_MODES: Final = {
    ACL.Read: AccessMode.READ,
    ACL.Append: AccessMode.APPEND,
    ACL.Write: AccessMode.WRITE,
    ACL.Control: AccessMode.CONTROL,
}
_EVERYBODY: Final = FOAF.Agent
_AUTHENTICATED: Final = ACL.AuthenticatedAgent  # in the acl: namespace, not in foaf: (WA-9)

Members = Mapping[str, frozenset[WebId]]  # group IRI → its members
NO_GROUPS: Final[Members] = {}


@dataclass(frozen=True, slots=True)
class Origin:
    """Strict mode of D5: what the Origin header of the request says."""

    value: str


# D5: "All origins are implicitly trusted": `acl:origin` has no effect unless strict mode is configured.
TRUSTED_ORIGIN: Final[Origin | None] = None


def origin_of(sent: str | None, *, strict: bool) -> Origin | None:
    """How the origin that a request names counts. One that names none does not come from a web page elsewhere."""
    return Origin(sent) if strict and sent is not None else TRUSTED_ORIGIN


@dataclass(frozen=True, slots=True)
class Condition:
    """A client or issuer condition (WC-4, WC-5): `kind` is its class, and any one of its values may hold."""

    kind: str
    values: frozenset[str]
    groups: tuple[str, ...]
    everybody: bool


@dataclass(frozen=True, slots=True)
class Authorization:
    """One applicable rule of an ACL (WA-8). `name` is its fragment, for the operator's eyes."""

    name: str
    access_to: frozenset[str]
    default: frozenset[str]
    modes: Modes
    agents: frozenset[str]
    everybody: bool
    authenticated: bool
    groups: tuple[str, ...]
    origins: frozenset[str]
    conditions: tuple[Condition, ...] = ()

    @property
    def weight(self) -> int:
        """How many names it holds: what it costs to keep."""
        names = len(self.access_to) + len(self.default) + len(self.agents) + len(self.groups) + len(self.origins)
        return 1 + names + sum(1 + len(c.values) + len(c.groups) for c in self.conditions)

    def governs(self, target: str, inherited_from: str | None) -> bool:
        """In the resource's own ACL only `acl:accessTo` counts; in an inherited one only `acl:default` (WA-7)."""
        return target in self.access_to if inherited_from is None else inherited_from in self.default


def parse_acl(graph: Graph, acl_url: str) -> tuple[Authorization, ...]:
    """The applicable authorizations of an ACL document, in a stable order; everything else is skipped (WA-8, WA-11).

    `graph` was parsed with `acl_url` as its base.
    """
    about: dict[Subject, dict[Iri, list[Term]]] = {}
    for triple in graph:
        subject, obj = triple.subject, triple.object
        assert not isinstance(subject, Triple)  # parsers refuse triple terms (LIM-06)
        assert not isinstance(obj, Triple)
        about.setdefault(subject, {}).setdefault(triple.predicate, []).append(obj)
    found = [
        authorization
        for subject, facts in about.items()
        if ACL.Authorization in facts.get(RDF.type, ())
        and (authorization := _authorization(_name(subject, acl_url), facts, about)) is not None
    ]
    return tuple(sorted(found, key=lambda a: (a.name, sorted(a.modes), sorted(a.access_to), sorted(a.default))))


def modes_held(
    authorizations: Iterable[Authorization],
    caller: Caller,
    *,
    target: str,
    inherited_from: str | None,
    groups: Members = NO_GROUPS,
    origin: Origin | None = TRUSTED_ORIGIN,
) -> Modes:
    """The union of the modes of the authorizations that match (section 5.2); nothing matches, nothing held (WA-12).

    `target` and `inherited_from` are normalised absolute URLs; `inherited_from` is the container that owns the ACL,
    None when the ACL is the target's own. `groups` holds the members of those groups that were resolved.
    """
    held: Modes = NO_MODES
    for authorization in authorizations:
        if (
            not authorization.modes <= held
            and authorization.governs(target, inherited_from)
            and matches(authorization, caller, groups=groups, origin=origin)
        ):
            held |= authorization.modes
    return held


def matches(
    authorization: Authorization, caller: Caller, *, groups: Members = NO_GROUPS, origin: Origin | None = TRUSTED_ORIGIN
) -> bool:
    """Whether the subject clause matches this caller, and every condition holds (WA-9, WC-3)."""
    if not (authorization.everybody or _names(authorization, caller, groups)):
        return False
    # D5, strict mode: "an authorization that carries acl:origin matches a request with Origin only if the values are
    # equal; authorizations without it are unaffected". Serialised origins are compared byte for byte (WA-16).
    if origin is not None and authorization.origins and origin.value not in authorization.origins:
        return False
    conditions = authorization.conditions
    return not conditions or all(_holds(condition, caller, groups) for condition in conditions)


def why_not(
    authorization: Authorization,
    caller: Caller,
    *,
    target: str,
    inherited_from: str | None,
    groups: Members = NO_GROUPS,
    origin: Origin | None = TRUSTED_ORIGIN,
) -> str | None:
    """Why a rule gives this caller nothing on this target, for the operator; None when it gives its modes."""
    if not authorization.governs(target, inherited_from):
        return "its acl:accessTo is another" if inherited_from is None else "its acl:default is another"
    if not _names(authorization, caller, groups):
        return "it does not name the caller, nor a class or group the caller is in"
    for condition in authorization.conditions:
        if not _holds(condition, caller, groups):
            kind = "client" if condition.kind == CLIENT_CONDITION else "issuer"
            return f"its {kind} condition does not hold"
    if not matches(authorization, caller, groups=groups, origin=origin):
        return "it is for another origin"
    return None


def groups_to_ask(
    authorizations: Iterable[Authorization], caller: Caller, *, target: str, inherited_from: str | None, held: Modes
) -> frozenset[str]:
    """The groups whose members could still add a mode to `held`. None for a stranger: groups list WebIDs (WA-9)."""
    if isinstance(caller, Anonymous):
        return frozenset()
    wanted: set[str] = set()
    for authorization in authorizations:
        if not authorization.modes <= held and authorization.governs(target, inherited_from):
            wanted.update(authorization.groups)
            wanted.update(group for condition in authorization.conditions for group in condition.groups)
    return frozenset(wanted)


def gives_control(authorizations: Iterable[Authorization], target: str) -> bool:
    """Whether the ACL of `target` itself gives somebody Control: the root's must (WA-5)."""
    return any(AccessMode.CONTROL in a.modes and target in a.access_to for a in authorizations)


@lru_cache(maxsize=256)  # sixteen sets of modes on either side
def wac_allow(user: Modes, public: Modes) -> str:
    """The value of WAC-Allow: lower case, no blank after the comma, `append` always with `write` (WA-14, WA-15)."""
    everybody = closure(public)
    both = closure(user) | everybody
    return f'user="{" ".join(sorted(both))}",public="{" ".join(sorted(everybody))}"'


def _authorization(
    name: str, facts: Mapping[Iri, list[Term]], about: Mapping[Subject, Mapping[Iri, list[Term]]]
) -> Authorization | None:
    """None when it is not applicable: WA-8 wants a type, a target, a mode and somebody."""
    classes = facts.get(ACL.agentClass, ())
    found = Authorization(
        name=name,
        access_to=frozenset(map(normalise_url, _iris(facts, ACL.accessTo))),
        default=frozenset(map(normalise_url, _iris(facts, ACL.default))),
        modes=frozenset(_MODES[mode] for mode in facts.get(ACL.mode, ()) if isinstance(mode, Iri) and mode in _MODES),
        agents=frozenset(_iris(facts, ACL.agent)),
        everybody=_EVERYBODY in classes,
        authenticated=_AUTHENTICATED in classes,
        groups=tuple(sorted(_iris(facts, ACL.agentGroup))),
        origins=frozenset(_iris(facts, ACL.origin)),
        conditions=tuple(_conditions(facts.get(ACL.condition, ()), about)),
    )
    # An origin alone never grants (WA-8), and a mode we do not know never widens access (WA-11).
    somebody = found.agents or found.everybody or found.authenticated or found.groups
    return found if found.modes and somebody and (found.access_to or found.default) else None


def _conditions(nodes: Iterable[Term], about: Mapping[Subject, Mapping[Iri, list[Term]]]) -> Iterator[Condition]:
    """Conditions of the advertised types; others are ignored (WC-2). A node that uses our terms without saying its
    type counts too: ignoring it would give more than its author meant (TR-31)."""
    for node in sorted(nodes, key=str):
        facts = {} if isinstance(node, Literal) else about.get(node, {})
        for kind, value, group, everybody in (
            (ACL.ClientCondition, ACL.client, ACL.clientGroup, ACL.clientClass),
            (ACL.IssuerCondition, ACL.issuer, ACL.issuerGroup, ACL.issuerClass),
        ):
            if kind in facts.get(RDF.type, ()) or any(term in facts for term in (value, group, everybody)):
                yield Condition(
                    kind=kind.value,
                    values=frozenset(_iris(facts, value)),
                    groups=tuple(sorted(_iris(facts, group))),
                    everybody=_EVERYBODY in facts.get(everybody, ()),
                )


def _names(authorization: Authorization, caller: Caller, groups: Members) -> bool:
    """The subject clause alone (WA-9)."""
    if authorization.everybody:
        return True
    if not isinstance(caller, Agent):
        return False
    if authorization.authenticated or caller.webid in authorization.agents:
        return True
    return any(caller.webid in groups.get(group, ()) for group in authorization.groups)


def _holds(condition: Condition, caller: Caller, groups: Members) -> bool:
    """WC-4, WC-5: the client is the token's `azp` or `client_id`, the issuer its `iss`. A condition without any value
    holds for nobody."""
    if condition.everybody:
        return True
    if not isinstance(caller, Agent):
        return False
    presented = caller.client if condition.kind == CLIENT_CONDITION else caller.issuer
    if presented is None:
        return False
    return presented in condition.values or any(presented in groups.get(group, ()) for group in condition.groups)


def _iris(facts: Mapping[Iri, list[Term]], predicate: Iri) -> list[str]:
    return [term.value for term in facts.get(predicate, ()) if isinstance(term, Iri)]


def _name(subject: Subject, acl_url: str) -> str:
    if isinstance(subject, Iri):
        return subject.value.removeprefix(acl_url)
    return "[]"
