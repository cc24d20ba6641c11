"""Which results somebody may see (结果查阅范围): those of his subjects, once they are published."""

from collections.abc import Sequence

from gridmgmt.assessing.store import assessments
from gridmgmt.assessing.store.assessments import Stored
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import OutsideScope
from gridmgmt.scorecards.documents import Document, Subject


def check(work: Work, connection: Connection, stored: Stored, document: Document, verb: str = "results.read") -> None:
    """Refuse a document that is not its viewer's, or not published yet.

    Raises
    ------
    OutsideScope
    """
    if not own(work, connection, stored, [document], verb):
        raise OutsideScope(verb=verb, about=document.subject.code)


def own(
    work: Work, connection: Connection, stored: Stored, documents: Sequence[Document], verb: str = "results.read"
) -> list[Document]:
    """The documents that are its viewer's: whoever sees the whole city, all; others their own, once published."""
    scope = work.allowed(verb)
    if scope.everywhere:
        return [*documents]
    if stored.published_at is None:
        return []
    people = assessments.people_among(connection, scope.subjects)

    def is_own(subject: Subject) -> bool:
        if subject.kind == "person":
            return subject.code in people
        if subject.kind == "unit":
            return scope.holds_unit(subject.code)
        return scope.holds_grid(subject.level_number, subject.code)

    return [d for d in documents if is_own(d.subject)]


def named(work: Work, connection: Connection, name: str) -> Stored:
    """The assessment that its viewer names: by a rulebook's id or ``latest`` the newest that he may see.

    Raises
    ------
    AssessmentMissing
    """
    return assessments.by_name(connection, name, published=not sees_unpublished(work))


def sees_unpublished(work: Work) -> bool:
    """Whether its viewer sees the whole city's results, also before they are published."""
    return work.viewer is None or work.viewer.scope("results.read").everywhere


def compared(work: Work, stored: Stored) -> Stored:
    """An assessment that its viewer may compare: published, unless he sees the whole city's.

    Raises
    ------
    OutsideScope
    """
    if stored.published_at is None and not sees_unpublished(work):
        raise OutsideScope(verb="results.compare", about=stored.name)
    return stored
