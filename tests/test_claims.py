"""What an estimate claims beside d_int90: d_reliable, brackets, further trials."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from rlid.dimension import TrialOutcome, estimate, fitted_curve

DMAX = 20


def grid_of_step(k: int, *, seeds: int = 10, dmax: int = DMAX) -> list[TrialOutcome]:
    """Every seed solves exactly the d from k on."""
    pairs = itertools.product(range(1, dmax + 1), range(seeds))
    return [TrialOutcome(d, seed, d >= k, float(d >= k)) for d, seed in pairs]


def logistic_grid(half: float, scale: float, rng: np.random.Generator) -> list[TrialOutcome]:
    pairs = itertools.product(range(1, DMAX + 1), range(10))
    return [
        TrialOutcome(d, seed, bool(rng.random() < 1.0 / (1.0 + (half / d) ** (1.0 / scale))), None)
        for d, seed in pairs
    ]


def seeds_that_never_solve(lost: int, *, k: int, seeds: int = 10) -> list[TrialOutcome]:
    """Seeds that solve exactly the d from k on, but for the last few, which solve none."""
    pairs = itertools.product(range(1, DMAX + 1), range(seeds))
    return [TrialOutcome(d, s, d >= k and s < seeds - lost, None) for d, s in pairs]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_seeds_that_never_solve_do_not_move_a_clean_step(lost: int) -> None:
    answer = estimate(seeds_that_never_solve(lost, k=8), dmax=DMAX)
    assert answer.d_int90 == 8
    assert answer.never is not None
    assert answer.never > 0.05
    # Nine of ten still succeed where one is lost.
    assert (answer.d_reliable is None) is (lost > 1)
    assert answer.reliable_high is None


def test_coverage_holds_where_three_seeds_of_ten_never_solve() -> None:
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(60):
        own = np.where(rng.random(10) < 0.3, math.inf, 7.4 * np.exp(0.2 * rng.standard_normal(10)))
        trials = [
            TrialOutcome(d, s, bool(own[s] <= d), None)
            for d, s in itertools.product((1, 2, 3, 4, 6, 8, 10, 12, 16, 20), range(10))
        ]
        answer = estimate(trials, dmax=DMAX)
        # Half of all seeds are 5/7 of those that solve: 0.57 standard deviations above 7.4.
        truth = math.ceil(7.4 * math.exp(0.2 * 0.566))
        covered.append((answer.ci_low or 1) <= truth <= (answer.ci_high or DMAX))
    assert np.mean(covered) >= 0.93


@pytest.mark.parametrize(("lost", "seeds"), [(6, 10), (7, 10), (10, 20), (12, 20), (24, 40)])
def test_the_interval_is_open_above_where_half_of_the_seeds_or_more_never_solve(
    lost: int, seeds: int
) -> None:
    answer = estimate(seeds_that_never_solve(lost, k=8, seeds=seeds), dmax=DMAX)
    assert answer.ci_high is None


def test_coverage_holds_where_six_seeds_of_ten_never_solve() -> None:
    rng = np.random.default_rng(8)
    is_open = []
    for _ in range(60):
        lost = int(rng.binomial(20, 0.6))
        answer = estimate(seeds_that_never_solve(lost, k=8, seeds=20), dmax=DMAX)
        is_open.append(answer.ci_high is None)
    assert np.mean(is_open) >= 0.93


def test_a_d_int90_more_likely_above_dmax_than_not_is_no_figure() -> None:
    trials = [
        TrialOutcome(d, s, d == DMAX and s < 2, None) for d in (5, 10, DMAX) for s in range(8)
    ]
    answer = estimate(trials, dmax=DMAX)
    assert answer.probability_above_dmax is not None
    assert 0.5 < answer.probability_above_dmax < 0.95
    assert (answer.is_beyond, answer.is_above, answer.censored) == (True, True, False)
    assert answer.figure is None
    sure = estimate(grid_of_step(8), dmax=DMAX)
    assert (sure.is_beyond, sure.is_above, sure.figure) == (False, False, 8)


@pytest.mark.parametrize("smallest", [6, 9])
def test_the_interval_holds_the_smallest_d_tried_where_all_trials_succeed(smallest: int) -> None:
    trials = [TrialOutcome(d, s, True, None) for d in (smallest, 12, 20) for s in range(8)]
    answer = estimate(trials, dmax=DMAX)
    assert answer.d_int90 == smallest
    assert answer.is_least
    assert answer.ci_high is not None
    assert (answer.ci_low or 0) <= smallest <= answer.ci_high
    assert not estimate(grid_of_step(8), dmax=DMAX).is_least


def test_success_that_falls_as_d_rises_is_no_bound_from_below() -> None:
    trials = [TrialOutcome(d, s, d <= 5, None) for d in range(1, DMAX + 1) for s in range(10)]
    answer = estimate(trials, dmax=DMAX)
    assert not answer.censored
    assert answer.d_int90 is None
    assert "10 of 10 trials succeed at d = 1, 40 of 190 above it" in answer.withheld


def test_a_lucky_d_below_many_failures_leaves_the_bound_from_below() -> None:
    lucky = {(7, seed) for seed in range(3)}
    pairs = itertools.product(range(1, DMAX + 1), range(5))
    answer = estimate([TrialOutcome(d, s, (d, s) in lucky, None) for d, s in pairs], dmax=DMAX)
    assert answer.censored
    assert not answer.withheld


def test_reliable_d_is_no_smaller_than_the_median_d_and_open_where_it_is_not_reached() -> None:
    step = estimate(grid_of_step(8), dmax=DMAX)
    assert step.d_int90 == 8
    assert step.d_reliable is not None
    assert step.d_reliable >= 8
    assert step.reliable_low == 8
    spread = estimate(logistic_grid(6.0, 0.3, np.random.default_rng(1)), dmax=DMAX)
    assert spread.ci_low is not None
    assert spread.reliable_low is not None
    assert spread.reliable_low > spread.ci_low
    never = estimate(grid_of_step(DMAX + 1), dmax=DMAX)
    assert (never.d_reliable, never.reliable_low, never.reliable_high) == (None, DMAX + 1, None)
    few = estimate(grid_of_step(8, seeds=4), dmax=DMAX)
    assert (few.reliable_low, few.reliable_high, few.flat_low) == (None, None, None)


def test_thirty_seeds_close_the_interval_of_the_reliable_d() -> None:
    answer = estimate(grid_of_step(8, seeds=40), dmax=DMAX)
    assert (answer.reliable_low, answer.d_reliable) == (8, 8)
    assert answer.reliable_high is not None
    assert answer.reliable_high <= 10


def test_few_trials_owe_more_to_the_prior_than_many() -> None:
    rng = np.random.default_rng(2)
    many = logistic_grid(6.0, 0.3, rng)
    few = [t for t in many if t.d in {3, 6, 12} and t.seed < 5]
    shares = []
    for trials in (few, many):
        answer = estimate(trials, dmax=DMAX)
        assert answer.ci_low is not None
        assert answer.flat_low is not None
        high, flat_high = answer.ci_high or DMAX + 1, answer.flat_high or DMAX + 1
        shares.append((flat_high - answer.flat_low) / (high - answer.ci_low))
    assert shares[0] > shares[1] >= 1.0


def test_a_failure_below_a_success_of_a_single_seed_is_a_bracket() -> None:
    trials = [TrialOutcome(3000, 0, False, None), TrialOutcome(10_000, 0, True, None)]
    assert estimate(trials, dmax=20_000).bracket == (3000, 10_000)
    two_seeds = [TrialOutcome(3000, 0, False, None), TrialOutcome(10_000, 1, True, None)]
    assert estimate(two_seeds, dmax=20_000).bracket == (3000, 10_000)


def test_a_bisected_seed_is_a_bracket_however_many_trials_it_has() -> None:
    outcomes = {1: False, 5: False, 8: False, 9: True, 10: True, 20: True}
    trials = [TrialOutcome(d, 0, success, None) for d, success in outcomes.items()]
    assert estimate(trials, dmax=DMAX).bracket == (8, 9)


def test_a_bracket_spans_outcomes_that_contradict_each_other() -> None:
    outcomes = {2: False, 5: True, 8: False, 12: True, 20: True}
    trials = [TrialOutcome(d, 0, success, None) for d, success in outcomes.items()]
    assert estimate(trials, dmax=DMAX).bracket == (2, 12)


def test_a_single_seed_that_solves_everything_has_a_bracket_from_the_smallest_d() -> None:
    trials = [TrialOutcome(d, 0, True, None) for d in (300, 900)]
    assert estimate(trials, dmin=1, dmax=900).bracket == (1, 300)
    assert estimate(trials, dmin=300, dmax=900).bracket == (300, 300)


def test_more_seeds_or_no_success_give_no_bracket() -> None:
    assert estimate(grid_of_step(8, seeds=5), dmax=DMAX).bracket is None
    assert estimate(grid_of_step(DMAX + 1, seeds=1), dmax=DMAX).bracket is None
    overlapping = logistic_grid(6.0, 0.5, np.random.default_rng(1))
    assert estimate([t for t in overlapping if t.seed < 3], dmax=DMAX).bracket is None


def test_further_trials_grow_with_the_trials_there_are_and_need_a_closed_interval() -> None:
    rng = np.random.default_rng(4)
    dims = (1, 3, 10, 20, 30, 45, 70, 100, 200, 500, 1000)
    pairs = list(itertools.product(dims, range(80)))
    trials = [
        TrialOutcome(d, s, bool(rng.random() < 1.0 / (1.0 + (30.0 / d) ** 3.0)), None)
        for d, s in pairs
    ]
    needed = []
    for seeds in (10, 20, 80):
        answer = estimate([t for t in trials if t.seed < seeds], dmax=1000)
        assert answer.further_trials is not None
        needed.append(answer.further_trials)
    assert needed == sorted(needed)
    # Four times the seeds halve the interval: the prediction is of that order.
    half, quarter = (estimate([t for t in trials if t.seed < s], dmax=1000) for s in (20, 80))
    ratio = (half.ci_high - half.ci_low) / (quarter.ci_high - quarter.ci_low)  # type: ignore[operator]
    assert 1.4 < ratio < 2.8
    assert estimate(grid_of_step(DMAX + 1), dmax=DMAX).further_trials is None
    assert estimate(grid_of_step(8), dmax=DMAX).further_trials is None


def test_an_estimate_claims_nothing_below_the_smallest_d_that_was_open() -> None:
    solved = [TrialOutcome(d, seed, True, None) for d in (50, 70, 100) for seed in range(10)]
    answer = estimate(solved, dmin=50, dmax=100)
    assert answer.is_least
    assert answer.is_open_below
    assert answer.relative_width == math.inf
    assert answer.further_trials is None


def test_the_fitted_curve_passes_through_one_half_and_rises() -> None:
    answer = estimate(logistic_grid(6.0, 0.3, np.random.default_rng(1)), dmax=DMAX)
    assert answer.half_point is not None
    dims = np.array([1.0, 3.0, math.exp(answer.half_point), 12.0, 20.0])
    curve = fitted_curve(answer, dims)
    assert curve is not None
    assert list(curve) == sorted(curve)
    assert curve[2] == pytest.approx(0.5)
    assert fitted_curve(estimate([], dmax=DMAX), dims) is None


def test_many_seeds_that_agree_leave_one_d() -> None:
    """So many trials that all of the posterior lies on curves whose half-point is their centre."""
    answer = estimate(grid_of_step(8, seeds=300), dmax=DMAX)
    assert (answer.ci_low, answer.d_int90, answer.ci_high) == (8, 8, 8)
    assert (answer.flat_low, answer.flat_high) == (8, 8)
    assert (answer.reliable_low, answer.d_reliable, answer.reliable_high) == (8, 8, 8)
