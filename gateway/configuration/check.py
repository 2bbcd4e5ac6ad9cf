"""`garant check`: every problem of a configuration at once, each with file, line, cause and fix."""

from __future__ import annotations

import copy
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydantic import ValidationError

from gateway.configuration.checks.rules import findings
from gateway.configuration.positions import Positions
from gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from gateway.configuration.findings import Finding

Tree: TypeAlias = dict[str, object]
_OVERRIDES: Final = {
    "GARANT_DATABASE_URL": ("database", "url"),
    "GARANT_PUBLIC_URL": ("server", "public_url"),
    "GARANT_HOST": ("server", "host"),
    "GARANT_PORT": ("server", "port"),
    "GARANT_KEYS_DIR": ("keys_directory",),
}
_SHARED: Final = ("policies", "tasks")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend, or (a warning) to know; line 0 where a variable of the environment says it."""

    file: str
    line: int
    cause: str
    fix: str
    severity: Literal["error", "warning"] = "error"


@dataclass(slots=True)
class _Source:
    """The merged tree, and which file says what."""

    main: Path
    tree: Tree = field(default_factory=dict)
    positions: dict[str, Positions] = field(default_factory=dict)
    environment: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    shared: str | None = None
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: tuple[str | int, ...]) -> tuple[str, int]:
        """File and line of a path, or the variable that set it."""
        if path in self.environment:
            return f"environment variable {self.environment[path]}", 0
        if self.shared and path and path[0] in _SHARED and self.shared in self.positions:
            return self.shared, self.positions[self.shared].line(path)
        main = str(self.main)
        return main, self.positions[main].line(path) if main in self.positions else 1


def check(path: Path, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Every problem of a file, errors and warnings, in the order of their lines."""
    return examine(path, environ)[1]


def examine(path: Path, environ: Mapping[str, str]) -> tuple[Settings | None, tuple[Problem, ...]]:
    """The settings, if the shapes are right, and every problem."""
    source = _Source(path)
    _read(source)
    if source.problems:
        return None, tuple(source.problems)
    _override(source, environ)
    settings = _validated(source)
    readable = settings or _without_mistakes(source.tree)
    if readable is not None:
        source.problems.extend(_problem(source, finding) for finding in findings(readable, environ))
    return settings, tuple(sorted(source.problems, key=lambda problem: (problem.file, problem.line)))


def render(problems: tuple[Problem, ...]) -> str:
    """One line a problem: `file:line: cause → fix`; what the environment says has no line."""
    return "\n".join(f"{_where(problem)}: {problem.cause} → {problem.fix}" for problem in problems)


def _where(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    return place if problem.severity == "error" else f"{place}: warning"


def _read(source: _Source) -> None:
    source.tree = _file(source, source.main) or {}
    named = source.tree.get("policies")
    if isinstance(named, str):
        del source.tree["policies"]
        source.shared = str(source.main.parent / named)
        shared = _file(source, Path(source.shared)) or {}
        for name in _SHARED:
            if name in shared and name in source.tree:
                main = str(source.main)
                line = source.positions[main].line((name, 0))
                cause = f"[[{name}]] stands here and in {named} too"
                source.problems.append(Problem(main, line, cause, "keep all of them in one of the two files"))
            elif name in shared:
                source.tree[name] = shared[name]
        for name in sorted(set(shared) - set(_SHARED)):
            line = source.positions[source.shared].line((name,))
            source.problems.append(
                Problem(source.shared, line, f"'{name}' does not belong here", "keep only [[policies]] and [[tasks]] in this file")
            )


def _file(source: _Source, path: Path) -> Tree | None:
    text = ""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        tree = tomllib.loads(text)
    except FileNotFoundError:
        source.problems.append(
            Problem(
                str(path), 1, "the file does not exist", "copy config/garant.example.toml and adapt it, or name another file with --config"
            )
        )
    except tomllib.TOMLDecodeError as error:
        source.problems.append(Problem(str(path), _syntax_line(error, text), f"not TOML: {error}", "mend the syntax at this line"))
    except (OSError, ValueError) as error:
        source.problems.append(
            Problem(str(path), 1, f"the file cannot be read ({type(error).__name__})", "make it readable, as UTF-8 text")
        )
    else:
        source.positions[str(path)] = Positions(text.encode())
        return tree
    return None


def _syntax_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    digits = str(error).partition("at line ")[2].partition(",")[0]
    return int(digits) if digits.isdigit() else max(1, len(text.splitlines()))


def _override(source: _Source, environ: Mapping[str, str]) -> None:
    for name, path in _OVERRIDES.items():
        table: object = source.tree
        for key in path[:-1]:
            table = table.setdefault(key, {}) if isinstance(table, dict) else None
        if environ.get(name) and isinstance(table, dict):
            table[path[-1]] = environ[name]
            source.environment[path] = name


def _validated(source: _Source) -> Settings | None:
    try:
        return Settings.model_validate(source.tree)
    except ValidationError as error:
        source.problems.extend(_shape(source, detail) for detail in error.errors())
        return None


def _without_mistakes(tree: Tree) -> Settings | None:
    """The settings without the keys that have a wrong shape, so that the rest can be examined at once; None where that cannot be."""
    rest = copy.deepcopy(tree)
    try:
        return Settings.model_validate(rest)
    except ValidationError as error:
        for detail in error.errors():
            _drop(rest, detail["loc"])
    try:
        return Settings.model_validate(rest)
    except ValidationError:
        return None


def _drop(tree: Tree, path: tuple[str | int, ...]) -> None:
    """Removes a key; elements of a list stay, because later ones would change their numbers."""
    table: object = tree
    for key in path[:-1]:
        table = _inside(table, key)
    if isinstance(table, dict):
        table.pop(path[-1], None)


def _inside(table: object, key: str | int) -> object:
    if isinstance(table, dict):
        return table.get(key)
    return table[key] if isinstance(table, list) and isinstance(key, int) and key < len(table) else None


def _shape(source: _Source, detail: ErrorDetails) -> Problem:
    path = tuple(detail["loc"])
    file, line = source.place(path)
    name = ".".join(str(part) for part in path)
    if detail["type"] == "extra_forbidden":
        known = get_close_matches(str(path[-1]), _known_keys(path), n=1)
        return Problem(
            file,
            line,
            f"'{name}' is no setting",
            f"did you mean '{known[0]}'?" if known else "remove it, or see config/garant.example.toml",
        )
    if detail["type"] == "missing":
        return Problem(file, line, f"'{name}' is missing", "add it; config/garant.example.toml shows how")
    return Problem(file, line, f"'{name}': {detail['msg']}", "see config/garant.example.toml for what is allowed")


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    schema = Settings.model_json_schema()
    found: set[str] = set()
    for model in [schema, *schema.get("$defs", {}).values()]:
        found.update(model.get("properties", {}))
    return sorted(found - {str(path[-1])})


def _problem(source: _Source, finding: Finding) -> Problem:
    file, line = source.place(finding.path)
    return Problem(file, line, finding.cause, finding.fix, finding.severity)
