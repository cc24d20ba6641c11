"""What holds from one dossier to the next (往期留存): periods whose results were handed in, read and ranked once.

A year is scored month by month, and the dossier of each month holds the results of those before it.
"""

from collections.abc import Mapping
from typing import Any

from gridmgmt.rulebooks.dossier import Dossier, Record
from gridmgmt.rulebooks.results import Outcome

Records = Mapping[str, Record]


class Kept:
    """Earlier periods as one rulebook read and ranked them.

    They hold for the very same records (the same object, which nobody changes) among the same subjects.
    """

    def __init__(self) -> None:
        self._subjects: Any = None
        self._read: dict[str, tuple[Any, Records]] = {}
        self._ranked: dict[str, Mapping[str, Outcome]] = {}

    def records(self, plain: Mapping[str, Any]) -> dict[str, Records]:
        """Label → records, of the periods of a dossier that were read before."""
        if plain["subjects"] != self._subjects:
            self._subjects, self._read, self._ranked = plain["subjects"], {}, {}
        known = {label: self._read.get(label, (None, {})) for label in plain["periods"]}
        return {label: found for label, (raw, found) in known.items() if raw is plain["periods"][label]}

    def keep(self, plain: Mapping[str, Any], dossier: Dossier) -> None:
        """Keep the periods of a dossier that are nothing but results of listed subjects."""
        for label, records in dossier.periods.items():
            is_given = all(r.given is not None for r in records.values())
            if is_given and label in plain["periods"] and records.keys() <= plain["subjects"].keys():
                self._read[label] = plain["periods"][label], records
                self._ranked.pop(label, None)

    def outcomes(self, dossier: Dossier, label: str) -> Mapping[str, Outcome] | None:
        """The outcomes of a period whose records are those that were kept; None: it was not ranked yet."""
        return self._ranked.get(label) if self._is_kept(dossier, label) else None

    def keep_outcomes(self, dossier: Dossier, label: str, made: Mapping[str, Outcome]) -> None:
        """Keep the outcomes of a period whose records are kept."""
        if self._is_kept(dossier, label):
            self._ranked[label] = made

    def _is_kept(self, dossier: Dossier, label: str) -> bool:
        return label in self._read and self._read[label][1] is dossier.periods[label]
