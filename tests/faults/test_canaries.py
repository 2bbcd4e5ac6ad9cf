"""R1: through every adapter and release mode no clinical suggestion is received before its signature; a rare leak is found."""

from __future__ import annotations

from tests.faults.canaries import run


def test_r1_no_token_of_a_clinical_suggestion_arrives_before_its_signature() -> None:
    outcome = run(calls=250, seconds=40)
    print(outcome.table())  # noqa: T201 - the counts, for whoever runs it with -s
    assert outcome.leaks == []
    assert outcome.asked >= outcome.made > 60
    assert outcome.broken == 0
    assert outcome.after_signature > 0
    assert outcome.by_policy > 5


def test_a_gateway_that_leaks_now_and_then_is_found() -> None:
    """The control: each adapter's every fortieth refusal, so that a short run meets some; `--leak 1000` by hand."""
    outcome = run(calls=300, seconds=60, leak=40)
    print(outcome.table())  # noqa: T201 - the counts, for whoever runs it with -s
    assert 1 <= len(outcome.leaks) <= 40
