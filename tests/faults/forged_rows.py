"""Forgeries of trials, and of what follows from them."""

import copy

FORGERIES = {}


def forgery(change):
    """Register a change of the plain content of a file; its name says what is forged."""
    FORGERIES[change.__name__] = change
    return change


def smallest(value):
    solved = [row for row in value["rows"] if row["status"] == "solved"]
    return min(solved, key=lambda row: (row["d"], -row["score"], row["seed"]))


def unsolved(value):
    return [row for row in value["rows"] if row["status"] == "unsolved"]


@forgery
def a_failure_left_out(value):
    worst = max(unsolved(value), key=lambda row: row["d"])
    value["rows"].remove(worst)


@forgery
def all_failures_above_the_smallest_success_left_out(value):
    low = smallest(value)["d"]
    value["rows"] = [r for r in value["rows"] if r["status"] == "solved" or r["d"] < low]


@forgery
def a_success_added(value):
    pairs = {(row["d"], row["seed"]) for row in value["rows"]}
    d, seed = next((d, s) for d in range(8, 0, -1) for s in range(5) if (d, s) not in pairs)
    value["rows"].append(
        {**smallest(value), "d": d, "seed": seed, "theta_sha256": "1" * 64, "z_sha256": "2" * 64}
    )


@forgery
def a_trial_counted_twice(value):
    value["rows"].append(copy.deepcopy(smallest(value)))


@forgery
def a_trial_copied_to_another_seed(value):
    source = smallest(value)
    target = next(r for r in value["rows"] if r["seed"] != source["seed"])
    for name in set(source) - {"d", "seed"}:
        target[name] = source[name]


@forgery
def a_seed_that_was_not_asked_for(value):
    smallest(value)["seed"] = 40


@forgery
def all_seeds_shifted(value):
    value["question"]["seed"] = 100
    for row in value["rows"]:
        row["seed"] += 100


@forgery
def two_seeds_swapped(value):
    first = smallest(value)
    second = next(r for r in value["rows"] if r["seed"] != first["seed"] and r["d"] == first["d"])
    first["seed"], second["seed"] = second["seed"], first["seed"]


@forgery
def a_d_above_the_largest(value):
    max(value["rows"], key=lambda row: row["d"])["d"] = 9


@forgery
def a_grid_claimed(value):
    value["question"]["search"] = "grid"


@forgery
def more_seeds_claimed(value):
    value["question"]["seeds"] = 10


@forgery
def a_failure_turned_into_a_success(value):
    row = min(unsolved(value), key=lambda row: row["d"])
    row |= {"score": 500.0, "deciding_score": 500.0, "stopped_early": True}


@forgery
def a_score_above_the_ceiling(value):
    smallest(value)["score"] = 501.0


@forgery
def more_episodes_than_steps(value):
    smallest(value)["scoring_steps"] = 50


@forgery
def an_unsolved_trial_given_up_early(value):
    unsolved(value)[0]["search_steps"] = 100


@forgery
def an_answer_written_by_hand(value):
    value["answer"]["d_int90"] = 1
    value["leave"] = ("answer",)


@forgery
def a_curve_written_by_hand(value):
    value["curve"][0]["median"] = 499.0
    value["leave"] = ("curve",)


@forgery
def hidden_state_left_out(value):
    value["rows"][0]["hidden_state"] = {"observation mean": 4}
    value["leave"] = ("hidden_state",)


@forgery
def steps_that_do_not_add_up(value):
    value["rows"][0]["env_steps"] = 1
    value["leave"] = ("env_steps",)


@forgery
def a_key_of_another_spec(value):
    value["rows"][0]["key"] = "3" * 64
    value["leave"] = ("key",)


@forgery
def weights_that_do_not_follow_from_z(value):
    smallest(value)["theta_sha256"] = "4" * 64


@forgery
def a_field_changed_after_signing(value):
    value["machine"]["cores"] += 1
    value["leave"] = ("sha256",)


@forgery
def a_failure_with_another_deciding_score(value):
    row = min(unsolved(value), key=lambda row: row["d"])
    row |= {"deciding_score": 500.0, "search_steps": 150, "validation_steps": 0}


@forgery
def a_success_before_the_budget_that_did_not_stop_early(value):
    smallest(value).update(stopped_early=False, search_steps=150)


@forgery
def a_success_after_far_more_than_the_budget(value):
    smallest(value)["search_steps"] = 10**12


@forgery
def an_unsolved_trial_that_stopped_early(value):
    unsolved(value)[0]["stopped_early"] = True


@forgery
def a_trial_that_was_never_looked_at(value):
    unsolved(value)[0]["validation_steps"] = 0


@forgery
def a_success_that_was_scored_once(value):
    smallest(value)["scoring_steps"] = smallest(value)["episodes"]


def as_a_bisection(value, dims):
    """Keep rows at these d, as a bisection whose file says of nothing that it is of a new rlid."""
    value["question"] |= {"search": "bisect", "dims": dims, "dmax": None, "round_size": 5}
    value["versions"] = [{"rlid": "0.1.0"}]
    value.pop("origin", None)
    value["rows"] = [{**row, "versions": 0} for row in value["rows"] if row["d"] in dims]


@forgery
def a_bisection_of_the_first_edition_with_confirmed_trials(value):
    as_a_bisection(value, [1, 2, 8])
    value["rows"] = [row for row in value["rows"] if row["d"] != 8]


@forgery
def a_bisection_with_a_d_that_was_not_open(value):
    dims = sorted({row["d"] for row in value["rows"]})
    as_a_bisection(value, dims)
    value["question"]["dims"] = [dims[0], dims[-1]]
