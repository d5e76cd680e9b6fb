"""Known answers, censoring, honesty about what is missing, and calibration in the small."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from rlid.dimension import TrialOutcome, compare, estimate
from rlid.dimension.statistics import isotonic_crossing, quartiles, weighted_quantile
from rlid.measurement import answer as said

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


@pytest.mark.parametrize("k", [1, 4, 10, 20])
@pytest.mark.parametrize("seeds", [5, 10])
def test_a_step_is_found_exactly(k: int, seeds: int) -> None:
    answer = estimate(grid_of_step(k, seeds=seeds), dmax=DMAX)
    assert answer.d_int90 == k
    assert answer.first_crossing == k
    assert answer.isotonic == k
    assert answer.ci_low is not None
    assert answer.ci_low <= k
    assert answer.ci_high is None or answer.ci_high >= k
    assert not answer.censored


def test_solved_everywhere_means_one() -> None:
    answer = estimate(grid_of_step(1), dmax=DMAX)
    assert (answer.d_int90, answer.ci_low) == (1, 1)


def test_never_solved_is_censored_and_open_above() -> None:
    answer = estimate(grid_of_step(DMAX + 1), dmax=DMAX)
    assert answer.censored
    assert answer.d_int90 is None
    assert answer.ci_low == DMAX + 1
    assert answer.ci_high is None
    assert answer.first_crossing is None
    assert answer.withheld == ""


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_failing_seeds_are_censored_too(seeds: int) -> None:
    assert estimate(grid_of_step(DMAX + 1, seeds=seeds), dmax=DMAX).censored


def test_failing_below_the_largest_d_is_not_censoring() -> None:
    answer = estimate([TrialOutcome(10, seed, False, None) for seed in range(5)], dmax=DMAX)
    assert not answer.censored
    assert answer.d_int90 is None
    assert "10" in answer.withheld


def test_the_answer_is_not_below_what_was_tried() -> None:
    answer = estimate([TrialOutcome(10, seed, True, None) for seed in range(5)], dmax=DMAX)
    assert answer.d_int90 == 10
    assert answer.ci_low == 1


@pytest.mark.parametrize("seeds", [1, 4])
def test_no_interval_below_five_seeds(seeds: int) -> None:
    answer = estimate(grid_of_step(8, seeds=seeds), dmax=DMAX)
    assert answer.d_int90 == 8
    assert answer.ci_low is None
    assert answer.ci_high is None


def test_a_single_trial_is_enough_for_an_answer() -> None:
    assert estimate([TrialOutcome(1, 0, True, None)], dmax=DMAX).d_int90 == 1
    assert estimate([TrialOutcome(1, 0, False, None)], dmax=1).censored
    assert estimate([], dmax=DMAX).withheld == "there is no trial"
    missing = [TrialOutcome(3, seed, None, None) for seed in range(5)]
    assert estimate(missing, dmax=DMAX).withheld == "every trial is missing"


def test_order_does_not_matter() -> None:
    trials = logistic_grid(6.0, 0.3, np.random.default_rng(1))
    shuffled = random.Random(2).sample(trials, len(trials))
    assert estimate(shuffled, dmax=DMAX) == estimate(trials, dmax=DMAX)


def test_names_of_seeds_do_not_matter() -> None:
    trials = logistic_grid(6.0, 0.3, np.random.default_rng(1))
    renamed = [TrialOutcome(t.d, 1000 + 7 * t.seed, t.success, t.score) for t in trials]
    assert estimate(renamed, dmax=DMAX) == estimate(trials, dmax=DMAX)


def test_missing_near_the_threshold_withholds() -> None:
    trials = [
        TrialOutcome(t.d, t.seed, None if (t.d, t.seed) == (8, 3) else t.success, t.score)
        for t in grid_of_step(8)
    ]
    answer = estimate(trials, dmax=DMAX)
    assert answer.d_int90 is None
    assert answer.ci_low is None
    assert not answer.censored
    assert "d = 8" in answer.withheld
    assert answer.missing == 1


def test_missing_far_from_the_threshold_is_only_counted() -> None:
    trials = [
        TrialOutcome(t.d, t.seed, None if (t.d, t.seed) == (19, 3) else t.success, t.score)
        for t in grid_of_step(8)
    ]
    answer = estimate(trials, dmax=DMAX)
    assert (answer.d_int90, answer.missing, answer.withheld) == (8, 1, "")


def test_a_repeated_trial_and_a_stray_d_are_refused() -> None:
    with pytest.raises(ValueError, match="d=3 and seed=0"):
        estimate([TrialOutcome(3, 0, True, None), TrialOutcome(3, 0, False, None)], dmax=DMAX)
    with pytest.raises(ValueError, match="d=30"):
        estimate([TrialOutcome(30, 0, True, None)], dmax=DMAX)
    with pytest.raises(ValueError, match="dmin=5"):
        estimate([], dmin=5, dmax=2)


def test_a_freak_run_does_not_move_the_answer() -> None:
    trials = [
        TrialOutcome(t.d, t.seed, t.success != ((t.d, t.seed) in {(2, 4), (15, 7)}), t.score)
        for t in grid_of_step(8)
    ]
    answer = estimate(trials, dmax=DMAX)
    assert answer.d_int90 == 8
    assert answer.first_crossing == 8


def test_the_curve_counts_and_has_quartiles() -> None:
    trials = [
        TrialOutcome(2, 0, False, 1.0, is_full=True),
        TrialOutcome(2, 1, False, 2.0, is_full=True),
        TrialOutcome(2, 2, True, 3.0),
        TrialOutcome(2, 3, None, None),
        TrialOutcome(4, 0, False, None, is_full=True),
    ]
    low, high = estimate(trials, dmax=DMAX).curve
    assert (low.d, low.n, low.successes, low.missing, low.full) == (2, 3, 1, 1, 2)
    assert (low.q25, low.median, low.q75) == (1.5, 2.0, 2.5)
    assert (high.n, high.median) == (1, None)


def test_a_sweep_over_a_thousand_d_is_exact_to_two_percent() -> None:
    answer = estimate(grid_of_step(700, seeds=5, dmax=1000), dmax=1000)
    assert answer.d_int90 is not None
    assert abs(answer.d_int90 - 700) <= 10
    assert estimate(grid_of_step(30, seeds=5, dmax=1000), dmax=1000).d_int90 == 30


def test_seeds_with_their_own_thresholds_give_the_middle_and_a_wide_interval() -> None:
    own = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    pairs = itertools.product(range(1, DMAX + 1), range(10))
    trials = [TrialOutcome(d, seed, d >= own[seed], None) for d, seed in pairs]
    answer = estimate(trials, dmax=DMAX)
    assert answer.d_int90 in {8, 9}
    assert answer.ci_low is not None
    assert answer.ci_high is not None
    assert answer.ci_high - answer.ci_low >= 3
    assert answer.spread is not None
    assert answer.scale is not None
    assert answer.spread > answer.scale


def test_interval_covers_the_truth_and_equal_tasks_are_not_called_different() -> None:
    rng = np.random.default_rng(5)
    runs = [logistic_grid(6.5, 0.3, rng) for _ in range(60)]
    answers = [estimate(run, dmax=DMAX) for run in runs]
    covered = [a.ci_low <= 7 <= a.ci_high for a in answers if a.ci_low and a.ci_high]
    assert len(covered) == len(runs)
    assert np.mean(covered) >= 0.93
    verdicts = [
        compare(a, b, dmax_a=DMAX, dmax_b=DMAX).verdict
        for a, b in zip(runs[::2], runs[1::2], strict=True)
    ]
    assert np.mean([verdict != "undecided" for verdict in verdicts]) <= 0.05


def test_order_statistics() -> None:
    assert quartiles([]) == (None, None, None)
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert quartiles([-math.inf, 0.0, 1.0]) == (None, 0.0, 0.5)
    values, weights = np.array([3.0, 1.0, math.inf]), np.array([1.0, 1.0, 2.0])
    assert weighted_quantile(values, weights, 0.5) == 3.0
    assert weighted_quantile(values, weights, 0.9) == math.inf
    assert isotonic_crossing([1, 2, 4, 8], [0, 6, 4, 9], [10, 10, 10, 10]) == 2
    assert isotonic_crossing([1, 2], [0, 4], [10, 10]) is None


def test_the_smallest_d_that_was_open_is_an_upper_bound() -> None:
    solved = [TrialOutcome(d, 0, True, None) for d in (300, 900)]
    assert said(estimate(solved, dmin=300, dmax=900)).startswith("d_int90 at most 300 ")
    assert said(estimate(solved, dmin=1, dmax=900)).startswith("d_int90 between 1 and 300 (")


def test_no_success_is_never_an_answer() -> None:
    failed = [TrialOutcome(d, 0, False, None) for d in (3, 10, 19)]
    assert estimate(failed, dmax=DMAX).d_int90 is None
    assert "d=19" in estimate(failed, dmax=DMAX).withheld
    assert estimate([*failed, TrialOutcome(20, 0, False, None)], dmax=DMAX).censored
