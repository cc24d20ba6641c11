"""The city's time-limit table (时限表): imported as a whole; its figures are added to, never changed."""

from pathlib import Path

from sqlalchemy import Engine

from gridmgmt.errors import TimeLimitContradicts
from gridmgmt.operations.database import snapshot, transaction
from gridmgmt.readers.time_limits import read_limits
from gridmgmt.store import cities, facts
from gridmgmt.store import time_limits as store
from gridmgmt.time_limits import TimeLimit, contradiction


def import_limits(engine: Engine, path: Path) -> int:
    """Import time limits; gives how many rows were new or had their last day or words corrected.

    Raises
    ------
    TableInvalid, TableRefused
        Rows are wrong; nothing is imported.
    TimeLimitContradicts
        The table states another figure from the same day on: a change needs a later valid_from.
    """
    with transaction(engine) as connection:
        facts.lock(connection)
        rows = read_limits(path, set(cities.unit_ids(connection)))
        found = contradiction(rows, store.load(connection))
        if found is not None:
            row, stated, given = found
            raise TimeLimitContradicts(
                category=row.category, unit_code=row.unit_code, stage=row.stage, stated=stated, given=given,
                valid_from=row.valid_from.isoformat(),
            )  # fmt: skip
        batch_id = cities.new_batch(connection, "time_limits", file=path.name)
        return store.save(connection, rows, batch_id, cities.stamp_batch(connection, batch_id))


def list_limits(engine: Engine) -> list[TimeLimit]:
    """The table as it stands."""
    with snapshot(engine) as connection:
        return store.load(connection)
