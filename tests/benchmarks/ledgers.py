"""Ledgers of any size, seeded, made by DuckDB: a year in log order, skewed over sites, tasks and workers, times log-normal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from impact.ledger import VERSION
from impact.measuring import sources

if TYPE_CHECKING:
    from pathlib import Path

TASKS: Final = {
    "chest-reading": ("diagnosis", "radiologist", 0.30, 90.0),
    "emergency-radiograph": ("diagnosis", "emergency-physician", 0.20, 120.0),
    "letter-typing": ("documentation", "medical-secretary", 0.18, 240.0),
    "imaging-report": ("documentation", "radiologist", 0.12, 150.0),
    "stay-coding": ("administrative", "coder", 0.08, 400.0),
    "retinography-screening": ("diagnosis", "ophthalmologist", 0.06, 60.0),
    "slide-reading": ("diagnosis", "pathologist", 0.04, 300.0),
    "stock-orders": ("logistic", "logistics", 0.02, 45.0),
}
SITES: Final = 12
WORKERS: Final = 60
"""Of each task at each site."""
_YEAR: Final = 364 * 86_400

_QUERY: Final = """
WITH numbered AS (SELECT range AS i, hash(range * 1000003 + {seed}) AS h FROM range({first}, {first} + {rows})),
chance AS (SELECT i, h, {draws} FROM numbered),
placed AS (SELECT *, {task} AS task, CAST(floor(12 * u2 * u2) AS INTEGER) AS site, CAST(floor({workers} * u3 * u3) AS INTEGER) AS worker,
    TIMESTAMP '2026-01-01' + to_seconds(CAST({from_second} + floor({span} * (i - {first})::DOUBLE / {rows}) AS BIGINT)) AS moment FROM chance),
timed AS (SELECT *, CASE WHEN u4 < 0.05 THEN 'holdout' ELSE 'ai' END AS arm, CASE WHEN u5 < 0.2 THEN 'auto' WHEN u5 < 0.75 THEN 'accepted'
    WHEN u5 < 0.9 THEN 'amended' WHEN u5 < 0.97 THEN 'rejected' ELSE 'ignored' END AS outcome,
    {seconds} * exp(0.2 * (worker % 7 - 3) / 3 + 0.5 * sqrt(-2 * ln(u6)) * cos(6.283185307 * u7)) AS base FROM placed)
SELECT {version}::INTEGER AS version, lpad(lower(to_hex(i)), 8, '0') || '-0000-7000-8000-' || lpad(lower(to_hex(hash(h + 9) % 281474976710656)), 12, '0') AS record,
    i::BIGINT AS log_index, 'hospital' AS establishment, 'site-' || site AS site, task, {kind} AS kind, {profession} AS profession,
    'q' || quarter(moment) || '-' || task || site || '-' || worker AS worker, 'system' AS system, 'model' AS model, '1' AS model_version,
    'sha256:0' AS policy, 'hold' AS release_mode, arm, outcome, {stamp} AS received_at, {stamp} AS answered_at,
    NULL::VARCHAR AS opened_at, NULL::VARCHAR AS decided_at, NULL::VARCHAR AS released_at,
    round(CASE WHEN arm = 'holdout' THEN base ELSE base * 0.7 END, 1) AS human_seconds_raw, human_seconds_raw AS human_seconds,
    'reported' AS time_source, NULL::DOUBLE AS edit_distance, false AS substituted_decision, false AS two_person, false AS break_glass,
    '' AS reason, CASE WHEN u8 < 0.6 THEN 'routine' ELSE 'urgent' END AS stratum, NULL::DOUBLE AS unaided_seconds, 0.0::DOUBLE AS induced_seconds
FROM timed
"""


def generate(path: Path, rows: int, *, seed: int, first: int = 0) -> None:
    """A ledger as Parquet.

    Args:
        path: where it is written.
        rows: how many.
        seed: the same seed gives the same ledger.
        first: the first log index; a later part of a ledger begins in its last week.
    """
    database = sources.connect()
    database.execute("SET preserve_insertion_order = true")
    values = {
        "seed": seed,
        "first": first,
        "rows": rows,
        "workers": WORKERS,
        "version": VERSION,
        "draws": ", ".join(f"(hash(h + {place}) % 1000000007 + 1) / 1000000009.0 AS u{place}" for place in range(1, 9)),
        "task": _case([(f"'{name}'", share) for name, (_, _, share, _) in TASKS.items()]),
        "kind": _by_task(0),
        "profession": _by_task(1),
        "seconds": _by_task(3),
        "stamp": "strftime(moment, '%Y-%m-%dT%H:%M:%SZ')",
        "span": _YEAR if not first else 86_400,
        "from_second": 0 if not first else _YEAR - 86_400,
    }
    target = str(path).replace("'", "''")
    database.execute(f"COPY ({_QUERY.format(**values)}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 500000)")
    database.close()


def inputs(folder: Path) -> Path:
    """The tables that belong to it: volumes by month and stratum a fifth above what was routed, and a quality gate that passes."""
    own = folder / "tables"
    own.mkdir(exist_ok=True)
    if not (own / "volumes.csv").exists():
        database = sources.connect()
        path = str(folder / "ledger.parquet").replace("'", "''")
        query = f"SELECT task, stratum, received_at[1:7], count(*) FROM read_parquet('{path}') GROUP BY ALL ORDER BY ALL"  # noqa: S608
        rows = [
            f"{task},{stratum},{month},{int(n * 1.2) + 1000},generated" for task, stratum, month, n in database.execute(query).fetchall()
        ]
        (own / "volumes.csv").write_text("\n".join(["task,stratum,month,n,source", *rows]) + "\n", encoding="utf-8")
        gates = [f"{task},miss,10000,100,10000,110,1.3,generated" for task in TASKS]
        head = "task,outcome,n,events,control_n,control_events,margin,source"
        (own / "quality.csv").write_text("\n".join([head, *gates]) + "\n", encoding="utf-8")
    return own


def _case(words: list[tuple[str, float]]) -> str:
    told, upto = "CASE", 0.0
    for word, share in words[:-1]:
        upto += share
        told += f" WHEN u1 < {upto:.6f} THEN {word}"
    return f"{told} ELSE {words[-1][0]} END"


def _by_task(place: int) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {facts[place]!r}" for name, facts in TASKS.items())
    return f"CASE task {cases} END"
