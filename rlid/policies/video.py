"""One episode of a policy as a video file, drawn by the environment itself."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from rlid.errors import InputError, first_line
from rlid.policies.policy import Policy
from rlid.simulators import make_env

DEFAULT_FPS = 30
BLOCK = 16
"""Pixels; video codecs take frames whose sides are multiples of it."""


def record(policy: Policy, to: Path, seed: int) -> float:
    """Record the episode with this seed; return its score.

    Raises:
        InputError: the task has no episodes, its environment cannot be drawn, or imageio-ffmpeg
            is not installed.
    """
    task = policy.problem.task
    if task.kind != "rl":
        raise InputError(f"--video: {task.name} has no episodes to record")
    try:
        ffmpeg = importlib.import_module("imageio_ffmpeg")
    except ImportError:
        raise InputError("--video needs imageio-ffmpeg: pip install 'rlid[video]'") from None
    options: dict[str, Any] = {**task.options, "render_mode": "rgb_array"}
    try:
        env = make_env(task.env, options, task.episode_cap)
        observation, _ = env.reset(seed=seed)
        frame = np.asarray(env.render())
    except Exception as error:
        raise InputError(f"--video: {task.env} cannot be drawn: {first_line(error)}") from error
    fps = env.metadata.get("render_fps", DEFAULT_FPS)
    to.parent.mkdir(parents=True, exist_ok=True)
    size = (frame.shape[1], frame.shape[0])
    writer = ffmpeg.write_frames(str(to), size, fps=fps, macro_block_size=BLOCK)
    writer.send(None)
    total, is_over = 0.0, False
    try:
        while not is_over:
            writer.send(np.ascontiguousarray(frame))
            observation, reward, terminated, truncated, _ = env.step(policy.predict(observation))
            total += float(reward)
            is_over = terminated or truncated
            frame = np.asarray(env.render())
        writer.send(np.ascontiguousarray(frame))
    finally:
        writer.close()
        env.close()
    return total
