"""Reading through a grant: who, when, what, for what; and every refusal with its line in the log."""

from tests.lock import *  # noqa
async def test_x(counter: Counter) -> None:
    grant = await counter.granted("title", "date")
    view = await counter.viewed(grant)
    print(view.body.decode())
    print(await counter.last())
    assert 0
