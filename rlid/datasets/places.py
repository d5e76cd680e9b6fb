"""Where a data set's files are: in a folder of the user's, or in the cache of downloads."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rlid.datasets.catalogue import DataSet
from rlid.errors import DataError, TimeLimit
from rlid.world import Beat, no_beat

DATA_VARIABLE = "RLID_DATA"
"""The environment variable with the user's folder; `--data` sets it for a command."""
TIMEOUT = 30.0
"""Seconds without an answer after which a download is given up."""
CHUNK = 1 << 16
"""Bytes of a download between two signs of life."""


def user_folder() -> Path | None:
    """Return the folder that DATA_VARIABLE names, which has a folder for each data set, or None."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named).expanduser() if named else None


def cache_folder() -> Path:
    """Return the folder that downloads go to."""
    import pooch  # type: ignore[import-untyped]

    return Path(pooch.os_cache("rlid"))


Unpacked = Callable[[Path], Path | None]
"""Returns the unpacked form of a file in a folder, or None."""


def never_unpacked(_folder: Path) -> None:
    """Say that a file has no unpacked form."""


def folders(dataset: DataSet) -> Iterator[Path]:
    """Yield the folders that the data set's files are looked for in; the last is the cache's."""
    user = user_folder()
    if user is not None:
        yield user / dataset.name
    # This imports pooch, which takes a while: only when the user's folder lacks the file.
    yield cache_folder() / dataset.name


def locate(dataset: DataSet, file: str, unpacked: Unpacked = never_unpacked) -> Path | None:
    """Return the path of one of the data set's files, or of its unpacked form, if it is there."""
    for folder in folders(dataset):
        path = folder / file if (folder / file).is_file() else unpacked(folder)
        if path is not None:
            return path
    return None


def find(
    dataset: DataSet,
    file: str,
    check: Callable[[Path], object],
    beat: Beat = no_beat,
    unpacked: Unpacked = never_unpacked,
) -> Path:
    """Return the path of one of the data set's files, downloading it if it is nowhere.

    Args:
        dataset: whose folder is searched, first the user's and then that of the cache.
        file: the file's name.
        check: raises DataError for a file with the wrong content; a download enters the cache only
            after this check.
        beat: called as a sign of life.
        unpacked: a folder for which it returns a path needs no `file`.

    Raises:
        DataError: the file is missing and cannot be downloaded.
    """
    path = locate(dataset, file, unpacked)
    if path is not None:
        return path
    searched = list(folders(dataset))
    beat()
    try:
        return _download(dataset.url + file, searched[-1] / file, check, beat)
    except (DataError, TimeLimit, TimeoutError):
        raise
    except Exception as error:
        missing_from = " or ".join(map(str, searched))
        raise DataError(
            f"{dataset.name}: {file} is missing from {missing_from}, and {dataset.url}{file} could "
            f"not be downloaded ({_first_cause(error)}): put the file there, or give --data DIR "
            f"(or set {DATA_VARIABLE}) so that DIR/{dataset.name}/{file} exists"
        ) from error


def _first_cause(error: BaseException) -> str:
    """Return the first cause of an error in one short line: libraries wrap it several times."""
    seen = {id(error)}
    while error.__context__ is not None and id(error.__context__) not in seen:
        error = error.__context__
        seen.add(id(error))
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


class _Progress:
    """What pooch takes for a progress bar: gives a sign of life for each chunk."""

    total = 0

    def __init__(self, beat: Beat) -> None:
        """`beat` is the sign of life."""
        self._beat = beat

    def update(self, _size: int) -> None:
        """Hear that a chunk has come."""
        self._beat()

    def reset(self) -> None:
        """Begin again: nothing is counted."""

    def close(self) -> None:
        """End: nothing is held."""


def _download(url: str, target: Path, check: Callable[[Path], object], beat: Beat) -> Path:
    """Download into a temporary folder, check the file, and only then move it into the cache."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    target.parent.mkdir(parents=True, exist_ok=True)
    downloader = pooch.HTTPDownloader(_Progress(beat), CHUNK, timeout=TIMEOUT)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        downloaded = pooch.retrieve(
            url,
            known_hash=None,
            fname=target.name,
            path=folder,
            downloader=downloader if url.startswith("http") else None,
        )
        check(Path(downloaded))
        os.replace(downloaded, target)
    with contextlib.suppress(OSError):
        target.chmod(0o644)
    return target
