"""Everything that the pages and the report show, as of one log index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from impact.followup import Calls, Change
    from impact.run import Result


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run found, calls by outcome, and rates that changed."""

    result: Result
    calls: tuple[Calls, ...]
    changes: tuple[Change, ...]
