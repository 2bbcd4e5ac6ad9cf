"""A report that was written, checked by whoever holds its folder: its files, its figures computed anew, the usage it rests on.

What the log says is checked with the log: the report's `checkpoint` belongs among an export's kept ones, where `garant audit verify` finds
that the log grew from it. `check` here needs no log and no gateway.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from impact.results.documents import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from impact.ledger import UsageRecord

SUMS: Final = "SHA256SUMS"
INPUTS: Final = "inputs"


class ReportError(ValueError):
    """A report that does not hold; each problem in one sentence."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([*self.problems, "The report does not hold."]))


def sums(made: Mapping[str, bytes]) -> bytes:
    """The digests of a report's files, as `sha256sum -c` reads them."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(made.items())).encode()


def digest_of_records(records: Iterable[UsageRecord]) -> str:
    """SHA-256 of records as JSON lines in log order: of the same usage it is the same, whatever file it came in."""
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda one: one.log_index):
        digest.update(json.dumps(record.to_mapping()).encode() + b"\n")
    return digest.hexdigest()


def check(folder: Path, ledger: Path | None = None) -> list[str]:
    """What holds of a report, one sentence each.

    Args:
        folder: of the report.
        ledger: the usage, as the establishment handed it out; without it the figures are not computed anew.

    Raises:
        ReportError: what does not hold.
        OSError, ValueError: a file is missing or cannot be read.
    """
    listed = [line.split("  ", 1) for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()]
    wrong = [f"{name}: changed or missing since the report was written." for told, name in listed if told != _digest(folder / name)]
    known = {name for _, name in listed} | {SUMS}
    wrong += [f"{name}: no file of this report." for name in sorted(set(_files(folder)) - known)]
    proof = json.loads((folder / "proof.json").read_text(encoding="utf-8"))
    wrong += _covered(proof)
    if wrong:
        raise ReportError(wrong)
    held = [f"{len(listed)} files are as they were written.", *_told(proof)]
    return held if ledger is None else [*held, *_anew(folder, proof, ledger)]


def _covered(proof: Mapping[str, Any]) -> list[str]:
    """The checkpoint must be of a log that holds every row's entry."""
    size, last = size_of(str(proof["checkpoint"])), int(proof["ledger"]["last_log_index"])
    return [f"The checkpoint is of {size} entries, the usage goes up to entry {last}."] if proof["checkpoint"] and last >= size else []


def size_of(checkpoint: str) -> int:
    """The entries that a checkpoint is of; 0 for none."""
    line = [*checkpoint.splitlines(), "", ""][1]
    return int(line) if line.isdigit() else 0


def _told(proof: Mapping[str, Any]) -> list[str]:
    if not proof["checkpoint"]:
        return ["No checkpoint of a log was written: the report rests on a ledger file alone."]
    size = size_of(proof["checkpoint"])
    return [
        f"The log's checkpoint is of {size} entries: put it into an export as checkpoints/{size} and run 'garant audit verify EXPORT --key log.vkey'."
    ]


def _anew(folder: Path, proof: Mapping[str, Any], ledger: Path) -> list[str]:
    from impact.cli import read  # noqa: PLC0415 - a command and a check read ledgers alike
    from impact.run import run  # noqa: PLC0415

    records = list(read(ledger))
    if digest_of_records(records) != proof["ledger"]["sha256"]:
        raise ReportError([f"{ledger.name}: not the usage that the report was made of; its SHA-256 is another one."])
    found = document(run(records, folder / INPUTS, pilot=bool(proof["pilot"])))["tables"]
    told = json.loads((folder / "run.json").read_text(encoding="utf-8"))["tables"]
    apart = [f"{name}: computed anew, it is another table." for name in told if json.loads(json.dumps(found.get(name))) != told[name]]
    if apart:
        raise ReportError(apart)
    return [f"The usage is the report's: {len(records)} rows.", f"{len(told)} tables, computed anew from usage and inputs, are the same."]


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
