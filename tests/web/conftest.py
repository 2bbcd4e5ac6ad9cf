"""One gateway for all page tests of a file, with tasks that ask for every kind of oversight."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import pytest

from tests import stage as stages
from tests.fakes.model_server import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

HOLD = 'release_mode = "hold"\n'
OVERSIGHT = {
    "judged": ("diagnosis", HOLD + 'judge_first = true\njudge_options = ["benign", "malignant"]'),
    "spoken": ("diagnosis", HOLD + "judge_first = true"),
    "calm": ("diagnosis", HOLD + "undo_seconds = 30\nreauthenticate_seconds = 900\nguard_seconds = 0"),
    "brief": ("diagnosis", HOLD + "lease_seconds = 1"),
    "guarded": ("diagnosis", HOLD + "guard_seconds = 10"),
    "guarded_judge": ("diagnosis", HOLD + "guard_seconds = 10\njudge_first = true"),
    "blind": ("diagnosis", HOLD + 'two_person = true\narbiter_groups = ["arbiters"]'),
}


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    with patch.dict(stages.MODES, OVERSIGHT):
        yield from stages.built(postgres_server)


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    shared.model.scripts = dict(DEFAULTS)
    shared.model.seen.clear()
    yield shared
    shared.rows(
        "UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL, attach_key = NULL, leased_by = NULL, leased_until = NULL "
        "WHERE state IN ('held', 'queued', 'first_signed', 'disputed', 'signed')"
    )
    shared.rows("DELETE FROM person_preferences")


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    """A browser that speaks English."""
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as client:
        yield client


@pytest.fixture
def colleague(stage: Stage) -> Iterator[httpx.Client]:
    """Somebody else's browser."""
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "fr"}, timeout=20) as client:
        yield client
