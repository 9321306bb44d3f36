"""The XML door, and the envelope that all messages of the Flemish data exchange (MAGDA) share.

Expat reads one bounded document: no DOCTYPE, no entity, nothing from outside, a limit on bytes, depth and elements
(LIM-15). Every element knows where it stands in the original bytes, so that one item can be kept exactly as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

from vault.errors import Malformed, TooLarge, Unprocessable

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MAX_ELEMENTS: Final = 100_000


@dataclass(frozen=True, slots=True, repr=False)
class Element:
    """One element. `name` is local; ours have no namespace. `text` is its own text with white space collapsed.

    `start` and `end` are the byte span in the original: original[start:end] begins with "<" and ends with ">".
    """

    namespace: str
    name: str
    text: str
    children: tuple[Element, ...]
    start: int
    end: int

    def all(self, path: str) -> tuple[Element, ...]:
        """Elements at "A/B/C" below this one, in document order. Only names without a namespace."""
        found: tuple[Element, ...] = (self,)
        for step in path.split("/"):
            found = tuple(c for one in found for c in one.children if c.name == step and not c.namespace)
        return found

    def find(self, path: str) -> Element | None:
        return next(iter(self.all(path)), None)

    def value(self, path: str) -> str:
        """The collapsed text at the path, "" when there is none."""
        found = self.find(path)
        return found.text if found else ""

    def walk(self) -> Iterator[Element]:
        """This element and everything below it, in document order."""
        ahead = [self]
        while ahead:
            one = ahead.pop()
            yield one
            ahead += reversed(one.children)


class MessageKind(StrEnum):
    """Which service answered; read from the root element, never from the free text in the context."""

    LED = "led"
    DMFA = "dmfa"


ROOTS: Final[Mapping[tuple[str, str], MessageKind]] = MappingProxyType(
    {
        ("http://geefbewijs.bewijsraadplegingdienst.led.vlaanderen.be", "GeefBewijsResponse"): MessageKind.LED,
        (
            "http://magda.vlaanderen.be/werk/soap/geefdmfavoorwerknemer/v03_00",
            "GeefDmfaVoorWerknemerResponse",
        ): MessageKind.DMFA,
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer has content. `notes` are codes of warnings that came with it."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """An answer without content, and not an error: what the vault holds stays as it is.

    `reason`: "nothing-found", "filtered" (kept back by our authorisation: never "has none") or "later" (in a batch).
    """

    reason: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """The source did not answer. `code` is "ORIGIN/number"; retryable faults are worth asking again, with back-off."""

    code: str
    reason: str
    retryable: bool


Outcome = Found | Empty | Fault

# The key is the pair: LED/40000 is "no data", while MAGDA/40000 elsewhere is "invalid street".
_EMPTY: Final[Mapping[str, str]] = {
    "LED/40000": "nothing-found",
    "MAGDA/30001": "nothing-found",
    "MAGDA/15021": "filtered",
}
_FAULTS: Final[Mapping[str, tuple[str, bool]]] = {
    "MAGDA/13202": ("no-dossier", False),
    "MAGDA/99996": ("too-many-questions", True),
    "LED/90000": ("source-unavailable", True),
    "MAGDA/60006": ("source-silent", True),
    "MAGDA/60007": ("source-unreadable", True),
    "MAGDA/99994": ("source-unexpected", True),
    "MAGDA/99995": ("source-busy", True),
    "MAGDA/99997": ("source-unreachable", True),
}
_NOTES: Final = frozenset(["WAARSCHUWING", "INFORMATIE"])


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """One Antwoord: the reference of the question, what came of it, and the content."""

    reference: str
    outcome: Outcome
    content: Element | None


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One reply. `reference` is that of our question, `source_reference` MAGDA's own, `capacity` the purpose code
    under which it was asked; all three belong in the statutory log."""

    kind: MessageKind
    original: bytes
    reference: str
    source_reference: str
    capacity: str
    answers: tuple[Answer, ...]
    failure: Empty | Fault | None  # what stands under Repliek itself: the whole message failed

    def slice(self, span: tuple[int, int]) -> bytes:
        """The original bytes of one item."""
        return self.original[span[0] : span[1]]


def read_message(raw: bytes, *, max_bytes: int, max_depth: int) -> Message:
    """Reads one reply, bare or in a SOAP 1.1 envelope.

    Raises Malformed, TooLarge, or Unprocessable for a message that is not one of ours.
    """
    root = _body(read_xml(raw, max_bytes=max_bytes, max_depth=max_depth))
    kind = ROOTS.get((root.namespace, root.name))
    reply = root.find("Repliek")
    if kind is None or reply is None:
        raise Unprocessable("message-unknown", "This is not a reply of a service that is known here.")
    whole = judge(_exceptions(reply), has_content=True)
    return Message(
        kind=kind,
        original=raw,
        reference=reply.value("Context/Bericht/Ontvanger/Referte"),
        source_reference=reply.value("Context/Bericht/Afzender/Referte"),
        capacity=reply.value("Context/Bericht/Ontvanger/Hoedanigheid"),
        answers=tuple(_answer(one) for one in reply.all("Antwoorden/Antwoord")),
        failure=None if isinstance(whole, Found) else whole,
    )


def judge(exceptions: tuple[tuple[str, str], ...], *, has_content: bool) -> Outcome:
    """What a set of (code, type) pairs means. A fault outranks everything, "filtered" outranks "nothing found"."""
    notes = tuple(code for code, kind in exceptions if kind in _NOTES)
    empty = {_EMPTY[code] for code, _ in exceptions if code in _EMPTY}
    for code, kind in exceptions:
        if code in _EMPTY or kind in _NOTES:
            continue
        reason, retryable = _FAULTS.get(code, ("unknown-fault", False))
        return Fault(code, reason, retryable)
    if empty:
        return Empty("filtered" if "filtered" in empty else "nothing-found", notes)
    return Found(notes) if has_content else Empty("nothing-found", notes)


def _answer(element: Element) -> Answer:
    content = element.find("Inhoud")
    has_content = content is not None and bool(content.children)
    outcome = judge(_exceptions(element), has_content=has_content)
    if content is not None and content.find("AntwoordInBatch/Resultaat") is not None and isinstance(outcome, Found):
        outcome = Empty("later", outcome.notes)
    return Answer(element.value("Referte"), outcome, content if isinstance(outcome, Found) else None)


def _exceptions(element: Element) -> tuple[tuple[str, str], ...]:
    """(code, type) of each exception. Its diagnosis and annotations may hold personal data: they are not read."""
    found = element.all("Uitzonderingen/Uitzondering")
    return tuple((f"{one.value('Oorsprong')}/{one.value('Identificatie')}", one.value("Type")) for one in found)


def _body(root: Element) -> Element:
    if (root.namespace, root.name) != (SOAP, "Envelope"):
        return root
    bodies = [one for one in root.children if (one.namespace, one.name) == (SOAP, "Body")]
    inside = bodies[0].children if len(bodies) == 1 else ()
    if len(inside) != 1 or inside[0].namespace == SOAP:
        raise Unprocessable("soap-body", "The SOAP body holds no single reply.")
    return inside[0]


def read_xml(raw: bytes, *, max_bytes: int, max_depth: int) -> Element:
    """One XML document in UTF-8 as a tree. Raises TooLarge, Malformed("xml-…") or Unprocessable("xml-…")."""
    if len(raw) > max_bytes:
        raise TooLarge("xml-size", f"A message has at most {max_bytes} bytes.")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise Malformed("xml-encoding", "A message is written in UTF-8.") from cause
    tree = _Tree(raw, max_depth)
    try:
        tree.parser.Parse(raw, True)
    except expat.ExpatError as cause:
        raise Malformed("xml-syntax", f"The message is not well-formed XML, at line {cause.lineno}.") from cause
    assert tree.root is not None  # expat refuses a document without an element
    return tree.root


@dataclass(slots=True)
class _Open:
    """An element whose end has not been read yet."""

    namespace: str
    name: str
    start: int
    text: list[str]
    children: list[Element]


class _Tree:
    """Builds the tree from expat's events, and stops at the first thing that must not be."""

    def __init__(self, raw: bytes, max_depth: int) -> None:
        self.root: Element | None = None
        self._raw = raw
        self._max_depth = max_depth
        self._open: list[_Open] = []
        self._count = 0
        # The encoding is given, so that byte positions are those of the original whatever the declaration says.
        self.parser = expat.ParserCreate("UTF-8", " ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._doctype
        self.parser.ExternalEntityRefHandler = self._doctype

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if len(self._open) >= self._max_depth:
            raise Unprocessable("xml-depth", f"A message has at most {self._max_depth} levels.")
        if self._count > MAX_ELEMENTS:
            raise Unprocessable("xml-elements", f"A message has at most {MAX_ELEMENTS} elements.")
        namespace, _, local = name.rpartition(" ")
        self._open.append(_Open(namespace, local, self.parser.CurrentByteIndex, [], []))

    def _end(self, name: str) -> None:
        one = self._open.pop()
        # A tag that closes itself is its own end; expat then stands after it.
        opened = _tag_end(self._raw, one.start)
        closes_itself = self._raw[opened - 2 : opened] == b"/>"
        end = opened if closes_itself else _tag_end(self._raw, self.parser.CurrentByteIndex)
        text = " ".join("".join(one.text).split())
        element = Element(one.namespace, one.name, text, tuple(one.children), one.start, end)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element

    def _text(self, data: str) -> None:
        self._open[-1].text.append(data)

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise Malformed("xml-encoding", "A message is written in UTF-8.")

    def _doctype(self, *_: object) -> int:
        raise Unprocessable("xml-doctype", "A message has no DOCTYPE and declares no entities.")


def _tag_end(raw: bytes, at: int) -> int:
    """The position after the ">" of the tag that starts at `at`; one in a quoted attribute value does not count."""
    quote = 0
    for index in range(at, len(raw)):
        byte = raw[index]
        if quote:
            quote = 0 if byte == quote else quote
        elif byte in b"\"'":
            quote = byte
        elif byte == 0x3E:
            return index + 1
    return len(raw)
