"""Photographs and files (照片与附件): what a file is by its content, whether it may be kept, and what its camera wrote.

A file's name tells nothing: its first bytes say what it is. Pictures are
decoded wholly once, so that a damaged one is refused while whoever handed it in
can still send another.
"""

import datetime as dt
import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from PIL import ExifTags, Image, ImageOps
from pydantic import BaseModel, ConfigDict, Field
from pyproj import Geod

from gridmgmt.errors import FileRefused, InstantInvalid
from gridmgmt.periods import parse_instant

_MediaType = Literal["image/jpeg", "image/png", "image/webp", "application/pdf"]

EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "application/pdf": "pdf",
}  # fmt: skip
"""Media type → how its files are called."""

KINDS = ("before", "after", "evidence")
"""What a file shows (附件类别): 处置前 before handling, 处置后 after handling, 证据 evidence."""

_PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"})
_EARTH = Geod(ellps="GRS80")


class Limits(BaseModel):
    """What is taken and up to which size (附件限制); ``data/files/limits.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    max_bytes: dict[_MediaType, int]
    max_pixels: int = Field(gt=0, le=89_478_485)  # beyond this the picture library itself refuses
    max_per_step: int = Field(gt=0)
    thumbnail_px: int = Field(ge=16)
    far_m: int = Field(gt=0)
    late_minutes: int = Field(ge=0)


@dataclass(frozen=True)
class Note:
    """Something to look at (提示): a code of the catalogue and its facts."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"code": self.code, "facts": dict(self.facts)}


@dataclass(frozen=True)
class StoredFile:
    """A photograph or file as the platform keeps it.

    Attributes
    ----------
    width, height
        Pixels as the picture is seen, its orientation applied; None for documents.
    taken_at, taken_at_zone_known
        When the camera took it, in UTC. Without an offset of its own the
        camera's time was read as city time, and ``taken_at_zone_known`` is False.
    exif_lon, exif_lat
        Where the camera says it stood: degrees, WGS84.
    notes
        What the camera wrote that could not be used.
    """

    sha256: str
    media_type: str
    n_bytes: int
    width: int | None = None
    height: int | None = None
    taken_at: dt.datetime | None = None
    taken_at_zone_known: bool | None = None
    exif_lon: float | None = None
    exif_lat: float | None = None
    notes: tuple[Note, ...] = ()

    @property
    def extension(self) -> str:
        """How its file is called."""
        return EXTENSIONS[self.media_type]


@dataclass(frozen=True)
class Accepted:
    """A file that may be kept: its facts, its bytes, and a small picture of it (JPEG) if it is a picture."""

    file: StoredFile
    content: bytes = field(repr=False)
    thumbnail: bytes | None = field(repr=False)


def accept(name: str, content: bytes, limits: Limits, zone: ZoneInfo) -> Accepted:
    """Check one file by its content and read what its camera wrote (照片查验).

    Parameters
    ----------
    name
        As whoever handed it in calls it; only for messages.
    zone
        City time, for cameras that write none.

    Raises
    ------
    FileRefused
        Empty, of no allowed type, too large, with too many pixels, or damaged; ``why`` says it.
    """
    media_type = _media_type_of(name, content, limits)
    most = limits.max_bytes[media_type]
    if len(content) > most:
        raise FileRefused(file=name, why="too_large", n_bytes=len(content), max_bytes=most, media_type=media_type)
    sha256 = hashlib.sha256(content).hexdigest()
    if media_type not in _PICTURES:
        if b"%%EOF" not in content[-1024:]:
            raise FileRefused(file=name, why="damaged", media_type=media_type)
        return Accepted(StoredFile(sha256, media_type, len(content)), content, None)
    seen, thumbnail = _look(name, content, media_type, limits, zone)
    width, height = seen.size
    file = StoredFile(
        sha256, media_type, len(content), width, height,
        seen.taken_at, seen.zone_known, seen.lon, seen.lat, tuple(seen.notes),
    )  # fmt: skip
    return Accepted(file, content, thumbnail)


def _media_type_of(name: str, content: bytes, limits: Limits) -> _MediaType:
    """What a file is by its first bytes.

    Raises
    ------
    FileRefused
        Empty, none of the allowed types, or HEIC, for which it says how to mend it.
    """
    if not content:
        raise FileRefused(file=name, why="empty")
    found: _MediaType | None = None
    if content.startswith(b"\xff\xd8\xff"):
        found = "image/jpeg"
    elif content.startswith(b"\x89PNG\r\n\x1a\n"):
        found = "image/png"
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        found = "image/webp"
    elif content.startswith(b"%PDF-"):
        found = "application/pdf"
    elif content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        raise FileRefused(file=name, why="heic")
    if found is None or found not in limits.max_bytes:
        raise FileRefused(file=name, why="type_unknown", allowed=[EXTENSIONS[m].upper() for m in limits.max_bytes])
    return found


# --- the picture -----------------------------------------------------------------------------------------------------


@dataclass
class _Seen:
    """A picture's size, upright, and what its camera wrote."""

    size: tuple[int, int]
    taken_at: dt.datetime | None = None
    zone_known: bool | None = None
    lon: float | None = None
    lat: float | None = None
    notes: list[Note] = field(default_factory=list)


def _look(name: str, content: bytes, media_type: str, limits: Limits, zone: ZoneInfo) -> tuple[_Seen, bytes]:
    """Decode a picture wholly: what there is to see, and a small copy, upright and without any words of the camera."""
    try:
        with Image.open(io.BytesIO(content), formats=[_PICTURES[media_type]]) as image:
            width, height = image.size
            if width * height > limits.max_pixels:
                raise _too_many_pixels(name, limits, f"{width} × {height}")
            turn, seen = _exif(image, zone)
            image.thumbnail((limits.thumbnail_px, limits.thumbnail_px))
            small = _plain(image if turn == 1 else ImageOps.exif_transpose(image))
    except FileRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise _too_many_pixels(name, limits, f"> {Image.MAX_IMAGE_PIXELS}") from e
    except Exception as e:  # a damaged picture makes the library fail in many ways
        raise FileRefused(file=name, why="damaged", media_type=media_type) from e
    seen.size = (height, width) if turn >= 5 else (width, height)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return seen, out.getvalue()


def _too_many_pixels(name: str, limits: Limits, found: str) -> FileRefused:
    return FileRefused(file=name, why="too_many_pixels", found=found, max_pixels=limits.max_pixels)


def _plain(image: Image.Image) -> Image.Image:
    """The pixels alone, on white where they are transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    pixels = image.convert("RGB")
    pixels.info = {}
    return pixels


# --- what the camera wrote -------------------------------------------------------------------------------------------


def orientation(image: Image.Image) -> int:
    """How a picture is to be turned when shown, 1 (as it is) to 8, as its camera wrote it."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever a camera or an editor wrote there, the picture itself may be sound
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _exif(image: Image.Image, zone: ZoneInfo) -> tuple[int, _Seen]:
    """Orientation, time and place of a picture (EXIF); what makes no sense is left out and noted."""
    seen = _Seen(image.size)
    try:
        turn, exif = orientation(image), image.getexif()
        shot, gps = dict(exif.get_ifd(ExifTags.IFD.Exif)), dict(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:  # as above
        seen.notes.append(Note("picture_exif_unreadable"))
        return 1, seen
    _read_time(seen, shot, zone)
    _read_place(seen, gps)
    return turn, seen


def _read_time(seen: _Seen, shot: Mapping[int, Any], zone: ZoneInfo) -> None:
    written = _text(shot.get(ExifTags.Base.DateTimeOriginal))
    if not re.search("[1-9]", written):  # blanks and zeros: the camera's clock was never set
        return
    offset = _text(shot.get(ExifTags.Base.OffsetTimeOriginal))
    known = re.fullmatch(r"[+-][0-9]{2}:[0-9]{2}", offset) is not None
    form = re.fullmatch(r"([0-9]{4}):([0-9]{2}):([0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})", written)
    try:
        if form is None:
            raise InstantInvalid(value=written, zone=zone.key)
        iso = f"{form[1]}-{form[2]}-{form[3]}T{form[4]}" + (offset if known else "")
        seen.taken_at, seen.zone_known = parse_instant(iso, zone), known
    except InstantInvalid:
        seen.notes.append(Note("picture_time_nonsense", {"value": written[:60]}))


def _read_place(seen: _Seen, gps: Mapping[int, Any]) -> None:
    tags = ExifTags.GPS
    values = [gps.get(t) for t in (tags.GPSLongitude, tags.GPSLongitudeRef, tags.GPSLatitude, tags.GPSLatitudeRef)]
    if not any(v is not None for v in values):
        return
    lon = _degrees(values[0], _text(values[1]), "EW", 180)
    lat = _degrees(values[2], _text(values[3]), "NS", 90)
    if lon is None or lat is None or (lon == 0 and lat == 0):  # 0, 0 is what a receiver without a fix writes
        seen.notes.append(Note("picture_place_nonsense", {"value": " ".join(map(_text, values))[:60]}))
        return
    seen.lon, seen.lat = lon, lat


def _degrees(value: Any, ref: str, signs: str, most: int) -> float | None:
    """Degrees, minutes and seconds with a hemisphere as decimal degrees; None unless they make sense."""
    try:
        degrees, minutes, seconds = (float(v) for v in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    parts = (degrees, minutes, seconds)
    if ref.upper() not in tuple(signs) or not all(map(math.isfinite, parts)) or min(parts) < 0:
        return None
    if minutes >= 60 or seconds >= 60:
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if total > most:
        return None
    return total if ref.upper() == signs[0] else 0.0 - total


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return str(value).replace("\0", "").strip() if value is not None else ""


# --- a photograph and its case ---------------------------------------------------------------------------------------


def compare(
    file: StoredFile, place: tuple[float, float] | None, at: dt.datetime | None, limits: Limits
) -> tuple[Note, ...]:
    """What to look at where a photograph does not fit its case (照片与案件不符): a warning, never a refusal.

    Parameters
    ----------
    place
        Lon, lat of the case or sample.
    at
        When the step was taken or the sample looked at.
    """
    notes = []
    if place is not None and file.exif_lon is not None and file.exif_lat is not None:
        distance = distance_m(place, (file.exif_lon, file.exif_lat))
        if distance > limits.far_m:
            notes.append(Note("picture_far", {"distance_m": round(distance), "far_m": limits.far_m}))
    if at is not None and file.taken_at is not None:
        late = file.taken_at - at
        if late > dt.timedelta(minutes=limits.late_minutes):
            minutes = math.ceil(late / dt.timedelta(minutes=1))
            notes.append(Note("picture_late", {"minutes": minutes, "late_minutes": limits.late_minutes}))
    return tuple(notes)


def distance_m(a: Sequence[float], b: Sequence[float]) -> float:
    """Metres between two points lon, lat along the ellipsoid of CGCS2000."""
    return float(_EARTH.inv(a[0], a[1], b[0], b[1])[2])
