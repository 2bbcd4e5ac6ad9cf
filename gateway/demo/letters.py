"""The texts of the demo AI: a reading of cytology measurements, and the letter to the referring physician.

Both are written from the data they are given; nothing is invented.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.demo.model import Model, Prediction


def reading(prediction: Prediction) -> str:
    """A short text with the probability and the measurements that weighed most."""
    lines = [
        f"Cytology reading: {prediction.label}. Probability of malignancy {prediction.malignant:.3f}.",
        "Measurements that weighed most:",
    ]
    lines += [f"- {name} = {value:.4g} ({'towards' if weight > 0 else 'against'} malignancy)" for name, value, weight in prediction.weighed]
    return "\n".join(lines)


def from_message(model: Model, text: str) -> str:
    """The reading for measurements given as JSON in a message. Raises ValueError where there are none."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        message = "the message holds no JSON object with measurements"
        raise ValueError(message)
    measurements = json.loads(text[start : end + 1])
    return reading(model.predict([float(measurements[name]) for name in model.names]))


def letter(text: str) -> str:
    """A letter that passes a signed result on, word for word."""
    result = text.strip()
    return (
        "Dear colleague,\n\nthank you for referring your patient to our cytology laboratory. The result that we have signed reads:\n\n"
        f"{result}\n\nPlease contact us with any question.\n\nKind regards,\nThe cytology laboratory (demonstration, fictitious)"
    )
