"""The scalars of a PPO update for those who watch it: losses, divergence and entropy of each trial.

They are computed for watched trials alone, from what the update has computed anyway, and draw no
random number: a watched trial takes the same course.
"""

from __future__ import annotations

import torch


def update_scalars(
    *,
    log_prob: torch.Tensor,
    log_ratios: torch.Tensor,
    gain: torch.Tensor,
    clipped_gain: torch.Tensor,
    residuals: torch.Tensor,
    clip_range: float | torch.Tensor,
) -> list[dict[str, float]]:
    """Return the scalars of each trial on its minibatch; every tensor is (n, m).

    Args:
        log_prob: logarithms of the probability, or density, of the actions.
        log_ratios: the same less those at the time of the rollout.
        gain: advantages times the probability ratio.
        clipped_gain: the same with the ratio cut to the clip range.
        residuals: what the critic says less the returns.
        clip_range: the largest distance of the ratio from 1, or that of each trial, (n, 1).

    Returns:
        For each trial: `train/policy_loss`, `train/value_loss`, `train/approx_kl` (Schulman's k3),
        `train/clip_fraction`, and `train/entropy`, estimated as the mean of -log_prob.
    """
    ratio = log_ratios.exp()
    columns = {
        "train/policy_loss": -torch.minimum(gain, clipped_gain).mean(1),
        "train/value_loss": residuals.square().mean(1),
        "train/approx_kl": (ratio - 1 - log_ratios).mean(1),
        "train/clip_fraction": ((ratio - 1).abs() > clip_range).float().mean(1),
        "train/entropy": -log_prob.mean(1),
    }
    rows = torch.stack(list(columns.values()), 1).tolist()
    return [dict(zip(columns, row, strict=True)) for row in rows]
