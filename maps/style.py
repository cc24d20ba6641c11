"""Classes of a map (分级): limits, colours and the words that state them.

A class runs from its lower limit, included, to its upper limit, excluded.
Limits are rounded first and used as rounded, so the legend states exactly what
was compared. "No data" is no class: it has a hatch of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from gridmgmt.errors import OptionInvalid
from gridmgmt.texts import LANGUAGES, expected, word

Text = Mapping[str, str]
"""One text in all languages: ``{"zh": …, "en": …}``."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Breaks = Literal["quantile", "equal", "log"] | Sequence[float]
Grade = tuple[float, str, str]
"""A band of a rulebook: lower limit (included), Chinese and English name."""

_N_CLASSES = 5
_MAX_CLASSES = 9
_KM2_FROM_M2 = 1e5
_MOST_DECIMALS = 9

# ColorBrewer 2.0 (Brewer, Harrower): all three are safe for colour-blind readers.
_MORE = ("#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494")  # YlGnBu: darker = more, neither good nor bad
WORSE = ("#ffffd4", "#fed98e", "#fe9929", "#d95f0e", "#993404")  # YlOrBr: darker and warmer = worse; prints in grey
GRADES = ("#2c7bb6", "#abd9e9", "#ffffbf", "#fdae61", "#d7191c")  # RdYlBu: best blue, worst red
HEAT = ("#ffffb2", "#fed976", "#feb24c", "#fd8d3c", "#f03b20", "#bd0026")  # YlOrRd: darker = more cases

_RAMPS = {None: _MORE, "low": WORSE, "high": WORSE[::-1]}
_DECIMALS = {"rate": 3, "score": 1, "density": 1, "count": 0}


@dataclass(frozen=True)
class Measure:
    """What a map shows (指标): its names, its unit, and which end is better.

    Attributes
    ----------
    unit
        ``rate`` (a share in 0–1, shown in per cent), ``count``, ``score`` or ``density`` (per km²).
    better
        ``high``, ``low``, or None where neither end is good or bad.
    """

    name: str
    zh: str
    en: str
    unit: Literal["rate", "count", "score", "density"]
    better: Literal["high", "low"] | None = None


@dataclass(frozen=True)
class Classes:
    """The classes of one level, lowest first.

    Attributes
    ----------
    limits
        Between the classes, ascending: one fewer than classes.
    colours, labels
        One per class; a label states the class's range.
    how
        How the limits were made.
    names
        Of the grades, where the classes are grades.
    fixed
        The limits were given, or are a rulebook's: a legend lists the empty classes too.
    """

    limits: tuple[float, ...]
    colours: tuple[str, ...]
    labels: tuple[Text, ...]
    how: Text
    names: tuple[Text, ...] = ()
    fixed: bool = False

    def index(self, values: Floats) -> Ints:
        """Class of each value, 0 = lowest limits; -1 = no data. A value on a limit belongs above it."""
        found = np.searchsorted(np.asarray(self.limits, dtype=float), values, side="right")
        return np.where(np.isnan(values) | (len(self.colours) == 0), -1, found).astype(np.int64)

    def sizes(self, values: Floats) -> list[int]:
        """How many values each class holds; those without data are in none."""
        index = self.index(values)
        return [int(n) for n in np.bincount(index[index >= 0], minlength=len(self.colours))]


def text(code: str, **facts: object) -> Text:
    """An entry of the catalogue in every language."""
    return {lang: word(code, facts, lang) for lang in LANGUAGES}


def ramp(colours: Sequence[str], n: int) -> tuple[str, ...]:
    """Take ``n`` colours evenly from a ramp, mixing neighbours in RGB; one colour is the middle."""
    rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], dtype=float)
    at = np.linspace(0, len(colours) - 1, n) if n > 1 else np.array([(len(colours) - 1) / 2] * n)
    mixed = np.stack([np.interp(at, range(len(colours)), rgb[:, i]) for i in range(3)], axis=1)
    return tuple("#" + "".join(f"{round(x):02x}" for x in row) for row in mixed)


def show_number(value: float, unit: str, decimals: int | None = None) -> str:
    """Word a value: 0.9372 → ``93.72%``, 12345 → ``12,345``; ``decimals`` are those of the value itself."""
    if unit == "rate":
        return f"{100 * value:.{2 if decimals is None else max(0, decimals - 2)}f}%"
    if decimals is None:
        decimals = 0 if unit == "count" and float(value).is_integer() else 2
    return f"{value:,.{decimals}f}"


def show_area(area_m2: float) -> str:
    """Word an area: ``8.13 km²`` from a tenth of a square kilometre on, else ``4,526 m²``."""
    return f"{area_m2 / 1e6:,.2f} km²" if area_m2 >= _KM2_FROM_M2 else f"{area_m2:,.0f} m²"


def show_ranked(values: Floats, ranks: Floats, unit: str) -> list[str]:
    """Words for values beside their ranks: where two ranks would read the same, both get the digits that part them."""
    texts = [show_number(x, unit) for x in values]
    alike: dict[str, list[int]] = {}
    for i, told in enumerate(texts):
        alike.setdefault(told, []).append(i)
    for members in alike.values():
        n = len(np.unique(ranks[members]))
        decimals = 4 if unit == "rate" else 2
        while n > len({texts[i] for i in members}) and decimals < _MOST_DECIMALS:
            decimals += 1
            for i in members:
                texts[i] = show_number(values[i], unit, decimals)
    return texts


def classify(
    values: Floats,
    measure: Measure,
    breaks: Breaks = "quantile",
    grades: Sequence[Grade] = (),
    colours: Sequence[str] = (),
) -> Classes:
    """Divide the values of one level into classes (分级); zero, where it is frequent or counted, is a class of its own.

    Parameters
    ----------
    values
        One per grid, NaN = no data.
    breaks
        ``quantile`` (about as many grids in each class), ``equal`` (classes of
        equal width), ``log`` (each limit a multiple of the one before), or the
        inner limits themselves, ascending. With few distinct values the three
        methods give fewer classes; given limits keep theirs, empty or not. Of
        whole counts a value that would fill a class is one: 0, 1, 2, 3 – 9.
    grades
        Bands of a rulebook, in any order; they replace ``breaks``.
    colours
        Ramp from the lowest value to the highest; by default the one that fits ``measure.better``.

    Raises
    ------
    OptionInvalid
        An unknown method, or limits that do not ascend or are too many.
    """
    if grades:
        return _graded(measure, grades)
    known = values[~np.isnan(values)]
    colours = colours or _RAMPS[measure.better]
    if not isinstance(breaks, str):
        limits = _checked(breaks, "breaks")
        decimals = _decimals(np.array(limits), measure.unit)
        how = text("map_how_given", n=len(limits) + 1)
        return Classes(limits, ramp(colours, len(limits) + 1), _open_labels(limits, measure, decimals), how, fixed=True)
    if breaks not in _METHODS:
        raise OptionInvalid(name="breaks", value=breaks, expected=", ".join(_METHODS))
    if not len(known):
        return Classes((), (), (), text("map_how_none"))
    limits, decimals = _computed(known, measure.unit, breaks)
    how = text(f"map_how_{breaks}", n=len(limits) + 1)
    if limits and _is_zero_apart(known, measure.unit):
        how = {lang: how[lang] + word("map_how_zero", lang=lang) for lang in LANGUAGES}
    labels = _closed_labels(limits, known, measure, decimals)
    return Classes(limits, ramp(colours, len(limits) + 1), labels, how)


def _computed(known: Floats, unit: str, breaks: str) -> tuple[tuple[float, ...], int]:
    """Limits by a method, rounded, and their decimals; zero apart, its limit the least value above it."""
    apart = _is_zero_apart(known, unit)
    values, n = (known[known > 0], _N_CLASSES - 1) if apart else (known, _N_CLASSES)
    if not len(values):
        return (), _DECIMALS[unit]
    if breaks == "quantile" and _is_whole(values, unit):
        raw = _steps(values, n)
    else:
        raw = np.unique(_METHODS[breaks](values, n))
    decimals = _decimals(raw, unit)
    rounded = np.unique(np.round(raw, decimals))
    limits = rounded[(rounded > values.min()) & (rounded <= values.max())]
    if breaks == "quantile":
        limits = _filled(limits, values)
    if apart:
        zero, decimals = _above_zero(float(values.min()), decimals)
        limits = np.array([zero, *limits])
    return tuple(limits.tolist()), decimals


def _is_whole(values: Floats, unit: str) -> bool:
    return unit == "count" and bool((values % 1 == 0).all())


def _is_zero_apart(known: Floats, unit: str) -> bool:
    """Zero is a class of its own: of counts wherever it occurs, of rates and densities where it would fill one."""
    n = int((known == 0).sum())
    if unit == "score" or not n or known.min() < 0:
        return False
    return unit == "count" or n * _N_CLASSES >= len(known)


def _above_zero(least: float, decimals: int) -> tuple[float, int]:
    """The limit between zero and the least value above it, with as many decimals as it needs not to be zero."""
    while True:
        limit = float(np.floor(least * 10.0**decimals) / 10.0**decimals)
        if limit > 0 or decimals > _MOST_DECIMALS:
            return (limit or least), decimals
        decimals += 1


def _steps(values: Floats, n: int) -> Floats:
    """Limits of whole counts: from the least value up, each class takes values until it holds its part of the rest."""
    found, counts = np.unique(values, return_counts=True)
    if len(found) <= n:
        return np.asarray(found[1:], dtype=float)
    limits, start = [], 0
    for left in range(n, 1, -1):
        held = np.cumsum(counts[start:])
        start += int(np.searchsorted(held, held[-1] / left)) + 1
        if start >= len(found):
            break
        limits.append(found[start])
    return np.asarray(limits, dtype=float)


def _filled(limits: Floats, values: Floats) -> Floats:
    """The limits without those that would leave a class empty."""
    held = np.bincount(np.searchsorted(limits, values, side="right"), minlength=len(limits) + 1)
    return limits[held[:-1] > 0] if len(limits) else limits


_METHODS: dict[str, Callable[[Floats, int], Floats]] = {
    "quantile": lambda x, n: np.quantile(x, np.linspace(0, 1, n + 1)[1:-1]),
    "equal": lambda x, n: np.linspace(x.min(), x.max(), n + 1)[1:-1],
    "log": lambda x, _: _series(np.geomspace(max(x.min(), 1), max(x.max(), 1), len(HEAT) + 1)[1:-1]),
}


def _series(values: Floats) -> Floats:
    """The nearest members of 1, 2, 5, 10, 20, 50 …"""
    power = 10.0 ** np.floor(np.log10(values))
    steps = np.array([1.0, 2.0, 5.0, 10.0])
    nearest = np.abs(np.log(values / power)[:, None] - np.log(steps)).argmin(axis=1)
    return np.asarray(steps[nearest] * power, dtype=float)


def _checked(limits: Sequence[float], name: str) -> tuple[float, ...]:
    """Limits as floats; they must ascend and leave at most _MAX_CLASSES classes."""
    found = tuple(float(x) for x in limits)
    if not 0 < len(found) < _MAX_CLASSES or not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        raise OptionInvalid(name=name, value=list(found), expected=expected("ascending", most=_MAX_CLASSES - 1))
    return found


def _decimals(limits: Floats, unit: str) -> int:
    """Fewest decimals, from the unit's usual ones, at which no two limits become one."""
    usual = _DECIMALS[unit]
    return next((d for d in range(usual, usual + 4) if len(np.unique(np.round(limits, d))) == len(limits)), usual + 4)


def _same(label: str) -> Text:
    return dict.fromkeys(LANGUAGES, label)


def _closed_labels(limits: tuple[float, ...], known: Floats, measure: Measure, decimals: int) -> tuple[Text, ...]:
    """``lowest – limit``, … from the least value to the greatest; whole numbers name their last member."""
    scale = 10.0**decimals
    ends = [np.floor(known.min() * scale) / scale, *limits, np.ceil(known.max() * scale) / scale]
    whole = _is_whole(known, measure.unit) and decimals == 0
    labels = []
    for i, (low, high) in enumerate(pairwise(ends)):
        last = high - 1 if whole and i < len(limits) else high
        shown = [show_number(float(x), measure.unit, decimals) for x in (low, last)]
        if not i and limits and not known[known < high].any():
            shown[1] = shown[0]  # zero alone
        labels.append(_same(shown[0] if shown[0] == shown[1] else " – ".join(shown)))
    return tuple(labels)


def _open_labels(limits: tuple[float, ...], measure: Measure, decimals: int) -> tuple[Text, ...]:
    """``< limit``, ``limit – limit``, …, ``≥ limit``: the same for every map that is given these limits."""
    shown = [show_number(x, measure.unit, decimals) for x in limits]
    between = [f"{a} – {b}" for a, b in pairwise(shown)]
    return tuple(_same(x) for x in (f"< {shown[0]}", *between, f"≥ {shown[-1]}"))


def _graded(measure: Measure, grades: Sequence[Grade]) -> Classes:
    """Bands of a rulebook: the lowest band takes all that is below the others."""
    bands = sorted(grades, key=lambda band: band[0])
    if len(bands) == 1:
        raise OptionInvalid(name="grades", value=1, expected=expected("two_bands"))
    limits = _checked([band[0] for band in bands[1:]], "grades")
    labels = _open_labels(limits, measure, _decimals(np.array(limits), measure.unit))
    names = tuple({"zh": zh, "en": en} for _, zh, en in bands)
    return Classes(
        limits, ramp(GRADES, len(bands))[::-1], labels, text("map_how_grades", n=len(bands)), names, fixed=True
    )
