"""A scorecard with a long list: thirteen penalties of 1 to 13 points, in the order of their days."""

from gridmgmt.scorecards.documents import Document, Header
from tests.unit.unit_scorecards import departments

POINTS = [3, 13, 1, 5, 2, 4, 6, 12, 7, 11, 8, 10, 9]


def penalised() -> tuple[Header, Document]:
    """The department CG with its one penalty thirteen times over."""
    header, documents = departments()
    document = next(d for d in documents if d.subject.code == "CG")
    *lines, penalty = document.lines
    assert (penalty.kind, penalty.item) == ("event", "penalty_events_circular")
    assert penalty.points is not None
    many = [
        penalty.model_copy(
            update={
                "item": f"penalty_{n}",
                "title": {"zh": f"通报{n}", "en": f"Circular {n}"},
                "points": penalty.points.model_copy(update={"exact": str(n), "shown": f"{n}.00"}),
            }
        )
        for n in POINTS
    ]
    return header, document.model_copy(update={"lines": [*lines, *many]})
