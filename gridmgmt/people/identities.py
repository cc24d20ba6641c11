"""Whom a name means (人员认定): what a source wrote of who acted, held against the people of that day."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from gridmgmt.people.staffing import Person, Post


class Identities:
    """People by code and by name; what a source wrote stays as it was, the person stands beside it.

    A text means the person of that code, else the only one of that name who was there on the day; of several with the
    name, the only one who held a post on it. Nobody is guessed.
    """

    def __init__(self, persons: Iterable[Person], posts: Iterable[Post]) -> None:
        self._by_word: dict[str, list[Person]] = defaultdict(list)
        self._posts: dict[str, list[Post]] = defaultdict(list)
        self._codes: dict[str, Person] = {}
        for person in persons:
            self._codes[person.code] = person
            if person.name and person.name.strip():
                self._by_word[person.name.strip()].append(person)
        for post in posts:
            self._posts[post.person_code].append(post)

    def of(self, told: str | None, day: dt.date) -> str | None:
        """The code of the person whom a text means on a day; None where that is nobody, or not one alone."""
        word = (told or "").strip()
        own = self._codes.get(word)
        if own is not None:
            return own.code if _holds(own.valid_from, own.valid_to, day) else None
        there = [p for p in self._by_word.get(word, ()) if _holds(p.valid_from, p.valid_to, day)]
        if len(there) > 1:
            there = [p for p in there if any(_holds(o.valid_from, o.valid_to, day) for o in self._posts[p.code])]
        return there[0].code if len(there) == 1 else None


def _holds(first: dt.date | None, end: dt.date | None, day: dt.date) -> bool:
    """Whether half-open days hold one."""
    return (first is None or first <= day) and (end is None or day < end)
