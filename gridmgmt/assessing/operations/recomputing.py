"""Recomputing (复算): an assessment again from its frozen inputs, held against all that is stored of it.

Under its own form every byte is compared: header, documents, hash. Under an older form the numbers are: totals, points,
grades, ranks and consequences, exactly; and what is stored must still give the hash that was recorded. In both the
evidence and who published. Whatever differs is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from gridmgmt.assessing.operations.proofs import EVIDENCE, stored_proof
from gridmgmt.assessing.operations.publishing import assess_again, code_in, frozen_dossier
from gridmgmt.assessing.store import assessments as store
from gridmgmt.assessing.store.assessments import Stored, StoredRow
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.documents import canonical, digest_of, plain
from gridmgmt.scorecards.assessment import Assessment
from gridmgmt.scorecards.documents import SCHEMA, Document, Header


@dataclass(frozen=True)
class Differs:
    """One thing that is stored and does not come out (``differs_…`` in the catalogue)."""

    code: str
    subject: str | None = None
    what: str | None = None
    stored: str | None = None
    again: str | None = None


@dataclass(frozen=True)
class Recomputed:
    """An assessment computed again: the hash it has, the one it gives now, and what differs.

    ``schema``: the form it is stored in; of an older one the hash is another and only the numbers must be the same.
    """

    name: str
    sha256: str
    again: str
    schema: str
    differences: tuple[Differs, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    @property
    def is_older(self) -> bool:
        """Whether it is stored in an older form than assessments are made in now."""
        return self.schema != SCHEMA

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        told = [{k: v for k, v in asdict(d).items() if v is not None} for d in self.differences]
        return {"assessment": self.name, "sha256": self.sha256, "again": self.again, "schema": self.schema,
                "same": self.is_same, "older": self.is_older, "differences": told}  # fmt: skip


@needs("results.read", whole=True, by_worker=True)
def recompute(work: Work, name: str) -> Recomputed:
    """Compute an assessment again (复算) from its rulebook text and inputs by value, without any later data.

    Raises
    ------
    AssessmentMissing, AssessmentFormOld, DossierMissing
    """
    with work.snapshot() as connection:
        stored = store.by_name(connection, name)
        dossier = frozen_dossier(connection, stored)
        made = assess_again(connection, stored, dossier)
        rows = store.stored_rows(connection, stored.id)
        found = [*_gone(dossier, made), *_results(stored, rows, made)]
        found += [*_proofs(connection, stored), *_publisher(connection, stored)]
    return Recomputed(stored.name, stored.sha256, made.sha256, stored.schema, tuple(found))


# --- results ----------------------------------------------------------------------------------------------------------


def _gone(dossier: Mapping[str, Any], made: Assessment[Header]) -> Iterator[Differs]:
    """Subjects of the frozen inputs that have no document any more."""
    told = {code_in(dossier, d) for d in made.subjects}
    yield from (Differs("subject", subject=code) for code in dossier["subjects"] if code not in told)


def _results(stored: Stored, rows: list[StoredRow], made: Assessment[Header]) -> Iterator[Differs]:
    """What stored numbers and bytes are not those that come out, and whether they are still those of the hash."""
    again = {d.subject.key: d for d in made.subjects}
    kept = digest_of(stored.stored_header, [r.document for r in rows])
    if kept != stored.sha256:
        yield Differs("hash", stored=stored.sha256, again=kept)
    if stored.schema == SCHEMA:
        yield from _keys("header", None, stored.stored_header, plain(made.header))
    for row in rows:
        if row.key in again:
            yield from _row(row, again[row.key], by_bytes=stored.schema == SCHEMA)


def _row(row: StoredRow, again: Document, *, by_bytes: bool) -> Iterator[Differs]:
    code = row.key[2]
    was = Document.model_validate(row.document)
    found = [*_numbers(code, was, again)]
    total = Fraction(again.total.exact) if again.total else None
    if (row.total, row.rank) != (total, again.place):
        found.append(Differs("column", code, "total, rank", f"{row.total}, {row.rank}", f"{total}, {again.place}"))
    yield from found
    if by_bytes and not any(d.code != "column" for d in found):
        yield from _keys("document", code, row.document, plain(again))


def _numbers(code: str, was: Document, again: Document) -> Iterator[Differs]:
    """Totals, grades, ranks, points and consequences that are others."""
    before, after = _told(was), _told(again)
    for what in sorted(before.keys() | after.keys()):
        if before.get(what) != after.get(what):
            name, _, item = what.partition(" ")
            yield Differs(name, code, item or None, _text(before.get(what)), _text(after.get(what)))


def _told(document: Document) -> dict[str, Any]:
    total, ranks = document.total, document.rank
    places = {"level": ranks.level, "siblings": ranks.siblings}
    return {
        "total": (total.exact, total.shown) if total else None,
        "grade": document.grade,
        **{f"rank {k}": (v.rank, v.of, v.tied) if v else None for k, v in places.items()},
        **{f"points {x.item}": x.points.exact if x.points else None for x in document.all_lines},
        **{f"consequence {c.consequence}": canonical(plain(c)) for c in document.consequences},
    }


def _keys(code: str, subject: str | None, was: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[Differs]:
    """The keys under which a stored part is not the same bytes."""
    for key in sorted(was.keys() | again.keys()):
        pair = [canonical(x.get(key)) for x in (was, again)]
        if pair[0] != pair[1] or (key in was) != (key in again):
            yield Differs(code, subject, key, *(p[:200] for p in pair))


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else " · ".join(map(str, value))


# --- what it rests on -------------------------------------------------------------------------------------------------


def _proofs(connection: Connection, stored: Stored) -> Iterator[Differs]:
    """Frozen facts that are not those that the header proves."""
    for kind, proof in stored.header.evidence.items():
        n, digests = stored_proof(connection, kind, stored.id)
        if n != proof.n:
            yield Differs("evidence", None, kind, str(proof.n), str(n))
        elif proof.sha256 not in digests:
            yield Differs("evidence", None, kind, proof.sha256, digests[0])
    for kind in sorted(set(EVIDENCE) - set(stored.header.evidence)):
        n, _ = stored_proof(connection, kind, stored.id)
        if n:
            yield Differs("evidence", None, kind, "0", str(n))


def _publisher(connection: Connection, stored: Stored) -> Iterator[Differs]:
    if not store.is_sealed_as_published(connection, stored.id):
        told = f"{stored.published_by or '—'} {stored.published_at or '—'}"
        yield Differs("publisher", stored=told)
