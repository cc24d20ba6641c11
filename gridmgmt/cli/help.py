"""Help and what was typed wrongly (帮助与用法提示), worded from the catalogue in the reader's language.

A command's text stands in ``data/texts/help.yaml`` under the command as it is typed (``gridmgmt case list``), an
option's or argument's behind it (``gridmgmt case list --unit``), or behind a group or the command itself where all
below share it (``gridmgmt --json``), an example as ``gridmgmt case list EXAMPLE``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from gridmgmt import settings, texts

if TYPE_CHECKING:
    from rich.console import RenderableType

UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]  # a command typed wrongly

VALUES = ("int_parsing", "float_parsing", "greater_than_equal", "less_than_equal")
"""What pydantic calls a value that a number cannot be made of; ``request_…`` in the catalogue."""


class Misused(UsageError):  # type: ignore[misc, valid-type]
    """A command typed wrongly, worded where it is found out."""


class Command(TyperCommand):
    """A command whose help is worded from the catalogue."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help in the reader's language."""
        formatter.write(_rendered(self, ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; what is left over is refused in words."""
        ctx.allow_extra_args = True
        if (rest := super().parse_args(ctx, args)) and not ctx.resilient_parsing:
            raise Misused(texts.word("usage_too_much", {"rest": " ".join(rest)}, language(ctx)), ctx)
        return rest


class Group(TyperGroup):
    """A group of commands whose help is worded from the catalogue."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help in the reader's language."""
        formatter.write(_rendered(self, ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command; one that is not there is refused with those that it may have meant."""
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            raise Misused(
                _unknown("command", args[0], get_close_matches(args[0], [*self.commands]), language(ctx)), ctx
            )
        return super().resolve_command(ctx, args)

    def sections(self) -> Mapping[str, Sequence[str]]:
        """Names of the commands under the headings (codes) of the help."""
        return {"help_commands": [*self.commands]}


def language(context: typer.Context | None, args: Sequence[str] = ()) -> str:
    """The reader's language (读者语言): ``--lang`` wherever it stands, else the environment's.

    Help is made before options are read, so the root notes what was typed.
    """
    args = context.find_root().meta.get("typed", args) if context else args
    asked = re.search(f"--lang[= ]({'|'.join(texts.LANGUAGES)})( |$)", " ".join(args))
    return asked[1] if asked else settings.reader_language()


def path_of(context: Any) -> str:
    """The command as it is typed, without its options: ``gridmgmt case list``."""
    parent = context.parent
    return f"{path_of(parent)} {context.info_name}" if parent else "gridmgmt"


def text_of(path: str, lang: str, name: str = "") -> str | None:
    """The help of a command, or of its option or argument of that name; none: the catalogue has none."""
    if name:
        places = [path.rsplit(" ", n)[0] for n in range(path.count(" ") + 1)]
        code = next((c for place in places if (c := f"{place} {name}") in texts.catalogue()), "")
    else:
        code = path
    return texts.word(code, lang=lang) if code in texts.catalogue() else None


def name_of(parameter: Any) -> str:
    """How a parameter is typed: ``--as-of``, or ``CASE_NO`` for an argument."""
    is_option = parameter.param_type_name == "option"
    return str(max(parameter.opts, key=len) if is_option else parameter.name.upper().rstrip("_"))


def _rendered(command: Command | Group, context: typer.Context) -> str:
    from rich.console import Console

    console = Console(highlight=False)
    with console.capture() as written:
        for part in _parts(command, context, language(context)):
            console.print(part)
    return written.get()


def _parts(command: Command | Group, context: typer.Context, lang: str) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    path = path_of(context)
    yield Padding(Text(usage(context, lang), "bold"), 1)
    told = [text_of(path, lang) or command.help]
    if example := text_of(path, lang, "EXAMPLE"):
        told.append(texts.word("help_example", {"example": f"`{example}`"}, lang))
    for text in filter(None, told):
        yield Padding(_marked(text), (0, 1, 1, 1))
    for kind in ("argument", "option"):
        listed = [p for p in command.get_params(context) if p.param_type_name == kind]
        if rows := [_row(p, context, path, lang) for p in listed]:
            yield _panel(texts.word(f"help_{kind}s", lang=lang), rows)
    if isinstance(command, Group):
        for heading, names in command.sections().items():
            rows = [[Text(n, "bold cyan"), _marked(_first(command, context, f"{path} {n}", lang))] for n in names]
            yield _panel(texts.word(heading, lang=lang), rows)


def _first(group: Group, context: typer.Context, path: str, lang: str) -> str:
    """The first paragraph about a command below a group; it is loaded only if the catalogue does not know it."""
    found = text_of(path, lang)
    if found is None:
        command = group.get_command(context, path.rpartition(" ")[2])
        found = (command.help if command else None) or ""
    return found.partition("\n")[0].removesuffix("。")


def _panel(title: str, rows: Sequence[Sequence[RenderableType]]) -> RenderableType:
    from rich.panel import Panel
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for _ in rows[0][:-1]:
        table.add_column()
    table.add_column(ratio=1, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return Panel(table, title=title, title_align="left", border_style="dim")


def _row(parameter: Any, context: typer.Context, path: str, lang: str) -> list[RenderableType]:
    from rich.text import Text

    names = ", ".join(sorted(parameter.opts, key=len, reverse=True))
    names = name_of(parameter) if parameter.param_type_name == "argument" else names
    names = " / ".join([names, *parameter.secondary_opts])
    told = text_of(path, lang, name_of(parameter)) or parameter.help or ""
    notes = [texts.word("help_required", lang=lang)] if parameter.required else []
    if parameter.default not in (None, False, "", [], ()) and getattr(parameter, "show_default", True):
        notes.append(texts.word("help_default", {"value": parameter.default}, lang))
    line = _marked(told).append(f" [{'; '.join(notes)}]" if notes else "", "dim")
    return [Text(names, "bold cyan", no_wrap=True), Text(_type(parameter, context, lang), "yellow"), line]


def _type(parameter: Any, context: typer.Context, lang: str) -> str:
    """What is to be typed: a text, a number, a path; nothing for a switch."""
    if getattr(parameter, "is_flag", False):
        return ""
    shown = str(parameter.display_type_rich(context) or "")
    name = re.sub(r"^<(?:list\[)?(\w+).*", r"\1", shown).lower()
    word = texts.word(f"help_type_{name}", lang=lang) if f"help_type_{name}" in texts.catalogue() else shown
    several = parameter.nargs == -1 or getattr(parameter, "multiple", False)
    return f"{word} …" if several else word


def _marked(text: str) -> Any:
    """A text whose `code` is set apart."""
    from rich.text import Text

    return Text.assemble(*((part, "bold" if n % 2 else "") for n, part in enumerate(text.split("`"))))


def usage(context: typer.Context, lang: str) -> str:
    """How the command is typed (用法)."""
    command = context.command
    pieces = [path_of(context), texts.word("help_options_place", lang=lang)]
    for p in command.get_params(context):
        if p.param_type_name == "argument":
            name = name_of(p) + (" …" if p.nargs == -1 else "")
            pieces.append(name if p.required else f"[{name}]")
    if isinstance(command, Group):
        pieces.append(texts.word("help_command_place", lang=lang))
    return texts.word("help_usage", {"usage": " ".join(pieces)}, lang)


def wrong(e: Any, args: Sequence[str]) -> str:
    """What was typed wrongly, how it is typed, and where to read on, in the reader's language."""
    lang = language(e.ctx, args)
    lines = [_fault(e, lang)]
    if e.ctx is not None:
        lines += [usage(e.ctx, lang), texts.word("help_try", {"command": f"{path_of(e.ctx)} --help"}, lang)]
    return "\n".join(lines)


def _fault(e: Any, lang: str) -> str:
    """The fault in words; one that typer tells in its own way only is shown as it is."""
    parameter: Any = getattr(e, "param", None)
    name = name_of(parameter) if parameter is not None else ""
    match type(e).__name__:
        case "MissingParameter":
            return texts.word(f"usage_no_{parameter.param_type_name}", {"name": name}, lang)
        case "NoSuchOption":
            return _unknown("option", e.option_name, e.possibilities, lang)
        case "BadOptionUsage":
            return texts.word("usage_option_alone", {"name": e.option_name}, lang)
        case "BadParameter" if hasattr(e.__cause__, "errors"):
            fault = e.__cause__.errors()[0]
            code = f"request_{fault['type']}" if fault["type"] in VALUES else "request_other"
            facts = {"parameter": name, "value": fault["input"], "reason": fault["msg"], **fault.get("ctx", {})}
            return texts.word(code, facts, lang)
        case "UsageError":
            return texts.word("usage_no_command_given", lang=lang)
    return str(e.format_message())


def _unknown(kind: str, name: str, near: Sequence[str] | None, lang: str) -> str:
    told = texts.word(f"usage_unknown_{kind}", {"name": name}, lang)
    return told + (texts.word("usage_near", {"known": list(near)}, lang) if near else "")
