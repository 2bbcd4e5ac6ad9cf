"""A witness cosigns what extends its memory, and refuses everything else with the status that tlog-witness names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.note import SigningKey, open_checkpoint
from gateway.audit.outside.cosignatures import cosigned_by
from tests.audit.story import KEY, ORIGIN
from tests.witness.stand import Eye, body, leaves

if TYPE_CHECKING:
    from pathlib import Path

OTHER = SigningKey(ORIGIN, Ed25519PrivateKey.generate())


@pytest.fixture
def eye(tmp_path: Path) -> Eye:
    return Eye(tmp_path)


def test_a_log_that_grows_is_cosigned_again_and_again(eye: Eye) -> None:
    for old, new in ((0, 3), (3, 3), (3, 300), (300, 1000)):
        request = body(old, leaves(new))
        reply = eye.add(request)
        note = request.decode().partition("\n\n")[2]
        assert (reply.status, cosigned_by(note + reply.body, [eye.key.verifier()])) == (200, frozenset([eye.key.verifier()]))
    assert eye.memory.newest(ORIGIN) == open_checkpoint(note, [KEY.verifier()])


REFUSED = {
    "another log": (body(0, leaves(3), SigningKey("other.example/log", KEY.private), "other.example/log"), 404),
    "nobody's signature": (body(0, leaves(3), OTHER), 403),
    "a changed note": (body(0, leaves(3)).replace(b"\n3\n", b"\n4\n"), 403),
    "an old size beyond the new": (body(9, leaves(3)), 400),
    "a proof where none belongs": (body(0, leaves(3)).replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n"), 422),
    "no proof at all": (b"", 400),
    "a size that is none": (body(0, leaves(3)).replace(b"old 0", b"old 00"), 400),
    "no text": (b"\xff" * 30, 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_is_refused_with_its_status(eye: Eye, name: str) -> None:
    request, status = REFUSED[name]
    assert (eye.add(request).status, eye.memory.newest(ORIGIN)) == (status, None)


def test_who_does_not_know_what_was_cosigned_is_told(eye: Eye) -> None:
    eye.add(body(0, leaves(5)))
    reply = eye.add(body(0, leaves(9)))
    assert (reply.status, reply.body, reply.kind) == (409, "5\n", "text/x.tlog.size")


@pytest.mark.parametrize("size", [5, 9])
def test_a_fork_is_refused_with_both_notes(eye: Eye, size: int) -> None:
    """The control: without the fork the same request is cosigned."""
    eye.add(body(0, leaves(5)))
    reply = eye.add(body(5, leaves(size, fork=3)))
    assert (reply.status, reply.body.count(f"— {ORIGIN} ")) == (422, 2)
    assert eye.memory.newest(ORIGIN) == open_checkpoint(body(0, leaves(5)).decode().partition("\n\n")[2], [KEY.verifier()])
    assert eye.add(body(5, leaves(size))).status == 200


def test_an_older_state_is_not_cosigned_again(eye: Eye) -> None:
    eye.add(body(0, leaves(5)))
    assert eye.add(body(3, leaves(3))).body == "5\n"


def test_what_cannot_be_kept_is_not_cosigned(eye: Eye, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.witness.state.write_whole", full)
    with pytest.raises(OSError, match="No space"):
        eye.add(body(0, leaves(5)))
    assert eye.memory.newest(ORIGIN) is None


def test_of_two_forks_at_once_one_is_cosigned(eye: Eye) -> None:
    requests = [body(0, leaves(5, fork)) for fork in (0, 1, 2, 3, 4, 5)] * 4
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(eye.add, requests))
    assert sorted(reply.status for reply in replies).count(200) == 1


@given(st.binary(max_size=300))
def test_no_request_makes_a_witness_fall_over(tmp_path_factory: pytest.TempPathFactory, request_body: bytes) -> None:
    eye = Eye(tmp_path_factory.mktemp("eye"))
    assert eye.add(request_body).status in {400, 403, 404}
