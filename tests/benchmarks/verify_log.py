"""How long the verification of a whole log takes, and how much memory. Run: `python -m tests.benchmarks.verify_log [entries …]`.

The export is verified by a process of its own, with all processors, three times as it is and three times with an older signed state for every
hundred entries beside it; medians. Memory is the largest sum over the process and its helpers, looked at 20 times a second. Seconds a processor
worked are told beside seconds on the clock: on a machine that does something else as well only the former say much.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from gateway.audit.export import claimed_size, write_export, write_whole
from gateway.audit.note import sign_checkpoint
from gateway.audit.outside.proofs import Proof
from gateway.audit.tree import Frontier, inclusion_proof, leaf_hash
from gateway.audit.verifier import Report, verify_export
from tests.audit.story import KEY, ORIGIN, POLICIES, VKEYS, mixed, signed

DEFAULT = (10_000, 100_000)
RUNS = 3


def main(sizes: tuple[int, ...]) -> None:
    """Print two lines per size."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(
        f"{'entries':>10} {'older states':>13} {'verify s':>9} {'CPU s':>6} {'MiB':>6} {'µs/entry':>9} {'bytes each':>11} {'proof bytes':>12}"
    )
    for size in sizes:
        measure(size)


def measure(size: int) -> None:
    """Generate, export, verify the export without older states and with them."""
    leaves = mixed(range(size // 4 + 2)).leaves()[:size]
    checkpoint, width = signed(leaves), sum(map(len, leaves)) // size
    proof, older = proof_bytes(leaves, checkpoint), kept(leaves)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_export(folder, leaves, checkpoint, KEY.verifier().encode(), POLICIES)
        del leaves
        for notes in ([], older):
            for note in notes:
                write_whole(folder / "checkpoints" / str(claimed_size(note)), note.encode())
            runs = sorted(alone(name) for _ in range(RUNS))
            reading, cpu, memory = runs[RUNS // 2]
            print(
                f"{size:>10,} {len(notes):>13,} {reading:>9.2f} {cpu:>6.1f} {memory:>6.0f} {reading / size * 1e6:>9.1f} {width:>11} {proof:>12}",
                flush=True,
            )


def proof_bytes(leaves: list[bytes], checkpoint: str) -> int:
    """The size of the file that proves an entry in the middle."""
    index = len(leaves) // 2
    proof = Proof(index, tuple(inclusion_proof([leaf_hash(leaf) for leaf in leaves], index)), checkpoint)
    assert proof.check(leaves[index], VKEYS).size == len(leaves)
    return len(proof.encode().encode())


def kept(leaves: list[bytes]) -> list[str]:
    """Older signed states, one for every hundred entries."""
    frontier, notes = Frontier(), []
    for first in range(0, len(leaves), 100):
        frontier = frontier.extend(map(leaf_hash, leaves[first : first + 100]))
        notes.append(sign_checkpoint(ORIGIN, frontier.size, frontier.root(), KEY))
    return notes


def alone(folder: str) -> tuple[float, float, float]:
    """Verify one export in a process of its own: seconds, CPU seconds of all processors, MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.verify_log", "--only", folder], stdout=subprocess.PIPE, text=True)
    peak, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.Error):
            peak = max(peak, sum(one.memory_info().rss for one in (watched, *watched.children(recursive=True))))
        time.sleep(0.05)
    seconds, used = float(process.communicate()[0]), resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, peak / 2**20


def timed(check: object, *arguments: object) -> float:
    """Seconds of one run, which must find the log sound."""
    start = time.perf_counter()
    report = check(*arguments)  # type: ignore[operator]
    elapsed = time.perf_counter() - start
    if not (isinstance(report, Report) and report.ok):
        sys.exit(f"the log was not found sound: {report}")
    return elapsed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--only"]:
        print(timed(verify_export, Path(sys.argv[2]), KEY.verifier().encode()))
    else:
        main(tuple(int(value.replace("_", "")) for value in sys.argv[1:]) or DEFAULT)
