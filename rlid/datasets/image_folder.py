"""A folder of class folders with images, as rows of bytes, read by Pillow."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.datasets.own_data import OwnData, in_three_parts
from rlid.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP", "GIF")
"""Formats of files that are read, by Pillow's names."""
GREY = ("1", "L", "LA")
COLOUR = ("RGB", "RGBA", "P", "CMYK", "YCbCr")
"""Pillow's modes of images with 8 bits a channel."""
LARGEST_SIDE = 4096
"""Pixels of an image's longer side; larger ones are not decoded."""
LARGEST_TOTAL = 2 * 1024**3
"""Bytes of all images together, as the network sees them."""
SPLIT = ("train", "test")
"""Folders that give the split, where both are there and nothing else is."""
IGNORED = ("Thumbs.db", "desktop.ini")


def read_image_folder(folder: Path, size: int | None = None) -> OwnData:
    """Return the images of a folder with one folder for each class, read once in a process.

    Where the folder has `train/` and `test/` and nothing else, their class folders are the classes.
    Images are grey where all of them are, else in three colours.

    Args:
        folder: where the class folders are.
        size: side in pixels to which every image is resized, or None: then all must have one size.

    Raises:
        DataError: a file is no image, or too large, sizes differ, or there are too few images.
    """
    files = _listed(folder)
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for *_, path in files)
    return _read(folder, size, stamps)


@lru_cache(maxsize=4)
def _read(folder: Path, size: int | None, stamps: tuple[Any, ...]) -> OwnData:
    """Read the folder; `stamps` of its files tell whether it is still what was read before."""
    files = _listed(folder)
    names = sorted({name for _, name, _ in files})
    if len(names) < 2:
        raise DataError(f"{folder}: one class; use a folder for each of at least two classes")
    shape = _shape(folder, files, size)
    total = len(files) * int(np.prod(shape))
    if total > LARGEST_TOTAL:
        raise DataError(
            f"{folder}: {total} bytes of pixels, more than {LARGEST_TOTAL}: use a smaller size=N"
        )
    parts: dict[bool, list[tuple[NDArray[np.uint8], int]]] = {False: [], True: []}
    for is_test, name, path in files:
        parts[is_test].append((_pixels(path, shape), names.index(name)))

    def arrays(is_test: bool) -> tuple[NDArray[Any], NDArray[Any], list[bytes]]:
        rows = parts[is_test]
        labels = np.array([label for _, label in rows], np.int64)
        keys = [f"{names[label]}\\0{shape}".encode() for label in labels]
        return np.stack([pixels for pixels, _ in rows]), labels, keys

    inputs, labels, keys = arrays(False)
    missing = sorted(set(names) - {names[label] for label in labels})
    if missing:
        raise DataError(f"{folder}: class {missing[0]!r} has no training images")
    given_test = arrays(True) if parts[True] else None
    train, held_out, test, sha256 = in_three_parts(
        inputs, labels, keys, str(folder), given_test=given_test
    )
    data = OwnData(train, held_out, test, tuple(names), sha256)
    return replace(data, shape=shape)


def _listed(folder: Path) -> list[tuple[bool, str, Path]]:
    """Return whether it is a test image, its class and its path, for every file of the folder.

    Raises:
        DataError: there is no such folder, files lie outside class folders, or the name of a
            class is no UTF-8.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no folder; use images:DIR with a folder for each class")
    tops = _entries(folder)
    if {path.name for path in tops} == set(SPLIT):
        sources = [(path.name == "test", each) for path in tops for each in _entries(path)]
    else:
        sources = [(False, path) for path in tops]
    files = []
    for is_test, source in sources:
        if not source.is_dir():
            raise DataError(f"{source}: a file outside the folders of the classes; move it away")
        for path in _entries(source):
            if not path.is_file():
                raise DataError(f"{path}: no file; the folder of a class holds images alone")
            files.append((is_test, source.name, path))
        try:
            source.name.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{folder}: the folder {os.fsencode(source.name)!r} has no name in UTF-8, which a "
                "class needs: rename it"
            ) from None
    return files


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, by name, without hidden files.

    Raises:
        DataError: it is no folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no folder; use a folder for each class")
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name not in IGNORED
    )


def _shape(
    folder: Path, files: list[tuple[bool, str, Path]], size: int | None
) -> tuple[int, int, int]:
    """Return (channels, height, width) of the images, from their headers."""
    sides: dict[tuple[int, int], Path] = {}
    modes: set[str] = set()
    for *_, path in files:
        with _opened(path) as image:
            if max(image.size) > LARGEST_SIDE:
                raise DataError(
                    f"{path}: {image.width}x{image.height} pixels; at most {LARGEST_SIDE} a side"
                )
            if image.mode not in (*GREY, *COLOUR):
                raise DataError(f"{path}: mode {image.mode}; use images of 8 bits a channel")
            sides.setdefault(image.size, path)
            modes.add(image.mode)
    channels = 1 if modes <= set(GREY) else 3
    if size is not None:
        return channels, size, size
    if len(sides) > 1:
        (first, path), (second, other) = list(sides.items())[:2]
        raise DataError(
            f"{folder}: images of several sizes, {path.name} of {first[0]}x{first[1]} and "
            f"{other.name} of {second[0]}x{second[1]}: add ,size=N to resize them"
        )
    ((width, height),) = sides
    return channels, height, width


def _pixels(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an image's bytes (channels * height * width,), one channel after the other."""
    from PIL import Image

    channels, height, width = shape
    try:
        with _opened(path) as image:
            plain = image.convert("L" if channels == 1 else "RGB")
            if plain.size != (width, height):
                plain = plain.resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.asarray(plain, np.uint8).reshape(height, width, channels)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DataError(f"{path}: damaged image ({str(error):.100})") from None
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(-1)


def _opened(path: Path) -> Any:
    """Return an image of which only the header is read.

    Raises:
        DataError: it is no image of a known format.
    """
    from PIL import Image

    try:
        return Image.open(path, formats=FORMATS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise DataError(f"{path}: no image of a known format ({', '.join(FORMATS)})") from None
