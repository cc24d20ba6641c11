"""Commands on rulebooks as documents; none of them reads a database."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from gridmgmt import texts
from gridmgmt.assessing.exports.entry_form import entry_form
from gridmgmt.assessing.readers.entries import read_input_file
from gridmgmt.cli.base import JSON, change_of, show_json, show_table, state
from gridmgmt.errors import OptionInvalid, RulebookInvalid, RulebookNotInForce
from gridmgmt.files.wording import Words, same, words
from gridmgmt.periods import parse_period
from gridmgmt.rulebooks.check import stage_inputs
from gridmgmt.rulebooks.diff import Difference, diff
from gridmgmt.rulebooks.dossier import read_dossier, stage_of
from gridmgmt.rulebooks.exports.input_text import source_words, type_words
from gridmgmt.rulebooks.exports.rulebook_text import cadence_words, population_words, rulebook_text, valid_words
from gridmgmt.rulebooks.load import Loaded, known, load, named, read_file, versions
from gridmgmt.rulebooks.model import Rulebook, Stage
from gridmgmt.rulebooks.schema import schema
from gridmgmt.rulebooks.starter import starter
from gridmgmt.rulebooks.trial import Trial, examples_beside, read_beside, trial
from gridmgmt.scorecards.exports.outcome_text import evaluated, evaluation_json, evaluation_text

rulebook = typer.Typer(help="考核办法 · Rulebooks as documents.", no_args_is_help=True)

BOOK = typer.Argument(help="Id in data/rulebooks, ID@VERSION, or a YAML file.")
LANG = typer.Option(None, "--lang", help="zh | en (default: zh)")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(rulebook, name="rulebook")


def _lang(context: typer.Context, own: str | None = None) -> str:
    """The language asked for, else Chinese: the city's is in the database, which these commands never open."""
    lang = own or state(context).asked_lang or "zh"
    if lang not in texts.LANGUAGES:
        raise OptionInvalid(name="--lang", value=lang, expected="zh / en")
    return lang


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _heads(lang: str, *codes: str) -> list[str]:
    return [texts.word(code, lang=lang) for code in codes]


# --- list and show ----------------------------------------------------------------------------------------------------


@rulebook.command("list")
def rulebook_list(
    context: typer.Context,
    on: str = typer.Option(None, "--on", help="Only the version in force on this day, e.g. 2025-12-31."),
    lang: str = LANG,
    as_json: bool = JSON,
) -> None:
    """Every rulebook and version: whom it assesses, in which periods, when it is in force.

    Example: `gridmgmt rulebook list --on 2025-12-31`
    """
    lang = _lang(context, lang)
    day = _day(on) if on else None
    found = [entry for name in known() for entry in _listed(name, day, lang)]
    if as_json:
        show_json(found)
        return
    keys = ("id", "version", "title", "population", "stages", "valid")
    rows = [[entry.get(k) if k != "stages" else "、".join(entry.get(k, [])) for k in keys] for entry in found]
    rows = [r if "told" not in e else [e["id"], "–", e["told"], "", "", ""] for r, e in zip(rows, found, strict=True)]
    show_table("", _heads(lang, *(f"rulebook_{k}" for k in keys)), rows)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as e:
        raise OptionInvalid(name="--on", value=text, expected="2025-12-31") from e


def _listed(name: str, day: dt.date | None, lang: str) -> list[dict[str, Any]]:
    """The versions of one rulebook; what is faulty, or not in force that day, is told in its place."""
    try:
        if day is not None:
            return [_entry(load(name, day).rulebook, lang)]
        return [_entry(read_file(p, f"{name}/{p.name}").rulebook, lang) for p in versions(name)]
    except RulebookNotInForce as e:
        return [{"id": name, "told": texts.word("rulebook_none_in_force", {"known": e.known}, lang)}]
    except RulebookInvalid as e:
        told = texts.word("rulebook_fault", {"message": texts.word(e.code, e.facts, lang)}, lang)
        return [{"id": name, "told": told}]


def _entry(book: Rulebook, lang: str) -> dict[str, Any]:
    return {
        "id": book.id,
        "version": book.version,
        "title": book.title[lang],
        "population": population_words(book.population)[lang],
        "stages": [cadence_words(s.cadence)[lang] for s in book.stages],
        "valid": valid_words(book.valid)[lang],
    }


@rulebook.command("show")
def rulebook_show(context: typer.Context, book: str = BOOK, lang: str = LANG, as_json: bool = JSON) -> None:
    """A whole rulebook in words: items and rules, rates, inputs, grades, consequences, readings.

    Example: `gridmgmt rulebook show grid_baseline --lang en`
    """
    found = named(book).rulebook
    if as_json:
        show_json(found.model_dump(mode="json", by_alias=True))
    else:
        typer.echo(rulebook_text(found, _lang(context, lang)))


# --- inputs -----------------------------------------------------------------------------------------------------------


@rulebook.command("inputs")
def rulebook_inputs(
    context: typer.Context,
    book: str = BOOK,
    template: Path = typer.Option(None, "--template", help="Write the entry form (xlsx) to this file."),
    period: str = typer.Option(None, "--period", help="Only what this period needs; the form is made for it."),
    lang: str = LANG,
    as_json: bool = JSON,
) -> None:
    """What a rulebook must be told: counted by the platform, or handed in by people and why; or the entry form for it.

    Example: `gridmgmt rulebook inputs grid_baseline --period 2025-12`
    """
    lang = _lang(context, lang)
    found = named(book).rulebook
    stage = _stage(found, period) if period else None
    if template is not None:
        form = entry_form(found, (stage or found.stages[0]).id, parse_period(period).label if period else None, ())
        _write(template, form)
        typer.echo(texts.word("rulebook_form_written", {"file": str(template)}, lang))
        return
    needed = {s.id: stage_inputs(found, s) for s in found.stages}
    shown = stage_inputs(found, stage) if stage else found.inputs
    inputs = [_input(found, name, [s for s in needed if name in needed[s]]) for name in shown]
    if as_json:
        show_json(inputs)
        return
    rows = [_input_row(found, i, lang) for i in inputs]
    heads = ("rulebook_id", "rulebook_title", "rulebook_type", "rulebook_from", "rulebook_stages", "rulebook_for")
    show_table(found.title[lang], _heads(lang, *heads), rows)


def _stage(book: Rulebook, period: str) -> Stage:
    found = stage_of(book, parse_period(period))
    if found is None:
        raise OptionInvalid(name="--period", value=period, expected=", ".join(s.cadence for s in book.stages))
    return found


def _input(book: Rulebook, name: str, stages: list[str]) -> dict[str, Any]:
    spec = book.inputs[name]
    return {"id": name, **spec.model_dump(mode="json", exclude_none=True), "stages": stages}


def _input_row(book: Rulebook, shown: Mapping[str, Any], lang: str) -> list[str]:
    spec = book.inputs[shown["id"]]
    stages = [cadence_words(book.stage(s).cadence)[lang] for s in shown["stages"]]
    whom = texts.word("rulebook_for_all" if spec.per == "all" else "rulebook_for_each", lang=lang)
    told = (spec.title, type_words(spec), source_words(spec))
    return [shown["id"], *(t[lang] for t in told), "、".join(stages), whom]


# --- check, new, schema -----------------------------------------------------------------------------------------------


@rulebook.command("check")
def rulebook_check(context: typer.Context, book: str = BOOK, lang: str = LANG, as_json: bool = JSON) -> None:
    """Read a rulebook, run the worked examples beside it, and read it under every option of its readings.

    The first fault is told by file, line and key. The exit status is 1 if an example does not come out.

    Example: `gridmgmt rulebook check grid_baseline`
    """
    lang = _lang(context, lang)
    loaded, path = _located(book)
    beside = examples_beside(path)
    tried = trial(loaded, read_beside(beside) if beside else [])
    if as_json:
        faults = [{"tried": f.tried, "problems": f.problems} for f in tried.faults]
        show_json({"file": str(path), "sha256": loaded.sha256, "examples": tried.n_examples,
                   "options": tried.n_options, "faults": faults})  # fmt: skip
    else:
        for line in _told(loaded, path, tried, has_examples=beside is not None):
            typer.echo(line[lang])
    if tried.faults:
        raise typer.Exit(1)


def _located(name: str) -> tuple[Loaded, Path]:
    """A rulebook and the file it stands in."""
    loaded = named(name)
    if name.endswith((".yaml", ".yml")):
        return loaded, Path(name)
    same_text = (p for p in versions(name.partition("@")[0]) if p.read_text("utf-8") == loaded.text)
    return loaded, next(same_text)


def _told(loaded: Loaded, path: Path, tried: Trial, *, has_examples: bool) -> list[Words]:
    book, n_wrong = loaded.rulebook, len([f for f in tried.faults if f.is_example])
    facts = {"n_parts": len(list(book.parts())), "n_inputs": len(book.inputs), "n_rates": len(book.rates)}
    lines = [words("rulebook_checked", file=path.name, **facts)]
    if has_examples:
        lines.append(words("rulebook_checked_examples", n=tried.n_examples, n_wrong=n_wrong))
    else:
        lines.append(words("rulebook_checked_no_examples", file=str(path.with_name("examples.yaml"))))
    if tried.n_options:
        n_unread = len(tried.faults) - n_wrong
        lines.append(words("rulebook_checked_options", n=tried.n_options, n_wrong=n_unread))
    for fault in tried.faults:
        lines.append({k: f"✗ {fault.tried[k]}" for k in texts.LANGUAGES})
        lines += [same(f"  {problem}") for problem in fault.problems]
    return lines


@rulebook.command("new")
def rulebook_new(
    context: typer.Context,
    name: str = typer.Argument(help="Id of the new rulebook: small letters, digits and _."),
    out: Path = typer.Option(None, "--out", help="Folder to write to (default: a new folder of that name here)."),
) -> None:
    """Write a commented rulebook to start from, with worked examples; it passes `check` at once.

    Example: `gridmgmt rulebook new my_city --out rulebooks/my_city`
    """
    folder = out or Path(name)
    files = {folder / f: text for f, text in starter(name).items()}
    for file in files:
        if file.exists():
            wanted = texts.expected("folder_without", file=file.name)
            raise OptionInvalid(name="--out", value=str(folder), expected=wanted)
    for file, text in files.items():
        _write(file, text.encode())
    facts = {"files": [str(f) for f in files], "file": str(next(iter(files)))}
    typer.echo(texts.word("rulebook_written", facts, _lang(context)))


@rulebook.command("schema")
def rulebook_schema(
    context: typer.Context, out: Path = typer.Option(None, "--out", help="File to write to (default: the screen).")
) -> None:
    """The JSON Schema by which editors complete and check rulebook.yaml (YAML language server).

    Example: `gridmgmt rulebook schema --out rulebook.schema.json`
    """
    text = json.dumps(schema(), ensure_ascii=False, indent=2)
    if out is None:
        typer.echo(text)
    else:
        _write(out, f"{text}\n".encode())
        typer.echo(texts.word("rulebook_schema_written", {"file": str(out)}, _lang(context)))


# --- diff and evaluate ------------------------------------------------------------------------------------------------


@rulebook.command("diff")
def rulebook_diff(
    context: typer.Context, old: str = BOOK, new: str = BOOK, lang: str = LANG, as_json: bool = JSON
) -> None:
    """What differs between two rulebooks or versions: by item, rule, rate, input and reading, old and new value.

    Example: `gridmgmt rulebook diff grid_baseline my_city/rulebook.yaml`
    """
    lang = _lang(context, lang)
    found = diff(named(old).rulebook, named(new).rulebook)
    if as_json:
        show_json([d.plain for d in found])
    elif not found:
        typer.echo(texts.word("rulebook_same", lang=lang))
    else:
        columns = _heads(lang, *(f"rulebook_{x}" for x in ("what", "id", "title", "key", "old", "new")))
        show_table("", columns, [_difference_row(d, lang) for d in found])


def _difference_row(d: Difference, lang: str) -> list[Any]:
    what = texts.word(f"part_{d.what}", lang=lang)
    if d.key is None:
        return [what, d.id, d.title[lang], texts.word(f"change_{d.change}", lang=lang), "", ""]
    return [what, d.id, d.title[lang], d.key, d.old, d.new]


@rulebook.command("evaluate")
def rulebook_evaluate(
    context: typer.Context,
    book: str = BOOK,
    inputs: Path = typer.Option(..., "--input", help="Inputs: .json, .yaml, or an entry form (.xlsx, .csv)."),
    changes: list[str] = typer.Option(None, "--set", help="Try another value: readings.NAME=… or ITEM.KEY=…"),
    lang: str = LANG,
    as_json: bool = JSON,
) -> None:
    """Compute a rulebook from a file of inputs, without a database: every point with its reason, what is missing.

    Example: `gridmgmt rulebook evaluate grid_baseline --input inputs.yaml --set rework_steps.threshold=3`
    """
    lang = _lang(context, lang)
    loaded = named(book, [change_of(text) for text in changes or ()])
    dossier = read_dossier(loaded.rulebook, read_input_file(inputs, loaded.rulebook), inputs.name)
    found = evaluated(loaded, dossier)
    if as_json:
        show_json(evaluation_json(found))
    else:
        typer.echo(evaluation_text(found, lang))
