"""A lane: an AI system used for a task, with all that the configuration says of it, ready for the hot path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import Forbidden

if TYPE_CHECKING:
    from gateway.adapters.protocol import Adapter, Reading
    from gateway.policy.models import Requirement, Task
    from gateway.settings import Route, System


@dataclass(frozen=True, slots=True)
class Lane:
    """One way through the gateway."""

    route: Route
    system: System
    task: Task
    requirement: Requirement
    adapter: Adapter
    reading: Reading

    def scopes(self, site: str) -> tuple[str, str, str]:
        """The stop buttons that can stop this lane at a site."""
        return scopes(self.system.id, self.task.id, site)


def scopes(system: str, task: str, site: str) -> tuple[str, str, str]:
    """The stop buttons that can stop this AI system for this task at this site."""
    return (f"system:{system}", f"task:{task}", f"site:{site}")


class Lanes:
    """All lanes by AI system and task.

    Args:
        lanes: from the configuration, in its order.
    """

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self.all = lanes
        self._by_name = {(lane.system.id, lane.task.id): lane for lane in lanes}

    def knows(self, system: str, task: str) -> bool:
        """Whether the configuration has this lane."""
        return (system, task) in self._by_name

    def of(self, system: str, task: str) -> Lane:
        """The lane of a suggestion. Raises Forbidden where the configuration no longer has it: an unknown policy holds."""
        lane = self._by_name.get((system, task))
        if lane is None:
            message = f"The configuration no longer says who may sign '{task}' for '{system}', so nobody can. Tell hospital IT."
            french = f"La configuration ne dit plus qui peut signer « {task} » pour « {system} » : personne ne le peut. Prévenez le service informatique."
            raise Forbidden(message, code="policy_unknown", fr=french)
        return lane
