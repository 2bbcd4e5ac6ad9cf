"""R11: an AI system whose card lacks something is not activated where people sign what it suggests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.configuration.check import check
from gateway.configuration.checks.cards import MANDATORY
from gateway.configuration.load import load
from gateway.errors import Misconfigured
from tests.configuration.test_check import GOOD, OIDC, POLICIES, written

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTION = 'profile = "production"\n' + GOOD + OIDC
SHADOWED = POLICIES.replace('id = "hold"\n', 'id = "hold"\nrelease_mode = "shadow"\n', 1)


def card(*left_out: str) -> str:
    """The card of the configuration's AI system, without some of it."""
    told = "\n".join(f'{name} = "as the provider declares it"' for name in MANDATORY if name not in left_out)
    return f"[systems.attributes]\n{told}\n"


@pytest.mark.parametrize("missing", MANDATORY)
def test_an_ai_system_whose_card_lacks_a_mandatory_field_is_not_activated(tmp_path: Path, missing: str) -> None:
    assert load(written(tmp_path, PRODUCTION, POLICIES, card()), {}).profile == "production"
    with pytest.raises(Misconfigured, match=f"the card of 's' lacks {missing},"):
        load(written(tmp_path, PRODUCTION, POLICIES, card(missing)), {})


def test_where_nothing_leaves_an_ai_system_may_still_be_validated(tmp_path: Path) -> None:
    assert load(written(tmp_path, PRODUCTION, SHADOWED, ""), {}).profile == "production"


def test_in_a_pilot_the_lack_is_a_warning(tmp_path: Path) -> None:
    found = check(written(tmp_path, GOOD, POLICIES, card("contact")), {})
    assert [(one.severity, "lacks contact" in one.cause) for one in found] == [("warning", True)]
