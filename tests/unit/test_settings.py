"""Settings: the variables, none unknown, no value of a misspelt one in a message."""

from pathlib import Path

import pytest

from gridmgmt import settings
from gridmgmt.bounds import NAMES, Bounds
from gridmgmt.errors import SettingInvalid
from gridmgmt.texts import word

OIDC = {
    "GRIDMGMT_OIDC_ISSUER": "https://id.example.gov.cn", "GRIDMGMT_OIDC_CLIENT_ID": "grid",
    "GRIDMGMT_OIDC_CLIENT_SECRET": "s3cret",
}  # fmt: skip


def test_without_variables_the_private_server_is_meant() -> None:
    found = settings.read({"PATH": "/bin", "grid": "x"})
    assert found == settings.Settings(None, Path("var").resolve(), "gridmgmt")
    assert found.home.is_absolute()
    assert found.files_root == found.home / "files" / "gridmgmt"


def test_every_variable() -> None:
    given = {"GRIDMGMT_DATABASE_URL": "postgresql://h/d", "GRIDMGMT_HOME": "/srv/grid", "GRIDMGMT_DB": "demo"}
    assert settings.read(given).files_root == Path("/srv/grid/files/demo")
    given["GRIDMGMT_FILES"] = "/srv/photos"
    given["GRIDMGMT_LANG"] = "en"
    given["GRIDMGMT_ACTOR"] = "考评办"
    given |= OIDC
    given["GRIDMGMT_HOSTS"] = "grid.example.cn, 10.1.2.3"
    given["GRIDMGMT_ORIGINS"] = "https://portal.example.cn"
    given["GRIDMGMT_METRICS_TOKEN"] = "sixteen-letters-"
    given |= {name: str(n) for n, name in enumerate(NAMES, 7)}
    assert set(given) == set(settings.KEYS)
    bounds = Bounds(*range(7, 7 + len(NAMES)))
    expected = settings.Settings(
        "postgresql://h/d", Path("/srv/grid"), "demo", Path("/srv/photos"), "en", "考评办", bounds,
        ("grid.example.cn", "10.1.2.3"), ("https://portal.example.cn",), "sixteen-letters-",
        settings.Oidc("https://id.example.gov.cn", "grid", "s3cret"),
    )  # fmt: skip
    assert "sixteen-letters-" not in repr(settings.read(given))
    assert settings.read(given) == expected
    assert settings.read(given).files_root == Path("/srv/photos")


def test_the_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRIDMGMT_DB", "real")
    assert settings.read().db == "real"
    monkeypatch.setenv("GRIDMGMT_DBNAME", "real")
    with pytest.raises(SettingInvalid):
        settings.read()


@pytest.mark.parametrize(
    "given",
    [
        {"GRIDMGMT_DATABASE": "postgresql://me:secret@h/d"},
        {"GRIDMGMT_DB": " "},
        {"GRIDMGMT_LANG": "fr"},
        {"GRIDMGMT_MAX_ROWS": "0"},
        {"GRIDMGMT_MAX_ROWS": "many"},
        {"GRIDMGMT_DB": "x" * 64},
        {"GRIDMGMT_HOSTS": "https://grid.example.cn"},
        {"GRIDMGMT_ORIGINS": "portal.example.cn"},
        {"GRIDMGMT_ORIGINS": "*"},
        {"GRIDMGMT_METRICS_TOKEN": "secret"},
    ],
)
def test_an_unknown_or_empty_variable_stops_the_start(given: dict[str, str]) -> None:
    with pytest.raises(SettingInvalid) as e:
        settings.read(given)
    (name,) = given
    for lang in ("zh", "en"):
        message = word(e.value.code, e.value.facts, lang)
        assert name in message
        assert "GRIDMGMT_HOME" in message
        assert "secret" not in message + str(e.value)


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "POSIX"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_DE"}, "en"),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "en_US", "LC_ALL": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "en_US", "LC_ALL": ""}, "en"),
        ({"LC_ALL": "zh_CN.UTF-8", "GRIDMGMT_LANG": "en"}, "en"),
        ({"LC_ALL": "en_US.UTF-8", "GRIDMGMT_LANG": "zh"}, "zh"),
    ],
)
def test_who_sits_at_the_terminal_is_spoken_to_in_their_language(environ: dict[str, str], lang: str) -> None:
    assert settings.reader_language(environ) == lang


def test_the_data_folder_is_found() -> None:
    assert settings.data_path("rulebooks", "grid_baseline", "rulebook.yaml").is_file()


@pytest.mark.parametrize("absent", OIDC)
def test_an_identity_provider_is_told_whole_or_not_at_all(absent: str) -> None:
    with pytest.raises(SettingInvalid) as e:
        settings.read({name: value for name, value in OIDC.items() if name != absent})
    assert e.value.facts["name"] == absent
    assert settings.read({}).oidc is None


def test_the_identity_provider_is_asked_in_the_clear_on_this_machine_only() -> None:
    with pytest.raises(SettingInvalid):
        settings.read(OIDC | {"GRIDMGMT_OIDC_ISSUER": "http://id.example.gov.cn"})
    assert settings.read(OIDC | {"GRIDMGMT_OIDC_ISSUER": "http://127.0.0.1:9000"}).oidc is not None


def test_the_secret_of_the_identity_provider_is_shown_nowhere() -> None:
    assert "s3cret" not in repr(settings.read(OIDC))
