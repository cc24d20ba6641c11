"""Commands on reference layers: `gridmgmt layers import | list | show | export`."""

from pathlib import Path

import typer

from gridmgmt.cli.base import JSON, State, progress, show_json, show_table, state
from gridmgmt.cli.grids import day_of
from gridmgmt.errors import OptionInvalid
from gridmgmt.places.operations import layers as operations
from gridmgmt.places.operations.layers import Layer, LayerReport

layers = typer.Typer(help="参考图层 · Reference layers: roads, key areas, sites …", no_args_is_help=True)

KIND = typer.Argument(help="Kind of layer, a key of data/layers/kinds.yaml.")
NAME = typer.Option(None, "--name", help="Name of the layer, where a kind has several (default: the kind's).")
ON = typer.Option(None, "--on", help="Day on which the layer is valid (default: today).")
MOST_FAULTS = 100


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(layers, name="layers")


@layers.command("import")
def layers_import(
    context: typer.Context,
    file: Path = typer.Argument(help="Any vector file that GDAL reads, GeoParquet; points also as CSV or Excel."),
    kind: str = typer.Option(..., "--kind", help="Kind of layer, a key of data/layers/kinds.yaml."),
    name: str = NAME,
    layer: str = typer.Option(None, "--layer", help="Layer or worksheet of the file."),
    crs: str = typer.Option(None, "--crs", help="epsg:NNNN | gcj02 | bd09, where the file names none or a wrong one."),
    valid_from: str = typer.Option(None, "--valid-from", help="First day on which it holds (default: today)."),
    mapping: list[str] = typer.Option([], "--map", help="FIELD=COLUMN, e.g. code=OBJECTID; may be repeated."),
    number: bool = typer.Option(False, "--number", help="Features without a code take their number in the file."),
    replace: bool = typer.Option(False, "--replace", help="Correct the layer that begins on the same day or later."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Do everything, report, undo it."),
    as_json: bool = JSON,
) -> None:
    """Load a file as the layer of a kind from a day on; the layer before it ends on that day.

    Features with faults are listed and left out.

    Example: `gridmgmt layers import roads.gpkg --kind roads --valid-from 2025-01-01 --map class=等级`
    """
    run = state(context)
    with progress() as tell:
        report = operations.import_layer(
            run.engine.but(keep=not dry_run, progress=tell),
            file,
            kind,
            name=name,
            layer=layer,
            crs=crs,
            mapping=_mapping(mapping),
            valid_from=day_of(valid_from, "--valid-from"),
            number=number,
            replace=replace,
        )
    if as_json:
        show_json(report.as_dict())
    else:
        _show_report(run, report)


def _mapping(given: list[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for text in given:
        name, equals, column = (part.strip() for part in text.partition("="))
        if not (equals and name and column) or name in out:
            raise OptionInvalid(name="--map", value=text, expected="FIELD=COLUMN")
        out[name] = column
    return out


def _show_report(run: State, report: LayerReport) -> None:
    facts = report.as_dict()
    typer.echo(run.word("layers_loaded" if report.is_new else "layers_same", facts))
    if report.predecessor is not None:
        typer.echo(run.word("layers_predecessor" if report.predecessor == "closed" else "layers_replaced", facts))
    if report.n_numbered:
        typer.echo(run.word("layers_numbered", {"n": report.n_numbered}))
    if report.n_outside:
        typer.echo(run.word("layers_outside", {"n": report.n_outside}))
    if report.dry_run:
        typer.echo(run.word("layers_dry_run"))
    shown = report.faults[:MOST_FAULTS]
    if shown:
        rows = [[f.row, f.column, f.value, f.worded(run.lang)] for f in shown]
        names = [run.word(f"layers_{x}") for x in ("number", "field", "value", "reason")]
        show_table(f"{run.word('layers_faults')} · {report.file}", names, rows, right=(0,))
    if len(report.faults) > len(shown):
        typer.echo(run.word("layers_more_faults", {"n": len(report.faults) - len(shown)}))


@layers.command("list")
def layers_list(
    context: typer.Context,
    kind: str = typer.Option(None, "--kind", help="Only this kind."),
    on: str = typer.Option(None, "--on", help="Only those valid on this day."),
    as_json: bool = JSON,
) -> None:
    """Every layer with the days on which it holds.

    Example: `gridmgmt layers list --on 2025-12-31`
    """
    run = state(context)
    found = operations.list_layers(run.engine, kind, day_of(on, "--on"))
    if as_json:
        show_json([_as_json(x) for x in found])
        return
    names = [run.word(f"layers_{x}") for x in ("kind", "name", "from", "to", "n_features", "file")]
    show_table("", [*names, "SHA-256"], [_row(run, x) for x in found], right=(4,))


def _as_json(x: Layer) -> dict[str, object]:
    return {
        "kind": x.kind, "name": x.name, "from": x.valid_from, "to": x.valid_to, "n_features": x.n_features,
        "sha256": x.sha256, "file": x.file, "file_sha256": x.file_sha256, "known_at": x.known_at,
    }  # fmt: skip


def _row(run: State, x: Layer) -> list[object]:
    first = x.valid_from or run.word("layers_was_replaced")
    return [x.kind, x.name, first, x.valid_to, f"{x.n_features:,}", x.file, x.sha256[:12]]


@layers.command("show")
def layers_show(context: typer.Context, kind: str = KIND, on: str = ON, name: str = NAME, as_json: bool = JSON) -> None:
    """The layers of a kind on a day: where they come from, and how many features each class has.

    Example: `gridmgmt layers show roads --on 2025-12-31`
    """
    run = state(context)
    found = operations.show(run.engine, kind, day_of(on, "--on"), name)
    if as_json:
        classes = [{"class": k, "n": n} for k, n in found.classes.items()]
        show_json({"layers": [_as_json(x) for x in found.heads], "classes": classes})
        return
    names = [run.word(f"layers_{x}") for x in ("kind", "name", "from", "to", "n_features", "file")]
    show_table("", [*names, "SHA-256"], [_row(run, x) for x in found.heads], right=(4,))
    words = {k: v.zh if run.lang == "zh" else v.en for k, v in found.kind.classes.items()}
    rows = [[words.get(k or "", k) or run.word("layers_without_class"), f"{n:,}"] for k, n in found.classes.items()]
    show_table("", [run.word("layers_class"), run.word("layers_n_features")], rows, right=(1,))


@layers.command("export")
def layers_export(
    context: typer.Context,
    kind: str = KIND,
    out: Path = typer.Option(..., "--out", help="The file to write: .geojson or .gpkg."),
    on: str = ON,
    name: str = NAME,
) -> None:
    """Write the features of a kind as they are valid on a day.

    Example: `gridmgmt layers export roads --on 2025-12-31 --out roads.gpkg`
    """
    run = state(context)
    n = operations.export(run.engine, kind, out, day=day_of(on, "--on"), name=name)
    typer.echo(run.word("layers_written", {"n": n, "file": str(out)}))
