"""How scorecards are written into files (写出考评表): which formats there are, in which language, under which heads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gridmgmt.errors import OptionInvalid
from gridmgmt.files.wording import say
from gridmgmt.scorecards.documents import CardHeader, Document
from gridmgmt.scorecards.exports.cards import Card
from gridmgmt.scorecards.exports.page import page
from gridmgmt.scorecards.exports.scene import Scene
from gridmgmt.scorecards.exports.sketch import sketch
from gridmgmt.scorecards.exports.tables import HEADS, card_json, summary_csv
from gridmgmt.scorecards.exports.workbook import summary_workbook, workbook

FORMATS = ("xlsx", "csv", "json", "html")

CARD_FORMATS: Mapping[str, Callable[[Card, str | None], bytes]] = {
    "xlsx": workbook,
    "html": lambda card, lang: page(card, lang).encode(),
    "json": lambda card, _: card_json(card.header, card.document).encode(),
    "svg": lambda card, _: (card.sketch or "").encode(),
}
"""How one scorecard is made in each format."""


@dataclass(frozen=True)
class Writer:
    """The writer of an export, chosen by who asked for it.

    Attributes
    ----------
    lang
        See :func:`gridmgmt.files.wording.languages`.
    columns
        The heads of the csv: ``words`` for people, ``codes`` for programs.

    Raises
    ------
    OptionInvalid
        Other heads.
    """

    lang: str | None = None
    columns: str = "words"

    def __post_init__(self) -> None:
        if self.columns not in HEADS:
            raise OptionInvalid(name="--columns", value=self.columns, expected=" / ".join(HEADS))

    def card(self, card: Card, form: str) -> bytes:
        """One scorecard in one of :data:`CARD_FORMATS`."""
        return CARD_FORMATS[form](card, self.lang)

    def summary(self, header: CardHeader, documents: Sequence[Document], form: str) -> bytes:
        """The summary of a level, as ``xlsx`` or ``csv``."""
        if form == "xlsx":
            return summary_workbook(header, documents, self.lang)
        return summary_csv(header, documents, self.lang, codes=self.columns == "codes").encode()

    def sketch(self, scene: Scene, document: Document) -> str:
        """The small map of a subject."""
        return sketch(scene, title=say(document.subject.name, self.lang), lang=self.lang)


BILINGUAL = Writer()
"""Both languages, Chinese first; heads in words."""
