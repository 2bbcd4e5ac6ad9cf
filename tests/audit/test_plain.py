"""The verifier's quick reading of an entry decides nothing by itself: what it takes, the full reading takes with the same members."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.leaf import Event, encode
from gateway.audit.rules.entries import BrokenRuleError, parse
from gateway.audit.rules.plain import plain
from gateway.audit.verifier import verify_export
from tests.audit.evidence import Evidence, evidence
from tests.audit.story import DOCUMENTS, START, Story, mixed
from tests.audit.test_fuzz import edits

if TYPE_CHECKING:
    from pathlib import Path

NOT_READ = {"v", "at", "model"}
LEAVES = mixed(range(3)).leaves()
ALL = b'{"actor":"p1","at":"2026-01-02T03:04:06Z","auth":{"at":"2026","method":"oidc"},"case":"c","commitments":{"final":"' + (
    b"0" * 64 + b'","shown":"' + b"f" * 64 + b'"},"decision":"approve","detail":{"site":"a b","system":"x"},"id":"' + (b"0" * 8)
)
FULL = ALL + (
    b'-0000-0000-0000-000000000003","model":{"id":"m"},"policy":"p","prev":0,"role":"clinician","suggestion":"s","task":"t",'
    b'"type":"signed_off","v":1}'
)
NEAR = [
    (b'"prev":0', b'"prev":00'),
    (b'"prev":0', b'"prev":-0'),
    (b'"prev":0', b'"prev":9007199254740992'),
    (b'"p1"', b'""'),
    (b'"p1"', b'"p\\u0031"'),
    (b'"p1"', b'"p\x7f"'),
    (b'"p1"', b'"p\n"'),
    (b'"p1"', '"é"'.encode()),
    (b'"final":', b'"zfinal":'),
    (b'"final":', b'"shown":'),
    (b'"final":', b'"Final":'),
    (b'"site":', b'"tite":'),
    (b'"site":"a b"', b'"site":1'),
    (b'"model":{"id":"m"}', b'"model":{}'),
    (b'"model":{"id":"m"}', b'"model":{"id":"m","id":"m"}'),
    (b'"a b"', b'"},{"'),
    (b"signed_off", b"signed_on"),
    (b'"v":1', b'"v":1.0'),
    (b'"v":1}', b'"v":1} '),
    (b"f" * 64, b"F" * 64),
    (b"0" * 8, b"A" * 8),
    (b"T03:04:06Z", b"T03:04:06.Z"),
    (b'"case":"c",', b""),
    (b'"role":"clinician",', b""),
    (b'"a b"', b'"' + b"x" * 4096 + b'"'),
]


def agrees(leaf: bytes) -> None:
    """That nothing is taken which the full reading refuses or reads otherwise."""
    quick = plain(leaf)
    if quick is not None:
        assert quick == {name: value for name, value in parse(leaf).items() if name not in NOT_READ}


def test_every_entry_of_a_log_as_gateways_write_it_is_read_quickly() -> None:
    """Otherwise a million entries take twice the time, and nobody would learn why."""
    story = Story()
    story.judge(1)
    story.scope("suspended", "site:a")
    assert all(map(plain, [*LEAVES, *story.leaves(), FULL]))


@pytest.mark.parametrize(("old", "new"), NEAR, ids=[f"{n}" for n in range(len(NEAR))])
def test_what_differs_in_a_little_is_left_to_the_full_reading_or_read_alike(old: bytes, new: bytes) -> None:
    assert old in FULL
    agrees(FULL.replace(old, new, 1))


def test_the_comparison_finds_a_quick_reading_that_takes_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: one that takes names in any order."""
    turned = FULL.replace(b'"site":', b'"tite":')
    with pytest.raises(BrokenRuleError):
        parse(turned)
    monkeypatch.setattr("gateway.audit.rules.plain._texts", json.loads)
    monkeypatch.setattr("gateway.audit.rules.plain._common", {})
    with pytest.raises(BrokenRuleError):
        agrees(turned)


@settings(max_examples=300)
@given(st.one_of([edits(leaf) for leaf in (*LEAVES[:3], FULL)]))
def test_whatever_is_taken_quickly_the_full_reading_takes_alike(leaf: bytes) -> None:
    agrees(leaf)


@given(
    st.dictionaries(st.sampled_from([*DOCUMENTS, "actor", "B", "a_1"]), st.text(max_size=8), max_size=4), st.text(min_size=1, max_size=8)
)
def test_whatever_the_gateway_writes_is_read_alike(detail: dict[str, str], actor: str) -> None:
    story = held_by(actor, detail)
    agrees(encode(story, None))
    agrees(encode(story, 2**53 - 1))


def held_by(actor: str, detail: dict[str, str]) -> Event:
    """An event in somebody's name."""
    story = Story()
    story.add("viewed", 1, actor=actor, auth=detail or None, detail=detail, model=detail or None, at=START)
    return story.events[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize(("old", "new"), [(b'"approve"', b'"approvE"'), (b'"v":1', b'"v":2'), (b'"prev":0', b'"prev":1')])
def test_several_processors_say_of_a_changed_entry_what_one_says(made: Evidence, old: bytes, new: bytes) -> None:
    path: Path = made.folder / "tile/entries/000"
    before = path.read_bytes()
    path.write_bytes(before.replace(old, new, 1))
    several, alone = (verify_export(made.folder, made.trust, processors=count) for count in (2, 1))
    path.write_bytes(before)
    assert (several, several.ok) == (alone, False)
