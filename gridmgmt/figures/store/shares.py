"""Road samples shared by length (按长度分摊), as they were drawn."""

from collections.abc import Sequence
from fractions import Fraction

from sqlalchemy import Connection, Text, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from gridmgmt.database import tables as t


def shares(connection: Connection, sample_nos: Sequence[str]) -> dict[str, dict[tuple[int, str], Fraction]]:
    """Samples that are shared by length: number → level and code of a grid → its share of the length drawn."""
    s = t.sample_share.c
    wanted = select(t.sample_share).where(s.sample_no == any_(literal(list(sample_nos), ARRAY(Text))))
    out: dict[str, dict[tuple[int, str], Fraction]] = {}
    for r in connection.execute(wanted.order_by(s.sample_no, s.level, s.grid_code)).mappings():
        out.setdefault(r["sample_no"], {})[r["level"], r["grid_code"]] = Fraction(r["length_mm"], r["total_mm"])
    return out
