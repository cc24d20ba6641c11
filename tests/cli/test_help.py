"""Help and what was typed wrongly: every word in both languages, none read from a database, nothing slow imported."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gridmgmt import __version__, cli, texts
from gridmgmt.cli import app, help

ROOT = typer.main.get_command(app)
SLOW = ("pandas", "geopandas", "sqlalchemy", "pyarrow", "pyproj", "shapely", "openpyxl", "fastapi", "folium", "uvicorn")


def walk(context: typer.Context) -> Iterator[typer.Context]:
    """The command and all below it."""
    yield context
    for name, command in getattr(context.command, "commands", {}).items():
        yield from walk(type(context)(command, info_name=name, parent=context, help_option_names=["-h", "--help"]))


def root() -> typer.Context:
    with ROOT.make_context("gridmgmt", ["db"]) as context:
        return context


CONTEXTS = {help.path_of(c): c for c in walk(root())}


def shown(path: str, lang: str) -> str:
    done = CliRunner().invoke(app, ["--lang", lang, *path.split()[1:], "--help"], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    return done.output


COMMANDS = [path for path, c in CONTEXTS.items() if not hasattr(c.command, "commands")]


def parameters() -> Iterator[tuple[str, str]]:
    for path, context in CONTEXTS.items():
        for p in context.command.get_params(context):
            yield path, help.name_of(p)


def test_the_walk_finds_the_commands() -> None:
    names = {
        "db start", "db stop", "db status", "db url", "db migrate", "city init", "grids import", "grids check",
        "grids activate", "grids list", "grids export", "grids diff", "cases import", "samples import",
        "quarantine list", "quarantine export", "quarantine retry", "assign", "locate", "unassigned list", "indicators",
        "score", "explain", "scorecards", "map choropleth", "map heat", "demo-city", "samples notices issue", "serve",
    }  # fmt: skip
    assert {f"gridmgmt {name}" for name in names} <= {*CONTEXTS}
    assert len(CONTEXTS) > 80


@pytest.mark.parametrize("lang", texts.LANGUAGES)
def test_every_command_option_and_argument_is_worded(lang: str) -> None:
    assert [path for path in CONTEXTS if help.text_of(path, lang) is None] == []
    assert [x for x in parameters() if help.text_of(x[0], lang, x[1]) is None] == []


def test_no_help_is_left_without_its_command() -> None:
    used = {*CONTEXTS, *(f"{path} EXAMPLE" for path in COMMANDS)} | {
        next(
            code
            for n in range(path.count(" ") + 1)
            if (code := f"{path.rsplit(' ', n)[0]} {name}") in texts.catalogue()
        )
        for path, name in parameters()
    }
    assert {code for code in texts.catalogue() if code.startswith("gridmgmt")} - used == set()


SAME = re.compile(r"[\x00-\x7f]*")


def test_no_help_is_in_one_language_only() -> None:
    """Chinese in one, no Chinese stops in the other; but for what is typed alike (``zh | en``)."""
    helps = {code: x for code, x in texts.catalogue().items() if code.startswith(("gridmgmt", "help_", "usage_"))}
    mute = {code for code, x in helps.items() if SAME.fullmatch(x["zh"]) and x["zh"] != x["en"]}
    assert mute == set()
    assert {code for code, x in helps.items() if re.search("[。；（）]", x["en"])} == set()


@pytest.mark.parametrize("path", CONTEXTS)
def test_help_in_chinese_has_no_english_sentence(path: str) -> None:
    told = shown(path, "zh")
    prose = [line for line in told.splitlines() if "示例" not in line and "用法" not in line]
    lines = [
        re.sub(
            r"[\w./@*:=-]+(?:[、,|/ ]+[\w./@*:=-]+)*[）。]?$|（[^（）]*）", "", line.replace("gridmgmt case steps", "")
        )
        for line in prose
    ]
    assert [x for x in lines if re.search(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b", x)] == []
    assert not re.search(r"Usage|Options|Arguments|Commands|OPTIONS|\[required\]|\[default|Show this|<\w+", told)
    assert "用法：" in told
    assert "选项" in told


@pytest.mark.parametrize("path", CONTEXTS)
def test_help_in_english_has_no_chinese(path: str) -> None:
    told = shown(path, "en")
    assert "Usage: " in told
    assert "<list" not in told
    if path != "gridmgmt case step":  # the words of steps may be typed in Chinese
        assert not re.search("[\u4e00-\u9fff]", told)


@pytest.mark.parametrize("lang", texts.LANGUAGES)
@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_an_example_that_is_typed_rightly(path: str, lang: str) -> None:
    """Its options are known to the command and none that it needs is missing."""
    example = texts.catalogue()[f"{path} EXAMPLE"][lang]
    words = shlex.split(re.sub(r'^psql "\$\((.*)\)"$', r"\1", example))
    named = [word for word in words if word not in ("--db", "demo")]
    typed = path.split()
    assert named[: len(typed)] == typed
    with CONTEXTS[path].command.make_context(typed[-1], named[len(typed) :], parent=CONTEXTS[path].parent) as context:
        assert context.command is CONTEXTS[path].command


def test_help_imports_nothing_slow_and_reads_no_setting() -> None:
    """All help pages in one process, with a setting that stops every other start."""
    program = (
        "import sys; from typer.testing import CliRunner; from gridmgmt.cli import app\n"
        f"for path in {[*CONTEXTS]!r}:\n"
        "    done = CliRunner().invoke(app, [*path.split()[1:], '--help'])\n"
        "    assert done.exit_code == 0, done.output\n"
        f"print(*(name for name in {SLOW!r} if name in sys.modules))"
    )
    env = {"PATH": "/bin", "PYTHONPATH": ":".join(sys.path), "GRIDMGMT_NONE": "x", "GRIDMGMT_DATABASE_URL": "none"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_the_list_of_commands_imports_none_of_them() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from gridmgmt.cli import app\n"
        "CliRunner().invoke(app, ['--help'])\n"
        "print(*(name for name in sys.modules if name.startswith(('gridmgmt.cli.', 'maps', 'api'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    shared = {"base", "help", "options", "watching"}
    assert set(done.stdout.split()) == {f"gridmgmt.cli.{name}" for name in shared}


@pytest.mark.parametrize(
    ("args", "environ", "lang"),
    [
        (["--help"], {}, "zh"),
        (["--help"], {"LC_ALL": "en_US.UTF-8"}, "en"),
        (["--help"], {"LC_ALL": "en_US.UTF-8", "GRIDMGMT_LANG": "zh"}, "zh"),
        (["--lang", "en", "--help"], {"GRIDMGMT_LANG": "zh"}, "en"),
        (["--help", "--lang=en"], {}, "en"),
        (["--lang", "en", "case", "list", "--help"], {}, "en"),
        (["explain", "--help", "--lang", "en"], {}, "en"),
        (["--lang", "fr", "--help"], {}, "zh"),
    ],
)
def test_the_language_is_asked_for_or_the_environment_s(args: list[str], environ: dict[str, str], lang: str) -> None:
    clean = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "", "GRIDMGMT_LANG": "", **environ}
    done = CliRunner().invoke(app, args, env={k: v or None for k, v in clean.items()})
    assert ("用法" if lang == "zh" else "Usage") in done.output


# --- typed wrongly ----------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str]]:
    """What `gridmgmt …` ends with, and the first line of its standard error."""

    def run(*words: str) -> tuple[Any, str]:
        monkeypatch.setattr(sys, "argv", ["gridmgmt", *words])
        with pytest.raises(SystemExit) as e:
            cli.main()
        return e.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("words", "zh", "en"),
    [
        ("case lst", "没有名为 lst 的命令；相近的有：list", "there is no command lst; near to it: list"),
        ("zzz", "没有名为 zzz 的命令", "there is no command zzz"),
        ("due", "缺少选项 --on", "the option --on is missing"),
        ("case show", "缺少参数 CASE_NO", "the argument CASE_NO is missing"),
        (
            "case list --lim 3",
            "没有名为 --lim 的选项；相近的有：--limit",
            "there is no option --lim; near to it: --limit",
        ),
        ("case list --limit", "选项 --limit 后面须给出它的值", "the option --limit needs a value"),
        ("case list --limit x", "--limit 应为整数，而不是“x”", "--limit must be a whole number, not “x”"),
        ("case list --limit 0", "--limit 不得小于 1，而不是“0”", "--limit must be at least 1, not “0”"),
        ("locate a 30", "LON 应为数字，而不是“a”", "LON must be a number, not “a”"),
        ("limits list more and more", "多余的参数：more and more", "more arguments than are taken: more and more"),
        ("--db x", "未写命令", "no command is given"),
    ],
)
def test_what_is_typed_wrongly_is_told_in_the_reader_s_language(
    typed: Callable[..., tuple[Any, str]], words: str, zh: str, en: str
) -> None:
    for lang, told, usage in (("zh", zh, "用法：gridmgmt"), ("en", en, "Usage: gridmgmt")):
        status, error = typed("--lang", lang, *words.split())
        assert status == 2
        assert error.startswith(told)
        assert usage in error or "--limit\n" in error or words.endswith("--limit")


def test_without_a_command_the_help_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["gridmgmt", "case"])
    monkeypatch.setenv("GRIDMGMT_LANG", "en")
    with pytest.raises(SystemExit) as e:
        cli.main()
    assert e.value.code == 2
    assert "Usage: gridmgmt case" in capsys.readouterr().out


# --- completion -------------------------------------------------------------------------------------------------------


def completed(*words: str) -> list[str]:
    program = "import sys; from gridmgmt.cli import app; app(prog_name='gridmgmt')"
    env = {
        "PATH": "/bin", "PYTHONPATH": ":".join(sys.path), "_GRIDMGMT_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["gridmgmt", *words]), "COMP_CWORD": str(len(words)),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    ).stdout.split()


def test_completion_knows_commands_and_options() -> None:
    assert completed("lo") == ["locate", "log"]
    assert {"case", "map", "serve"} <= {*completed("")}
    assert completed("case", "cl") == ["clock"]
    assert completed("case", "list", "--ov") == ["--overdue"]
    assert "--lang" in completed("--")


def test_json_of_the_settings_error_stays(
    typed: Callable[..., tuple[Any, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDMGMT_LANG", "fr")
    status, error = typed("city", "show", "--json")
    assert (status, json.loads(error)["error"]) == (5, "setting_invalid")


def test_the_version_is_told_without_a_database() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output) == (0, f"gridmgmt {__version__}\n")


@pytest.mark.parametrize(
    ("words", "named"),
    [(("consequences", "qixian", "--year", "0"), "--year"), (("demo-city", "--out", "x", "--seed", "-3"), "--seed")],
)
def test_a_number_out_of_bounds_is_refused_by_its_option(words: tuple[str, ...], named: str) -> None:
    refused = CliRunner().invoke(app, [*words])
    assert refused.exit_code != 0
    assert named in f"{refused.output} {refused.exception}"
