"""The time of a view grows with its text and no faster, whatever an AI system writes."""

from __future__ import annotations

import time

import pytest

from gateway.display.marks.finder import spans
from gateway.display.marks.pens import plain

SIZE = 60_000
HOSTILE = [
    "1 ", "1", "1,", "1.", "a", "a1", "1 mg/", "100 ", "<-", "1/", "1-", "1e", "1 x 10", "1 ± ", " ", "1h", "jan ", "µ", "1 par ", "pas ", "pas de ",
    "right ", "droit ", "penicillin ", "acide ", "n'", "ne ", "OD ", "\u202e", "\u0430", "a\u0300", "cef", "cillin", "mg/kg", "1 ×10^", "12/12/", "é",
]  # fmt: skip


def duration(text: str) -> float:
    start = time.process_time()
    spans(text)
    plain(text)
    return time.process_time() - start


@pytest.mark.parametrize("piece", HOSTILE)
def test_four_times_the_text_takes_about_four_times_as_long(piece: str) -> None:
    """One of three readings is enough: a busy machine disturbs single ones, a square grows sixteenfold in each."""
    text = (piece * SIZE)[:SIZE]
    assert any(duration(text) < 4 * 3 * max(duration(text[: SIZE // 4]), 0.02) for _ in range(3))


def test_a_megabyte_is_read_in_seconds() -> None:
    text = ("Paracétamol 500 mg x 3/j, pas de fièvre, genou droit. " * 20_000)[: 2**20]
    assert duration(text) < 30
