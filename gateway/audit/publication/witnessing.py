"""Asking a witness to cosign (C2SP tlog-witness): newest state, with the proof that it grew from what the witness last saw.

Promises: a witness's word alone stops nothing; only a note that our own key signed proves that the database is behind.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.note import NoteError, open_checkpoint
from gateway.audit.outside.cosignatures import lines_of
from gateway.audit.publication.anchors import AheadError
from gateway.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.note import VerifierKey
    from gateway.audit.outside.policy import Witness
    from gateway.audit.publication.stored import State, Stored
    from gateway.messages import Answer, Headers

_OK: Final = 200
_CONFLICT: Final = 409
_MAX_DIGITS: Final = 18
_TYPE: Final = ((b"content-type", b"text/plain; charset=utf-8"),)


class Ask(Protocol):
    """An HTTP client; raises UpstreamFailed where nobody answers."""

    async def __call__(self, method: str, url: str, headers: Headers = (), body: bytes = b"", /) -> Answer:
        """The whole answer."""
        ...


class WitnessError(Exception):
    """A witness did not cosign; the text says why."""


async def submit(ask: Ask, witness: Witness, stored: Stored, state: State, since: int, vkeys: Sequence[VerifierKey]) -> str:
    """The witness's signature line over a state.

    Args:
        ask: the HTTP client.
        witness: who, and where it is.
        stored: the log, which gives the proof.
        state: what is to be cosigned.
        vkeys: the log's own keys.
        since: the size that it cosigned last, as far as is known; it says itself where that is wrong.

    Raises:
        WitnessError: it refuses, or answers something else.
        AheadError: it has seen more of this log than there is.
        UpstreamFailed: it cannot be reached.
    """
    answer = await _post(ask, witness, stored, state, min(since, state.size))
    if answer.status == _CONFLICT:
        known = _size(answer.body)
        if known > state.size:
            await _check_ahead(ask, witness, state, vkeys)
        answer = await _post(ask, witness, stored, state, known)
    if answer.status != _OK:
        message = f"it answered {answer.status}: {answer.body[:200].decode(errors='replace').strip()}"
        raise WitnessError(message)
    return _line(answer.body, state, witness)


async def newest_seen(ask: Ask, witness: Witness, vkeys: Sequence[VerifierKey]) -> str | None:
    """The newest note of this log that a witness has cosigned, signed by the log's own key; None where it has none. Raises UpstreamFailed, NoteError."""
    origin = vkeys[0].name
    answer = await ask("GET", f"{witness.url.rstrip('/')}/{sha256(origin.encode()).hexdigest()}/checkpoint")
    if answer.status != _OK:
        return None
    if open_checkpoint(answer.body, vkeys).origin != origin:
        message = "it answered with another log's checkpoint"
        raise NoteError(message)
    return answer.body.decode()


async def _post(ask: Ask, witness: Witness, stored: Stored, state: State, since: int) -> Answer:
    try:
        proof = await stored.prove_growth(since, state)
    except Unknown as error:
        raise WitnessError(error.message) from error
    return await ask("POST", f"{witness.url.rstrip('/')}/add-checkpoint", _TYPE, proof.encode().encode())


async def _check_ahead(ask: Ask, witness: Witness, state: State, vkeys: Sequence[VerifierKey]) -> None:
    try:
        note = await newest_seen(ask, witness, vkeys)
    except NoteError as error:
        message = f"it says that it has seen more than this log has, but cannot show it ({error})"
        raise WitnessError(message) from error
    if note is not None and open_checkpoint(note, vkeys).size > state.size:
        raise AheadError(note)


def _size(body: bytes) -> int:
    text = body[:64].decode("ascii", "replace").removesuffix("\n")
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        message = "it answered 409 without the size that it has seen"
        raise WitnessError(message)
    return int(text)


def _line(body: bytes, state: State, witness: Witness) -> str:
    try:
        lines = lines_of(body.decode(), state.note, (witness.key,))
    except ValueError as error:
        message = f"its cosignature does not hold ({error})"
        raise WitnessError(message) from error
    if witness.key not in lines:
        message = "its answer holds no cosignature by the key that the policy names"
        raise WitnessError(message)
    return lines[witness.key]
