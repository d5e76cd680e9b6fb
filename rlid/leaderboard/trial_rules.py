"""What no trial can leave behind: rows are held against the rules by which trials run."""

from __future__ import annotations

from collections.abc import Iterator

from rlid import agent as agents
from rlid.leaderboard.known import Known
from rlid.leaderboard.published import Published, TrialRow
from rlid.records import TrialSpec
from rlid.training import CONFIRMATION, FIRST_EDITION_LOOK, LOOK

MOST_CANDIDATES = 1000
"""Candidates of a question, where no setting of the agent is larger."""
MOST_DOUBLINGS = 40


def problems(published: Published, known: Known) -> Iterator[str]:
    """Yield rows that no trial of the task can leave behind, one line each."""
    task = known.task
    of_theta: dict[str, tuple[int, int]] = {}
    for row in published.rows:
        name = f"d = {row.d}, seed {row.seed}"
        scores = [score for score in (row.score, row.deciding_score) if score is not None]
        if task.ceiling is not None and any(score > task.ceiling + 1e-9 for score in scores):
            yield f"{name}: a score of {max(scores)!r}, above the task's ceiling of {task.ceiling}"
        if task.kind == "supervised" and any(score < 0 for score in scores):
            yield f"{name}: an accuracy of {min(scores)!r}"
        if known.network is not None and row.d > known.network.D:
            yield f"{name}: d is above D = {known.network.D}"
        other = (
            of_theta.setdefault(row.theta_sha256, (row.d, row.seed)) if row.theta_sha256 else None
        )
        if task.kind != "synthetic" and other is not None and other[1] != row.seed:
            yield f"{name}: has the weights of d = {other[0]}, seed {other[1]}"
        if row.status in ("solved", "unsolved") and not row.reason:
            yield from (f"{name}: {line}" for line in _search(published, known, row))
        if task.kind == "rl" and row.score is not None:
            yield from (f"{name}: {line}" for line in _episodes(published, known, row))


def _search(published: Published, known: Known, row: TrialRow) -> Iterator[str]:
    """Check how long a trial searched, and whether it may have ended early."""
    spec = published.spec(row.d, row.seed)
    least = _least_steps(known, spec.budget)
    if not row.stopped_early and row.search_steps < least:
        yield f"{row.status} after {row.search_steps} of {spec.budget} steps"
    most = 2 * spec.budget + _longest_round(known, spec)
    if row.search_steps > most:
        yield f"a search of {row.search_steps} steps at a budget of {spec.budget}"
    if not row.stopped_early:
        return
    if spec.stop_score is None:
        yield "stopped early, where every trial runs its whole budget"
    if spec.stopping == "confirmed" and row.status != "solved":
        yield "stopped early by a scoring that it passed, but unsolved"


def _episodes(published: Published, known: Known, row: TrialRow) -> Iterator[str]:
    """Check steps against the fewest episodes that a trial is looked at and scored in.

    An episode has at least one step. A look or a confirmation may be decided by its first part.
    """
    spec = published.spec(row.d, row.seed)
    is_confirmed = spec.stopping == "confirmed"
    # What passed the stop score, or had none, is scored once more.
    scorings = 1 + (is_confirmed and (row.status == "solved" or spec.stop_score is None))
    if row.scoring_steps < scorings * row.episodes:
        yield f"{scorings * row.episodes} episodes of scoring in {row.scoring_steps} steps"
    look = LOOK if is_confirmed else FIRST_EDITION_LOOK
    validation = _number(spec, "validation_episodes")
    if spec.stop_score is not None:
        validation = look.parts(validation)[0]
    if is_confirmed and row.stopped_early:
        own = "confirmation_episodes"
        confirming = _number(spec, own if own in spec.protocol else "scoring_episodes")
        validation += CONFIRMATION.parts(confirming)[0]
    if row.validation_steps < validation:
        yield f"{validation} episodes of validation in {row.validation_steps} steps"


def _least_steps(known: Known, budget: int) -> int:
    """Return the steps of a search that did not stop early: its budget, or what a setting says."""
    settings = {} if known.agent is None else agents.settings(known.agent)
    iterations = settings.get("iterations")
    # Each iteration takes one step at the least.
    return budget if not isinstance(iterations, int) else min(budget, iterations)


def _number(spec: TrialSpec, name: str) -> int:
    """Return a number of the protocol, at least 1: that of the trials may be an older one."""
    value = spec.protocol.get(name)
    return max(1, value) if isinstance(value, int) else 1


def _longest_round(known: Known, spec: TrialSpec) -> int:
    """Return more steps than a search can take between two looks at its budget.

    A question holds no more candidates than the largest whole number among the agent's settings,
    or a power of two of them.
    """
    settings = {} if known.agent is None else agents.settings(known.agent)
    numbers = [value for value in settings.values() if isinstance(value, int)]
    doublings = settings.get("max_doublings", 0)
    doubled: int = 2 ** min(MOST_DOUBLINGS, doublings if isinstance(doublings, int) else 0)
    candidates = max([MOST_CANDIDATES, *numbers]) * max(1, doubled)
    return candidates * _number(spec, "search_episodes") * _number(spec, "episode_cap")
