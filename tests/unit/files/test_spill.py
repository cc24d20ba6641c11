"""What is put aside comes back in its order, some rows at a time, as often as it is asked for."""

from contextlib import closing

import pyarrow as pa
import pytest

from gridmgmt.files import spill

FORM = pa.schema({"a": pa.int64()})


def test_rows_come_back_in_their_order_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "BATCH_ROWS", 3)
    with closing(spill.Spill(FORM)) as aside:
        for part in ([1, 2, 3, 4], [], [5]):
            aside.add(pa.table({"a": part}, schema=FORM))
        for _ in range(2):
            assert [table["a"].to_pylist() for table in aside] == [[1, 2, 3], [4], [5]]
        assert aside.n == 5


def test_nothing_put_aside_is_nothing() -> None:
    with closing(spill.Spill(FORM)) as aside:
        assert list(aside) == []
