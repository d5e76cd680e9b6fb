"""A typical episode of a policy as a video file, drawn by the environment itself."""

from __future__ import annotations

import importlib
import os
import secrets
import statistics
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError, first_line
from rlid.policies.policy import Policy
from rlid.simulators import make_env
from rlid.store import plain_target

DEFAULT_FPS = 30
FORMATS = (".mp4", ".mkv", ".mov", ".avi")
"""Containers that take the codec H.264."""
BLOCK = 16
"""Pixels; video codecs take frames whose sides are multiples of it."""


def check(policy: Policy, to: Path) -> None:
    """Refuse a video that cannot be made, before anything is played.

    Raises:
        InputError: the task has no episodes, the file's format is none that is written,
            something other than a plain file is there, or imageio-ffmpeg is not installed.
    """
    task = policy.problem.task
    if task.kind != "rl":
        raise InputError(f"--video: {task.name} has no episodes to record")
    if to.suffix.lower() not in FORMATS:
        raise InputError(f"--video {to.name}: the name must end with one of {', '.join(FORMATS)}")
    plain_target(to)
    _writer()


def typical(scores: Sequence[float]) -> int:
    """Return the index of the score nearest the median of all; of several, the first."""
    middle = statistics.median(scores)
    return min(range(len(scores)), key=lambda index: abs(scores[index] - middle))


def record(policy: Policy, to: Path, seed: int) -> float:
    """Record the episode with this seed; return its return.

    Raises:
        InputError: see `check`; or the environment cannot be drawn, or the file not be written.
    """
    check(policy, to)
    task, ffmpeg = policy.problem.task, _writer()
    options: dict[str, Any] = {**task.options, "render_mode": "rgb_array"}
    try:
        env = make_env(task.env, options, task.episode_cap)
        observation, _ = env.reset(seed=seed)
        frame = _padded(env.render())
    except Exception as error:
        raise InputError(f"--video: {task.env} cannot be drawn: {first_line(error)}") from error
    fps = env.metadata.get("render_fps", DEFAULT_FPS)
    size = (frame.shape[1], frame.shape[0])
    target = plain_target(to)
    # ffmpeg goes by the ending, and a recording that fails must leave an earlier one as it was.
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(8)}{to.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        writer = ffmpeg.write_frames(
            str(temporary), size, fps=fps, macro_block_size=BLOCK, ffmpeg_log_level="fatal"
        )
        writer.send(None)
        total, is_over = 0.0, False
        try:
            while not is_over:
                writer.send(frame)
                action = policy.predict(observation)
                observation, reward, terminated, truncated, _ = env.step(action)
                total += float(reward)
                is_over = terminated or truncated
                frame = _padded(env.render())
            writer.send(frame)
        finally:
            writer.close()
            env.close()
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"--video {to.name} cannot be written: {first_line(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return total


def _padded(frame: Any) -> NDArray[np.uint8]:
    """Return a frame (height, width, 3) whose sides are multiples of BLOCK, by its own edges."""
    pixels = np.asarray(frame)
    missing = [(0, -side % BLOCK) for side in pixels.shape[:2]]
    return np.ascontiguousarray(np.pad(pixels, [*missing, (0, 0)], mode="edge"))


def _writer() -> Any:
    """Return the module that writes videos.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module("imageio_ffmpeg")
    except ImportError:
        raise InputError("--video needs imageio-ffmpeg: pip install 'rlid[video]'") from None
