"""From where a request comes: proxies by address and by network; what a stranger writes into the header counts for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.configuration.check import check
from gateway.identity.trust.proxies import client_address
from tests.configuration.test_check import GOOD, POLICIES

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.configuration.check import Problem

NETWORKS = ("127.0.0.1", "10.20.0.0/16", "2001:db8:5::/48")
CASES = [
    ("10.20.7.7", "198.51.100.4", "198.51.100.4"),
    ("10.20.7.7", "6.6.6.6, 198.51.100.4, 10.20.1.1", "198.51.100.4"),
    ("10.21.0.1", "198.51.100.4", "10.21.0.1"),
    ("203.0.113.5", "198.51.100.4", "203.0.113.5"),
    ("2001:db8:5:1::9", "2001:db8:9::1", "2001:db8:9::1"),
    ("::ffff:10.20.7.7", "198.51.100.4", "198.51.100.4"),
    ("10.20.7.7", "198.51.100.4:4711", "198.51.100.4"),
    ("10.20.7.7", "[2001:db8:9::1]:4711", "2001:db8:9::1"),
    ("10.20.7.7", "", "10.20.7.7"),
    ("10.20.7.7", "10.20.0.9", "10.20.7.7"),
    ("10.20.7.7", "no address, 10.20.0.9", "no address"),
    ("", "198.51.100.4", ""),
]


@pytest.mark.parametrize(("peer", "forwarded", "expected"), CASES)
def test_the_last_who_is_no_proxy_is_where_a_request_comes_from(peer: str, forwarded: str, expected: str) -> None:
    assert client_address(peer, forwarded, NETWORKS) == expected


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("10.20.0.1/16", "'10.20.0.1/16' is neither an address nor a network"),
        ("proxy.example", "'proxy.example' is neither an address nor a network"),
        ("0.0.0.0/0", "everybody would be believed"),
        ("::/0", "everybody would be believed"),
    ],
)
def test_a_proxy_that_is_none_is_a_problem_in_words_with_its_line(tmp_path: Path, written: str, told: str) -> None:
    [problem] = _problems(tmp_path, written)
    assert (problem.severity, problem.line > 0, told in problem.cause) == ("error", True, True)


def test_the_network_that_was_meant_is_named_and_a_sound_one_is_no_problem(tmp_path: Path) -> None:
    assert '"10.20.0.0/16"' in _problems(tmp_path, "10.20.0.1/16")[0].fix
    assert _problems(tmp_path, "10.20.0.0/16") == []


def _problems(folder: Path, written: str) -> list[Problem]:
    (folder / "garant.toml").write_text(GOOD + f'[identity]\ntrusted_proxies = ["{written}"]\n', encoding="utf-8")
    (folder / "policies.toml").write_text(POLICIES, encoding="utf-8")
    return [one for one in check(folder / "garant.toml", {}) if "trusted" in one.fix or "proxies" in one.fix or "network" in one.fix]
