"""What a verification is told, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.x509 import Certificate

    from gateway.audit.note import VerifierKey
    from gateway.audit.outside.policy import Policy


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a verification trusts.

    Args:
        vkeys: the log's own keys.
        policy: witnesses and how many of them must have cosigned; without one cosignatures count for nothing.
        roots: certificates under which timestamping authorities are believed; without any timestamps are not checked.
    """

    vkeys: Sequence[VerifierKey]
    policy: Policy | None = None
    roots: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which row (0 is the first entry; None where it concerns the log as a whole)."""

    index: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome.

    Args:
        ok: nothing is wrong.
        size: how many entries were read.
        root: what they give, as hex.
        problems: in the order in which they were found, at most 100.
        counts: how many entries of each type there are.
        evidence: what others say of this log, in sentences: cosignatures, timestamps.
    """

    ok: bool
    size: int
    root: str
    problems: tuple[Problem, ...]
    counts: Mapping[str, int]
    evidence: tuple[str, ...] = ()

    @property
    def first(self) -> Problem | None:
        """The first bad row, or else the first problem of the log as a whole."""
        rows = [problem for problem in self.problems if problem.index is not None]
        return min(rows, key=lambda problem: problem.index or 0, default=next(iter(self.problems), None))


def sentence(text: str) -> str:
    """A reason as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."
