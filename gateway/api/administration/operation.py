"""What the routes of administration work with beside `Parts`: doors to AI systems, presence, spool, the configuration's file, custody."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from gateway.audit.spool import Spool
from gateway.custody.room import Custody
from gateway.operations.presence.recording import Presence
from gateway.outbound import Outbound


@dataclass(frozen=True, slots=True)
class Operation:
    """Built once by `gateway.app`; kept at `app.state.operation`. `source`: None where the settings came from no file."""

    outbound: Outbound
    presence: Presence
    spool: Spool
    source: Path | None
    custody: Custody


def operation_of(request: Request) -> Operation:
    """The operation of the running application."""
    operation = request.app.state.operation
    assert isinstance(operation, Operation)  # noqa: S101 - set by gateway.app, nobody else
    return operation


TheOperation = Annotated[Operation, Depends(operation_of)]
