"""The card of an AI system (R11): whoever signs reads for what it is made, its limits and how it was validated, or it is not activated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from gateway.configuration.findings import Finding
from gateway.policy.models import ReleaseMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.settings import Settings

MANDATORY: Final = ("intended_use", "population", "known_limits", "validation", "subgroups", "local_validation", "contact")
CLINICAL: Final = frozenset({"diagnosis", "treatment", "triage"})


def cards(settings: Settings) -> Iterator[Finding]:
    """AI systems whose suggestions people sign and whose card lacks something; in production that refuses the start, in a pilot it warns.

    A task in `shadow` needs no card: nothing leaves there, and that is where a local validation comes from.
    """
    signed = _signed(settings)
    severe: Literal["error", "warning"] = "error" if settings.profile == "production" else "warning"
    for n, system in enumerate(settings.systems):
        missing = [name for name in MANDATORY if not getattr(system.attributes, name).strip()]
        if system.id in signed and missing:
            cause = f"the card of '{system.id}' lacks {', '.join(missing)}, and people sign what it suggests"
            fix = 'write it below [systems.attributes] in the provider\'s words, or use release_mode = "shadow" until it is known'
            yield Finding(("systems", n, "attributes"), cause, fix, severe)


def _signed(settings: Settings) -> set[str]:
    """The AI systems that are used for a clinical task in which something is decided on."""
    shadowed = {policy.id for policy in settings.policies if policy.release_mode is ReleaseMode.SHADOW}
    clinical = {task.id for task in settings.tasks if task.kind in CLINICAL and task.policy not in shadowed}
    return {route.system for route in settings.routes if route.task in clinical}
