"""A real model on real data: a classifier trained at start on the Wisconsin diagnostic breast cytology data (569 patients, 1995).

For demonstration only, never a medical device. Its figures are measured at start on patients it was not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn.pipeline import Pipeline

VERSION: Final = "1.0"
_SEED: Final = 20_261
_HELD_OUT: Final = 0.3
_FIRST_NAMES: Final = ("Alix", "Camille", "Dominique", "Eden", "Lou", "Maxime", "Noa", "Sacha")


@dataclass(frozen=True, slots=True)
class Figures:
    """How the model did on held-out patients; shares between 0 and 1."""

    patients: int
    auc: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's answer for one patient: probability of malignancy, and the measurements that weighed most."""

    malignant: float
    weighed: tuple[tuple[str, float, float], ...]

    @property
    def label(self) -> str:
        """The more probable class."""
        return "malignant" if self.malignant >= 0.5 else "benign"  # noqa: PLR2004 - the middle


@dataclass(frozen=True, slots=True)
class RealCase:
    """A held-out patient: real measurements and diagnosis, a made-up patient strip."""

    number: int
    measurements: dict[str, float]
    malignant: bool
    patient: dict[str, str]


@dataclass(frozen=True, slots=True)
class Model:
    """The trained classifier.

    Args:
        names: the 30 measurements, in the order of a row.
        held_out: row numbers, values and diagnoses (True: malignant) of patients it was not trained on.
    """

    pipeline: Pipeline
    names: tuple[str, ...]
    held_out: tuple[tuple[int, tuple[float, ...], bool], ...]
    figures: Figures

    def predict(self, row: Sequence[float]) -> Prediction:
        """Probability of malignancy of one row of 30 measurements. Raises ValueError for another number of them."""
        if len(row) != len(self.names):
            message = f"a row has {len(row)} measurements; {len(self.names)} are needed"
            raise ValueError(message)
        probability = float(self.pipeline.predict_proba([list(row)])[0][1])
        scaler, regression = self.pipeline[0], self.pipeline[1]
        scaled = (scaler.transform([list(row)])[0] * regression.coef_[0]).tolist()
        order = sorted(range(len(row)), key=lambda n: -abs(scaled[n]))[:5]
        return Prediction(probability, tuple((self.names[n], float(row[n]), float(scaled[n])) for n in order))

    def cases(self, count: int) -> list[RealCase]:
        """Held-out patients, malignant and benign in turn as far as they go."""
        sick = [case for case in self.held_out if case[2]]
        well = [case for case in self.held_out if not case[2]]
        mixed = [case for pair in zip(sick, well, strict=False) for case in pair][:count]
        return [RealCase(number, dict(zip(self.names, row, strict=True)), malignant, _strip(number)) for number, row, malignant in mixed]


def train() -> Model:
    """Train and measure; under a second."""
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415 - the demo extra
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import train_test_split  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    data = load_breast_cancer()
    malignant = (data.target == 0).astype(int)
    rows = list(range(len(malignant)))
    trained, kept = train_test_split(rows, test_size=_HELD_OUT, random_state=_SEED, stratify=malignant)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    pipeline.fit(data.data[trained], malignant[trained])
    held_out = tuple((n, tuple(float(value) for value in data.data[n]), bool(malignant[n])) for n in kept)
    return Model(pipeline, tuple(str(name) for name in data.feature_names), held_out, _measured(pipeline, held_out))


def _measured(pipeline: Pipeline, held_out: Sequence[tuple[int, tuple[float, ...], bool]]) -> Figures:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415

    truth = [sick for _, _, sick in held_out]
    scores = [float(pair[1]) for pair in pipeline.predict_proba([row for _, row, _ in held_out])]
    found = sum(1 for sick, score in zip(truth, scores, strict=True) if sick and score >= 0.5)  # noqa: PLR2004
    cleared = sum(1 for sick, score in zip(truth, scores, strict=True) if not sick and score < 0.5)  # noqa: PLR2004
    return Figures(len(truth), float(roc_auc_score(truth, scores)), found / sum(truth), cleared / (len(truth) - sum(truth)))


def _strip(number: int) -> dict[str, str]:
    name = f"{_FIRST_NAMES[number % len(_FIRST_NAMES)]} FICTIF-{number:03d}"
    return {"name": name, "born": f"19{40 + number % 50}-{1 + number % 12:02d}-{1 + number % 28:02d}", "id": f"DEMO-{number:06d}"}
