"""The command itself, as an operator runs it: a process of its own that can be stopped, and killed."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.people import CAST

ROOT = Path(__file__).resolve().parents[1]
_COMMAND = [sys.executable, "-c", "from vault.cli import main; main()"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def run_command(*arguments: str, folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    """One `datakluis` command on the store in `folder`, to its end."""
    return subprocess.run(
        [*_COMMAND, *arguments],
        cwd=ROOT,
        env=_environment(folder, port),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@dataclass
class ServerProcess:
    """`datakluis serve` on the store in `folder`."""

    folder: Path
    port: int
    workers: int = 1
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.port}/"

    @property
    def log(self) -> Path:
        return self.folder.parent / f"{self.folder.name}.log"

    def start(self) -> None:
        """Returns when it is ready."""
        environment = _environment(self.folder, self.port) | self.settings
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*_COMMAND, "serve", "--workers", str(self.workers)],
                cwd=ROOT,
                env=environment,
                stderr=log,
                stdout=log,
                start_new_session=True,
            )
        end = time.monotonic() + 60
        while not self._ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to it and all its workers: nothing more runs."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, told: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end, and returns its exit code."""
        assert self.process is not None
        self.process.send_signal(told)
        return self.process.wait(60)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def server_process(folder: Path, *, workers: int = 1, **settings: str) -> Iterator[ServerProcess]:
    """A seeded and running server; gone when the block ends, however it ends."""
    server = ServerProcess(folder, free_port(), workers, {f"DATAKLUIS_{k.upper()}": v for k, v in settings.items()})
    seeded = run_command("seed", str(CAST), folder=folder, port=server.port)
    assert seeded.returncode == 0, seeded.stderr
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


def _environment(folder: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DATAKLUIS_")}
    return kept | {
        "DATAKLUIS_DATA": str(folder),
        "DATAKLUIS_PORT": str(port),
        "DATAKLUIS_REQUESTS_PER_MINUTE": "0",
        "DATAKLUIS_LOG_LEVEL": "warning",
    }
