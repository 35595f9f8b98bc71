"""The stories' photos are pictures that any reader of pictures opens."""

import io

from PIL import Image

from seeds.png import photo


def test_a_photo_is_a_valid_picture_in_its_colour() -> None:
    with Image.open(io.BytesIO(photo(90, 140, 200))) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.size == (16, 16)
        assert picture.getpixel((8, 8)) == (90, 140, 200)
        assert picture.getpixel((0, 0)) == (30, 46, 66)
