"""Photographs and files in the database: what is known of each, and what it shows of a case, a step or a sample."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.casework.photographs import StoredFile
from gridmgmt.casework.transitions import ANSWERING, OPENING
from gridmgmt.database import tables as t
from gridmgmt.database.copying import rows

COLUMNS = (
    "sha256", "media_type", "n_bytes", "width", "height", "taken_at", "taken_at_zone_known", "exif_lon", "exif_lat",
)  # fmt: skip


@dataclass(frozen=True)
class About:
    """What a file is attached to: a case, one of its steps, or a sample."""

    case_id: int | None = None
    step_seq: int | None = None
    sample_no: str | None = None


@dataclass(frozen=True)
class Attachment:
    """A file and what it shows (附件).

    Attributes
    ----------
    no
        Number of the case or sample.
    place, at
        Lon, lat of the case or sample as it stands now; when the step was
        taken or the sample looked at. None where they are not known.
    """

    id: int
    file: StoredFile
    no: str | None
    about: About
    kind: str
    caption: str | None
    actor: str
    known_at: dt.datetime
    place: tuple[float, float] | None
    at: dt.datetime | None


def save_files(connection: Connection, files: Iterable[StoredFile]) -> None:
    """Note files; known ones stay as they are. In the order of their hashes, so that two writers cannot block."""
    values = [{name: getattr(f, name) for name in COLUMNS} for f in files]
    if values:
        by_hash = sorted({v["sha256"]: v for v in values}.values(), key=lambda v: str(v["sha256"]))
        connection.execute(insert(t.stored_file).values(by_hash).on_conflict_do_nothing())


def file(connection: Connection, sha256: str) -> StoredFile | None:
    """A file by its SHA-256."""
    found = connection.execute(_FILES.where(t.stored_file.c.sha256 == sha256)).mappings().one_or_none()
    return StoredFile(**found) if found else None


def is_attached(connection: Connection, sha256: str) -> bool:
    """Whether a case or sample that is to be seen has the file."""
    found = select(t.attachment.c.id).where(t.attachment.c.sha256 == sha256).limit(1)
    return connection.execute(found).first() is not None


def known(connection: Connection, hashes: Collection[str]) -> set[str]:
    """Those of some SHA-256 under which a file is kept."""
    f = t.stored_file.c.sha256
    return set(connection.execute(select(f).where(f.in_(list(hashes)))).scalars())


def all_files(connection: Connection) -> list[StoredFile]:
    """Every file that the database knows, by SHA-256."""
    return [StoredFile(**r) for r in connection.execute(_FILES.order_by(t.stored_file.c.sha256)).mappings()]


_FILES = select(*(t.stored_file.c[name] for name in COLUMNS))


def count(connection: Connection, about: About) -> int:
    """How many attachments a step (or the case as a whole, or a sample) has."""
    a = t.attachment.c
    same = (
        a.case_id.is_not_distinct_from(about.case_id),
        a.step_seq.is_not_distinct_from(about.step_seq),
        a.sample_no.is_not_distinct_from(about.sample_no),
    )
    return int(connection.execute(select(func.count()).select_from(t.attachment).where(*same)).scalar_one())


def add(
    connection: Connection, sha256: str, about: About, kind: str, caption: str | None, actor: str
) -> tuple[int, bool]:
    """Attach a file; gives the attachment's id, and whether it is new: the same once more adds nothing."""
    values = {"sha256": sha256, "kind": kind, **vars(about)}
    added = insert(t.attachment).values(**values, caption=caption, actor=actor).on_conflict_do_nothing()
    new = connection.execute(added.returning(t.attachment.c.id)).scalar()
    if new is not None:
        return int(new), True
    same = [t.attachment.c[name].is_not_distinct_from(value) for name, value in values.items()]
    return int(connection.execute(select(t.attachment.c.id).where(*same)).scalar_one()), False


def attached(
    connection: Connection,
    *,
    ids: Sequence[int] | None = None,
    case_no: str | None = None,
    sample_no: str | None = None,
) -> list[Attachment]:
    """Attachments by their ids, of a case or of a sample, in the order in which they came."""
    params = {"ids": list(ids) if ids is not None else None, "case_no": case_no, "sample_no": sample_no}
    return [_attachment(r) for r in rows(connection, "casework/store/attachments", **params)]


@dataclass(frozen=True)
class Lacking:
    """An answer without photographs (缺照片的答复): which of ``before`` and ``after`` it lacks, and whose it is."""

    case_id: int
    case_no: str
    step: int
    at: dt.datetime
    unit_code: str | None
    lacks: tuple[str, ...]
    is_void: bool


def lacking(
    connection: Connection,
    *,
    ids: Collection[int] | None = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
) -> list[Lacking]:
    """The answers without a photograph before or after handling, of some cases or given in [start, end), by case."""
    params = {
        "ids": list(ids) if ids is not None else None, "start": start, "end": end,
        "opening": list(OPENING), "answering": list(ANSWERING),
    }  # fmt: skip
    out = []
    for r in rows(connection, "casework/store/answers_without_photographs", **params):
        lacks = tuple(kind for kind in ("before", "after") if not r[f"has_{kind}"])
        void = r["voided_at"] is not None
        if lacks:
            out.append(Lacking(r["case_id"], r["case_no"], r["seq"], r["at"], r["unit_code"], lacks, void))
    return out


def _attachment(r: Any) -> Attachment:
    return Attachment(
        r["id"], StoredFile(**{name: r[name] for name in COLUMNS}), r["no"],
        About(r["case_id"], r["step_seq"], r["sample_no"]), r["kind"], r["caption"], r["actor"], r["known_at"],
        (r["lon"], r["lat"]) if r["lon"] is not None and r["lat"] is not None else None, r["at"],
    )  # fmt: skip
