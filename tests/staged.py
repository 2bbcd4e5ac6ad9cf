"""One gateway for all tests of a file; a room's conftest imports these two fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import DEFAULTS
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHDRAW = "UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL, attach_key = NULL WHERE state IN ('held', 'queued')"


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    """The gateway, its database and its model server."""
    yield from built(postgres_server)


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """The gateway with the model server's own answers, and an empty queue afterwards."""
    shared.model.scripts = dict(DEFAULTS)
    shared.model.seen.clear()
    yield shared
    shared.rows(_WITHDRAW)
