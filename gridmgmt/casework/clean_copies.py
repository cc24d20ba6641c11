"""Copies for others (去元数据副本): a picture without what its camera and editors wrote, its pixels untouched.

Nothing is decoded and encoded again: of the file's own parts those that make up
the picture are kept, all others – EXIF with time, place and owner, XMP, IPTC,
comments, small pictures, whatever stands behind the end – are left out. Only how
the picture is to be turned is written anew.

Sources: JPEG, ITU-T T.81 annex B; PNG, W3C recommendation, section 11; WebP container, RFC 9649.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from PIL import ExifTags, Image

from gridmgmt.casework.photographs import orientation

_EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd8\xff]")
"""A JPEG marker that a length follows, or the end; not FF 00 and the restarts inside a scan's data."""

_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs",
     b"acTL", b"fcTL", b"fdAT"}
)  # fmt: skip
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04


def clean(content: bytes, media_type: str) -> bytes:
    """An accepted picture's clean copy; a document comes back as it is."""
    strip = _STRIP.get(media_type)
    if strip is None:
        return content
    with Image.open(io.BytesIO(content)) as image:
        turn = orientation(image)
    return strip(content, _orientation_only(turn) if turn != 1 else b"")


def _orientation_only(turn: int) -> bytes:
    """An EXIF block, from its TIFF header on, that says how to turn the picture and nothing else."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    return exif.tobytes().removeprefix(b"Exif\0\0")


def _jpeg(content: bytes, exif: bytes) -> bytes:
    out = bytearray(b"\xff\xd8")
    if exif:
        out += _segment(_APP1, b"Exif\0\0" + exif)
    for marker, body in _segments(content):
        if marker == _SOS:
            out += body
        elif marker == _APP0 and body.startswith(b"JFIF\0"):
            out += _segment(marker, body[:12] + b"\0\0")  # without its small picture
        elif _belongs(marker, body):
            out += _segment(marker, body)
    return bytes(out + b"\xff\xd9")


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _belongs(marker: int, body: bytes) -> bool:
    """Whether a segment makes up the picture: tables, frames, colour profile and colour transform."""
    if marker == _APP2:
        return body.startswith(b"ICC_PROFILE\0")
    if marker == _APP14:
        return body.startswith(b"Adobe")
    return 0xC0 <= marker <= 0xCF or 0xDB <= marker <= 0xDF


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """A JPEG's segments up to the end of its first picture; of a scan everything, with its marker."""
    at = 2
    while found := _MARKER.search(content, at):
        start, marker = found.end() - 2, content[found.end() - 1]
        if marker == _EOI or start + 4 > len(content):
            return
        at = start + 2 + struct.unpack_from(">H", content, start + 2)[0]
        if marker == _SOS:
            behind = _MARKER.search(content, at)
            at = behind.start() if behind else len(content)
            yield marker, content[start:at]
        else:
            yield marker, content[start + 4 : at]


def _png(content: bytes, exif: bytes) -> bytes:
    out, at = bytearray(content[:8]), 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, end = content[at + 4 : at + 8], at + 12 + length
        if kind in _PNG_KEPT:
            out += content[at:end]
        if kind == b"IHDR" and exif:
            out += _chunk(b"eXIf", exif)
        if kind == b"IEND":
            return bytes(out)
        at = end
    return bytes(out + _chunk(b"IEND", b""))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _webp(content: bytes, exif: bytes) -> bytes:
    out, at = bytearray(b"WEBP"), 12
    end = min(8 + struct.unpack_from("<I", content, 4)[0], len(content))
    while at + 8 <= end:
        kind, length = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        chunk = bytearray(content[at : at + 8 + length + length % 2])
        if kind == b"VP8X":
            chunk[8] = chunk[8] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if exif else 0)
        if kind in _WEBP_KEPT:
            out += chunk
        at += 8 + length + length % 2
    if exif:
        out += b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2)
    return b"RIFF" + struct.pack("<I", len(out)) + bytes(out)


_STRIP: Mapping[str, Callable[[bytes, bytes], bytes]] = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}
