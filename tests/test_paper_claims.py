"""The claims of the paper: by the default protocol, with intervals, or left open."""

import pytest
from measurements import a_bracket, a_published

from rlid.leaderboard import claims
from rlid.leaderboard.assessment import assess


def answers(*published):
    return [claim.answer for claim in claims.answers([assess(one) for one in published])]


def mnist(network="mlp:200x200", threshold_d=620, D=199_210, **changes):
    fields = {"seeds": 5, "agent": "adam", "network": network, "dmax": 1500, **changes}
    return a_published("mnist", "supervised", D=D, threshold_d=threshold_d, **fields)


def pendulum(**changes):
    return a_published("inverted_pendulum", **{"D": 541, "threshold_d": 6, **changes})


def test_without_measurements_every_claim_is_open():
    assert all(answer.startswith("unanswered") for answer in answers())
    assert answers(mnist())[0] == (
        "unanswered: not measured yet: the inverted pendulum by its default protocol"
    )


def test_the_headline_uses_the_default_protocol_and_not_the_easiest_row():
    default = pendulum()
    easy = pendulum(threshold_d=3, budget=800_000)
    other = pendulum(threshold_d=12, agent="ppo")
    digits = mnist()
    ratio, *_ = answers(digits, easy, default, other)
    d = default.answer.d_int90
    assert ratio.startswith(
        f"{digits.answer.d_int90} (adam, mlp:200x200) for MNIST FC against "
        f"{d} (cmaes, mlp:20x20) for the inverted pendulum; {digits.answer.d_int90 / d:.0f} times, "
        "95 % interval "
    )
    assert f"{easy.answer.d_int90} (cmaes, mlp:20x20, budget 800,000)" in ratio
    worst = other.answer.d_int90
    assert (
        f"the least favourable reading, {digits.answer.d_int90} (adam, mlp:200x200) against "
        f"{worst} (ppo, mlp:20x20): {digits.answer.d_int90 / worst:.0f} times"
    ) in ratio


def test_a_row_above_its_dmax_bounds_the_least_favourable_reading():
    never = pendulum(threshold_d=300, dmax=75, agent="openai_es")
    ratio, *_ = answers(mnist(), pendulum(), never)
    assert "> 75 (openai_es, mlp:20x20)" in ratio
    assert "against > 75 (openai_es, mlp:20x20): below 7.8 times" in ratio


@pytest.mark.parametrize(
    "change",
    [
        {"settings": ("sigma0=0.1",)},
        {"budget": 9},
        {"agent": "ppo"},
        {"fraction": 0.8},
    ],
)
def test_a_row_of_another_protocol_answers_no_headline(change):
    assert answers(mnist(), pendulum(**change))[0].startswith("unanswered")


def test_a_row_of_the_first_edition_is_named_so_and_gives_way_to_a_new_one():
    old, new = pendulum(stopping="look"), pendulum(threshold_d=9)
    assert "(cmaes, mlp:20x20, first edition) for the inverted" in answers(mnist(), old)[0]
    assert f"{new.answer.d_int90} (cmaes, mlp:20x20) for" in answers(mnist(), old, new)[0]


def test_a_factor_over_network_sizes_has_an_interval_or_says_why_not():
    family = [mnist(), mnist("mlp:50", 600, 39_760), mnist("mlp:400", 650, 318_010)]
    sizes = answers(*family)[1]
    assert "over 3 fully connected networks with D from 39,760 to 318,010" in sizes
    assert "times, 95 % interval " in sizes
    few = [
        *family,
        a_published(
            "mnist", "supervised", D=39_760, threshold_d=600, parts=(0.5, 0.9, 1, 1.1, 2), seeds=3,
            dmax=1500, agent="adam", network="mlp:100",
        ),
    ]  # fmt: skip
    assert "1 of 4 have fewer than five seeds and no interval" in answers(*few)[1]
    bracket = mnist("mlp:400x400", 650, 478_410, seeds=1)
    assert "; mlp:400x400: 520-650" in answers(*family, bracket)[1]
    assert answers(*family[:2])[1].startswith("unanswered")


def test_no_ratio_follows_from_a_bracket():
    cifar = a_published(
        "cifar10", "supervised", D=656_810, threshold_d=5000, dmax=20_000, seeds=5, agent="adam",
        network="mlp:200x200",
    )  # fmt: skip
    *_, pong = answers(a_bracket(), cifar)
    assert pong.startswith("3,000-10,000 (ppo, conv:16-32-256) for Pong against ")
    assert "no ratio follows from a bracket or a bound" in pong
    assert "times" not in pong


def test_as_hard_as_is_judged_in_both_directions():
    cifar = {"D": 656_810, "dmax": 20_000, "seeds": 5, "agent": "adam", "threshold_d": 5000}
    pong = {"D": 1_005_366, "dmax": 30_000, "agent": "ppo", "network": "conv:16-32-256"}
    *_, answer = answers(
        a_published("cifar10", "supervised", network="mlp:200x200", **cifar),
        a_published("pong", threshold_d=6000, **pong),
        a_published("pong", threshold_d=15_000, budget=9, **pong),
    )
    reading = answer.partition("the least favourable reading, ")[2]
    assert "budget 9" in reading
    assert float(reading.rpartition(": ")[2].removesuffix(" times")) > 2


def test_compression_without_a_policy_is_open():
    assert answers(mnist(), pendulum())[2] == "unanswered: not measured yet: a policy"
