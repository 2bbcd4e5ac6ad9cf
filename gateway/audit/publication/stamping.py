"""Timestamps by somebody else's clock (RFC 3161) over signed states, asked for now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from gateway.audit.note import NoteError
from gateway.audit.outside.timestamps import check_answer

if TYPE_CHECKING:
    from gateway.audit.publication.witnessing import Ask

_OK: Final = 200
_TYPE: Final = ((b"content-type", b"application/timestamp-query"),)


async def stamp(ask: Ask, url: str, note: str) -> bytes:
    """The answer of an authority over a note's bytes, as it came.

    Raises:
        NoteError: it refuses, or answers about something else.
        UpstreamFailed: it cannot be reached.
    """
    request = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = await ask("POST", url, _TYPE, request.as_bytes())
    if answer.status != _OK:
        message = f"the authority answered {answer.status}"
        raise NoteError(message)
    check_answer(answer.body, note.encode(), nonce=request.nonce)
    return answer.body
