"""Every refusal is told in words: in French where a person may read it, and with what to do next. A wall of source, not a sample."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from gateway import errors
from tests.contracts.refusals import FAMILY, ROOT, Refusal, of_module, refusals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAMS: Final = {
    "gateway/proxy/": "callers are machines; their protocols speak English",
    "gateway/adapters/registry.py": "callers are machines",
    "gateway/adapters/openai_responses.py": "callers are machines",
    "gateway/outbound.py": "told to machines, or told anew by whoever asked (sentences.AWAY, the verdicts of the administration page)",
    "gateway/identity/machines.py": "keys of machines; what is typed on the page has its French",
    "gateway/identity/oidc/documents.py": "told anew as sentences.AWAY",
    "gateway/identity/oidc/exchange.py": "told anew as sentences.AWAY",
    "gateway/audit/bucket/": "at the start, on a terminal",
    "gateway/audit/publication/building.py": "at the start, on a terminal",
    "gateway/audit/siem/": "at the start, on a terminal",
    "gateway/commands/": "on a terminal; what asks questions there has its French",
    "gateway/configuration/first_run/": "on a terminal, in both languages, from words.toml",
    "gateway/configuration/load.py": "at the start, on a terminal; the page shows the findings one by one",
    "gateway/database.py": "at the start, on a terminal; what is sent has its French",
    "gateway/operations/": "on a terminal",
    "gateway/witness/": "on a terminal, on a machine of somebody else",
}
ACTS: Final = (
    "add|amend|ask|begin|call|change|check|choose|close|confirm|continue|correct|decide|export|give|go|hand|have|keep|leave|log|look|make|mend|"
    "move|name|narrow|open|percent-encode|press|proceed|put|read|record|reload|remove|repeat|restore|restart|retry|run|say|see|send|set|shorten|sign|"
    "split|start|stop|take|tell|tick|try|type|use|wait|write"
)
ACTION: Final = re.compile(rf"(?:^|[.;:,(] ?|\band |\bor |\bthen )(?:{ACTS})\b", re.IGNORECASE)
ACTS_FR: Final = re.compile(r"\b\w+ez\b|\b(?:faites|dites)(?:-\w+)?\b|«\s|\bpour laisser\b|\brien à (?:confirmer|décider)\b", re.IGNORECASE)


def sources() -> Iterator[Path]:
    return (path for path in sorted((ROOT / "gateway").rglob("*.py")) if "migrations" not in path.parts)


ALL: Final = tuple(refusals(sources()))


def for_people(one: Refusal) -> bool:
    """Whether a person may read it, as far as the place tells."""
    if any(one.place.startswith(place) for place in PROGRAMS):
        return False
    return not one.place.startswith("gateway/adapters/") or one.code in {"bad_amendment", "unreadable"}


def test_there_are_many_and_their_sentences_can_be_read() -> None:
    unread = [one for one in ALL if not one.english]
    assert (len(ALL) > 200, len(unread) < 20) == (True, True), unread


@pytest.mark.parametrize("kind", sorted(FAMILY))
def test_every_class_has_a_title_in_both_languages(kind: str) -> None:
    one = FAMILY[kind]
    assert (bool(one.title), bool(one.title_fr), one.title != one.title_fr) == (True, True, True)


def test_what_a_person_may_read_is_told_in_french() -> None:
    """`AuditUnavailable` brings its French along, whatever failed."""
    untold = [one.place for one in ALL if for_people(one) and not one.has_french and one.kind != "AuditUnavailable"]
    assert untold == []


def test_whoever_is_refused_because_the_log_is_away_reads_so_in_french() -> None:
    refusal = errors.AuditUnavailable("The head row is missing.")
    assert (
        refusal.spoken("fr"),
        "Réessayez" in refusal.said("fr"),
        "Prévenez" in errors.AuditUnavailable("x", code="log_damaged").said("fr"),
    ) == (
        "fr",
        True,
        True,
    )


def test_every_refusal_says_what_to_do_next() -> None:
    silent = [(one.place, text) for one in ALL if for_people(one) for text in one.english if not ACTION.search(text)]
    assert silent == []


def test_every_refusal_says_so_in_french_too() -> None:
    silent = [(one.place, text) for one in ALL if for_people(one) for text in one.french if not ACTS_FR.search(text)]
    assert silent == []


PLANTED = """
def refuse():
    raise Forbidden("You may not do this.", code="planted")
def refuse_in_french():
    message = "The door is closed. Ask hospital IT."
    raise Conflict(message, fr="La porte est fermée. Demandez à l'informatique.")
"""


def test_a_refusal_without_french_and_without_a_way_on_is_found() -> None:
    """The control of the tests above."""
    first, second = of_module(PLANTED, errors, "planted.py")
    assert (first.has_french, [bool(ACTION.search(text)) for text in first.english]) == (False, [False])
    assert (
        second.has_french,
        [bool(ACTION.search(text)) for text in second.english],
        [bool(ACTS_FR.search(text)) for text in second.french],
    ) == (
        True,
        [True],
        [True],
    )
