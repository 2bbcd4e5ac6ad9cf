"""One replica's part in sending to a SIEM, as a process that is killed between the sending of a piece and the mark of it.

`python -m tests.faults.sender URL PORT AUTHORITY VKEY PIECE KILL`: it leads if nobody else does, and kills itself at the KILL-th mark.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit.note import VerifierKey
from gateway.audit.publication import publisher as product
from gateway.audit.publication.publisher import Publisher
from gateway.audit.publication.stored import Stored
from gateway.audit.siem import sending
from gateway.audit.siem.sending import SiemPlace, context_of
from gateway.audit.writer import Writer
from gateway.clock import SystemClock
from tests.audit.ground import ORIGIN, identity

if TYPE_CHECKING:
    from gateway.audit.publication.stored import Reached


class Dying(Stored):
    """The log's storage at a replica whose power goes before it can note how far it has come."""

    left = 0

    async def note_reached(self, reached: Reached) -> None:
        """Note, or die."""
        Dying.left -= 1
        if Dying.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        await super().note_reached(reached)


async def main(url: str, port: int, authority: Path, vkey: str) -> None:
    """Publish until killed."""
    mine = identity()
    whose = type(mine)(mine.establishment, mine.origin, mine.key, (VerifierKey.decode(vkey),))
    place = SiemPlace("soc", "127.0.0.1", port, context_of(authority, None, None), ORIGIN)
    Publisher(url, Writer(url, whose), [place], SystemClock(), 0.05).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    vars(sending)["PIECE"], Dying.left = int(sys.argv[5]), int(sys.argv[6])
    vars(product)["Stored"] = Dying
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
