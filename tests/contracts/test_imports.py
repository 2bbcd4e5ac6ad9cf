"""The doors between the rooms hold: the import contracts are kept, and each of them finds a planted violation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
KEPT, BROKEN = 0, 1


def test_every_import_contract_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    outcome = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert outcome == KEPT, capsys.readouterr().out


def planted(tree: Path, place: str, statement: str, *, contract: str) -> tuple[int, str]:
    """Copy the source, add one statement to one file and check one contract there."""
    for folder in ("gateway", "impact"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (tree / place).open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    program = (
        f"import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(limit_to_contracts=({contract!r},), no_cache=True))"
    )
    shutil.copy(ROOT / "pyproject.toml", tree)
    done = subprocess.run([sys.executable, "-c", program], cwd=tree, env=os.environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


VIOLATIONS = [
    ("layers", "gateway/policy/models.py", "import gateway.proxy.intercept", "gateway.policy.models -> gateway.proxy.intercept"),
    ("layers", "gateway/errors.py", "import gateway.app", "gateway.errors -> gateway.app"),
    ("impact-alone", "impact/__init__.py", "import gateway.clock", "impact -> gateway.clock"),
    ("impact-doors", "gateway/policy/models.py", "import impact", "gateway.policy.models -> impact"),
    ("http-client", "gateway/proxy/intercept.py", "import httpx", "gateway.proxy.intercept -> httpx"),
    ("http-client", "gateway/signals/notices.py", "import aiohttp", "gateway.signals.notices -> aiohttp"),
    ("no-io", "gateway/adapters/protocol.py", "import asyncio", "gateway.adapters.protocol -> asyncio"),
    ("no-io", "gateway/display/parts.py", "import socket", "gateway.display.parts -> socket"),
    ("no-io", "gateway/policy/models.py", "import gateway.database", "gateway.policy.models -> gateway.database"),
    ("verifier-alone", "gateway/audit/tree.py", "import gateway.database", "gateway.audit.tree -> gateway.database"),
]


@pytest.mark.parametrize(("contract", "place", "statement", "expected"), VIOLATIONS, ids=[expected for *_, expected in VIOLATIONS])
def test_a_planted_import_is_found(tmp_path: Path, contract: str, place: str, statement: str, expected: str) -> None:
    code, printed = planted(tmp_path, place, statement, contract=contract)
    assert (code, expected in printed) == (BROKEN, True), printed
