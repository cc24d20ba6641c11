"""Commands on reference layers: `gridmgmt layers import | list | show | export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gridmgmt.cli.base import Shown, State, Table, View, command, group
from gridmgmt.cli.options import day_of, encoding_of

if TYPE_CHECKING:
    from gridmgmt.places.operations.layers import Layer, LayerReport

app = typer.Typer()
layers = group(app, "layers")

MOST_FAULTS = 100


@command(layers, "import")
def layers_import(
    run: State,
    file: Path,
    *,
    kind: str,
    name: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    valid_from: str | None = None,
    map_: Sequence[str] = (),
    number: bool = False,
    replace: bool = False,
    encoding: str | None = None,
    dry_run: bool = False,
) -> View:
    """Load a file as the layer of a kind from a day on; the layer before it ends on that day.

    Features with faults are listed and left out.
    """
    from gridmgmt.places.operations import layers as operations

    with run.progress() as tell:
        report = operations.import_layer(
            run.work.but(keep=not dry_run, progress=tell),
            file,
            kind,
            name=name,
            layer=layer,
            crs=crs,
            mapping=operations.mapping_of(map_),
            valid_from=day_of(valid_from, "--valid-from"),
            number=number,
            replace=replace,
            encoding=encoding_of(encoding),
        )
    return View(report.as_dict(), _report(run, report))


def _report(run: State, report: LayerReport) -> Shown:
    facts = report.as_dict()
    yield run.word("layers_loaded" if report.is_new else "layers_same", facts)
    if report.predecessor is not None:
        yield run.word("layers_predecessor" if report.predecessor == "closed" else "layers_replaced", facts)
    if report.n_numbered:
        yield run.word("layers_numbered", {"n": report.n_numbered})
    if report.n_outside:
        yield run.word("layers_outside", {"n": report.n_outside})
    if report.dry_run:
        yield run.word("layers_dry_run")
    shown = report.faults[:MOST_FAULTS]
    if shown:
        rows = [[f.row, f.column, f.value, f.worded(run.lang)] for f in shown]
        heads = run.words(("number", "field", "value", "reason"), "layers_")
        yield Table(heads, rows, right=(0,), title=f"{run.word('layers_faults')} · {report.file}")
    if len(report.faults) > len(shown):
        yield run.word("layers_more_faults", {"n": len(report.faults) - len(shown)})


@command(layers, "list")
def layers_list(run: State, *, kind: str | None = None, on: str | None = None) -> View:
    """Every layer with the days on which it holds."""
    from gridmgmt.places.operations import layers as operations

    found = operations.list_layers(run.work, kind, day_of(on, "--on"))
    return View([operations.as_json(x) for x in found], [_layers(run, found)])


def _layers(run: State, found: Sequence[Layer]) -> Table:
    from gridmgmt.places.readers.layers import kinds

    heads = (*(f"layers_{x}" for x in ("kind", "name", "from", "to", "n_features", "file")), "SHA-256")
    titles = {key: kind.title for key, kind in kinds().kinds.items()}
    rows = (
        [run.coded(x.kind, titles.get(x.kind, {})), x.name, x.valid_from or run.word("layers_was_replaced"), x.valid_to,
         f"{x.n_features:,}", x.file, x.sha256[:12]]
        for x in found
    )  # fmt: skip
    return Table(run.words(heads), rows, right=(4,))


@command(layers, "show")
def layers_show(run: State, kind: str, *, on: str | None = None, name: str | None = None) -> View:
    """The layers of a kind on a day: where they come from, and how many features each class has."""
    from gridmgmt.places.operations import layers as operations

    found = operations.show(run.work, kind, day_of(on, "--on"), name)
    words = {k: {"zh": v.zh, "en": v.en} for k, v in found.kind.classes.items()}
    rows = (
        [words[k][run.lang] if k in words else k or run.word("layers_without_class"), f"{n:,}"]
        for k, n in found.classes.items()
    )
    tables = [_layers(run, found.heads), Table(run.words(("class", "n_features"), "layers_"), rows, right=(1,))]
    return View(found.as_dict(), tables)


@command(layers, "export")
def layers_export(run: State, kind: str, *, out: Path, on: str | None = None, name: str | None = None) -> Shown:
    """Write the features of a kind as they are valid on a day."""
    from gridmgmt.places.operations import layers as operations

    n = operations.export(run.work, kind, out, day=day_of(on, "--on"), name=name)
    yield run.word("layers_written", {"n": n, "file": str(out)})
