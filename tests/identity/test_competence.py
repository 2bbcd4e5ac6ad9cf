"""For what, where and under whom somebody works (R6): set by hospital IT, logged, and at once effective."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Forbidden
from gateway.identity.methods import accepted, check_method, signing
from gateway.identity.people import Competence, ForeignNames
from gateway.identity.roles import Role
from gateway.identity.sessions import Authentication
from gateway.policy.models import Policy

if TYPE_CHECKING:
    from tests.identity.stage import Stage

NOW = datetime(2026, 1, 2, tzinfo=UTC)


async def test_an_account_can_be_made_with_its_limits(stage: Stage) -> None:
    async with await stage.signed_in(Role.IT) as admin:
        account = {
            "login": "intern.one",
            "name": "Ines Interne",
            "profession": "resident",
            "roles": ["clinician"],
            "competence": {"sites": ["north"], "units": ["imaging"], "specialties": ["chest"], "trained_for": ["cytology"]},
            "names": {"national_id": "810000000001"},
        }
        made = (await admin.post("/api/people", json=account)).json()["person"]
        twice = await admin.post("/api/people", json={**account, "login": "intern.two"})
    person = await stage.parts.people.get(made["id"])
    assert person.competence == Competence(frozenset({"chest"}), frozenset({"north"}), frozenset({"imaging"}), frozenset({"cytology"}))
    assert (person.foreign, twice.status_code) == (ForeignNames("810000000001"), 409)


async def test_changed_limits_end_the_sessions_and_are_logged(stage: Stage) -> None:
    senior, _, _ = await stage.account(Role.CLINICIAN)
    async with await stage.signed_in(Role.IT) as admin, await stage.signed_in(Role.CLINICIAN) as person:
        whom = (await person.get("/api/session")).json()["person"]["id"]
        limits = {"delegated_tasks": ["cytology"], "delegated_until": "2027-01-01T00:00:00Z", "supervised_by": str(senior)}
        changed = (await admin.put(f"/api/people/{whom}/competence", json=limits)).json()
        assert (await person.get("/api/session")).json()["code"] == "session_ended"
    assert (changed["competence"]["supervised_by"], changed["competence"]["delegated_tasks"]) == (str(senior), ["cytology"])
    assert '"change":"competence_changed"' in "".join((await stage.entries())[-2:])  # the last one: the ended session was refused


async def test_a_supervisor_has_to_exist(stage: Stage) -> None:
    whom, _, _ = await stage.account(Role.CLINICIAN)
    async with await stage.signed_in(Role.IT) as admin:
        body = {"supervised_by": "00000000-0000-0000-0000-000000000001"}
        assert (await admin.put(f"/api/people/{whom}/competence", json=body)).status_code == 404


async def test_a_name_by_which_others_call_somebody_belongs_to_one_account(stage: Stage) -> None:
    (one, _, _), (other, _, _) = await stage.account(Role.CLINICIAN), await stage.account(Role.CLINICIAN)
    body = {"national_id": "810000000002", "ehr_user": "https://ehr.example/Practitioner/2"}
    async with await stage.signed_in(Role.IT) as admin:
        codes = [(await admin.put(f"/api/people/{whom}/names", json=body)).status_code for whom in (one, other)]
    found = await stage.parts.people.called("national_id", "810000000002")
    assert (codes, found is not None and found.id) == ([200, 409], one)
    assert await stage.parts.people.called("national_id", "") is None


@pytest.mark.parametrize(
    ("profile", "offered", "wanted", "counts"),
    [
        ("pilot", ("password",), (), ("password",)),
        ("pilot", ("password", "passkey"), ("passkey",), ("passkey",)),
        ("production", ("password", "passkey"), (), ("passkey",)),
        ("production", ("password", "oidc", "passkey"), ("password", "oidc"), ("oidc",)),
        ("production", ("password",), (), ()),
    ],
)
def test_in_production_no_signature_rests_on_a_password(
    stage: Stage, profile: str, offered: tuple[str, ...], wanted: tuple[str, ...], counts: tuple[str, ...]
) -> None:
    """R5."""
    identity = stage.parts.settings.identity.model_copy(update={"methods": offered})
    settings = stage.parts.settings.model_copy(update={"profile": profile, "identity": identity})
    policy = Policy.model_validate({"id": "p", "reauthenticate_with": wanted})
    assert accepted(policy, settings) == counts


def test_a_proof_of_another_kind_is_refused_in_both_languages(stage: Stage) -> None:
    settings = stage.parts.settings.model_copy(update={"profile": "production"})
    policy = signing(Policy(id="p"), settings)
    with pytest.raises(Forbidden, match="signed with a passkey") as refused:
        check_method(Authentication("password", NOW), policy)
    assert "clé d'accès" in refused.value.said("fr")
    check_method(Authentication("passkey", NOW), policy)
