"""The claims of Li et al. (2018), answered one by one from what is published here, or left open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlid.dimension import compare
from rlid.leaderboard import yardstick
from rlid.leaderboard.published import Published, bounds

FEWEST_SIZES = 3
"""Networks of different size that say something of a family."""
CLAIMED = 100.0
THEIR_RULE = "paper, global"
OUT_OF_SCOPE = (
    "Out of scope: other types of learning (unsupervised, generative), and ImageNet with its "
    "SqueezeNet."
)


@dataclass(frozen=True)
class Claim:
    """What the paper says, and what these numbers say to it."""

    text: str
    answer: str


def answers(published: Sequence[Published]) -> list[Claim]:
    """Return every claim with its answer; where the data are missing it is unanswered."""
    questions: list[tuple[str, Callable[[Sequence[Published]], str]]] = [
        ("Solving the inverted pendulum is about 100 times easier than MNIST", _pendulum),
        ("d_int90 of one data set varies little over networks of very different size", _sizes),
        ("The construction compresses networks more than 100 times", _compression),
        ("Pong from pixels is about as hard as CIFAR-10", _pong),
    ]
    return [Claim(text, answer(published)) for text, answer in questions]


def _pendulum(published: Sequence[Published]) -> str:
    mnist = _easiest(published, yardstick.TASK, yardstick.NETWORK)
    pendulum = _easiest(published, "inverted_pendulum", "mlp:20x20")
    if mnist is None or pendulum is None:
        return _open(["MNIST FC"] * (mnist is None) + ["inverted_pendulum"] * (pendulum is None))
    (low_a, high_a), (low_b, high_b) = (bounds(one.question, one.D) for one in (mnist, pendulum))
    found = compare(
        mnist.trials(), pendulum.trials(), dmax_a=high_a, dmin_a=low_a, dmax_b=high_b, dmin_b=low_b
    )
    said = (
        f"{mnist.answer.d_int90} for MNIST FC (rule {mnist.question.judged_by}) against "
        f"{pendulum.answer.d_int90} for the inverted pendulum ({pendulum.question.agent}): "
        f"{_round(found.ratio)} times"
    )
    if found.ratio_low is None or found.ratio_high is None:
        return f"{said}, without a closed interval"
    inside = found.ratio_low <= CLAIMED <= found.ratio_high
    return (
        f"{said} (95 % interval {_round(found.ratio_low)}-{_round(found.ratio_high)}): 100 lies "
        f"{'inside' if inside else 'outside'}"
    )


def _sizes(published: Sequence[Published]) -> str:
    groups: dict[str, list[Published]] = {}
    for one in published:
        asked = one.question
        is_member = asked.task == yardstick.TASK and asked.network.startswith("mlp:")
        if is_member and one.answer.d_int90 is not None:
            groups.setdefault(f"{asked.agent}, rule {asked.judged_by}", []).append(one)
    name, members = max(groups.items(), key=lambda item: len(item[1]), default=("", []))
    if len({one.question.network for one in members}) < FEWEST_SIZES:
        return _open([f"{FEWEST_SIZES} fully connected networks on MNIST"])
    found = sorted(one.answer.d_int90 or 0 for one in members)
    sizes = sorted(one.D for one in members)
    return (
        f"MNIST, {name}: d_int90 from {found[0]} to {found[-1]}, a factor of "
        f"{found[-1] / found[0]:.2g}, over {len(members)} fully connected networks with D from "
        f"{sizes[0]:,} to {sizes[-1]:,}, a factor of {sizes[-1] / sizes[0]:.2g}"
    )


def _compression(published: Sequence[Published]) -> str:
    ratios = [one.D / one.answer.d_int90 for one in published if one.answer.d_int90]
    policies = [(one.policy.compression, one) for one in published if one.policy]
    if not ratios or not policies:
        return _open(["a policy"])
    best, one = max(policies, key=lambda pair: pair[0])
    said = (
        f"Counted in numbers, D / d_int90: for {sum(ratio > CLAIMED for ratio in ratios)} of "
        f"{len(ratios)} measurements. Counted in bytes of the exported file, names and hashes "
        f"included: for {sum(ratio > CLAIMED for ratio, _ in policies)} of {len(policies)} policies"
    )
    return f"{said}, {best:,.0f} times at best ({one.question.task}, {one.question.network})"


def _pong(published: Sequence[Published]) -> str:
    pong, cifar = (
        min(
            (one for one in published if one.question.task == task and one.answer.d_int90),
            key=lambda one: one.answer.d_int90 or 0,
            default=None,
        )
        for task in ("pong", "cifar10")
    )
    if pong is None or cifar is None:
        return _open(["pong"] * (pong is None) + ["cifar10 (bring the data)"] * (cifar is None))
    ratio = (pong.answer.d_int90 or 0) / (cifar.answer.d_int90 or 1)
    return (
        f"{pong.answer.d_int90} for Pong against {cifar.answer.d_int90} for CIFAR-10 "
        f"({cifar.question.network}): {_round(ratio)} times"
    )


def _easiest(published: Sequence[Published], task: str, network: str) -> Published | None:
    """Return the measurement of a task and network with the smallest d_int90 over agents.

    One that is judged as the paper judged is preferred: other rules have other thresholds.
    """
    found = [
        one
        for one in published
        if (one.question.task, one.question.network) == (task, network) and one.answer.d_int90
    ]
    return min(
        found,
        key=lambda one: (one.question.judged_by != THEIR_RULE, one.answer.d_int90 or 0),
        default=None,
    )


def _open(missing: Sequence[str]) -> str:
    return f"unanswered: not measured yet: {' and '.join(missing)}"


def _round(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}" if value < 10 else f"{value:,.0f}"
