"""Total volumes over HTTP: taken whole or not at all, by whoever may, once, with an entry of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway.identity.machines import NewMachine, create_machine
from tests.stage import built

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

ROW = {"task": "diagnosis", "month": "2026-01", "n": 400, "source": "RIS"}


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


@pytest.fixture
def stage(shared: Stage) -> Stage:
    shared.rows("DELETE FROM impact_volumes")
    return shared


def give(stage: Stage, *rows: dict[str, Any], who: str = "quality") -> httpx.Response:
    return stage.api(stage.clinician(who), "POST", "/impact/volumes", {"volumes": list(rows)})


def by_machine(stage: Stage, *rows: dict[str, Any], key: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {key or stage.key}"}
    return httpx.post(f"{stage.base}/api/impact/volumes", json={"volumes": list(rows)}, headers=headers)


def kept(stage: Stage) -> list[tuple[str, str, str, int]]:
    rows = stage.rows("SELECT task, month, site, n FROM impact_volumes ORDER BY task, month, site")
    return [(row["task"], row["month"], row["site"], row["n"]) for row in rows]


def changes(stage: Stage) -> list[dict[str, Any]]:
    return [entry for entry in stage.entries("config_changed") if entry["detail"].get("change") == "volumes_given"]


def machine(stage: Stage, *tasks: str, site: str = "main") -> str:
    replica = stage.replicas[0].app
    assert replica is not None
    writer = replica.parts.writer
    key: str = stage.replicas[0].run(create_machine(writer, NewMachine("RIS", frozenset(tasks), site)))
    stage.replicas[0].run(replica.parts.machines.refresh())
    return key


def test_what_is_given_is_kept_with_an_entry_in_the_givers_name_and_role(stage: Stage) -> None:
    before = len(changes(stage))
    answer = give(stage, ROW, ROW | {"month": "02/2026"})
    assert (answer.status_code, answer.json()["status"], answer.json()["changed"]) == (200, "taken", 2)
    assert kept(stage) == [("diagnosis", "2026-01", "", 400), ("diagnosis", "2026-02", "", 400)]
    (entry,) = changes(stage)[before:]
    assert (entry["role"], entry["detail"]["rows"], len(entry["detail"]["digest"])) == ("quality", "2", 64)
    assert stage.verified().ok


def test_what_was_given_stays_readable_by_the_entry_that_tells_of_it(stage: Stage) -> None:
    give(stage, ROW)
    give(stage, ROW | {"n": 500})
    entry = changes(stage)[-2]
    documents = stage.rows("SELECT rows->0->>'n' AS n FROM volumes_given WHERE entry = $1::uuid", entry["id"])
    assert [row["n"] for row in documents] == ["400"]


def test_the_same_again_changes_nothing_and_leaves_no_entry(stage: Stage) -> None:
    first = give(stage, ROW).json()
    before = len(changes(stage))
    again = give(stage, ROW).json()
    assert (again["status"], again["changed"], again["digest"], len(changes(stage)) - before) == ("unchanged", 0, first["digest"], 0)


def test_a_month_of_a_site_is_given_as_a_whole_and_nothing_else_is_touched(stage: Stage) -> None:
    give(stage, *(ROW | {"site": "main", "profession": name} for name in ("doctor", "senior")), ROW | {"site": "north"})
    assert give(stage, ROW | {"site": "main", "profession": "doctor", "n": 7}).json()["changed"] == 2
    assert kept(stage) == [("diagnosis", "2026-01", "main", 7), ("diagnosis", "2026-01", "north", 400)]


def test_csv_as_a_french_spreadsheet_saves_it_simply_works(stage: Stage) -> None:
    text = "activité;mois;volume;source\r\ndiagnosis;31/01/2026;1 400;SIR\r\n".encode("cp1252")
    headers = {"authorization": f"Bearer {stage.clinician('it').token}", "content-type": "text/csv"}
    stage.clinician("it")
    answer = httpx.post(f"{stage.base}/api/impact/volumes", content=text, headers=headers)
    assert (answer.status_code, kept(stage)) == (200, [("diagnosis", "2026-01", "", 1400)])


WRONG = [
    ({"n": -1}, "/volumes/1/n", "volumes, row 2, column 'n': -1 must be 0 or more."),
    ({"n": 1.5}, "/volumes/1/n", "volumes, row 2, column 'n': 1.5 must be a whole number."),
    ({"n": "12 cases"}, "/volumes/1/n", "'12 cases' is no number"),
    ({"month": "January"}, "/volumes/1/month", "'January' is no month. Write 2026-01 or 01/2026."),
    ({"task": "diagnosys"}, "/volumes/1/task", "'diagnosys' is no task that you may tell of."),
    ({"site": "south"}, "/volumes/1/site", "'south' is no site that you may tell of. Known: (empty: all sites), main, north."),
    ({"source": ""}, "/volumes/1/source", "this cell is empty; it must be filled."),
    ({"month": "2026-01"}, "/volumes/1/month", "task 'diagnosis', month '2026-01' is there already, in row 1; it would count twice."),
    ({"month": "2026-01", "site": "main"}, "/volumes/1/site", "the same task and month is given without a site too: it would count twice."),
    ({"n": 10**20}, "/volumes/1/n", "is more than can be counted here."),
    ({"profession": "doctor\x00"}, "/volumes/1/profession", "holds signs that cannot be printed"),
    ({"colour": 3}, "/volumes/colour", "there is no such column."),
]


@pytest.mark.parametrize(("change", "pointer", "said"), WRONG, ids=[str(change) for change, *_ in WRONG])
def test_what_is_wrong_is_told_by_row_and_column_and_nothing_is_taken(stage: Stage, change: Any, pointer: str, said: str) -> None:  # noqa: ANN401
    before = len(changes(stage))
    answer = give(stage, ROW, ROW | {"month": "2026-02"} | change)
    assert (answer.status_code, answer.json()["code"], answer.json()["errors"][0]["pointer"]) == (422, "volumes_refused", pointer)
    assert said in answer.json()["errors"][0]["reason"]
    assert (kept(stage), len(changes(stage)) - before) == ([], 0)


def test_a_site_beside_an_older_whole_month_would_count_twice(stage: Stage) -> None:
    give(stage, ROW)
    answer = give(stage, ROW | {"site": "main"})
    assert "was given before without a site" in answer.json()["errors"][0]["reason"]
    assert kept(stage) == [("diagnosis", "2026-01", "", 400)]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"volumes": 1}', b'{"volumes": [1]}', b'{"volumes": [], "more": 1}', b"\xff"])
def test_a_body_that_is_no_list_of_rows_is_one_sentence(stage: Stage, body: bytes) -> None:
    answer = httpx.post(f"{stage.base}/api/impact/volumes", content=body, headers={"authorization": f"Bearer {stage.key}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")


def test_who_has_not_the_right_is_refused_and_logged(stage: Stage) -> None:
    before = len(stage.entries("denied"))
    assert give(stage, ROW, who="dr.a").status_code == 403
    assert httpx.post(f"{stage.base}/api/impact/volumes", json={"volumes": [ROW]}).status_code == 401
    assert (len(stage.entries("denied")) - before, kept(stage)) == (1, [])


def test_a_cookie_without_its_token_gives_nothing(stage: Stage) -> None:
    cookies = {"garant_session": stage.clinician("quality").token}
    assert httpx.post(f"{stage.base}/api/impact/volumes", json={"volumes": [ROW]}, cookies=cookies).status_code == 403
    assert kept(stage) == []


def test_a_machine_tells_of_the_tasks_of_its_key_at_its_own_site(stage: Stage) -> None:
    key = machine(stage, "diagnosis", site="north")
    assert by_machine(stage, ROW | {"site": "north"}, key=key).status_code == 200
    for change in ({"site": "main"}, {"site": ""}, {"site": "north", "task": "letter"}):
        assert by_machine(stage, ROW | {"month": "2026-03"} | change, key=key).status_code == 422
    assert kept(stage) == [("diagnosis", "2026-01", "north", 400)]
    assert changes(stage)[-1]["actor"].startswith("machine:")
    assert stage.verified().ok


@pytest.mark.parametrize("key", ["gk_0000000000000000_wrong", "gk_"])
def test_a_key_that_does_not_hold_gives_nothing(stage: Stage, key: str) -> None:
    assert by_machine(stage, ROW, key=key).status_code == 401


def test_a_machine_key_opens_no_other_door_still(stage: Stage) -> None:
    assert stage.get("/api/impact/volumes").status_code == 403


def test_what_is_known_is_read_by_whoever_may_read_the_impact(stage: Stage) -> None:
    give(stage, ROW)
    answer = stage.api(stage.clinician("quality"), "GET", "/impact/volumes")
    assert answer.json()["volumes"][0] == ROW | {"site": "", "profession": "", "stratum": "", "added_minutes": 0.0}
    assert stage.api(stage.clinician("it"), "GET", "/impact/volumes").status_code == 403


def test_two_who_give_the_same_at_once_leave_one_entry(stage: Stage) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - this test alone

    stage.clinician("quality")
    before = len(changes(stage))
    with ThreadPoolExecutor(6) as crowd:
        answers = list(crowd.map(lambda _: give(stage, ROW), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert (len(changes(stage)) - before, kept(stage)) == (1, [("diagnosis", "2026-01", "", 400)])


def test_the_document_of_the_api_describes_the_rows(stage: Stage) -> None:
    described = httpx.get(f"{stage.base}/api/openapi.json").json()["paths"]["/api/impact/volumes"]["post"]
    assert set(described["requestBody"]["content"]) == {"application/json", "text/csv"}
