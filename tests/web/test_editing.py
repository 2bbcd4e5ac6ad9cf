"""A suggestion as fields and back: what was not touched stays as it was, what is no number is refused in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.web.clinician.editing import amendment, editors, mark, rewritten

if TYPE_CHECKING:
    from gateway.messages import JsonValue

TENSOR: dict[str, JsonValue] = {"columns": ["malignant", "benign"], "data": ["0.973", "0.027"], "datatype": "FP64", "shape": ["1", "2"]}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def shown(kind: str, value: JsonValue, pointer: str = "/p") -> dict[str, Any]:
    return {"fields": [{"kind": kind, "label": "finding", "pointer": pointer, "value": value}]}


def filled(content: dict[str, Any], document: JsonValue = None) -> dict[str, str]:
    form: dict[str, str] = {}
    for editor in editors(content, document):
        form |= {f"was:{editor.pointer}": editor.was, f"label:{editor.pointer}": editor.label}
        form |= {f"text:{editor.pointer}": editor.was} if editor.text else {cell.name: cell.text for cell in editor.cells}
    return form


def test_a_text_is_amended_as_text() -> None:
    form = filled(shown("text", "left breast")) | {"text:/p": "right breast"}
    assert amendment(form) == {"/p": "right breast"}
    assert [(one.label, one.before, one.after) for one in rewritten(form)] == [("finding", "left breast", "right breast")]


def test_a_tensor_is_amended_cell_by_cell_under_its_columns_names() -> None:
    form = filled(shown("tensor", TENSOR)) | {"cell:0:/p": "0,82"}
    assert [cell.label for cell in editors(shown("tensor", TENSOR), None)[0].cells] == ["malignant", "benign"]
    assert amendment(form) == {"/p": [0.82, 0.027]}
    assert [one.label for one in rewritten(form)] == ["finding · malignant"]


def test_a_value_inside_json_is_amended_alone_and_keeps_its_kind() -> None:
    document: JsonValue = {"p": {"grade": 2, "side": "left", "urgent": False, "score": 0.5}}
    form = filled(shown("json", {}), document) | {"leaf:/p#/grade": "3", "leaf:/p#/urgent": "true"}
    assert amendment(form) == {"/p": {"grade": 3, "side": "left", "urgent": True, "score": 0.5}}


def test_a_number_alone_is_amended_as_a_number() -> None:
    form = filled(shown("number", "0.5"), {"p": 0.5}) | {"leaf:/p#": "0.25"}
    assert amendment(form) == {"/p": 0.25}


@given(VALUES)
def test_an_untouched_value_is_no_amendment(value: JsonValue) -> None:
    with pytest.raises(BadInput) as refused:
        amendment(filled(shown("json", {}), {"p": value}))
    assert refused.value.code == "nothing_changed"


@pytest.mark.parametrize("text", ["", "zero", "1;2", "0x1", "1 2", "nan", "-inf", "1e999", "1_0", "١٢"])
def test_what_is_no_number_is_refused_in_both_languages(text: str) -> None:
    with pytest.raises(BadInput, match="is not a number") as refused:
        amendment(filled(shown("tensor", TENSOR)) | {"cell:0:/p": text})
    assert "rien n’a été décidé" in refused.value.said("fr")


def test_a_damaged_original_is_refused_not_guessed() -> None:
    with pytest.raises(BadInput):
        amendment({"was:/p": "{", "cell:0:/p": "1"})


def test_what_is_too_large_for_fields_is_not_offered() -> None:
    tensor = TENSOR | {"data": ["1"] * 500, "columns": []}
    assert editors(shown("tensor", tensor), None) == ()


def test_the_mark_names_one_amendment_and_no_other() -> None:
    assert mark({"/a": "x"}) == mark(json.loads(json.dumps({"/a": "x"})))
    assert mark({"/a": "x"}) != mark({"/a": "y"})
