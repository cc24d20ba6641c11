"""What other systems call fields and states, from ``data/intake/names.yaml``."""

from functools import cache

from gridmgmt.files import data_files
from gridmgmt.intake.proposing import Names
from gridmgmt.settings import data_path


@cache
def names() -> Names:
    """The names that are known.

    Raises
    ------
    DataFileInvalid
    """
    return data_files.read(data_path("intake", "names.yaml"), Names)
