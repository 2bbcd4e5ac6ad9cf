"""What a policy says of judging first and of two people has to make sense together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.configuration.findings import Finding
from gateway.policy.models import ReleaseMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.policy.models import Policy

_NOBODY_SIGNS: Final = frozenset({ReleaseMode.SHADOW, ReleaseMode.LOG_ONLY})


def judging(n: int, policy: Policy) -> Iterator[Finding]:
    """Every contradiction of the policy at position `n`."""
    shown_elsewhere = policy.release_mode is ReleaseMode.DRAFT or policy.unsigned_content_to_caller
    if policy.judge_first and policy.release_mode in _NOBODY_SIGNS:
        yield Finding(
            ("policies", n, "judge_first"), f"nobody signs with {policy.release_mode}, so nobody judges first", "remove judge_first"
        )
    if policy.judge_first and shown_elsewhere:
        cause = "the AI's content leaves unsigned before anybody has judged, so it may be read elsewhere first"
        yield Finding(("policies", n, "judge_first"), cause, "use hold, or remove judge_first", "warning")
    if policy.blind_share and policy.release_mode is not ReleaseMode.HOLD:
        cause = f"with {policy.release_mode} something leaves or nobody signs, so nobody can decide before the AI is seen"
        yield Finding(("policies", n, "blind_share"), cause, "use hold, or remove blind_share")
    if policy.judge_options and not (policy.judge_first or policy.blind_share):
        yield Finding(("policies", n, "judge_options"), "nobody is asked to judge first", "add judge_first = true, or remove judge_options")
    if len(set(policy.judge_options)) < len(policy.judge_options):
        yield Finding(("policies", n, "judge_options"), "the same answer is there twice", "name each answer once")
    if policy.arbiter_groups and not policy.two_person:
        cause = "an arbiter decides between two people, and here one signs"
        yield Finding(("policies", n, "arbiter_groups"), cause, "add two_person = true, or remove arbiter_groups")
