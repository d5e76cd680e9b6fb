"""The 1,797 handwritten digits of scikit-learn (Alpaydin and Kaynak 1998), without a download."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rlid.datasets.own_data import OwnData, in_three_parts
from rlid.errors import DataError

SIDE = 8
BRIGHTEST = 16
"""The largest value of a pixel, which becomes 255."""
SHA256 = "cca6a8006457a0d7041eee7a6f342482b6bea12868d4180a3d489f8af9ee365c"
"""Identity of the images with their labels, as `in_three_parts` has it."""


@lru_cache(maxsize=1)
def read_digits() -> OwnData:
    """Return the digits as bytes, in a split that is always the same.

    Raises:
        DataError: scikit-learn is not installed, or has other images.
    """
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ImportError as error:
        raise DataError(
            f"digits come with scikit-learn, which is not here ({error}): "
            "pip install 'rlid[digits]'"
        ) from error
    images, labels = load_digits(return_X_y=True)
    pixels = (images * 255 // BRIGHTEST).astype(np.uint8)
    names = tuple(str(digit) for digit in range(10))
    keys = [names[label].encode() for label in labels]
    train, held_out, test, sha256 = in_three_parts(
        pixels, labels.astype(np.int64), keys, "scikit-learn's digits"
    )
    if sha256 != SHA256:
        raise DataError(f"scikit-learn's digits are not those that rlid knows: SHA-256 {sha256}")
    return OwnData(train, held_out, test, names, sha256, (1, SIDE, SIDE))
