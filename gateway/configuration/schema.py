"""JSON Schemas of the two configuration files, for editors: `python -m gateway.configuration.schema config/schema` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from gateway.settings import Settings

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_SHARED: Final = ("policies", "tasks")


def schemas() -> dict[str, str]:
    """The files' names and texts: the main file, and the file that its `policies` names."""
    main = Settings.model_json_schema()
    shared = {name: main["properties"][name] for name in _SHARED}
    policies = {"title": "Policies", "type": "object", "properties": shared, "additionalProperties": False, "$defs": main["$defs"]}
    named = {"anyOf": [shared["policies"], {"type": "string", "description": "the file with [[policies]] and [[tasks]]"}]}
    required = [name for name in main["required"] if name != "tasks"]
    settings = {**main, "properties": {**main["properties"], "policies": named}, "required": required}
    return {"garant.schema.json": _text(settings), "policies.schema.json": _text(policies)}


def write(folder: Path) -> None:
    """Writes the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


def _text(schema: dict[str, Any]) -> str:
    return json.dumps({"$schema": _DRAFT, **schema}, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
