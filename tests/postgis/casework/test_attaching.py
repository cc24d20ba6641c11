"""The files folder and its rows: kept once, whole or not at all, attached once, exported clean, and checked."""

import datetime as dt
import json
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gridmgmt.casework.operations import photographs
from gridmgmt.casework.photographs import StoredFile
from gridmgmt.casework.store import attachments, files
from gridmgmt.database import tables as t
from gridmgmt.database.tables import metadata
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    CaseMissing,
    DatabaseRefused,
    FileLost,
    FileMissing,
    FileRefused,
    FilesFull,
    FilesUnwritable,
    OptionInvalid,
    SampleMissing,
)
from gridmgmt.inspections.operations import photographs as of_samples
from gridmgmt.settings import Settings
from tests.pictures import LIMITS, PDF, encode, exif, opened, scene
from tests.postgis import towns
from tests.postgis.database.test_writers import wait_until_blocked
from tests.worlds import World

NOON = dt.datetime(2025, 12, 5, 4, tzinfo=dt.UTC)  # 12:00 in the town
MIDDLE = towns.middle("D1-1")


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "load_limits", lambda: LIMITS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "files"


def with_a_case(town: Work, tmp_path: Path) -> None:
    """The town with case n/1 (no file name) in the middle of D1-1, of one step at noon; case n2; sample s1."""
    towns.found(town, tmp_path)
    towns.load(town, tmp_path, [towns.case("n/1"), towns.case("n2", None)])
    towns.load_samples(town, tmp_path, [("s1", "2025-12-05 12:00", "90", "D1-1")])
    with town.transaction() as connection:
        step = {"seq": 1, "kind": "report", "at": NOON, "actor": "甲", "origin": "own", "state": "reported"}
        connection.execute(t.step.insert().values(**step, case_id=case_id(town, "n/1"), batch_id=1))


@pytest.fixture
def desk(world: World) -> Work:
    """The town with its case."""
    return world(with_a_case)


def case_id(work: Work, no: str) -> int:
    return towns.select_all(work, t.cases.c.id, where=t.cases.c.case_no == no)[0][0]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def picture(seed: int = 0, **told: Any) -> bytes:
    return encode(scene(seed=seed), exif=exif(**told))


def keep(work: Work, root: Path, *paths: Path) -> list[StoredFile]:
    with work.transaction() as connection:
        return photographs.store_files(connection, root, paths)


def in_folder(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def n_rows(work: Work, name: str) -> int:
    return int(towns.select_all(work, func.count(metadata.tables[name].c.known_at))[0][0])


# --- keeping ---------------------------------------------------------------------------------------------------------


def test_a_file_stands_under_its_hash_with_its_small_picture(desk: Work, root: Path, tmp_path: Path) -> None:
    content = picture(time="2025:12:05 11:00:00", place=((30, 0, 0), "N", (114, 0, 0), "E"), orientation=6)
    with desk.transaction() as connection:
        (stored,) = photographs.store_files(connection, root, [write(tmp_path / "a.exe", content)])
    key = f"{stored.sha256[:2]}/{stored.sha256[2:4]}/{stored.sha256}"
    assert in_folder(root) == [f"{key}.jpg", f"{key}.thumb.jpg"]
    assert (root / f"{key}.jpg").read_bytes() == content
    assert opened((root / f"{key}.thumb.jpg").read_bytes()).size == (32, 64)
    assert stat.S_IMODE((root / f"{key}.jpg").stat().st_mode) == 0o600
    f = t.stored_file.c
    columns = (f.sha256, f.media_type, f.n_bytes, f.width, f.height, f.taken_at, f.taken_at_zone_known, f.exif_lon)
    assert towns.select_all(desk, *columns) == [
        (stored.sha256, "image/jpeg", len(content), 100, 200, NOON - dt.timedelta(hours=1), False, 114.0)
    ]


def test_the_same_content_is_kept_once(desk: Work, root: Path, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jpg", picture()), write(tmp_path / "b.png", picture())
    first = keep(desk, root, a, b)
    before = {p: (root / p).stat().st_mtime_ns for p in in_folder(root)}
    second = keep(desk, root, b)
    assert first[0] == first[1] == second[0]
    assert {p: (root / p).stat().st_mtime_ns for p in in_folder(root)} == before
    assert n_rows(desk, "stored_file") == 1


def test_a_damaged_copy_is_mended_by_handing_it_in_again(desk: Work, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", picture())
    (stored,) = keep(desk, root, path)
    files.path_of(root, stored).write_bytes(b"rot")
    files.thumbnail_path(root, stored.sha256).unlink()
    keep(desk, root, path)
    assert files.state(root, stored) == "sound"
    assert files.thumbnail_path(root, stored.sha256).is_file()


def test_one_that_is_refused_keeps_all_back(desk: Work, root: Path, tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a.jpg", picture()), write(tmp_path / "b.jpg", picture()[:-200])
    with pytest.raises(FileRefused) as e:
        keep(desk, root, good, bad)
    assert (e.value.file, e.value.why) == ("b.jpg", "damaged")
    assert not root.exists()
    assert n_rows(desk, "stored_file") == 0
    for path in (tmp_path / "nowhere.jpg", tmp_path):
        with pytest.raises(FileRefused) as e:
            keep(desk, root, path)
        assert e.value.why == "unreadable"


def test_a_huge_file_is_refused_without_being_read_whole(desk: Work, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "film.jpg", picture())
    os.truncate(path, 1 << 40)
    with pytest.raises(FileRefused) as e:
        keep(desk, root, path)
    assert e.value.why == "too_large"


def test_a_failed_transaction_leaves_a_harmless_file(desk: Work, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", picture())
    with pytest.raises(ZeroDivisionError), desk.transaction() as connection:
        assert 1 / len(photographs.store_files(connection, root, [path])[0].notes)
    assert n_rows(desk, "stored_file") == 0
    report = photographs.check(desk, root)
    assert (report.n_files, report.orphans, report.missing) == (0, in_folder(root), [])
    keep(desk, root, path)
    assert photographs.check(desk, root).orphans == []


def test_a_folder_that_cannot_be_written_is_told(desk: Work, tmp_path: Path) -> None:
    path, root = write(tmp_path / "a.jpg", picture()), write(tmp_path / "no_folder", b"")
    with pytest.raises(FilesUnwritable) as e:
        keep(desk, root, path)
    assert e.value.folder == str(root)


KEEP = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from gridmgmt import settings
from gridmgmt.casework.operations import photographs
from gridmgmt.database.work import open_database
home, db, root, how, *paths = sys.argv[1:]
work = open_database(replace(settings.read({}), home=Path(home), db=db))
if how == "die":
    os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
for pair in zip(paths[::2], paths[1::2]):
    with work.transaction() as connection:
        photographs.store_files(connection, Path(root), [Path(p) for p in (pair if how != "swapped" else pair[::-1])])
"""


def start(settings: Settings, root: Path, how: str, *paths: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", KEEP, str(settings.home), settings.db, str(root), how, *map(str, paths)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def test_two_processes_may_keep_the_same_files_at_once(
    desk: Work, postgis_settings: Settings, root: Path, tmp_path: Path
) -> None:
    paths = [write(tmp_path / f"{n}.jpg", picture(n)) for n in range(40)]
    running = [start(postgis_settings, root, how, *paths) for how in ("plain", "swapped")]
    said = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    report = photographs.check(desk, root)
    assert (report.n_files, report.n_sound, report.orphans, report.unfinished) == (40, 40, [], [])


def test_writers_of_the_same_files_in_opposite_order_do_not_block_each_other(desk: Work) -> None:
    """A third writer's row between theirs makes both wait half-way."""
    a, m, b = (StoredFile(letter * 64, "application/pdf", 1) for letter in "amz")

    def save(rows: list[StoredFile]) -> None:
        with desk.transaction() as connection:
            attachments.save_files(connection, rows)

    with ThreadPoolExecutor(2) as pool:
        with desk.engine.connect() as third:
            attachments.save_files(third, [m])
            both = [pool.submit(save, rows) for rows in ([a, m, b], [b, m, a])]
            wait_until_blocked(desk, 2)
            third.rollback()
        for one in both:
            one.result(timeout=60)
    assert n_rows(desk, "stored_file") == 3


@pytest.mark.crash
def test_a_writer_killed_in_the_act_leaves_no_half_file(
    desk: Work, postgis_settings: Settings, root: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jpg", picture())
    process = start(postgis_settings, root, "die", path, path)
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    report = photographs.check(desk, root)
    assert (report.n_files, report.orphans, len(report.unfinished)) == (0, [], 1)
    (stored,) = keep(desk, root, path)
    assert files.state(root, stored) == "sound"
    assert photographs.check(desk, root).n_sound == 1


# --- attaching -------------------------------------------------------------------------------------------------------


def add(work: Work, root: Path, *paths: Path, **about: Any) -> list[photographs.Attached]:
    room: Any = of_samples if "sample_no" in about else photographs
    done: list[photographs.Attached] = room.add(work.but(actor="甲"), root, paths, **{"kind": "after", **about})
    return done


def test_a_photograph_of_a_step_is_listed_with_what_is_to_be_looked_at(desk: Work, root: Path, tmp_path: Path) -> None:
    lon, lat = MIDDLE
    here = ((lat, 0, 0), "N", (lon, 0, 0), "E")
    far = ((lat + 0.01, 0, 0), "N", (lon, 0, 0), "E")
    fits = write(tmp_path / "fits.jpg", picture(time="2025:12:05 12:10:00", place=here))
    late = write(tmp_path / "late.jpg", picture(time="2025:12:05 12:30:00", offset="+08:00", place=far))
    done = add(desk, root, fits, late, case_no="n/1", step_seq=1, caption="路口")
    assert [a.is_new for a in done] == [True, True]
    assert [[n.code for n in a.notes] for a in done] == [[], ["picture_far", "picture_late"]]
    listed = photographs.listed(desk, case_no="n/1")
    assert [(x["no"], x["step"], x["kind"], x["caption"], x["actor"]) for x in listed] == [
        ("n/1", 1, "after", "路口", "甲")
    ] * 2
    assert [x["notes"] for x in listed] == [[n.as_dict() for n in a.notes] for a in done]
    assert listed[1]["notes"][1]["facts"] == {"minutes": 30, "late_minutes": 10}
    assert listed[1]["notes"][0]["facts"]["distance_m"] == pytest.approx(1_109, abs=2)
    assert json.loads(json.dumps(listed, default=str))


def test_what_the_camera_wrote_wrongly_is_told_on_attaching(desk: Work, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", picture(time="2025:13:05 12:00:00"))
    assert [n.code for n in add(desk, root, path, case_no="n2")[0].notes] == ["picture_time_nonsense"]


def test_the_same_is_attached_once_and_elsewhere_again(desk: Work, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", picture())
    for about in ({"case_no": "n/1"}, {"case_no": "n/1", "step_seq": 1}, {"case_no": "n2"}, {"sample_no": "s1"}):
        first, again = add(desk, root, path, **about)[0], add(desk, root, path, caption="x", **about)[0]
        assert (first.is_new, again.is_new, first.id) == (True, False, again.id)
    assert add(desk, root, path, case_no="n2", kind="before")[0].is_new
    assert (n_rows(desk, "attachment"), n_rows(desk, "stored_file")) == (5, 1)
    assert [x["no"] for x in of_samples.listed(desk, "s1")] == ["s1"]
    assert [(x["step"], x["caption"]) for x in photographs.listed(desk, case_no="n/1")] == [(None, None), (1, None)]


def test_a_step_holds_as_many_as_allowed(desk: Work, root: Path, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.jpg", picture(n)) for n in range(LIMITS.max_per_step + 1)]
    add(desk, root, *paths[:-1], case_no="n/1", step_seq=1)
    assert not add(desk, root, paths[0], case_no="n/1", step_seq=1)[0].is_new
    with pytest.raises(FilesFull) as e:
        add(desk, root, paths[-1], case_no="n/1", step_seq=1)
    assert e.value.n_most == LIMITS.max_per_step
    assert len(photographs.listed(desk, case_no="n/1")) == LIMITS.max_per_step
    assert add(desk, root, paths[-1], case_no="n/1")[0].is_new  # the case as a whole counts by itself


def test_what_does_not_exist_has_no_photographs(desk: Work, root: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", picture())
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"case_no": "nowhere"}, CaseMissing),
        ({"sample_no": "nowhere"}, SampleMissing),
        ({"case_no": "n/1", "step_seq": 2}, OptionInvalid),
        ({"case_no": "n/1", "step_seq": 0}, OptionInvalid),
    ]
    for about, error in wrong:
        with pytest.raises(error):
            add(desk, root, path, **about)
    with pytest.raises(CaseMissing):
        photographs.listed(desk, case_no="nowhere")
    with pytest.raises(SampleMissing):
        of_samples.listed(desk, "nowhere")
    assert not root.exists()


@pytest.mark.parametrize(
    "about",
    [{}, {"case_id": 1, "sample_no": "s1"}, {"sample_no": "s1", "step_seq": 1}, {"case_id": 1, "kind": "during"}],
)
def test_the_database_refuses_what_belongs_nowhere(
    desk: Work, root: Path, tmp_path: Path, about: dict[str, Any]
) -> None:
    (stored,) = keep(desk, root, write(tmp_path / "a.jpg", picture()))
    with pytest.raises(DatabaseRefused), desk.transaction() as connection:
        connection.execute(
            t.attachment.insert().values(**{"kind": "after", "actor": "甲", **about}, sha256=stored.sha256)
        )


# --- reading back ----------------------------------------------------------------------------------------------------


@pytest.fixture
def three(desk: Work, root: Path, tmp_path: Path) -> list[bytes]:
    """Case n/1 with a picture before, one after with everything a camera writes, and a document."""
    told = picture(1, time="2025:12:05 11:00:00", place=((30, 0, 0), "N", (114, 0, 0), "E"), orientation=6)
    contents = [picture(), told, PDF]
    for kind, content in zip(("before", "after", "after"), contents, strict=True):
        add(desk, root, write(tmp_path / "x", content), case_no="n/1", kind=kind)
    return contents


def test_export_writes_clean_copies_under_the_number(
    desk: Work, root: Path, tmp_path: Path, three: list[bytes]
) -> None:
    out = tmp_path / "out" / "photos"
    written = photographs.export(desk, root, out, case_no="n/1")
    assert [p.name for p in written] == ["n%2F1_before_1.jpg", "n%2F1_after_1.jpg", "n%2F1_after_2.pdf"]
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in written)
    copy = opened(written[1].read_bytes())
    assert copy.tobytes() == opened(three[1]).tobytes()
    assert dict(copy.getexif()) == {0x0112: 6}
    assert written[2].read_bytes() == PDF
    assert photographs.export(desk, root, out, case_no="n2") == []


def test_one_file_is_read_as_it_was_clean_or_small(desk: Work, root: Path, three: list[bytes]) -> None:
    _, told, document = photographs.listed(desk, case_no="n/1")
    read = lambda x, form: photographs.read(desk, root, x["sha256"], form)  # noqa: E731
    assert read(told, "original") == (three[1], "image/jpeg")
    assert b"2025:12:05" not in read(told, "clean")[0]
    assert opened(read(told, "thumbnail")[0]).size == (32, 64)
    assert read(document, "clean") == (PDF, "application/pdf")
    for sha256, form in ((document["sha256"], "thumbnail"), ("0" * 64, "clean")):
        with pytest.raises(FileMissing):
            photographs.read(desk, root, sha256, form)


def test_a_file_that_is_gone_or_rotten_is_never_handed_out(
    desk: Work, root: Path, tmp_path: Path, three: list[bytes]
) -> None:
    shas = [x["sha256"] for x in photographs.listed(desk, case_no="n/1")]
    paths = [root / s[:2] / s[2:4] / s for s in shas]
    paths[0].with_suffix(".jpg").unlink()
    rotten = bytearray(three[1])
    rotten[-50] ^= 1
    paths[1].with_suffix(".jpg").write_bytes(rotten)
    paths[1].with_suffix(".thumb.jpg").unlink()
    (root / "left.txt").write_bytes(b"")
    report = photographs.check(desk, root)
    assert report.as_dict() == {
        "folder": str(root), "n_files": 3, "n_sound": 1, "missing": [shas[0]], "damaged": [shas[1]],
        "no_thumbnail": [shas[1]], "orphans": ["left.txt"], "unfinished": [],
    }  # fmt: skip
    for sha256, form in ((shas[0], "original"), (shas[1], "clean"), (shas[1], "thumbnail")):
        with pytest.raises(FileLost):
            photographs.read(desk, root, sha256, form)
    with pytest.raises(FileLost):
        photographs.export(desk, root, tmp_path / "out", case_no="n/1")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_was_never_used_agrees_with_an_empty_table(desk: Work, root: Path) -> None:
    report = photographs.check(desk, root)
    assert (report.n_files, report.orphans, report.missing) == (0, [], [])


def test_every_row_of_an_attachment_has_its_case(desk: Work, three: list[bytes]) -> None:
    orphans = select(t.attachment.c.id).outerjoin(t.cases, t.cases.c.id == t.attachment.c.case_id)
    with desk.snapshot() as connection:
        assert connection.execute(orphans.where(t.cases.c.id.is_(None))).all() == []
