"""Everything a run is told beside the ledger: the establishment's own tables where it gave them, the shipped ones elsewhere."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from impact.catalogue import Catalogue
from impact.census import Workforce
from impact.intake import volumes
from impact.intake.checking import Refused, checked
from impact.intake.columns import TABLES
from impact.intake.mapping import guessed
from impact.intake.reading import read
from impact.measuring.measure import Given, InputError
from impact.measuring.quality import gates
from impact.places import config
from impact.scenarios import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from impact.measuring.measure import Row

GIVEN_VOLUMES: Final = "volumes given to the gateway"
_SHIPPED: Final = {"census": "census/france.csv", "professions": "professions.toml", "tasks": "tasks.toml"}
_ENDINGS: Final = (".csv", ".parquet", ".toml")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was told; `digests` is the SHA-256 of every file that was read, by its name; `contents` are the files of a folder that tells the same."""

    workforce: Workforce
    catalogue: Catalogue
    given: Given
    scenarios: tuple[Scenario, ...]
    digests: Mapping[str, str]
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path | None = None, told: Sequence[Row] = ()) -> Inputs:
        """From a folder of the establishment; what it does not hold is the shipped one, or nothing.

        Args:
            folder: of its tables.
            told: total volumes that were checked when they were given; they go before those of the folder.

        Raises:
            Refused, Unreadable, ScenarioError, InputError: what is wrong, by file, row and column.
        """
        digests: dict[str, str] = {}
        contents: dict[str, bytes] = {}
        tables = {name: _table(name, folder, digests, contents) for name in TABLES}
        rows = {name: tuple(table.to_pylist()) if table is not None else () for name, table in tables.items()}
        try:
            catalogue = Catalogue.of(tables["professions"], tables["tasks"], tables["exposure"])
        except ValueError as error:
            raise InputError([str(error)]) from error
        merged = volumes.merged(rows["volumes"], told)
        if told:
            digests[GIVEN_VOLUMES] = volumes.digest(told)
            contents = {name: content for name, content in contents.items() if not name.startswith("volumes.")}
            contents["volumes.csv"] = as_csv(pa.Table.from_pylist([dict(row) for row in merged])).encode()
        given = Given(tuple(merged), rows["baselines"], gates(rows["quality"]))
        scenarios = _scenarios(folder, digests, contents)
        return cls(Workforce.of(tables["census"]), catalogue, given, scenarios, dict(sorted(digests.items())), contents)

    @classmethod
    def known(cls, told: str | Path | Inputs | None) -> Inputs:
        """Inputs as they are, or loaded from a folder. Raises what `load` raises."""
        return told if isinstance(told, Inputs) else cls.load(Path(told) if told is not None else None)

    def scenario(self, name: str) -> Scenario | None:
        """A scenario by its id."""
        return next((one for one in self.scenarios if one.id == name), None)


def take_in(
    file: Path, folder: Path, kind: str | None = None, said: Mapping[str, str] | None = None, filled: Mapping[str, str] | None = None
) -> tuple[str, int, Path]:
    """Check a file of the establishment and keep it as `folder/KIND.csv`, whole or not at all.

    Args:
        file: CSV, Parquet or TOML.
        folder: made if it does not exist; an earlier table of that kind is replaced.
        kind: of table; guessed from the headings where it is not said.
        said: heading → column.
        filled: column → what stands in every row of it, where the file has no such column.

    Returns:
        The kind, the number of rows, and where they are.

    Raises:
        Refused, Unreadable: what is wrong; nothing was written.
    """
    sheet = read(file).filled(filled or {})
    name = kind or guessed(sheet.headings)[0]
    table = checked(TABLES[name], sheet, said)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.csv"
    part = target.with_name(target.name + ".part")
    part.write_text(as_csv(table), encoding="utf-8", newline="")
    part.replace(target)
    for other in (folder / f"{name}{ending}" for ending in _ENDINGS if ending != ".csv"):
        other.unlink(missing_ok=True)
    return name, table.num_rows, target


def as_csv(table: pa.Table) -> str:
    """A table as CSV: commas, points, one line per row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows(["" if value is None else value for value in row.values()] for row in table.to_pylist())
    return out.getvalue()


def _table(name: str, folder: Path | None, digests: dict[str, str], contents: dict[str, bytes]) -> pa.Table | None:
    own = [folder / f"{name}{ending}" for ending in _ENDINGS if (folder / f"{name}{ending}").is_file()] if folder else []
    if len(own) > 1:
        raise InputError([f"{name}: there are {' and '.join(path.name for path in own)}. Keep one of them."])
    shipped = [config() / _SHIPPED[name]] if name in _SHIPPED else []
    for path in own or shipped:
        content = contents[f"{name}{path.suffix}"] = path.read_bytes()
        digests[path.name] = hashlib.sha256(content).hexdigest()
        return checked(TABLES[name], read(path))
    return None


def _scenarios(folder: Path | None, digests: dict[str, str], contents: dict[str, bytes]) -> tuple[Scenario, ...]:
    paths = {path.name: path for source in (config(), folder) if source for path in sorted((source / "scenarios").glob("*.toml"))}
    found = tuple(Scenario.read(path) for _, path in sorted(paths.items()))
    contents.update({f"scenarios/{name}": path.read_bytes() for name, path in paths.items()})
    digests.update({f"scenarios/{scenario.id}.toml": scenario.digest for scenario in found})
    return found


__all__ = ["Inputs", "Refused", "as_csv", "take_in"]
