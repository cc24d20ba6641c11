"""Pictures for tests, made by Pillow: with what a camera writes, turned, damaged, or far too large."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from gridmgmt.casework.photographs import Limits

LIMITS = Limits(
    max_bytes={"image/jpeg": 400_000, "image/png": 400_000, "image/webp": 400_000, "application/pdf": 1_000},
    max_pixels=1_000_000, max_per_step=3, thumbnail_px=64, far_m=200, late_minutes=10,
)  # fmt: skip

PDF = b"%PDF-1.7\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n"
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 40


def exif(
    time: str | None = None,
    offset: str | None = None,
    place: tuple[Any, str | None, Any, str | None] | None = None,
    orientation: int | None = None,
) -> Image.Exif:
    """What a camera writes; ``place`` as (latitude, its reference, longitude, its reference)."""
    out = Image.Exif()
    if orientation is not None:
        out[ExifTags.Base.Orientation] = orientation
    shot: dict[int, Any] = {ExifTags.Base.DateTimeOriginal: time, ExifTags.Base.OffsetTimeOriginal: offset}
    if shot := {k: v for k, v in shot.items() if v is not None}:
        out[ExifTags.IFD.Exif] = shot
    if place is not None:
        tags = ExifTags.GPS
        keys = (tags.GPSLatitude, tags.GPSLatitudeRef, tags.GPSLongitude, tags.GPSLongitudeRef)
        out[ExifTags.IFD.GPSInfo] = {k: v for k, v in zip(keys, place, strict=True) if v is not None}
    return out


def scene(size: tuple[int, int] = (200, 100), mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A picture whose left third is red, its upper corner green; the rest is blue noise."""
    width, height = size
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 2] = np.random.default_rng(seed).integers(100, 255, (height, width))
    pixels[:, : width // 3] = (255, 0, 0)
    pixels[: height // 3, : height // 3] = (0, 255, 0)
    return Image.fromarray(pixels).convert(mode)


def encode(image: Image.Image | None = None, form: str = "JPEG", **options: Any) -> bytes:
    """A picture's bytes; the scene where none is given."""
    out = io.BytesIO()
    (image or scene()).save(out, form, **options)
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that unpacks to ``width × height`` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer, rows = zlib.compressobj(9), b""
    for _ in range(height):
        rows += packer.compress(b"\0" * (width // 8 + 2))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows + packer.flush()) + chunk(b"IEND", b"")


def opened(content: bytes) -> Image.Image:
    """A picture's pixels and words."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
