"""What a well-shaped configuration must also satisfy; each rule yields findings with their place, cause and fix."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol
from urllib.parse import urlsplit

from gateway.policy.escalation import gaps
from gateway.policy.models import ReleaseMode
from gateway.policy.rules import check_mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.policy.models import Policy
    from gateway.settings import Settings

_WEAK: Final = frozenset(
    {"", "changeme", "change-me", "change_me", "secret", "password", "default", "admin", "test", "example", "garant", "xxx", "todo"}
)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_SHORTEST_SECRET: Final = 8
_HOURS_AHEAD: Final = 24


class _Named(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a path of the configuration."""

    path: tuple[str | int, ...]
    cause: str
    fix: str
    severity: Literal["error", "warning"] = "error"


def findings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every problem of a well-shaped configuration."""
    yield from _doubles(settings)
    yield from _routes(settings)
    yield from _tasks(settings)
    yield from _policies(settings)
    yield from _secrets(settings, environ)
    yield from _server(settings)
    yield from _systems(settings)
    yield from _rotas(settings)
    yield from _profile(settings)


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
        pointers = [route.case_pointer, route.version_pointer, *route.patient_pointers.values(), *(part.pointer for part in route.fields)]
        for pointer in pointers:
            if pointer and not pointer.startswith("/"):
                yield Finding(("routes", n), f"'{pointer}' is no JSON Pointer", "a JSON Pointer begins with '/', like /result/label")
    yield from _ambiguous(settings)


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


def _secrets(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (("systems", n, "upstream", "secret_env"), system.upstream.secret_env) for n, system in enumerate(settings.systems)
    ]
    named += [(("webhooks", n, "secret_env"), webhook.secret_env) for n, webhook in enumerate(settings.webhooks)]
    for path, variable in named:
        if variable is None:
            continue
        value = environ.get(variable)
        if value is None:
            yield Finding(path, f"the environment has no {variable}", f"export {variable} before the start")
        elif value.strip().lower() in _WEAK or len(value) < _SHORTEST_SECRET:
            yield Finding(
                path,
                f"{variable} holds a default or too short a secret",
                "set the real secret, at least 8 characters; there are no default secrets",
            )


def _server(settings: Settings) -> Iterator[Finding]:
    public = urlsplit(settings.server.public_url)
    if public.scheme not in {"http", "https"} or not public.hostname:
        yield Finding(("server", "public_url"), "public_url is no web address", "write it like https://garant.example.org")
    elif public.scheme == "http" and public.hostname not in _LOOPBACK and settings.profile == "production":
        yield Finding(
            ("server", "public_url"), "public_url is not encrypted", "use https, with the proxy or load balancer in front that ends TLS"
        )
    if settings.server.host not in _LOOPBACK and public.scheme == "http" and settings.profile == "pilot":
        yield Finding(
            ("server", "host"),
            "the gateway listens beyond this machine without TLS",
            "put a TLS proxy in front, or listen on 127.0.0.1",
            "warning",
        )


def _systems(settings: Settings) -> Iterator[Finding]:
    own = urlsplit(settings.server.public_url).netloc
    for n, system in enumerate(settings.systems):
        url = urlsplit(str(system.upstream.url))
        if url.username or url.password:
            yield Finding(("systems", n, "upstream", "url"), "the address holds credentials", "take them out and use secret_env")
        if url.netloc == own:
            yield Finding(
                ("systems", n, "upstream", "url"),
                "the AI system's address is the gateway's own: every call would run in a circle",
                "write the AI system's address",
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


def _profile(settings: Settings) -> Iterator[Finding]:
    if settings.profile == "production" and set(settings.identity) <= {"password"}:
        cause = "production needs two factors for signatures, and this configuration has passwords only"
        yield Finding(("profile",), cause, 'use profile = "pilot" until passkeys or OIDC are configured')


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
