"""Libraries that write log files into the user's working folder are kept from it."""

from __future__ import annotations

import sys


def keep_logs_off_disk() -> None:
    """Send MuJoCo's warnings to standard error alone, if MuJoCo is loaded.

    Its own handler also appends them to MUJOCO_LOG.TXT in the working folder.
    """
    mujoco = sys.modules.get("mujoco")
    if mujoco is not None:
        mujoco.set_mju_user_warning(_warn)


def _warn(text: str) -> None:
    print(f"MuJoCo: {text}", file=sys.stderr)
