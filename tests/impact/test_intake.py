"""Files of hospitals as they are: what is right simply works, what is wrong is named by file, row and column, and nothing is half in."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - the fixtures' type

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from impact.intake.checking import Refused, checked
from impact.intake.columns import CENSUS, PROFESSIONS, QUALITY, TABLES, TASKS, VOLUMES
from impact.intake.mapping import guessed, mapped
from impact.intake.reading import Unreadable, read
from impact.places import config

CENSUS_TEXT = "Métier;Catégorie;Effectif;ETP;Source;Année\nSecrétaires médicales;administratif;12;10,5;Bilan social;2025\nBrancardiers;technique;1 020;980,25;Bilan social;2025\n"


def refused(table: str, path: Path) -> list[str]:
    with pytest.raises(Refused) as caught:
        checked(TABLES[table], read(path))
    assert str(caught.value).endswith("Nothing was imported.")
    return [str(problem) for problem in caught.value.problems]


def written(tmp_path: Path, text: str, encoding: str = "utf-8", name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_what_excel_saves_in_france_simply_works(tmp_path: Path, encoding: str, separator: str) -> None:
    table = checked(CENSUS, read(written(tmp_path, CENSUS_TEXT.replace(";", separator), encoding)))
    assert table["profession"].to_pylist() == ["Secrétaires médicales", "Brancardiers"]
    assert table["fte"].to_pylist() == [10.5, 980.25]
    assert table["headcount"].to_pylist() == [12, 1020]


def test_windows_line_ends_quotes_and_empty_rows_are_no_matter(tmp_path: Path) -> None:
    text = 'profession,category,fte,source\r\n"nurses, ward","carers","1,204.5",own\r\n,,,\r\n\r\n'
    assert checked(CENSUS, read(written(tmp_path, text))).to_pylist()[0]["fte"] == 1204.5


def test_every_problem_is_told_at_once_by_file_row_and_column(tmp_path: Path) -> None:
    text = "profession;category;fte;source;year\nnurses;carers;-3;own;2025\nnurses;carers;12 ETP;own;25\naides;;5;own;2025\n"
    told = refused("census", written(tmp_path, text))
    assert told == [
        "file.csv, row 2, column 'fte': -3 must be 0 or more.",
        "file.csv, row 3, column 'fte': '12 ETP' is no number. Write 1234,5 or 1234.5, without a unit.",
        "file.csv, row 3, column 'profession': profession 'nurses' is there already, in row 2; it would count twice.",
        "file.csv, row 3, column 'year': '25' is no year. Write it with four digits.",
        "file.csv, row 4, column 'category': this cell is empty; it must be filled.",
    ]


def test_shares_over_1_are_refused_in_a_row_and_in_sum(tmp_path: Path) -> None:
    head = "id;profession;name_fr;share;source\n"
    told = refused("tasks", written(tmp_path, head + "a;p;A;60 %;s\nb;p;B;0,5;s\nc;q;C;1,2;s\n"))
    assert told[0] == "file.csv, row 3, column 'share': the tasks of 'p' take 110% of its time here: over 100 % counts twice."
    assert told[1] == "file.csv, row 4, column 'share': 1,2 must be a share from 0 to 1, or written with %."


@pytest.mark.parametrize(
    ("cell", "month"), [("2026-1", "2026-01"), ("01/2026", "2026-01"), ("31/01/2026", "2026-01"), ("202601", "2026-01")]
)
def test_months_are_read_as_people_write_them(tmp_path: Path, cell: str, month: str) -> None:
    table = checked(VOLUMES, read(written(tmp_path, f"activité;mois;volume;source\nreading;{cell};100;RIS\n")))
    assert table["month"].to_pylist() == [month]


@pytest.mark.parametrize("cell", ["13/2026", "janvier", "2026-00", "1826-01"])
def test_dates_that_are_none_are_refused(tmp_path: Path, cell: str) -> None:
    told = refused("volumes", written(tmp_path, f"task;month;n;source\nreading;{cell};100;RIS\n"))
    assert told == [f"file.csv, row 2, column 'month': {cell!r} is no month. Write 2026-01 or 01/2026."]


def test_a_volume_with_and_without_site_would_count_twice(tmp_path: Path) -> None:
    told = refused("volumes", written(tmp_path, "task;site;month;n;source\nreading;;2026-01;9;s\nreading;north;2026-01;5;s\n"))
    assert told == ["file.csv, row 3, column 'site': the same task and month is given without a site too: it would count twice."]


def test_events_beyond_all_instances_are_refused(tmp_path: Path) -> None:
    head = "task,outcome,n,events,control_n,control_events,margin,source\n"
    told = refused("quality", written(tmp_path, head + "reading,miss,10,11,0,0,1.2,own\n"))
    assert [place.split(":")[0] for place in told] == ["file.csv, row 2, column 'control_n'", "file.csv, row 2, column 'events'"]


def test_a_time_without_its_unit_is_asked_about(tmp_path: Path) -> None:
    told = refused("baselines", written(tmp_path, "activité;durée;source\nreading;5;own\n"))
    assert told == ["file.csv, column 'minutes': this column is missing. Is it 'durée'? If so, say --map 'HEADING=minutes'."]


def test_what_the_person_says_of_a_heading_is_done(tmp_path: Path) -> None:
    sheet = read(written(tmp_path, "activité;durée;source\nreading;5;own\n"))
    assert checked(TABLES["baselines"], sheet, {"durée": "minutes"})["minutes"].to_pylist() == [5.0]


def test_two_headings_for_one_column_are_refused(tmp_path: Path) -> None:
    told = refused("census", written(tmp_path, "profession;métier;category;fte;source\na;a;c;1;s\n"))
    assert told[0] == "file.csv, column 'profession': several headings are this column: profession, métier. Rename all but one."


def test_a_row_with_too_many_cells_is_named(tmp_path: Path) -> None:
    told = refused("census", written(tmp_path, "profession;category;fte;source\na;c;1;s;x\n"))
    assert told == ["file.csv, row 2: more cells than headings; is a separator inside a text without quotes?"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b";", "the file is empty"),
        (b"\x81\x8d\xff", "neither UTF-8 nor Windows-1252"),
        (b"a;b\n\x00;1\n", "this is no text"),
        (b'a;b\n"x;1\n', "CSV"),
    ],
)
def test_a_file_that_is_no_table_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=said):
        read(path)


@given(st.binary(max_size=300), st.sampled_from(sorted(TABLES)))
def test_whatever_the_bytes_it_is_a_table_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_bytes(content)
    try:
        checked(TABLES[name], read(path))
    except (Refused, Unreadable):
        return


def test_parquet_is_read_as_the_same_table(tmp_path: Path) -> None:
    table = pa.table({"profession": ["nurses"], "category": ["carers"], "fte": [3.5], "source": ["own"]})
    parquet.write_table(table, tmp_path / "census.parquet")
    assert checked(CENSUS, read(tmp_path / "census.parquet"))["fte"].to_pylist() == [3.5]


def test_the_shipped_tables_are_right_and_every_row_has_source_year_and_licence() -> None:
    census = checked(CENSUS, read(config() / "census/france.csv"))
    tasks = checked(TASKS, read(config() / "tasks.toml"))
    assert checked(PROFESSIONS, read(config() / "professions.toml")).num_rows == 9
    for table in (census, tasks):
        assert all(all(row[name] for name in ("source", "year", "licence")) for row in table.to_pylist())
    assert set(tasks["basis"].to_pylist()) == {"assumption"}


@pytest.mark.parametrize("table", [CENSUS, TASKS, VOLUMES, QUALITY])
def test_the_kind_of_a_table_is_guessed_by_its_headings(table: object) -> None:
    name = getattr(table, "name")  # noqa: B009 - the parameter is typed as object for the table of cases
    assert guessed([column.name for column in TABLES[name].columns])[0] == name


def test_headings_that_are_nobodys_are_told() -> None:
    assert mapped(CENSUS, ["profession", "couleur"]).unknown == ("couleur",)
