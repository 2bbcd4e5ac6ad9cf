"""What the log alone must show of two people, an arbiter, and judgements made first (R12, R13); a broken rule is named with its row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from gateway.audit.leaf import EventType
from gateway.audit.verifier import Report, verify
from tests.audit.story import POLICIES, VKEYS, Story, mark, signed

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER = {"final": mark("other"), "shown": mark("s")}
THIRD = {"final": mark("third"), "shown": mark("s")}


def check(story: Story) -> Report:
    leaves = story.leaves()
    return verify(leaves, signed(leaves), VKEYS, POLICIES)


def change(story: Story, row: int, **members: object) -> Story:
    story.events[row] = replace(story.events[row], **members)  # type: ignore[arg-type]
    return story


def drop(story: Story, *rows: int) -> Story:
    story.events = [event for row, event in enumerate(story.events) if row not in rows]
    return story


def reject(story: Story, row: int) -> Story:
    return change(story, row, type=EventType.REJECTED, decision="reject", commitments={"shown": mark("s")})


def pair(*actors: str) -> Story:
    """Each of them opens and signs the same, then it is released: with two, the decisions are at 2 and 4, the release at 5."""
    story = Story()
    story.receive(1, "dose")
    for actor in actors:
        story.sign(1, "dose", actor)
    story.release(1, "dose")
    story.deliver(1, "dose")
    return story


def differing(arbiter: str = "p3") -> Story:
    """Two decide differently (2, 4), a third arbitrates (6), released at 7."""
    return change(pair("p1", "p2", arbiter), 4, commitments=OTHER)


def judged() -> Story:
    """Opened blind (1), judged (2), shown (3), signed (4), released (5)."""
    story = Story()
    story.receive(1, "judged")
    story.judge(1)
    story.sign(1, "judged")
    story.release(1, "judged")
    return story


def judged_twice() -> Story:
    story = judged()
    story.events.insert(3, replace(story.events[2], id=UUID(int=99)))
    return story


def undone() -> Story:
    story = pair("p1", "p2")
    story.add("deferred", 1, "dose", "p2", decision="undone")
    story.events.insert(5, story.events.pop())
    return story


SOUND: dict[str, Callable[[], Story]] = {
    "two alike": lambda: pair("p1", "p2"),
    "an arbiter after two that differ": differing,
    "an arbiter after a rejection": lambda: reject(differing(), 4),
    "an arbiter after a rejection by the first": lambda: reject(differing(), 2),
    "one of two rejects, nothing leaves": lambda: drop(reject(pair("p1", "p2"), 2), 3, 4, 5, 6),
    "judged first": judged,
}
BROKEN: dict[str, tuple[Callable[[], Story], int, str]] = {
    "one of two": (lambda: pair("p1"), 3, "only one had signed"),
    "no arbiter": (lambda: drop(differing(), 5, 6), 5, "no arbiter had signed"),
    "one rejected, one signed": (lambda: reject(pair("p1", "p2"), 4), 5, "no arbiter had signed"),
    "the arbiter is one of the two": (lambda: differing("p1"), 7, "no arbiter had signed"),
    "the arbiter decided otherwise": (lambda: change(differing(), 6, commitments=THIRD), 7, "the arbiter had decided otherwise"),
    "the arbiter rejected": (lambda: reject(differing(), 6), 7, "had been rejected"),
    "both rejected": (lambda: reject(reject(differing(), 2), 4), 7, "had been rejected"),
    "one of two took it back": (undone, 6, "without a sign-off of a clinician"),
    "shown before the own judgement": (lambda: drop(judged(), 2), 2, "had not recorded an own judgement first"),
    "shown to somebody who did not judge": (lambda: change(judged(), 3, actor="p2"), 3, "had not recorded an own judgement first"),
    "judged twice": (judged_twice, 3, "a second time"),
    "judged by a machine": (lambda: change(judged(), 2, role="machine"), 2, "not a clinician's"),
    "judged without saying what": (lambda: change(judged(), 2, commitments=None), 2, "not a clinician's"),
    "signed after judging, without having seen it": (lambda: drop(judged(), 3), 3, "had not opened it"),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_log_passes(name: str) -> None:
    assert check(SOUND[name]()).problems == ()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named_with_its_row(name: str) -> None:
    make, row, words = BROKEN[name]
    first = check(make()).first
    assert first is not None
    assert (first.index, words in first.sentence) == (row, True), first.sentence
