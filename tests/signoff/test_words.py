"""Every coded reason has its words (R8); that refusals have theirs is shown in `tests/contracts/test_refusals.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.signoff.models import EmergencyReason, PassingReason, Reason
from gateway.web.texts import texts

if TYPE_CHECKING:
    from enum import StrEnum


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
