"""Policy files of C2SP: who is trusted, how many have to cosign; a wrong line is named."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.note import NoteError
from gateway.audit.outside.cosignatures import CosigningKey
from gateway.audit.outside.policy import read_policy
from tests.audit.story import KEY

KEYS = [CosigningKey(f"w.example/{n}", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)).verifier() for n in range(1, 6)]
LOG = KEY.verifier().encode()
NESTED = (
    f"# two houses\n\nlog {LOG} https://log.example\n"
    + "".join(f"witness X{n}\t{key.encode()}  https://w.example/{n}\n" for n, key in enumerate(KEYS[:3]))
    + "".join(f" witness Y{n} {key.encode()}\n" for n, key in enumerate(KEYS[3:]))
    + "group X 2 X0 X1 X2\ngroup Y any Y0 Y1\ngroup both all X Y\nquorum both\n"
)


@pytest.mark.parametrize(
    ("present", "enough"),
    [((0, 1, 3), True), ((0, 2, 4), True), ((0, 1, 2), False), ((0, 3, 4), False), ((), False), ((0, 1, 2, 3, 4), True)],
)
def test_a_quorum_of_groups_is_counted(present: tuple[int, ...], enough: bool) -> None:
    policy = read_policy(NESTED.encode())
    assert policy.met_by([KEYS[n] for n in present]) is enough
    assert len(policy.lacking([KEYS[n] for n in present])) == 5 - len(present)


def test_what_a_policy_says_is_read() -> None:
    policy = read_policy(NESTED.encode())
    assert (policy.logs, policy.cosigners) == ((KEY.verifier(),), tuple(KEYS))
    assert [witness.url for witness in policy.witnesses] == ["https://w.example/0", "https://w.example/1", "https://w.example/2", "", ""]


def test_a_policy_may_ask_for_no_witness() -> None:
    assert read_policy(b"quorum none\n").met_by([])


WRONG = {
    "no quorum": (f"log {LOG}\n", "no quorum"),
    "two quorums": ("quorum none\nquorum none\n", "line 2"),
    "an unknown word": ("wittness\nquorum none", "line 1"),
    "an unknown witness": ("quorum w\n", "line 1"),
    "a witness's key as a log's": (f"log {KEYS[0].encode()}\nquorum none", "line 1"),
    "a log's key as a witness's": (f"witness w {LOG}\nquorum w", "line 1"),
    "a key twice": (f"witness a {KEYS[0].encode()}\nwitness b {KEYS[0].encode()}\nquorum a", "line 2"),
    "a name twice": (f"witness a {KEYS[0].encode()}\nwitness a {KEYS[1].encode()}\nquorum a", "line 2"),
    "the name none": (f"witness none {KEYS[0].encode()}\nquorum none", "line 1"),
    "too many needed": (f"witness a {KEYS[0].encode()}\ngroup g 2 a\nquorum g", "line 2"),
    "none needed": (f"witness a {KEYS[0].encode()}\ngroup g 0 a\nquorum g", "line 2"),
    "a member twice": (f"witness a {KEYS[0].encode()}\ngroup g any a a\nquorum g", "line 2"),
    "a member of two groups": (f"witness a {KEYS[0].encode()}\ngroup g any a\ngroup h any a\nquorum g", "line 3"),
    "a group without members": ("group g any\nquorum g", "line 1"),
    "a group defined later": (f"group g any a\nwitness a {KEYS[0].encode()}\nquorum g", "line 1"),
    "a control character": ("quorum none\r\n", "control"),
    "too many words": ("quorum none none\n", "line 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_policy_is_said(name: str) -> None:
    text, words = WRONG[name]
    with pytest.raises(NoteError, match=words):
        read_policy(text.encode())


@given(st.binary(max_size=200) | st.text(alphabet="log witnesgrupqm2 anyl\n\t#", max_size=80).map(str.encode))
def test_no_policy_file_makes_the_reader_fall_over(content: bytes) -> None:
    try:
        read_policy(content)
    except NoteError:
        return
    assert b"quorum" in content
