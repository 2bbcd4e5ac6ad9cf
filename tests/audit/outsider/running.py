"""The verifier in Go, built once and asked job by job. Debian and Ubuntu: golang-go, golang-golang-x-mod-dev."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES: Final = Path("/usr/share/gocode")
"""Where Debian puts the sources of Go libraries; another place by the variable GARANT_GOPATH."""


class Outsider:
    """One running process.

    Args:
        folder: where the program is built.
    """

    def __init__(self, folder: Path) -> None:
        go = shutil.which("go")
        assert go is not None, "the verifier in Go needs Go: apt-get install golang-go golang-golang-x-mod-dev"
        program = folder / "outsider"
        sources = os.environ.get("GARANT_GOPATH", str(SOURCES))
        environ = {
            **os.environ,
            "GO111MODULE": "off",
            "GOPATH": sources,
            "GOFLAGS": "",
            "GOCACHE": str(folder / "cache"),
            "CGO_ENABLED": "0",
        }
        subprocess.run([go, "build", "-o", str(program), str(Path(__file__).with_name("main.go"))], env=environ, check=True)
        self._process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

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
