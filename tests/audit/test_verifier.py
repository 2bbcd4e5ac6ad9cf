"""The verifier: a sound log passes; every broken rule is named with its row."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.note import NoteError, VerifierKey
from gateway.audit.verifier import Report, verify, verify_export
from tests.audit.story import DOCUMENTS, KEY, POLICIES, VKEYS, Story, digest, held, mark, mixed, signed

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "audit" / "log.json").read_text(encoding="utf-8"))


def check(leaves: Sequence[bytes]) -> Report:
    """Verify leaves that somebody with the key has signed as they are: only the rules can object."""
    return verify(leaves, signed(leaves), VKEYS, POLICIES)


def two_person() -> Story:
    story = Story()
    story.receive(1, "dose")
    story.sign(1, "dose", "p1")
    story.sign(1, "dose", "p2")
    story.release(1, "dose")
    return story


def emergency() -> Story:
    story = Story()
    story.receive(1)
    story.add("break_glass", 1, commitments={"suggestion": mark(1)}, detail={"reason": "vital_risk", "site": "main", "system": "reader"})
    story.release(1, decision="break_glass")
    story.sign(1)
    story.release(1)
    return story


def unsigned(task: str, mode: str) -> Story:
    story = Story()
    story.receive(1, task)
    story.release(1, task, mode)
    story.deliver(1, task)
    return story


def stopped() -> Story:
    story = held(1)
    story.scope("suspended", "system:reader")
    story.scope("resumed", "system:reader")
    story.release(2)
    story.events.pop()
    story.receive(2)
    story.sign(2)
    story.release(2)
    return story


def signed_later(task: str, mode: str) -> Story:
    story = unsigned(task, mode)
    story.sign(1, task, decision="amend")
    story.release(1, task, "amend")
    return story


def taken_back(actor: str) -> Story:
    story = Story()
    story.receive(1)
    story.sign(1)
    story.add("deferred", 1, actor=actor, decision="undone")
    story.sign(1)
    story.release(1)
    return story


SOUND: dict[str, Callable[[], Story]] = {
    "held": held,
    "two_person": two_person,
    "emergency": emergency,
    "letter": lambda: unsigned("letter", "log_only"),
    "draft": lambda: signed_later("report", "draft"),
    "notify_now": lambda: signed_later("stroke", "notify_now"),
    "stopped": stopped,
    "resumed on the server": lambda: change(stopped(), 6, actor="system:command_line", role="system"),
    "resumed by IT": lambda: change(stopped(), 6, role="it"),
    "taken back": lambda: taken_back("p1"),
    "empty": Story,
}


def ended(kind: str) -> Story:
    story = held()
    story.add(kind, 1)
    story.events.insert(3, story.events.pop())
    return story


def drop(story: Story, *rows: int) -> Story:
    story.events = [event for row, event in enumerate(story.events) if row not in rows]
    return story


def change(story: Story, row: int, **members: object) -> Story:
    story.events[row] = replace(story.events[row], **members)  # type: ignore[arg-type]
    return story


def every(story: Story, **members: object) -> Story:
    story.events = [replace(event, **members) for event in story.events]  # type: ignore[arg-type]
    return story


def received_twice(task: str) -> Story:
    story = Story()
    story.receive(1)
    story.receive(1)
    story.events[0] = replace(story.events[0], commitments=None)
    return change(story, 1, policy=digest(DOCUMENTS[task]))


def reclassified() -> Story:
    story = held()
    story.receive(2)
    story.release(2, decision="log_only")
    soft = digest(DOCUMENTS["soft"])
    return change(change(story, 5, policy=soft), 6, policy=soft)


def again(story: Story, decision: str) -> Story:
    story.release(1, str(story.events[0].task), decision)
    return story


def stopped_release(scope: str) -> Story:
    story = held()
    story.scope("suspended", scope)
    story.events.insert(3, story.events.pop())
    return story


def undone() -> Story:
    story = held()
    story.add("deferred", 1, decision="undone")
    story.events.insert(3, story.events.pop())
    return story


def swapped_policy() -> Story:
    story = unsigned("letter", "log_only")
    return change(story, 0, task="cytology", policy=held().events[0].policy)


OTHER = {"final": mark("other"), "shown": mark("s")}
BROKEN: dict[str, tuple[Callable[[], Story], int, str]] = {
    "no sign-off": (lambda: drop(held(), 2), 2, "without a sign-off of a clinician"),
    "sign-off after release": (lambda: Story([held().events[n] for n in (0, 1, 3, 2, 4)]), 2, "without a sign-off"),
    "other content signed": (lambda: change(held(), 2, commitments=OTHER), 3, "of exactly this content"),
    "other content released": (lambda: change(held(), 3, commitments=OTHER), 3, "of exactly this content"),
    "no commitment released": (lambda: change(held(), 3, commitments=None), 3, "of exactly this content"),
    "signed by a machine": (lambda: change(held(), 2, role="machine"), 2, "only a clinician may"),
    "signed without a verdict": (lambda: change(held(), 2, decision=None), 2, "does not say whether"),
    "signed unread": (lambda: drop(held(), 1), 1, "had not opened it"),
    "read by another": (lambda: change(held(), 1, actor="p9"), 2, "had not opened it"),
    "taken back": (undone, 4, "without a sign-off"),
    "one of two": (lambda: drop(two_person(), 3, 4), 3, "two different people"),
    "twice the same person": (lambda: change(change(two_person(), 3, actor="p1"), 4, actor="p1"), 5, "two different people"),
    "two people, two contents": (lambda: change(two_person(), 4, commitments=OTHER), 5, "two different people"),
    "no emergency declared": (lambda: drop(emergency(), 1), 1, "no clinician had declared"),
    "emergency by a machine": (lambda: change(emergency(), 1, role="machine"), 1, "only a clinician may"),
    "emergency for other content": (lambda: change(emergency(), 1, commitments={"suggestion": mark("x")}), 2, "no clinician had declared"),
    "released twice": (lambda: again(held(), "approve"), 5, "a second time"),
    "released twice, amended": (lambda: again(held(), "amend"), 5, "a second time"),
    "emergency after sign-off": (lambda: again(held(), "break_glass"), 5, "a second time"),
    "emergency twice": (lambda: again(drop(emergency(), 3, 4, 5), "break_glass"), 3, "a second time"),
    "letter twice": (lambda: again(unsigned("letter", "log_only"), "log_only"), 3, "a second time"),
    "rejected": (lambda: ended("rejected"), 4, "had been rejected"),
    "expired": (lambda: ended("expired"), 4, "had been expired"),
    "recalled": (lambda: ended("recalled"), 4, "had been recalled"),
    "withdrawn by a stop": (lambda: ended("suspended"), 4, "had been suspended"),
    "delivered unreleased": (lambda: drop(held(), 3), 3, "never released"),
    "held, but passed": (lambda: unsigned("cytology", "log_only"), 1, "its policy says 'hold'"),
    "diagnosis without sign-off": (lambda: unsigned("lenient", "log_only"), 1, "always needs a sign-off"),
    "notified content": (lambda: unsigned("quiet", "notify_now"), 1, "only a notification"),
    "another mode": (lambda: unsigned("letter", "draft"), 1, "its policy says 'log_only'"),
    "unknown decision": (lambda: unsigned("letter", "auto"), 1, "unsigned as 'auto'"),
    "policy swapped": (swapped_policy, 1, "another case or task"),
    "policy unknown": (lambda: change(change(held(), 0, policy="f" * 64), 3, policy="f" * 64), 3, "is missing"),
    "policy of another task": (lambda: every(held(), task="letter"), 3, "belongs to another task"),
    "never received": (lambda: drop(held(), 0), 1, "before the AI system had answered"),
    "released, never received": (lambda: drop(held(), 0, 1, 2), 0, "under which policy it was received"),
    "signed in a machine's name": (lambda: every(held(), actor="machine:m"), 2, "is no person"),
    "signed without proof": (lambda: change(held(), 2, auth=None), 2, "no proof of who signed"),
    "signed for another case": (lambda: change(held(), 2, case=UUID(int=9)), 2, "another case or task"),
    "signed before the answer": (lambda: Story([held().events[n] for n in (1, 2, 0, 3)]), 1, "before the AI system had answered"),
    "read by an administrator": (lambda: change(held(), 1, role="it"), 2, "had not opened it"),
    "another verdict": (lambda: change(held(), 2, decision="amend"), 3, "nobody signed that"),
    "received again": (lambda: Story([held().events[0], replace(held().events[0], id=UUID(int=99))]), 1, "its content stood in the log"),
    "received under two policies": (lambda: received_twice("letter"), 1, "under another policy"),
    "emergency without a reason": (lambda: change(emergency(), 1, detail={}), 1, "without a reason"),
    "resumed by nobody": (lambda: change(stopped(), 6, role="system"), 6, "in nobody's name"),
    "resumed by a clinician": (lambda: change(stopped(), 6, role="clinician"), 6, "only quality or IT"),
    "resumed by a job": (lambda: change(stopped(), 6, actor="system:clock", role="system"), 6, "in nobody's name"),
    "received by a person": (lambda: change(held(), 0, actor="p1", role="clinician"), 0, "never a person"),
    "released by a person": (lambda: change(held(), 3, actor="p1", role="clinician"), 3, "never a person"),
    "taken back by somebody else": (lambda: taken_back("p2"), 3, "had not made it"),
    "shadow released": (lambda: every(held(), policy=digest(DOCUMENTS["trial"]), task="trial"), 3, "only measures"),
    "declared harmless": (reclassified, 6, "was clinical before"),
    "passed other content": (lambda: change(unsigned("letter", "log_only"), 1, commitments={"suggestion": mark(2)}), 1, "Another content"),
    "system stopped": (lambda: stopped_release("system:reader"), 4, "system:reader was stopped"),
    "task stopped": (lambda: stopped_release("task:cytology"), 4, "task:cytology was stopped"),
    "site stopped": (lambda: stopped_release("site:main"), 4, "site:main was stopped"),
    "resumed another": (lambda: change(stopped(), 6, detail={"scope": "system:other"}), 10, "system:reader was stopped"),
    "stop of nothing": (lambda: change(stopped(), 5, detail={}), 5, "does not say which"),
    "no suggestion named": (lambda: change(held(), 3, suggestion=None), 3, "must name the suggestion"),
    "same id twice": (lambda: change(held(), 4, id=held().events[0].id), 4, "stands in the log twice"),
    "malformed commitment": (lambda: change(held(), 1, commitments={"shown": "abc"}), 1, "64 hexadecimal"),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_log_passes(name: str) -> None:
    assert check(SOUND[name]().leaves()).problems == ()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named_with_its_row(name: str) -> None:
    make, row, words = BROKEN[name]
    first = check(make().leaves()).first
    assert first is not None
    assert first.index == row
    assert words in first.sentence


@pytest.mark.parametrize(
    "leaf",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[" * 4000, b"1e999", b"9" * 4000, b'{"a":"\\ud800"}', b" " * 4097,
        held().leaves()[0].replace(b'"v":1', b'"v": 1'),
        held().leaves()[0].replace(b'"v":1', b'"v":2'),
        held().leaves()[0].replace(b'"v":1', b'"v":true'),
        held().leaves()[0].replace(b'"v":1', b'"v":1,"v":1'),
        held().leaves()[0].replace(b'"v":1', b'"v":1.0'),
        held().leaves()[0].replace(b'"v":1', b'"v":1,"zz":"note"'),
        held().leaves()[0].replace(b'"received"', b'"invented"'),
        held().leaves()[0].replace(b'"machine:m"', b'""'),
        held().leaves()[0].replace(b'"reader"', b'["reader"]'),
        held().leaves()[0].replace(b'"reader"', b'3'),
        held().leaves()[0].replace(b'2026-01', b'2026 01'),
        held().leaves()[0].replace(b'"prev"', b'"prev":-1'),
    ],
)  # fmt: skip
def test_a_malformed_entry_is_named(leaf: bytes) -> None:
    leaves = [*held(2).leaves(), leaf] if leaf != held().leaves()[0] else [leaf, leaf]
    assert (first := check(leaves).first) is not None
    assert first.index == len(leaves) - 1


def test_an_entry_must_point_to_the_previous_one_of_its_case() -> None:
    leaves = held().leaves()
    leaves[3] = leaves[3].replace(b'"prev":2', b'"prev":1')
    assert (first := check(leaves).first) is not None
    assert (first.index, "previous entry of its case" in first.sentence) == (3, True)


def test_the_vector_is_sound_and_counted() -> None:
    leaves = [leaf.encode() for leaf in VECTOR["leaves"]]
    report = verify(leaves, VECTOR["checkpoint"], [VerifierKey.decode(VECTOR["vkey"])], VECTOR["policies"], VECTOR["kept"])
    assert (report.ok, report.size, report.root) == (True, len(leaves), VECTOR["root"])
    assert (report.counts["released"], report.counts["signed_off"]) == (6, 4)


def test_a_rewritten_history_is_found_even_when_it_is_signed_again() -> None:
    old, new = mixed(range(1, 9)).leaves(), mixed([1, 2, 4, 5, 7, 8]).leaves()
    report = verify(new, signed(new), VKEYS, POLICIES, [signed(old[:3]), signed(old[:12])])
    assert [problem.sentence[:20] for problem in report.problems] == ["The first 12 entries"]


def test_a_log_cut_short_is_found_even_when_it_is_signed_again() -> None:
    leaves = mixed(range(1, 9)).leaves()
    report = verify(leaves[:12], signed(leaves[:12]), VKEYS, POLICIES, [signed([]), signed(leaves)])
    assert ["the end of the log was cut off" in problem.sentence for problem in report.problems] == [True]


def test_a_changed_policy_document_is_found() -> None:
    changed = {name: text.replace("diagnosis", "logistic") for name, text in POLICIES.items()}
    assert any("was changed" in problem.sentence for problem in verify([], signed([]), VKEYS, changed).problems)


def mutations(leaves: list[bytes]) -> dict[str, list[list[bytes]]]:
    """Every leaf flipped, dropped, duplicated, swapped with its neighbour, emptied, lengthened."""
    rows = range(len(leaves))
    flips = [
        [*leaves[:n], leaves[n][:k] + bytes([leaves[n][k] ^ 1]) + leaves[n][k + 1 :], *leaves[n + 1 :]]
        for n in rows
        for k in range(0, len(leaves[n]), 9)
    ]
    return {
        "flip": flips,
        "drop": [leaves[:n] + leaves[n + 1 :] for n in rows],
        "duplicate": [leaves[: n + 1] + leaves[n:] for n in rows],
        "swap": [[*leaves[:n], leaves[n + 1], leaves[n], *leaves[n + 2 :]] for n in rows[:-1]],
        "empty": [[*leaves[:n], b"", *leaves[n + 1 :]] for n in rows],
        "lengthen": [[*leaves[:n], leaves[n] + b" ", *leaves[n + 1 :]] for n in rows],
        "cut": [leaves[:n] for n in rows],
        "overwrite": [[*leaves[:n], leaves[n - 1], *leaves[n + 1 :]] for n in rows],
    }


def test_no_mutation_of_the_leaves_passes() -> None:
    leaves = mixed(range(1, 7)).leaves()
    checkpoint = signed(leaves)
    for name, logs in mutations(leaves).items():
        assert not any(verify(log, checkpoint, VKEYS, POLICIES).ok for log in logs), name


@given(
    st.lists(st.binary(max_size=60), max_size=5),
    st.text(max_size=60),
    st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=3),
)
def test_garbage_gives_a_report(leaves: list[bytes], text: str, policies: dict[str, str]) -> None:
    assert not verify(leaves, text, VKEYS, policies, [text]).ok


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.text(max_size=3), part, max_size=2),
)


@given(st.dictionaries(st.sampled_from([*json.loads(held().leaves()[3]), "other"]), values), st.integers(0, 4))
def test_any_values_in_an_entry_give_a_report(members: dict[str, object], row: int) -> None:
    leaves = held().leaves()
    mutant = json.loads(leaves[row]) | members
    leaves[row] = json.dumps(mutant, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    assert isinstance(check(leaves), Report)


@given(values, values)
def test_any_policy_document_gives_a_report(policy: object, task: object) -> None:
    text = json.dumps({"policy": policy, "task": task})
    assert not verify([], signed([]), VKEYS, {"0" * 64: text}).ok


@given(st.binary(max_size=300), st.sampled_from(["checkpoint", "policies.json", "tile/0/000.p/5", "tile/entries/000.p/5"]))
def test_any_bytes_in_an_exported_file_give_a_report(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    folder = tmp_path_factory.mktemp("export")
    for path in ("checkpoint", "log.vkey", "policies.json"):
        (folder / path).write_text({"checkpoint": signed(held().leaves()), "log.vkey": "", "policies.json": "{}"}[path], encoding="utf-8")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    assert not verify_export(folder, KEY.verifier().encode()).ok
    with pytest.raises(NoteError):
        verify_export(folder, content.decode(errors="replace") + "x")
