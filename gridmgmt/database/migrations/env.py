"""Alembic's entry: migrate over the connection that the caller opened."""

from typing import Any

from alembic import context

from gridmgmt.database.tables import metadata


def include_object(obj: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """PostGIS's own tables are not ours to compare."""
    return not (kind == "table" and reflected and compare_to is None and name == "spatial_ref_sys")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=include_object,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
