"""Who vouches for people is configuration too: every change of it is an entry at the next start, without a secret in it (R21)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.identity.oidc.in_force import documents
from gateway.settings import Establishment, Identity, Launch, Provider, Settings
from tests.stage import Stage, _serve, built

if TYPE_CHECKING:
    from collections.abc import Iterator

ISSUER = "https://idp.hospital.example/realms/staff"
PROVIDER = Provider(issuer=ISSUER, client_id="garant", secret_env="GARANT_OIDC_SECRET", profile="keycloak")
ENTRY = {"change", "source", "old", "new", "settings"}


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def changes(stage: Stage) -> list[tuple[str, str, str]]:
    found = [entry["detail"] for entry in stage.entries("config_changed") if entry["detail"]["change"].startswith("identity_")]
    assert all(set(detail) == ENTRY for detail in found)
    return [(detail["change"], detail["source"].partition(":")[0], detail["settings"]) for detail in found]


def again(stage: Stage, **identity: object) -> None:
    """Start two replicas together with another way of signing in."""
    while stage.replicas:
        stage.replicas.pop().stop()
    settings = stage.settings.model_copy(update={"identity": Identity(**identity)})
    stage.replicas += [_serve(settings, stage.keys, stage.url) for _ in range(2)]


def test_a_provider_that_is_added_changed_and_removed_is_an_entry_each_time_and_the_log_verifies(stage: Stage) -> None:
    again(stage, methods=("password", "oidc"), oidc=PROVIDER)
    again(stage, methods=("password", "oidc"), oidc=PROVIDER.model_copy(update={"issuer": "https://other.example/", "claim": "email"}))
    again(stage, methods=("password",))
    told = changes(stage)
    assert [one[:2] for one in told] == [
        ("identity_added", "sign_in"),
        *(("identity_added", "oidc"), ("identity_changed", "sign_in")),
        ("identity_changed", "oidc"),
        *(("identity_removed", "oidc"), ("identity_changed", "sign_in")),
    ]
    assert (told[2][2], told[3][2]) == ("methods", "claim,issuer")
    assert stage.verified().ok


def test_the_same_configuration_leaves_no_entry_at_the_next_start(stage: Stage) -> None:
    again(stage, methods=("password", "oidc"), oidc=PROVIDER)
    before = changes(stage)
    again(stage, methods=("password", "oidc"), oidc=PROVIDER)
    assert changes(stage) == before


def test_the_document_behind_a_digest_is_kept_and_neither_holds_a_secret(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GARANT_OIDC_SECRET", "canary-secret-of-the-client")
    again(stage, methods=("password", "oidc"), oidc=PROVIDER)
    kept = [row["document"] for row in stage.rows("SELECT document FROM identity_documents")]
    [provider] = [document for document in map(json.loads, kept) if document.get("id") == "oidc"]
    assert (provider["issuer"], provider["client_id"], provider["claim"], "secret" in provider) == (
        ISSUER,
        "garant",
        "preferred_username",
        False,
    )
    assert "canary" not in str(kept) + str(stage.entries())
    assert "idp.hospital.example" not in str(stage.entries()), "entries may be open to everybody: addresses stand in the document alone"


def configured(provider: Provider) -> Settings:
    """Settings that sign people in with this provider."""
    about = Establishment(id="e", name="E", host="localhost")
    identity = Identity(methods=("oidc",), oidc=provider)
    return Settings(establishment=about, identity=identity, systems=(), tasks=(), policies=(), routes=())


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://other.example/"},
        {"client_id": "other"},
        {"claim": "email"},
        {"account": "national_id"},
        {"acr_values": ("eidas2",)},
        {"amr_values": ("otp",)},
        {"secret_env": None},
        {"algorithms": ("ES256",)},
    ],
)
def test_every_setting_that_decides_who_somebody_is_changes_the_digest(change: dict[str, Any]) -> None:
    """Without a start for each: the document is what a digest is of."""
    before, after = (documents(configured(one))["oidc"] for one in (PROVIDER, PROVIDER.model_copy(update=change)))
    assert before != after


def test_a_health_record_that_may_open_garant_counts_too(stage: Stage) -> None:
    launch = Launch(iss="https://ehr.hospital.example/fhir", client_id="garant")
    again(stage, methods=("password",), launches=(launch,))
    entry = stage.entries("config_changed")[-1]
    assert (entry["detail"]["change"], entry["detail"]["source"].partition(":")[0], entry["actor"]) == (
        "identity_added",
        "launch",
        "system:start",
    )
    assert "ehr.hospital.example" not in str(entry)
