"""What the gateway writes is what the verifier, which shares no code with it, expects."""

import ast
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

import gateway.audit
from gateway.audit.leaf import MAX_BYTES, Event, EventType, encode
from gateway.audit.rules.entries import TYPES, BrokenRuleError, parse

words = st.text(st.characters(codec="utf-8"), max_size=12)
texts = st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), words, min_size=1, max_size=4)


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


def test_the_verifier_imports_nothing_of_the_gateways_database() -> None:
    folder = Path(str(gateway.audit.__file__)).parent
    files = [
        folder / name
        for name in ("tree.py", "note.py", "export.py", "verifier.py", "rules/entries.py", "rules/clinical.py", "rules/assertions.py")
    ]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    ours = {name for name in modules if name.startswith("gateway")}
    assert ours == {f"gateway.audit.{name}" for name in ("tree", "note", "export", "rules.entries", "rules.clinical", "rules.assertions")}
    assert not {name for name in modules if name.split(".")[0] in {"sqlalchemy", "pydantic", "fastapi", "asyncpg", "orjson"}}
