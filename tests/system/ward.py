"""A ward for the browser: AI systems with everything a provider declares, tasks of every kind, calls that wait, patients invented here."""

from __future__ import annotations

import json
import math
import struct
import threading
import zlib
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.fakes.model_server import Script, chat
from tests.stage import eventually

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

GUARD_SECONDS = 0.2
UPSTREAM = '"{upstream}"'
OPEN_STATES = "('held', 'queued', 'first_signed', 'disputed', 'signed', 'emergency')"
CLEARED = f"UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL, attach_key = NULL, leased_by = NULL, leased_until = NULL WHERE state IN {OPEN_STATES}"  # noqa: S608 - written here
HOLD = f'release_mode = "hold"\nguard_seconds = {GUARD_SECONDS}\n'

TASKS = {
    # id: (French name, English name, kind, policy)
    "chest": ("Radiographie du thorax", "Chest X-ray", "diagnosis", HOLD + "urgency = 2"),
    "brisk": ("Radiographie du genou", "Knee X-ray", "diagnosis", HOLD + "urgency = 2\nreauthenticate_seconds = 900"),
    "calm": ("Radiographie de la main", "Hand X-ray", "diagnosis", HOLD + "reauthenticate_seconds = 900\nundo_seconds = 60"),
    "treatment": ("Projet de traitement", "Treatment proposal", "treatment", HOLD + "urgency = 3"),
    "sepsis-score": ("Score de sepsis", "Sepsis score", "triage", HOLD + "urgency = 1"),
    "lesions": ("Lésions de la peau", "Skin lesions", "diagnosis", HOLD + "urgency = 4"),
    "breast": (
        "Mammographie",
        "Mammogram",
        "diagnosis",
        HOLD + 'judge_first = true\njudge_options = ["BI-RADS 1–2", "BI-RADS 3", "BI-RADS 4–5"]',
    ),
    "spoken": ("Échographie", "Ultrasound", "diagnosis", HOLD + "judge_first = true"),
    "two": ("IRM cérébrale", "Brain MRI", "diagnosis", HOLD + 'two_person = true\narbiter_groups = ["seniors"]'),
    "brief": ("Scanner abdominal", "Abdominal CT", "diagnosis", HOLD + "lease_seconds = 1"),
    "slow": ("Fond d’œil", "Eye fundus", "diagnosis", 'release_mode = "hold"\nguard_seconds = 3\nreauthenticate_seconds = 900'),
}
SYSTEMS = f"""
[[systems]]
id = "chest-reader"
name = "Thorax Reader"
version = "2.3"
protocol = "openai"
models = ["thorax"]
upstream = {{ url = {UPSTREAM} }}
[systems.attributes]
provider = "Example Imaging"
intended_use = "Assistance in reading X-rays of adults, seen by a radiologist."
population = "Adults, one upright frontal film."
known_limits = "Not validated under 18 years nor for supine films."
validation = "Provider's study, 2025: sensitivity 0.92 (0.90–0.94), specificity 0.89 (0.87–0.91), n = 2,310."
subgroups = "Sensitivity 0.93 in women, 0.91 in men, 0.88 over 75 years. By device: not known."
local_validation = "12 May 2026: sensitivity 0.91 (0.87–0.94), specificity 0.88 (0.85–0.91), n = 412."
contact = "support@provider.example"
[[systems]]
id = "sepsis"
name = "Sepsis Watch"
version = "1.4"
protocol = "inference_v2"
models = ["sepsis"]
upstream = {{ url = {UPSTREAM} }}
[systems.attributes]
intended_use = "Early warning on wards, adults."
validation = "Here, 2025: AUROC 0.83 (0.80–0.86), n = 2,310."
[[systems]]
id = "derma"
name = "Derma Count"
version = "0.9"
protocol = "json"
upstream = {{ url = {UPSTREAM} }}
"""
PATIENT = 'case_pointer = "/metadata/case"\npatient_pointers = { patient = "/metadata/patient", born = "/metadata/born", INS = "/metadata/ins" }\n'
LINK = (
    'links = [{ label = { fr = "Images dans le PACS", en = "Images in the PACS" }, url = "https://pacs.chu.example/viewer?ins={INS}" }]\n'
)
READ = {"chest", "brisk", "calm", "treatment", "breast", "spoken", "two", "brief", "slow"}
COLUMNS = 'columns = { risk = ["sepsis in 6 h", "no sepsis in 6 h"] }\n'
FIELDS = (
    'path = "/lesions"\nfields = [{ pointer = "/summary", label = "summary" }, { pointer = "/confidence", label = "confidence" }]\n'
    'findings = { pointer = "/report/findings", label = "/name" }\n'
)
METADATA = {"case": "", "patient": "MARTIN Jeanne", "born": "1961-04-12", "ins": "261047511800234"}
QUESTION = (
    "Woman, 64 years. Cough for 3 weeks, fever 38.4 °C since Tuesday. Amoxicillin 1 g three times a day for 4 days without effect. "
    "Smoker, 30 pack-years. Chest X-ray of today, frontal. Previous film of 2023: no nodule. Question: pneumonia on the right?"
)
REPORT = (
    "Frontal chest X-ray of good quality.\n\n"
    "Consolidation of the left lower lobe, 42 mm, with air bronchogram. No pleural effusion. No pneumothorax. "
    "Heart not enlarged. Compared with 2023 there is no nodule.\n\n"
    "Suggestion: pneumonia. Continue amoxicillin 1 g three times a day; control X-ray in 6 weeks."
)
LESIONS = {
    "summary": "Three lesions on the back, one of them to be seen by a dermatologist.",
    "confidence": 0.81,
    "report": {
        "findings": [
            {"name": "naevus, upper left", "size_mm": 4, "malignant": 0.02},
            {"name": "keratosis, midline", "size_mm": 9, "malignant": 0.04},
            {"name": "melanoma suspected, lower right", "size_mm": 11, "malignant": 0.63},
        ]
    },
}
SEPSIS = {
    "model_name": "sepsis",
    "model_version": "1.4",
    "outputs": [{"name": "risk", "datatype": "FP64", "shape": [1, 2], "data": [0.27, 0.73]}],
}
SIGNS = [
    {"name": "heart_rate", "datatype": "INT32", "shape": [1, 4], "data": [88, 97, 104, 112]},
    {"name": "temperature", "datatype": "FP32", "shape": [1, 4], "data": [37.2, 38.1, 38.6, 38.9]},
    {"name": "lactate", "datatype": "FP32", "shape": [1, 1], "data": [2.6]},
]


def configuration() -> str:
    """The tables that a stage gets in addition."""
    tasks = "".join(
        f'[[policies]]\nid = "{task}"\n{policy}\n[[tasks]]\nid = "{task}"\nkind = "{kind}"\npolicy = "{task}"\nprofession = "doctor"\n'
        f'name = {{ fr = "{fr}", en = "{en}" }}\n'
        for task, (fr, en, kind, policy) in TASKS.items()
    )
    routes = "".join(f'[[routes]]\nsystem = "chest-reader"\ntask = "{task}"\nwait_seconds = 20\n{PATIENT}{LINK}' for task in sorted(READ))
    routes += f'[[routes]]\nsystem = "sepsis"\ntask = "sepsis-score"\nwait_seconds = 20\n{COLUMNS}'
    routes += f'[[routes]]\nsystem = "derma"\ntask = "lesions"\nwait_seconds = 20\n{PATIENT}{FIELDS}'
    return SYSTEMS + routes + tasks


def scripts() -> dict[str, Script]:
    """What the model server answers here."""
    return {
        "/v1/chat/completions": Script(body=chat(REPORT, model="thorax-2.3")),
        "/v2/models/sepsis/infer": Script(body=json.dumps(SEPSIS).encode()),
        "/lesions": Script(body=json.dumps(LESIONS).encode()),
    }


@dataclass
class Waiting:
    """A call that is held until somebody decides, on a thread of its own; `id` names its suggestion."""

    id: str
    answers: list[httpx.Response]
    thread: threading.Thread

    def answer(self, seconds: float = 15.0) -> httpx.Response:
        """The answer, once it came."""
        self.thread.join(seconds)
        assert self.answers, f"no answer within {seconds:g} s"
        return self.answers[0]


def call(stage: Stage, task: str = "chest", *, question: object = QUESTION, replica: int = 0) -> Waiting:
    """A clinical system calls for a task of the ward and waits; returns once its case is in the queue."""
    before = {str(row["id"]) for row in stage.rows("SELECT id FROM suggestions")}
    answers: list[httpx.Response] = []
    path, body = asked(task, question)
    thread = threading.Thread(target=lambda: answers.append(stage.post(f"{task}", path, body, replica=replica)), daemon=True)
    thread.start()
    return Waiting(_arrived(stage, before), answers, thread)


def asked(task: str, question: object = QUESTION) -> tuple[str, dict[str, object]]:
    """The path and the body of a call for a task."""
    metadata = METADATA | {"case": f"case-{uuid4().hex[:8]}"}
    if task == "sepsis-score":
        return "/v2/models/sepsis/infer", {"id": uuid4().hex, "inputs": SIGNS}
    if task == "lesions":
        return "/lesions", {"photo": "back.jpg", "question": "count and classify", "metadata": metadata}
    return "/v1/chat/completions", {"model": "thorax", "metadata": metadata, "messages": [{"role": "user", "content": question}]}


def _arrived(stage: Stage, before: set[str]) -> str:
    new = "SELECT id FROM suggestions WHERE state = 'held' ORDER BY id DESC LIMIT 5"
    return str(eventually(lambda: next((row["id"] for row in stage.rows(new) if str(row["id"]) not in before), None)))


def with_film(text: str = QUESTION) -> list[dict[str, object]]:
    """A question with an image."""
    url = f"data:image/png;base64,{b64encode(film()).decode()}"
    return [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]


def film(size: int = 240) -> bytes:
    """Something like a chest X-ray, as a PNG: two dark lungs, a bright heart, a consolidation. Nobody's."""
    rows = b"".join(b"\0" + bytes(_grey(x / size, y / size) for x in range(size)) for y in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _grey(x: float, y: float) -> int:
    def blob(cx: float, cy: float, rx: float, ry: float) -> float:
        return math.exp(-((((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2) ** 2))

    ribs = 14 * math.sin(y * 60 + 6 * abs(x - 0.5))
    grey = 150 * blob(0.5, 0.55, 0.52, 0.6) - 95 * (blob(0.32, 0.48, 0.15, 0.3) + blob(0.68, 0.48, 0.15, 0.3))
    return max(0, min(255, int(grey + ribs + 70 * blob(0.54, 0.62, 0.13, 0.16) + 75 * blob(0.7, 0.66, 0.09, 0.07))))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
