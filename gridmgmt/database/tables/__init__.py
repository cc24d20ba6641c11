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

from gridmgmt.store.tables.assessing import *  # noqa: F403
from gridmgmt.store.tables.base import *  # noqa: F403
from gridmgmt.store.tables.casework import *  # noqa: F403
from gridmgmt.store.tables.facts import *  # noqa: F403
from gridmgmt.store.tables.inspections import *  # noqa: F403
from gridmgmt.store.tables.layers import *  # noqa: F403
from gridmgmt.store.tables.people import *  # noqa: F403
from gridmgmt.store.tables.reference import *  # noqa: F403
