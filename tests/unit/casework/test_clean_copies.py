"""Clean copies: the same pixels, the same way up, and nothing that the camera or an editor wrote."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from gridmgmt.casework.clean_copies import clean
from tests.pictures import PDF, encode, exif, opened, scene

SECRET = b"secret"
TOLD = ("2026:03:05 10:00:00", "+08:00", ((30, 30, 0), "N", (114, 15, 0), "E"))
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MEDIA = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def words() -> PngInfo:
    info = PngInfo()
    info.add_text("Author", "secret")
    info.add_itxt("XML:com.adobe.xmp", "<x>secret</x>")
    return info


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("JPEG", {"comment": SECRET}),
    ("JPEG", {"progressive": True, "xmp": b"<x>secret</x>"}),
    ("JPEG", {"icc_profile": PROFILE, "restart_marker_blocks": 2, "subsampling": "4:4:4"}),
    ("JPEG", {"keep_rgb": True}),
    ("PNG", {"pnginfo": words()}),
    ("PNG", {"icc_profile": PROFILE}),
    ("WEBP", {"xmp": b"<x>secret</x>", "icc_profile": PROFILE}),
    ("WEBP", {"lossless": True}),
]


@pytest.mark.parametrize("turn", [None, 1, 3, 6])
@pytest.mark.parametrize(("form", "options"), OPTIONS)
def test_the_picture_stays_and_the_words_go(form: str, options: dict[str, Any], turn: int | None) -> None:
    content = encode(form=form, exif=exif(*TOLD, turn), **options)
    copy = clean(content, MEDIA[form])
    before, after = opened(content), opened(copy)
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(before)), np.asarray(ImageOps.exif_transpose(after)))
    assert dict(after.getexif()) == ({} if turn in (None, 1) else {0x0112: turn})
    assert before.info.get("icc_profile") == after.info.get("icc_profile")
    for word in (SECRET, b"2026", b"GPS", b"xmp"):
        assert word not in copy
    assert len(copy) < len(content)
    assert clean(copy, MEDIA[form]) == copy


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_every_kind_of_jpeg_keeps_its_colours(mode: str) -> None:
    content = encode(scene(mode=mode), exif=exif(*TOLD))
    assert np.array_equal(np.asarray(opened(content)), np.asarray(opened(clean(content, "image/jpeg"))))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_what_stands_behind_the_picture_is_left_out(form: str) -> None:
    copy = clean(encode(form=form) + b"\xff\xd8 a film with its place: secret \xff\xd9", MEDIA[form])
    assert SECRET not in copy
    assert opened(copy).size == (200, 100)


def test_the_second_picture_of_a_camera_is_left_out() -> None:
    """Some cameras put a preview or a right eye's view behind the first picture, with the same words."""
    content = encode(form="MPO", save_all=True, append_images=[scene(seed=1)], exif=exif(*TOLD))
    copy = clean(content, "image/jpeg")
    assert opened(copy).format == "JPEG"
    assert len(copy) < len(content) * 0.6
    assert b"2026" not in copy


def test_films_of_pictures_keep_their_frames() -> None:
    content = encode(form="WEBP", save_all=True, append_images=[scene(seed=1)], exif=exif(*TOLD), duration=100)
    after = opened(clean(content, "image/webp"))
    assert after.n_frames == 2
    assert not after.getexif()


def test_a_jpeg_whose_end_is_missing_is_closed() -> None:
    content = encode()
    assert clean(content[:-2], "image/jpeg") == clean(content, "image/jpeg")
    png = encode(form="PNG")
    assert clean(png[:-12], "image/png") == clean(png, "image/png")


def test_a_document_stays_as_it_is() -> None:
    assert clean(PDF, "application/pdf") == PDF


@given(st.binary(max_size=200).map(lambda b: b.replace(b"\xff", b"\xfe")))
def test_no_segment_of_words_gets_through(said: bytes) -> None:
    content = encode()
    for marker in (0xE1, 0xE2, 0xE3, 0xED, 0xEE, 0xEF, 0xFE):
        body = b"words:" + said
        segment = b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2, "big") + body
        assert clean(content[:2] + segment + content[2:], "image/jpeg") == clean(content, "image/jpeg")
