"""How sure a share is: Jeffreys intervals of counted outcomes (`method.md`, "Intervals").

scipy is optional and imported where it is used; without it there is no interval, rather than one by a home-made quantile.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

TAIL: Final = 0.025


def share_interval(count: int, n: int, kinds: int) -> tuple[float, float] | None:
    """95 % interval of one share of a Dirichlet(½ each): the quantiles of Beta(½ + count, (kinds - 1)/2 + n - count).

    A share of none reaches down to 0 and a share of all up to 1, so that the counted share always lies inside.

    Args:
        count: instances of this kind, 0 to n.
        n: all instances, 0 or more.
        kinds: how many kinds an instance can be of, 2 or more; with 2 it is Beta(½ + count, ½ + n - count).

    Returns:
        Shares from 0 to 1, or None where scipy is not installed.

    Raises:
        ValueError: counts that cannot be.
    """
    if not 0 <= count <= n or kinds < 2:  # noqa: PLR2004 - one kind has no share
        raise ValueError(f"{count} of {n} instances in {kinds} kinds cannot be counted: give 0 <= count <= n and 2 kinds or more.")
    special = _scipy_special()
    if special is None:
        return None
    a, b = 0.5 + count, (kinds - 1) / 2 + n - count
    low = 0.0 if count == 0 else float(special.betaincinv(a, b, TAIL))
    high = 1.0 if count == n else float(special.betaincinv(a, b, 1 - TAIL))
    return low, high


@cache
def _scipy_special() -> ModuleType | None:
    try:
        return import_module("scipy.special")
    except ImportError:
        return None
