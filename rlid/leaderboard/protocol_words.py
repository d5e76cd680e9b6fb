"""The protocol of a published measurement in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlid.leaderboard.published import Published

OBSERVATIONS = {
    "raw": "The network sees observations as the environment gives them.",
    "scaled": "Observations are scaled to [-1, 1] by the bounds of the observation space.",
    "frozen": "Observations are centred and scaled by statistics of random actions, which are "
    "taken once before training.",
    "pixels": "The network sees images of bytes, divided by 255.",
}
ACTIONS = {
    "clip": "A discrete action is the largest output; a continuous one is the output, clipped to "
    "the bounds.",
    "squash": "A discrete action is the largest output; a continuous one is the output, squashed "
    "by tanh onto the bounds.",
}
BASELINES = {
    "own": "full performance is the reference of this task and network",
    "global": "full performance is one fixed score for all networks, as in the paper",
}


def sentences(published: Published) -> list[str]:
    """Return how the measurement was made, one sentence or a few for each part of the protocol."""
    common, question = published.common, published.question
    protocol: Mapping[str, Any] = common.get("protocol", {})
    parts = [_subspace(published)]
    parts.append(_data(protocol) if published.kind != "rl" else _environment(protocol))
    parts.append(_budget(published))
    parts.append(
        f"A trial is solved when its score is at least {published.threshold:.6g}: "
        f"{_rule(question.rule, question.fraction)}, and {BASELINES[question.baseline]}."
    )
    parts.append(_stopping(published))
    return [part for part in parts if part]


def _subspace(published: Published) -> str:
    question = published.question
    return (
        f"The network {question.network} has {published.D:,} weights, frozen at a random start. "
        f"{question.agent} searches d numbers, which a random {question.projection} projection "
        "maps onto the weights; start and projection are drawn anew for each seed."
    )


def _environment(protocol: Mapping[str, Any]) -> str:
    environment, cap = protocol.get("env", ""), protocol.get("episode_cap")
    text = f"The environment is {environment}"
    text += f"; an episode ends after {cap:,} steps at the latest." if cap else "."
    text += f" {OBSERVATIONS.get(protocol.get('observation', ''), '')}"
    text += f" {ACTIONS.get(protocol.get('action', ''), '')}"
    return text.rstrip()


def _data(protocol: Mapping[str, Any]) -> str:
    data, batch = protocol.get("env", ""), protocol.get("env.batch")
    return f"The data are {data}" + (f", in minibatches of {batch}." if batch else ".")


def _budget(published: Published) -> str:
    budget = published.common.get("budget")
    if budget is None:
        return ""
    if published.kind != "rl":
        return f"A trial has a budget of {budget:,} steps; its score is taken on the test data."
    protocol = published.common.get("protocol", {})
    text = f"A trial has a budget of {budget:,} environment steps."
    validation, scoring = protocol.get("validation_episodes"), protocol.get("scoring_episodes")
    if validation and scoring:
        text += (
            f" While it searches, candidates are looked at over {validation} fresh episodes; "
            f"its score is the mean return over {scoring} others."
        )
    return text


def _rule(rule: str, fraction: float) -> str:
    if rule == "normalised":
        return f"{fraction:.0%} of the way from the score of a random policy to full performance"
    if rule == "paper":
        return f"{fraction:.0%} of full performance, by the last score of the trial"
    return f"{fraction:.0%} of full performance in raw score"


def _stopping(published: Published) -> str:
    if published.common.get("stop_score") is None:
        return "Every trial uses its whole budget."
    if published.is_first_edition:
        return (
            "A trial stops early after one look that passes, whether or not the scoring then "
            "passes too: the rule of the first edition."
        )
    if published.kind != "rl":
        return "A trial stops early once its score passes."
    return (
        "A trial stops early only when a look, a confirmation and a scoring on fresh episodes all "
        "pass; else the search goes on."
    )
