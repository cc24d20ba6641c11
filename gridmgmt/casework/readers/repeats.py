"""Rules of repeat cases (重复案件规则) and of suspected duplicates (疑似重复规则), as data files."""

from pathlib import Path

from gridmgmt.casework.repeats import Rule, SuspectRule
from gridmgmt.errors import RepeatRuleMissing
from gridmgmt.files import data_files
from gridmgmt.settings import data_path

SUSPECTS = "suspects"


def rule(name: str) -> Rule:
    """A rule by its id in ``data/repeats`` or by the path of a YAML file.

    Raises
    ------
    RepeatRuleMissing, DataFileInvalid
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else data_path("repeats", f"{name}.yaml")
    if name == SUSPECTS or not path.is_file():
        known = sorted(p.stem for p in data_path("repeats").glob("*.yaml") if p.stem != SUSPECTS)
        raise RepeatRuleMissing(name=name, known=known)
    return data_files.read(path, Rule)


def suspect_rule() -> SuspectRule:
    """The city's rule of suspected duplicates.

    Raises
    ------
    DataFileInvalid
    """
    return data_files.read(data_path("repeats", f"{SUSPECTS}.yaml"), SuspectRule)
