"""An environment of its own for each peer, made at its first use from ``peers/<peer>.lock`` and kept."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PLACE = ROOT / ".venv-bench"
INSTALL_S = 900


class Absent(Exception):
    """A peer that cannot be had here; the text says why."""


def versions(peer: str) -> dict[str, str]:
    """What the peer's lock file pins."""
    lines = (HERE / "peers" / f"{peer}.lock").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==", 1) for line in lines if "==" in line)


def version_of(peer: str) -> str:
    """The peer's own version."""
    found = versions(peer)
    return found[peer if peer in found else peer.replace("_", "-")]


def python_of(peer: str, say: Callable[[str], None]) -> Path:
    """The peer's interpreter, its packages installed. Raises ``Absent``."""
    lock = HERE / "peers" / f"{peer}.lock"
    folder = PLACE / peer
    python, stamp = folder / "bin" / "python", folder / "made"
    key = hashlib.blake2b(lock.read_bytes() + platform.python_version().encode(), digest_size=10).hexdigest()
    if stamp.is_file() and stamp.read_text() == key and python.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    say(f"making the environment of {peer}: {len(versions(peer))} packages, once")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "--only-binary", ":all:", "-r", str(lock)]):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_S, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Absent(f"its environment could not be made ({type(error).__name__})") from None
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            say(f"{peer} is left out: {errors[-1] if errors else f'exit status {done.returncode}'}")
            raise Absent("not installable here")
    stamp.write_text(key)
    return python
