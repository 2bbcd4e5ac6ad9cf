"""R9: of 200 generated texts with planted errors, every error is marked, and none that the request does not say is linked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.display.corpus import COUNT, DOSES, KINDS, SPELLED, Case, cases
from tests.display.ground import anchors, asked, joined, marked

if TYPE_CHECKING:
    from gateway.display.models import Cell, Run


@lru_cache(maxsize=COUNT)
def runs_of(case: Case) -> Cell:
    return marked(case.request, case.suggestion, case.language)


def over(runs: Cell, start: int, end: int) -> list[Run]:
    """The runs that hold a part of a stretch."""
    place, found = 0, []
    for run in runs:
        if place < end and place + len(run.text) > start:
            found.append(run)
        place += len(run.text)
    return found


def is_highlighted(runs: Cell, case: Case) -> bool:
    return all(run.mark is not None for run in over(runs, case.start, case.end))


def is_same(request_text: str, said: str, language: str) -> bool:
    """Whether two texts mean the same to whoever wrote the corpus."""
    spelled = zip(DOSES[language], SPELLED[language], strict=True)
    return request_text.lower() == said.lower() or (request_text, said) in spelled


def test_the_corpus_holds_every_kind_of_error_in_both_languages() -> None:
    counted = Counter((case.language, case.kind) for case in cases())
    assert len(counted) == 2 * len(KINDS)
    assert sum(counted.values()) == COUNT
    assert all(case.planted and case.planted not in {"", " "} for case in cases())


def test_every_planted_span_is_highlighted() -> None:
    """R9."""
    assert [case for case in cases() if not is_highlighted(runs_of(case), case)] == []


def test_every_planted_error_has_no_source() -> None:
    """R9."""
    sourced = [case for case in cases() for run in over(runs_of(case), case.start, case.end) if run.mark and run.mark.source]
    assert sourced == []


def test_whatever_is_linked_stands_in_the_request_as_it_stands_in_the_suggestion() -> None:
    """R9: no false link, and the links are many."""
    pairs = [
        (run, anchors(asked(case.request, case.language)), case)
        for case in cases()
        for run in runs_of(case)
        if run.mark and run.mark.source
    ]
    wrong = [(run, case) for run, places, case in pairs if run.mark and not is_same(places[run.mark.source], run.text, case.language)]
    assert wrong == []
    assert len(pairs) > 3 * COUNT


def test_no_true_statement_is_without_source() -> None:
    """R9: a mark that cries wolf is soon overlooked."""
    false = [
        (run.text, case)
        for case in cases()
        for run in runs_of(case)
        if run.mark and not run.mark.source and run not in over(runs_of(case), case.start, case.end) and not _dose_of_wrong_drug(case, run)
    ]
    assert false == []


def _dose_of_wrong_drug(case: Case, run: Run) -> bool:
    """With another drug in front, the dose is not what the request says either."""
    return case.kind == "drug" and bool(run.mark and run.mark.note)


def test_the_text_stays_as_it_was() -> None:
    assert [case for case in cases() if joined(runs_of(case)) != case.suggestion] == []


def test_a_text_without_its_marks_fails_the_check() -> None:
    """The control of the tests above."""
    bare = [tuple(replace(run, mark=None) for run in runs_of(case)) for case in cases()]
    assert [is_highlighted(runs, case) for runs, case in zip(bare, cases(), strict=True)] == [False] * COUNT
