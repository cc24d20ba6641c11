"""Points by bands of a rate or an input (分档)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from gridmgmt.documents import Exact, Id, Positive, Strict
from gridmgmt.files.wording import Words, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads
from gridmgmt.rulebooks.rates import Limited
from gridmgmt.rulebooks.results import NOTHING, Book, Node, numbers
from gridmgmt.rulebooks.wording import concat, limit_words, measured_title


class Band(Strict):
    """Points from a bound on; the bound is inclusive (以上), in percent for rates."""

    at_least: Exact
    points: Exact


class Bands(Limited):
    """Points by bands of a rate or an input (分档): the first bound that the value reaches, else 0."""

    kind: Literal["bands"]
    points: Positive
    rate: Id | None = None
    input: Annotated[Id | None, Reads()] = None
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _falling(self) -> "Bands":
        bounds = [b.at_least for b in self.bands]
        if bounds != sorted(set(bounds), reverse=True):
            raise ValueError("at_least must fall from the first band to the last")
        return self

    def _reached(self, value: Fraction, more: Mapping[str, Any]) -> Node:
        band = next((b for b in self.bands if value >= b.at_least), None)
        facts = numbers(amount=value, at_least=(band or self.bands[-1]).at_least)
        points, code = (band.points, "line_band") if band else (NOTHING, "line_below_bands")
        return self.node(points, code, facts, **more)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        def points(value: floats.Array) -> floats.Array:
            reached = [floats.holds(value, ">=", float(b.at_least)) for b in self.bands]
            return np.select(reached, [float(b.points) for b in self.bands], 0.0)

        return floats.limited(self, batch, points)

    def _words(self, book: Book) -> Words:
        pairs = [(limit_words(book, self.rate, b.at_least), exact(b.points)) for b in self.bands]
        bands = concat(*(words("show_band", at_least=x, points=p) for x, p in pairs), zh="，", en=", ")
        return self.told(book, of=measured_title(book, self), bands=bands)
