"""Checks for whoever has only files: an export, a proof, bytes and a salt; nothing of the gateway runs.

What is wrong with a file that was named is said as `BadInput`; what is wrong with a log stands in the report.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from gateway.audit.checking.evidence import cosignatures
from gateway.audit.checking.report import Problem, Report, Trust
from gateway.audit.export import read_export
from gateway.audit.note import NoteError, UnknownSignerError, VerifierKey
from gateway.audit.outside.difference import Difference, difference
from gateway.audit.outside.disclosure import leaf_in, opens
from gateway.audit.outside.policy import read_policy
from gateway.audit.outside.proofs import CaseProof, Proof, read_proof
from gateway.audit.rules.entries import BrokenRuleError, parse
from gateway.audit.verifier import verify_export
from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cryptography.x509 import Certificate

    from gateway.audit.note import Checkpoint

_T = TypeVar("_T")
_OTHER_KEY: Final = (
    " If that is the log's own name, its key was changed: --key needs the line of log.vkey that begins so. The log announces it in an entry "
    "'key_changed' (detail.kind 'log', step 'announced'); an export made since is verified with the older key, and its log.vkey has the line. "
    "A proof made anew since carries the announcement itself."
)


def trust(key: Path | None, policy: Path | None = None, authority: Path | None = None) -> Trust:
    """Whom somebody trusts, from files.

    Args:
        key: the log's public keys; without it those that the policy names.
        policy: a policy file (C2SP tlog-policy).
        authority: root certificates of timestamping authorities, PEM.

    Raises:
        BadInput: no key was given, or a file cannot be read.
    """
    read = None if policy is None else _read(policy, read_policy)
    vkeys = () if key is None else _read(key, lambda content: tuple(map(VerifierKey.decode, content.decode().split())))
    if not vkeys and not (read and read.logs):
        message = (
            "Name the log's public key with --key, or a policy with a log line: the one inside an export proves nothing, because whoever made "
            "the export made it too."
        )
        raise BadInput(message, code="key_needed")
    return Trust(vkeys or (read.logs if read else ()), read, () if authority is None else _read(authority, _roots))


def check_folder(folder: Path, whom: Trust, told: Callable[[int, int], None] = lambda _done, _all: None) -> Report:
    """Verify an export; `told`: entries that are done, and how many there are."""
    return verify_export(folder, whom, told)


def check_proof(path: Path, whom: Trust, leaf: Path | None) -> tuple[Report, tuple[str, ...]]:
    """Verify a proof file; with the report, one line for each entry that it proves.

    Args:
        path: a `.tlog-proof` file of a case, or of one entry.
        whom: whom the reader trusts.
        leaf: the bytes of the entry, where the file does not carry them.

    Raises:
        BadInput: the file cannot be read.
    """
    text = _read(path, read_proof)
    try:
        if leaf is not None:
            proof = Proof.decode(text)
            checkpoint, entries = proof.check(_read(leaf, bytes), whom.vkeys), [(proof.index, _read(leaf, bytes))]
            note = proof.checkpoint
        else:
            case = CaseProof.decode(text)
            checkpoint, entries, note = case.check(whom.vkeys), [(entry.index, entry.leaf) for entry in case.entries], case.checkpoint
    except NoteError as error:
        more = _OTHER_KEY if isinstance(error, UnknownSignerError) else ""
        return Report(ok=False, size=0, root="", problems=(Problem(None, f"The proof does not hold: {error}.{more}"),), counts={}), ()
    return _proven(checkpoint, note, whom), tuple(_told(index, content) for index, content in entries)


def compare(old: Path, new: Path, whom: Trust) -> Difference:
    """Compare two exports. Raises BadInput where one cannot be read, or is not signed."""
    with _in_words(f"{old} and {new} cannot be compared"):
        return difference(old, new, whom.vkeys)


def disclosed(source: Path, index: int, field: str, data: Path, salt: str) -> bool:
    """Whether an entry commits to the bytes of a file under this salt (hex). Raises BadInput."""
    with _in_words(f"The entry {index} of {source} cannot be compared"):
        return opens(leaf_in(source, index), field, data.read_bytes(), bytes.fromhex(salt))


def usage_in(folder: Path, rows: Mapping[int, tuple[str, str]]) -> int:
    """How many rows of usage an export was compared with: each must be of the suggestion and task of the entry it names.

    Args:
        folder: an export, verified by itself.
        rows: by log index: the row's record and task.

    Raises:
        BadInput: the first row that is of no such entry, or the export cannot be read.
    """
    with _in_words(f"The usage cannot be compared with {folder}"):
        found = {
            index: (str(entry.get("suggestion", "")), str(entry.get("task", "")))
            for index, leaf in enumerate(read_export(folder).leaves())
            if index in rows
            for entry in [parse(leaf)]
        }
    wrong = next((index for index in sorted(rows) if found.get(index) != rows[index]), None)
    if wrong is not None:
        raise BadInput(
            f"The row of log entry {wrong} is of no such entry: the usage, or the export, is another one.", code="usage_not_in_log"
        )
    return len(rows)


def _proven(checkpoint: Checkpoint, note: str, whom: Trust) -> Report:
    found = list(cosignatures(note, whom, None))
    problems = tuple(one for one in found if isinstance(one, Problem))
    evidence = tuple(one for one in found if isinstance(one, str))
    return Report(not problems, checkpoint.size, checkpoint.root.hex(), problems, {}, evidence)


def _told(index: int, leaf: bytes) -> str:
    try:
        entry = parse(leaf)
    except BrokenRuleError as error:
        return f"{index}: {error}"
    said = [entry["type"], str(entry.get("decision", "")), f"by {entry['role']} {entry['actor']}", str(entry.get("task", ""))]
    return f"{index}: {leaf_time(leaf)} {' '.join(word for word in said if word)}"


def leaf_time(leaf: bytes) -> str:
    """When an entry says that it happened."""
    return str(dict(parse(leaf)).get("at", ""))


def _roots(content: bytes) -> tuple[Certificate, ...]:
    from gateway.audit.outside.timestamps import roots_in  # noqa: PLC0415 - only who checks timestamps needs the library

    return roots_in(content)


def _read(path: Path, form: Callable[[bytes], _T]) -> _T:
    with _in_words(f"The file {path} cannot be used"):
        return form(path.read_bytes())


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        message = f"{what}: {error}."
        raise BadInput(message, code="file_unusable") from error
