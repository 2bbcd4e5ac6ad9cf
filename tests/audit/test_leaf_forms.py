"""What the gateway writes is what the verifier, which shares no code with it, expects."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.export import write_export
from gateway.audit.leaf import MAX_BYTES, Event, EventType, encode
from gateway.audit.rules.entries import TYPES, BrokenRuleError, parse, plainly_read, quickly_read
from tests.audit.story import KEY, POLICIES, mixed, signed

words = st.text(st.characters(codec="utf-8"), max_size=12)
texts = st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), words, min_size=1, max_size=4)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.dictionaries(words, inner, max_size=3) | st.lists(inner),
    max_leaves=6,
)
JSON_TEXT = values.map(
    lambda found: json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(errors="surrogatepass")
)


@given(st.sampled_from(EventType), words.filter(bool), texts, st.none() | st.integers(0, 2**53 - 1))
def test_every_entry_the_gateway_can_write_has_the_form_the_verifier_expects(
    kind: EventType, actor: str, detail: dict[str, str], prev: int | None
) -> None:
    event = Event(
        UUID(int=1),
        kind,
        datetime.now(UTC),
        actor,
        "clinician",
        case=UUID(int=2),
        suggestion=UUID(int=3),
        task=actor,
        policy=actor,
        decision=actor,
        auth=detail,
        model=detail,
        detail=detail,
    )
    leaf = encode(event, prev)
    entry = parse(leaf)
    assert (entry["type"], entry.get("prev")) == (kind.value, prev)
    assert rfc8785.dumps(entry) == leaf  # type: ignore[arg-type]


def test_the_types_are_those_of_the_gateway() -> None:
    assert {kind.value for kind in EventType} == TYPES


def test_an_entry_is_at_most_4_kib() -> None:
    event = Event(UUID(int=1), EventType.RECEIVED, datetime.now(UTC), "m", "machine", detail={"code": "x" * MAX_BYTES})
    with pytest.raises(ValueError, match="over the limit"):
        encode(event, None)


def test_member_names_outside_ascii_are_refused() -> None:
    leaf = encode(Event(UUID(int=1), EventType.RECEIVED, datetime.now(UTC), "m", "machine", detail={"é": "x"}), None)
    with pytest.raises(BrokenRuleError, match="outside ASCII"):
        parse(leaf)


ALONE = """
import sys
from importlib.abc import MetaPathFinder
class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | {"gateway", "cryptography", "_cffi_backend"}:
            raise ModuleNotFoundError(name, name=name.partition(".")[0])
sys.meta_path.insert(0, Nothing())
from pathlib import Path
from gateway.audit.verifier import verify_export
report = verify_export(Path(sys.argv[1]), sys.argv[2])
print(report.ok, report.size, sorted(name for name in sys.modules if name.startswith("gateway") and not name.startswith("gateway.audit")))
"""


def test_the_verifier_needs_nothing_but_the_standard_library_and_cryptography(tmp_path: Path) -> None:
    leaves = mixed(range(100)).leaves()
    write_export(tmp_path, leaves, signed(leaves), KEY.verifier().encode(), POLICIES)
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(tmp_path), KEY.verifier().encode()], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == (f"True {len(leaves)} ['gateway']", "")


@given(st.binary(max_size=60) | JSON_TEXT | st.sampled_from(mixed(range(4)).leaves()))
def test_both_ways_of_reading_an_entry_agree(leaf: bytes) -> None:
    assert outcome(plainly_read, leaf) == outcome(quickly_read, leaf)


def outcome(read: Callable[[bytes], tuple[object, bool]], leaf: bytes) -> object:
    """What is read, where it is canonical: anything else is refused, for whatever reason."""
    try:
        found, canonical = read(leaf)
    except (ValueError, RecursionError):
        return None
    return found if canonical and isinstance(found, dict) and not unfit(found) else None


def unfit(found: object) -> bool:
    """Numbers that no entry may hold: a later rule refuses them, and their canonical form is written otherwise by either."""
    if isinstance(found, dict):
        return any(map(unfit, found.values()))
    if isinstance(found, list):
        return any(map(unfit, found))
    return isinstance(found, float) or (isinstance(found, int) and abs(found) > 2**53)
