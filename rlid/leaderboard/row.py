"""One row of the leaderboard: plain data, and its answer in words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from rlid.dimension import bracket_in_words, figure_in_words, interval_in_words
from rlid.leaderboard.compared import NOT_COMPARED


@dataclass(frozen=True)
class LeaderboardRow:
    """One row; None and "" are what is not known, and are shown as missing.

    Attributes:
        rule: what success is judged by.
        d_int90: the answer where it is a figure; None beside a bracket.
        bracket_low: the largest d that is known to be too small, where only a bracket is known.
        bracket_high: the smallest d that is known to be large enough, where only a bracket is.
        d_reliable: the smallest d at which nine seeds of ten succeed.
        is_least: whether no smaller d was open to the search, or tried.
        is_beyond: whether d_int90 lies probably, not surely, above dmax; d_int90 is None then.
        is_open_below: whether the interval reaches below the smallest d that was open.
        ratio: d_int90, or dmax where it lies above that, over the d_int90 of MNIST with the
            paper's fully connected network.
        ratio_rule: the rule that MNIST was judged by, where it is another one than the row's.
        compression: D / d_int90.
        manifold: D - d_int90.
        policy_bytes: length of the exported policy file.
        reference_seeds: seeds of direct training for the reference; None where the task sets it.
        reference_source: where a reference comes from that a user gave; "" for a measured one.
        status: "full" or "provisional"; for a row of the paper alone, why it is not measured.
        provisional_because: what keeps the row from being full.
        edition: "first edition" where trials rest on the first stopping rule.
        budget: search steps of one trial.
        is_own_budget: whether that is the task's own budget.
        settings: of the agent in place of the task's own, such as "lr=0.3 sigma=0.02"; or "".
        improving: unsolved trials near d_int90 that still improved when their budget ended.
        published_by: who published it, in their own words; "" where the file does not say.
        published_when: when, in their own words.
        version: the versions of rlid that ran its trials.
        is_own_problem: whether it has the task's own network and the usual projection.
        hours: of all its trials, each with its share of a batch, on a machine that may have run
            other things beside; those of the reference are not among them.
        paper: the figure that Li et al. (2018) published; it was measured elsewhere.
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
    bracket_low: int | None = None
    bracket_high: int | None = None
    d_reliable: int | None = None
    reliable_low: int | None = None
    reliable_high: int | None = None
    reference_seeds: int | None = None
    reference_source: str = ""
    provisional_because: str = ""
    edition: str = ""
    budget: int | None = None
    is_own_budget: bool = True
    improving: int | None = None
    published_by: str = ""
    published_when: str = ""
    version: str = ""
    hours: float | None = None
    is_own_problem: bool = True
    settings: str = ""
    is_beyond: bool = False
    is_open_below: bool = False

    @property
    def is_measured(self) -> bool:
        """Whether it was measured here."""
        return bool(self.command)

    @property
    def is_compared(self) -> bool:
        """Whether rlid knows its task, agent and projection, and could hold it against them."""
        return NOT_COMPARED not in self.provisional_because

    @property
    def is_bracket(self) -> bool:
        """Whether the answer is a bracket, from which no figure is derived."""
        return self.bracket_high is not None

    @property
    def is_above(self) -> bool:
        """Whether the answer is a bound from below: d_int90 lies above dmax, surely or likely."""
        return self.censored or self.is_beyond

    @property
    def answer(self) -> str:
        """d_int90 in a few characters, or "" without an answer.

        A number, a bracket ("3-10, one seed"), "> 400", "probably > 400" where that is not sure, or
        "at most 300" where no smaller d was open to the search, or tried.
        """
        if self.bracket_low is not None and self.bracket_high is not None:
            seeds = "one seed" if self.seeds == 1 else f"{self.seeds} seeds"
            return f"{bracket_in_words(self.bracket_low, self.bracket_high)}, {seeds}"
        if self.d_int90 is None and not self.is_above:
            return ""
        return figure_in_words(
            self.d_int90, dmax=self.dmax, is_beyond=self.is_beyond, is_least=self.is_least
        )

    @property
    def interval(self) -> str:
        """The 95 % interval: "3-8", "3 or more", "8 or less", or "" where none is claimed."""
        return interval_in_words(
            self.ci_low, self.ci_high, dmax=self.dmax, is_open_below=self.is_open_below
        )

    @property
    def reliable(self) -> str:
        """d_reliable with its interval: "12 (8-30)", "> 20", or "" where it is not known."""
        interval = interval_in_words(
            self.reliable_low,
            self.reliable_high,
            dmax=self.dmax,
            # Both intervals are open below where they begin at the smallest d that was open.
            is_open_below=self.is_open_below and self.reliable_low == self.ci_low,
        )
        if self.d_reliable is None:
            return interval
        return f"{self.d_reliable:,} ({interval})" if interval else f"{self.d_reliable:,}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the answer must know besides, a few words each."""
        notes = [self.edition] if self.edition else []
        if self.budget is not None and not self.is_own_budget:
            notes.append(f"budget {self.budget:,} steps, not the task's own")
        if self.settings:
            notes.append(f"settings {self.settings}, not the task's own")
        if self.reference_source:
            notes.append(f"reference given: {self.reference_source}")
        if self.improving:
            plural = "" if self.improving == 1 else "s"
            notes.append(f"budget-limited: {self.improving} unsolved trial{plural} still improving")
        if self.provisional_because:
            notes.append(f"provisional: {self.provisional_because}")
        return tuple(notes)

    def to_json(self) -> dict[str, Any]:
        """Return the row as one flat object."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
