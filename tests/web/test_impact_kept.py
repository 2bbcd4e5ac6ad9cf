"""The second view of an impact page is the first one's answer, byte for byte, until a row, a volume or a file is new; then it is made anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.web.impact.kept import Basis, Kept
from tests.web.browsing import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from impact.showing.apart import Apart
    from tests.stage import Stage

PAGES = ("/impact", "/impact.json", "/impact/tasks/letter", "/impact/scenarios/central.csv")
VOLUME = {"task": "letter", "month": "2026-11", "n": 500, "source": "own count"}
BASIS = Basis(7, 1, 3, (("census.csv", 1, 1),))


@pytest.fixture
def reader(stage: Stage, browser: httpx.Client) -> Iterator[httpx.Client]:
    stage.chat("letter")
    signed_in(stage, browser, "quality")
    yield browser
    section(stage).start()


def section(stage: Stage) -> Apart:
    app = stage.replicas[0].app
    assert app is not None
    return app.section


def rows(reader: httpx.Client) -> int:
    return int(reader.get("/impact.json").json()["ledger"]["rows"])


@pytest.mark.parametrize("page", PAGES)
def test_a_second_view_is_the_same_and_needs_no_process(stage: Stage, reader: httpx.Client, page: str) -> None:
    first = reader.get(page)
    section(stage).close()
    second = reader.get(page)
    assert (first.status_code, second.content, section(stage).process) == (200, first.content, None)


def test_a_new_row_is_counted_on_the_next_view(stage: Stage, reader: httpx.Client) -> None:
    before = rows(reader)
    stage.chat("letter")
    assert rows(reader) == before + 1


def test_volumes_that_are_given_count_on_the_next_view(stage: Stage, reader: httpx.Client) -> None:
    before = reader.get("/impact.json").json()["inputs"]
    for n in (500, 501):
        assert stage.api(stage.clinician("quality"), "POST", "/impact/volumes", {"volumes": [VOLUME | {"n": n}]}).status_code == 200
        after = reader.get("/impact.json").json()["inputs"]
        assert before != after
        before = after


def test_a_file_that_changes_counts_on_the_next_view(stage: Stage, reader: httpx.Client) -> None:
    folder = stage.settings.impact_directory
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "census.csv"
    for fte in ("11.5", "12.5"):
        file.write_text(f"profession,category,fte,source\nradiologists,medical,{fte},own\n", encoding="utf-8")
        os.utime(file, ns=(1, int(fte[1])))
        assert [line["fte"] for line in reader.get("/impact.json").json()["tables"]["census"]] == [float(fte)]
    file.unlink()
    assert len(reader.get("/impact.json").json()["tables"]["census"]) > 1


def test_each_language_has_its_own_answer(reader: httpx.Client) -> None:
    said = [reader.get(f"/impact?lang={language}").text for language in ("en", "fr", "en")]
    assert ["Substitution rate per task" in page for page in said] == [True, False, True]


@pytest.mark.parametrize(
    "other",
    [
        Basis(8, 1, 3, BASIS.files),
        Basis(7, 2, 3, BASIS.files),
        Basis(7, 1, 4, BASIS.files),
        Basis(7, 1, 3, ()),
        Basis(7, 1, 3, (("census.csv", 2, 1),)),
    ],
)
def test_an_answer_of_another_basis_is_never_given(other: Basis) -> None:
    kept = Kept()
    kept.keep(BASIS, ("page",), "old")
    assert (kept.find(BASIS, ("page",)), kept.find(other, ("page",)), kept.find(BASIS, ("data",))) == ("old", None, None)
    kept.keep(other, ("page",), "new")
    assert (kept.find(BASIS, ("page",)), kept.find(other, ("page",))) == (None, "new")


def test_only_so_many_answers_are_kept_the_newest_ones() -> None:
    kept = Kept(most=2)
    for number in range(3):
        kept.keep(BASIS, number, number)
    assert [kept.find(BASIS, number) for number in range(3)] == [None, 1, 2]
