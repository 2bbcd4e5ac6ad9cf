"""Every refusal that a person can meet is said in French too, and every coded reason has its words (R8)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.signoff.models import EmergencyReason, PassingReason, Reason
from gateway.web.texts import texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum

ROOT = Path(__file__).parents[2] / "gateway"
ROOMS = ("signoff", "suggestions", "policy", "api/signoff")
PLANTED = 'raise Forbidden("No.", code="no")'


def silent(source: str) -> Iterator[int]:
    """Lines that raise one of our errors without French."""
    raised = (node.exc for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise))
    for call in raised:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and "fr" not in {keyword.arg for keyword in call.keywords}:
            yield call.lineno


@pytest.mark.parametrize("room", ROOMS)
def test_every_refusal_of_the_sign_off_speaks_french(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}" for path in (ROOT / room).rglob("*.py") for line in silent(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_planted_refusal_without_french_is_found() -> None:
    assert list(silent(PLANTED)) == [1]


@pytest.mark.parametrize(("prefix", "codes"), [("reason", Reason), ("emergency", EmergencyReason), ("passing", PassingReason)])
def test_every_coded_reason_has_its_words(prefix: str, codes: type[StrEnum]) -> None:
    words = {name.removeprefix(f"{prefix}_") for name in texts() if name.startswith(f"{prefix}_")}
    assert {code.value for code in codes} <= words


def test_the_default_reasons_hold_the_clinical_selection_of_cds_hooks() -> None:
    """Its twelve codes, written with underscores."""
    selection = (
        "cds-not-applicable cds-suboptimal-context recipient-disagrees-evidence recipient-concerns-outcomes does-not-align-preferences "
        "not-convenient-feasible action-completed patient-contraindication patient-refuses too-costly-uncovered service-not-available "
        "recipient-does-not-understand"
    )
    assert {code.replace("-", "_") for code in selection.split()} <= {reason.value for reason in Reason}
