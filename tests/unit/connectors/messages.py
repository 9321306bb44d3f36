"""Small messages in the sources' own format, with any value changed; all persons are invented."""

from __future__ import annotations

from tests.house.tree import ROOT
from vault.connectors.dmfa import statements
from vault.connectors.items import Item, Whose
from vault.connectors.led import diplomas
from vault.connectors.magda import Message, MessageKind, read_message

SAMPLES = ROOT / "examples/manage_my_career/messages"
_LED = """<g:GeefBewijsResponse xmlns:g="http://geefbewijs.bewijsraadplegingdienst.led.vlaanderen.be"><Repliek>
<Antwoorden><Antwoord><Inhoud><Bewijzen>{}</Bewijzen></Inhoud></Antwoord></Antwoorden></Repliek></g:GeefBewijsResponse>"""
_BEWIJS = """<Bewijs>
  <BewijsrefertesLed><Bewijsreferte>{Bewijsreferte}</Bewijsreferte>
    <Bewijsmutatiereferte>mutation-1</Bewijsmutatiereferte></BewijsrefertesLed>
  <BewijsstatusLed><Code>{Status}</Code><DatumModificatie><Datum>{Datum}</Datum><Tijd>{Tijd}</Tijd></DatumModificatie>
  </BewijsstatusLed>
  <Leverancier><Naam>Hoger onderwijs</Naam><Bewijsreferte>S-1</Bewijsreferte></Leverancier>
  <PersoonUitgereikt><INSZ>{INSZ}</INSZ></PersoonUitgereikt>
  <Basis><Authenticiteit><Naam>{Authenticiteit}</Naam></Authenticiteit><Graad><Naam>{Graad}</Naam></Graad>
    <Bewijstype><Naam>Diploma</Naam></Bewijstype><Instantie><Naam>{Instantie}</Naam></Instantie>
    <Uitreikingsdatum><Jaar>{Jaar}</Jaar><Maand>{Maand}</Maand><Dag>{Dag}</Dag></Uitreikingsdatum>
    <VolledigeNaam>{VolledigeNaam}</VolledigeNaam><Land><Code>BEL</Code></Land>
    <Instelling><Naam>Hogeschool Scheldemonding</Naam></Instelling>
    <Studierichting><Naam>Informatica</Naam></Studierichting>
    <BijkomendeInformaties><BijkomendeInformatie><Naam>Bewijs omschrijving</Naam>
      <Inhoud>{BewijsOmschrijving}</Inhoud></BijkomendeInformatie></BijkomendeInformaties>{extra}</Basis>
  <Afgeleid>{derived}</Afgeleid>
</Bewijs>"""
_DEFAULTS = {
    "Bewijsreferte": "reference-1",
    "Status": "1",
    "Datum": "02.11.2026",
    "Tijd": "08:55",
    "INSZ": "94451222456",
    "Authenticiteit": "Authentiek",
    "Graad": "Master",
    "Instantie": "Universiteit",
    "Jaar": "2018",
    "Maand": "07",
    "Dag": "04",
    "VolledigeNaam": "Master in de informatica",
    "BewijsOmschrijving": "Master in de informatica",
    "extra": "",
    "derived": "",
}
_DMFA = """<d:GeefDmfaVoorWerknemerResponse xmlns:d="http://magda.vlaanderen.be/werk/soap/geefdmfavoorwerknemer/v03_00">
<Repliek><Antwoorden><Antwoord><Inhoud><Attesten>{}</Attesten>{}</Inhoud></Antwoord></Antwoorden></Repliek>
</d:GeefDmfaVoorWerknemerResponse>"""


def led_message(**values: str) -> Message:
    """A reply with one certificate; `values` change single elements."""
    return _read(_LED.format(_BEWIJS.format(**{**_DEFAULTS, **values})))


def dmfa_message(*attests: str, more: str = "") -> Message:
    return _read(_DMFA.format("".join(attests), more))


def sample_items(name: str, person: str) -> tuple[Item, ...]:
    """The items of one of our sample messages, asked about this person."""
    message = read_message((SAMPLES / name).read_bytes(), max_bytes=2**21, max_depth=64)
    connector = {MessageKind.LED: diplomas, MessageKind.DMFA: statements}[message.kind]
    return connector(message, lambda number: Whose.OWN if number == person else Whose.FOREIGN)


def _read(text: str) -> Message:
    return read_message(text.encode(), max_bytes=2**21, max_depth=64)
