"""What is done for each kind of job (任务内容): one use case, as the command calls it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridmgmt.assessing.operations import appeals, recomputing, scoring
from gridmgmt.database.work import Work
from gridmgmt.intake.operations import imports
from gridmgmt.jobs.kinds import (
    ActivationAsked,
    AssignmentAsked,
    CorrectionAsked,
    EditionAsked,
    ExportAsked,
    ImportAsked,
    Job,
    LayerAsked,
    RecomputeAsked,
    RetryAsked,
    ScoringAsked,
)
from gridmgmt.jobs.operations import lists
from gridmgmt.jobs.store import files
from gridmgmt.people.operations import assigning
from gridmgmt.periods import parse_period
from gridmgmt.places.contested import settlement
from gridmgmt.places.grids import GridColumns
from gridmgmt.places.operations import editions, layers


@dataclass(frozen=True)
class Made:
    """What came of a job; ``file``: the name of the file that was written; ``undone``: it was a dry run."""

    result: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    undone: bool = False


def _import(work: Work, root: Path, job: Job, _draft: Path) -> Made:
    asked = ImportAsked.model_validate(job.asked)
    with files.named(root, str(job.file_sha256), str(job.file)) as path:
        report = imports.import_file(
            work.but(keep=not asked.dry_run), path, asked.profile,
            source_as_of=asked.source_as_of, outside_ok=asked.outside_ok,
        )  # fmt: skip
    return Made(report.as_dict(), undone=asked.dry_run)


def _retry(work: Work, _root: Path, job: Job, _draft: Path) -> Made:
    reports = imports.retry_quarantine(work, RetryAsked.model_validate(job.asked).profile)
    return Made({"reports": [x.as_dict() for x in reports]})


def _assign(work: Work, _root: Path, job: Job, _draft: Path) -> Made:
    return Made(assigning.reassign(work, AssignmentAsked.model_validate(job.asked).edition))


def _score(work: Work, _root: Path, job: Job, _draft: Path) -> Made:
    asked = ScoringAsked.model_validate(job.asked)
    scoring.score(work, asked.rulebook, parse_period(asked.period), level=asked.level, as_of=asked.as_of)
    return Made()


def _recompute(work: Work, _root: Path, job: Job, _draft: Path) -> Made:
    asked = RecomputeAsked.model_validate(job.asked)
    return Made(recomputing.recompute(work, asked.assessment).plain)


def _correct(work: Work, _root: Path, job: Job, _draft: Path) -> Made:
    appeals.correct(work, CorrectionAsked.model_validate(job.asked).assessment)
    return Made()


def _export(work: Work, _root: Path, job: Job, draft: Path) -> Made:
    asked = ExportAsked.model_validate(job.asked)
    n = lists.write(work, asked, draft)
    return Made({"list": asked.list, "n": n, "filter": asked.told()}, f"{asked.list}-{job.id}.{asked.format}")


def _edition(work: Work, root: Path, job: Job, _draft: Path) -> Made:
    asked = EditionAsked.model_validate(job.asked)
    columns = GridColumns(
        asked.code, asked.level or "", asked.name, asked.name_en, next(iter(asked.parent), None), above=asked.parent[1:]
    )
    settled = settlement(asked.overlaps, job.login or work.writer.os_user, asked.why, asked.first)
    with files.unpacked(root, str(job.file_sha256)) as paths:
        made = editions.import_grids(
            work, [f"{path}:{layer}" for path in paths for layer in asked.layers] or [str(path) for path in paths],
            asked.edition, base=asked.base, crs=asked.crs, columns=columns, swap=asked.swap_xy,
            dissolve=asked.dissolve, settled=settled, replace=asked.replace, encoding=asked.encoding, source=job.file,
        )  # fmt: skip
    return Made(made.as_dict())


def _activate(work: Work, _root: Path, job: Job, _draft: Path) -> Made:
    asked = ActivationAsked.model_validate(job.asked)
    return Made(editions.activate(work, asked.edition, asked.from_, shrinks=asked.shrinks))


def _layer(work: Work, root: Path, job: Job, _draft: Path) -> Made:
    asked = LayerAsked.model_validate(job.asked)
    with files.named(root, str(job.file_sha256), str(job.file)) as path:
        report = layers.import_layer(
            work.but(keep=not asked.dry_run), path, asked.kind, name=asked.name, layer=asked.layer, crs=asked.crs,
            mapping=layers.mapping_of(asked.map), valid_from=asked.valid_from, number=asked.number,
            replace=asked.replace, encoding=asked.encoding,
        )  # fmt: skip
    return Made(report.as_dict(), undone=asked.dry_run)


DEEDS: Mapping[str, Callable[[Work, Path, Job, Path], Made]] = {
    "import": _import, "retry": _retry, "assignment": _assign, "scoring": _score, "recompute": _recompute,
    "correction": _correct, "export": _export, "edition": _edition, "activation": _activate, "layer": _layer,
}  # fmt: skip
"""Kind → what is done: the work, the files folder, the job, where its file is written."""
