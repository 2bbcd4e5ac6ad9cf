"""Units of measure in French and English, and what they mean: `mcg` and `µg` are one, `mg` and `g` are not.

`unit_at` reads the unit that stands at a place of a text, compound ones (`mg/kg/j`, `mL/min/1,73 m²`) included.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_NAMES: Final = {
    "kg": "kg kilo kilos kilogramme kilogrammes kilogram kilograms KG Kg",
    "g": "g gr gramme grammes gram grams",
    "mg": "mg MG Mg milligramme milligrammes milligram milligrams",
    "µg": "µg μg mcg ug MCG microgramme microgrammes microgram micrograms gamma",
    "ng": "ng", "pg": "pg", "fL": "fL fl",
    "L": "L l litre litres liter liters", "dL": "dL dl", "cL": "cL cl", "mL": "mL ml ML Ml millilitre millilitres milliliter milliliters",
    "µL": "µL µl μL μl uL", "cc": "cc",
    "IU": "UI IU ui iu", "U": "U unité unités unit units unites", "kIU": "kUI kIU", "MIU": "MUI MIU", "mIU": "mUI mIU",
    "mol": "mol", "mmol": "mmol mMol", "µmol": "µmol μmol umol micromol", "nmol": "nmol", "pmol": "pmol", "mEq": "mEq meq", "mOsm": "mOsm mosm",
    "%": "% pourcent percent", "‰": "‰",
    "km": "km", "m": "m mètre mètres metre metres meter meters", "dm": "dm", "cm": "cm CM centimètre centimètres centimetre centimetres",
    "mm": "mm MM millimètre millimètres millimetre millimetres", "µm": "µm μm", "nm": "nm",
    "m²": "m² m2", "cm²": "cm² cm2", "mm²": "mm² mm2", "m³": "m³ m3", "cm³": "cm³ cm3", "mm³": "mm³ mm3",
    "mmHg": "mmHg mmhg MMHG mm_Hg", "cmH2O": "cmH2O cmH₂O", "kPa": "kPa", "Pa": "Pa", "bar": "bar bars",
    "°C": "°C ℃", "°F": "°F", "°": "° degrés degrees",
    "bpm": "bpm BPM", "rpm": "rpm", "cpm": "cpm", "Hz": "Hz", "kHz": "kHz", "MHz": "MHz", "beats": "battements beats",
    "Gy": "Gy", "cGy": "cGy", "mGy": "mGy", "Sv": "Sv", "mSv": "mSv", "µSv": "µSv μSv",
    "Bq": "Bq", "kBq": "kBq", "MBq": "MBq", "GBq": "GBq", "mCi": "mCi", "Ci": "Ci",
    "kcal": "kcal Kcal", "cal": "cal", "kJ": "kJ", "J": "joules joule", "mV": "mV", "mA": "mA", "W": "W", "dB": "dB", "D": "dioptries dioptrie diopters",
    "h": "h H heure heures hour hours hr hrs", "min": "min mn minute minutes mins", "s": "s sec seconde secondes second seconds secs", "ms": "ms",
    "d": "j J d jour jours day days jr jrs", "wk": "semaine semaines week weeks wk wks sem", "mo": "mois month months",
    "y": "an ans année années annee annees year years yr yrs yo",
    "x": "fois times x", "drop": "goutte gouttes gtt gttes drop drops", "puff": "bouffée bouffées bouffee bouffees puff puffs",
    "tab": "comprimé comprimés comprime comprimes cp cps cpr tablet tablets tab tabs", "cap": "gélule gélules gelule gelules capsule capsules cap caps",
    "amp": "ampoule ampoules amp", "sachet": "sachet sachets", "dose": "dose doses", "patch": "patch patchs patches", "vial": "flacon flacons vial vials",
    "log": "log", "pts": "points pts", "G": "G", "T": "T", "M": "M", "K/µL": "K/µL K/uL", "pack-years": "PA paquets-années paquets-annees pack-years",
}  # fmt: skip
_MEANS: Final = {spelling.replace("_", " "): name for name, spellings in _NAMES.items() for spelling in spellings.split()}
_ATOM: Final = "|".join(re.escape(part) for part in sorted(_MEANS, key=len, reverse=True))
_END: Final = r"(?![0-9A-Za-zÀ-ÖØ-öø-ÿµμ²³₂])"
_PER: Final = r"[ \u00a0\u202f]?/[ \u00a0\u202f]?|[ \u00a0\u202f](?:par|per)[ \u00a0\u202f]"
_COUNT: Final = r"[0-9]{1,3}(?:[.,][0-9]{1,2})?[ \u00a0\u202f]?"
_TAIL: Final = rf"(?:{_PER})(?:{_COUNT})?(?:{_ATOM}){_END}"
_UNIT: Final = re.compile(rf"(?:(?:{_ATOM}){_END}(?:{_TAIL}){{0,3}}|(?:{_TAIL}){{1,3}})")
_RATES: Final = {
    "d": "daily,every day,each day,a day,quotidien,quotidienne,quotidiens,quotidiennes,quotidiennement,chaque jour,tous les jours",
    "wk": "weekly,every week,each week,a week,hebdomadaire,hebdomadaires,chaque semaine,toutes les semaines",
    "mo": "monthly,every month,a month,mensuel,mensuelle,mensuels,mensuelles,chaque mois,tous les mois",
}
_OFTEN: Final = {said: f"/{name}" for name, words in _RATES.items() for said in words.split(",")}
_RATE: Final = re.compile(rf"[ \u00a0](?P<rate>(?i:{'|'.join(sorted(_OFTEN, key=len, reverse=True))}))(?!\w)")
RATE_WORDS: Final = "|".join(sorted((said for said in _OFTEN if " " not in said), key=len, reverse=True))
_PIECE: Final = re.compile(rf"(?P<per>{_PER})?(?P<count>{_COUNT})?(?P<atom>{_ATOM}){_END}")
_ALONE: Final = frozenset(
    [
        "kg",
        "mg",
        "µg",
        "ng",
        "mL",
        "dL",
        "µL",
        "IU",
        "mIU",
        "mmol",
        "µmol",
        "nmol",
        "mEq",
        "mOsm",
        "%",
        "mm",
        "cm",
        "mmHg",
        "kPa",
        "°C",
        "bpm",
        "Gy",
        "cGy",
        "mGy",
        "mSv",
        "MBq",
        "GBq",
        "kBq",
        "kcal",
        "cm²",
        "mm³",
        "kIU",
        "MIU",
    ]
)
_SINGLE: Final = [spelling for spelling, name in _MEANS.items() if name in _ALONE]
ALONE: Final = "|".join(re.escape(spelling) for spelling in sorted(_SINGLE, key=len, reverse=True))
# How many of the first unit make one of the second; only what is exact and needs no substance.
_FACTORS: Final = {
    "kg": (3, "g"), "g": (0, "g"), "mg": (-3, "g"), "µg": (-6, "g"), "ng": (-9, "g"), "pg": (-12, "g"),
    "L": (0, "L"), "dL": (-1, "L"), "cL": (-2, "L"), "mL": (-3, "L"), "µL": (-6, "L"), "cc": (-3, "L"), "cm³": (-3, "L"),
    "mol": (0, "mol"), "mmol": (-3, "mol"), "µmol": (-6, "mol"), "nmol": (-9, "mol"), "pmol": (-12, "mol"),
    "kIU": (3, "IU"), "MIU": (6, "IU"), "mIU": (-3, "IU"), "IU": (0, "IU"),
    "km": (3, "m"), "m": (0, "m"), "dm": (-1, "m"), "cm": (-2, "m"), "mm": (-3, "m"), "µm": (-6, "m"), "nm": (-9, "m"),
    "Gy": (0, "Gy"), "cGy": (-2, "Gy"), "mGy": (-3, "Gy"), "Sv": (0, "Sv"), "mSv": (-3, "Sv"), "µSv": (-6, "Sv"),
    "Bq": (0, "Bq"), "kBq": (3, "Bq"), "MBq": (6, "Bq"), "GBq": (9, "Bq"), "s": (0, "s"), "ms": (-3, "s"),
}  # fmt: skip


class Unit(NamedTuple):
    """A unit in a text: where it ends, its one name, and the power of ten and base name that it converts to."""

    end: int
    name: str
    power: int
    base: str


def unit_at(text: str, place: int) -> Unit | None:
    """The unit that begins at a place of a text, with how often; or only how often (` daily`)."""
    found = _UNIT.match(text, place)
    end, often = _often(text, found.end() if found else place)
    if found is None:
        return Unit(end, often, 0, often) if often else None
    pieces = [
        (piece["per"], (piece["count"] or "").strip().replace(",", "."), _MEANS[piece["atom"]]) for piece in _PIECE.finditer(found[0])
    ]
    head, rest = pieces[0], "".join(f"/{count}{name}" for _, count, name in pieces[1:]) + often
    if head[0]:
        return Unit(end, f"/{head[1]}{head[2]}{rest}", 0, f"/{head[1]}{head[2]}{rest}")
    if head[2] == "x" and not rest:
        return Unit(end, "x", 0, "x")
    power, base = _FACTORS.get(head[2], (0, head[2]))
    first = "" if head[2] == "x" else head[2]
    return Unit(end, first + rest, power, ("" if head[2] == "x" else base) + rest)


def rate(word: str) -> str:
    """What a word like `hebdomadaire` means as a unit."""
    return _OFTEN[word.lower()]


def _often(text: str, place: int) -> tuple[int, str]:
    found = _RATE.match(text, place)
    return (found.end(), rate(found["rate"])) if found else (place, "")


def stands_alone(unit: Unit) -> bool:
    """Whether a unit without a number is worth a mark: an unmistakable name, or a compound of two."""
    return unit.name in _ALONE or ("/" in unit.name[1:] and unit.name.split("/")[0] in _ALONE)
