"""The tables. Append-only are versions, assignments, batches and assessments; current state stands beside them.

``cases`` and ``samples`` hold the current version of each fact row with its
current grids and unit as plain columns; every version ever handed in stands in
``case_version`` / ``sample_version``, every assignment ever made in
``assignment``, each with ``known_at``, the moment the platform learnt of it.

Those large tables declare no foreign keys: PostgreSQL checks them row by row,
which took more than half of an import's time. Their ids are written by the one
transaction that read them, the rows they name are never deleted, and a test
looks for orphans.
"""

from gridmgmt.database.tables.access import *  # noqa: F403
from gridmgmt.database.tables.actors import *  # noqa: F403
from gridmgmt.database.tables.assessing import *  # noqa: F403
from gridmgmt.database.tables.base import *  # noqa: F403
from gridmgmt.database.tables.casework import *  # noqa: F403
from gridmgmt.database.tables.cells import *  # noqa: F403
from gridmgmt.database.tables.facts import *  # noqa: F403
from gridmgmt.database.tables.inspections import *  # noqa: F403
from gridmgmt.database.tables.jobs import *  # noqa: F403
from gridmgmt.database.tables.layers import *  # noqa: F403
from gridmgmt.database.tables.live import *  # noqa: F403
from gridmgmt.database.tables.people import *  # noqa: F403
from gridmgmt.database.tables.reference import *  # noqa: F403
from gridmgmt.database.tables.reporting import *  # noqa: F403
