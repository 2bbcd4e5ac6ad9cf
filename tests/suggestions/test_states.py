"""The table of states: where a person is asked for a signature, one can be given; what has ended stays ended."""

from __future__ import annotations

import pytest

from gateway.suggestions.states import AWAITING, PENDING, RELEASABLE, TRANSITIONS, Action, State, after, sources

ENDED = frozenset(
    {
        State.RELEASED,
        State.REJECTED,
        State.RECALLED,
        State.EXPIRED,
        State.CANCELLED,
        State.FAILED,
        State.SUSPENDED,
        State.SHADOWED,
        State.PASSED,
    }
)
CONFIRMED = frozenset({Action.SIGN, Action.FINALISE, Action.PASS})


@pytest.mark.parametrize("state", sorted(AWAITING))
def test_where_a_signature_is_asked_for_one_person_can_sign_or_refuse(state: State) -> None:
    assert after(state, Action.SIGN) is State.RELEASED
    assert after(state, Action.REJECT) in {State.REJECTED, State.RECALLED}


@pytest.mark.parametrize("state", sorted(AWAITING - {State.FIRST_SIGNED, State.DISPUTED}))
def test_where_a_signature_is_asked_for_two_people_can_sign(state: State) -> None:
    first = after(state, Action.SIGN_FIRST)
    assert first in AWAITING
    assert after(first, Action.SIGN) is State.RELEASED


@pytest.mark.parametrize("state", sorted(AWAITING - {State.HELD, State.DISPUTED}))
def test_where_two_people_differ_an_arbiter_decides(state: State) -> None:
    """R12: also for what has left already, which stays out meanwhile."""
    disputed = after(state, Action.DISPUTE)
    assert disputed in AWAITING
    assert disputed is (State.DISPUTED if state is State.FIRST_SIGNED else state)
    assert after(disputed, Action.SIGN) is State.RELEASED
    assert after(disputed, Action.REJECT) in {State.REJECTED, State.RECALLED}


def test_only_a_signature_or_a_declared_exception_leads_to_release() -> None:
    assert {action for (_, action), state in TRANSITIONS.items() if state in RELEASABLE} == CONFIRMED


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_stays_ended(state: State) -> None:
    assert [action for action in Action if after(state, action)] == []


def test_every_state_can_be_reached_and_every_open_one_can_end() -> None:
    assert {*TRANSITIONS.values(), State.QUEUED} == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State) - ENDED


@pytest.mark.parametrize("action", Action)
def test_an_action_is_allowed_exactly_where_the_table_says(action: Action) -> None:
    assert sources(action) == {state for state in State if after(state, action) is not None}
    assert sources(action)


def test_what_has_left_is_never_held_back_again_by_a_first_signature() -> None:
    for state in (State.DRAFTED, State.EMERGENCY, State.NOTIFIED):
        assert after(state, Action.SIGN_FIRST) is state


def test_no_machine_and_no_clock_ends_what_a_clinician_was_told_of() -> None:
    for action in (Action.CANCEL, Action.EXPIRE, Action.SUSPEND):
        assert after(State.EMERGENCY, action) is None
        assert after(State.DRAFTED, action) is None
    assert after(State.NOTIFIED, Action.EXPIRE) is None
    assert after(State.NOTIFIED, Action.CANCEL) is None


def test_what_waits_for_a_caller_is_open() -> None:
    assert PENDING.isdisjoint(ENDED)
