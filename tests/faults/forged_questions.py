"""Forgeries of what was asked, of the protocol and of the reference."""

FORGERIES = {}


def forgery(change):
    """Register a change of the plain content of a file; its name says what is forged."""
    FORGERIES[change.__name__] = change
    return change


def direct(value):
    return value["reference_record"]["direct"][0]


def with_reference(value, score, shift):
    """Give direct training other scores, so that its median is `score`."""
    for index, trial in enumerate(direct(value)["trials"]):
        trial["score"] = score + shift * (index - 2)
    direct(value)["median"] = value["reference"] = score
    value["reference_record"]["direct"] = [direct(value)]
    value["reference_record"]["reference"] = score


@forgery
def a_random_score_far_below_the_shipped_one(value):
    value["random"] = value["reference_record"]["random"] = -4000.0


@forgery
def a_random_score_with_a_large_error(value):
    value["random"] = value["reference_record"]["random"] = -100.0
    value["reference_record"]["random_error"] = 500.0


@forgery
def a_random_score_above_the_ceiling(value):
    value["random"] = value["reference_record"]["random"] = 600.0


@forgery
def a_reference_below_the_floor(value):
    with_reference(value, 300.0, 1.0)


@forgery
def a_reference_below_the_shipped_one_without_its_direct_training(value):
    with_reference(value, 480.0, 1.0)
    direct(value)["trials"] = direct(value)["trials"][2:3]


@forgery
def a_reference_above_the_ceiling(value):
    with_reference(value, 600.0, 1.0)


@forgery
def a_reference_of_a_small_budget(value):
    with_reference(value, 480.0, 1.0)
    direct(value)["budget"] = 1000


@forgery
def a_reference_by_another_agent(value):
    with_reference(value, 480.0, 1.0)
    direct(value)["agent"] = value["reference_record"]["agent"] = "random"


@forgery
def direct_training_on_other_seeds(value):
    for trial in direct(value)["trials"]:
        trial["seed"] += 1


@forgery
def direct_training_counted_twice(value):
    first = direct(value)["trials"][0]
    direct(value)["trials"][1]["theta_sha256"] = first["theta_sha256"]


@forgery
def direct_training_without_hashes(value):
    for trial in direct(value)["trials"]:
        trial["theta_sha256"] = None


@forgery
def a_given_reference_that_was_not_asked_for(value):
    value["reference_record"] |= {"direct": [], "source": "a talk", "agent": "given"}


@forgery
def a_network_of_a_hundred_million_weights(value):
    value["D"] = value["reference_record"]["D"] = 10**8


@forgery
def a_network_of_one_weight_less(value):
    value["D"] -= 1
    value["reference_record"]["D"] -= 1


@forgery
def the_name_of_another_network(value):
    for holder in (value["question"], value["common"], value["reference_record"]):
        holder["network"] = "mlp:8x8"
    value["D"] = value["reference_record"]["D"] = 130


@forgery
def another_kind_which_needs_fewer_seeds(value):
    value["kind"] = "supervised"


@forgery
def another_budget_than_asked(value):
    value["common"]["budget"] = 200_000


@forgery
def the_default_budget_claimed(value):
    value["question"]["budget"] = None
    value["common"]["budget"] = 200_000
    for row in [row for row in value["rows"] if row["status"] == "unsolved"]:
        row["search_steps"] = 30_000


@forgery
def another_setting_of_the_agent(value):
    value["common"]["settings"]["sigma0"] = 0.4


@forgery
def a_setting_that_was_asked_for_and_not_used(value):
    value["question"]["settings"] = ["sigma0=0.4"]


@forgery
def another_projection_than_asked(value):
    value["common"]["projection"] = "dense"


@forgery
def another_agent_than_asked(value):
    value["common"]["agent"] = "random"


@forgery
def the_name_of_another_agent(value):
    value["question"]["agent"] = value["common"]["agent"] = "random"


@forgery
def the_last_candidate_scored(value):
    value["common"]["candidate"] = "last"


@forgery
def a_shorter_episode(value):
    value["common"]["protocol"]["episode_cap"] = 200
    value["reference_record"]["protocol"]["episode_cap"] = 200


@forgery
def a_scoring_of_one_episode(value):
    for protocol in (value["common"]["protocol"], value["reference_record"]["protocol"]):
        protocol["scoring_episodes"] = 1
    for row in value["rows"]:
        row["episodes"] = 1


@forgery
def trials_that_stopped_at_a_lower_score(value):
    value["common"]["stop_score"] = 100.0
    value["leave"] = ("stop_score",)


@forgery
def trials_said_to_be_full(value):
    value["question"]["full"] = True


@forgery
def a_lower_threshold(value):
    value["threshold"] = 100.0
    value["leave"] = ("threshold",)


@forgery
def a_later_version_of_the_task(value):
    value["common"]["task_version"] = value["reference_record"]["task_version"] = 9


@forgery
def a_later_version_of_the_agent(value):
    value["common"]["agent_version"] = 9


@forgery
def a_later_version_of_the_projection(value):
    value["common"]["projection_version"] = 9


@forgery
def another_simulator(value):
    value["common"]["backend"] = value["reference_record"]["backend"] = "mujoco"


@forgery
def a_reference_of_another_version_of_the_task(value):
    value["reference_record"]["task_version"] = 7
    value["random"] = value["reference_record"]["random"] = -4000.0


@forgery
def a_reference_of_another_simulator(value):
    value["reference_record"]["backend"] = "ale-py"


@forgery
def a_reference_named_after_another_agent(value):
    value["reference_record"]["agent"] = "random"


def under_an_unknown_name(value, noun, name):
    value["question"][noun] = value["common"][noun] = name


@forgery
def a_random_score_far_too_low_by_an_unknown_agent(value):
    under_an_unknown_name(value, "agent", "cmaes2")
    value["random"] = value["reference_record"]["random"] = -4000.0


@forgery
def a_shorter_episode_by_an_unknown_projection(value):
    under_an_unknown_name(value, "projection", "onehot2")
    for protocol in (value["common"]["protocol"], value["reference_record"]["protocol"]):
        protocol["episode_cap"] = 200


@forgery
def another_kind_by_an_unknown_agent(value):
    under_an_unknown_name(value, "agent", "cmaes2")
    value["kind"] = "supervised"


@forgery
def an_agent_with_a_letter_of_another_alphabet(value):
    under_an_unknown_name(value, "agent", "cm\u0430es")


@forgery
def a_task_with_a_letter_of_another_alphabet(value):
    for holder in (value["question"], value["common"], value["reference_record"]):
        holder["task"] = "c\u0430rtpole"


@forgery
def rounds_of_another_size(value):
    value["question"]["round_size"] = 11


@forgery
def trials_said_to_be_in_float64(value):
    value["common"]["dtype"] = "float64"


@forgery
def trials_said_to_be_of_another_device(value):
    value["common"]["device"] = "cuda"


@forgery
def a_device_that_there_is_not(value):
    value["question"]["device"] = value["common"]["device"] = "banana"


@forgery
def a_device_that_the_agent_does_not_take(value):
    value["question"]["device"] = value["common"]["device"] = "cuda"


@forgery
def a_lower_reference_by_settings_that_learn_nothing(value):
    with_reference(value, 480.0, 1.0)
    direct(value)["settings"]["sigma0"] = 1e-5
