"""What every search promises: it ends, never repeats itself, and depends on the trials alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlid.dimension import SEARCHES, Search, TrialOutcome, estimate, make_search

Outcome = Callable[[int, int], bool | None]


def run(search: Search, outcome: Outcome) -> list[list[TrialOutcome]]:
    """Run a search to its end; the trials of each round."""
    rounds: list[list[TrialOutcome]] = []
    trials: list[TrialOutcome] = []
    while pairs := search.next_round(trials):
        assert len(rounds) < 1000
        rounds.append([TrialOutcome(d, seed, outcome(d, seed), None) for d, seed in pairs])
        trials += rounds[-1]
    return rounds


def flat(rounds: list[list[TrialOutcome]]) -> list[TrialOutcome]:
    return [trial for trials in rounds for trial in trials]


def step_at(k: int) -> Outcome:
    return lambda d, seed: d >= k


def noisy(salt: int, missing: float) -> Outcome:
    """Any pattern at all, not monotone, the same for the same (d, seed)."""

    def outcome(d: int, seed: int) -> bool | None:
        draw = random.Random(f"{salt} {d} {seed}")
        if draw.random() < missing:
            return None
        return draw.random() < d / (d + 8.0)

    return outcome


@pytest.mark.parametrize("kind", sorted(SEARCHES))
@settings(max_examples=15, deadline=None)
@given(
    salt=st.integers(0, 10**6),
    missing=st.sampled_from([0.0, 0.2, 1.0]),
    dmax=st.sampled_from([1, 2, 7, 20, 300]),
    seeds=st.integers(1, 6),
)
def test_a_search_ends_never_repeats_a_trial_and_stays_inside_its_range(
    kind: str, salt: int, missing: float, dmax: int, seeds: int
) -> None:
    names = [10 * seed for seed in range(seeds)]
    search = make_search(kind, dmax=dmax, seeds=names, max_trials=40)
    pairs = [(t.d, t.seed) for t in flat(run(search, noisy(salt, missing)))]
    assert pairs
    assert len(pairs) == len(set(pairs))
    assert all(1 <= d <= dmax and seed in names for d, seed in pairs)


@pytest.mark.parametrize("kind", sorted(SEARCHES))
def test_a_round_is_a_pure_function_of_the_trials(kind: str) -> None:
    search = make_search(kind, dmax=50, seeds=range(6), max_trials=40)
    rounds = run(search, noisy(3, 0.1))
    for count in range(len(rounds)):
        before = flat(rounds[:count])
        shuffled = random.Random(count).sample(before, len(before))
        again = make_search(kind, dmax=50, seeds=range(6), max_trials=40).next_round(shuffled)
        assert again == [(t.d, t.seed) for t in rounds[count]]


@pytest.mark.parametrize("kind", sorted(SEARCHES))
@pytest.mark.parametrize("k", [1, 4, 10, 20, 21])
def test_a_step_is_found(kind: str, k: int) -> None:
    trials = flat(run(make_search(kind, dmax=20, seeds=range(10)), step_at(k)))
    answer = estimate(trials, dmax=20)
    assert answer.d_int90 == (None if k > 20 else k)
    assert answer.censored is (k > 20)


@pytest.mark.parametrize("kind", ["bisect", "adaptive"])
def test_a_step_at_forty_is_found_in_a_wide_range(kind: str) -> None:
    search = make_search(kind, dmax=100, seeds=range(10), precision=0.05)
    answer = estimate(flat(run(search, step_at(40))), dmax=100)
    assert answer.d_int90 == 40


@pytest.mark.parametrize("kind", sorted(SEARCHES))
def test_a_list_of_dims_is_kept_to(kind: str) -> None:
    dims = [2, 4, 8, 16]
    trials = flat(run(make_search(kind, dmax=20, dims=dims, seeds=range(5)), step_at(7)))
    assert {t.d for t in trials} <= set(dims)
    answer = estimate(trials, dmax=20)
    assert answer.d_int90 is not None
    assert 5 <= answer.d_int90 <= 8


def test_grid_asks_everything_at_once() -> None:
    rounds = run(make_search("grid", dmax=20, seeds=range(10)), step_at(5))
    assert [len(trials) for trials in rounds] == [200]


def test_bisection_costs_about_fifty_trials() -> None:
    counts = [
        len(flat(run(make_search("bisect", dmax=20, seeds=range(10)), step_at(k))))
        for k in range(1, 22)
    ]
    assert sum(counts) / len(counts) <= 60
    assert max(counts) <= 70


def test_bisection_resolves_large_d_to_five_percent() -> None:
    search = make_search("bisect", dmax=100_000, seeds=[0])
    trials = flat(run(search, step_at(3000)))
    low = max(t.d for t in trials if not t.success)
    high = min(t.d for t in trials if t.success)
    assert low < 3000 <= high <= 1.05 * low + 1
    assert len(trials) <= 10


def test_bisection_steps_around_a_missing_trial() -> None:
    search = make_search("bisect", dmax=20, seeds=[0])
    (first,) = search.next_round([])
    (second,) = search.next_round([TrialOutcome(*first, None, None)])
    assert second[0] != first[0]
    assert abs(second[0] - first[0]) == 1


def test_adaptive_starts_with_five_seeds_and_stops_at_the_precision() -> None:
    search = make_search("adaptive", dmax=1000, seeds=range(10), precision=0.25)
    rounds = run(search, step_at(150))
    assert len({t.seed for t in rounds[0]}) == 5
    trials = flat(rounds)
    answer = estimate(trials, dmax=1000)
    assert answer.relative_width <= 0.25
    assert len(trials) <= 50


@pytest.mark.parametrize("dmax", [2, 8, 20, 1000])
@pytest.mark.parametrize("seeds", [3, 6])
def test_adaptive_tries_the_largest_d_before_it_says_above(dmax: int, seeds: int) -> None:
    trials = flat(run(make_search("adaptive", dmax=dmax, seeds=range(seeds)), step_at(dmax + 1)))
    answer = estimate(trials, dmax=dmax)
    assert answer.censored
    assert sum(t.d == dmax for t in trials) >= 3
    assert len(trials) <= 40


@pytest.mark.parametrize("k", [1, 2, 4, 10, 17, 40, 77, 95])
@pytest.mark.parametrize("seeds", [5, 10])
def test_adaptive_finds_a_clean_step_exactly_with_few_trials(k: int, seeds: int) -> None:
    trials = flat(run(make_search("adaptive", dmax=100, seeds=range(seeds)), step_at(k)))
    answer = estimate(trials, dmax=100)
    assert answer.d_int90 is not None
    assert answer.ci_low is not None
    assert abs(answer.d_int90 - k) <= (0.025 * k if k > 40 else 0)
    assert answer.ci_low <= k <= (answer.ci_high or 100)
    assert len(trials) <= 50


@pytest.mark.parametrize("k", [4, 10])
def test_success_that_is_random_near_the_step_leaves_it_in_the_interval(k: int) -> None:
    rng = random.Random(k)
    inside = 0
    for _ in range(12):
        search = make_search("adaptive", dmax=20, seeds=range(10), max_trials=60)
        near = {d: 1.0 / (1.0 + math.exp(-1.5 * (d - k + 0.5))) for d in range(1, 21)}
        trials = flat(run(search, lambda d, seed, near=near: rng.random() < near[d]))
        answer = estimate(trials, dmax=20)
        inside += answer.ci_low <= k <= (answer.ci_high or 20)
    assert inside >= 11


def test_a_cheaper_success_moves_the_trials_up() -> None:
    def mean_d(solved_cost: int) -> float:
        search = make_search("adaptive", dmax=20, seeds=range(10), precision=0.1, max_trials=60)
        trials: list[TrialOutcome] = []
        while pairs := search.next_round(trials):
            trials += [
                TrialOutcome(d, s, ok, None, cost=solved_cost if ok else 1000)
                for d, s in pairs
                for ok in [noisy(5, 0.0)(d, s)]
            ]
        return sum(t.d for t in trials) / len(trials)

    assert mean_d(10) > mean_d(1000)


def test_adaptive_keeps_to_max_trials() -> None:
    search = make_search("adaptive", dmax=1000, seeds=range(10), precision=0.01, max_trials=23)
    assert len(flat(run(search, noisy(1, 0.0)))) == 23


def test_adaptive_gives_up_when_the_seeds_have_told_all() -> None:
    search = make_search("adaptive", dmax=100, seeds=range(5), precision=0.05, max_trials=500)
    trials = flat(run(search, lambda d, seed: d >= 10 * (1 + seed)))
    assert len(trials) < 150
    assert estimate(trials, dmax=100).relative_width > 0.05


def test_adaptive_works_for_a_hundred_thousand() -> None:
    search = make_search("adaptive", dmax=100_000, seeds=range(5))
    trials = flat(run(search, step_at(3000)))
    answer = estimate(trials, dmax=100_000)
    assert answer.ci_low is not None
    assert answer.ci_high is not None
    assert answer.ci_low <= 3000 <= answer.ci_high
    assert len(trials) <= 60


def test_bad_input_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="did you mean 'bisect'"):
        make_search("bisekt", dmax=20, seeds=[0])
    with pytest.raises(ValueError, match="seeds"):
        make_search("grid", dmax=20, seeds=[])
    with pytest.raises(ValueError, match="seeds"):
        make_search("grid", dmax=20, seeds=[1, 1])
    with pytest.raises(ValueError, match="dims"):
        make_search("grid", dmax=20, dims=[], seeds=[0])
    with pytest.raises(ValueError, match="dims"):
        make_search("grid", dmax=20, dims=[5, 30], seeds=[0])
    with pytest.raises(ValueError, match="dmax"):
        make_search("grid", dmax=0, seeds=[0])
    with pytest.raises(ValueError, match="precision"):
        make_search("adaptive", dmax=20, seeds=[0], precision=0.0)
    with pytest.raises(ValueError, match="max_trials"):
        make_search("adaptive", dmax=20, seeds=[0], max_trials=0)


def test_bisection_tries_the_largest_d_of_every_seed() -> None:
    trials = flat(run(make_search("bisect", dmax=100, seeds=range(10)), step_at(99)))
    assert {t.seed for t in trials if t.d == 100} == set(range(10))
    answer = estimate(trials, dmax=100)
    assert answer.d_int90 == 99
    assert not answer.censored


@pytest.mark.parametrize("dmax", [100, 1000, 100_000])
@pytest.mark.parametrize("share", [0.91, 0.95, 0.99, 1.0])
def test_bisection_finds_a_step_just_below_the_largest_d(dmax: int, share: float) -> None:
    k = round(share * dmax)
    trials = flat(run(make_search("bisect", dmax=dmax, seeds=range(10)), step_at(k)))
    answer = estimate(trials, dmax=dmax)
    assert not answer.censored
    assert answer.withheld == ""
    assert answer.d_int90 == pytest.approx(k, rel=0.05)


def test_adaptive_ends_where_the_smallest_d_offered_is_solved() -> None:
    search = make_search("adaptive", dmax=500, dims=range(50, 501), seeds=range(10))
    trials = flat(run(search, step_at(1)))
    answer = estimate(trials, dmin=50, dmax=500)
    assert answer.is_open_below
    assert answer.relative_width == math.inf
    assert len(trials) <= 60
