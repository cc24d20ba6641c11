"""Commands on inspections: import, plan, draw, field forms, what comes back, rectification notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.facts import import_files
from gridmgmt.errors import OptionInvalid

if TYPE_CHECKING:
    from gridmgmt.inspections.operations.draws import DrawReport, Planned
    from gridmgmt.inspections.operations.findings import TakeReport

app = typer.Typer()
samples = group(app, "samples")
notices = group(samples, "notices")

_TAKE_COUNTS = ("n_new", "n_corrected", "n_unchanged", "n_refused", "n_not_filled")


@command(samples, "import")
def samples_import(
    run: State,
    files: Sequence[Path],
    *,
    profile: str,
    source_as_of: str | None = None,
    outside_ok: bool = False,
    dry_run: bool = False,
) -> View:
    """Import inspection samples with location and score or findings."""
    return import_files(run, files, profile, source_as_of, outside_ok=outside_ok, dry_run=dry_run)


@command(samples, "plan")
def samples_plan(run: State, *, rulebook: str, period: str) -> View:
    """What is to be drawn: unit by unit, type by type, with exceptions and substitutes and why."""
    from gridmgmt.inspections.operations import draws

    found = draws.plan_of(run.work, rulebook, period)
    lines = [
        {
            "unit": x.unit.code, "type": x.type.id, "objects": dict(x.objects), "n": x.n, "why": x.why,
            "attribute": x.attribute,
        }
        for x in found.lines
    ]  # fmt: skip
    head = {"rulebook": found.loaded.rulebook.id, "period": found.period.label, "n": found.n}
    return View({**head, "lines": lines}, _plan(run, found))


def _plan(run: State, found: Planned) -> Shown:
    from gridmgmt.files.wording import group_words, say

    rows = []
    for x in found.lines:
        objects = ", ".join(f"{name} {n}" for name, n in x.objects.items())
        said = group_words(x.attribute)[run.lang] if x.why == "other_group" and x.attribute else x.attribute
        why = "" if x.why == "as_stated" else run.word(f"plan_{x.why}", {"attribute": said})
        rows.append([f"{x.unit.code} {say(x.unit.name, run.lang)}", say(x.type.title, run.lang), objects, x.n, why])
    title = say(found.loaded.rulebook.title, run.lang)
    title = run.word("plan_title", {"title": title, "period": found.period.label, "n": found.n})
    yield Table(run.words(("unit", "type", "object", "n", "why"), "sample_"), rows, right=(3,), title=title)


@command(samples, "draw")
def samples_draw(
    run: State, *, rulebook: str, period: str, seed: str, again: str | None = None, dry_run: bool = False
) -> View:
    """Draw a period's samples from the layers, spread over the grids; the same draw again changes nothing."""
    from gridmgmt.inspections.operations import draws

    with run.progress() as tell:
        report = draws.make_draw(run.work.but(keep=not dry_run, progress=tell), rulebook, period, seed, again=again)
    names = ("name", "sha256", "is_new", "dry_run", "n_inspected_before", "document")
    return View({name: getattr(report, name) for name in names}, _drawn(run, report))


def _drawn(run: State, report: DrawReport) -> Shown:
    if report.dry_run:
        yield run.word("import_dry_run")
    facts = {"name": report.name, "n": len(report.document["items"]), "sha256": report.sha256[:12]}
    yield run.word("draw_made", facts) if report.is_new else run.word("draw_same", facts)
    if report.n_inspected_before:
        yield run.word("draw_inspected_before", {"n": report.n_inspected_before})
    yield from _short(run, report.document)


def _short(run: State, document: Any) -> Shown:
    """What is short, what was passed over, what was drawn again: never silently."""
    n_again = sum(i["again"] is not None for i in document["items"])
    if n_again:
        yield run.word("draw_repeated", {"n": n_again})
    if document["passed_over"]:
        yield run.word("draw_passed_over", {"n": len(document["passed_over"])})
    if document["short"]:
        types, objects = document["words"]["types"], document["words"]["objects"]
        rows = [
            [s["unit"], types[s["type"]][run.lang], objects[s["object"]][run.lang], s["asked"], s["drawn"]]
            for s in document["short"]
        ]
        heads = run.words(("unit", "type", "object", "asked", "drawn"), "sample_")
        yield Table(heads, rows, right=(3, 4), title=run.word("draw_short"))


@command(samples, "show")
def samples_show(run: State, draw: str, *, unit: str | None = None) -> View:
    """A draw's samples, as far as they were inspected, and what is short."""
    from gridmgmt.inspections.operations import draws

    found, items = draws.show_draw(run.work, draw, unit)
    head = {name: getattr(found, name) for name in ("name", "sha256", "reason", "known_at")}
    data = {**head, "samples": items} | ({} if unit else {"document": found.document})
    return View(data, _samples(run, found, items))


def _samples(run: State, found: Any, items: Sequence[Mapping[str, Any]]) -> Shown:
    words = found.document["words"]
    again = {s["no"]: i["again"] for i, s in zip(found.document["items"], found.document["samples"], strict=True)}
    rows = []
    for x in items:
        grid = next(code for code in reversed(x["grid_codes"]) if code is not None)
        kind, name = words["types"][x["sample_type"]][run.lang], words["objects"][x["object"]][run.lang]
        told = run.word(f"result_{x['result']}") if x["result"] else ""
        score = "" if x["score"] is None else f"{x['score']:f}"
        rows.append([x["sample_no"], x["unit_code"], kind, f"{name} {x['name_' + run.lang]}", grid,
                     again[x["sample_no"]] or "", told, score])  # fmt: skip
    heads = run.words(("no", "unit", "type", "object", "grid", "again", "result", "score"), "sample_")
    yield Table(heads, rows, right=(7,), title=f"{found.name} · {found.sha256[:12]}")
    yield from _short(run, found.document)


@command(samples, "verify")
def samples_verify(run: State, draw: str) -> View:
    """Draw again from what is kept with a draw and compare; ends with status 1 if anything differs."""
    from gridmgmt.inspections.operations import draws

    found = draws.verify_draw(run.work, draw)
    lines = (
        f"{run.word(f'draw_check_{name}')}: {run.word('draw_check_' + ('yes' if answer else 'no'))}"
        for name, answer in found.items()
    )
    return View(found, lines, failed=not all(found.values()))


@command(samples, "form")
def samples_form(run: State, draw: str, *, unit: str | None = None, out: Path, lang: str | None = None) -> Shown:
    """The form that inspectors take along: every sample with what is looked at in it."""
    from gridmgmt.files.writing import write
    from gridmgmt.inspections.exports import field_forms
    from gridmgmt.inspections.operations import findings

    if out.suffix.lower() not in (".xlsx", ".geojson"):
        raise OptionInvalid(name="--out", value=str(out), expected=".xlsx / .geojson")
    run.speak(lang)
    form = findings.form_of(run.work, draw, unit)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".xlsx":
        write(out, field_forms.workbook(form, run.file_lang))
    else:
        write(out, field_forms.geojson(form))
    yield run.word("rows_written", {"n": len(form.samples), "file": str(out)})


@command(samples, "take")
def samples_take(run: State, file: Path, *, dry_run: bool = False) -> View:
    """Read a filled field form back: good samples load and are scored, faults are told by their cell.

    The same file again changes nothing; a corrected one makes new versions.
    """
    from gridmgmt.inspections.operations import findings

    report = findings.take(run.work.but(keep=not dry_run), file)
    return View(report.as_dict(), _taken(run, report), failed=bool(report.problems and not report.n_loaded))


def _taken(run: State, report: TakeReport) -> Shown:
    title = run.word("import_dry_run") if report.dry_run else ""
    yield Table(run.words(_TAKE_COUNTS), [[getattr(report, n) for n in _TAKE_COUNTS]], range(5), title)
    rows = [[f.sheet or report.file, f.row, f.column, f.value, f.worded(run.lang)] for f in report.problems]
    if rows:
        heads = run.words(("sheet", "row", "column", "value", "quarantined_because"))
        yield Table(heads, rows, right=(1,), title=run.word("entry_refused"))
    for note in report.notes:
        yield f"{run.word('row')} {note['row']}: {run.word(note['code'], note['facts'])}"


# --- rectification notices --------------------------------------------------------------------------------------------


@command(notices, "issue")
def notices_issue(run: State, draw: str, *, unit: str, due: str, by: str, sample: Sequence[str] = ()) -> View:
    """Issue a notice on a unit's findings that stand in none yet."""
    from gridmgmt.inspections.operations import notices as use_cases
    from gridmgmt.periods import parse_deadline

    due_at = parse_deadline(due, run.city.zone)
    return _notices(run, [use_cases.issue_notice(run.work.but(actor=by), draw, unit, due_at, samples=sample)])


@command(notices, "check")
def notices_check(
    run: State, number: str, *, result: str, by: str, at: str | None = None, note: str | None = None
) -> View:
    """Record a check; whether it was done in time or late follows from the deadline."""
    from gridmgmt.inspections.operations import notices as use_cases

    if result not in ("done", "not_done"):
        raise OptionInvalid(name="--result", value=result, expected="done / not_done")
    found = use_cases.check_notice(run.work.but(actor=by), number, result, checked_at=run.instant(at), note=note)
    return _notices(run, [found])


@command(notices, "list")
def notices_list(run: State, *, draw: str | None = None, at: str | None = None) -> View:
    """Notices with their deadlines and how they stand."""
    from gridmgmt.inspections.operations import notices as use_cases

    return _notices(run, use_cases.list_notices(run.work, draw, at=run.instant(at)))


@command(notices, "show")
def notices_show(run: State, number: str) -> View:
    """One notice with its findings and checks."""
    from gridmgmt.inspections.operations import notices as use_cases

    return _notices(run, use_cases.list_notices(run.work, number=number), whole=True)


def _notices(run: State, found: Sequence[Mapping[str, Any]], *, whole: bool = False) -> View:
    return View(found, _told(run, found, whole=whole))


def _told(run: State, found: Sequence[Mapping[str, Any]], *, whole: bool) -> Shown:
    from gridmgmt.people.operations import reference

    names = ("no", "unit", "findings", "issued_at", "due_at", "state")
    units = reference.unit_names(run.work) if found else {}
    rows = [
        [n["notice_no"], run.coded(n["unit_code"], units.get(n["unit_code"], {})), len(n["findings"]),
         run.time(n["issued_at"]), run.time(n["due_at"]),
         run.word(f"notice_state_{n['state']}")]
        for n in found
    ]  # fmt: skip
    yield Table(run.words(names, "notice_"), rows, right=(2,))
    for n in found if whole else ():
        rows = [[f["sample_no"], f["item_code"], f["n"], f"{f['points']:f}", f["text"]] for f in n["findings"]]
        yield Table(run.words(("sample", "item", "n", "points", "text"), "notice_"), rows, right=(2, 3))
        for c in n["checks"]:
            facts = {"at": run.time(c["checked_at"]), "by": c["checked_by"], "note": c["note"]}
            yield f"{run.word('notice_check_' + c['result'])}: {run.word('notice_checked', facts)}"
