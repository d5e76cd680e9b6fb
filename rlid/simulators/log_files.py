"""Libraries that write log files into the user's working folder are kept from it."""

from __future__ import annotations

import logging
import sys

from rlid.errors import visible


def keep_logs_off_disk() -> None:
    """Send MuJoCo's warnings to standard error alone, if MuJoCo is loaded.

    Its own handler also appends them to MUJOCO_LOG.TXT in the working folder.
    """
    mujoco = sys.modules.get("mujoco")
    if mujoco is not None:
        mujoco.set_mju_user_warning(_warn)


def _warn(text: str) -> None:
    # Without a configuration of its own, logging writes warnings to standard error as they are.
    logging.getLogger(__name__).warning("MuJoCo: %s", visible(text))
