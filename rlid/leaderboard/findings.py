"""Plain findings above the chart: what the published numbers say, and how little they may say.

Each is derived from the measurements, stands with its 95 % interval, and with the reading of the
same data that supports it least.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rlid.figures import families
from rlid.leaderboard import compared, paper, yardstick
from rlid.leaderboard.assessment import Assessment
from rlid.leaderboard.claims import below, by_rule_of, default_of, of_task, said
from rlid.measurement import compare_summaries

COUNT = "A count has no interval"


@dataclass(frozen=True)
class BoardFinding:
    """One sentence, its 95 % interval in words, and the reading that supports it least.

    Attributes:
        text: the finding.
        interval: the interval in words; what it rests on where it is a count.
        least: the least favourable reading; "" where the data allow no other reading.
    """

    text: str
    interval: str
    least: str


def findings(assessments: Sequence[Assessment]) -> list[BoardFinding]:
    """Return what the measurements say; what cannot be said from them is left out."""
    makers: list[Callable[[Sequence[Assessment]], Iterator[BoardFinding]]] = [
        _pairs, _span, _agents, _compression, _published,
    ]  # fmt: skip
    known = [row for row in assessments if not compared.unknown_names(row.published.question)]
    return [finding for make in makers for finding in make(known)]


def _pairs(assessments: Sequence[Assessment]) -> Iterator[BoardFinding]:
    mnist = [
        row for row in of_task(assessments, yardstick.TASK)
        if row.published.question.network == yardstick.NETWORK
    ]  # fmt: skip
    pairs = (
        ("MNIST with the fully connected network of the paper", mnist,
         "the inverted pendulum", of_task(assessments, "inverted_pendulum")),
        ("Pong from pixels", of_task(assessments, "pong"),
         "CIFAR-10", of_task(assessments, "cifar10")),
    )  # fmt: skip
    for hard_name, hard_rows, easy_name, easy_rows in pairs:
        hard, easy = default_of(hard_rows), default_of(easy_rows)
        if hard is None or easy is None:
            continue
        compared = f"{said(hard)} against {said(easy)}"
        if hard.d is None or easy.d is None:
            text = f"{hard_name} against {easy_name}: {compared}"
            yield BoardFinding(text, "No ratio follows from a bracket or a bound", "")
            continue
        ratio = families.digits(hard.d / easy.d)
        text = f"{hard_name} needs {ratio} times as many dimensions as {easy_name}: {compared}"
        interval, same = _interval(hard, easy), by_rule_of(hard_rows, hard, easy)
        if same is not None:
            rule = easy.published.question.judged_by
            ratio = families.factor(same.summary, easy.summary)
            interval += f". With both judged by the rule {rule}: {ratio}"
        yield BoardFinding(text, interval, _least(hard_rows, easy_rows))


def _span(assessments: Sequence[Assessment]) -> Iterator[BoardFinding]:
    """Say how far the easiest and the hardest task lie apart, of those with a closed interval."""
    real = [row for row in _closed(assessments) if row.published.kind != "synthetic"]
    if len({row.published.question.task for row in real}) < 2:
        return
    ordered = sorted(real, key=lambda row: (row.d or 0, row.published.name))
    easy, hard = ordered[0], ordered[-1]
    names = [row.published.question.task for row in (hard, easy)]
    text = (
        f"The hardest task with a closed interval is {names[0]}, {said(hard)}; "
        f"the easiest is {names[1]}, {said(easy)}"
    )
    least = _least(of_task(assessments, names[0]), of_task(assessments, names[1]))
    yield BoardFinding(text, _interval(hard, easy), least)


def _agents(assessments: Sequence[Assessment]) -> Iterator[BoardFinding]:
    """Say how much the optimizer matters: the largest ratio on one task with one network.

    Both agents have the same budget and the task's own settings, so that only the agent differs.
    """
    own = [row for row in _closed(assessments) if not row.published.question.settings]
    pairs = [
        (hard, easy)
        for first, second in combinations(own, 2)
        for hard, easy in [sorted((first, second), key=lambda row: -(row.d or 0))]
        if _subject(hard) == _subject(easy) and _agent(hard) != _agent(easy)
    ]
    if not pairs:
        return
    largest: dict[tuple[str, ...], tuple[Assessment, Assessment]] = {}
    for pair in sorted(pairs, key=_ratio_and_name):
        largest[_subject(pair[0])] = pair
    hard, easy = max(largest.values(), key=_ratio_and_name)
    text = (
        "The optimizer matters: the largest ratio of two agents on one task is "
        f"{families.digits((hard.d or 0) / (easy.d or 1))} times, on "
        f"{hard.published.question.task} between {said(hard)} and {said(easy)}"
    )
    if len(largest) > 1:
        pair = min(largest.values(), key=_ratio_and_name)
        ratio = families.digits(_ratio_and_name(pair)[0])
        least = (
            f"on {pair[0].published.question.task}, {ratio} times between {said(pair[0])} and "
            f"{said(pair[1])}"
        )
    else:
        low = compare_summaries(hard.summary, easy.summary).ratio_low
        least = "" if low is None else f"{families.digits(low)} times, the interval's lower end"
    yield BoardFinding(text, _interval(hard, easy), least)


def _ratio_and_name(pair: tuple[Assessment, Assessment]) -> tuple[float, str]:
    """Return how many times harder the first measurement is, and the second one's name."""
    hard, easy = pair
    return (hard.d or 0) / (easy.d or 1), easy.published.name


def _compression(assessments: Sequence[Assessment]) -> Iterator[BoardFinding]:
    """Say how small a policy's file becomes; an interval has only D / d."""
    closed = [row for row in _closed(assessments) if row.published.kind != "synthetic"]
    if not closed:
        return
    best = max(closed, key=lambda row: row.published.D / (row.estimate.ci_high or 1))
    worst = min(closed, key=lambda row: row.published.D / (row.estimate.ci_high or 1))
    weights, estimate = best.published.D, best.estimate
    text = (
        f"The largest compression, counted in numbers: {best.published.question.task} with "
        f"{weights:,} weights needs d = {best.d:,}, a factor of "
        f"{families.digits(weights / (best.d or 1))}"
    )
    low, high = (weights / (end or 1) for end in (estimate.ci_high, estimate.ci_low))
    interval = f"95 % interval {families.digits(low)}-{families.digits(high)}"
    least = ""
    if worst is not best:
        factor = families.digits(worst.published.D / (worst.estimate.ci_high or 1))
        question = worst.published.question
        least = (
            f"{factor} times, {question.task} with {question.network} at the upper end of its "
            "interval"
        )
    yield BoardFinding(text, interval, least)


def _published(assessments: Sequence[Assessment]) -> Iterator[BoardFinding]:
    """Say how many intervals hold the figure that was published elsewhere."""
    pairs = [
        (row, int(figure.figure))
        for row in assessments
        for figure in [_elsewhere(row)]
        if figure is not None and row.estimate.ci_low is not None and not row.estimate.withheld
    ]
    # One figure is not counted for rows that differ in projection or settings alone.
    counted = [
        (row, figure)
        for row, figure in pairs
        if row.published.question.is_usual_projection and not row.published.question.settings
    ]
    if not counted:
        return
    inside = sum(_holds(row, figure) for row, figure in counted)
    text = (
        f"{inside} of {len(counted)} intervals hold the figure that {paper.SOURCE} published for "
        "the same task and network, by other protocols and often by other optimizers"
    )
    # A bound from below counts at dmax, where it lies at least.
    answered = [
        (row, figure) for row, figure in pairs if row.d is not None or row.estimate.is_above
    ]
    if not answered:
        yield BoardFinding(text, COUNT, "")
        return
    row, figure = max(
        answered,
        key=lambda pair: (
            max(_bound(pair[0]) / pair[1], pair[1] / _bound(pair[0])),
            not pair[0].estimate.is_beyond,
        ),
    )
    task = row.published.question.task
    least = f"the farthest from it is {task}, {said(row)} against {figure:,}"
    yield BoardFinding(text, COUNT, least)


def _closed(assessments: Iterable[Assessment]) -> list[Assessment]:
    """Return the measurements with a figure and an interval that is closed on both sides."""
    return [
        row for row in assessments
        if row.d is not None and row.estimate.ci_low is not None
        and row.estimate.ci_high is not None and not row.estimate.is_open_below
    ]  # fmt: skip


def _interval(hard: Assessment, easy: Assessment) -> str:
    comparison = compare_summaries(hard.summary, easy.summary)
    low, high = comparison.ratio_low, comparison.ratio_high
    if low is None or high is None:
        return "The ratio has no closed interval"
    return f"95 % interval of the ratio {families.digits(low)}-{families.digits(high)}"


def _least(hard_rows: Iterable[Assessment], easy_rows: Iterable[Assessment]) -> str:
    """Return the pair of measurements with the smallest ratio; "" where there is but one pair."""
    pairs = [
        (hard, easy)
        for hard in hard_rows
        for easy in easy_rows
        if hard.d is not None and (easy.d is not None or easy.estimate.is_above)
    ]
    if len(pairs) < 2:
        return ""
    # Of two equal ratios the bound is the smaller, "below" it, and a sure bound says more.
    hard, easy = min(
        pairs,
        key=lambda pair: (
            (pair[0].d or 0) / _bound(pair[1]),
            pair[1].d is not None,
            pair[1].estimate.is_beyond,
        ),
    )
    ratio = families.digits((hard.d or 0) / _bound(easy))
    return f"{below(easy)}{ratio} times, {said(hard)} against {said(easy)}"


def _bound(row: Assessment) -> int:
    return row.d or row.published.dmax


def _elsewhere(row: Assessment) -> paper.PaperRow | None:
    question = row.published.question
    return paper.published_figure(question.task, question.network)


def _holds(row: Assessment, figure: int) -> bool:
    low, high = row.estimate.ci_low or 1, row.estimate.ci_high
    return low <= figure and (high is None or figure <= high)


def _subject(row: Assessment) -> tuple[str, ...]:
    question = row.published.question
    budget = str(row.published.common.get("budget"))
    return question.task, question.network, question.projection, question.judged_by, budget


def _agent(row: Assessment) -> str:
    return row.published.question.agent
