"""Across servers: what no test within one server finds. The neighbour is the Community Solid Server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.community import Community, community_server
from tests.interop.node import client, require, told
from tests.live import Live

CLOSED = {"read": 403, "write": 403, "other": 403, "nobody": 401}


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    require("@inrupt/solid-client")
    with community_server(tmp_path_factory.mktemp("community")) as found:
        yield found


@pytest.fixture
async def seen(server: Live, neighbour: Community, home: str) -> Any:
    return await client(
        "across", server, home=home, other={"baseUrl": neighbour.base_url, "dora": told(neighbour.dora)}
    )


@pytest.mark.requirement("RS-3", "RS-4")
async def test_people_of_two_servers_visit_each_other_by_the_acls_of_the_pod(neighbour: Community, seen: Any) -> None:
    assert seen["dora"] == neighbour.dora.webid
    for visit, changed in ((seen["theirsAtOurs"], 204), (seen["oursAtTheirs"], 205)):
        assert visit["before"] == CLOSED
        assert visit["reading"] == {**CLOSED, "read": 200}
        assert visit["modes"].startswith('user="read"')
        assert visit["writing"] == {**CLOSED, "read": 200, "write": changed}
        assert visit["text"] == "by the guest"
        assert visit["after"] == CLOSED
    assert seen["group"] == {"before": 403, "member": 200, "other": 403, "nobody": 401}
