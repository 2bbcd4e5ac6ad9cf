"""Two hundred generated reports with planted errors, half French, half English; the same ones in every run.

Each case has a request, a suggestion that repeats it, and one error planted into the suggestion: a dose, a unit, a
side, a negation that was not there, a negation that got lost, or another drug. What is planted stands nowhere in the
request. The generator knows nothing of how marks are found.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, NamedTuple

KINDS: Final = ("dose", "unit", "side", "negation", "lost negation", "drug")
COUNT: Final = 200
_DRUGS: Final = {
    "fr": [
        "amoxicilline",
        "apixaban",
        "ramipril",
        "metformine",
        "bisoprolol",
        "oméprazole",
        "paracétamol",
        "furosémide",
        "énoxaparine",
        "lévothyroxine",
    ],
    "en": [
        "amoxicillin",
        "apixaban",
        "ramipril",
        "metformin",
        "bisoprolol",
        "omeprazole",
        "paracetamol",
        "furosemide",
        "enoxaparin",
        "levothyroxine",
    ],
}
_DOSES: Final = {
    "fr": ["500 mg", "2,5 mg", "1 g", "40 mg/j", "75 µg", "4000 UI", "10 mg/kg/j", "0,4 mL"],
    "en": ["500 mg", "2.5 mg", "1 g", "40 mg/day", "75 mcg", "4000 IU", "10 mg/kg/day", "0.4 mL"],
}
_WRONG_DOSES: Final = {
    "fr": ["5000 mg", "25 mg", "15 g", "400 mg/j", "750 µg", "90000 UI", "110 mg/kg/j", "4,4 mL"],
    "en": ["5000 mg", "25 mg", "15 g", "400 mg/day", "750 mcg", "90000 IU", "110 mg/kg/day", "4.4 mL"],
}
_WRONG_UNITS: Final = {
    "fr": ["500 g", "2,5 g", "1 µg", "40 g/j", "75 mg", "4000 mg", "10 g/kg/j", "0,4 L"],
    "en": ["500 g", "2.5 g", "1 mcg", "40 g/day", "75 mg", "4000 mg", "10 g/kg/day", "0.4 L"],
}
_LABS: Final = {
    "fr": [
        "kaliémie 4,2 mmol/L",
        "créatinine 98 µmol/L",
        "CRP 12 mg/L",
        "hémoglobine 13,4 g/dL",
        "saturation 96 %",
        "température 38,2 °C",
        "TA 132/84 mmHg",
    ],
    "en": [
        "potassium level 4.2 mmol/L",
        "creatinine 98 µmol/L",
        "CRP 12 mg/L",
        "haemoglobin 13.4 g/dL",
        "saturation 96 %",
        "temperature 38.2 °C",
    ],
}
_ORGANS: Final = {
    "fr": ["genou", "poumon", "rein", "bras", "lobe inférieur", "testicule", "sein"],
    "en": ["knee", "lung", "kidney", "arm", "lower lobe", "testicle", "breast"],
}
_SIDES: Final = {"fr": ("droit", "gauche"), "en": ("right", "left")}
_SYMPTOMS: Final = {
    "fr": ["fièvre", "toux", "vomissements", "céphalées", "dyspnée", "fracture", "allergie", "saignement"],
    "en": ["fever", "cough", "vomiting", "headache", "dyspnoea", "fracture", "allergy", "bleeding"],
}
# The same doses written otherwise; what is written so is no error.
SPELLED: Final = {
    "fr": ["500,0 mg", "2.5 mg", "1,0 g", "40 mg par jour", "75 mcg", "4000 IU", "10 mg/kg/jour", "0.40 mL"],
    "en": ["500.0 mg", "2.50 mg", "1.0 g", "40 mg per day", "75 µg", "4000 UI", "10 mg/kg/d", ".4 mL"],
}
DOSES: Final = _DOSES
# How a negation is written: what negates, and what stands between it and the negated word; or behind that word.
_NO: Final = {
    "fr": (
        ("pas de", " "),
        ("absence de", " "),
        ("sans", " "),
        ("aucun", " signe de "),
        ("jamais", " de "),
        ("", "exclu"),
        ("", "négative"),
    ),
    "en": (("no", " "), ("absence of", " "), ("without", " "), ("denies", " any "), ("never", " had "), ("", "ruled out"), ("", "absent")),
}
_FILLERS: Final = {
    "fr": (
        "Patient vu en consultation ce matin",
        "Conduite à tenir discutée en équipe",
        "Examen réalisé dans de bonnes conditions",
        "Sortie envisagée",
        "",
    ),
    "en": ("Patient seen in clinic this morning", "Plan discussed with the team", "Examination performed under good conditions", ""),
}
_THERE: Final = {"fr": "présence de ", "en": "presence of "}


class Sentence(NamedTuple):
    """A statement whose middle can be wrong."""

    before: str
    middle: str
    after: str = ""

    @property
    def text(self) -> str:
        """The whole statement."""
        return self.before + self.middle + self.after


@dataclass(frozen=True, slots=True)
class Case:
    """A request, a suggestion, and where in the suggestion the error stands."""

    language: str
    kind: str
    request: str
    suggestion: str
    start: int
    end: int

    @property
    def planted(self) -> str:
        """The error itself."""
        return self.suggestion[self.start : self.end]


def cases() -> tuple[Case, ...]:
    """All cases, in order."""
    chance = random.Random(20261124)  # noqa: S311 - a corpus, not a secret
    return tuple(_case(chance, ("en", "fr")[number % 2], KINDS[number // 2 % len(KINDS)]) for number in range(COUNT))


def _case(chance: random.Random, language: str, kind: str) -> Case:
    drug, other_drug = chance.sample(_DRUGS[language], 2)
    absent, present = chance.sample(_SYMPTOMS[language], 2)
    dose, side, no, organ = chance.randrange(8), chance.randrange(2), chance.choice(_NO[language]), chance.choice(_ORGANS[language])
    spelled = chance.choice((_DOSES, SPELLED))[language][dose]
    true = {
        "drug": Sentence("", drug, f" {_DOSES[language][dose]}"),
        "lab": Sentence(chance.choice(_LABS[language]), ""),
        "side": _sided(language, organ, _SIDES[language][side]),
        "absent": _negated(no, absent),
        "present": Sentence(_THERE[language], present),
    }
    wrong = {
        "dose": ("drug", Sentence(f"{drug} ", _WRONG_DOSES[language][dose])),
        "unit": ("drug", Sentence(f"{drug} ", _WRONG_UNITS[language][dose])),
        "side": ("side", _sided(language, organ, _SIDES[language][1 - side])),
        "negation": ("present", _negated(no, present)),
        "lost negation": ("absent", Sentence(_THERE[language], absent)),
        "drug": ("drug", Sentence("", other_drug, f" {_DOSES[language][dose]}")),
    }
    place, planted = wrong[kind]
    said = list((true | {"drug": Sentence("", drug, f" {spelled}")} | {place: planted}).values())
    said += [Sentence(filler, "") for filler in chance.sample(_FILLERS[language], 2) if filler]
    chance.shuffle(said)
    return _placed(language, kind, ". ".join(sentence.text for sentence in true.values()) + ".", said, planted)


def _negated(no: tuple[str, str], word: str) -> Sentence:
    return Sentence("", no[0], f"{no[1]}{word}") if no[0] else Sentence(f"{word} ", no[1])


def _sided(language: str, organ: str, side: str) -> Sentence:
    return Sentence(f"{organ} ", side) if language == "fr" else Sentence("", side, f" {organ}")


def _placed(language: str, kind: str, request: str, said: list[Sentence], planted: Sentence) -> Case:
    before = "".join(f"{sentence.text}. " for sentence in said[: said.index(planted)])
    start = len(before) + len(planted.before)
    suggestion = " ".join(f"{sentence.text}." for sentence in said)
    return Case(language, kind, request, suggestion, start, start + len(planted.middle))
