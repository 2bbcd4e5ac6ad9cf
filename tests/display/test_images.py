"""Only what its bytes prove to be a PNG or a JPEG of a sane size is shown as an image."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.display.views.images import data_url, image, image_text
from tests.display.pictures import JPEG, PNG, jpeg, png


def test_dimensions_are_read_from_the_bytes() -> None:
    assert [found and (found.width, found.height) for found in map(image, (PNG, JPEG))] == [(3, 2), (5, 4)]


NONE = [
    b"",
    PNG[:30],
    b"GIF89a" + PNG,
    PNG[:8] + b"\x00\x00\x00\x0dXXXX" + PNG[16:],
    png(1, 1).replace(b"\x00\x00\x00\x01\x00\x00\x00\x01", b"\x00\x00\x00\x00\x00\x00\x00\x01"),
    png(1, 1).replace(b"\x00\x00\x00\x01\x00\x00\x00\x01", b"\x00\x01\x00\x00\x00\x01\x00\x00"),
    jpeg(65_000, 65_000),
    JPEG[:3],
    b"\xff\xd8" + b"\xff" * 50_000,
    b"\xff\xd8\xff\xe0\x00\x00" * 20_000,
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    PNG + bytes(16 * 2**20),
]


@pytest.mark.parametrize("data", NONE)
def test_other_bytes_are_no_image(data: bytes) -> None:
    assert image(data) is None


@given(some.binary())
def test_no_bytes_are_an_image_by_chance(data: bytes) -> None:
    assert image(data) is None


@given(some.binary(max_size=200))
def test_a_damaged_image_raises_nothing(tail: bytes) -> None:
    image(PNG[:16] + tail)
    image(JPEG[:20] + tail)


def test_base64_with_the_right_beginning_is_an_image() -> None:
    long = png(64, 64)
    assert image_text(base64.b64encode(long).decode()) == image(long)
    assert image_text("/9j/ " * 40) is None


@pytest.mark.parametrize("text", ["data:image/png,abc", "data:image/png;base64,%%%", "image/png;base64,aaaa", "data:"])
def test_a_broken_data_url_is_text(text: str) -> None:
    assert data_url(text) is None
