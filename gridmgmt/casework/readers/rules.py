"""How often and how long a city allows what (办理规则): ``data/casework.yaml`` → rules."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from gridmgmt.casework.cases import Limits
from gridmgmt.files import data_files
from gridmgmt.settings import data_path


@dataclass(frozen=True)
class Rules:
    """The city's numbers on extension, postponement, exposure; whether an answer needs photographs (处置前后照片)."""

    limits: Limits
    exposed_at_failure: int
    answers_need_photographs: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    extensions: int = Field(ge=0, le=100)
    postponements: int = Field(ge=0, le=100)
    postponement_days: int = Field(ge=1, le=3660)
    exposed_at_failure: int = Field(ge=1, le=100)
    answers_need_photographs: bool = False


def rules() -> Rules:
    """What ``data/casework.yaml`` says.

    Raises
    ------
    DataFileInvalid
    """
    found = data_files.read(data_path("casework.yaml"), _File)
    limits = Limits(found.extensions, found.postponements, found.postponement_days)
    return Rules(limits, found.exposed_at_failure, found.answers_need_photographs)
