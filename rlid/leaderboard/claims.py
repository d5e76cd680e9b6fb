"""The claims of Li et al. (2018), answered from what is published here, or left open.

A claim is answered by the measurement of the default protocol: the task's own agent, network and
budget. The other measurements are named, and the reading that favours the claim least.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rlid.dimension import bracket_in_words
from rlid.figures import families
from rlid.leaderboard import yardstick
from rlid.leaderboard.assessment import Assessment
from rlid.measurement import compare_summaries, figure

FEWEST_SIZES = 3
"""Networks of different size from which on something is said of a family."""
CLAIMED = 100.0
"""The paper's factor, in both of the claims that name one."""
PAPER_RULE = "paper, global"
"""The rule by which the paper judged MNIST."""
OUT_OF_SCOPE = (
    "Out of scope: other types of learning (unsupervised, generative), and ImageNet with its "
    "SqueezeNet."
)


@dataclass(frozen=True)
class Claim:
    """What the paper says, and what the published measurements say to it."""

    text: str
    answer: str


def answers(assessments: Sequence[Assessment]) -> list[Claim]:
    """Return every claim with its answer; where the data are missing it is unanswered."""
    questions: list[tuple[str, Callable[[Sequence[Assessment]], str]]] = [
        ("Solving the inverted pendulum is about 100 times easier than MNIST", _pendulum),
        ("d_int90 of one data set varies little over networks of very different size", _sizes),
        ("The construction compresses networks more than 100 times", _compression),
        ("Pong from pixels is about as hard as CIFAR-10", _pong),
    ]
    return [Claim(text, answer(assessments)) for text, answer in questions]


def _pendulum(assessments: Sequence[Assessment]) -> str:
    mnist = [
        row for row in of_task(assessments, yardstick.TASK)
        if row.published.question.network == yardstick.NETWORK
    ]  # fmt: skip
    return _hardness(
        ("MNIST FC", mnist),
        ("the inverted pendulum", of_task(assessments, "inverted_pendulum")),
        CLAIMED,
    )


def _pong(assessments: Sequence[Assessment]) -> str:
    return _hardness(
        ("Pong", of_task(assessments, "pong")),
        ("CIFAR-10", of_task(assessments, "cifar10")),
        1.0,
    )


def _hardness(
    hard: tuple[str, list[Assessment]], easy: tuple[str, list[Assessment]], claimed: float
) -> str:
    """Return how many times harder one task is than another, by their default protocols.

    Args:
        hard: the task's name for the reader, and its measurements.
        easy: the same of the task that it is held against.
        claimed: the factor that the paper claims.
    """
    defaults = [default_of(rows) for _, rows in (hard, easy)]
    first, second = defaults
    if first is None or second is None:
        return _open([
            f"{name} by its default protocol"
            for (name, _), row in zip((hard, easy), defaults, strict=True)
            if row is None
        ])  # fmt: skip
    parts = [f"{said(first)} for {hard[0]} against {said(second)} for {easy[0]}"]
    if first.d is None or second.d is None:
        parts.append("no ratio follows from a bracket or a bound")
    else:
        parts.append(_factor(first, second, claimed))
        parts.append(_by_one_rule(hard[1], first, second, claimed))
    for name, rows, default in ((*hard, first), (*easy, second)):
        others = [said(row) for row in rows if row is not default]
        if others:
            parts.append(f"other measurements of {name}: {', '.join(others)}")
    parts.append(_least_favourable(hard[1], easy[1], claimed))
    return "; ".join(part for part in parts if part)


def _factor(hard: Assessment, easy: Assessment, claimed: float) -> str:
    """Return the ratio of two d_int90 with its interval, and where the claimed one lies."""
    text = families.factor(hard.summary, easy.summary)
    comparison = compare_summaries(hard.summary, easy.summary)
    low, high = comparison.ratio_low, comparison.ratio_high
    if low is None or high is None:
        return text
    return f"{text}: {claimed:g} lies {'inside' if low <= claimed <= high else 'outside'}"


def _by_one_rule(
    hard: Sequence[Assessment], used: Assessment, easy: Assessment, claimed: float
) -> str:
    """Return the ratio with both tasks judged by one rule; "" where that is the ratio above."""
    same = by_rule_of(hard, used, easy)
    if same is None:
        return ""
    rule = easy.published.question.judged_by
    return f"both by the rule {rule}, {said(same)}: {_factor(same, easy, claimed)}"


def by_rule_of(hard: Sequence[Assessment], used: Assessment, easy: Assessment) -> Assessment | None:
    """Return the measurement of the hard task that is judged as the easy one is.

    None where that is the one `used`, where there is none, and where it has no figure.
    """
    rule = easy.published.question.judged_by
    same = default_of([row for row in hard if row.published.question.judged_by == rule])
    return None if same is None or same is used or same.d is None else same


def _least_favourable(
    hard: Sequence[Assessment], easy: Sequence[Assessment], claimed: float
) -> str:
    """Return the pair of measurements whose ratio lies farthest from the claimed one."""
    numerators = [row for row in hard if row.d is not None]
    denominators = [row for row in easy if row.d is not None or row.estimate.is_above]
    pairs = [
        ((first.d or 0) / (second.d or second.published.dmax), first, second)
        for first in numerators
        for second in denominators
    ]
    if len(pairs) < 2:
        return ""
    # Of two equal ratios the bound lies farther away, "below" it, and a sure bound says more.
    ratio, first, second = max(
        pairs,
        key=lambda pair: (
            abs(math.log(pair[0] / claimed)),
            pair[2].d is None,
            not pair[2].estimate.is_beyond,
        ),
    )
    bound = below(second)
    return (
        f"the least favourable reading, {said(first)} against {said(second)}: "
        f"{bound}{families.digits(ratio)} times"
    )


def _sizes(assessments: Sequence[Assessment]) -> str:
    groups: dict[str, list[Assessment]] = {}
    for row in of_task(assessments, yardstick.TASK):
        question = row.published.question
        if question.network.startswith("mlp:"):
            names = [question.agent, f"rule {question.judged_by}", *_other_protocol(row)]
            groups.setdefault(", ".join(names), []).append(row)
    name, family = max(groups.items(), key=lambda group: len(group[1]), default=("", []))
    members = [row for row in family if row.d is not None]
    networks = {row.published.question.network for row in members}
    if len(networks) < FEWEST_SIZES:
        return _open([f"{FEWEST_SIZES} fully connected networks on MNIST"])
    ordered = sorted(members, key=lambda row: row.d or 0)
    easiest, hardest = ordered[0], ordered[-1]
    sizes = sorted(row.published.D for row in members)
    caveats = [f"; {row.published.question.network}: {figure_of(row)}" for row in _others(family)]
    few = sum(row.estimate.ci_low is None for row in members)
    if few:
        caveats.append(f"; {few} of {len(members)} have fewer than five seeds and no interval")
    return (
        f"MNIST, {name}: d_int90 from {easiest.d} to {hardest.d}, over {len(networks)} fully "
        f"connected networks with D from {sizes[0]:,} to {sizes[-1]:,}, a factor of "
        f"{sizes[-1] / sizes[0]:.2g}; the largest d_int90 over the smallest: "
        f"{families.factor(hardest.summary, easiest.summary)}, as for a pair that was chosen "
        f"beforehand{''.join(caveats)}"
    )


def _compression(assessments: Sequence[Assessment]) -> str:
    figures = [row for row in assessments if row.d is not None]
    policies = [
        (row.published.solved_policy.compression, row.published)
        for row in assessments
        if row.published.solved_policy
    ]
    if not figures or not policies:
        return _open(["a policy"])
    ratios = [row.published.D / (row.d or 1) for row in figures]
    bounded = [row for row in figures if row.estimate.ci_high is not None]
    sure = sum(row.published.D / (row.estimate.ci_high or 1) > CLAIMED for row in bounded)
    best, published = max(policies, key=lambda pair: pair[0])
    middle = statistics.median(ratio for ratio, _ in policies)
    question = published.question
    return (
        f"Counted in numbers, D / d_int90: for {_above(ratios)} of {len(ratios)} measurements; at "
        f"the upper end of the interval, for {sure} of the {len(bounded)} with a closed one. "
        "Counted in bytes of the exported file, names and hashes included: for "
        f"{_above(ratio for ratio, _ in policies)} of {len(policies)} policies, "
        f"{families.digits(middle)} times in the median, {families.digits(best)} times at best "
        f"({question.task}, "
        f"{question.network})"
    )


def _above(ratios: Iterable[float]) -> int:
    return sum(ratio > CLAIMED for ratio in ratios)


def of_task(assessments: Iterable[Assessment], task: str) -> list[Assessment]:
    """Return the measurements of a task that have an answer, in the order of the table."""
    return [
        row
        for row in assessments
        if row.published.question.task == task and (row.middle is not None or row.estimate.is_above)
    ]


def default_of(rows: Sequence[Assessment]) -> Assessment | None:
    """Return the measurement by the task's default protocol; None without one.

    Of several, one of the second edition is preferred, then one that is judged as the paper judged
    it, then one of the normalised rule, then that with the most trials, whatever its answer.
    """
    return max(
        (row for row in rows if row.is_default),
        key=lambda row: (
            not row.published.is_first_edition,
            row.published.question.judged_by == PAPER_RULE,
            row.published.question.rule == "normalised",
            len(row.published.rows),
            row.published.name,
        ),
        default=None,
    )


def _others(family: Sequence[Assessment]) -> list[Assessment]:
    """Return the members of a family that have a bracket or a bound in place of a figure."""
    return [row for row in family if row.d is None]


def figure_of(row: Assessment) -> str:
    """Return a figure, a bracket or a bound."""
    estimate = row.estimate
    return bracket_in_words(*estimate.bracket) if estimate.bracket else figure(estimate)


def below(denominator: Assessment) -> str:
    """Return the word before a ratio over a bound: "below ", "probably below " or ""."""
    if denominator.d is not None:
        return ""
    return "probably below " if denominator.estimate.is_beyond else "below "


def said(row: Assessment) -> str:
    """Return the answer of a measurement, and what tells it from others of its task."""
    question = row.published.question
    details = [question.agent, question.network]
    if question.judged_by != "normalised":
        details.append(f"rule {question.judged_by}")
    details += _other_protocol(row)
    if row.published.is_first_edition:
        details.append("first edition")
    return f"{figure_of(row)} ({', '.join(details)})"


def _other_protocol(row: Assessment) -> list[str]:
    """Return projection, settings and budget, where they are not the task's own."""
    question, details = row.published.question, []
    if not question.is_usual_projection:
        details.append(f"projection {question.projection}")
    if question.settings:
        details.append(f"settings {' '.join(question.settings)}")
    if question.budget is not None:
        details.append(f"budget {question.budget:,}")
    return details


def _open(missing: Sequence[str]) -> str:
    return f"unanswered: not measured yet: {' and '.join(missing)}"
