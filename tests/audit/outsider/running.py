"""The verifier in Go, built once and asked job by job. Debian and Ubuntu: golang-go, golang-golang-x-mod-dev."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import fasteners

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES: Final = Path("/usr/share/gocode")
"""Where Debian puts the sources of Go libraries; another place by the variable GARANT_GOPATH."""


class Outsider:
    """One running process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([str(_built())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def says(self, *words: object) -> str:
        """The answer to one job, `ok …` or `bad …`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")

    def accepts(self, *words: object) -> bool:
        """Whether it finds nothing wrong."""
        said = self.says(*words)
        assert said.startswith(("ok ", "bad ")), said
        return said.startswith("ok ")

    def end(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


def keys(vkeys: Sequence[object]) -> str:
    """Keys as the program takes them."""
    return ",".join(key.encode() for key in vkeys)  # type: ignore[attr-defined]


def _built() -> Path:
    """The program, built once for this environment: Debian's Go has to compile its own library first, which takes it a minute of a processor."""
    source, folder = Path(__file__).with_name("main.go"), Path(sys.prefix) / "go"
    program = folder / f"outsider-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    folder.mkdir(exist_ok=True)
    with fasteners.InterProcessLock(folder / "lock"):
        if not program.exists():
            _build(source, program, folder / "cache")
    return program


def _build(source: Path, program: Path, cache: Path) -> None:
    go = shutil.which("go")
    assert go is not None, "the verifier in Go needs Go: apt-get install golang-go golang-golang-x-mod-dev"
    sources = os.environ.get("GARANT_GOPATH", str(SOURCES))
    own = {"GO111MODULE": "off", "GOPATH": sources, "GOFLAGS": "", "GOCACHE": str(cache), "CGO_ENABLED": "0"}
    part = program.with_suffix(".part")
    subprocess.run([go, "build", "-o", str(part), str(source)], env={**os.environ, **own}, check=True)
    part.replace(program)
