"""The control of the canaries: a gateway whose adapters put an AI system's answer into one withheld reply in so many.

`python -m tests.faults.leaky N up --config …` is `garant up …` with that fault.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.adapters import registry
from gateway.cli import main

if TYPE_CHECKING:
    from gateway.adapters.protocol import Adapter, Answer, Reading, Recognised, Reply, View, Withheld


class Leaky:
    """An adapter that remembers the last answer it read, and lets it out with every n-th refusal."""

    def __init__(self, sound: Adapter, every: int) -> None:
        self.name, self.recognise, self.render, self.refuse = sound.name, sound.recognise, sound.render, sound.refuse
        self._sound, self._every, self._count, self._last = sound, every, 0, b""

    def read(self, answer: Answer, recognised: Recognised, reading: Reading) -> View:
        """Read, and remember."""
        self._last = answer.body
        return self._sound.read(answer, recognised, reading)

    def withhold(self, withheld: Withheld, recognised: Recognised) -> Reply:
        """Withhold, most of the time."""
        reply, self._count = self._sound.withhold(withheld, recognised), self._count + 1
        return reply if self._count % self._every else replace(reply, body=reply.body + b" " + self._last)


if __name__ == "__main__":
    every = int(sys.argv.pop(1))
    registry._ADAPTERS.update({name: Leaky(sound, every) for name, sound in registry._ADAPTERS.items()})  # noqa: SLF001
    main()
