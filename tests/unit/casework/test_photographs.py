"""Photographs: what is taken by content and size, what cameras write, upright small copies, and marks beside a case."""

import datetime as dt
import hashlib
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.casework.photographs import Accepted, Limits, StoredFile, accept, compare, distance_m
from gridmgmt.errors import FileRefused
from gridmgmt.files import data_files
from gridmgmt.settings import data_path
from gridmgmt.texts import word
from tests.pictures import HEIC, LIMITS, PDF, encode, exif, opened, png_bomb, scene

CITY = ZoneInfo("Asia/Shanghai")
FORMS = (("JPEG", "image/jpeg", "jpg"), ("PNG", "image/png", "png"), ("WEBP", "image/webp", "webp"))


def take(content: bytes, zone: ZoneInfo = CITY) -> Accepted:
    return accept("a.jpg", content, LIMITS, zone)


def refused(content: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as e:
        take(content)
    for lang in ("zh", "en"):
        said = word(e.value.code, e.value.facts, lang)
        assert "a.jpg" in said
        assert "refused_file" not in said
        assert "{" not in said
    return e.value


# --- what is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "media_type", "extension"), FORMS)
def test_a_picture_is_known_by_its_content(form: str, media_type: str, extension: str) -> None:
    content = encode(form=form)
    file = take(content).file
    assert (file.media_type, file.extension, file.n_bytes) == (media_type, extension, len(content))
    assert (file.width, file.height) == (200, 100)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert (file.taken_at, file.taken_at_zone_known, file.exif_lon, file.exif_lat, file.notes) == (None,) * 4 + ((),)


def test_a_document_is_kept_without_a_small_picture() -> None:
    accepted = take(PDF)
    assert (accepted.file.media_type, accepted.file.width, accepted.thumbnail) == ("application/pdf", None, None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00" + b"\x00" * 200, "type_unknown"),  # a program called .jpg
        (b"GIF89a" + b"\x00" * 200, "type_unknown"),
        (b"\xff\xd8", "type_unknown"),
        (b"RIFF\x00\x00\x00\x00WAVE", "type_unknown"),
        (HEIC, "heic"),
        (HEIC.replace(b"ftypheic", b"ftypavif"), "heic"),
        (encode()[:-200], "damaged"),
        (encode(form="PNG")[:-200], "damaged"),
        (encode(form="WEBP")[:-200], "damaged"),
        (b"\xff\xd8\xff" + b"\x00" * 300, "damaged"),
        (b"%PDF-1.7\nbroken off", "damaged"),
        (png_bomb(20_000, 20_000), "too_many_pixels"),  # what the library itself calls a bomb
        (png_bomb(1_000, 1_001), "too_many_pixels"),
        (PDF + b" " * 1_000, "too_large"),
    ],
)
def test_what_is_not_kept(content: bytes, why: str) -> None:
    assert refused(content).why == why


def test_a_file_as_large_as_allowed_is_kept_and_one_byte_more_is_not() -> None:
    most = LIMITS.max_bytes["application/pdf"]
    assert take(PDF.replace(b"\n%%EOF", b" " * (most - len(PDF)) + b"\n%%EOF")).file.n_bytes == most
    assert refused(PDF.replace(b"\n%%EOF", b" " * (most - len(PDF) + 1) + b"\n%%EOF")).max_bytes == most


def test_a_picture_of_as_many_pixels_as_allowed_is_kept() -> None:
    assert take(png_bomb(1_000, 1_000)).file.width == 1_000


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_colour_mode_has_a_small_picture(mode: str) -> None:
    image = scene().convert("L").convert("I;16") if mode == "I;16" else scene(mode=mode)
    assert opened(take(encode(image, "PNG")).thumbnail or b"").mode == "RGB"
    assert opened(take(encode(scene(mode="CMYK"))).thumbnail or b"").mode == "RGB"


def test_what_is_transparent_is_white_in_the_small_picture() -> None:
    clear = encode(scene(mode="RGBA").point(lambda _: 0), "PNG")
    assert np.asarray(opened(take(clear).thumbnail or b"")).min() > 250


def test_the_limits_of_the_project_can_be_read() -> None:
    limits = data_files.read(data_path("files", "limits.yaml"), Limits)
    assert limits.max_bytes["image/jpeg"] == 20_000_000
    assert limits.max_bytes["application/pdf"] == 50_000_000


@given(st.binary(max_size=300))
def test_no_bytes_bring_it_down(content: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\x00\x00\x00WEBP", b"%PDF-"):
        with suppress(FileRefused):
            assert take(start + content).file.n_bytes == len(start + content)


@given(st.integers(min_value=3, max_value=2_000), st.integers(min_value=0, max_value=255))
def test_a_picture_with_one_other_byte_is_kept_or_refused(at: int, value: int) -> None:
    content = bytearray(encode(exif=exif("2026:03:05 10:00:00", "+08:00", ((30, 0, 0), "N", (114, 0, 0), "E"), 6)))
    content[at] = value
    with suppress(FileRefused):
        assert take(bytes(content)).file.media_type == "image/jpeg"


# --- small pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "red", "green"),
    [
        (1, "left", "left top"),
        (2, "right", "right top"),
        (3, "right", "right bottom"),
        (4, "left", "left bottom"),
        (5, "top", "left top"),
        (6, "top", "right top"),
        (7, "bottom", "right bottom"),
        (8, "bottom", "left bottom"),
    ],
)
def test_a_small_picture_stands_upright(turn: int, red: str, green: str) -> None:
    """The red third and its green corner, stored on the left and above, stand where the camera says they belong."""
    accepted = take(encode(exif=exif(orientation=turn)))
    small = opened(accepted.thumbnail or b"")
    assert (accepted.file.width, accepted.file.height) == ((200, 100) if turn < 5 else (100, 200))
    assert small.size == ((64, 32) if turn < 5 else (32, 64))
    right, bottom = small.width - 4, small.height - 4
    sides = {
        "left": (3, bottom // 2),
        "right": (right, bottom // 2),
        "top": (right // 2, 3),
        "bottom": (right // 2, bottom),
    }
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    assert _colour(small, sides[red]) == "red"
    assert _colour(small, sides[opposite[red]]) == "blue"
    corners = {"left top": (3, 3), "right top": (right, 3), "left bottom": (3, bottom), "right bottom": (right, bottom)}
    assert [k for k, at in corners.items() if _colour(small, at) == "green"] == [green]


def _colour(image: Any, at: tuple[int, int]) -> str:
    red, green, blue = image.getpixel(at)
    return max((red, "red"), (green, "green"), (blue, "blue"))[1]


@pytest.mark.parametrize(("form", "_media_type", "_extension"), FORMS)
def test_a_small_picture_tells_nothing_of_the_camera(form: str, _media_type: str, _extension: str) -> None:
    told = exif("2026:03:05 10:00:00", "+08:00", ((30, 0, 0), "N", (114, 0, 0), "E"), 6)
    more = {"comment": b"secret"} if form == "JPEG" else {}
    small = take(encode(form=form, exif=told, **more)).thumbnail or b""
    assert not opened(small).getexif()
    assert b"2026" not in small
    assert b"secret" not in small
    assert b"Exif" not in small


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "offset", "utc", "known"),
    [
        ("2026:03:05 10:00:00", "+08:00", "2026-03-05T02:00:00", True),
        ("2026:03:05 10:00:00", "-05:00", "2026-03-05T15:00:00", True),
        ("2026:03:05 10:00:00", None, "2026-03-05T02:00:00", False),
        ("2026:03:05 10:00:00", "  ", "2026-03-05T02:00:00", False),
        ("2026:01:01 00:30:00", None, "2025-12-31T16:30:00", False),
        ("2024:02:29 23:59:59", None, "2024-02-29T15:59:59", False),
    ],
)
def test_the_camera_s_time(written: str, offset: str | None, utc: str, known: bool) -> None:
    file = take(encode(exif=exif(written, offset))).file
    assert (file.taken_at, file.taken_at_zone_known) == (dt.datetime.fromisoformat(utc + "+00:00"), known)
    assert file.notes == ()


@pytest.mark.parametrize(
    "written", ["2026:02:30 10:00:00", "2026:03:05 25:00:00", "yesterday 1", "2026-03-05 10:00:00"]
)
def test_a_time_that_is_none_is_left_out_and_noted(written: str) -> None:
    file = take(encode(exif=exif(written))).file
    assert (file.taken_at, file.taken_at_zone_known) == (None, None)
    assert [(n.code, n.facts) for n in file.notes] == [("picture_time_nonsense", {"value": written})]


@pytest.mark.parametrize("written", ["0000:00:00 00:00:00", "    :  :     :  :  ", ""])
def test_a_clock_that_was_never_set_is_no_time(written: str) -> None:
    file = take(encode(exif=exif(written))).file
    assert (file.taken_at, file.notes) == (None, ())


def test_a_time_that_the_city_s_clocks_skip_is_left_out() -> None:
    file = take(encode(exif=exif("2026:03:08 02:30:00")), ZoneInfo("America/New_York")).file
    assert file.taken_at is None
    assert file.notes[0].code == "picture_time_nonsense"


# --- place -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "lon", "lat"),
    [
        (((30.0, 30.0, 36.0), "N", (114.0, 15.0, 0.0), "E"), 114.25, 30.51),
        (((30.0, 30.0, 36.0), "S", (114.0, 15.0, 0.0), "W"), -114.25, -30.51),
        (((90.0, 0.0, 0.0), "N", (180.0, 0.0, 0.0), "E"), 180.0, 90.0),
        (((0.0, 0.0, 0.0), "N", (114.0, 0.0, 0.0), "E"), 114.0, 0.0),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_camera_s_place(place: Any, lon: float, lat: float, form: str) -> None:
    file = take(encode(form=form, exif=exif(place=place))).file
    assert file.exif_lon == pytest.approx(lon, abs=1e-9)
    assert file.exif_lat == pytest.approx(lat, abs=1e-9)
    assert file.notes == ()


@pytest.mark.parametrize(
    "place",
    [
        ((0.0, 0.0, 0.0), "N", (0.0, 0.0, 0.0), "E"),
        ((91.0, 0.0, 0.0), "N", (114.0, 0.0, 0.0), "E"),
        ((90.0, 0.0, 1.0), "N", (114.0, 0.0, 0.0), "E"),
        ((30.0, 60.0, 0.0), "N", (114.0, 0.0, 0.0), "E"),
        ((30.0, 0.0, 60.0), "N", (114.0, 0.0, 0.0), "E"),
        ((30.0, 0.0, 0.0), "N", (180.0, 0.0, 1.0), "E"),
        ((30.0, 0.0, 0.0), "X", (114.0, 0.0, 0.0), "E"),
        ((30.0, 0.0, 0.0), "E", (114.0, 0.0, 0.0), "N"),
        ((30.0, 0.0, 0.0), None, (114.0, 0.0, 0.0), "E"),
        ((30.0, 0.0, 0.0), "N", None, None),
        ((30.0, 0.0), "N", (114.0, 0.0, 0.0), "E"),
    ],
)
def test_a_place_that_makes_no_sense_is_left_out_and_noted(place: Any) -> None:
    file = take(encode(exif=exif(place=place))).file
    assert (file.exif_lon, file.exif_lat) == (None, None)
    assert [n.code for n in file.notes] == ["picture_place_nonsense"]
    assert "{" not in word(file.notes[0].code, file.notes[0].facts)


# --- a photograph and its case ---------------------------------------------------------------------------------------

AT = dt.datetime(2026, 3, 5, 2, tzinfo=dt.UTC)
HERE = (114.0, 30.0)


def shot(lon: float | None = None, lat: float | None = None, at: dt.datetime | None = None) -> StoredFile:
    return StoredFile("0" * 64, "image/jpeg", 1, 1, 1, at, at and True, lon, lat)


def north(metres: float) -> float:
    """A latitude so many metres north of HERE: 110 852.4 m make a degree there."""
    return 30.0 + metres / 110_852.4


def test_distances_are_those_of_the_ellipsoid() -> None:
    assert distance_m(HERE, (114.0, 31.0)) == pytest.approx(110_861, abs=1)
    assert distance_m(HERE, (115.0, 30.0)) == pytest.approx(96_486, abs=1)


@pytest.mark.parametrize(("metres", "codes"), [(0, []), (199, []), (201, ["picture_far"]), (5_000, ["picture_far"])])
def test_a_photograph_far_from_its_case_is_marked(metres: float, codes: list[str]) -> None:
    notes = compare(shot(114.0, north(metres)), HERE, AT, LIMITS)
    assert [n.code for n in notes] == codes
    if codes:
        assert notes[0].facts["distance_m"] == pytest.approx(metres, abs=1)
        assert "200" in word(notes[0].code, notes[0].facts, "en")


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(-86_400, None), (0, None), (600, None), (601, 11), (660, 11), (661, 12)]
)
def test_a_photograph_taken_after_its_step_is_marked(seconds: int, minutes: int | None) -> None:
    notes = compare(shot(at=AT + dt.timedelta(seconds=seconds)), HERE, AT, LIMITS)
    assert [n.facts["minutes"] for n in notes] == ([minutes] if minutes else [])
    assert all(n.code == "picture_late" for n in notes)


def test_what_is_not_known_is_not_compared() -> None:
    late = shot(120.0, 40.0, AT + dt.timedelta(days=1))
    assert compare(late, None, None, LIMITS) == ()
    assert compare(shot(), HERE, AT, LIMITS) == ()
    assert len(compare(late, HERE, AT, LIMITS)) == 2
