"""A process of its own that removes accounts whose time is over, a few rows at a time, to be killed on the way.

`python -m tests.faults.closing_process FOLDER PORT`; it says "step" after each transaction, and "done" at the end.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.live import settings_for
from vault.app import open_vault
from vault.closing import Step, close_step


async def remove(folder: Path, port: int) -> None:
    async with open_vault(settings_for(folder, port)) as vault:
        async with vault.reading() as work:
            due = await work.accounts.closing(vault.clock(), limit=10)
        for account in due:
            while await close_step(vault, account.id, at_once=2) is Step.ANOTHER:
                os.write(1, b"step\n")
        os.write(1, b"done\n")


if __name__ == "__main__":
    asyncio.run(remove(Path(sys.argv[1]), int(sys.argv[2])))
