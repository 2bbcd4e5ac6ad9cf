"""Whatever people, machines, clocks and stop buttons do, on whichever replica: the table of states is the law."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule, run_state_machine_as_test

from gateway.errors import GarantError
from gateway.signoff.models import EmergencyReason, Judging
from gateway.suggestions.states import AWAITING, Action, State, after
from tests.fakes.model_server import CANARY
from tests.life.world import World
from tests.stage import built

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from gateway.signoff.models import Opened

ARRIVES = {
    "diagnosis": Action.ANSWER, "pair": Action.ANSWER, "undoable": Action.ANSWER, "short": Action.ANSWER,
    "judged": Action.ANSWER, "triage": Action.NOTIFY, "draft": Action.DRAFT, "trial": Action.SHADOW, "letter": Action.PASS,
}  # fmt: skip
OFTEN = ("undoable", "undoable", "short", "short", "pair", "pair", "pair", "judged")
LEFT = frozenset({State.RELEASED, State.PASSED, State.DRAFTED, State.EMERGENCY})
COUNTED = frozenset({State.RELEASED, State.REJECTED, State.RECALLED, State.EXPIRED, State.PASSED, State.SHADOWED})
WITHDRAWN = frozenset({State.CANCELLED, State.SUSPENDED})
done: Counter[str] = Counter()
replicas = st.integers(0, 1)
kinds = st.sampled_from(["approve", "approve", "amend", "reject"])
clinicians = st.sampled_from(["dr.a", "dr.b", "dr.c"])


@dataclass
class Case:
    """What the model knows of a suggestion."""

    id: UUID
    task: str
    state: State
    expires: datetime
    holder: str = ""
    signers: list[str] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    undo_until: datetime | None = None
    broke: bool = False


class Life(RuleBasedStateMachine):
    """The law as a model, beside the product."""

    world: World
    cases = Bundle("cases")

    @initialize()
    def begin(self) -> None:
        self.all: list[Case] = []
        self.stops: set[str] = set()

    @rule(target=cases, task=st.sampled_from([*sorted(ARRIVES), *OFTEN]), at=replicas)
    def call(self, task: str, at: int) -> Any:  # noqa: ANN401 - a case or nothing
        received, made = self.world.call(task, at)
        if task in self.stops:
            assert made is None
            assert CANARY not in received
            return multiple()
        assert made is not None, received
        policy = next(one for one in self.world.stage.settings.policies if one.id == task)
        state = after(State.QUEUED, ARRIVES[task])
        assert state is not None
        case = Case(made, task, state, self.world.clock.now() + timedelta(seconds=policy.expires_seconds))
        self.all.append(case)
        done[ARRIVES[task]] += 1
        assert (CANARY in received) == (state in LEFT), received
        return case

    @rule(case=cases, who=clinicians, at=replicas)
    def open(self, case: Case, who: str, at: int) -> None:
        allowed = case.state in AWAITING and who not in case.signers and case.holder in {"", who}
        if self.act(case, "open", lambda: self.world.open(who, case.id, at), allowed=allowed):
            case.holder = who

    @rule(who=clinicians, kind=kinds, opens=replicas, decides=replicas)
    def decide_what_waits(self, who: str, kind: str, opens: int, decides: int) -> None:
        for case in self.waiting(who)[-2:]:
            self.decide(case, who, kind, opens, decides)

    @rule(case=cases, who=clinicians, kind=kinds, opens=replicas, decides=replicas)
    def decide(self, case: Case, who: str, kind: str, opens: int, decides: int) -> None:
        self.open(case, who, opens)
        if case.holder != who or case.state not in AWAITING:
            return
        opened = self.judged_first(case, who, self.world.open(who, case.id, opens), decides)
        action = self.action(case, kind)
        target = after(case.state, action)
        refused = target is None or (action is Action.SIGN and case.task in self.stops)
        if self.act(case, f"{action} of {case.task}", lambda: self.world.decide(who, opened, kind, decides), allowed=not refused):
            self.decided(case, action, who, kind)

    def judged_first(self, case: Case, who: str, opened: Opened, at: int) -> Opened:
        """Where an own judgement comes first, a decision without it is refused, and the judgement is made once."""
        if case.task != "judged" or who in case.judged:
            assert opened.suggestion
            return opened
        self.act(case, "decide unjudged", lambda: self.world.decide(who, opened, "approve", at), allowed=False)
        revealed = self.world.judge(who, opened, at)
        case.judged.add(who)
        done["judge"] += 1
        self.act(case, "judge again", lambda: self.world.run(self.judging_again(who, revealed, at)), allowed=False)
        return revealed

    async def judging_again(self, who: str, opened: Opened, at: int) -> None:
        assert opened.row.lease is not None
        again = Judging(lease=opened.row.lease, answer="malignant", confidence=99)
        await self.desk(at).signoff.judge(self.world.people[who], opened.row.id, again)

    @rule(who=clinicians, other=clinicians, at=replicas, mode=st.sampled_from(["give", "ask", "ask"]))
    def pass_on(self, who: str, other: str, at: int, mode: Literal["give", "ask"]) -> None:
        """A case goes to a colleague who may take it, and for an opinion it comes back undecided."""
        for case in self.waiting(who)[-1:]:
            opened = self.world.open(who, case.id, at)
            case.holder = who
            allowed = other != who and other not in case.signers
            if self.act(case, mode, lambda: self.world.hand_over(who, opened, other, mode, 1 - at), allowed=allowed):  # noqa: B023
                case.holder = ""
                self.answered(case, other, at, asked=mode == "ask")

    def answered(self, case: Case, other: str, at: int, *, asked: bool) -> None:
        if asked:
            opened = self.judged_first(case, other, self.world.open(other, case.id, at), 1 - at)
            self.act(case, "decide as adviser", lambda: self.world.decide(other, opened, "approve", at), allowed=False)
            self.world.advise(other, opened, 1 - at)
        assert self.world.state(case.id) == case.state

    @rule(task=st.sampled_from(["diagnosis", "pair", "undoable", "triage", "draft"]), who=clinicians, at=replicas)
    def decide_twice_at_once(self, task: str, who: str, at: int) -> None:
        """The same person, two replicas, two decisions in the same moment: one counts."""
        self.call(task, 1 - at)
        for case in self.waiting(who)[-1:]:
            self.race(case, who, at)

    def race(self, case: Case, who: str, at: int) -> None:
        opened = self.judged_first(case, who, self.world.open(who, case.id, at), at)
        raised = self.world.together(self.world.deciding(who, opened, "approve", 0), self.world.deciding(who, opened, "reject", 1))
        case.holder = who
        assert [isinstance(one, GarantError) for one in raised].count(True) == 1, raised
        done["race"] += 1
        kind = "approve" if raised[0] is None else "reject"
        self.decided(case, self.action(case, kind), who, kind)

    @rule(case=cases, at=replicas)
    def undo(self, case: Case, at: int) -> None:
        who = case.signers[-1] if case.signers else "dr.a"
        allowed = after(case.state, Action.UNDO) is not None
        if self.act(case, "undo", lambda: self.world.run(self.desk(at).signoff.undo(self.world.people[who], case.id)), allowed=allowed):
            case.state, case.signers, case.positions = State.HELD, [], []

    @rule(at=replicas, who=clinicians, kind=st.sampled_from(["approve", "amend"]))
    def sign_and_think_again(self, at: int, who: str, kind: str) -> None:
        for case in self.undoable(who, at):
            self.decide(case, who, kind, at, 1 - at)
            self.undo(case, at)

    @rule(at=replicas, who=clinicians, kind=st.sampled_from(["approve", "amend"]))
    def sign_and_let_it_go(self, at: int, who: str, kind: str) -> None:
        for case in self.undoable(who, at):
            self.decide(case, who, kind, at, 1 - at)
        self.time_passes(1.1, at)

    @rule(at=replicas)
    def left_alone(self, at: int) -> None:
        self.call("short", at)
        self.time_passes(2.5, 1 - at)

    @rule(task=st.sampled_from(["pair", "diagnosis", "triage"]), kind=kinds, at=replicas, second=st.booleans())
    def emergency_then_signed(self, task: str, kind: str, at: int, second: bool) -> None:
        """What left in an emergency can still be signed, by one or by two people."""
        self.call(task, at)
        for case in [case for case in self.waiting("dr.a")[-1:] if case.task == task]:
            if second:
                self.decide(case, "dr.b", "approve", at, at)
            self.break_glass(case, 1 - at)
            for who in ("dr.a", "dr.b", "dr.c"):
                self.decide(case, who, kind, at, 1 - at)

    @rule(case=cases, at=replicas)
    def defer(self, case: Case, at: int) -> None:
        if not case.holder or case.state not in AWAITING:
            return
        self.world.defer(case.holder, self.world.open(case.holder, case.id, at), 1 - at)
        case.holder = ""

    @rule(case=cases, at=replicas)
    def give_up(self, case: Case, at: int) -> None:
        target = after(case.state, Action.CANCEL)
        assert self.world.cancel(case.id, at) == (target is not None)
        case.state = target or case.state
        done["cancel"] += target is not None

    @rule(task=st.sampled_from(sorted(ARRIVES)), at=replicas)
    def call_and_give_up(self, task: str, at: int) -> None:
        self.call(task, at)
        for case in self.all[-1:]:
            self.give_up(case, 1 - at)

    @rule(case=cases, at=replicas)
    def break_glass(self, case: Case, at: int) -> None:
        nurse, target = self.world.people["nurse"], after(case.state, Action.BREAK_GLASS)
        door, reason = self.desk(at).emergency, EmergencyReason.VITAL_RISK
        proof = self.world.proof()
        allowed = target is not None and case.task not in self.stops
        if self.act(case, "break_glass", lambda: self.world.run(door.break_glass(nurse, proof, case.id, reason)), allowed=allowed):
            case.state, case.broke = State.EMERGENCY, True

    @rule(task=st.sampled_from(sorted(ARRIVES)), at=replicas, finger=st.integers(0, 3))
    def stop(self, task: str, at: int, finger: int) -> None:
        if finger >= 2 and self.button(task, at, "stop", allowed=task not in self.stops):
            self.stops.add(task)
            for case in self.all:
                target = after(case.state, Action.SUSPEND) if case.task == task else None
                case.state = target or case.state

    @rule(at=replicas)
    def resume(self, at: int) -> None:
        for task in sorted(self.stops):
            assert self.button(task, at, "resume", allowed=True)
            self.stops.discard(task)

    @rule(seconds=st.sampled_from([0.6, 1.1, 2.5, 400.0, 4000.0]), at=replicas)
    def time_passes(self, seconds: float, at: int) -> None:
        self.world.move(seconds, at)
        now = self.world.clock.now()
        for case in self.all:
            case.holder = "" if seconds >= 300 else case.holder
            if case.undo_until is not None and case.undo_until <= now and case.state is State.SIGNED:
                case.state = State.RELEASED
                done["finalise"] += 1
            elif case.expires <= now and after(case.state, Action.EXPIRE):
                case.state = State.EXPIRED
                done["expire"] += 1

    @rule(case=cases, at=replicas)
    def nothing_leaves_unsigned(self, case: Case, at: int) -> None:
        assert (CANARY in self.world.look(case.id, at)) == (case.state in LEFT)

    @invariant()
    def the_product_is_where_the_table_says(self) -> None:
        found = self.world.rows("SELECT id, state FROM suggestions WHERE id = ANY($1::uuid[])", [case.id for case in self.all])
        assert {row["id"]: row["state"] for row in found} == {case.id: case.state.value for case in self.all}

    def teardown(self) -> None:
        self.resume(0)
        for number, case in enumerate(self.all):
            assert (CANARY in self.world.look(case.id, number % 2)) == (case.state in LEFT), case
            assert ("released" in self.world.story(case.id)) == (case.state in LEFT or case.broke or case.state is State.RECALLED), case
        self.one_ledger_row_for_each_finished_instance()
        assert self.world.problems() == []

    def one_ledger_row_for_each_finished_instance(self) -> None:
        """What somebody opened was work, also where it came to nothing."""
        found = Counter(row["record"] for row in self.world.rows("SELECT record FROM usage_records"))
        opened = {row["id"] for row in self.world.rows("SELECT id FROM suggestions WHERE opened_at IS NOT NULL")}
        counted = {case.id for case in self.all if case.state in COUNTED or (case.state in WITHDRAWN and case.id in opened)}
        assert {case.id: found[case.id] for case in self.all} == {case.id: int(case.id in counted) for case in self.all}

    def waiting(self, who: str) -> list[Case]:
        """What this person could decide."""
        free = [case for case in self.all if case.state in AWAITING and case.holder in {"", who}]
        return [case for case in free if who not in case.signers and case.task not in self.stops]

    def undoable(self, who: str, at: int) -> list[Case]:
        """A held case whose decision can be taken back; a new one where there is none."""
        if "undoable" not in self.stops and not any(case.task == "undoable" for case in self.waiting(who)):
            self.call("undoable", at)
        return [case for case in self.waiting(who) if case.task == "undoable" and case.state is State.HELD]

    def action(self, case: Case, kind: str) -> Action:
        if case.task == "pair" and not case.signers:
            return Action.SIGN_FIRST
        if case.task == "pair" and len(case.signers) == 1 and case.positions != [kind]:
            return Action.DISPUTE
        if kind == "reject":
            return Action.REJECT
        waits = case.task == "undoable" and case.state in {State.HELD, State.FIRST_SIGNED}
        return Action.SIGN_LATER if waits else Action.SIGN

    def decided(self, case: Case, action: Action, who: str, kind: str) -> None:
        target = after(case.state, action)
        assert target is not None
        case.state, case.holder = target, ""
        case.undo_until = self.world.clock.now() + timedelta(seconds=1) if action is Action.SIGN_LATER else case.undo_until
        if kind != "reject" or action in {Action.SIGN_FIRST, Action.DISPUTE}:
            case.signers.append(who)
            case.positions.append(kind)

    def act(self, case: Case, what: str, work: Callable[[], object], *, allowed: bool) -> bool:
        """Do something that the model allows or forbids; a refusal changes nothing."""
        try:
            work()
        except GarantError as error:
            if allowed:
                message = f"{what} in {case.state} was refused: {error.code}"
                raise AssertionError(message) from error
            done[f"{what} refused"] += 1
            return False
        assert allowed, f"{what} in {case.state} was not refused"
        done[what] += 1
        return True

    def button(self, task: str, at: int, what: str, *, allowed: bool) -> bool:
        quality, stopping, scope = self.world.people["quality"], self.desk(at).stopping, f"task:{task}"
        press = stopping.stop if what == "stop" else stopping.resume
        try:
            self.world.run(press(quality, scope, "a test"))
        except GarantError:
            assert not allowed
            return False
        assert allowed
        done[what] += 1
        for replica in (0, 1):
            self.world.stopped(replica, scope, expected=what == "stop")
        return True

    def desk(self, at: int) -> Any:  # noqa: ANN401 - the product's desk
        return self.world.replicas[at].desk


@pytest.fixture
def world(postgres_server: str) -> Iterator[World]:
    for stage in built(postgres_server, 0):
        made = World(stage)
        yield made
        made.close()


def test_every_path_through_the_life_of_a_case_keeps_the_law(world: World) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        type("Here", (Life,), {"world": world}),
        settings=settings(
            max_examples=10, stateful_step_count=40, derandomize=True, deadline=None, suppress_health_check=checks, phases=[Phase.generate]
        ),  # a path that breaks the law is told as it was walked: making it shorter takes minutes
    )
    print(sum(done.values()), dict(done))  # noqa: T201 - which paths were walked, for whoever runs it with -s
    assert {
        "race",
        "cancel",
        "undo",
        "finalise",
        "sign of pair",
        "sign_first of pair",
        "dispute of pair",
        "judge",
        "ask",
        "give",
        "expire",
        "break_glass",
        "stop",
        "resume",
    } <= done.keys()
