"""R4: a signed record says the same on the page, as JSON, as PDF and as FHIR."""

from __future__ import annotations

import io
import re
import threading
from dataclasses import astuple, dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, cast

import httpx
import pypdf
import pytest
from fhir.resources.R4B.provenance import Provenance

from tests.fakes.model_server import Script, chat

if TYPE_CHECKING:
    from gateway.demo.clinician import Clinician
    from tests.stage import Stage

NAME = "Dr Łukasz Żółć-Ελένη Нгуен #eval[x] *b*"
AMENDED = {"/choices/0/message/content": "benign"}


@dataclass(frozen=True)
class Fields:
    """What every form has to say alike."""

    name: str
    profession: str
    at: str
    meaning: str
    model: str
    version: str


def signed(stage: Stage, decision: str = "approve", login: str = "dr.b", **more: object) -> str:
    stage.clinician(login)
    stage.rows("UPDATE people SET name = $1 WHERE login = 'dr.b'", NAME)
    threading.Thread(target=lambda: stage.chat("refusing"), daemon=True).start()
    suggestion = stage.clinician(login).waiting("refusing")
    stage.clinician(login).decide(suggestion, decision, **more)
    return suggestion


def form(stage: Stage, suggestion: str, kind: str, login: str = "dr.b") -> httpx.Response:
    answer = stage.api(stage.clinician(login), "GET", f"/suggestions/{suggestion}/record.{kind}")
    assert answer.status_code == 200, answer.text
    return answer


def of_json(answer: httpx.Response) -> Fields:
    one = answer.json()["signatures"][-1]
    return Fields(*(one[name] for name in ("printed_name", "profession", "at", "meaning", "model", "model_version")))


def of_pdf(answer: httpx.Response) -> Fields:
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages)

    def after(label: str) -> str:
        found = re.search(rf"^{label} (.*)$", text, re.MULTILINE)
        assert found, text
        return found[1]

    at = after("Time of signature").partition(" · ")[2]
    return Fields(after("Name"), after("Profession"), at, after("Meaning of the signature"), after("Model"), after("Model version"))


def of_fhir(answer: httpx.Response) -> Fields:
    document: dict[str, Any] = answer.json()
    Provenance.model_validate(document)
    contained = {one["id"]: one for one in document["contained"]}
    signature = document["signature"][-1]
    signer, device = contained[signature["who"]["reference"][1:]], contained["ai"]
    model = next(name["name"] for name in device["deviceName"] if name["type"] == "model-name")
    profession = signer["qualification"][0]["code"]["text"]
    return Fields(
        signer["name"][0]["text"],
        profession,
        signature["when"],
        signature["extension"][0]["valueString"],
        model,
        device["version"][0]["value"],
    )


def of_page(stage: Stage, suggestion: str, told: Fields) -> Fields:
    """The page is prose: each field has to stand in it, word for word (read by somebody else, whose own name is on it too)."""
    page = unescape(read_page(stage, f"/review/{suggestion}?reason=quality_review"))
    words = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert f'datetime="{told.at}"' in page
    return Fields(*(value if value in words or value == told.at else f"not on the page: {value}" for value in astuple(told)))


def read_page(stage: Stage, path: str) -> str:
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as client:
        client.post("/sign-in", data={"login": "quality", "password": stage.clinician("quality").password})
        return client.get(path).text


@pytest.fixture
def suggestion(stage: Stage) -> str:
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(model="reader-2026.11"))
    return signed(stage)


def test_r4_the_four_forms_say_the_same(stage: Stage, suggestion: str) -> None:
    told = of_json(form(stage, suggestion, "json"))
    assert (told.name, told.profession, told.version) == (NAME, "doctor", "reader-2026.11")
    assert all(astuple(told))
    assert of_pdf(form(stage, suggestion, "pdf?lang=en")) == told
    assert of_fhir(form(stage, suggestion, "fhir.json")) == told
    assert of_page(stage, suggestion, told) == told


def test_a_form_that_says_something_else_is_found(stage: Stage, suggestion: str) -> None:
    """The control."""
    told = of_json(form(stage, suggestion, "json"))
    stage.rows("ALTER TABLE signatures DISABLE TRIGGER ALL")
    stage.rows("UPDATE signatures SET printed_name = 'Dr Other' WHERE suggestion_id = $1::uuid", suggestion)
    assert of_pdf(form(stage, suggestion, "pdf?lang=en")) != told
    assert of_fhir(form(stage, suggestion, "fhir.json")) != told
    assert of_page(stage, suggestion, told) != told


def test_the_pdf_is_archivable_tagged_reproducible_and_holds_the_json(stage: Stage, suggestion: str) -> None:
    made = form(stage, suggestion, "pdf").content
    assert made == form(stage, suggestion, "pdf").content
    read = pypdf.PdfReader(io.BytesIO(made))
    assert "<pdfaid:part>3</pdfaid:part>" in made.decode("latin-1")
    assert "/StructTreeRoot" in cast("pypdf.generic.DictionaryObject", read.trailer["/Root"])
    assert read.attachments["record.json"][0] == form(stage, suggestion, "json").content


def test_the_pdf_speaks_french_first(stage: Stage, suggestion: str) -> None:
    text = pypdf.PdfReader(io.BytesIO(form(stage, suggestion, "pdf").content)).pages[0].extract_text()
    assert "Acte signé sur une proposition d'IA" in text
    assert "J'ai examiné les données du patient" in " ".join(text.split())


def test_fhir_names_verifier_label_and_revision(stage: Stage) -> None:
    suggestion = signed(stage, "amend", amend=lambda _content: AMENDED)
    document = form(stage, suggestion, "fhir.json").json()
    kinds = [agent["type"]["coding"][0]["code"] for agent in document["agent"]]
    assert (kinds, document["meta"]["security"][0]["code"]) == (["verifier", "author"], "AIAST")
    assert document["signature"][0]["type"][0]["code"] == "1.2.840.10065.1.12.1.5"
    assert (document["entity"][0]["role"], document["target"][0]["identifier"]["value"]) == ("revision", f"urn:uuid:{suggestion}")


def test_a_rejection_is_a_record_too_with_its_reason(stage: Stage) -> None:
    suggestion = signed(stage, "reject", reason="wrong_finding")
    document = form(stage, suggestion, "fhir.json").json()
    assert document["reason"][0]["coding"][0]["code"] == "wrong_finding"
    assert document["entity"][0]["role"] == "source"
    assert form(stage, suggestion, "json").json()["signatures"][0]["final_sha256"] is None


def test_what_nobody_signed_has_no_record(stage: Stage) -> None:
    threading.Thread(target=lambda: stage.chat("refusing"), daemon=True).start()
    doctor: Clinician = stage.clinician("dr.a")
    answer = stage.api(doctor, "GET", f"/suggestions/{doctor.waiting('refusing')}/record.pdf")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_signed")


def test_a_name_that_no_font_has_is_refused_in_words(stage: Stage, suggestion: str) -> None:
    stage.rows("UPDATE signatures SET printed_name = '\U00012000' WHERE suggestion_id = $1::uuid", suggestion)
    answer = stage.api(stage.clinician("dr.b"), "GET", f"/suggestions/{suggestion}/record.pdf")
    assert (answer.status_code, answer.json()["code"]) == (409, "record_not_printable")
    assert of_json(form(stage, suggestion, "json")).name == "\U00012000"


def test_accounts_without_the_right_read_no_record(stage: Stage, suggestion: str) -> None:
    for kind in ("json", "pdf", "fhir.json"):
        answer = stage.api(stage.clinician("it"), "GET", f"/suggestions/{suggestion}/record.{kind}")
        assert (answer.status_code, answer.json()["code"]) == (403, "right_missing")
