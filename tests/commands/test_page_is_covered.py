"""Everything that the administration page does, the command line does too: each form is walked, and each of its fields."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.contracts.test_commands import KNOWN

TEMPLATES: Final = Path(__file__).parents[2] / "gateway/web/templates"
PAGES: Final = ("administration.html", "administration_account.html", "administration_parts.html")
ONE: Final = re.compile(r'<form method="post" action="([^"]+)"(.*?)</form>', re.DOTALL)
LOOP: Final = re.compile(r"{% for name in \(([^)]*)\) %}")
FORMS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "systems/*/check": ("garant systems check", {}),
    "systems/*/stop": ("garant stops stop", {"reason": "reason"}),
    "systems/*/resume": ("garant stops resume", {"reason": "reason"}),
    "accounts": (
        "garant users create",
        {
            "login": "login",
            "name": "name",
            "profession": "profession",
            "roles": "role",
            "groups": "group",
            "trained_until": "trained_until",
        },
    ),
    "accounts/*/roles": ("garant users roles", {"roles": "role", "groups": "group"}),
    "accounts/*/training": ("garant users training", {"trained_until": "until"}),
    "accounts/*/competence": (
        "garant users competence",
        {
            "specialties": "specialty",
            "sites": "site",
            "units": "unit",
            "trained_for": "trained_for",
            "delegated_tasks": "delegated",
            "delegated_until": "delegated_until",
            "supervised_by": "supervised_by",
        },
    ),
    "accounts/*/names": ("garant users names", {"national_id": "national_id", "ehr_user": "ehr_user"}),
    "accounts/*/password": ("garant users password", {}),
    "accounts/*/close": ("garant users close", {}),
    "machines": ("garant machines create", {"name": "name", "tasks": "task", "site": "site"}),
    "machines/*/revoke": ("garant machines revoke", {}),
}
OF_THE_PAGE: Final = {"csrf", "sure"}
"""What a form has because it is one: the token, and the tick against a slip of the mouse."""


def forms(text: str) -> dict[str, set[str]]:
    """The page's forms: what each does, with the names of its fields."""
    found: dict[str, set[str]] = {}
    for address, inside in ONE.findall(text):
        fields = set(re.findall(r'name="(\w+)"', inside))
        for names in LOOP.findall(inside):
            fields |= set(re.findall(r"'(\w+)'", names))
        for act in acts(address):
            found[act] = fields - OF_THE_PAGE
    return found


def acts(address: str) -> list[str]:
    """`/administration/systems/{{ … }}/{{ 'resume' if … else 'stop' }}` as the acts it can be."""
    either = re.findall(r"'(\w+)'", address)
    plain = address.replace("{{ base }}", "/administration/accounts/{{ x }}").removeprefix("/administration/")
    last = re.sub(r"{{[^}]*'[^}]*}}", "%", plain)
    return [re.sub(r"{{[^}]*}}", "*", last).replace("%", act) for act in either or [""]]


def on_the_pages() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for page in PAGES:
        found |= forms((TEMPLATES / page).read_text(encoding="utf-8"))
    return found


def test_every_form_of_the_page_has_its_command_and_every_field_its_option() -> None:
    assert on_the_pages() == {act: set(fields) for act, (_, fields) in FORMS.items()}


@pytest.mark.parametrize("act", FORMS)
def test_the_command_and_its_options_exist(act: str) -> None:
    command, fields = FORMS[act]
    assert set(fields.values()) <= {parameter.name for parameter in KNOWN[command].params}


def test_a_form_that_has_no_command_is_found() -> None:
    """The control of the tests above."""
    planted = '<form method="post" action="/administration/systems/{{ x.id }}/forget"><input name="why"></form>'
    assert forms(planted) == {"systems/*/forget": {"why"}}
    assert "systems/*/forget" not in FORMS
