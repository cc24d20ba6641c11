"""Commands on rulebooks as documents; none of them reads a database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt import texts
from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.options import day_of
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.rulebooks.diff import Difference
    from gridmgmt.rulebooks.dossier import Subject
    from gridmgmt.rulebooks.load import Loaded
    from gridmgmt.rulebooks.model import Rulebook, Stage

app = typer.Typer()
rulebook = group(app, "rulebook")


def _lang(run: State, own: str | None = None) -> str:
    """The language asked for, else Chinese: the city's is in the database, which these commands never open."""
    run.speak(own)
    return run.asked_lang or "zh"


def _write(path: Path, content: bytes) -> None:
    from gridmgmt.files.writing import write

    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, content)


def _heads(lang: str, *codes: str) -> list[str]:
    return [texts.word(f"rulebook_{code}", lang=lang) for code in codes]


# --- list and show ----------------------------------------------------------------------------------------------------


@command(rulebook, "list")
def rulebook_list(run: State, *, on: str | None = None, lang: str | None = None) -> View:
    """Every rulebook and version: whom it assesses, in which periods, when it is in force."""
    from gridmgmt.rulebooks.exports.listing_text import listed_words
    from gridmgmt.rulebooks.listing import listing

    lang = _lang(run, lang)
    found = [listed_words(entry, lang) for entry in listing(day_of(on or None, "--on"))]
    keys = ("id", "version", "title", "population", "stages", "valid")
    rows = [_row(entry, keys) for entry in found]
    return View(found, [Table(_heads(lang, *keys), rows)])


def _row(entry: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    if "told" in entry:
        return [entry["id"], "–", entry["told"], "", "", ""]
    return ["、".join(entry[k]) if k == "stages" else entry[k] for k in keys]


@command(rulebook, "show")
def rulebook_show(run: State, book: str, *, lang: str | None = None) -> View:
    """A whole rulebook in words: items and rules, rates, inputs, grades, consequences, readings."""
    from gridmgmt.rulebooks.exports.rulebook_text import rulebook_text
    from gridmgmt.rulebooks.load import named

    found = named(book).rulebook
    lines = (rulebook_text(found, x) for x in (_lang(run, lang),))
    return View(found.model_dump(mode="json", by_alias=True), lines)


# --- inputs -----------------------------------------------------------------------------------------------------------


@command(rulebook, "inputs")
def rulebook_inputs(
    run: State,
    book: str,
    *,
    template: Path | None = None,
    period: str | None = None,
    subjects: bool = False,
    lang: str | None = None,
) -> View:
    """What a rulebook must be told, in which codes; counted by the platform, or handed in and why; or the form."""
    from gridmgmt.rulebooks.dossier import stage_asked
    from gridmgmt.rulebooks.exports.input_text import inputs_json
    from gridmgmt.rulebooks.load import named

    lang = _lang(run, lang)
    found = named(book).rulebook
    stage = stage_asked(found, period) if period else None
    if template is not None:
        whom = _assessed_by(run, found, period) if subjects else ()
        return _form(run, found, stage or found.stages[0], template, period, whom)
    if subjects:
        raise OptionInvalid(name="--subjects", value="", expected="--template FILE")
    inputs = inputs_json(found, stage)
    return View(inputs, _inputs(found, inputs, lang))


def _inputs(book: Rulebook, inputs: Sequence[Mapping[str, Any]], lang: str) -> Shown:
    heads = _heads(lang, "id", "title", "type", "codes", "from", "stages", "for")
    yield Table(heads, [_input_row(book, i, lang) for i in inputs], title=book.title[lang])


def _input_row(book: Rulebook, shown: Mapping[str, Any], lang: str) -> list[str]:
    from gridmgmt.rulebooks.exports.input_text import source_words, type_words
    from gridmgmt.rulebooks.exports.rulebook_text import cadence_words

    spec = book.inputs[shown["id"]]
    stages = [cadence_words(book.stage(s).cadence)[lang] for s in shown["stages"]]
    whom = texts.word("rulebook_for_all" if spec.per == "all" else "rulebook_for_each", lang=lang)
    codes = "\n".join(f"{code} {name[lang]}" for code, name in shown["codes"].items())
    told = (spec.title, type_words(spec))
    return [shown["id"], *(t[lang] for t in told), codes, source_words(spec)[lang], "、".join(stages), whom]


def _assessed_by(run: State, book: Rulebook, period: str | None) -> Sequence[Subject]:
    """Whom the city's rulebook assesses on the period's last day, or today."""
    from gridmgmt.assessing.operations import subjects
    from gridmgmt.periods import parse_period

    return subjects.assessed_by(run.work, book, parse_period(period).last if period else None)


def _form(run: State, book: Rulebook, stage: Stage, out: Path, period: str | None, subjects: Sequence[Subject]) -> View:
    from gridmgmt.assessing.exports.entry_form import entry_form
    from gridmgmt.periods import parse_period

    label = parse_period(period).label if period else None
    _write(out, entry_form(book, stage.id, label, subjects, run.asked_lang))
    return View({"file": str(out)}, [run.said("rulebook_form_written", {"file": str(out)})])


# --- samples on paper figures -----------------------------------------------------------------------------------------


@command(rulebook, "samples")
def rulebook_samples(run: State, book: str, *, units: Sequence[str], lang: str | None = None) -> View:
    """How many samples a month's plan asks for, on paper figures: so many units of a group, some without something."""
    from gridmgmt.rulebooks.load import named
    from gridmgmt.rulebooks.sampling import plan_on_paper

    lang, found = _lang(run, lang), named(book).rulebook
    plan = plan_on_paper(found.samples, units)
    titles = {kind.id: kind.title[lang] for kind in found.samples}
    rows = (
        [x.units, x.n_units, x.n_each, x.n, "; ".join(titles[k] for k in titles if k not in x.plan)] for x in plan.lines
    )
    shown: list[Table | str] = [
        Table(_heads(lang, "units", "n_units", "n_each", "n_samples", "not_asked"), rows, right=(1, 2, 3)),
        Table(_heads(lang, "object", "n_samples"), plan.objects.items(), right=(1,)),
        texts.word("rulebook_samples", {"n": plan.n}, lang),
    ]
    return View(plan.plain, shown)


# --- check, new, schema -----------------------------------------------------------------------------------------------


@command(rulebook, "check")
def rulebook_check(run: State, book: str, *, lang: str | None = None) -> View:
    """Read a rulebook, run the worked examples beside it, and read it under every option of its readings.

    The first fault is told by file, line and key. The exit status is 1 if an example does not come out.
    """
    from gridmgmt.rulebooks.exports.listing_text import trial_json, trial_words
    from gridmgmt.rulebooks.proving import examples_beside, read_beside, trial

    lang = _lang(run, lang)
    loaded, path = _located(book)
    beside = examples_beside(path)
    tried = trial(loaded, read_beside(beside) if beside else [])
    no_examples = str(path.with_name("examples.yaml")) if beside is None else None
    lines = (line[lang] for line in trial_words(loaded, path.name, tried, no_examples))
    return View(trial_json(loaded, str(path), tried), lines, failed=bool(tried.faults))


def _located(name: str) -> tuple[Loaded, Path]:
    """A rulebook and the file it stands in."""
    from gridmgmt.rulebooks.load import named, versions

    loaded = named(name)
    if name.endswith((".yaml", ".yml")):
        return loaded, Path(name)
    same_text = (p for p in versions(name.partition("@")[0]) if p.read_text("utf-8") == loaded.text)
    return loaded, next(same_text)


@command(rulebook, "new")
def rulebook_new(run: State, name: str, *, out: Path | None = None) -> Shown:
    """Write a commented rulebook to start from, with worked examples; it passes `check` at once."""
    from gridmgmt.rulebooks.starter import starter

    folder = out or Path(name)
    files = {folder / f: text for f, text in starter(name).items()}
    for file in files:
        if file.exists():
            wanted = texts.expected("folder_without", file=file.name)
            raise OptionInvalid(name="--out", value=str(folder), expected=wanted)
    for file, text in files.items():
        _write(file, text.encode())
    facts = {"files": [str(f) for f in files], "file": str(next(iter(files)))}
    yield texts.word("rulebook_written", facts, _lang(run))


@command(rulebook, "schema")
def rulebook_schema(run: State, *, out: Path | None = None) -> Shown:
    """The JSON Schema by which editors complete and check rulebook.yaml (YAML language server)."""
    from gridmgmt.rulebooks.schema import schema

    text = json.dumps(schema(), ensure_ascii=False, indent=2)
    if out is None:
        yield text
    else:
        _write(out, f"{text}\n".encode())
        yield texts.word("rulebook_schema_written", {"file": str(out)}, _lang(run))


# --- diff and evaluate ------------------------------------------------------------------------------------------------


@command(rulebook, "diff")
def rulebook_diff(run: State, old: str, new: str, *, lang: str | None = None) -> View:
    """What differs between two rulebooks or versions: by item, rule, rate, input and reading, old and new value."""
    from gridmgmt.rulebooks.diff import diff
    from gridmgmt.rulebooks.load import named

    lang = _lang(run, lang)
    found = diff(named(old).rulebook, named(new).rulebook)
    columns = _heads(lang, "what", "id", "title", "key", "old", "new")
    table = Table(columns, [_difference_row(d, lang) for d in found])
    return View([d.plain for d in found], [table if found else texts.word("rulebook_same", lang=lang)])


def _difference_row(d: Difference, lang: str) -> list[Any]:
    what = texts.word(f"part_{d.what}", lang=lang)
    if d.key is None:
        return [what, d.id, d.title[lang], texts.word(f"change_{d.change}", lang=lang), "", ""]
    return [what, d.id, d.title[lang], d.key, d.old, d.new]


@command(rulebook, "evaluate")
def rulebook_evaluate(
    run: State, book: str, *, input_: Path, set_: Sequence[str] = (), lang: str | None = None
) -> View:
    """Compute a rulebook from a file of inputs, without a database: every point with its reason, what is missing."""
    from gridmgmt.assessing.readers.entries import read_input_file
    from gridmgmt.rulebooks.document import change_of
    from gridmgmt.rulebooks.dossier_reading import read_dossier
    from gridmgmt.rulebooks.load import named
    from gridmgmt.scorecards.exports.outcome_text import evaluated, evaluation_json, evaluation_text

    lang = _lang(run, lang)
    loaded = named(book, [change_of(text) for text in set_])
    dossier = read_dossier(loaded.rulebook, read_input_file(input_, loaded.rulebook), input_.name)
    found = evaluated(loaded, dossier)
    return View(evaluation_json(found), (evaluation_text(found, x) for x in (lang,)))
