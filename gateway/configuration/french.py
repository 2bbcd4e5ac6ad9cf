"""What `garant check` says, in French for whoever reads it on a page; the command line keeps the English of the source.

The English sentence is the key, as in a catalogue of messages: whoever writes a rule writes one sentence, and a test demands
its French. What a sentence carries over (names, numbers) is found by the form it is written in.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Final

_GAP: Final = re.compile(r"\{([a-z])\}")


def french(sentence: str) -> str | None:
    """A sentence of `garant check` in French; what it carries over is translated too where it is a sentence itself. None: not known."""
    for form, told in _catalogue():
        found = form.fullmatch(sentence)
        if found is not None:
            carried = {name: french(text) or text for name, text in found.groupdict().items()}
            return _filled(told, carried)
    return None


def _filled(told: str, carried: dict[str, str]) -> str:
    """A sentence with its gaps filled; other braces, as in `{name}`, stay."""
    return _GAP.sub(lambda gap: carried[gap[1]], told)


@lru_cache(maxsize=1)
def _catalogue() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Forms with their French; the form that says most is tried first."""
    entries = tomllib.loads(files("gateway.configuration").joinpath("french.toml").read_text(encoding="utf-8"))
    ordered = sorted(entries.items(), key=lambda entry: (len(_GAP.findall(entry[0])), -len(entry[0])))
    return tuple((_form(english), told["fr"]) for english, told in ordered)


def _form(english: str) -> re.Pattern[str]:
    parts = _GAP.split(english)
    return re.compile("".join(f"(?P<{part}>.*?)" if n % 2 else re.escape(part) for n, part in enumerate(parts)), re.DOTALL)
