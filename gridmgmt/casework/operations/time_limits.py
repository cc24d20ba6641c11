"""The city's time-limit table (时限表): imported as a whole; its figures are added to, never changed."""

from pathlib import Path

from gridmgmt.casework.readers.time_limits import read_limits
from gridmgmt.casework.store import time_limits as store
from gridmgmt.casework.time_limits import TimeLimit, contradiction
from gridmgmt.database import batches
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.errors import TimeLimitContradicts
from gridmgmt.people.store import units


@needs("reference.write", whole=True, by_worker=True)
def import_limits(work: Work, path: Path) -> int:
    """Import time limits; gives how many rows were new or had their last day or words corrected.

    Raises
    ------
    TableInvalid, TableRefused
        Rows are wrong; nothing is imported.
    TimeLimitContradicts
        The table states another figure from the same day on: a change needs a later valid_from.
    """
    with work.locked() as connection:
        rows = read_limits(path, set(units.unit_ids(connection)))
        found = contradiction(rows, store.load(connection))
        if found is not None:
            row, stated, given = found
            raise TimeLimitContradicts(
                category=row.category, unit_code=row.unit_code, stage=row.stage, stated=stated, given=given,
                valid_from=row.valid_from.isoformat(),
            )  # fmt: skip
        batch_id = batches.new_batch(connection, "time_limits", file=path.name)
        return store.save(connection, rows, batch_id, batches.stamp_batch(connection, batch_id))


@needs("grids.read")
def list_limits(work: Work) -> list[TimeLimit]:
    """The table as it stands."""
    with work.snapshot() as connection:
        return store.load(connection)
