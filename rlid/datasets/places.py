"""Where a data set's files are: a folder of the user's, or the cache that downloads go to."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from rlid.datasets.catalogue import DataSet
from rlid.errors import DataError

DATA_VARIABLE = "RLID_DATA"
"""The environment variable with the user's folder; `--data` sets it for a command."""
TIMEOUT = 30.0
"""Seconds without an answer after which a download is given up."""


def user_folder() -> Path | None:
    """Return the folder that the user's data sets are in, one folder each, if one is named."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named).expanduser() if named else None


def cache_folder() -> Path:
    """Return the folder that downloads go to."""
    import pooch  # type: ignore[import-untyped]

    return Path(pooch.os_cache("rlid"))


def find(dataset: DataSet, file: str, check: Callable[[Path], object]) -> Path:
    """Return the path of one of the data set's files, downloading it if it is nowhere.

    `check` raises DataError for a file with the wrong content, and is asked before a download
    enters the cache: what is there is whole.

    Raises:
        DataError: it is missing and cannot be downloaded.
    """
    user = user_folder()
    folders = [] if user is None else [user]
    folders.append(cache_folder())
    places = [folder / dataset.name / file for folder in folders]
    for place in places:
        if place.is_file():
            return place
    try:
        return _download(dataset.url + file, places[-1], check)
    except DataError:
        raise
    except Exception as error:
        reason = _root(error)
        looked = " or ".join(str(place.parent) for place in places)
        raise DataError(
            f"{dataset.name}: {file} is missing from {looked}, and {dataset.url}{file} could not "
            f"be downloaded ({reason}): put the file there, or give --data DIR (or set "
            f"{DATA_VARIABLE}) so that DIR/{dataset.name}/{file} exists"
        ) from error


def _root(error: BaseException) -> str:
    """Return the first cause of an error in one short line: libraries wrap it several times."""
    while error.__context__ is not None:
        error = error.__context__
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _download(url: str, target: Path, check: Callable[[Path], object]) -> Path:
    """Fetch a file into a folder of its own, check it, and only then move it into the cache."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        fetched = pooch.retrieve(
            url,
            known_hash=None,
            fname=target.name,
            path=folder,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT) if url.startswith("http") else None,
        )
        check(Path(fetched))
        os.replace(fetched, target)
    with contextlib.suppress(OSError):
        target.chmod(0o644)
    return target
