"""Which AI system and task a call names: path, model and key together; what is not named is refused.

Addresses below `/call/TASK` name the task; without that prefix the model must lead to exactly one task that the
caller's key may use.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.adapters.protocol import Operation
from gateway.errors import Forbidden, Unknown

if TYPE_CHECKING:
    from gateway.adapters.protocol import Adapter, Call, Recognised
    from gateway.identity.machines import Machine
    from gateway.policy.lanes import Lane

DOOR: Final = "/call/"
_PROTOCOL_BY_PREFIX: Final = {"/v1": "openai", "/v2": "inference_v2"}


@dataclass(frozen=True, slots=True)
class Found:
    """A call that was understood; `lane` is None for what the gateway answers itself."""

    lane: Lane | None
    adapter: Adapter
    call: Call
    recognised: Recognised
    task: str | None


class Routes:
    """All lanes, by task and protocol.

    Args:
        lanes: from the configuration, in its order.
    """

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self.lanes = lanes
        self._adapters: dict[str, Adapter] = {lane.system.protocol: lane.adapter for lane in lanes}
        self._by_protocol: dict[str, list[Lane]] = defaultdict(list)
        for lane in lanes:
            self._by_protocol[lane.system.protocol].append(lane)

    def find(self, call: Call, machine: Machine) -> Found:
        """The lane of a call.

        Raises:
            Unknown: no such task, model or address.
            Forbidden: the key may not use the task.
            BadInput: the protocol cannot read the call.
        """
        task, inner = _door(call)
        protocol, lanes = self._candidates(task, inner, machine)
        adapter = self._adapters[protocol]
        recognised = adapter.recognise(inner, lanes[0].reading)
        if recognised.operation in {Operation.LOCAL, Operation.RETRIEVE, Operation.CANCEL}:
            return Found(None, adapter, inner, recognised, task)
        lane = _chosen(lanes, recognised, task)
        if lane is not lanes[0]:
            recognised = adapter.recognise(inner, lane.reading)
        return Found(lane, adapter, inner, recognised, lane.task.id)

    def usable(self, machine: Machine, task: str | None, protocol: str) -> tuple[Lane, ...]:
        """The lanes a key may use through one door."""
        return tuple(lane for lane in self._by_protocol[protocol] if lane.task.id in machine.tasks and task in {None, lane.task.id})

    def _candidates(self, task: str | None, call: Call, machine: Machine) -> tuple[str, list[Lane]]:
        protocol = _PROTOCOL_BY_PREFIX.get(call.path[:3] if call.path[3:4] in {"", "/"} else "", "json")
        lanes = [lane for lane in self._by_protocol[protocol] if task in {None, lane.task.id}]
        if protocol == "json":
            lanes = [lane for lane in lanes if lane.route.path == call.path]
        if not lanes:
            raise Unknown(_nothing(task, call.path), code="unknown_route")
        allowed = [lane for lane in lanes if lane.task.id in machine.tasks]
        if not allowed:
            message = f"The key '{machine.name}' may not use this task. Ask hospital IT to add the task to the key, or use the key that was made for it."
            raise Forbidden(message, code="task_not_allowed")
        return protocol, allowed


def _door(call: Call) -> tuple[str | None, Call]:
    if not call.path.startswith(DOOR):
        return None, call
    task, slash, rest = call.path[len(DOOR) :].partition("/")
    return task, type(call)(call.method, slash + rest, call.query, call.headers, call.body)


def _chosen(lanes: list[Lane], recognised: Recognised, task: str | None) -> Lane:
    if recognised.model or not all(lane.system.protocol == "json" for lane in lanes):
        lanes = [lane for lane in lanes if recognised.model in lane.system.models]
    if not lanes:
        message = f"No AI system here answers to the model '{recognised.model[:100]}' for this key. See GET /v1/models for those that do."
        raise Unknown(message, code="unknown_model")
    if len(lanes) > 1 and task is None:
        tasks = ", ".join(sorted(lane.task.id for lane in lanes))
        message = f"This model is used for several tasks ({tasks}); name one in the address: {DOOR}TASK/…"
        raise Unknown(message, code="ambiguous_task")
    return lanes[0]


def _nothing(task: str | None, path: str) -> str:
    where = f"the task '{task[:63]}'" if task else "any task"
    return f"Nothing is served at {path[:200]} for {where}, so the call was refused and not sent on. Check the base URL."
