"""Try mutants of the rules against the unit tests: ``python -m tests.mutants --number 300 --minutes 10 --seed 1``.

What survives and is not in survivors.yaml is printed, ready to be copied there
with a reason, once it is clear that no test can notice it; the command then
fails. Modules and tests stand in pyproject.toml, [tool.gridmgmt.mutants].
"""

import argparse
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

from tests.mutants.judging import Judge, Outcome, judge
from tests.mutants.mutating import ROOT, Mutant, Source, Spot

SURVIVORS = Path(__file__).with_name("survivors.yaml")
Key = tuple[str, str, str]


def known() -> dict[Key, str]:
    """The survivors that were looked at, each with its reason."""
    entries = YAML(typ="safe").load(SURVIVORS) or []
    return {(e["where"], e["was"], e["now"]): e["why"] for e in entries}


def gone(listed: Iterable[Key], modules: Iterable[Path]) -> list[Key]:
    """Listed survivors of these modules whose line stands there no more."""
    texts = {m.stem: " ".join((ROOT / m).read_text(encoding="utf-8").split()) for m in modules}
    return [key for key in listed if (stem := key[0].split(".")[0]) in texts and key[1] not in texts[stem]]


def files(patterns: list[str]) -> list[Path]:
    """The modules to be mutated; a pattern that finds none is a fault."""
    out = {p: sorted(ROOT.glob(p)) for p in patterns}
    if missing := [p for p, found in out.items() if not found]:
        raise SystemExit(f"pyproject.toml, [tool.gridmgmt.mutants] modules: no file {', '.join(missing)}")
    return sorted({f.relative_to(ROOT) for found in out.values() for f in found})


def chosen(spots: list[tuple[Source, Spot]], number: int, seed: str, listed: dict[Key, str]) -> Iterator[Mutant]:
    """So many mutants in an order that the seed gives; all of them in order of their lines where ``number`` is 0."""
    if number:
        random.Random(seed).shuffle(spots)
    given = 0
    for source, spot in spots:
        mutant = source.mutant(spot)
        if mutant is None or mutant.key in listed:
            continue
        yield mutant
        given += 1
        if given == number:
            return


WORDS = ("killed", "timeout", "survived", "unreached", "invalid")


@dataclass
class Tally:
    """What became of the mutants, by module; new survivors are printed as they come."""

    modules: Sequence[Path]
    counts: dict[Path, Counter[str]] = field(default_factory=dict)
    new: list[Outcome] = field(default_factory=list)

    @property
    def total(self) -> Counter[str]:
        """Over all modules."""
        return sum(self.counts.values(), Counter())

    def told(self, outcome: Outcome) -> None:
        """Count one."""
        mutant, word = outcome
        self.counts.setdefault(mutant.path, Counter())[word] += 1
        if word in ("survived", "unreached"):
            self.new.append(outcome)
            print(f"- where: {mutant.where}\n  was: {mutant.was!r}\n  now: {mutant.now!r}\n  why: {word}", flush=True)
        if self.total.total() % 50 == 0:
            print(f"{self.total.total()} tried, {len(self.new)} new survivors", file=sys.stderr, flush=True)

    def show(self) -> None:
        """One line a module."""
        print(f"\n{'':32}" + "".join(f"{w:>10}" for w in WORDS))
        for path in self.modules:
            counts = self.counts.get(path, Counter())
            print(f"{'/'.join(path.parts[1:]):32}" + "".join(f"{counts[w]:10}" for w in WORDS))
        print(f"{'':32}" + "".join(f"{self.total[w]:10}" for w in WORDS))


def main() -> int:
    """Judge, print, and fail where something new survives."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["gridmgmt"]["mutants"]
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--number", type=int, default=config["number"], help="how many mutants; 0: all")
    parser.add_argument("--minutes", type=float, default=config["minutes"], help="begin no further one after so long")
    parser.add_argument("--seed", default="1", help="gives the choice and its order")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tests", nargs="+", default=config["tests"], help="files or folders, instead of the list")
    parser.add_argument("modules", nargs="*", default=config["modules"], help="files or patterns, instead of the list")
    asked = parser.parse_args()
    modules, listed = files(asked.modules), known()
    sources = [Source(m) for m in modules]
    spots = [(source, spot) for source in sources for spot in source.spots() if spot.function not in config["wording"]]
    tally, began = Tally(modules), time.monotonic()
    mutants, until = chosen(spots, asked.number, asked.seed, listed), began + 60 * asked.minutes
    measured = sorted({*modules, *files(config["modules"])})  # all, so that it is done once whichever are asked for
    plugin = Judge(measured, mutants, config["without"], until, config["budget_s"], asked.jobs, tally.told)
    code = judge(plugin, [str(t) for pattern in asked.tests for t in sorted(ROOT.glob(pattern))])
    tally.show()
    print(f"{tally.total.total()} of {len(spots)} mutants, seed {asked.seed}, {time.monotonic() - began:.0f} s; "
          f"{len(listed)} survivors are listed, {len(tally.new)} are new")  # fmt: skip
    for key in gone(listed, modules):
        print("no longer there, take it out of survivors.yaml:", *key)
    return code or bool(tally.new)


if __name__ == "__main__":
    sys.exit(main())
