"""The desk: everything that people do about suggestions, in one value for the API and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings import Settings
    from gateway.signals.stops import Stops
    from gateway.signoff.emergency import Emergency
    from gateway.signoff.service import SignOff
    from gateway.signoff.stopping import StopButton


@dataclass(frozen=True, slots=True)
class Desk:
    """Sign-off, emergency door, stop button, what is stopped, and the configuration behind them."""

    signoff: SignOff
    emergency: Emergency
    stopping: StopButton
    stops: Stops
    settings: Settings
