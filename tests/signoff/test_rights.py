"""R6: the right to sign is task × profession × specialty × valid training × delegation × site × unit × supervision, cell by cell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from gateway.errors import Forbidden
from gateway.identity.people import Competence, Person
from gateway.identity.roles import Role
from gateway.policy.models import Policy, Task
from gateway.signoff.rules import MOST_OPEN, check_may_take, may_take
from tests.signoff.cases import new_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stage import Stage

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FITS = Person(
    uuid4(),
    "dr.a",
    "Dr A",
    "radiologist",
    frozenset({Role.CLINICIAN}),
    trained_until=NOW + timedelta(days=1),
    competence=Competence(frozenset({"chest"}), frozenset({"main"}), frozenset({"imaging"}), trained_for=frozenset({"chest-reading"})),
)
TASK = Task.model_validate(
    {
        "id": "chest-reading",
        "kind": "diagnosis",
        "policy": "p",
        "profession": "radiologist",
        "specialties": ("chest", "bone"),
        "units": ("imaging", "emergency"),
    }
)


def lane(task: Task = TASK, **policy: object) -> Any:  # noqa: ANN401 - a lane in what the rules read of it
    return SimpleNamespace(task=task, requirement=SimpleNamespace(policy=Policy.model_validate({"id": "p", **policy})))


def row(**more: object) -> Any:  # noqa: ANN401 - a row in what the rules read of it
    return SimpleNamespace(**{"site": "main", "signatures": 1, "first_signer": None, "second_signer": None, **more})


def held(person: Person, **changes: object) -> Person:
    return replace(person, competence=replace(person.competence, **cast("Any", changes)))


LACKS: dict[str, Callable[[Person], Person]] = {
    "not_a_clinician": lambda person: replace(person, roles=frozenset({Role.QUALITY})),
    "training_expired": lambda person: replace(person, trained_until=NOW - timedelta(seconds=1)),
    "other_specialty": lambda person: held(person, specialties=frozenset({"brain"})),
    "other_unit": lambda person: held(person, units=frozenset({"surgery"})),
    "not_trained_for": lambda person: held(person, trained_for=frozenset({"other"})),
    "other_profession": lambda person: replace(person, profession="nurse"),
    "other_site": lambda person: held(person, sites=frozenset({"north"})),
    "supervised": lambda person: held(person, supervised_by=uuid4()),
}
CELLS = [names for size in range(len(LACKS) + 1) for names in combinations(LACKS, size)]


@pytest.mark.parametrize("lacking", CELLS, ids=["+".join(names) or "nothing" for names in CELLS])
def test_whoever_lacks_anything_may_not_sign_and_reads_the_first_of_it(lacking: tuple[str, ...]) -> None:
    person = FITS
    for name in lacking:
        person = LACKS[name](person)
    assert may_take(row(), person, lane(), NOW) == (not lacking)
    if lacking:
        with pytest.raises(Forbidden) as refused:
            check_may_take(row(), person, lane(), NOW)
        assert (refused.value.code, bool(refused.value.fr)) == (lacking[0], True)


@pytest.mark.parametrize(("until", "may"), [(None, True), (NOW + timedelta(days=1), True), (NOW - timedelta(days=1), False)])
def test_a_delegated_task_needs_neither_profession_nor_group_until_its_day(until: datetime | None, may: bool) -> None:
    nurse = held(replace(FITS, profession="nurse"), delegated_tasks=frozenset({"chest-reading"}), delegated_until=until)
    assert may_take(row(), nurse, lane(), NOW) == may
    assert may_take(row(), nurse, lane(sign_groups=("seniors",)), NOW) == may


@pytest.mark.parametrize(("signatures", "first", "may"), [(1, None, False), (2, None, True), (2, uuid4(), False)])
def test_somebody_in_training_signs_only_as_the_first_of_two(signatures: int, first: object, may: bool) -> None:
    intern = held(FITS, supervised_by=uuid4())
    assert may_take(row(signatures=signatures, first_signer=first), intern, lane(two_person=True), NOW) == may


def test_the_queue_holds_what_may_be_signed_and_the_rest_is_refused_in_words(stage: Stage) -> None:
    doctor, case = stage.clinician("dr.a"), new_case(stage)
    stage.rows("UPDATE people SET sites = '{north}' WHERE login = 'dr.a'")
    try:
        refused = stage.api(doctor, "POST", f"/suggestions/{case}/open", {})
        listed = [one["id"] for one in stage.api(doctor, "GET", "/queue").json()["cases"]]
    finally:
        stage.rows("UPDATE people SET sites = '{}' WHERE login = 'dr.a'")
    assert (refused.status_code, refused.json()["code"], case in listed) == (403, "other_site", False)
    assert case in [one["id"] for one in stage.api(doctor, "GET", "/queue").json()["cases"]]


def test_nobody_keeps_more_cases_open_than_they_can_have_before_them(stage: Stage) -> None:
    """Who opens a ward's cases by script locks nobody out; what is open already opens again, and a colleague opens what is free."""
    cases = [new_case(stage) for _ in range(MOST_OPEN + 1)]
    answers = [stage.api(stage.clinician("dr.a"), "POST", f"/suggestions/{case}/open", {}) for case in cases]
    assert [answer.status_code for answer in answers] == [200] * MOST_OPEN + [409]
    assert answers[-1].json()["code"] == "too_many_open"
    assert stage.api(stage.clinician("dr.a"), "POST", f"/suggestions/{cases[0]}/open", {}).status_code == 200
    assert stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{cases[-1]}/open", {}).status_code == 200
