"""A CSV file with a header, as rows of standardised numbers and a target column."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rlid.datasets.own_data import OwnData, in_three_parts
from rlid.datasets.scale import Scale, Scales
from rlid.errors import DataError
from rlid.registry import unknown

TargetKind = Literal["label", "number"]
MOST_CLASSES = 20
"""A target of whole numbers has labels if it has at most so many values, unless it is said."""
LARGEST_FILE = 1024**3
"""Bytes of a file that is read."""
MISSING = ("na", "n/a", "#n/a", "none", "null", "?", "-")
"""Texts in small letters that stand for no value where all other targets are numbers."""

Rows = list[tuple[int, list[str]]]
"""The rows of a file, each with its line number."""


def read_table(path: Path, target: str, kind: TargetKind | None = None) -> OwnData:
    """Return the rows of a CSV file, read once in a process.

    All columns but the target must be finite numbers; they are standardised by the mean and the
    standard deviation of the training rows, and sorted by name. A target of numbers is
    standardised too.

    Args:
        path: the file, with the names of its columns in the first line.
        target: the column to predict.
        kind: whether the target has labels or numbers. By default it has labels if a value is no
            number, or if they are at most MOST_CLASSES whole numbers.

    Raises:
        DataError: the file cannot be read, or a value or a column is not as it should be.
    """
    try:
        stamp = path.stat()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    if not S_ISREG(stamp.st_mode):
        raise DataError(f"{path}: no file; use table:FILE.csv,target=COLUMN")
    if stamp.st_size > LARGEST_FILE:
        raise DataError(f"{path}: {stamp.st_size} bytes, more than {LARGEST_FILE}")
    return _read(path, target, kind, (stamp.st_size, stamp.st_mtime_ns))


@lru_cache(maxsize=4)
def _read(path: Path, target: str, kind: TargetKind | None, stamp: tuple[int, int]) -> OwnData:
    """Read the file; `stamp` tells whether it is still what was read before."""
    header, rows = _cells(path)
    if target not in header:
        raise DataError(f"{path}: {unknown('column', target, header)}")
    columns = sorted(name for name in header if name != target)
    if not columns:
        raise DataError(f"{path}: no column beside the target {target!r}")
    places = [header.index(name) for name in columns]
    inputs = np.array(
        [
            [_number(path, line, header[place], cells[place]) for place in places]
            for line, cells in rows
        ]
    )
    texts = _targets(path, rows, header.index(target), target)
    if (kind or _kind(path, rows, texts, target)) == "label":
        texts = _one_spelling(texts)
        names = sorted(set(texts))
        labels: NDArray[np.generic] = np.array([names.index(text) for text in texts], np.int64)
        keys = [text.encode() for text in texts]
    else:
        names = []
        labels = np.array(
            [_number(path, line, target, text) for (line, _), text in zip(rows, texts, strict=True)]
        )
        keys = [np.float64(value).tobytes() for value in labels]
    if rows and len(set(labels.tolist())) < 2:
        raise DataError(f"{path}: the target {target!r} has one value only")
    head = "\0".join(columns).encode()
    keys = [head + b"\0" + key for key in keys]
    train, held_out, test, sha256 = in_three_parts(inputs, labels, keys, str(path))
    if not names and (train[1] == train[1][0]).all():
        raise DataError(f"{path}: the target {target!r} has one value only in the training rows")
    scales = Scales(Scale.of(train[0]), Scale.of(train[1]))
    parts = []
    for inputs, labels in (train, held_out, test):
        floats = _standardised(path, columns, scales.inputs, inputs)
        if not names:
            labels = _standardised(path, [target], scales.target, labels.astype(np.float64))
        parts.append((floats, labels))
    return OwnData(parts[0], parts[1], parts[2], tuple(names), sha256, scales=scales)


def _check_header(path: Path, header: list[str]) -> None:
    """Refuse a first line that does not name at least two columns, each once.

    Raises:
        DataError: the message says what is wrong with it.
    """
    rule = f"{path}: the first line must name every column, each once"
    if len(header) < 2:
        for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if separator in "".join(header):
                raise DataError(f"{path}: has {word} between its columns: use commas")
        raise DataError(f"{rule}, with commas between them")
    if "" in header:
        raise DataError(f"{rule}, but column {header.index('') + 1} has no name")
    for number, name in enumerate(header):
        if name in header[:number]:
            raise DataError(f"{rule}, but {name!r} is there twice")


def _cells(path: Path) -> tuple[list[str], Rows]:
    """Return the names of the columns, and the rows with their line numbers.

    Raises:
        DataError: it is no such file.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: no CSV file in UTF-8 ({str(error):.100})") from None
    _check_header(path, header)
    for line, cells in rows:
        if len(cells) != len(header):
            raise DataError(f"{path}, line {line}: {len(cells)} values in {len(header)} columns")
    return header, rows


def _targets(path: Path, rows: Rows, place: int, target: str) -> list[str]:
    """Return the texts in the target column.

    Raises:
        DataError: one of them is empty, or no finite number.
    """
    texts = [cells[place].strip() for _, cells in rows]
    for (line, _), text in zip(rows, texts, strict=True):
        if not text:
            raise DataError(f"{path}, line {line}: no value in the target column {target!r}")
        if _is_number(text) and not math.isfinite(float(text)):
            raise DataError(
                f"{path}, line {line}: {text!r} in the target column {target!r} is no value: "
                "leave out such rows"
            )
    return texts


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(
            f"{path}, line {line}: {text!r:.40} in column {column!r} is no finite number: rlid "
            "takes columns of numbers; encode or leave out the others"
        )
    return value


def _kind(path: Path, rows: Rows, texts: list[str], target: str) -> TargetKind:
    """Return what a target's values are, if it is not said.

    Raises:
        DataError: all values are numbers, but for some that may stand for none.
    """
    words = {text for text in texts if not _is_number(text)}
    if words and len(words) < len(set(texts)) and all(word.lower() in MISSING for word in words):
        index = next(index for index, text in enumerate(texts) if text in words)
        raise DataError(
            f"{path}, line {rows[index][0]}: {texts[index]!r} in the target column {target!r}, "
            "which has numbers: leave out such rows, or add ,kind=label where it is a class"
        )
    if words:
        return "label"
    values = {float(text) for text in texts}
    is_whole = all(value.is_integer() for value in values)
    return "label" if is_whole and len(values) <= MOST_CLASSES else "number"


def _one_spelling(texts: list[str]) -> list[str]:
    """Return the texts of labels; where all are numbers, each number in its shortest spelling."""
    if not all(map(_is_number, texts)):
        return texts
    spellings = defaultdict[Decimal, set[str]](set)
    for text in texts:
        spellings[_exact(text)].add(text)
    return [min(spellings[_exact(text)], key=lambda text: (len(text), text)) for text in texts]


def _exact(text: str) -> Decimal:
    """Return the number that a text states: as a float, two long whole numbers could be one."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(float(text))


def _standardised(
    path: Path, columns: Sequence[str], scale: Scale, values: NDArray[Any]
) -> NDArray[np.float32]:
    """Return values (n, columns), or (n,) of one column, in units of the training rows.

    Raises:
        DataError: a number is too far from the training rows for a float32.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        floats = scale.standardise(values)
    if not np.isfinite(floats).all():
        row, *place = np.argwhere(~np.isfinite(floats))[0]
        column = columns[place[0] if place else 0]
        raise DataError(
            f"{path}: {values[row, *place]:g} in column {column!r} is too far from the other "
            "numbers there to be standardised: correct it or leave out its row"
        )
    return np.ascontiguousarray(floats)
