"""The leaderboard: every published measurement, RL and supervised, ranked on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rlid.leaderboard import paper, yardstick
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.published import Published
from rlid.leaderboard.yardstick import Ratio
from rlid.measurement import Summary, summarise
from rlid.records import MISSING

FULL_SEEDS = {"rl": 10, "supervised": 5, "synthetic": 5}
"""Seeds from which on a measurement counts as full."""


@dataclass(frozen=True)
class LeaderboardRow:
    """One row; None is what is not known, and is shown as missing.

    `rule` is what success is judged by. `ratio` is d_int90, or dmax where it lies above that, over
    the d_int90 of MNIST with the paper's FC network; `ratio_rule` is what the latter was judged
    by, where that is another rule than the row's. `manifold` is D - d_int90,
    `compression` D / d_int90, `policy_bytes` the length of the exported policy file. `paper` is
    the figure that Li et al. (2018) published; it was measured elsewhere. `is_least` is whether no
    smaller d was open to the search.
    """

    task: str
    kind: str
    network: str
    D: int | None = None
    agent: str = ""
    projection: str = ""
    rule: str = ""
    d_int90: int | None = None
    ci_low: int | None = None
    ci_high: int | None = None
    dmax: int | None = None
    censored: bool = False
    is_least: bool = False
    withheld: str = ""
    ratio: float | None = None
    ratio_rule: str = ""
    compression: float | None = None
    manifold: int | None = None
    policy_bytes: int | None = None
    seeds: int | None = None
    trials: int | None = None
    reference: float | None = None
    random: float | None = None
    hidden_state: int | None = None
    env_steps: int | None = None
    status: str = ""
    paper: str = ""
    paper_note: str = ""
    command: str = ""
    page: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether it was measured here."""
        return bool(self.command)

    @property
    def answer(self) -> str:
        """d_int90 in a few characters: a number, "> dmax", or "" where there is none.

        The smallest d that was open to the search is an upper bound: "at most 300".
        """
        if self.d_int90 is not None:
            return f"at most {self.d_int90}" if self.is_least else str(self.d_int90)
        return f"> {self.dmax}" if self.censored else ""

    @property
    def interval(self) -> str:
        """The 95 % interval: "3-8", "3 or more", or "" where none is claimed."""
        if self.ci_low is None:
            return ""
        if self.ci_high is not None:
            return f"{self.ci_low}-{self.ci_high}"
        return f"above {self.dmax}" if self.ci_low > (self.dmax or 0) else f"{self.ci_low} or more"

    def to_json(self) -> dict[str, Any]:
        """Return the row as one flat object."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def chosen(published: Iterable[Published]) -> list[Published]:
    """Return one measurement of each thing measured: that with the most seeds, then trials.

    Measurements of one thing differ in how trials were searched for alone; another first seed, or
    another threshold, makes another one.
    """
    best: dict[tuple[str, float, int], Published] = {}
    for one in published:
        key = (one.spec(1, 0).group, one.threshold, one.question.seed)
        if key not in best or _weight(one) > _weight(best[key]):
            best[key] = one
    return sorted(best.values(), key=rank)


def _weight(one: Published) -> tuple[int, int, str]:
    return _seeds(one), len(one.rows), one.name


def _seeds(one: Published) -> int:
    return len({row.seed for row in one.rows if row.status not in MISSING})


def rank(one: Published) -> tuple[Any, ...]:
    """Return what measurements are ordered by: d_int90, those above their dmax, those without."""
    found = one.answer
    group = 0 if found.d_int90 is not None else 1 if found.censored else 2
    return group, found.d_int90 or one.dmax, one.question.task, one.name


def entries(published: Sequence[Published]) -> list[LeaderboardRow]:
    """Return the rows in order, and those that the paper has and nobody measured here."""
    summaries = [summarise(one.records()) for one in published]
    of_mnist = [item for item in summaries if item.spec.task == yardstick.TASK]
    ratios = [yardstick.ratio(item, of_mnist) for item in summaries]
    found = [_entry(*row) for row in zip(published, summaries, ratios, strict=True)]
    measured = {(one.task, one.network.partition("+")[0]) for one in found}
    return found + [
        LeaderboardRow(
            row.task, row.kind, row.network, status=row.missing, paper=row.figure,
            paper_note=row.note,
        )
        for row in paper.PAPER
        if (row.task, row.network) not in measured
    ]  # fmt: skip


def _entry(one: Published, summary: Summary, ratio: Ratio | None) -> LeaderboardRow:
    asked, d = one.question, one.answer.d_int90
    said = paper.published_figure(asked.task, asked.network)
    seeds = _seeds(one)
    is_full = seeds >= FULL_SEEDS[one.kind] and not one.answer.withheld
    return LeaderboardRow(
        task=asked.task,
        kind=one.kind,
        network=asked.network,
        D=one.D,
        agent=asked.agent,
        projection=asked.projection,
        rule=asked.judged_by,
        d_int90=d,
        ci_low=one.answer.ci_low,
        ci_high=one.answer.ci_high,
        dmax=one.dmax,
        censored=one.answer.censored,
        is_least=summary.estimate.is_least,
        withheld=one.answer.withheld,
        ratio=None if ratio is None else round(ratio.value, 6),
        ratio_rule="" if ratio is None else ratio.other_rule,
        compression=None if d is None else round(one.D / d, 2),
        manifold=None if d is None else one.D - d,
        policy_bytes=None if one.policy is None else one.policy.file_bytes,
        seeds=seeds,
        trials=len(one.rows),
        reference=one.reference,
        random=one.random,
        hidden_state=sum(one.hidden_state.values()),
        env_steps=one.env_steps,
        status="full" if is_full else "provisional",
        paper="" if said is None else said.figure,
        paper_note="" if said is None else said.note,
        command=one.command,
        page=publisher.path(one, Path()).with_suffix(".html").as_posix(),
    )
