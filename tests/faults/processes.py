"""Starting the processes that the faults are tested on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def started(command: str, folder: Path, word: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """`tests.faults.store_process`: it has opened the store when the block begins, and is gone when it ends."""
    return running("store_process", command, str(folder), word)


@contextmanager
def running(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A module of this folder as a process: it has opened the store when the block begins, waits to be told, and is
    gone when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{module}", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() in ("open\n", "locked\n")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def begin(process: subprocess.Popen[str]) -> None:
    """Tells a process that waits for it to begin."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str], *, seconds: float = 60) -> list[str]:
    """What it said, once it has ended well."""
    said, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0
    return said.splitlines()
