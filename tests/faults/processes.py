"""Starting the processes that the faults are tested on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def started(command: str, folder: Path, word: str) -> Iterator[subprocess.Popen[str]]:
    """`tests.faults.store_process`: it has opened the store when the block begins, and is gone when it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.store_process", command, str(folder), word],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() in ("open\n", "locked\n")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def finish(process: subprocess.Popen[str], *, seconds: float = 60) -> list[str]:
    """What it said, once it has ended well."""
    said, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0
    return said.splitlines()
