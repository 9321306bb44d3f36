"""Makes both lock files anew from pyproject.toml: every version pinned, every file hashed, no address in them.

Run by `make lock`. It needs the resolver `uv`, which is installed for the occasion and is no dependency.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"requirements.lock": "build", "requirements-dev.lock": "dev"}


def main() -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    for lock, extra in LOCKS.items():
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
             "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", "--extra", extra,
             "pyproject.toml", "-o", lock],
            cwd=ROOT,
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
