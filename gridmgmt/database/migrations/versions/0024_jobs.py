"""Jobs: what was asked for to be done beside a request, and the queue that hands it to a worker."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    here, connection = Path(__file__), op.get_bind()
    before = connection.exec_driver_sql("SHOW search_path").scalar_one()
    connection.exec_driver_sql("CREATE SCHEMA queue")
    connection.exec_driver_sql("SET LOCAL search_path TO queue")
    plain = connection.execution_options(no_parameters=True)  # a percent sign is one
    plain.exec_driver_sql(SchemaManager.get_schema())  # as the pinned release ships it
    connection.exec_driver_sql(f"SET LOCAL search_path TO {before}")
    connection.exec_driver_sql(here.with_suffix(".sql").read_text("utf-8"))
