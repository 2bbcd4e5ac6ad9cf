"""What `garant check` refuses beyond shapes: defaults, circles, broken pointers; and that no input makes it fall over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.configuration.check import check, render
from gateway.configuration.load import packaged
from gateway.configuration.schema import schemas, write
from tests.configuration.test_check import GOOD, POLICIES, written

if TYPE_CHECKING:
    from pathlib import Path

SECRET = GOOD.replace(':9" }', ':9", secret_env = "S" }')
HOOK = '[[webhooks]]\nid = "p"\nurl = "http://127.0.0.1:1"\nsecret_env = "S"\n'
ROTA = """\
[[rotas]]
id = "r"
shifts = [
    { person = "a", start = "2020-01-01T00:00:00Z", end = "2090-01-01T00:00:00Z" },
    { person = "b", start = "2020-01-01T00:00:00Z", end = "2090-01-01T00:00:00Z" },
]
"""
NOTIFY = POLICIES.replace('id = "hold"', 'id = "hold"\nrelease_mode = "notify_now"\nnotify_rota = "r"')


@pytest.mark.parametrize(
    "value", ["", "changeme", "change-me-now", "your-secret-here", "<secret>", "${SECRET}", "12345678", "aaaaaaaaaa", "       x"]
)
def test_a_default_or_placeholder_is_no_secret(tmp_path: Path, value: str) -> None:
    found = check(written(tmp_path, SECRET, POLICIES), {"S": value})
    assert [(problem.line, "default" in problem.cause) for problem in found] == [(12, True)]
    assert not value.strip() or value not in render(found)


def test_a_real_secret_is_taken(tmp_path: Path) -> None:
    assert check(written(tmp_path, SECRET, POLICIES), {"S": "q7Zk-31vTyB0"}) == ()


def test_a_webhook_secret_has_to_be_base64(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + HOOK, POLICIES)
    assert "no Standard Webhooks secret" in render(check(path, {"S": "whsec_not base64 !"}))
    assert check(path, {"S": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) == ()


def test_a_misspelled_key_hides_no_other_problem(tmp_path: Path) -> None:
    text = GOOD.replace('name = "E"', 'nmae = "E"\nname = "E"').replace('task = "t"', 'task = "x"')
    causes = [problem.cause for problem in check(written(tmp_path, text, POLICIES), {})]
    assert causes == ["'establishment.nmae' is no setting", "no task 'x'"]


@pytest.mark.parametrize("pointer", ["label", "/a~2b", "/a~", "", "#/a"])
def test_a_broken_pointer_is_told_at_its_own_line(tmp_path: Path, pointer: str) -> None:
    found = check(written(tmp_path, GOOD + f'wait_seconds = 1\ncase_pointer = "{pointer}"\n', POLICIES), {})
    assert [problem.line for problem in found if "no JSON Pointer" in problem.cause] == [17]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_the_gateway_is_not_its_own_upstream_under_any_name(tmp_path: Path, host: str) -> None:
    assert "in a circle" in render(check(written(tmp_path, GOOD.replace("127.0.0.1:9", f"{host}:8080"), POLICIES), {}))


@pytest.mark.parametrize("address", ["http://[", "http://h:99999999", "ftp://h", "nothing"])
def test_a_public_address_that_is_none_names_its_variable(tmp_path: Path, address: str) -> None:
    text = render(check(written(tmp_path, GOOD, POLICIES), {"GARANT_PUBLIC_URL": address}))
    assert text.startswith("environment variable GARANT_PUBLIC_URL: public_url is no web address")


def test_tasks_in_both_files_are_refused_and_not_dropped(tmp_path: Path) -> None:
    text = GOOD + '[[tasks]]\nid = "u"\nkind = "triage"\npolicy = "hold"\n'
    assert [(problem.line, "too" in problem.cause) for problem in check(written(tmp_path, text, POLICIES), {})] == [(16, True)]


def test_shared_shifts_and_a_rota_without_a_webhook_are_warnings(tmp_path: Path) -> None:
    found = check(written(tmp_path, GOOD + ROTA, NOTIFY), {})
    assert {problem.severity for problem in found} == {"warning"}
    assert "same time" in render(found)
    assert "no webhook serves 'r'" in render(found)


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    assert check(written(tmp_path, "\ufeff" + GOOD, POLICIES), {}) == ()


def test_a_path_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in render(check(written(tmp_path, GOOD.replace("policies.toml", "a\\u0000b"), POLICIES), {}))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.text(max_size=12))
def test_no_damage_to_a_file_makes_the_check_fall_over(tmp_path: Path, at: int, length: int, text: str) -> None:
    damaged = (GOOD[:at] + text + GOOD[at + length :]).encode("utf-8", "surrogatepass")
    path = written(tmp_path, GOOD, POLICIES)
    path.write_bytes(damaged)
    assert all(problem.cause and problem.fix and problem.line >= 0 for problem in check(path, {}))


def test_the_shipped_schemas_are_those_of_the_models(tmp_path: Path) -> None:
    write(tmp_path)
    assert sorted(schemas()) == ["garant.schema.json", "policies.schema.json"]
    for name, text in schemas().items():
        assert packaged("schema/" + name).read_text(encoding="utf-8") == text == (tmp_path / name).read_text(encoding="utf-8")
