"""Numbers with their units, as one meaning: `0,5 g` and `500 mg` are two, `5.0 mg` and `5 mg` are one.

What can be read in two ways (`1,500`, `2 500`, `03/04/2026`) means only its own spelling, so that it is never linked to
the wrong one of the two. Every pattern is bounded or possessive: the time grows with the text and no faster.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from gateway.display.marks.spans import Span, fold
from gateway.display.marks.units import ALONE, RATE_WORDS, Unit, rate, stands_alone, unit_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_FIXED: Final = "\u00a0\u202f\u2009"
_NUMBER: Final = (
    rf"(?:[0-9]{{1,3}}(?:[ {_FIXED}'’][0-9]{{3}}){{1,5}}(?![0-9])|[0-9]{{1,3}}(?:,[0-9]{{3}}){{2,5}}(?![0-9])|[0-9]++)(?:[.,][0-9]++)*"
    r"(?:[eE][-+\u2212]?[0-9]{1,4}(?![0-9A-Za-z])|[ ]?[×x*·][ ]?10(?:\^[-+\u2212]?[0-9]{1,3}(?![0-9])|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))?"
)
_BETWEEN: Final = r"[ ]?(?:[-–—\u2011]|±|\+/-|\+/\u2212)[ ]?|[ ](?:à|a|to)[ ]|[ ]/[ ]|/"
_MONTHS: Final = [
    "janvier",
    "février",
    "fevrier",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "aout",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
    "decembre",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "janv",
    "févr",
    "fevr",
    "avr",
    "juil",
    "sept",
    "oct",
    "nov",
    "déc",
    "dec",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
]
_MONTH_NUMBERS: Final = {
    name: number
    for names in ("janv fevr mars avr mai juin juil aout sept oct nov dec", "jan feb mar apr may jun jul aug sep oct nov dec")
    for number, name in enumerate(names.split(), start=1)
}
_MONTH: Final = "(?:" + "|".join(sorted(" ".join(_MONTHS).split(), key=len, reverse=True)) + r")(?![^\W\d_])\.?"
_WORDS: Final[Mapping[str, str]] = {
    "deux": "2", "trois": "3", "quatre": "4", "cinq": "5", "six": "6", "sept": "7", "huit": "8", "neuf": "9", "dix": "10", "onze": "11", "douze": "12", "quinze": "15",
    "vingt": "20", "trente": "30", "quarante": "40", "cinquante": "50", "soixante": "60", "cent": "100", "mille": "1000",
    "two": "2", "three": "3", "four": "4", "five": "5", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15",
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "hundred": "100", "thousand": "1000",
    "demi": "1/2", "demie": "1/2", "half": "1/2", "tiers": "1/3", "quart": "1/4", "quarter": "1/4", "double": "x2", "triple": "x3", "twice": "2", "thrice": "3",
    "once": "1", "un": "1", "une": "1", "one": "1",
}  # fmt: skip
# One is a number only with a unit or a rhythm behind it.
_ONE: Final = frozenset({"un", "une", "one", "once"})
_FREQUENCIES: Final = {"bid": 2, "tid": 3, "qid": 4, "tds": 3, "qds": 4}
_NOT_INSIDE: Final = r"(?<![\w])"
_FOUND: Final = re.compile(
    rf"(?P<code>{_NOT_INSIDE}(?![xX][0-9])[^\W\d_]++(?:-(?=[0-9]{{1,2}}(?![0-9]|[.,][0-9])))?[0-9][0-9A-Za-z]*)"
    r"|(?P<iso>(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9]))"
    r"|(?P<date>(?<![0-9/.])(?P<one>[0-9]{1,2})(?P<dot>[/.-])(?P<two>[0-9]{1,2})(?P=dot)(?P<year>[0-9]{4}|[0-9]{2})(?![0-9]))"
    rf"|(?P<day>(?<![0-9])(?P<d1>[0-9]{{1,2}})(?:er|st|nd|rd|th)?[ {_FIXED}](?i:(?P<m1>{_MONTH}))(?:,?[ {_FIXED}](?P<y1>[0-9]{{4}})(?![0-9]|-[0-9]))?)"
    rf"|(?P<month>{_NOT_INSIDE}(?i:(?P<m2>{_MONTH}))[ {_FIXED}](?P<d2>[0-9]{{1,2}})(?![0-9/]|[.,][0-9])(?:st|nd|rd|th)?(?:,?[ ](?P<y2>[0-9]{{4}})(?![0-9]))?)"
    rf"|(?P<time>(?<![0-9])(?P<hour>[0-9]{{1,2}})(?::|[ {_FIXED}]?[hH][ {_FIXED}]?)(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?(?![0-9\w]))"
    rf"|(?P<quantity>(?P<than>[<>≤≥]=?[ {_FIXED}]?)?(?P<sign>(?<![\w)\]])[-\u2212+])?(?P<chain>{_NUMBER}(?:(?:{_BETWEEN})[-\u2212+]?{_NUMBER}(?![ ]?[hH:][0-9]{{2}})){{0,4}}"
    rf"|(?<![\w.,])[.,][0-9]++))"
    rf"|(?P<word>{_NOT_INSIDE}(?i:{'|'.join(sorted([*_WORDS, *_FREQUENCIES], key=len, reverse=True))})(?![\w]))"
    rf"|(?P<rate>{_NOT_INSIDE}(?i:{RATE_WORDS})(?![\w]))"
    rf"|(?P<alone>(?<![\w/])(?:{ALONE}))"
)
_SPACE: Final = re.compile(rf"[ \t{_FIXED}]{{0,2}}-?")
_GLUED: Final = re.compile(r"[^\W_]++")
_EACH: Final = re.compile(rf"{_NUMBER}|[.,][0-9]++")
_SCIENTIFIC: Final = re.compile(r"(?P<head>[^eE×x*·]+?)[ ]?(?:[eE]|[×x*·][ ]?10\^?)(?P<power>[-+\u2212⁺⁻]?[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4})")
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3}){2,}")
_TWO_WAYS: Final = re.compile(r"[1-9][0-9]{0,2}[, ][0-9]{3}")
_DECIMAL: Final = re.compile(r"[0-9]*[.,]?[0-9]+")
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻\u2212", "0123456789+--")
_RANGE: Final = frozenset("-–—\u2011àa") | {"to"}
_MOST_POWER: Final = 40
# A digit in these is part of the name of what is measured, not a measurement.
_NAMED: Final = frozenset(
    ["spo2", "sao2", "svo2", "pao2", "paco2", "fio2", "etco2", "pco2", "po2", "co2", "o2", "h2o", "hba1c", "vo2", "ph2o"]
)


def quantities(text: str) -> Iterator[Span]:
    """Numbers, ranges, fractions, dates, times, codes like `L4`, and units that stand alone, in the order of the text."""
    place = 0
    while (found := _FOUND.search(text, place)) is not None:
        span = _READERS[str(found.lastgroup)](found)
        if span is not None:
            yield span
        place = max(found.end(), span.end if span else 0)


def meaning(number: str) -> str:
    """One spelling for one value: no superfluous zeros, a decimal point; what can be read in two ways stays in brackets."""
    number = number.replace("\u2212", "-")
    if any(sign in number for sign in "eE×x*·") and (power := _SCIENTIFIC.fullmatch(number)) is not None:
        return _scaled(meaning(power["head"].strip()), int(power["power"].translate(_RAISED)))
    for space in _FIXED + "'’":
        number = number.replace(space, "")
    if _TWO_WAYS.fullmatch(number):
        return f"[{number}]"
    if _THOUSANDS.fullmatch(number):
        number = number.replace(",", "")
    return _plain(number.replace(",", ".")) if _DECIMAL.fullmatch(number) else f"[{number}]"


def _plain(number: str) -> str:
    whole, _, rest = number.partition(".")
    whole, rest = whole.lstrip("0") or "0", rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def _scaled(number: str, power: int) -> str:
    if number.startswith("[") or abs(power) > _MOST_POWER or len(number) > _MOST_POWER:
        return f"[{number}e{power}]"
    return _plain(format(Decimal(number).scaleb(power), "f"))


def _quantity(found: re.Match[str]) -> Span:
    than, sign = (
        (found["than"] or "").strip().replace("<=", "≤").replace(">=", "≥"),
        (found["sign"] or "").replace("\u2212", "-").strip("+"),
    )
    return _with_unit(found.string, found.start(), found.end(), than + sign, _chain(found["chain"]))


def _word(found: re.Match[str]) -> Span | None:
    word = fold(found["word"])
    if word in _FREQUENCIES:
        return Span(found.start(), found.end(), "number", f"number:{_FREQUENCIES[word]}|/d")
    span = _with_unit(found.string, found.start(), found.end(), "", _WORDS[word])
    return None if word in _ONE and span.key.endswith(("|", "|x")) else span


def _rate(found: re.Match[str]) -> Span:
    return Span(found.start(), found.end(), "unit", f"unit:{rate(found[0])}")


def _with_unit(text: str, start: int, end: int, before: str, value: str) -> Span:
    """The number and what stands behind it: a unit, letters that make it a code, or nothing."""
    space = _SPACE.match(text, end)
    unit = unit_at(text, end) or (unit_at(text, space.end()) if space else None)
    if unit is None and (glued := _GLUED.match(text, end)) is not None:
        return Span(start, glued.end(), "number", f"code:{fold(text[start : glued.end()])}")
    name = unit.name if unit else ""
    return Span(start, unit.end if unit else end, "number", f"number:{before}{value}|{name}", loose=_loose(before, value, unit))


def _chain(chain: str) -> str:
    """Numbers and what is between them, each in its one spelling."""
    said, last = "", 0
    for number in _EACH.finditer(chain):
        between = chain[last : number.start()].strip()
        said += ("–" if between in _RANGE else between.replace("+/-", "±").replace("+/\u2212", "±")) + meaning(number[0])
        last = number.end()
    return said


def _loose(before: str, value: str, unit: Unit | None) -> tuple[str, ...]:
    """The same amount in another unit, then the same digits; a single digit without unit hints at nothing."""
    values = _readings(value)
    sure = values if "," not in value else ()
    amounts = [f"amount:{before}{_scaled(one, unit.power)}|{unit.base}" for one in sure if unit and _DECIMAL.fullmatch(one)]
    digits = [f"value:{before}{one}" for one in values if unit or len(one) > 1]
    return (*amounts, *digits)


def _readings(value: str) -> tuple[str, ...]:
    if not (value.startswith("[") and _TWO_WAYS.fullmatch(value[1:-1])):
        return (value,)
    joined = re.sub("[, ]", "", value[1:-1])
    return (value, joined, _plain(value[1:-1].replace(",", "."))) if "," in value else (value, joined)


def _code(found: re.Match[str]) -> Span | None:
    name = fold(found[0])
    return None if name in _NAMED else Span(found.start(), found.end(), "number", f"code:{name}", loose=(f"code:{name.replace('-', '')}",))


def _iso(found: re.Match[str]) -> Span:
    year, month, day = (int(part) for part in found[0].split("-"))
    return _date(found, f"{year}-{month}-{day}")


def _numeric_date(found: re.Match[str]) -> Span:
    one, two, year = int(found["one"]), int(found["two"]), int(found["year"])
    day, month = (two, one) if two > 12 else (one, two)  # noqa: PLR2004 - the months of a year
    if (one != two and one <= 12 and two <= 12) or len(found["year"]) == 2:  # noqa: PLR2004
        return _date(found, f"[{one}/{two}/{year}]", f"{year}-{two}-{one}", f"{year}-{one}-{two}")
    return _date(found, f"{year}-{month}-{day}")


def _named_date(found: re.Match[str]) -> Span:
    day, month, year = (found["d1"], found["m1"], found["y1"]) if found["day"] else (found["d2"], found["m2"], found["y2"])
    name = fold(month).rstrip(".")
    number = _MONTH_NUMBERS.get(name[:4]) or _MONTH_NUMBERS[name[:3]]
    return _date(found, f"{year or ''}-{number}-{int(day)}")


def _date(found: re.Match[str], key: str, *loose: str) -> Span:
    return Span(found.start(), found.end(), "number", f"date:{key}", loose=tuple(f"day:{one}" for one in (key, *loose)))


def _time(found: re.Match[str]) -> Span:
    second = int(found["second"] or 0)
    return Span(found.start(), found.end(), "number", f"time:{int(found['hour'])}:{found['minute']}:{second}")


def _alone(found: re.Match[str]) -> Span | None:
    unit = unit_at(found.string, found.start())
    return Span(found.start(), unit.end, "unit", f"unit:{unit.name}") if unit is not None and stands_alone(unit) else None


_READERS: Final[Mapping[str, Callable[[re.Match[str]], Span | None]]] = {
    "code": _code, "iso": _iso, "date": _numeric_date, "day": _named_date, "month": _named_date, "time": _time,
    "quantity": _quantity, "word": _word, "rate": _rate, "alone": _alone,
}  # fmt: skip
