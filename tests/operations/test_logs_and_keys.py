"""Logs hold listed keys only; secrets are made, never defaulted."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Misconfigured
from gateway.operations.keys import FILES, create, load
from gateway.operations.logs import ALLOWED, allowed_only

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = "localhost/garant/test"


@given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=10), max_size=6))
def test_only_listed_keys_are_kept(event: dict[str, str]) -> None:
    kept = allowed_only(None, "info", dict(event))
    assert set(kept) <= ALLOWED


def test_an_exception_leaves_its_place_and_never_its_text() -> None:
    try:
        int("DUPONT")
    except ValueError as error:
        line = allowed_only(None, "error", {"event": "call.failed", "exc_info": error, "patient": "DUPONT", "code": "x"})
    assert "DUPONT" not in str(line)
    assert (line["exception_type"], line["event"]) == ("ValueError", "call.failed")


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    assert {path.name for path in create(tmp_path / "keys", ORIGIN)} == set(FILES)
    assert create(tmp_path / "keys", ORIGIN) == ()
    assert {stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) for name in FILES} == {0o600}
    assert load(tmp_path / "keys", ORIGIN).log.verifier().name == ORIGIN


def test_without_its_keys_the_service_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="garant keys create"):
        load(tmp_path, ORIGIN)


@pytest.mark.parametrize("content", ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not base64!"])
def test_a_weak_or_broken_key_is_refused(tmp_path: Path, content: str) -> None:
    create(tmp_path, ORIGIN)
    (tmp_path / "index.key").write_text(content)
    with pytest.raises(Misconfigured, match="cannot be read"):
        load(tmp_path, ORIGIN)
