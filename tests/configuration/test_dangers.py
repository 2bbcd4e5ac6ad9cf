"""What is well-formed and would do harm is told before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.configuration.check import check
from tests.configuration.test_check import GOOD, POLICIES, written

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = GOOD.replace('"openai"', '"json"') + 'path = "/predict"\n'
SECOND = '[[systems]]\nid = "z"\nname = "Z"\nversion = "1"\nprotocol = "json"\nupstream = { url = "http://127.0.0.1:8" }\n'
TWICE = PLAIN + SECOND + '[[routes]]\nsystem = "z"\ntask = "t"\npath = "/predict"\n'
HOOK = '[[webhooks]]\nid = "p"\nurl = "http://localhost:8080/hook"\n'
SECRET = GOOD.replace(':9" }', ':9", secret_env = "S" }')
DANGERS = {
    "two AI systems at one path": (TWICE, "error", "only the first would ever be asked"),
    "the sign-in's path": (PLAIN.replace("/predict", "/api/session"), "error", "an address of Garant itself"),
    "the health's path": (PLAIN.replace("/predict", "/health/ready"), "error", "an address of Garant itself"),
    "the first page's path": (PLAIN.replace("/predict", "/"), "error", "an address of Garant itself"),
    "another protocol's path": (PLAIN.replace("/predict", "/v1/chat/completions"), "error", "an address of Garant itself"),
    "a path with a query": (PLAIN.replace("/predict", "/predict?x=1"), "error", "no call can reach"),
    "patients' data in the clear": (GOOD.replace("127.0.0.1:9", "ai.example"), "warning", "unencrypted"),
    "a webhook to itself": (GOOD + HOOK, "error", "gateway's own"),
    "a circle by another name": (GOOD.replace("[[systems]]", '[server]\nhost = "0.0.0.0"\nport = 9\n[[systems]]'), "error", "in a circle"),
    "no site": (GOOD.replace('name = "E"', 'name = "E"\nsites = []'), "error", "no site"),
    "a header that is none": (SECRET.replace('"S" }', '"S", secret_header = "x y" }'), "error", "no header's name"),
    "a limit beyond the total": (GOOD.replace(':9" }', ':9", total_seconds = 2 }'), "warning", "total_seconds"),
}


@pytest.mark.parametrize("name", DANGERS)
def test_a_danger_is_told(tmp_path: Path, name: str) -> None:
    text, severity, words = DANGERS[name]
    found = check(written(tmp_path, text, POLICIES), {"S": "q7Zk-31vTyB0"})
    assert [problem.severity for problem in found if words in problem.cause] == [severity]


def test_a_secret_with_a_line_break_is_told_and_not_shown(tmp_path: Path) -> None:
    (found,) = check(written(tmp_path, SECRET, POLICIES), {"S": "q7Zk-31vTyB0\n"})
    assert ("control character" in found.cause, "q7Zk" in found.cause + found.fix) == (True, False)


def test_a_plain_path_is_no_danger(tmp_path: Path) -> None:
    assert check(written(tmp_path, PLAIN, POLICIES), {}) == ()
