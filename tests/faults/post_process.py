"""A process of its own that sends the letters that are due, to be killed on the way.

`python -m tests.faults.post_process FOLDER SMTP_PORT SECONDS`: its clock is SECONDS ahead. It says "open", waits for a
line, sends one round, and says how many letters left.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from tests.live import settings_for
from tests.mailbox import Mailbox, mail_settings
from vault.app import open_vault, utc_now
from vault.chores import post_letters


async def post(folder: Path, port: int, ahead: timedelta) -> None:
    settings = settings_for(folder, 3000, mail=mail_settings(Mailbox(port)))
    async with open_vault(settings, clock=lambda: utc_now() + ahead) as vault:
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(await post_letters(vault), flush=True)


if __name__ == "__main__":
    asyncio.run(post(Path(sys.argv[1]), int(sys.argv[2]), timedelta(seconds=float(sys.argv[3]))))
