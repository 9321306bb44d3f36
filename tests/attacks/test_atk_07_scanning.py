"""ATK-07: what the server could and could not fetch tells nobody what stands in its own network. Addresses of its own
side are never connected to, so an open door, a closed one and one that swallows everything look and last the same."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.browser import App, ask
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import Holder
from tests.live import Live, serving
from tests.people import Visitor, visiting
from tests.server_process import free_port

__all__ = ["elsewhere"]

pytestmark = pytest.mark.requirement("ATK-07")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """As in production: nothing on this machine is called, and a name or a fetch may take its five seconds."""
    outbound = {"insecure_allow_loopback": False, "negative_cache_seconds": 0}
    with serving(tmp_path_factory.mktemp("vault"), outbound=outbound) as live:
        yield live


@pytest.fixture
async def visitor(server: Live) -> AsyncIterator[Visitor]:
    async with visiting(server.base_url) as visitor:
        yield visitor


def doors(there: Elsewhere) -> dict[str, str]:
    """Bases of addresses inside: somebody answers, nobody does, and packets go nowhere."""
    port = there.base_url.rpartition(":")[2].rstrip("/")
    return {
        "open": f"http://localhost:{port}/",
        "closed": f"http://localhost:{free_port()}/",
        "open-by-number": f"https://127.0.0.1:{port}/",
        "private": "https://10.255.255.1/",
        "metadata": "https://169.254.169.254/",
        "mapped": "https://[::ffff:10.0.0.1]/",
    }


async def test_client_id_documents_inside_get_one_answer_in_one_time(visitor: Visitor, elsewhere: Elsewhere) -> None:
    answers, times = set(), {}
    for name, base in doors(elsewhere).items():
        client_id = f"{base}app"
        described = {"client_id": client_id, "redirect_uris": ["https://app.example/cb"]}
        elsewhere.publish("/app", json.dumps(described), "application/ld+json")
        took = []
        for number in range(5):
            app = App(visitor, f"{client_id}{'?' * bool(number)}{number or ''}", "https://app.example/cb")
            started = time.perf_counter()
            answer = await visitor.get(app.authorization_url(), accept="application/json")
            took.append(time.perf_counter() - started)
            answers.add((answer.status, answer.json["reason"], answer.json["detail"]))
        times[name] = statistics.median(took)
    assert len(answers) == 1, answers
    assert max(times.values()) < 0.5, times
    assert elsewhere.asked == []


async def test_issuers_and_webids_inside_get_one_answer_in_one_time(visitor: Visitor, elsewhere: Elsewhere) -> None:
    answers, times = set(), {}
    elsewhere.publish_issuer()
    for name, base in doors(elsewhere).items():
        took = []
        for number in range(5):
            holder = Holder()
            issuer = f"{base}{number}/"
            holder.token = elsewhere.token(f"{issuer}dora#me", holder.thumbprint, iss=issuer)
            started = time.perf_counter()
            answer = await ask(visitor, holder, f"{visitor.base_url}alice/")
            took.append(time.perf_counter() - started)
            answers.add((answer.status, answer.json["reason"], answer.json["detail"]))
        times[name] = statistics.median(took)
    assert len(answers) == 1, answers
    assert max(times.values()) < 0.5, times
    assert elsewhere.asked == []
