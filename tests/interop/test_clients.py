"""Real clients, each at its ordinary work from sign-in to cleaning up. What they do stands in clients/."""

from __future__ import annotations

import pytest

from tests.interop.node import client, require
from tests.live import Live
from tests.people import Person

FOAF = "http://xmlns.com/foaf/0.1/"
OWN = {
    "user": {"read": True, "append": True, "write": True},
    "public": {"read": False, "append": False, "write": False},
}


async def test_inrupts_library_does_a_days_work(server: Live, home: str, alice: Person, bob: Person) -> None:
    require("@inrupt/solid-client")
    seen = await client("inrupt", server, home=home)
    place = f"{home}interop/"
    assert seen["webId"] == alice.webid
    assert seen["isLoggedIn"] is True
    assert seen["profile"] == {
        "name": alice.name,
        "issuers": [server.base_url],
        "inbox": f"{alice.pod}inbox/",
        "pods": [alice.pod],
        "strangersSee": [alice.pod],
    }
    assert seen["container"] == place
    files = {"type": "text/plain", "text": "second", "raw": True, "imageType": "image/png", "bytes": 4, "made": True}
    assert seen["files"] == {**files, "modes": OWN}
    assert seen["dataset"] == {
        "again": 412,  # made with If-None-Match: *
        "name": "Two",
        "knows": bob.webid,
        "age": 41,
        "left": [f"{place}data.ttl#it"],
    }
    assert seen["slugs"] == {
        "dataset": f"{place}posted",
        "things": [f"{place}posted#it"],
        "file": f"{place}named.txt",
        "container": f"{place}sub/",
        "isContainer": True,
    }
    assert seen["listing"] == [
        f"{place}{name}" for name in ("data.ttl", "deep/", "named.txt", "note.txt", "posted", "sub/")
    ]
    assert seen["end"] == {"full": 409, "gone": 404}
    assert seen["after"] == 401  # signed out


async def test_inrupts_library_shares_and_takes_back(server: Live, home: str, alice: Person, bob: Person) -> None:
    require("@inrupt/solid-client")
    seen = await client("inrupt", server, home=home)
    sharing = seen["sharing"]
    assert sharing["before"] == 403
    assert sharing["given"]["read"] is True
    assert sharing["shared"] == {"read": 200, "write": 403, "other": 403, "nobody": 401}
    assert sharing["all"] == [alice.webid, bob.webid]
    assert {mode for mode, held in sharing["publicModes"].items() if held} == {"read", "append"}
    assert (sharing["open"], sharing["closed"], sharing["after"], sharing["owner"]) == (200, 401, 403, True)
    acl = seen["acl"]
    assert acl["inherited"] == {"own": False, "fallback": True, "may": True}
    # The default rule reaches the members, not the container, and nobody creates without a right on the container.
    assert acl["status"] == {"note": 200, "container": 403, "create": 403, "acl": 403}
    assert acl["agents"] == [alice.webid, bob.webid]
    assert acl["bob"] == {"read": True, "append": True, "write": False, "control": False}
    assert acl["after"] == 403


@pytest.mark.parametrize(("dialect", "kind"), [("SPARQL", "application/sparql-update"), ("N3PATCH", "text/n3")])
async def test_rdflib_edits_through_its_update_manager(
    server: Live, home: str, alice: Person, dialect: str, kind: str
) -> None:
    require("rdflib")
    seen = await client("rdflib", server, home=home, dialect=dialect)
    it = f"<{home}rdflib/doc.ttl#it>"
    age = f'{it} <{FOAF}age> "41"^^<http://www.w3.org/2001/XMLSchema#integer> .'
    name = f'{it} <{FOAF}name> "Deux\\n\\"à\\""@fr .'
    assert seen["profile"] == {"name": alice.name, "storage": alice.pod}
    assert seen["created"] == 201
    assert seen["dialect"] == dialect
    assert seen["patches"] == [kind]
    assert seen["inserted"] == [age, f'{it} <{FOAF}name> "One" .']
    assert seen["replaced"] == [age, name]
    # What is not there cannot be removed: a conflict in N3 Patch, nothing to do in SPARQL. The library tells of both.
    late = [] if dialect == "N3PATCH" else [f'{it} <{FOAF}nick> "Three" .']
    assert seen["stale"] is True
    assert seen["afterStale"] == [age, name, *late]
    address = f"{it} <http://www.w3.org/2006/vcard/ns#hasAddress> _: ."
    locality = "_: <http://www.w3.org/2006/vcard/ns#locality>"
    assert seen["blank"]["written"] == sorted([age, name, *late, address, f'{locality} "Gent" .'])
    assert seen["blank"]["changed"] == sorted([age, name, *late, address, f'{locality} "Brugge" .'])
    assert seen["collection"] == ["a", "b"]
    assert seen["container"] == {"made": 201, "listing": [f"{home}rdflib/doc.ttl", f"{home}rdflib/sub/"]}
    assert seen["made"] == [f'<{home}rdflib/by/patch.ttl#it> <{FOAF}name> "Made" .']
    whole = [f'<{home}rdflib/whole.ttl#it> <{FOAF}name> "Whole" .', f'_: <{FOAF}nick> "w" .']
    assert seen["put"] == {"ok": True, "there": whole}
    assert seen["image"] == {"put": 201, "copied": 201}
    assert seen["end"]["gone"] == 404


async def test_linked_data_objects_are_made_changed_uploaded_and_shared(server: Live, home: str, alice: Person) -> None:
    require("@ldo/connected-solid")
    seen = await client("ldo", server, home=home)
    it = f"<{home}ldo/person.ttl#it>"
    assert seen["created"] == ["createSuccess", False, "containerReadSuccess"]
    assert seen["upload"] == {"type": "createSuccess", "mime": "text/plain", "text": "upload", "binary": True}
    assert seen["object"] == [
        f'{it} <{FOAF}name> "Two" .',
        f'{it} <{FOAF}nick> "first" .',
        f'{it} <{FOAF}nick> "second" .',
    ]
    assert seen["root"] == alice.pod
    assert seen["isRoot"] is True
    assert seen["missing"] == "absentReadSuccess"
    assert seen["children"] == [f"{home}ldo/a.txt", f"{home}ldo/person.ttl"]
    none = {"read": False, "write": False, "append": False, "control": False}
    # The library shows the mode words of the ACL itself, where Write stands for Append too.
    assert seen["wac"]["inherited"] == {**none, "read": True, "write": True, "control": True}
    assert seen["wac"]["own"] == {**none, "read": True}
    assert [seen["wac"][who] for who in ("before", "after", "write", "nobody")] == [403, 200, 403, 401]
    assert seen["gone"] == "absentReadSuccess"


async def test_soukai_keeps_its_models_in_the_pod(server: Live, home: str) -> None:
    require("soukai-solid")
    seen = await client("soukai", server, home=home)
    assert seen["list"] == f"{home}to-do/"
    assert seen["documents"] is True
    assert seen["one"] == {
        "name": "Write more",
        "priority": 1,
        "done": "2026-11-24T10:00:00.000Z",
        "labels": ["b", "c"],
    }
    assert seen["timestamps"] is True
    assert seen["unset"] is None
    assert seen["all"] == ["Read", "Write more"]
    assert seen["filtered"] == ["Read"]
    assert seen["found"] == {"name": "To do", "tasks": ["Read", "Write more"]}
    assert seen["renamed"] == "Done"
    assert seen["permissions"] == {"before": 401, "wasPrivate": True, "open": 200, "owner": 200, "after": 401}
    assert seen["left"] == ["Read"]
    assert seen["gone"] == 404


async def test_comunica_queries_and_updates_private_documents(server: Live, home: str, alice: Person) -> None:
    require("@comunica/query-sparql-solid")
    seen = await client("comunica", server, home=home)
    one, two = f"{home}comunica/one.ttl", f"{home}comunica/two.ttl"
    schema = "http://schema.org/"
    age = f'<{one}#a> <{schema}age> "41"^^<http://www.w3.org/2001/XMLSchema#integer> .'
    assert seen["created"] == [age, f'<{one}#a> <{schema}name> "one" .']
    assert seen["other"] == [f"<{two}#b> <{schema}knows> <{one}#a> .", f'<{two}#b> <{schema}name> "two" .']
    assert seen["changed"] == [age, f'<{one}#a> <{schema}name> "uno" .']
    assert seen["removed"] == [f'<{one}#a> <{schema}name> "uno" .']
    assert seen["joined"] == [{"who": "two", "known": "uno"}]
    assert seen["members"] == [one, two]
    assert seen["asked"] is True
    assert "HTTP status 401" in seen["stranger"]
    assert seen["public"] == [alice.name]
    assert seen["end"] == 204


async def test_the_notifications_client_subscribes_hears_and_is_let_go(server: Live, home: str, alice: Person) -> None:
    require("@solid-notifications/subscription")
    seen = await client("notifications", server, home=home)
    place, notify = f"{home}watched/", "http://www.w3.org/ns/solid/notifications#"
    assert seen["folder"]["channel"] == {"type": f"{notify}WebSocketChannel2023", "topic": place}
    assert seen["folder"]["came"] == [  # and nothing of what happens elsewhere
        {"type": "Add", "object": f"{place}b.ttl", "target": place},
        {"type": "Remove", "object": f"{place}b.ttl", "target": place},
    ]
    assert seen["folder"]["contexts"][0] == "https://www.w3.org/ns/activitystreams"
    assert seen["stranger"] is True
    changed = {"type": "Update", "object": f"{home}shared.ttl", "target": None}
    assert seen["shared"] == {"before": [changed], "after": 0, "closed": True}
    hooked = {"type": "Update", "object": f"{home}hooked.ttl", "target": None, "signed": "DPoP", "proof": True}
    assert seen["webhook"] == {"sendTo": True, "came": [hooked]}
    live = {"type": "Update", "object": f"{home}live.ttl", "target": None}
    assert seen["ldo"] == {"came": [live], "shown": "live", "errors": []}
