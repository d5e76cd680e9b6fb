"""Two measurements held against each other: open ends, probabilities, what could be told apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rlid.dimension import TrialOutcome, compare

DMAX = 20


def grid_of_step(k: int, *, dims: range, seeds: int = 10) -> list[TrialOutcome]:
    """Every seed solves exactly the d from k on."""
    return [TrialOutcome(d, s, d >= k, None) for d, s in itertools.product(dims, range(seeds))]


def bisected(half: float, scale: float, rng: np.random.Generator) -> list[TrialOutcome]:
    """Ten seeds at every fifth part of log d up to 1000: a coarse grid."""
    dims = np.unique(np.geomspace(1, 1000, 25).round()).astype(int)
    return [
        TrialOutcome(
            int(d), s, bool(rng.random() < 1.0 / (1.0 + (half / d) ** (1.0 / scale))), None
        )
        for d, s in itertools.product(dims, range(10))
    ]


def test_tasks_solved_at_every_offered_d_are_undecided() -> None:
    a = grid_of_step(1, dims=range(50, 101, 5))
    b = grid_of_step(1, dims=range(20, 101, 5))
    result = compare(a, b, dmin_a=50, dmax_a=100, dmin_b=20, dmax_b=100)
    assert result.verdict == "undecided"
    assert (result.ratio_low, result.ratio_high) == (None, None)
    assert result.detectable_ratio is None
    assert result.probability_a_harder == pytest.approx(0.5, abs=0.02)


def test_a_task_with_an_open_lower_end_can_still_be_easier() -> None:
    solved = grid_of_step(1, dims=range(20, 101, 5))
    hard = grid_of_step(80, dims=range(1, 101))
    easier = compare(solved, hard, dmin_a=20, dmax_a=100, dmax_b=100)
    assert easier.verdict == "easier"
    assert easier.ratio_low is None
    assert easier.ratio_high is not None
    harder = compare(hard, solved, dmin_b=20, dmax_b=100, dmax_a=100)
    assert (harder.verdict, harder.ratio_high) == ("harder", None)
    assert harder.ratio_low == pytest.approx(1.0 / easier.ratio_high)


def test_an_open_lower_end_never_makes_a_task_harder() -> None:
    """A task solved from its smallest d on may be easier than any other."""
    solved = grid_of_step(1, dims=range(50, 101, 5))
    easy = grid_of_step(4, dims=range(1, 101))
    result = compare(solved, easy, dmin_a=50, dmax_a=100, dmax_b=100)
    assert result.verdict == "undecided"


def test_brackets_give_no_ratio() -> None:
    bracket = [TrialOutcome(3000, 0, False, None), TrialOutcome(10_000, 0, True, None)]
    other = grid_of_step(4, dims=range(1, 21))
    result = compare(bracket, other, dmax_a=20_000, dmax_b=20)
    assert result.ratio is None
    assert result.verdict == "undecided"


def test_a_detectable_ratio_is_told_apart_in_most_comparisons() -> None:
    rng = np.random.default_rng(3)
    first = [bisected(50.0, 0.25, rng) for _ in range(16)]
    equal = [compare(a, b, dmax_a=1000, dmax_b=1000) for a, b in zip(first, first[1:])]  # noqa: B905
    ratios = [result.detectable_ratio for result in equal if result.detectable_ratio]
    assert len(ratios) == len(equal)
    ratio = float(np.median(ratios))
    assert 1.05 < ratio < 3.0
    second = [bisected(50.0 * ratio, 0.25, rng) for _ in range(16)]
    verdicts = [
        compare(b, a, dmax_a=1000, dmax_b=1000).verdict for a, b in zip(first, second, strict=True)
    ]
    # Four of five; the interval covers in more than 95 %, so that somewhat fewer are decided.
    assert 0.5 <= verdicts.count("harder") / len(verdicts) <= 1.0


def test_a_noisy_reference_leaves_a_comparison_undecided() -> None:
    easy, hard = (grid_of_step(k, dims=range(1, 21)) for k in (4, 12))
    draws = [(0.5, hard), (0.5, grid_of_step(3, dims=range(1, 21)))]
    sure = compare(hard, easy, dmax_a=DMAX, dmax_b=DMAX)
    unsure = compare(hard, easy, dmax_a=DMAX, dmax_b=DMAX, alternatives_a=draws)
    assert (sure.verdict, unsure.verdict) == ("harder", "undecided")
    assert unsure.probability_a_harder == pytest.approx(0.5, abs=0.1)


def step(k: int, seeds: int = 10) -> list[TrialOutcome]:
    return grid_of_step(k, dims=range(1, DMAX + 1), seeds=seeds)


def test_comparison_is_antisymmetric_and_sees_a_real_difference() -> None:
    easy, hard = step(4), step(12)
    forth = compare(hard, easy, dmax_a=DMAX, dmax_b=DMAX)
    back = compare(easy, hard, dmax_a=DMAX, dmax_b=DMAX)
    assert (forth.verdict, back.verdict) == ("harder", "easier")
    assert forth.ratio == pytest.approx(3.0)
    assert forth.probability_a_harder == pytest.approx(1.0 - back.probability_a_harder)  # type: ignore[operator]
    assert forth.ratio_low is not None
    assert back.ratio_high == pytest.approx(1.0 / forth.ratio_low)


def test_comparison_knows_what_censoring_hides() -> None:
    never, easy = step(DMAX + 1), step(4)
    above = compare(never, easy, dmax_a=DMAX, dmax_b=DMAX)
    assert (above.verdict, above.ratio, above.ratio_high) == ("harder", None, None)
    assert above.ratio_low == pytest.approx(21 / 4)
    hidden = compare(never, never, dmax_a=DMAX, dmax_b=DMAX)
    assert hidden.verdict == "undecided"
    assert hidden.probability_a_harder == pytest.approx(0.5)
    few = compare(step(12, seeds=3), easy, dmax_a=DMAX, dmax_b=DMAX)
    assert (few.verdict, few.ratio_low, few.ratio) == ("undecided", None, 3.0)
