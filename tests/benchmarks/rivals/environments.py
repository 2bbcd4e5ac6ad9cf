"""Installs each rival once, into its own folder of the user's cache, at the versions of the constraints files.

A folder is named after what it was built from, and is used only when its installation came to an end.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.servers import NotStartedError

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent.parent
LITELLM_CONSTRAINTS = HERE / "constraints-litellm.txt"
PORTKEY_CONSTRAINTS = HERE / "constraints-portkey.txt"
INSTALL_SECONDS = 900
COMPLETE = "complete"


def cache() -> Path:
    """`$XDG_CACHE_HOME/garant-benchmarks`, by default below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "garant-benchmarks"


def run(command: Sequence[str], folder: Path) -> str:
    """Run an installation step; NotStartedError with its last output when it fails."""
    print(f"  installing: {' '.join(Path(command[0]).name if part == command[0] else part for part in command)}", file=sys.stderr)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode:
        raise NotStartedError(f"installing failed: {' '.join(command)}: {(done.stdout + done.stderr)[-800:].strip()}")
    return done.stdout


def fresh(name: str, source: bytes) -> tuple[Path, bool]:
    """The folder for this name and source, and whether it still has to be filled."""
    folder = cache() / f"{name}-{hashlib.sha256(source).hexdigest()[:12]}"
    if (folder / COMPLETE).exists():
        return folder, False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder, True


def pinned(constraints: Path, name: str) -> str:
    """The version that a constraints file gives the package."""
    for line in constraints.read_text().splitlines():
        package, _, version = line.replace("==", "@").rpartition("@")
        if package == name:
            return version
    raise NotStartedError(f"{constraints.name} pins no {name}; add the line back")


def litellm() -> tuple[Path, str]:
    """LiteLLM's command in its virtual environment, and its version."""
    folder, empty = fresh("litellm", LITELLM_CONSTRAINTS.read_bytes())
    if empty:
        run([sys.executable, "-m", "venv", str(folder)], folder)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "litellm[proxy]", "-c", str(LITELLM_CONSTRAINTS)], folder)
        (folder / COMPLETE).touch()
    return folder / "bin" / "litellm", pinned(LITELLM_CONSTRAINTS, "litellm")


def portkey() -> tuple[Path, str]:
    """Portkey's start script in its own npm folder, and its version."""
    if not (shutil.which("npm") and shutil.which("node")):
        raise NotStartedError("Portkey's gateway needs Node.js: install `nodejs` and `npm` and run again")
    folder, empty = fresh("portkey", PORTKEY_CONSTRAINTS.read_bytes())
    version = pinned(PORTKEY_CONSTRAINTS, "@portkey-ai/gateway")
    if empty:
        (folder / "package.json").write_text('{"private": true}')
        run(["npm", "install", "--no-audit", "--no-fund", "--save-exact", f"@portkey-ai/gateway@{version}"], folder)
        (folder / COMPLETE).touch()
    return folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js", version


def nginx() -> tuple[Path, str]:
    """Nginx from PATH, else Debian's package unpacked into the cache (no root, no service started)."""
    on_path = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    program = Path(on_path) if on_path else unpacked_nginx()
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False, timeout=10)
    if said.returncode:
        raise NotStartedError(f"{program} does not run: {said.stderr.strip()}. Install Debian's package `nginx-light` and run again")
    return program, said.stderr.split("/")[-1].split()[0]


def unpacked_nginx() -> Path:
    """The program out of Debian's package."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotStartedError("nginx is not on PATH: install it with your system's packages (Debian: `nginx-light`) and run again")
    folder, empty = fresh("nginx", b"debian nginx")
    if empty:
        if os.geteuid() == 0:
            run(["apt-get", "update", "-qq"], folder)
        run(["apt-get", "download", "-qq", "nginx"], folder)
        run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder)], folder)
        (folder / COMPLETE).touch()
    program = folder / "usr" / "sbin" / "nginx"
    if not program.exists():
        raise NotStartedError("this system's package `nginx` holds no program: install nginx with your system's packages and run again")
    return program
