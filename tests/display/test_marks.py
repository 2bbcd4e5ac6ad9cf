"""R9: what is recognised, what counts as the same, and what never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.display.marks.finder import spans
from tests.display.ground import asked, found, joined, linked, marked, unsourced

SAME = [
    ("amoxicilline 500 mg", "amoxicilline 500 mg"),
    ("2,50 mg", "2.5 mg"),
    ("4000 UI", "4000 IU"),
    ("75 µg", "75 mcg"),
    ("10 mg/j", "10 mg/day"),
    ("3 fois par jour", "3/j"),
    ("une fois par jour", "once daily"),
    ("deux fois par jour", "BID"),
    ("twice a week", "2 fois par semaine"),
    ("hebdomadaire", "weekly"),
    ("3x/j", "x 3 par jour"),
    ("10 à 20 mg", "10-20 mg"),
    ("145/85 mmHg", "145 / 85 mmHg"),
    ("le 12 mars 2026", "2026-03-12"),
    ("30/04/2026", "30 avril 2026"),
    ("14h30", "14:30"),
    ("1,2×10^9/L", "1.2e9/L"),
    ("deux comprimés", "2 comprimés"),
    ("5 ± 2 mg", "5 +/- 2 mg"),
    ("45 mL/min/1,73 m²", "45 mL/min/1.73 m2"),
    ("AMOXICILLINE", "amoxicillin"),
    ("aspirine", "Aspirin"),
    ("acide acétylsalicylique", "acetylsalicylic acid"),
    ("pas de fièvre", "absence de fièvre"),
    ("pas de douleur", "pas de douleur thoracique"),
    ("genou droit", "Genou  droite"),
    ("OD", "œil droit"),
    ("right eye", "OD"),
    ("genou G", "genou gauche"),
    ("1\u00a0000 mg", "1000 mg"),
    ("apixaban et 500 mg de paracétamol", "Paracétamol : 500 mg"),
]
OTHER = [
    ("500 mg", "0,5 g"),
    ("500 mg", "500 g"),
    ("500 mg", "500 mg/j"),
    ("500", "500 mg"),
    ("1500 mg", "1,500 mg"),
    ("1,5 mg", "1,500 mg"),
    ("03/04/2026", "2026-04-03"),
    ("< 5 mg", "> 5 mg"),
    ("5 mg", "-5 mg"),
    ("10-20 mg", "20 mg"),
    ("1/2", "1-2"),
    ("L4", "L5"),
    ("ibuprofène 400 mg", "aspirine 400 mg"),
    ("ibuprofène 400 mg", "aspirine : 400 mg"),
    ("ibuprofène 400 mg, aspirine 75 mg", "400 mg d'aspirine"),
    ("apixaban et 500 mg de paracétamol", "apixaban 500 mg"),
    ("méthotrexate 15 mg une fois par semaine", "méthotrexate 15 mg une fois par jour"),
    ("methotrexate 15 mg weekly", "methotrexate 15 mg daily"),
    ("un comprimé", "deux comprimés"),
    ("pas de pénicilline", "pénicilline"),
    ("ECG: no ST elevation", "ECG: ST elevation"),
    ("pas de toux", "pas de fièvre"),
    ("pas de douleur abdominale", "pas de douleur thoracique"),
    ("pas de douleur thoracique", "pas de douleur"),
    ("genou droit", "genou gauche"),
    ("genou droit, hanche gauche", "genou gauche"),
    ("lobe supérieur droit", "lobe inférieur droit"),
    ("kidney right", "right lung"),
    ("OD", "OG"),
]


@pytest.mark.parametrize(("request_text", "said"), SAME)
def test_the_same_is_linked(request_text: str, said: str) -> None:
    runs = marked(request_text, said)
    assert unsourced(runs) == []
    assert linked(runs)


@pytest.mark.parametrize(("request_text", "said"), OTHER)
def test_what_is_not_the_same_is_never_linked(request_text: str, said: str) -> None:
    assert unsourced(marked(request_text, said))


HINTS = [
    ("500 mg", "0,5 g", "converti : « 500 mg » dans la demande"),
    ("500 mg", "500 g", "la demande dit « 500 mg »"),
    ("apixaban 5 mg", "apixaban 50 mg", "la demande dit « apixaban 5 mg »"),
    ("genou droit", "genou gauche", "la demande dit « genou droit »"),
    ("ECBU négatif", "ECBU positif", "la demande dit « ECBU négatif »"),
    ("metformine 1000 mg", "paracétamol 1 g", "la demande dit « metformine 1000 mg »"),
    ("Absence d'embolie proximale. Embolie distale.", "Embolie proximale.", "la demande dit « Absence d'embolie proximale »"),
    ("méthotrexate une fois par semaine", "méthotrexate une fois par jour", "la demande dit « méthotrexate une fois par semaine »"),
    ("03/04/2026", "3 avril 2026", "la demande dit « 03/04/2026 »"),
]


@pytest.mark.parametrize(("request_text", "said", "note"), HINTS)
def test_what_the_request_says_instead_stands_beside_the_mark(request_text: str, said: str, note: str) -> None:
    assert note in [run.mark.note for run in marked(request_text, said) if run.mark]


MARKED = [
    "500", "3,5", "1.234,5", "1 000", "5–10", "12/03/2026", "1/2", "6,02×10²³", "5 ± 2", "120/80 mmHg", "T11", "0,5 mg/kg/j", "dix jours",
    "37 °C", "50 Gy", "200 MBq", "72 bpm", "3/j", "mmHg", "ramipril", "nouvomab", "inédictinib", "néosartan", "céfatruc", "Acide valproïque",
    "pas de", "sans", "aucune", "absence de", "ne fume plus", "jamais", "ni", "exclue", "négative", "not", "without", "denies", "absence of",
    "negative for", "ruled out", "never", "isn't", "droite", "gauche", "bilatérale", "right", "left", "OD", "OG", "OS", "OU", "homolatéral",
    "ipsilateral", "contralateral", "(R)", "bras G",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKED)
def test_it_is_marked(text: str) -> None:
    assert unsourced(marked("", text))


@pytest.mark.parametrize(
    "text",
    [
        "avril",
        "magazine",
        "l'examen",
        "vitamine",
        "SpO2",
        "HbA1c",
        "Dr R Martin",
        "plus de soins",
        "une fois le bilan reçu",
        "un patient",
        "once stable",
        "marine",
        "servir",
        "américaine",
    ],
)
def test_it_is_an_ordinary_word(text: str) -> None:
    assert unsourced(marked("", text)) == []


def test_a_negation_that_the_request_has_and_the_suggestion_lost_is_marked() -> None:
    runs = marked("Pas d'allergie à la pénicilline.", "Allergie à la pénicilline.")
    assert found(runs, "Allergie").mark is not None
    assert "Pas d'allergie" in str(found(runs, "Allergie").mark)


def test_what_the_request_both_says_and_denies_is_not_called_lost() -> None:
    assert unsourced(marked("Fièvre hier, pas de fièvre ce matin.", "Fièvre.")) == []


def test_numbers_stay_as_they_were_written() -> None:
    assert [run.text for run in marked("", "0,50 mg puis 1.0e-3 g") if run.mark] == ["0,50 mg", "1.0e-3 g"]


@given(some.text(), some.text())
def test_marks_never_change_a_text(request_text: str, said: str) -> None:
    assert joined(marked(request_text, said)) == said
    assert "".join(run.text for part in asked(request_text).parts[:-1] for run in part.runs) in {request_text, ""}


CLINICAL = some.lists(
    some.sampled_from(
        [
            *MARKED,
            " ",
            "\n",
            ". ",
            ", ",
            "\u200b",
            "\u202e",
            "\u0430",
            "e\u0301",
            "mg",
            "/",
            "-",
            "de",
            "'",
            "×",
            "10^",
            "par jour",
            "٣",
            chr(0x1D7D3),
        ]
    )
).map("".join)


@given(CLINICAL)
def test_marks_never_change_a_clinical_text(text: str) -> None:
    assert joined(marked(text, text)) == text


@given(CLINICAL)
def test_what_is_recognised_never_overlaps(text: str) -> None:
    places = [place for span in spans(text) for place in range(span.start, span.end)]
    assert places == sorted(set(places))
