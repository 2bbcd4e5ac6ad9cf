"""The exported folder: what is written can be read, and whatever is changed in it is found."""

import json
from pathlib import Path

import pytest

from gateway.audit.export import read_export, write_export
from gateway.audit.note import NoteError
from gateway.audit.verifier import verify_export
from tests.audit.story import KEY, POLICIES, held, mixed, signed

VKEY = KEY.verifier().encode()
LEAVES = mixed(range(160)).leaves()


def export(folder: Path, leaves: list[bytes] = LEAVES) -> Path:
    write_export(folder, leaves, signed(leaves), VKEY, POLICIES, [signed(leaves[:5])])
    return folder


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    opened = read_export(export(tmp_path))
    assert list(opened.leaves()) == LEAVES
    assert (opened.checkpoint, opened.vkey, opened.policies, opened.kept) == (signed(LEAVES), VKEY + "\n", POLICIES, (signed(LEAVES[:5]),))


def test_the_folder_has_the_layout_of_tlog_tiles(tmp_path: Path) -> None:
    export(tmp_path)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    rest = f"002.p/{len(LEAVES) - 512}"
    tiles = {"tile/0/000", "tile/0/001", f"tile/0/{rest}", "tile/1/000.p/2", "tile/entries/000", "tile/entries/001", f"tile/entries/{rest}"}
    assert found == tiles | {"checkpoint", "checkpoints/5", "log.vkey", "policies.json"}


def test_a_sound_export_is_found_sound(tmp_path: Path) -> None:
    report = verify_export(export(tmp_path), VKEY)
    assert report == verify_export(tmp_path, VKEY)
    assert (report.problems, report.size) == ((), len(LEAVES))


@pytest.mark.parametrize("size", [1, 5, 255, 256, 257, 512])
def test_any_number_of_entries_can_be_exported(tmp_path: Path, size: int) -> None:
    write_export(tmp_path, LEAVES[:size], signed(LEAVES[:size]), VKEY, POLICIES)
    assert list(read_export(tmp_path).leaves()) == LEAVES[:size]


def test_an_empty_log_can_be_exported(tmp_path: Path) -> None:
    write_export(tmp_path, [], signed([]), VKEY, {}, [signed([])])
    assert verify_export(tmp_path, VKEY).ok


def test_every_file_matters(tmp_path: Path) -> None:
    files = [path for path in export(tmp_path).rglob("*") if path.is_file() and path.name != "log.vkey"]
    for path in files:
        content = path.read_bytes()
        for changed in (content[:-1], content + b"x", content[:40] + bytes([content[40] ^ 1]) + content[41:], b"", b"\xff" * 70000):
            path.write_bytes(changed)
            assert not verify_export(tmp_path, VKEY).ok, path
        path.write_bytes(content)
    assert verify_export(tmp_path, VKEY).ok


def test_every_missing_file_is_noticed_but_an_older_checkpoint(tmp_path: Path) -> None:
    for path in [path for path in export(tmp_path).rglob("*") if path.is_file() and path.parent.name != "checkpoints"]:
        content = path.read_bytes()
        path.unlink()
        assert not verify_export(tmp_path, VKEY).ok, path
        path.write_bytes(content)


def test_a_changed_hash_in_a_tile_names_the_row(tmp_path: Path) -> None:
    tile = export(tmp_path) / "tile" / "0" / "001"
    content = bytearray(tile.read_bytes())
    content[32 * 7] ^= 1
    tile.write_bytes(content)
    first = verify_export(tmp_path, VKEY).first
    assert first is not None
    assert first.index == 256 + 7


def test_leaves_and_checkpoint_must_agree(tmp_path: Path) -> None:
    with pytest.raises(NoteError, match="5 entries"):
        write_export(tmp_path, held().leaves(), signed(LEAVES), VKEY, POLICIES)


def test_an_entry_over_the_limit_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(NoteError, match="over the limit"):
        write_export(tmp_path, [b"x" * 4097], signed([b"x"]), VKEY, {})


@pytest.mark.parametrize("policies", ["[]", "{", '{"a":1}', "[" * 100000, json.dumps({"0" * 64: "{}"})])
def test_a_malformed_policy_table_is_reported(tmp_path: Path, policies: str) -> None:
    (export(tmp_path) / "policies.json").write_text(policies)
    assert not verify_export(tmp_path, VKEY).ok


def test_a_folder_that_is_no_export_is_reported(tmp_path: Path) -> None:
    assert "incomplete" in verify_export(tmp_path / "nowhere", VKEY).problems[0].sentence


def test_a_malformed_verifier_key_is_a_note_error(tmp_path: Path) -> None:
    with pytest.raises(NoteError):
        verify_export(export(tmp_path), "nonsense")


def test_files_that_a_file_manager_leaves_beside_the_checkpoints_fail_no_honest_export(tmp_path: Path) -> None:
    """The control: a checkpoint that is none fails it."""
    leaves = held().leaves()
    write_export(tmp_path, leaves, signed(leaves), VKEY, POLICIES, [signed(leaves[:2])])
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "checkpoints" / name).write_bytes(b"\x00\x00\x00\x01Bud1")
    assert verify_export(tmp_path, VKEY).ok
    (tmp_path / "checkpoints" / "3").write_bytes(b"\x00\x00\x00\x01Bud1")
    assert not verify_export(tmp_path, VKEY).ok
