"""One gateway for all protocol tests of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import DEFAULTS
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    shared.model.scripts = dict(DEFAULTS)
    shared.model.seen.clear()
    yield shared
    shared.rows("UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL, attach_key = NULL WHERE state IN ('held', 'queued')")
