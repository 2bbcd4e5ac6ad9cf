"""SIGKILL in mid-traffic: no acknowledged entry is missing, none forked; a control that acknowledges too early must fail."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.faults.harness import Faults


def test_no_acknowledged_entry_is_lost_when_replicas_and_the_database_are_killed() -> None:
    with tempfile.TemporaryDirectory(prefix="garant-faults-") as folder:
        verdict = Faults(Path(folder)).run(kills=8)
    print(verdict)
    assert verdict.acknowledged > 1000
    assert verdict.clean


def test_the_same_kills_find_what_an_early_acknowledgement_loses() -> None:
    with tempfile.TemporaryDirectory(prefix="garant-faults-") as folder:
        verdict = Faults(Path(folder), asynchronous=True).run(kills=5)
    print(verdict)
    assert verdict.acknowledged > 1000
    assert not verdict.clean
