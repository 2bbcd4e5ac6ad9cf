"""What a task demands, decided from values alone, with the reason in words; what is unknown or broken holds.

No field, mode or timer here approves: a suggestion is released by a person or by a declared exception (R2).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import rfc8785
from pydantic import ValidationError

from gateway.errors import Misconfigured
from gateway.policy.models import CLINICAL, CLINICAL_MODES, Kind, Policy, ReleaseMode, Requirement, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN: Final = Policy(id="unknown", release_mode=ReleaseMode.HOLD)
_REASONS: Final = {
    ReleaseMode.HOLD: "Nothing leaves before a clinician has signed it.",
    ReleaseMode.NOTIFY_NOW: "Time-critical: a named clinician on call is notified at once; it counts as not validated until it is signed.",
    ReleaseMode.DRAFT: "A draft: it leaves watermarked into an editor and has to be signed before it is sent.",
    ReleaseMode.SHADOW: "Under evaluation: nothing leaves, it is only measured.",
    ReleaseMode.LOG_ONLY: "A support task: it passes, is logged and counted.",
}


def decide(task: Task, policy: Policy | None) -> Requirement:
    """The requirement of a task. A missing policy, or a mode that a clinical task may not have, holds."""
    if policy is None:
        return _requirement(task, UNKNOWN, f"The policy '{task.policy}' is unknown, so everything is held. Tell hospital IT.")
    if task.kind in CLINICAL and policy.release_mode not in CLINICAL_MODES:
        held = policy.model_copy(update={"release_mode": ReleaseMode.HOLD})
        words = f"The mode '{policy.release_mode}' is not allowed for {task.kind}, so everything is held. Tell hospital IT."
        return _requirement(task, held, words)
    pair = " Two people decide, each without seeing the other." if policy.two_person else ""
    return _requirement(task, policy, _REASONS[policy.release_mode] + pair)


def check_mode(task: Task, policy: Policy) -> str | None:
    """Why a task may not have this policy's mode, in words, or None."""
    if task.kind not in CLINICAL or policy.release_mode in CLINICAL_MODES:
        return None
    return (
        f"the task '{task.id}' is {task.kind}: its suggestions always need a sign-off, so its mode may be hold, notify_now or shadow, "
        f"not {policy.release_mode}"
    )


def check_still_clinical(tasks: Iterable[Task], documents: Iterable[str]) -> None:
    """Refuse a task that earlier policy documents declare clinical and that is now a support task: it would leave unsigned.

    Raises:
        Misconfigured: names the tasks.
    """
    declared = [json.loads(document)["task"] for document in documents]
    clinical = {task["id"] for task in declared if task["kind"] in CLINICAL}
    softened = sorted({task.id for task in tasks if task.kind not in CLINICAL and task.id in clinical})
    if softened:
        message = (
            f"These tasks were clinical before and are not now: {', '.join(softened)}. Their suggestions would leave without a sign-off, and "
            "the verifier would say so. Restore their kind; another activity needs a task id of its own."
        )
        french = (
            f"Ces tâches étaient cliniques et ne le sont plus : {', '.join(softened)}. Leurs suggestions partiraient sans validation, et le "
            "vérificateur le signalerait. Rétablissez leur nature ; une autre activité demande un identifiant de tâche à elle."
        )
        raise Misconfigured(message, fr=french)


def policy_document(policy: Policy, task: Task) -> bytes:
    """Policy and task as RFC 8785 JSON; its SHA-256 is the policy digest of every entry."""
    return rfc8785.dumps({"policy": policy.model_dump(mode="json"), "task": task.model_dump(mode="json")})


def read_document(document: str | None, task: str, kind: str) -> tuple[Policy, Task]:
    """Policy and task of a kept document; where there is none that this version can read, the policy that holds."""
    try:
        found = json.loads(document or "{}")
        return Policy.model_validate(found["policy"]), Task.model_validate(found["task"])
    except (KeyError, ValidationError):
        return UNKNOWN, Task(id=task, kind=Kind(kind), policy=UNKNOWN.id)


def policy_digest(policy: Policy, task: Task) -> str:
    """Lower-case hex of the document's SHA-256."""
    return hashlib.sha256(policy_document(policy, task)).hexdigest()


def _requirement(task: Task, policy: Policy, reason: str) -> Requirement:
    return Requirement(
        mode=policy.release_mode, reason=reason, policy=policy, digest=policy_digest(policy, task), signatures=2 if policy.two_person else 1
    )
