"""The reference's error is part of the interval: trials under draws of the reference."""

import pytest
from records import a_record, a_spec

from rlid.measurement.inference import infer, under_other_references
from rlid.measurement.summary import compare_summaries, summarise
from rlid.records.judgement import Judgement
from rlid.store import references
from rlid.store.references import DirectTrial


def a_reference(*scores, **changes):
    """Return CartPole's shipped reference with other scores of direct training."""
    protocol = {"env": "CartPole-v1"}
    shipped = references.read(
        references.resources.files("rlid") / "references" / "cartpole" / "mlp_20x20.json"
    )
    trials = [
        DirectTrial(seed=seed, status="solved", score=score, env_steps=1, theta_sha256=None)
        for seed, score in enumerate(scores)
    ]
    median = sorted(scores)[len(scores) // 2]
    direct = shipped.direct[0].model_copy(update={"trials": trials, "median": median})
    fields = {"direct": [direct], "reference": median, "random": 0.0, "protocol": protocol}
    return shipped.model_copy(update={**fields, **changes})


def a_trial(d, seed, score, *, stopped_early=False, reference=500.0, **changes):
    threshold = 0.9 * reference
    status = "solved" if score >= threshold else "unsolved"
    fields = {
        "spec": a_spec(d=d, seed=seed, stop_score=threshold), "status": status, "score": score,
        "threshold": threshold, "random": 0.0, "reference": reference, "rule": "normalised",
        "baseline": "own", "stopped_early": stopped_early,
    }  # fmt: skip
    return a_record(**{**fields, **changes})


def a_measurement(reference=500.0, **changes):
    """Return trials that ran to their end: the score rises with d."""
    return [
        a_trial(d, seed, 40.0 * d + 10 * seed, reference=reference, **changes)
        for d in range(1, 13)
        for seed in range(6)
    ]


@pytest.mark.parametrize(
    ("record", "threshold", "outcome"),
    [
        (a_trial(3, 0, 470.0), 450.0, True),
        (a_trial(3, 0, 470.0), 469.0, True),
        (a_trial(3, 0, 470.0), 471.0, False),
        (a_trial(3, 0, 470.0, stopped_early=True), 469.0, True),
        (a_trial(3, 0, 470.0, stopped_early=True), 471.0, None),
        (a_trial(3, 0, 400.0), 450.0, False),
        (a_trial(3, 0, 400.0), 399.0, True),
        (a_trial(3, 0, 400.0), 401.0, False),
        # Scored again on episodes that decided nothing, it fell below the threshold: still solved.
        (a_trial(3, 0, 440.0, status="solved", deciding_score=455.0), 450.0, True),
        (a_trial(3, 0, 440.0, status="solved", deciding_score=455.0), 445.0, True),
        (a_trial(3, 0, 440.0, status="solved", deciding_score=455.0), 456.0, False),
        (a_trial(3, 0, 440.0, status="solved", deciding_score=455.0), 454.0, True),
        # It fell short in the scoring that decides, and did better on further episodes: unsolved.
        (a_trial(3, 0, 465.0, status="unsolved", deciding_score=445.0), 450.0, False),
        (a_trial(3, 0, 465.0, status="unsolved", deciding_score=445.0), 460.0, False),
        (a_trial(3, 0, 465.0, status="unsolved", deciding_score=445.0), 446.0, False),
        (a_trial(3, 0, 465.0, status="unsolved", deciding_score=445.0), 444.0, True),
        (a_trial(3, 0, 440.0, reason="z is not finite"), 300.0, False),
        (a_trial(3, 0, 440.0, status="error"), 300.0, None),
    ],
)
def test_a_trial_by_another_threshold(record, threshold, outcome):
    assert Judgement(threshold, 0.0, 500.0, rule="normalised").outcome(record) is outcome


def test_a_record_by_its_own_judgement_is_what_it_says():
    records = [
        *a_measurement(),
        a_trial(3, 0, 440.0, status="solved", deciding_score=455.0),
        a_trial(3, 0, 465.0, status="unsolved", deciding_score=445.0),
    ]
    for record in records:
        outcome = Judgement.of_record(record).outcome(record)
        assert outcome is (record.status == "solved")


def test_an_uncertain_reference_widens_the_interval():
    records = a_measurement()
    bare = infer(records, None, dmin=1, dmax=20)
    sure = infer(records, a_reference(500.0, 500.0, 500.0, 500.0, 500.0), dmin=1, dmax=20)
    unsure = infer(records, a_reference(300.0, 400.0, 500.0, 560.0, 600.0), dmin=1, dmax=20)
    assert sure == bare
    assert unsure.ci_low < bare.ci_low <= bare.ci_high
    assert unsure.ci_high is None or unsure.ci_high > bare.ci_high
    assert unsure.curve == bare.curve


def test_a_reference_without_error_gives_the_answer_of_the_statuses():
    """Of full trials the further score decides nothing, on either side of the threshold."""
    records = [
        record.model_copy(update={"deciding_score": record.score, "score": 900.0 - record.score})
        for record in a_measurement()
    ]
    sure = infer(records, a_reference(500.0, 500.0, 500.0, 500.0, 500.0), dmin=1, dmax=20)
    assert sure == infer(records, None, dmin=1, dmax=20)


def test_trials_that_stopped_early_leave_open_what_a_higher_reference_asks():
    records = a_measurement(stopped_early=True)
    draws = under_other_references(records, a_reference(300.0, 400.0, 500.0, 560.0, 600.0))
    assert sum(weight for weight, _ in draws) == pytest.approx(1.0)
    opened = [sum(trial.success is None for trial in trials) for _, trials in draws]
    assert min(opened) == 0
    assert max(opened) > 0
    assert all(len(trials) == len(records) for _, trials in draws)
    failed = {(trial.d, trial.seed) for _, trials in draws for trial in trials
              if trial.success is False}  # fmt: skip
    solved = {(r.spec.d, r.spec.seed) for r in records if r.status == "solved"}
    assert not failed & solved


@pytest.mark.parametrize(
    "reference",
    [
        None,
        a_reference(300.0, 500.0),
        a_reference(300.0, 400.0, 450.0, 560.0, 600.0),
        a_reference(500.0, 500.0, 500.0).model_copy(update={"direct": [], "source": "a paper"}),
    ],
    ids=["none", "two scores", "another reference", "given"],
)
def test_without_a_known_error_the_trials_are_judged_once(reference):
    assert under_other_references(a_measurement(), reference) == []


def test_trials_of_an_earlier_run_with_an_equal_figure_leave_the_interval_as_it_is():
    reference = a_reference(300.0, 400.0, 500.0, 560.0, 600.0)
    given = infer(a_measurement(baseline="given"), reference, dmin=1, dmax=20)
    assert given == infer(a_measurement(), reference, dmin=1, dmax=20)


def test_the_tasks_own_figure_has_no_error():
    records = a_measurement(baseline="global")
    assert under_other_references(records, a_reference(300.0, 400.0, 500.0, 560.0, 600.0)) == []


def test_a_comparison_includes_the_errors_of_the_references():
    unsure = a_reference(300.0, 400.0, 500.0, 560.0, 600.0)
    easy = [
        record.model_copy(update={"spec": record.spec.model_copy(update={"task": "easy"})})
        for record in a_measurement(reference=300.0)
    ]
    bare = compare_summaries(summarise(a_measurement()), summarise(easy))
    wide = compare_summaries(summarise(a_measurement(), unsure), summarise(easy))
    assert bare.ratio_low > wide.ratio_low
    assert bare.probability_a_harder > wide.probability_a_harder
