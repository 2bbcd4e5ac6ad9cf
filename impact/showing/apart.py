"""The impact section in a process of its own: statistics need more memory than a replica may take, and care does not wait for them.

The process starts when somebody looks, counts and draws at a lower priority, and ends when nobody has asked for a while, or when the program
that started it ends, however that came about. What it knew is lost then; whoever asks next brings it up to date from what is kept. Question and
answer go through its standard input and output, in turn.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from impact.ledger import UsageRecord

IDLE_SECONDS: Final = 600.0
_ROOT: Final = Path(__file__).resolve().parents[2]
_NICER: Final = 5


class Apart:
    """What `impact.pages.Section` offers, asked of another process.

    Every method raises ConnectionError where that process has ended; after `start` it begins anew, having counted nothing. A ValueError
    there is a ValueError here.

    Args:
        tables: the folder of the establishment's tables.
        idle: seconds after which the process ends when nothing was asked.
    """

    def __init__(self, tables: Path | None = None, idle: float = IDLE_SECONDS) -> None:
        self._command = [sys.executable, "-P", "-m", "impact.showing.apart", str(tables or ""), str(idle)]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Apart:
        """Start the process where it is not running."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._end()
                paths = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=os.environ | {"PYTHONPATH": paths},
                    start_new_session=True,
                )
        return self

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    @property
    def process(self) -> int | None:
        """The number of the process while it runs."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    @property
    def last(self) -> int:
        """The last log index that was counted; -1 at first."""
        return int(self._ask("last"))

    @property
    def form(self) -> str:
        """What kept sums must have in common with these."""
        return str(self._ask("form"))

    def add(self, records: Sequence[UsageRecord]) -> None:
        """Count further rows."""
        self._ask("add", records)

    def part(self, records: Sequence[UsageRecord], after: int) -> bytes:
        """The sums of some rows alone, to be kept."""
        return bytes(self._ask("part", records, after))

    def part_of(self, rows: bytes, after: int) -> bytes | None:
        """The same of rows as JSON lines; None where one of them has to be looked at alone."""
        found: bytes | None = self._ask("part_of", rows, after)
        return found

    def restore(self, part: bytes) -> bool:
        """Take in kept sums; False where they do not fit."""
        return bool(self._ask("restore", part))

    def packed(self) -> bytes:
        """All sums, to be kept."""
        return bytes(self._ask("packed"))

    def tell(self, volumes: Sequence[Mapping[str, object]]) -> None:
        """Total volumes that were given to the gateway; they go before those of the folder."""
        self._ask("tell", volumes)

    def page(self, kind: str, name: str, words: Mapping[str, str], names: Mapping[str, str]) -> object | None:
        """A page's blocks as plain values; None where there is none."""
        found: object | None = self._ask("page", kind, name, words, names)
        return found

    def data(self, kind: str, name: str, form: str) -> tuple[bytes, str] | None:
        """A page's rows in a form, with their media type; None where there is none."""
        found: tuple[bytes, str] | None = self._ask("data", kind, name, form)
        return found

    def _ask(self, name: str, *given: object) -> Any:  # noqa: ANN401 - what the section answers
        with self._lock:
            process = self._process
            if process is None or process.stdin is None or process.stdout is None:
                raise ConnectionResetError("The impact section's process is not running.")
            try:
                pickle.dump((name, given), process.stdin, pickle.HIGHEST_PROTOCOL)
                process.stdin.flush()
                said, answer = pickle.load(process.stdout)  # noqa: S301 - our own process
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                self._end()
                raise ConnectionResetError("The impact section's process has ended.") from error
        if said == "refused":
            raise ValueError(answer)
        if said == "failed":
            raise RuntimeError(answer)
        return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def serve(tables: Path | None, idle: float, source: BinaryIO, target: BinaryIO) -> None:
    """Answer until nobody is left who could ask, or nobody has asked for a while."""
    from impact.pages import Section  # noqa: PLC0415 - the program that asks imports this module too, and not what it needs

    section = Section(tables)
    while True:
        patience = threading.Timer(idle, os._exit, (0,))
        patience.daemon = True
        patience.start()
        try:
            name, given = pickle.load(source)  # noqa: S301 - who started us
        except EOFError:
            return
        finally:
            patience.cancel()
        pickle.dump(_answer(section, name, given), target, pickle.HIGHEST_PROTOCOL)
        target.flush()


def _answer(section: object, name: str, given: tuple[object, ...]) -> tuple[str, object]:
    try:
        found = getattr(section, name)
        value = found(*given) if callable(found) else found
    except ValueError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001 - told where it was asked
        return "failed", f"{type(error).__name__}: {error}"
    return "found", asdict(value) if name == "page" and value is not None else value


def main() -> None:
    """The other process. Whatever prints goes to standard error, so that answers stay answers."""
    tables, idle = sys.argv[1:]
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(_NICER)
    serve(Path(tables) if tables else None, float(idle), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
