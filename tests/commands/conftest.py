"""A set-up folder and a database of its own; commands run as a person types them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.operations.auditing import snapshot
from tests.fakes.model_server import ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result


@dataclass(frozen=True)
class Terminal:
    """Where `garant …` is typed."""

    folder: Path
    url: str
    model: ModelServer

    def garant(self, *words: str, typed: str | None = None, **environ: str) -> Result:
        """Run a command on this folder's configuration."""
        env = {"GARANT_CONFIG": str(self.folder / "garant.toml"), "GARANT_DATABASE_URL": self.url, **environ}
        return CliRunner().invoke(app, list(words), input=typed, env=env)

    def entries(self) -> list[dict[str, Any]]:
        """The log's entries."""
        import asyncio  # noqa: PLC0415

        return [json.loads(leaf) for leaf in asyncio.run(snapshot(self.url, "chu")).leaves]


@pytest.fixture
def terminal(tmp_path: Path, database_url: str) -> Iterator[Terminal]:
    with ModelServer() as model:
        made = Terminal(tmp_path / "site", database_url, model)
        done = made.garant("init", str(made.folder), "--no-ask", "--id", "chu", "--task", "reading", "--address", model.url)
        assert done.exit_code == 0, done.output
        text = (made.folder / "garant.toml").read_text(encoding="utf-8")
        moved = text.replace('".garant/', f'"{made.folder.as_posix()}/.garant/')
        (made.folder / "garant.toml").write_text(moved, encoding="utf-8")
        yield made
