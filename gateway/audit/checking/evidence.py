"""What others say of a log: cosignatures against the quorum of a policy, timestamps against their authorities' roots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.checking.report import Problem, sentence
from gateway.audit.export import claimed_size
from gateway.audit.note import NoteError
from gateway.audit.outside.cosignatures import cosigned_by, with_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.checking.report import Trust
    from gateway.audit.export import Export
    from gateway.audit.outside.policy import Policy


def cosignatures(note: str, trust: Trust, export: Export | None) -> Iterator[Problem | str]:
    """Problems, and a sentence where the quorum is met."""
    if trust.policy is None:
        return
    try:
        present = cosigned_by(note, trust.policy.cosigners)
    except NoteError as error:
        yield Problem(None, f"The cosignatures of the checkpoint do not hold: {error}.")
        return
    names = [witness.name for witness in trust.policy.witnesses if witness.key in present]
    if trust.policy.met_by(present):
        yield f"The checkpoint is cosigned by {', '.join(names) or 'nobody, and the policy asks for nobody'}; that is enough."
    else:
        missing = ", ".join(trust.policy.lacking(present))
        yield Problem(None, f"The checkpoint is not cosigned by enough witnesses for the policy; these have not cosigned: {missing}.")
    if export is not None:
        yield from _older(trust.policy, export)


def _older(policy: Policy, export: Export) -> Iterator[Problem]:
    """Cosignatures of older states, each over the note of its size."""
    notes = {claimed_size(note): note for note in export.kept}
    for size, lines in export.cosignatures.items():
        note = notes.get(size)
        if note is None:
            yield Problem(None, f"There are cosignatures over {size} entries, but not the checkpoint that they belong to.")
            continue
        try:
            fitting = cosigned_by(with_lines(note, [lines]), policy.cosigners)
        except NoteError as error:
            yield Problem(None, f"The cosignatures over {size} entries do not hold: {error}.")
            continue
        if not fitting:
            yield Problem(None, f"The cosignatures over {size} entries are of nobody whom the policy names.")


def timestamps(trust: Trust, export: Export) -> Iterator[Problem | str]:
    """Problems, and a sentence about the newest timestamp that holds."""
    if not export.timestamps:
        return
    if not trust.roots:
        yield f"{len(export.timestamps)} timestamps lie beside the log; they were not checked, because no authority's root certificate was given."
        return
    from gateway.audit.outside.timestamps import check_timestamp  # noqa: PLC0415 - only who has timestamps needs the library

    notes, newest = {claimed_size(note): note for note in export.kept}, ""
    for (size, authority), answer in sorted(export.timestamps.items()):
        note = notes.get(size)
        try:
            if note is None:
                yield Problem(None, f"There is a timestamp over {size} entries, but not the checkpoint that it belongs to.")
                continue
            moment = check_timestamp(answer, note.encode(), trust.roots)
        except NoteError as error:
            yield Problem(None, sentence(f"the timestamp {authority} over {size} entries proves nothing: {error}"))
            continue
        newest = f"{authority} saw the first {size} entries at {moment:%Y-%m-%d %H:%M:%S} UTC; {len(export.timestamps)} timestamps lie beside the log."
    if newest:
        yield newest
