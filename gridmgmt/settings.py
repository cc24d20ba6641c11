"""The only reader of the environment: variables named ``GRIDMGMT_*``, and where the data folder is."""

import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gridmgmt.bounds import NAMES, Bounds
from gridmgmt.errors import SettingInvalid

PREFIX = "GRIDMGMT_"


@dataclass(frozen=True)
class Oidc:
    """An identity provider of OpenID Connect; its secret is shown nowhere."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """What an installation sets from outside.

    Attributes
    ----------
    database_url
        ``postgresql://`` address of a PostGIS database; None = the project's private server.
    home
        Folder of the private server's data, logs and socket.
    db
        Name of the database on the private server.
    files
        Folder of photographs and files, of this database only; None = one beside the private server's data.
    lang
        Language of messages, zh or en; None = the city's first.
    actor
        Who writes (经办人), as the installation claims it; None = the operating system's user.
    bounds
        How much a file may hold, and a server do; ``GRIDMGMT_MAX_…``.
    hosts
        Names, besides this machine's own, under which the server answers.
    origins
        Where pages may come from that ask the server from another place (CORS).
    metrics_token
        By which /metrics is told to who asks from another machine; None: to nobody there.
    oidc
        The identity provider (统一身份认证) by which people may sign in; None: none.
    """

    database_url: str | None
    home: Path
    db: str
    files: Path | None = None
    lang: str | None = None
    actor: str | None = None
    bounds: Bounds = field(default_factory=Bounds)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    metrics_token: str | None = field(default=None, repr=False)
    oidc: Oidc | None = None

    @property
    def files_root(self) -> Path:
        """Where this database's photographs and files (照片与附件) stand."""
        return self.files or self.home / "files" / self.db

    @property
    def kept_root(self) -> Path:
        """Where this database's indexes (空间索引文件) stand: what is lost of them is made again."""
        return self.home / "kept" / self.db


KEYS = (
    "GRIDMGMT_DATABASE_URL", "GRIDMGMT_HOME", "GRIDMGMT_DB", "GRIDMGMT_FILES", "GRIDMGMT_LANG", "GRIDMGMT_ACTOR",
    "GRIDMGMT_HOSTS", "GRIDMGMT_ORIGINS", "GRIDMGMT_METRICS_TOKEN",
    "GRIDMGMT_OIDC_ISSUER", "GRIDMGMT_OIDC_CLIENT_ID", "GRIDMGMT_OIDC_CLIENT_SECRET", *NAMES,
)  # fmt: skip
MOST_NAME = 63
"""Bytes of a database's name: PostgreSQL cuts off the rest, and would open another one."""
_FORMS = {
    "GRIDMGMT_LANG": "zh|en",
    "GRIDMGMT_HOSTS": r"[a-z0-9.:-]+(\s*,\s*[a-z0-9.:-]+)*",
    "GRIDMGMT_ORIGINS": r"https?://[a-z0-9.:-]+(\s*,\s*https?://[a-z0-9.:-]+)*",
    "GRIDMGMT_METRICS_TOKEN": r"\S{16,200}",
    **dict.fromkeys(NAMES, "[1-9][0-9]{0,8}"),
}
"""What a value looks like, where not every text will do; a short token would be guessed."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; an unknown ``GRIDMGMT_*`` variable stops the start.

    Raises
    ------
    SettingInvalid
        A variable with the prefix that no setting has, or an empty or wrong value.
        The value is not told: a misspelt address may hold a password.
    """
    env = os.environ if environ is None else environ
    given = {k: v for k, v in env.items() if k.startswith(PREFIX)}
    for key, value in given.items():
        if key not in KEYS or not value.strip() or not re.fullmatch(_FORMS.get(key, "(?s:.*)"), value):
            raise SettingInvalid(name=key, known=sorted(KEYS))
    if len(os.fsencode(given.get("GRIDMGMT_DB", ""))) > MOST_NAME:
        raise SettingInvalid(name="GRIDMGMT_DB", known=sorted(KEYS))
    return Settings(
        oidc=_oidc(given),
        database_url=given.get("GRIDMGMT_DATABASE_URL"),
        home=Path(given.get("GRIDMGMT_HOME") or _default_home()).resolve(),
        db=given.get("GRIDMGMT_DB", "gridmgmt"),
        files=Path(given["GRIDMGMT_FILES"]).resolve() if "GRIDMGMT_FILES" in given else None,
        lang=given.get("GRIDMGMT_LANG"),
        actor=given.get("GRIDMGMT_ACTOR"),
        bounds=Bounds(**{NAMES[key]: int(value) for key, value in given.items() if key in NAMES}),
        hosts=_listed(given.get("GRIDMGMT_HOSTS")),
        origins=_listed(given.get("GRIDMGMT_ORIGINS")),
        metrics_token=given.get("GRIDMGMT_METRICS_TOKEN"),
    )


def _oidc(given: Mapping[str, str]) -> Oidc | None:
    """The identity provider: all three variables or none; its address is encrypted, but on this machine itself."""
    names = [key for key in KEYS if key.startswith(f"{PREFIX}OIDC_")]
    if not any(name in given for name in names):
        return None
    for name in names:
        if name not in given:
            raise SettingInvalid(name=name, known=names)
    if not re.fullmatch(r"https://.+|http://(localhost|127\.0\.0\.1)(:\d+)?(/.*)?", given[names[0]]):
        raise SettingInvalid(name=names[0], known=names)
    return Oidc(*(given[name] for name in names))


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def hand_on(name: str, value: str) -> None:
    """Set a variable that a library reads by itself in the processes that this one starts."""
    if name.startswith(PREFIX):
        raise ValueError(name)
    os.environ[name] = value


def os_user() -> str:
    """The operating system's user who runs this process; his number where he has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def reader_language(environ: Mapping[str, str] | None = None) -> str:
    """The language of who sits at the terminal (读者语言): ``GRIDMGMT_LANG``, else the locale's if zh, else English.

    Where no locale names a language (none, ``C``, ``POSIX``) it is Chinese.
    """
    env = os.environ if environ is None else environ
    names = ("GRIDMGMT_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    found = next((env[name] for name in names if env.get(name)), "C")
    return "zh" if found.partition(".")[0] in ("C", "POSIX") or found.startswith("zh") else "en"


def _default_home() -> Path:
    """``var`` of the checkout the program runs from, whatever folder one stands in; else of this folder."""
    sources = Path(__file__).resolve().parent.parent
    return sources / "var" if (sources / "pyproject.toml").is_file() else Path("var")


def data_path(*parts: str) -> Path:
    """Where a file of the data folder stands: inside the installed package, else beside the sources."""
    here = Path(__file__).resolve().parent
    installed = here / "_data"
    return (installed if installed.is_dir() else here.parent / "data").joinpath(*parts)
