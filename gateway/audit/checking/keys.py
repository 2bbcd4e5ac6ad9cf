"""Who may sign which state of a log: the first key from the beginning, a later one once the log itself has announced it.

A `key_changed` entry with `detail.kind` `log` announces a key (`step` `announced`, `key` its line) or retires one (`retired`).
Announced counts only where a state that covers the entry is signed by the key before; a retired key signs nothing alone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.audit.note import NoteError, VerifierKey
from gateway.audit.rules.entries import BrokenRuleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.audit.note import Checkpoint
    from gateway.audit.rules.entries import Entry


class SigningKeys:
    """The keys of one log as it tells of them.

    Args:
        trusted: the keys that the reader brought, the log's first one first; later ones count for what the log says of them, no more.
    """

    def __init__(self, trusted: Sequence[VerifierKey]) -> None:
        self._trusted = trusted
        self._announced: dict[VerifierKey, int] = {}
        self._retired: dict[VerifierKey, int] = {}
        self._states: list[Checkpoint] = []

    def see(self, index: int, entry: Entry) -> None:
        """The next entry `key_changed`. Raises BrokenRuleError where it names no key."""
        detail = entry.get("detail", {})
        if detail.get("kind") != "log":
            return
        try:
            key = VerifierKey.decode(detail.get("key", ""))
        except NoteError as error:
            raise BrokenRuleError(f"The entry changes the log's key, but names none ({error}).") from None
        (self._announced if detail.get("step") == "announced" else self._retired).setdefault(key, index)

    def signed(self, state: Checkpoint) -> None:
        """A signed state of the log, older or newest."""
        self._states.append(state)

    def problems(self) -> Iterator[str]:
        """What is wrong with who signed, once everything was read."""
        for state in self._states:
            if state.by and not any(self._may_sign(key, state.size) for key in state.by):
                yield self._refusal(state)
        entitled = self._entitled()
        for key, index in self._announced.items():
            if key not in entitled and key in self._trusted[1:] and any(key in state.by for state in self._states):
                yield (
                    f"The key {key.id.hex()} was announced in entry {index}, but no state that covers it is signed by the key before: "
                    "whoever announced it need not have had that key."
                )

    def _may_sign(self, key: VerifierKey, size: int) -> bool:
        if key in self._retired and size > self._retired[key] + 1:
            return False
        return key == self._trusted[0] or self._announced.get(key, size) < size

    def _entitled(self) -> set[VerifierKey]:
        """The first key, and every one to which a key that was entitled before has handed over; keys that announce each other are none."""
        entitled, size = set(self._trusted[:1]), 0
        while len(entitled) > size:
            size = len(entitled)
            entitled |= {key for key, index in self._announced.items() if self._handed_over(index, entitled - {key})}
        return entitled

    def _handed_over(self, index: int, entitled: set[VerifierKey]) -> bool:
        covering = (state for state in self._states if state.size > index)
        return any(other in entitled and self._may_sign(other, state.size) for state in covering for other in state.by)

    def _refusal(self, state: Checkpoint) -> str:
        retired = [key for key in state.by if key in self._retired]
        if retired:
            return (
                f"The state of {state.size} entries is signed by the key {retired[0].id.hex()} alone, "
                f"which was retired in entry {self._retired[retired[0]]}."
            )
        return (
            f"The state of {state.size} entries is signed by the key {state.by[0].id.hex()}, which the log never announced before: "
            "somebody changed the log's key without saying so under the old one."
        )


def with_later(trusted: Sequence[VerifierKey], beside: str) -> tuple[VerifierKey, ...]:
    """The reader's keys and, behind them, those that lie beside a log under the name of one of them.

    They are no more trusted for it: a later key signs nothing but what a key before it has announced and handed over.
    """
    named, found = {key.name for key in trusted}, list(trusted)
    for line in beside.splitlines():
        with suppress(NoteError):
            key = VerifierKey.decode(line)
            if key.name in named and key not in found:
                found.append(key)
    return tuple(found)
