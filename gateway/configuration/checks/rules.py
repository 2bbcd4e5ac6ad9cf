"""What a well-shaped configuration must also satisfy; each rule yields findings with their place, cause and fix."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol

from gateway.configuration.checks.dangers import dangers
from gateway.configuration.checks.identifying import identifying
from gateway.configuration.checks.judging import judging
from gateway.configuration.checks.publishing import publishing
from gateway.configuration.checks.reaching import addresses, secrets
from gateway.configuration.findings import Finding
from gateway.display.links import faults
from gateway.policy.escalation import gaps
from gateway.policy.models import ReleaseMode
from gateway.policy.rules import check_mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.policy.models import Policy
    from gateway.settings import Rota, Route, Settings

_HOURS_AHEAD: Final = 24
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)+")


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def findings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every problem of a well-shaped configuration."""
    yield from _doubles(settings)
    yield from _routes(settings)
    yield from _tasks(settings)
    yield from _policies(settings)
    yield from secrets(settings, environ)
    yield from addresses(settings)
    yield from dangers(settings, environ)
    yield from _rotas(settings)
    yield from publishing(settings)
    yield from identifying(settings, environ)


def _doubles(settings: Settings) -> Iterator[Finding]:
    named: tuple[tuple[str, tuple[_Named, ...]], ...] = (
        ("systems", settings.systems),
        ("tasks", settings.tasks),
        ("policies", settings.policies),
        ("webhooks", settings.webhooks),
        ("rotas", settings.rotas),
    )
    for name, items in named:
        counts = Counter(item.id for item in items)
        for number, item in enumerate(items):
            if counts[item.id] > 1:
                yield Finding((name, number, "id"), f"the id '{item.id}' is used {counts[item.id]} times in {name}", "give each its own id")


def _routes(settings: Settings) -> Iterator[Finding]:
    systems, tasks = {system.id: system for system in settings.systems}, {task.id for task in settings.tasks}
    seen: set[tuple[str, str]] = set()
    for n, route in enumerate(settings.routes):
        if route.system not in systems:
            yield Finding(("routes", n, "system"), f"no AI system '{route.system}'", f"name one of: {_list(systems)}")
        if route.task not in tasks:
            yield Finding(("routes", n, "task"), f"no task '{route.task}'", f"name one of: {_list(tasks)}")
        if (route.system, route.task) in seen:
            yield Finding(("routes", n), f"'{route.system}' for '{route.task}' is routed twice", "keep one of the two routes")
        seen.add((route.system, route.task))
        system = systems.get(route.system)
        if system is not None and system.protocol == "json" and not (route.path or "").startswith("/"):
            yield Finding(("routes", n, "path"), "a json route needs the path that is served", 'add path = "/predict" or the like')
        if system is not None and system.protocol != "json" and not system.models:
            yield Finding(
                ("routes", n, "system"), f"'{system.id}' names no models, so no call can reach it", 'add models = ["…"] to the AI system'
            )
        yield from _pointers(n, route)
        yield from _identity(n, route)
        yield from _in_queue(n, route)
        yield from _links(n, route)
    yield from _ambiguous(settings)


def _pointers(n: int, route: Route) -> Iterator[Finding]:
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (("case_pointer",), route.case_pointer),
        (("version_pointer",), route.version_pointer),
        *((("patient_pointers", name), pointer) for name, pointer in route.patient_pointers.items()),
        *((("identity_pointers", name), pointer) for name, pointer in route.identity_pointers.items()),
        *((("fields", m, "pointer"), part.pointer) for m, part in enumerate(route.fields)),
        (("findings", "pointer"), route.findings.pointer if route.findings else None),
    ]
    for place, pointer in named:
        if pointer is not None and not _POINTER.fullmatch(pointer):
            fix = "a JSON Pointer begins with '/', like /result/label; inside a name '~' is written ~0 and '/' is written ~1"
            yield Finding(("routes", n, *place), f"'{pointer}' is no JSON Pointer", fix)


def _identity(n: int, route: Route) -> Iterator[Finding]:
    for name in sorted(route.identity_pointers.keys() - route.patient_pointers.keys()):
        yield Finding(
            ("routes", n, "identity_pointers", name),
            f"'{name}' is not read from the request, so every answer would be taken for another patient's",
            "add the same name to patient_pointers",
        )


def _in_queue(n: int, route: Route) -> Iterator[Finding]:
    for m, name in enumerate(route.patient_in_queue or ()):
        if name not in route.patient_pointers:
            yield Finding(
                ("routes", n, "patient_in_queue", m), f"'{name}' is not read from the request", "add the same name to patient_pointers"
            )


def _links(n: int, route: Route) -> Iterator[Finding]:
    for m, link in enumerate(route.links):
        for cause, fix in faults(link.url, route.patient_pointers):
            yield Finding(("routes", n, "links", m, "url"), cause, fix)


def _ambiguous(settings: Settings) -> Iterator[Finding]:
    systems = {system.id: system for system in settings.systems}
    seen: dict[tuple[str, str, str], str] = {}
    for n, route in enumerate(settings.routes):
        system = systems.get(route.system)
        for model in system.models if system else ():
            first = seen.setdefault((route.task, system.protocol, model), route.system)  # type: ignore[union-attr]
            if first != route.system:
                yield Finding(
                    ("routes", n),
                    f"the model '{model}' reaches two AI systems for the task '{route.task}'",
                    "give the models different names",
                )


def _tasks(settings: Settings) -> Iterator[Finding]:
    policies = {policy.id: policy for policy in settings.policies}
    for n, task in enumerate(settings.tasks):
        policy = policies.get(task.policy)
        if policy is None:
            yield Finding(("tasks", n, "policy"), f"no policy '{task.policy}'", f"name one of: {_list(policies)}")
            continue
        cause = check_mode(task, policy)
        if cause is not None:
            yield Finding(
                ("tasks", n, "policy"),
                cause,
                "use a policy with hold, notify_now or shadow; the promise is a sign-off on every clinical suggestion",
            )


def _policies(settings: Settings) -> Iterator[Finding]:
    rotas = {rota.id for rota in settings.rotas}
    for n, policy in enumerate(settings.policies):
        yield from _notification(n, policy, rotas)
        yield from _unserved(n, policy, settings)
        yield from judging(n, policy)
        if policy.expires_seconds < policy.clock_seconds and policy.release_mode is ReleaseMode.HOLD:
            yield Finding(
                ("policies", n, "expires_seconds"),
                "a hold would be withdrawn before its signature is due",
                "make expires_seconds at least clock_seconds",
            )
        for rung in policy.escalation:
            if rung not in rotas and rung not in _groups(settings):
                yield Finding(
                    ("policies", n, "escalation"),
                    f"'{rung}' is neither a rota nor a group of a policy",
                    "name a rota or one of the sign_groups",
                    "warning",
                )


def _notification(n: int, policy: Policy, rotas: set[str]) -> Iterator[Finding]:
    notifies = policy.release_mode is ReleaseMode.NOTIFY_NOW
    if notifies and policy.notify_rota not in rotas:
        yield Finding(
            ("policies", n, "notify_rota"),
            f"notify_now has to name a rota that exists, not '{policy.notify_rota}'",
            f"set notify_rota to one of: {_list(rotas)}",
        )
    if policy.unsigned_content_to_caller and not notifies:
        yield Finding(
            ("policies", n, "unsigned_content_to_caller"),
            "only notify_now may give a caller unsigned content",
            "remove unsigned_content_to_caller, or use notify_now",
        )


def _unserved(n: int, policy: Policy, settings: Settings) -> Iterator[Finding]:
    rota = policy.notify_rota
    if policy.release_mode is ReleaseMode.NOTIFY_NOW and not any(not hook.groups or rota in hook.groups for hook in settings.webhooks):
        yield Finding(
            ("policies", n, "notify_rota"),
            f"no webhook serves '{rota}', so whoever is on call sees the case in the queue only",
            "add [[webhooks]] with this rota in its groups",
            "warning",
        )


def _rotas(settings: Settings) -> Iterator[Finding]:
    for n, rota in enumerate(settings.rotas):
        bad = [m for m, shift in enumerate(rota.shifts) if not _valid(shift.start, shift.end)]
        for m in bad:
            yield Finding(
                ("rotas", n, "shifts", m),
                "the shift's times cannot be used",
                "write start and end like 2026-01-31T20:00:00+01:00, the end after the start",
            )
        if not bad:
            for start, end in gaps(rota, datetime.now(UTC), _HOURS_AHEAD):
                words = f"nobody of '{rota.id}' is on call from {start:%d %b %H:%M} to {end:%d %b %H:%M} UTC"
                yield Finding(("rotas", n), words, "fill the gap", "warning")
            yield from _overlaps(n, rota, datetime.now(UTC))


def _overlaps(n: int, rota: Rota, now: datetime) -> Iterator[Finding]:
    """Shifts of the next hours that begin before an earlier one has ended."""
    read = ((datetime.fromisoformat(shift.start), datetime.fromisoformat(shift.end), m) for m, shift in enumerate(rota.shifts))
    soon = sorted(shift for shift in read if shift[1] > now and shift[0] < now + timedelta(hours=_HOURS_AHEAD))
    for (_, end, first), (start, _, second) in pairwise(soon):
        if start < end:
            words = f"{rota.shifts[first].person} and {rota.shifts[second].person} are on call at the same time"
            yield Finding(
                ("rotas", n, "shifts", second), words, "end one shift where the next begins, unless both shall be told", "warning"
            )


def _valid(start: str, end: str) -> bool:
    try:
        begin, finish = datetime.fromisoformat(start), datetime.fromisoformat(end)
    except ValueError:
        return False
    return begin.tzinfo is not None and finish.tzinfo is not None and begin < finish


def _groups(settings: Settings) -> set[str]:
    return {group for policy in settings.policies for group in policy.sign_groups} | {task.profession for task in settings.tasks}


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "(none)"
