"""The report: self-contained HTML and PDF, the tables as CSV, and what proves which usage it rests on.

`proof.json` names the usage's last log index and digest, the SHA-256 of every input and of every file written here, and the log's signed
checkpoint where the gateway gave one; `inputs/` holds the inputs. The report's last page has the commands by which a reader checks the files,
computes the figures anew (`garant impact check`), and verifies an export of the log against the checkpoint (`garant audit verify`).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from impact.followup import changes
from impact.places import words_file
from impact.results.documents import document, dumped
from impact.results.inputs import as_csv
from impact.results.proving import INPUTS, SUMS, digest_of_records, size_of, sums
from impact.showing.figures import Figures
from impact.showing.page import page
from impact.showing.speech import Block, Cell, Speech, View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from impact.followup import Calls
    from impact.run import Result

LANGUAGES: Final = ("fr", "en")
_STYLE: Final = (
    "body{font:15px/1.45 Arial,'Liberation Sans',sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#121c26}"
    "table{border-collapse:collapse;width:100%;font-size:.86rem;margin:.6rem 0}th,td{border-bottom:1px solid #c3ccd5;padding:.25rem .5rem;"
    "text-align:left;vertical-align:top}.n{text-align:right;font-variant-numeric:tabular-nums}.note{color:#47535f;font-size:.86rem}"
    "figure{margin:.6rem 0}section{break-inside:avoid-page}h1{break-before:page}h1:first-of-type{break-before:auto}"
)


def words(language: str) -> dict[str, str]:
    """The words of the impact section in a language. Raises KeyError for another than French and English."""
    table = tomllib.loads(words_file().read_text(encoding="utf-8"))
    return {name: entry[language] for name, entry in table.items()}


def write(
    result: Result, out: Path, language: str = "fr", *, calls: Sequence[Calls] = (), ledger: object = None, checkpoint: str = ""
) -> list[str]:
    """Write the report; returns the names of its files. Everything is made before the first file is written.

    Args:
        result: of a run.
        out: a folder; made if it does not exist.
        language: `fr` or `en`.
        calls: by task and outcome, where a gateway counted them.
        ledger: its file, whose digest then goes into the proof.
        checkpoint: the log's signed checkpoint.
    """
    say = Speech(words(language), {})
    figures = Figures(result, tuple(calls), changes(result.measured.months))
    views = [view for kind, name in _pages(result) if (view := page(figures, kind, name, say)) is not None]
    views.append(verifying(checkpoint, say))
    made = {
        "report.html": html(views, language, say["title"]).encode(),
        "report.pdf": pdf(views, language),
        "run.json": dumped(document(result)).encode(),
    }
    made |= {f"{name}.csv": as_csv(table).encode() for name, table in result.tables().items()}
    made |= {f"{INPUTS}/{name}": content for name, content in result.inputs.contents.items()}
    made |= {"checkpoint": checkpoint.encode()} if checkpoint else {}
    made["proof.json"] = dumped(proof(result, made, ledger, checkpoint)).encode()
    made[SUMS] = sums(made)
    for name, content in made.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    return sorted(made)


def verifying(checkpoint: str, say: Speech) -> View:
    """The last page: the commands by which a reader proves what the report rests on."""
    size = size_of(checkpoint)
    steps = [
        ("files", f"sha256sum -c {SUMS}"),
        ("usage", "garant impact check . --ledger LEDGER.parquet"),
        *([("log", f"cp checkpoint EXPORT/checkpoints/{size} && garant audit verify EXPORT --key log.vkey")] if size else []),
        *([("rows", "garant impact check . --ledger LEDGER.parquet --log EXPORT")] if size else []),
    ]
    listed = tuple((Cell(say[f"verify_{name}"], number=False), Cell(command, number=False)) for name, command in steps)
    notes = (say["verify_note"], *([say["verify_alone"]] if not size else []))
    block = Block(say["verify"], say["verify_sentence"], "", (say["verify_what"], say["verify_command"]), listed, notes)
    return View(say["verify"], say["verify_lead"], "", (block,))


def proof(result: Result, made: Mapping[str, bytes], ledger: object, checkpoint: str) -> dict[str, object]:
    """What the report rests on, to be checked by anybody."""
    files = (
        [ledger]
        if isinstance(ledger, Path) and ledger.is_file()
        else sorted(ledger.glob("**/*.parquet"))
        if isinstance(ledger, Path)
        else []
    )
    return {
        "ledger": {
            "rows": result.rows,
            "last_log_index": result.last,
            "sha256": _digest_of_usage(ledger),
            "files": {path.name: _digest_of(path) for path in files},
        },
        "inputs": dict(result.inputs.digests),
        "outputs": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(made.items())},
        "checkpoint": checkpoint,
        "pilot": result.pilot,
    }


def html(views: Sequence[View], language: str, title: str) -> str:
    """All pages as one file that needs nothing else."""
    body = "".join(
        f"<h1>{escape(view.title)}</h1><p>{escape(view.lead)}</p>{''.join(_block(block, place) for block in view.blocks)}"
        for place, view in enumerate(views)
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="{language}"><head>{head}</head><body><main>{body}</main></body></html>\n'


def _block(block: Block, place: int) -> str:
    svg = block.svg.replace('id="h-', f'id="p{place}-h-').replace("url(#h-", f"url(#p{place}-h-")
    table = ""
    if block.columns:
        numbers = [cell.number for cell in block.rows[0]] if block.rows else [False] * len(block.columns)
        heads = "".join(f'<th scope="col"{_class(number)}>{escape(name)}</th>' for name, number in zip(block.columns, numbers, strict=True))
        rows = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in block.rows)
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in block.notes)
    figure = f"<figure>{svg}</figure>" if svg else ""
    return f"<section><h2>{escape(block.heading)}</h2><p>{escape(block.sentence)}</p>{figure}{table}{notes}</section>"


def _cell(cell: Cell) -> str:
    return f"<td{_class(cell.number)}>{escape(cell.text)}</td>"


def _class(number: bool) -> str:  # noqa: FBT001 - a mark of the cell
    return ' class="n"' if number else ""


def pdf(views: Sequence[View], language: str) -> bytes:
    """The same pages as a PDF, by typst; the same views give the same bytes."""
    import typst  # noqa: PLC0415 - large, and needed where a PDF is asked for alone

    given = json.dumps([_plain(view) for view in views])
    template = Path(__file__).with_name("report.typ").read_bytes()
    compiler = typst.Compiler(ignore_system_fonts=True, sys_inputs={"views": given, "lang": language})
    made = compiler.compile(input=template, format="pdf", timestamp=0)
    assert isinstance(made, bytes)  # noqa: S101 - one document
    return made


def _plain(view: View) -> dict[str, object]:
    blocks = [
        {
            "heading": block.heading,
            "sentence": block.sentence,
            "svg": block.svg,
            "columns": block.columns,
            "rows": [[cell.text for cell in row] for row in block.rows],
            "notes": block.notes,
        }
        for block in view.blocks
    ]
    return {"title": view.title, "lead": view.lead, "blocks": blocks}


def _pages(result: Result) -> list[tuple[str, str]]:
    tasks = list(dict.fromkeys(one.task for one in result.measured.tasks))
    professions = [one.profession for one in result.professions if one.measured]
    found = [("", ""), *(("tasks", name) for name in tasks), *(("professions", name) for name in professions)]
    return found + [("scenarios", one.scenario.id) for one in result.plays]


def _digest_of_usage(ledger: object) -> str:
    """Of records, or of a file of them, as JSON lines in log order; "" where it came in another form."""
    if isinstance(ledger, Path) and ledger.is_file():
        from impact.cli import read  # noqa: PLC0415 - as the command reads it

        return digest_of_records(read(ledger))
    return digest_of_records(ledger) if isinstance(ledger, list) else ""


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
