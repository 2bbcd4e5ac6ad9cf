"""The scenes of `garant demo --once`: who calls what, who decides how, and what each caller must have received."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.demo import letters
from gateway.demo.clients import Heard, call, in_background

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

    from gateway.demo.clinician import Clinician
    from gateway.demo.model import Model, RealCase
    from gateway.demo.stage import Stage

_WAIT: Final = 60.0
_OK, _FORBIDDEN = 200, 403


@dataclass(slots=True)
class Scene:
    """One call, what was decided on it, and the thread that waits for its answer."""

    heard: Heard
    decided: str
    thread: Thread | None = None
    signed_at: float | None = None


@dataclass(slots=True)
class Play:
    """All scenes, and what went otherwise than it should."""

    scenes: list[Scene] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Counts by outcome; `leaks` counts the calls whose client held bytes of the AI's answer before a signature."""
        by = {
            name: sum(scene.decided == name for scene in self.scenes) for name in ("approved", "amended", "rejected", "expired", "passed")
        }
        held = sum(scene.decided != "passed" for scene in self.scenes)
        leaks = sum(scene.heard.leaked(scene.signed_at) for scene in self.scenes if scene.decided != "passed")
        return {"calls": len(self.scenes), "held": held, **by, "leaks": leaks}


class Scenes:
    """Plays the scenes on a stage.

    Args:
        stage: what runs.
        model: the same model as the AI server's, so that clients know which bytes would be a leak.
    """

    def __init__(self, stage: Stage, model: Model) -> None:
        self._stage = stage
        self.model = model
        self._play = Play()

    def all(self, first: Clinician, second: Clinician, say: Callable[[str], None]) -> Play:
        """Everything, in order."""
        cases = self.model.cases(16)
        say("an overnight case is called; nobody will open it, and it will be withdrawn")
        late = self.held("overnight-screening", cases[0], number=0)
        say("cytology is called over three protocols; nothing leaves before the pathologist signs")
        for n, case in enumerate(cases[1:9]):
            self._one(first, case, n)
        say("a second opinion needs two different people")
        self._pair(first, second, cases[9])
        say("letters to the referring physicians pass, logged and counted")
        for case in cases[10:14]:
            self._letter(case)
        if late.thread:
            late.thread.join(_WAIT)
        self._expect(late, "expired", _FORBIDDEN, contains=b"review_expired")
        return self._play

    def held(self, task: str, case: RealCase, *, number: int) -> Scene:
        """A call that waits on a thread of its own."""
        path, body, secrets = self._question(task, case, number)
        heard = Heard(f"{task} {case.number}", task, secrets)
        thread = in_background(self._stage.base, self._stage.key, heard, f"/call/{task}{path}", body)
        scene = Scene(heard, "", thread)
        self._play.scenes.append(scene)
        return scene

    def _one(self, clinician: Clinician, case: RealCase, n: int) -> None:
        scene = self.held("breast-cytology", case, number=n)
        suggestion = clinician.waiting("breast-cytology")
        decision = ("approve", "approve", "amend", "approve", "reject", "approve", "amend", "reject")[n]
        more: dict[str, object] = {}
        if decision == "amend":
            more = {"amend": _amendment, "changes_decision": False, "comment": "wording refined by the pathologist"}
        if decision == "reject":
            more = {"reason": "patient_context_differs", "comment": "the clinical picture does not fit"}
        clinician.decide(suggestion, decision, **more)
        scene.signed_at = clinician.signed_at[suggestion] if decision != "reject" else None
        if scene.thread:
            scene.thread.join(_WAIT)
        told = {"approve": "approved", "amend": "amended", "reject": "rejected"}[decision]
        self._expect(
            scene, told, _OK if decision != "reject" or n % 3 == 1 else _FORBIDDEN, contains=b"pathologist" if decision == "amend" else b""
        )

    def _pair(self, first: Clinician, second: Clinician, case: RealCase) -> None:
        scene = self.held("second-opinion", case, number=1)
        suggestion = first.waiting("second-opinion")
        first.decide(suggestion, "approve")
        time.sleep(0.2)
        if scene.heard.chunks:
            self._play.surprises.append("a two-person case left after one signature")
        second.decide(suggestion, "approve")
        scene.signed_at = second.signed_at[suggestion]
        if scene.thread:
            scene.thread.join(_WAIT)
        self._expect(scene, "approved", _OK)

    def _letter(self, case: RealCase) -> None:
        result = letters.reading(self.model.predict(list(case.measurements.values())))
        body = {"model": "letter-writer", "messages": [{"role": "user", "content": result}], "metadata": {"case": f"demo-{case.number}"}}
        heard = Heard(f"letter {case.number}", "referral-letter", ())
        call(self._stage.base, self._stage.key, heard, "/call/referral-letter/v1/chat/completions", body)
        self._play.scenes.append(scene := Scene(heard, "passed"))
        self._expect(scene, "passed", _OK, contains=b"Dear colleague")

    def _question(self, task: str, case: RealCase, number: int) -> tuple[str, object, tuple[bytes, ...]]:
        """Path, body, and the bytes that only the AI's answer holds."""
        row = list(case.measurements.values())
        found = self.model.predict(row)
        reference = f"demo-{case.number}"
        text = letters.reading(found)
        if number % 3 == 0 and task == "breast-cytology":
            tensor = {"name": "measurements", "datatype": "FP64", "shape": [1, len(row)], "data": row}
            strip = {"case": reference, "name": case.patient["name"], "born": case.patient["born"]}
            return (
                "/v2/models/wdbc/infer",
                {"id": reference, "inputs": [tensor], "parameters": strip},
                (json.dumps(found.malignant).encode(),),
            )
        if number % 3 == 1 or task != "breast-cytology":
            content = f"Read these measurements: {json.dumps(case.measurements)}"
            metadata = {"case": reference, "name": case.patient["name"], "born": case.patient["born"]}
            stream = {"stream": True} if number == 4 else {}  # noqa: PLR2004 - one of them streams
            body = {"model": "wdbc-reader", "messages": [{"role": "user", "content": content}], "metadata": metadata, **stream}
            return "/v1/chat/completions", body, (text.splitlines()[0].encode(), b"Probability of malignancy")
        body = {"case": reference, "patient": case.patient, "measurements": case.measurements}
        return "/predict", body, (f'"probability_malignant":{round(found.malignant, 6)}'.encode(), b"weighed_most")

    def _expect(self, scene: Scene, decided: str, status: int, contains: bytes = b"") -> None:
        """Note a surprise: another status, a part that is missing, or an answer where there must be none."""
        scene.decided = decided
        heard = scene.heard
        if heard.status != status or heard.error:
            self._play.surprises.append(f"{heard.name}: status {heard.status}, {heard.error or 'no error'}; expected {status}")
        if contains and contains not in heard.body:
            self._play.surprises.append(f"{heard.name}: {contains.decode()} is missing in what the client received")


def _amendment(content: object) -> dict[str, object]:
    """Refine the first field that a person can rewrite, as a pathologist would."""
    fields = content["fields"] if isinstance(content, dict) else []
    for part in fields:
        if part["kind"] == "text":
            return {part["pointer"]: f"{part['value']} (confirmed by the pathologist)"}
    tensors = [part for part in fields if part["kind"] == "tensor" and part["value"]["datatype"] == "BYTES"]
    part = tensors[0]
    return {part["pointer"]: [f"{text} (confirmed by the pathologist)" for text in part["value"]["data"]]}
