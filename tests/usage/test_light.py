"""What care does not need, a replica does not carry."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("duckdb", "numpy", "pandas", "pyarrow", "scipy", "statsmodels", "typst")
LOADED = "import sys, {}; print(*[name for name in {} if name in sys.modules])"


def loaded(module: str) -> list[str]:
    """Which of the heavy libraries are loaded with a module."""
    return subprocess.run([sys.executable, "-c", LOADED.format(module, HEAVY)], capture_output=True, text=True, check=True).stdout.split()


def test_a_replica_starts_without_the_libraries_of_the_impact_section() -> None:
    assert (loaded("gateway.app"), "duckdb" in loaded("impact.pages")) == ([], True)
