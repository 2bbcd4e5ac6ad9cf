"""The tree explains itself: rooms have a README, the top level is as designed, and no file knows whose machine it was written on."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCES = ("gateway", "impact")
TOP = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "config", "gateway", "impact", "tests"}
MADE = {"__pycache__", "build", "dist"}
TEXT = {".py", ".md", ".toml", ".txt", ".sql", ".html", ".css", ".js", ".csv", ".json", ".mako", ".svg", ".yaml", ".yml", ""}
# Written in pieces, so that this file does not find itself.
PLACES = "|".join(
    (r"(?<![\w.}/])/(?:tmp|work|root|home|Users|opt)" + "/", r"pypi\." + "org", r"python" + r"hosted\.org", r"npm" + r"js\.(?:org|com)")
)


def rooms(root: Path) -> Iterator[Path]:
    """The packages and their direct sub-packages; what lies deeper belongs to its room."""
    for source in SOURCES:
        yield root / source
        yield from (init.parent for init in sorted((root / source).glob("*/__init__.py")))


def unexplained(root: Path) -> list[str]:
    """Rooms without a README, and inner folders that their room's README does not name."""
    bare = [room.relative_to(root).as_posix() for room in rooms(root) if not (room / "README.md").is_file()]
    inner = [init.parent for source in SOURCES for init in sorted((root / source).glob("*/*/__init__.py"))]
    explained = [folder for folder in inner if (folder.parent / "README.md").is_file()]
    unnamed = [folder for folder in explained if f"{folder.name}/" not in (folder.parent / "README.md").read_text(encoding="utf-8")]
    return bare + [folder.relative_to(root).as_posix() for folder in unnamed]


def written(root: Path) -> Iterator[Path]:
    """Every text file that belongs to the tree, without what tools leave behind."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and path.suffix in TEXT and not (MADE & set(parts)) and (parts[0] == ".ci" or not parts[0].startswith(".")):
            yield path


def places_of_a_machine(root: Path) -> list[str]:
    """File and line of every path of a machine and every package index."""
    found = []
    for path in written(root):
        lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        found += [f"{path.relative_to(root)}:{number}: {line.strip()}" for number, line in lines if re.search(PLACES, line)]
    return found


def strangers(root: Path) -> list[str]:
    """Names at the top that the design does not know; dot files and what tools make may join."""
    return sorted(
        path.name for path in root.iterdir() if path.name not in TOP | MADE and not path.name.startswith(".") and path.suffix != ".egg-info"
    )


def test_every_room_explains_itself() -> None:
    found = unexplained(ROOT)
    assert found == [], "\n".join(found)


def test_no_file_names_a_machine_or_a_package_index() -> None:
    found = places_of_a_machine(ROOT)
    assert found == [], "\n".join(found)


def test_the_top_level_is_as_designed() -> None:
    found = strangers(ROOT)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "tests/README.md", "tests/benchmarks/README.md"])
def test_a_reader_finds(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").strip()


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = " ".join((ROOT / "LICENSE").read_text(encoding="utf-8").split())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert hashlib.sha256(text.encode()).hexdigest() == "0ffddef9e48f8a09aed5caf2d44f7ba1c1be2d9b8e0a6f693b1635b2d5566645"


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(rf"^## .*{re.escape(version)}", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_constraints_hold_names_and_versions_alone() -> None:
    entries = [line for line in (ROOT / "config/constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert [entry for entry in entries if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", entry)] == []
    assert entries == sorted(entries, key=str.lower)


PLANTED = ["/tm" + "p/x", "see /wor" + "k/plan", '"/roo' + 't/.cache"', "https://py" + "pi.org/simple", "files.python" + "hosted.org"]


@pytest.mark.parametrize("text", PLANTED)
def test_a_planted_place_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway/a.py").write_text(f"# {text}\n", encoding="utf-8")
    assert places_of_a_machine(tmp_path) == [f"gateway/a.py:1: # {text}"]


def test_a_bare_room_and_a_stranger_are_found(tmp_path: Path) -> None:
    for room in ("gateway", "gateway/a", "gateway/a/inner", "impact"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    for room in ("gateway", "gateway/a"):
        (tmp_path / room / "README.md").write_text("A room.", encoding="utf-8")
    (tmp_path / "notes.md").touch()
    assert (unexplained(tmp_path), strangers(tmp_path)) == (["impact", "gateway/a/inner"], ["notes.md"])
