"""What others say of a log: the quorum of a policy, the timestamps of an authority, and `openssl` that agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.checking.report import Trust
from gateway.audit.note import NoteError
from gateway.audit.outside.timestamps import check_answer, check_timestamp, roots_in
from gateway.audit.publication.places import TimestampPlace
from gateway.audit.verifier import verify_export
from tests.audit.evidence import OLDER, WITNESSES, Evidence, cosigned, evidence
from tests.audit.published import living
from tests.audit.story import KEY, signed
from tests.fakes.timestamping import TimestampingAuthority

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("evidence"))


def problems(made: Evidence, trust: Trust | None = None) -> list[str]:
    return [problem.sentence for problem in verify_export(made.folder, trust or made.trust).problems]


def test_a_log_with_all_its_evidence_is_sound_and_says_who_vouches_for_it(made: Evidence) -> None:
    report = verify_export(made.folder, made.trust)
    assert (report.problems, report.evidence[0]) == ((), "The checkpoint is cosigned by w1, w2; that is enough.")
    assert f"tsa saw the first {len(made.leaves)} entries at" in report.evidence[1]


@pytest.mark.parametrize(("witnesses", "enough"), [((), False), ((0,), False), ((0, 2), True), ((0, 1, 2), True)])
def test_the_policy_says_how_many_must_have_cosigned(tmp_path: Path, made: Evidence, witnesses: tuple[int, ...], enough: bool) -> None:
    path = made.folder / "checkpoint"
    before = path.read_text()
    path.write_text(cosigned(made.note(), [WITNESSES[n] for n in witnesses]))
    found = problems(made)
    path.write_text(before)
    assert (found == []) is enough
    assert enough or "not cosigned by enough witnesses" in found[0]


def test_without_a_policy_nobody_has_to_cosign(made: Evidence) -> None:
    assert problems(made, Trust([KEY.verifier()])) == []


@pytest.mark.parametrize("place", ["checkpoint", *(f"cosignatures/{size}" for size in OLDER)])
def test_a_cosignature_that_does_not_fit_is_found(made: Evidence, place: str) -> None:
    path = made.folder / place
    before = path.read_text()
    path.write_text(before.removesuffix("\n")[:-4] + "AAA=\n")
    found = problems(made)
    path.write_text(before)
    assert len(found) == 1
    assert "do not hold" in found[0]


def test_openssl_accepts_the_timestamps_beside_a_log(made: Evidence) -> None:
    """The control: not over another state."""
    for size in (*OLDER, len(made.leaves)):
        assert made.authority.accepts(made.folder / f"timestamps/{size}/tsa.tsr", made.folder / f"checkpoints/{size}")
    assert not made.authority.accepts(made.folder / "timestamps/5/tsa.tsr", made.folder / "checkpoints/256")


def test_timestamps_of_a_stranger_of_another_state_or_of_nothing_are_found(made: Evidence, tmp_path: Path) -> None:
    stranger = TimestampingAuthority(tmp_path / "stranger")
    other = Trust([KEY.verifier()], None, roots_in(stranger.root.read_bytes()))
    assert len(problems(made, other)) == len(OLDER) + 1
    path = made.folder / "timestamps/5/tsa.tsr"
    before = path.read_bytes()
    for content in (b"", b"x", before[:-1], (made.folder / "timestamps/256/tsa.tsr").read_bytes()):
        path.write_bytes(content)
        assert len(problems(made)) == 1
    path.write_bytes(before)
    assert problems(made) == []


def test_timestamps_that_nobody_asked_to_check_are_said_to_be_unchecked(made: Evidence) -> None:
    assert "were not checked" in verify_export(made.folder, Trust([KEY.verifier()])).evidence[0]


def test_several_processors_find_what_one_finds(made: Evidence) -> None:
    assert verify_export(made.folder, made.trust, processors=2) == verify_export(made.folder, made.trust, processors=1)


def test_progress_is_told_up_to_the_end(made: Evidence) -> None:
    seen: list[tuple[int, int]] = []
    verify_export(made.folder, made.trust, lambda done, total: seen.append((done, total)))
    assert seen == [(min(256 * (n + 1), len(made.leaves)), len(made.leaves)) for n in range(-(-len(made.leaves) // 256))]


async def test_a_published_state_is_stamped_and_the_stamp_lies_beside_it(database_url: str, tmp_path: Path) -> None:
    authority = TimestampingAuthority(tmp_path / "tsa")
    async with living(database_url) as log:
        state = await log.grow(5)
        (lag,) = (await log.publish(TimestampPlace("tsa", "http://tsa.test", 3600, authority.ask))).lags()
        ((key, answer),) = (await log.stored.timestamps_since(0, 5)).items()
    assert (lag.reached.problem, key) == ("", (5, "tsa"))
    assert check_timestamp(answer, state.note.encode(), roots_in(authority.root.read_bytes())).year >= 2026


def test_an_answer_to_another_question_is_refused(made: Evidence) -> None:
    answer = (made.folder / "timestamps/5/tsa.tsr").read_bytes()
    with pytest.raises(NoteError, match="something else"):
        check_answer(answer, b"another note")
    with pytest.raises(NoteError, match="does not answer"):
        check_answer(answer, signed(made.leaves[:5]).encode(), nonce=1)
