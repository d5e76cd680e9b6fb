"""The course of a trial for TensorBoard; a trial that is watched gives the same record.

That holds where the watching fails, too: a disk that is full ends the curves, and not the trial.
"""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError, first_line, named_line
from rlid.records import TrialSpec
from rlid.store import slug


def check_tensorboard(folder: str | None) -> None:
    """Make the folder for TensorBoard; refuse one that cannot be written, or a missing package.

    Raises:
        InputError: in one line, how to get the package, or what is wrong with the folder.
    """
    if folder is None:
        return
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError(
            "--tensorboard needs the package tensorboard: pip install 'rlid[tensorboard]'"
        )
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise InputError(
            f"--tensorboard {folder!r}: no folder to write curves to: {first_line(error)}"
        ) from error


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
        self._name = f"{slug(spec.agent)}-d{spec.d}-seed{spec.seed}-{spec.key[:8]}"
        self._stop = spec.stop_score
        self._seen = 0
        self._writer: Any = None
        with self._apart_from_the_trial():
            from torch.utils.tensorboard import SummaryWriter

            # The name of a task may hold a path.
            self._writer = SummaryWriter(str(Path(folder) / slug(spec.task) / self._name))

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
        if self._writer is None:
            return
        scalars = {"z_norm": float(np.linalg.norm(z)), **more}
        if score is not None:
            scalars["return"] = score
        with self._apart_from_the_trial():
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, steps)
            for at, mean in curve[self._seen :]:
                self._writer.add_scalar("validation", mean, at)
                if self._stop is not None:
                    self._writer.add_scalar("success", float(mean >= self._stop), at)
        self._seen = len(curve)

    def close(self) -> None:
        """Write the rest and close the file."""
        if self._writer is not None:
            with self._apart_from_the_trial():
                self._writer.close()

    @contextmanager
    def _apart_from_the_trial(self) -> Iterator[None]:
        """Watch no further where TensorBoard fails inside the block; warn, and raise nothing."""
        try:
            yield
        except Exception as error:
            self._writer = None
            warnings.warn(
                f"no more curves of {self._name} for TensorBoard: {named_line(error)}", stacklevel=2
            )
