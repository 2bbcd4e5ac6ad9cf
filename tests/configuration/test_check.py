"""`garant check`: every problem at once, with file, line, cause and fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.configuration.check import check, render
from gateway.configuration.load import load, packaged
from gateway.errors import Misconfigured
from gateway.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
policies = "policies.toml"
[establishment]
id = "e"
name = "E"
host = "localhost"
[[systems]]
id = "s"
name = "S"
version = "1"
protocol = "openai"
models = ["m"]
upstream = { url = "http://127.0.0.1:9" }
[[routes]]
system = "s"
task = "t"
"""
CARD = """\
[systems.attributes]
intended_use = "reading"
population = "adults"
known_limits = "adults"
validation = "there, 2025"
subgroups = "not known"
local_validation = "here, 2026"
contact = "support@provider.example"
"""
POLICIES = """\
[[policies]]
id = "hold"
[[tasks]]
id = "t"
kind = "diagnosis"
policy = "hold"
"""
OIDC = """\
[identity]
methods = ["oidc"]
[identity.oidc]
issuer = "https://idp.example"
client_id = "garant"
"""
MENDING = [
    (GOOD.replace('task = "t"', 'task = "x"'), POLICIES, 15, "no task 'x'"),
    (GOOD.replace('system = "s"', 'system = "x"'), POLICIES, 14, "no AI system 'x'"),
    (GOOD.replace('host = "localhost"', 'hots = "localhost"'), POLICIES, 5, "'establishment.hots' is no setting"),
    (GOOD.replace("http://127.0.0.1:9", "http://u:p@127.0.0.1:9"), POLICIES, 12, "credentials"),
    (GOOD.replace("http://127.0.0.1:9", "http://127.0.0.1:8080"), POLICIES, 12, "gateway's own"),
    (
        GOOD.replace('upstream = { url = "http://127.0.0.1:9" }', 'upstream = { url = "http://127.0.0.1:9", secret_env = "NOT_SET" }'),
        POLICIES,
        12,
        "NOT_SET",
    ),
    (
        GOOD.replace('upstream = { url = "http://127.0.0.1:9" }', 'upstream = { url = "http://127.0.0.1:9", secret_env = "WEAK" }'),
        POLICIES,
        12,
        "default or too short",
    ),
    ('profile = "production"\n' + GOOD, POLICIES, 1, "two factors"),
    (GOOD + 'identity_pointers = { ipp = "/patient" }\n', POLICIES, 16, "'ipp' is not read from the request"),
    (GOOD + 'findings = { pointer = "list", label = "name" }\n', POLICIES, 16, "no JSON Pointer"),
    (GOOD.replace('protocol = "openai"', 'protocol = "json"'), POLICIES, 13, "needs the path"),
    (GOOD, POLICIES.replace('policy = "hold"', 'policy = "x"'), 6, "no policy 'x'"),
    (GOOD, POLICIES.replace('id = "hold"', 'id = "hold"\nrelease_mode = "log_only"'), 7, "always need a sign-off"),
    (GOOD, POLICIES.replace('id = "hold"', 'id = "hold"\nrelease_mode = "notify_now"'), 1, "has to name a rota"),
    (GOOD, POLICIES.replace('id = "hold"', 'id = "hold"\nexpires_seconds = 10'), 3, "withdrawn before its signature is due"),
    (GOOD, POLICIES.replace('id = "hold"', 'id = "hold"\nunsigned_content_to_caller = true'), 3, "only notify_now"),
    (GOOD, POLICIES + POLICIES, 2, "used 2 times"),
    ('identity = ["password", "oidc"]\n' + GOOD, POLICIES, 1, "need each other"),
    ('identity = ["passkey"]\n' + GOOD, POLICIES, 1, "begin no session"),
    ('identity = ["password", "passkey"]\n' + GOOD, POLICIES, 1, "no passkeys for an IP address"),
    (GOOD + OIDC.replace("https", "http"), POLICIES, 19, "unencrypted"),
    (GOOD + OIDC + 'secret_env = "NOT_SET"\n', POLICIES, 21, "NOT_SET"),
    (GOOD, POLICIES.replace('id = "hold"', 'id = "hold"\nreauthenticate_with = ["passkey"]'), 3, "does not offer"),
    (
        'profile = "production"\n' + GOOD + OIDC.replace('["oidc"]', '["oidc", "password"]'),
        POLICIES.replace('id = "hold"', 'id = "hold"\nreauthenticate_with = ["password"]'),
        3,
        "a password alone signs nothing",
    ),
    (GOOD + 'links = [{ label = { fr = "PACS" }, url = "javascript:x" }]', POLICIES, 16, "is no web address"),
    (
        GOOD + 'links = [{ label = { fr = "PACS" }, url = "https://pacs.example.org/{ipp}" }]',
        POLICIES,
        16,
        "no patient_pointers entry 'ipp'",
    ),
    (GOOD + "x = [", POLICIES, 16, "not TOML"),
]


def written(folder: Path, main: str, policies: str, card: str = CARD) -> Path:
    """The two files; the last AI system gets its card at the end, where it moves no line."""
    (folder / "policies.toml").write_text(policies, encoding="utf-8")
    (folder / "garant.toml").write_text(f"{main.rstrip()}\n{card}", encoding="utf-8")
    return folder / "garant.toml"


def test_a_good_configuration_has_no_problem(tmp_path: Path) -> None:
    assert check(written(tmp_path, GOOD, POLICIES), {}) == ()


def test_production_starts_with_a_provider_or_with_passkeys_and_not_with_passwords_only(tmp_path: Path) -> None:
    """R5, and the control that shows what is refused."""
    passkeys = '[identity]\nmethods = ["password", "passkey"]\n[server]\npublic_url = "https://garant.example"\n'
    for more in (OIDC, passkeys):
        assert load(written(tmp_path, 'profile = "production"\n' + GOOD + more, POLICIES), {}).profile == "production"
    with pytest.raises(Misconfigured, match="two factors"):
        load(written(tmp_path, 'profile = "production"\n' + GOOD, POLICIES), {})


def test_the_example_s_provider_and_health_record_are_as_they_should_be(tmp_path: Path) -> None:
    text = packaged("garant.example.toml").read_text()
    shown = text[text.index("# [identity.oidc]") : text.index("[database]")].replace("# ", "", 1).replace("\n# ", "\n")
    environ = {"GARANT_OIDC_SECRET": "f3a9-71bc-02de", "GARANT_EHR_SECRET": "71bc-02de-f3a9"}
    main = f'identity.methods = ["password", "oidc"]\n{GOOD}{shown}'
    settings = load(written(tmp_path, main, POLICIES), environ)
    assert settings.identity.oidc is not None
    assert (settings.identity.oidc.profile, settings.identity.launches[0].case) == ("keycloak", "encounter")


def test_the_short_form_and_the_table_say_the_same(tmp_path: Path) -> None:
    short = load(written(tmp_path, 'identity = ["password"]\n' + GOOD, POLICIES), {})
    table = load(written(tmp_path, GOOD + '[identity]\nmethods = ["password"]\n', POLICIES), {})
    assert short.identity == table.identity


def test_windows_line_endings_are_fine(tmp_path: Path) -> None:
    assert check(written(tmp_path, GOOD.replace("\n", "\r\n"), POLICIES), {}) == ()


@pytest.mark.parametrize(("main", "policies", "line", "cause"), MENDING, ids=[row[3] for row in MENDING])
def test_each_problem_names_its_line_and_its_mend(tmp_path: Path, main: str, policies: str, line: int, cause: str) -> None:
    found = [problem for problem in check(written(tmp_path, main, policies, ""), {"WEAK": "changeme"}) if cause in problem.cause]
    assert [problem.line for problem in found][:1] == [line]
    assert all(problem.fix for problem in found)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path, 'profile = "production"\n' + GOOD.replace('task = "t"', 'task = "x"'), POLICIES.replace('policy = "hold"', 'policy = "y"')
    )
    with pytest.raises(Misconfigured) as caught:
        load(path, {})
    assert all(word in caught.value.message for word in ("two factors", "'x'", "'y'"))


def test_a_misspelled_key_gets_a_suggestion(tmp_path: Path) -> None:
    text = render(check(written(tmp_path, GOOD.replace('version = "1"', 'verison = "1"'), POLICIES), {}))
    assert "did you mean 'version'?" in text


def test_a_file_that_is_missing_or_unreadable_is_told(tmp_path: Path) -> None:
    assert "does not exist" in check(tmp_path / "none.toml", {})[0].cause
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in check(tmp_path / "bad.toml", {})[0].cause


def test_the_environment_wins(tmp_path: Path) -> None:
    settings = load(
        written(tmp_path, GOOD, POLICIES), {"GARANT_PORT": "9999", "GARANT_KEYS_DIR": "/keys", "GARANT_DATABASE_URL": "postgresql://db"}
    )
    assert (settings.server.port, str(settings.keys_directory), settings.database.url) == (9999, "/keys", "postgresql://db")


@pytest.mark.parametrize("name", ["garant.example.toml", "demo.toml"])
def test_the_shipped_configurations_have_no_error(name: str) -> None:
    assert [problem for problem in check(packaged(name), {}) if problem.severity == "error"] == []


def test_every_setting_stands_in_the_examples() -> None:
    text = packaged("garant.example.toml").read_text() + packaged("policies.example.toml").read_text()
    schema = Settings.model_json_schema()
    names = {name for model in [schema, *schema["$defs"].values()] for name in model.get("properties", {})}
    assert sorted(name for name in names if name not in text) == []
