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


ASKED = """
import sys
from impact.showing.apart import Apart
section = Apart().start()
page = section.page("", "", __import__("gateway.web.texts", fromlist=["words"]).words("en"), {})
section.close()
print(bool(page["blocks"]), *[name for name in HEAVY if name in sys.modules])
"""


def test_it_does_not_carry_them_either_once_somebody_has_looked() -> None:
    code = ASKED.replace("HEAVY", repr(HEAVY))
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told == ["True"]
