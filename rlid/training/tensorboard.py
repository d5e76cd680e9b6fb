"""The course of a trial for TensorBoard; a trial that is watched gives the same record."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError
from rlid.records import TrialSpec
from rlid.store import slug


def check_tensorboard(folder: str | None) -> None:
    """Make the folder for TensorBoard; refuse it where nothing can be written there.

    Raises:
        InputError: the package is missing, or the folder cannot be made or written; in one line.
    """
    if folder is None:
        return
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError(
            "--tensorboard needs the package tensorboard: pip install 'rlid[tensorboard]'"
        )
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--tensorboard {folder}: {error.strerror or error}") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"--tensorboard {folder}: the folder cannot be written")


class Scalars:
    """One trial's numbers against its steps, in `<folder>/<task>/<agent>-d<d>-seed<seed>-<key>`.

    - return: the mean return in search
    - validation: the mean return of a look
    - success: 1 where a look's mean return reached the stop score, else 0
    - z_norm: the length of z
    - gradient_share: the share of the last gradient of theta, by squared length, that lies in the
      subspace, where the agent has a gradient
    - train/...: the algorithm's own scalars: losses, KL, entropy
    """

    def __init__(self, folder: str, spec: TrialSpec) -> None:
        """Open the trial's event file."""
        from torch.utils.tensorboard import SummaryWriter

        name = f"{slug(spec.agent)}-d{spec.d}-seed{spec.seed}-{spec.key[:8]}"
        # The name of a task may hold a path.
        self._writer: Any = SummaryWriter(str(Path(folder) / slug(spec.task) / name))
        self._stop = spec.stop_score
        self._seen = 0

    def add(
        self,
        steps: int,
        z: NDArray[np.floating],
        score: float | None,
        curve: list[tuple[int, float]],
        more: Mapping[str, float],
    ) -> None:
        """Write where the search stands after `steps`: z (d,), and the looks since the last call.

        `curve` holds (steps, mean return) of all looks so far, and `more` the agent's own scalars.
        """
        scalars = {"z_norm": float(np.linalg.norm(z)), **more}
        if score is not None:
            scalars["return"] = score
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, steps)
        for at, mean in curve[self._seen :]:
            self._writer.add_scalar("validation", mean, at)
            if self._stop is not None:
                self._writer.add_scalar("success", float(mean >= self._stop), at)
        self._seen = len(curve)

    def close(self) -> None:
        """Write the rest and close the file."""
        self._writer.close()
