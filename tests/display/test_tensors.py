"""Tensors are tables with named columns, images where their bytes are images, and never cut in silence."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from gateway.display.parts import sent, suggestion
from tests.display.ground import asked, field, joined
from tests.display.pictures import PNG

if TYPE_CHECKING:
    from gateway.display.models import Part, Sent

COLUMNS = {"x": ("age", "weight")}


def inputs(*tensors: dict[str, object], raw: bytes = b"") -> Sent:
    return sent("inference_v2", json.dumps({"id": "1", "inputs": list(tensors)}).encode() + raw, "fr", COLUMNS)


def table(part: Part) -> list[list[str]]:
    return [list(part.columns), *([joined(cell) for cell in row] for row in part.rows)]


def test_rows_and_columns_have_names() -> None:
    found = inputs({"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [[64.50, 80], [71, 92.25]]})
    assert table(found.parts[0]) == [["Ligne", "age", "weight"], ["1", "64.5", "80"], ["2", "71", "92.25"]]
    assert found.parts[0].notes == ("Dimensions 2 × 2, type FP32",)


def test_names_that_do_not_fit_are_told() -> None:
    part = inputs({"name": "x", "datatype": "INT64", "shape": [1, 3], "data": [1, 2, 3]}).parts[0]
    assert part.columns == ("1", "2", "3")
    assert "2 colonnes" in part.notes[1]


def test_binary_numbers_are_written_as_short_as_they_are_exact() -> None:
    raw = struct.pack("<2f", 0.1, 36.6)
    found = inputs({"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}, raw=raw)
    assert table(found.parts[0])[1] == ["0.1", "36.6"]


def test_texts_of_a_binary_tensor_are_text() -> None:
    raw = b"".join(struct.pack("<I", len(text)) + text for text in (b"genou droit", PNG))
    found = inputs({"name": "t", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(raw)}}, raw=raw)
    assert [row[1] for row in table(found.parts[0])] == ["Valeur", "genou droit", "affiché plus bas"]
    assert [part.kind for part in found.parts[:3]] == ["table", "image", "table"]


@pytest.mark.parametrize("raw", [b"", b"1234567", b"\xff" * 9])
def test_binary_data_that_do_not_fit_are_shown_as_bytes(raw: bytes) -> None:
    found = inputs({"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}, raw=raw)
    assert found.parts[-1].media is not None
    assert found.parts[-1].media.data.endswith(raw)


def test_many_rows_are_cut_with_a_count_and_a_link() -> None:
    part = inputs({"name": "y", "datatype": "INT32", "shape": [5000, 1], "data": list(range(5000))}).parts[0]
    assert len(part.rows) == 200
    assert "200 lignes affichées sur 5000." in part.notes
    assert part.media is not None
    assert part.media.data.decode().splitlines()[-1] == "4999"


def test_many_columns_are_cut_with_a_count() -> None:
    part = inputs({"name": "y", "datatype": "INT32", "shape": [1, 90], "data": list(range(90))}).parts[0]
    assert "40 colonnes affichées sur 90." in part.notes


def test_an_answer_shows_its_numbers_unmarked_and_its_texts_marked() -> None:
    """R9: a computed number has no source by its nature; a generated text has."""
    scores = field({"shape": ["1", "2"], "datatype": "FP32", "data": ["0.91", "0.09"], "columns": ["malin", "bénin"]}, "tensor", "p")
    texts = field({"shape": ["1"], "datatype": "BYTES", "data": ["ramipril 5 mg"]}, "tensor", "t")
    (score,), (text,) = (suggestion(content, asked(""), "fr") for content in (scores, texts))
    assert table(score) == [["malin", "bénin"], ["0.91", "0.09"]]
    assert [run.mark for cell in score.rows[0] for run in cell] == [None, None]
    assert [run.text for run in text.rows[0][0] if run.mark] == ["ramipril", "5 mg"]


def test_a_huge_binary_tensor_is_shown_in_part_and_says_so() -> None:
    raw = struct.pack("<f", 3.4e38) * 1_000_000
    found = inputs({"name": "x", "datatype": "FP32", "shape": [1000, 1000], "parameters": {"binary_data_size": len(raw)}}, raw=raw)
    assert "200 lignes affichées sur 1000." in found.parts[1].notes
    assert found.parts[0].label == "Demande très longue"
    assert found.media[-1].data.endswith(raw)
