"""R10: the view of a request comes from its very bytes; nothing of it is dropped, whatever it is."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from typing import TYPE_CHECKING

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.display.marks.characters import visible
from gateway.display.parts import media, sent, suggestion
from tests.display.ground import all_runs, asked, field, joined, unsourced
from tests.display.pictures import JPEG, PNG

if TYPE_CHECKING:
    from gateway.display.models import Part, Sent
    from gateway.messages import JsonValue

PROTOCOLS = ("openai", "inference_v2", "json")


def view(document: object, protocol: str = "openai") -> Sent:
    return sent(protocol, json.dumps(document, ensure_ascii=False).encode(), "fr")


def shown(parts: tuple[Part, ...]) -> str:
    """All that a person can read."""
    words = [text for part in parts for text in (part.label, *part.columns, *part.notes)]
    return "\n".join([*words, *("\n".join(joined(cell) for row in part.rows for cell in row) + joined(part.runs) for part in parts)])


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\x00\xff\x00", b"caf\xe9", b'{"a":1', PNG, "œdème".encode(), b"[" * 3000, b'{"inputs":[{"name":1}]}', b"null"]
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_any_bytes_have_a_plain_view_with_their_hash(protocol: str, body: bytes) -> None:
    """R10."""
    found = sent(protocol, body, "en")
    last = found.parts[-1]
    assert last.media is not None
    assert (last.kind, last.media.data) == ("plain", body)
    assert hashlib.sha256(body).hexdigest() in last.notes[0]
    assert found.media == media(found.parts)


TEXT = some.text(some.characters(exclude_categories=["C"]), max_size=12).filter(lambda text: visible(text) == text)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | TEXT,
    lambda inner: some.lists(inner, max_size=5) | some.dictionaries(TEXT, inner, max_size=5),
    max_leaves=25,
)


def leaves(value: object) -> list[str]:
    """Every name, text and number, as JSON writes it, without quotation marks."""
    if isinstance(value, dict):
        return [text for name, part in value.items() for text in (written(name), *leaves(part))]
    return [text for part in value for text in leaves(part)] if isinstance(value, list) else [written(value)]


def written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).removeprefix('"').removesuffix('"')


@settings(deadline=None)
@given(
    some.sampled_from(PROTOCOLS),
    some.dictionaries(some.sampled_from(["messages", "input", "instructions", "inputs", "model", "data", "x y"]), JSON, max_size=5),
)
def test_every_name_and_value_of_any_request_is_shown(protocol: str, document: dict[str, object]) -> None:
    """R10: beside the plain view, which always holds all."""
    text = shown(view(document, protocol).parts[:-1]).replace("\\", "").replace("\n", "")
    missing = [
        leaf for leaf in leaves(document) if leaf.replace("\\n", "").replace("\\r", "\r").replace("\\t", "\t").replace("\\", "") not in text
    ]
    assert [leaf for leaf in missing if leaf not in {*document, "role", "content"}] == []


def test_a_conversation_is_told_with_its_roles() -> None:
    messages = [
        {"role": "system", "content": "Consigne."},
        {"role": "user", "content": "Question ?"},
        {"role": "assistant", "content": "Réponse."},
    ]
    parts = view({"model": "m", "messages": messages, "temperature": 0.10}).parts
    assert [(part.label, joined(part.runs)) for part in parts[:3]] == [
        ("Consigne du logiciel", "Consigne."),
        ("Demande du soignant ou du logiciel", "Question ?"),
        ("L'IA, auparavant", "Réponse."),
    ]
    assert "temperature" in shown(parts[3:4])


def test_numbers_are_shown_as_they_were_sent() -> None:
    parts = sent("json", b'{"dose": 0.50, "big": 12345678901234567890123, "small": 1e-7}', "fr").parts
    assert [joined(row[1]) for row in parts[0].rows] == ["0.50", "12345678901234567890123", "1e-7"]


def test_members_of_one_name_are_all_shown() -> None:
    assert [joined(row[1]) for row in sent("json", b'{"a": 1, "a": 2}', "fr").parts[0].rows] == ["1", "2"]


@pytest.mark.parametrize(("data", "kind", "size"), [(PNG, "image/png", "3 × 2"), (JPEG, "image/jpeg", "5 × 4")])
def test_an_image_of_a_message_is_shown_as_it_is(data: bytes, kind: str, size: str) -> None:
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url, "detail": "high"}}]
    part, detail, *_ = view({"messages": [{"role": "user", "content": content}]}).parts
    assert (part.kind, part.media and (part.media.type, part.media.data)) == ("image", (kind, data))
    assert size in part.notes[0]
    assert "high" in shown((detail,))


def test_the_responses_protocol_is_told_like_a_conversation() -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Lire ?"}, {"type": "input_image", "image_url": url}]},
        {"type": "function_call", "name": "chercher", "arguments": '{"ipp": "12"}', "call_id": "c1"},
    ]
    parts = view({"model": "m", "instructions": "Consigne.", "input": items}).parts
    assert [part.kind for part in parts[:4]] == ["text", "text", "image", "table"]
    assert parts[3].label == "Action demandée : chercher"


def test_an_image_is_what_its_bytes_say_and_nothing_else() -> None:
    false = base64.b64encode(b"<svg onload=alert(1)>" * 9).decode()
    parts = view(
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{false}"}}]}]}
    ).parts
    assert "image" not in [part.kind for part in parts]
    assert {one.type for one in media(parts)} <= {"application/octet-stream", "text/plain; charset=utf-8"}


def test_a_remote_image_is_named_and_not_fetched() -> None:
    parts = view(
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}]}]}
    ).parts
    assert "https://example.org/x.png" in shown(parts[:1])
    assert parts[0].media is None


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, brotli.compress])
def test_a_compressed_request_is_unpacked_to_be_read(pack: object) -> None:
    assert callable(pack)
    packed = pack(json.dumps({"messages": [{"role": "user", "content": "Genou droit, 12 mg."}]}).encode())
    found = sent("openai", packed, "fr")
    assert joined(found.parts[0].runs) == "Genou droit, 12 mg."
    assert "compressée" in found.parts[0].notes[0]
    assert found.media[-1].data == packed


def test_a_long_text_is_cut_with_a_count_and_a_link_to_all_of_it() -> None:
    text = "mot " * 30_000
    part = asked(text).parts[0]
    assert joined(part.runs) == text[:100_000]
    assert part.media is not None
    assert part.media.data.decode() == text
    assert "20000" in part.notes[0]


def test_what_stands_behind_the_cut_is_a_source_too() -> None:
    request = asked("mot " * 30_000 + "apixaban 5 mg")
    (part,) = suggestion(field("apixaban 5 mg"), request, "fr")
    assert unsourced(part.runs) == []
    assert {run.mark.source for run in part.runs if run.mark} == {request.parts[0].anchor}


def test_beyond_the_limit_of_searching_the_page_says_so() -> None:
    assert asked("1 " * 110_000).parts[0].label == "Demande très longue"


def test_settings_are_shown_and_are_no_source() -> None:
    request = view({"messages": [{"role": "user", "content": "bonjour"}], "max_tokens": 500})
    (part,) = suggestion(field("500"), request, "fr")
    assert unsourced(part.runs) == ["500"]


def test_labels_hide_nothing() -> None:
    parts = suggestion(field("x", label="dose\u202e"), asked(""), "fr")
    assert "\u202e" not in parts[0].label


def test_an_action_is_named_with_its_arguments() -> None:
    """R9: what is to be done is generated too."""
    call: dict[str, JsonValue] = {
        "id": "c",
        "type": "function",
        "function": {"name": "prescrire", "arguments": '{"dci": "amoxicilline", "dose": 500}'},
    }
    parts = suggestion(field([call], "action", "tool_calls"), asked(""), "fr")
    assert parts[0].label == "Action demandée : prescrire"
    assert unsourced(tuple(all_runs(parts[:1]))) == ["amoxicilline", "500"]


def test_arguments_that_are_no_json_stay_as_they_are() -> None:
    call: dict[str, JsonValue] = {"function": {"name": "x", "arguments": '{"dose": 50'}}
    assert joined(suggestion(field([call], "action"), asked(""), "fr")[0].runs) == '{"dose": 50'


def test_each_part_names_the_field_it_belongs_to() -> None:
    """R14: what is accepted or rejected one by one is shown one by one."""
    parts = suggestion(field({"a": {"b": "texte\nlong"}, "c": "1"}, "json"), asked(""), "fr")
    assert {part.field for part in parts} == {"/choices/0/message/content"}
    assert [part.pointer for part in parts] == ["/choices/0/message/content/a/b", "/choices/0/message/content"]


def test_a_request_of_very_many_parts_is_cut_with_a_count() -> None:
    found = view({"messages": [{"role": "user", "content": "a 5 mg"}] * 2000})
    assert found.parts[-2].notes == ("500 parties affichées sur 2000.",)
    assert found.media == media(found.parts)


def test_a_suggestion_of_very_many_parts_is_cut_with_a_count_and_a_link() -> None:
    parts = suggestion(
        {"fields": [dict(part) for part in [{"kind": "text", "label": "x", "pointer": "", "value": "y"}] * 700]}, asked(""), "fr"
    )
    assert parts[-1].notes == ("500 parties affichées sur 700.",)
    assert parts[-1].media is not None


def test_a_document_of_very_many_members_is_cut_with_a_count_and_a_link() -> None:
    part = view({f"k{number}": number for number in range(900)}, "json").parts[0]
    assert "500 lignes affichées sur 900." in part.notes
    assert part.media is not None
    assert "k899\t899" in part.media.data.decode()
