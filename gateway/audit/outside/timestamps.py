"""Timestamps of RFC 3161 over notes: what an authority says, and whether its certificate stands under a root that somebody trusts.

`rfc3161_client` does the work; `openssl ts -verify` accepts the same files. What comes from outside raises only `NoteError`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import load_pem_x509_certificates
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from gateway.audit.note import NoteError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse


def roots_in(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file. Raises NoteError."""
    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        message = "the authority's root certificates are no PEM file"
        raise NoteError(message) from error


def check_answer(answer: bytes, data: bytes, *, nonce: int | None = None) -> datetime:
    """The time that an answer states over these bytes; its signature is not checked. Raises NoteError."""
    said = _decoded(answer)
    if said.imprint not in {hashlib.new(name, data).digest() for name in ("sha256", "sha384", "sha512")}:
        message = "the timestamp is of something else"
        raise NoteError(message)
    if nonce is not None and said.nonce != nonce:
        message = "the timestamp does not answer what was asked"
        raise NoteError(message)
    return said.moment


def check_timestamp(answer: bytes, data: bytes, roots: Sequence[Certificate]) -> datetime:
    """When an authority under these roots saw these bytes. Raises NoteError where it says something else, or is somebody else."""
    moment, said = check_answer(answer, data), _decoded(answer)
    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(said.response, data)
    except (VerificationError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = f"the timestamp does not hold ({error})"
        raise NoteError(message) from error
    return moment


@dataclass(frozen=True, slots=True)
class _Said:
    """What an answer says, as far as it is needed."""

    response: TimeStampResponse
    moment: datetime
    imprint: bytes
    nonce: int | None


def _decoded(answer: bytes) -> _Said:
    try:
        response = decode_timestamp_response(answer)
        if response.status not in {0, 1}:
            message = f"the authority refused (status {response.status})"
            raise NoteError(message)
        info = response.tst_info
        return _Said(response, info.gen_time, info.message_imprint.message, info.nonce)
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, NoteError):
            raise
        message = "the timestamp cannot be read"
        raise NoteError(message) from error
