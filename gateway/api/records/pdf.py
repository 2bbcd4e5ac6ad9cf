"""The record as PDF/A-3a and PDF/UA-1, in French or English, with the record's JSON attached.

The same record gives the same bytes: fonts come with the typesetter, and the time is that of the last signature. Texts reach the
template as data, never as markup.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from gateway.errors import Conflict

if TYPE_CHECKING:
    from gateway.api.records.models import SignedRecord

_STANDARDS: Final = ("a-3a", "ua-1")
_PREFIX: Final = "record_"


async def pdf(record: SignedRecord, language: str) -> bytes:
    """The document, made in a thread of its own. Raises Conflict where no font here has the letters of a name."""
    return await asyncio.to_thread(_compiled, record.model_dump_json(), _words(language), record.signatures[-1].at)


def _compiled(record: str, words: str, at: str) -> bytes:
    import typst  # noqa: PLC0415 - large, and needed where a PDF is asked for alone

    inputs, second = {"record": record, "words": words}, int(datetime.fromisoformat(at).timestamp())
    for with_system_fonts in (False, True):
        compiler = typst.Compiler(ignore_system_fonts=not with_system_fonts, sys_inputs=inputs)
        try:
            made = compiler.compile(input=_template(), format="pdf", pdf_standards=list(_STANDARDS), timestamp=second)
        except typst.TypstError as error:
            if "could not be displayed" not in str(error):
                raise
        else:
            assert isinstance(made, bytes)  # noqa: S101 - one document
            return made
    message = "A name in this record has letters that no font of this server can print. Take the JSON or FHIR form, which hold it in full."
    french = "Un nom de cet acte comporte des caractères qu'aucune police de ce serveur ne peut imprimer. Prenez la forme JSON ou FHIR, qui sont complètes."
    raise Conflict(message, code="record_not_printable", fr=french)


@lru_cache(maxsize=1)
def _template() -> bytes:
    return files("gateway.api.records").joinpath("record.typ").read_bytes()


@lru_cache(maxsize=2)
def _words(language: str) -> str:
    table = tomllib.loads(files("gateway").joinpath("web/words/records.toml").read_text(encoding="utf-8"))
    words = {name.removeprefix(_PREFIX): entry[language] for name, entry in table.items()}
    return json.dumps({**words, "lang": language, "standard": table["record_standard_meaning"]["en"]})
