"""The rules by which a trial is judged, and what a trial run to its end says by another one."""

import json
import sys

import pytest
from command import main_here
from records import a_record, a_spec

import rlid
from rlid.errors import InputError
from rlid.measurement.plan import plan
from rlid.measurement.question import ask
from rlid.measurement.summary import measurements, to_json
from rlid.records.judgement import Judgement, judged
from rlid.records.record import parse_record
from rlid.store.store import Store
from rlid.training.cell import run_trials

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
OLD_KEY = "2a0d3015bf472332930530760ea92ca58b3586940bd2e808ee545a6be1dccd3e"


def run_one(rule, seed=0, threshold=None):
    wanted = plan("dials:2", agent="random", dmax=2, budget=600, rule=rule)
    stop = None if wanted.is_full else threshold
    found = []
    spec = wanted.spec(2, seed, stop)
    run_trials([spec], Judgement(threshold), wanted.task, lambda *out: found.append(out))
    return found[0][0]


def test_keys_of_the_first_edition_stay_valid():
    spec = plan("cartpole", dmax=3).spec(2, 5, 450.0)
    assert spec.stopping == "confirmed"
    assert spec.model_copy(update={"stopping": "look"}).key == OLD_KEY


@pytest.mark.parametrize(
    "later",
    [{"candidate": "last"}, {"stopping": "confirmed"}, {"agent_version": 2}, {"device": "cuda"}],
)
def test_a_field_that_came_later_is_part_of_the_key_where_it_is_set(later):
    assert a_spec(**later).key != a_spec().key
    assert a_spec(**later).group != a_spec().group


def test_a_record_of_the_first_edition_is_read_with_defaults():
    old = json.loads(a_record().model_dump_json())
    for name in ("rule", "baseline", "deciding_score"):
        del old[name]
    for name in ("candidate", "stopping", "agent_version", "device"):
        del old["spec"][name]
    assert parse_record(json.dumps(old)).key == a_record().key


def test_the_papers_rule_scores_the_last_candidate_and_stops_at_the_budget_alone():
    last = run_one("paper", threshold=-1e9)
    assert last.search_steps >= 600
    assert not last.stopped_early
    assert last.status == "solved"
    assert last.spec.candidate == "last"
    assert last.spec.stop_score is None
    soon = run_one("raw", threshold=-1e9)
    assert soon.search_steps < 600
    # Random search learns nothing, so that its last candidate is worse than its best.
    pairs = [(run_one("paper", seed), run_one("normalised", seed)) for seed in range(3)]
    assert sum(best.score > last.score for last, best in pairs) >= 2


@pytest.mark.parametrize(
    ("rule", "baseline", "threshold"),
    [
        ("normalised", "own", 22.0 + 0.9 * 478.0),
        ("raw", "own", 450.0),
        ("paper", "own", 450.0),
    ],
)
def test_every_rule_has_its_threshold(rule, baseline, threshold):
    question = ask("cartpole", dmax=3, rule=rule, baseline=baseline)
    judgement = Judgement.of(question, random=22.0, full=500.0)
    assert judgement.threshold == pytest.approx(threshold)
    assert (judgement.rule, judgement.baseline) == (rule, baseline)
    assert judgement.at(400.0) == Judgement.of(question, random=22.0, full=400.0)
    if rule != "normalised":
        with pytest.raises(InputError, match=f"--rule {rule}: 0.9 times a reference of -200"):
            Judgement.of(question, random=-500.0, full=-200.0)


def test_a_trial_run_to_its_end_is_judged_anew_and_one_that_could_stop_is_not():
    other = Judgement(490.0, 20.0, 510.0, rule="raw", baseline="global")
    whole = a_record(spec=a_spec(stop_score=None), stopped_early=False)
    again = judged(whole, other)
    assert (again.status, again.threshold, again.reference) == ("unsolved", 490.0, 510.0)
    assert (again.rule, again.baseline) == ("raw", "global")
    assert judged(again, Judgement.of_record(whole)).status == "solved"
    assert judged(a_record(), other) == a_record()
    hung = a_record(spec=a_spec(stop_score=None), status="timeout", score=None)
    assert judged(hung, other).status == "timeout"
    broken = a_record(spec=a_spec(stop_score=None), status="unsolved", reason="the agent raised")
    assert judged(broken, Judgement(1.0)).status == "unsolved"


def run_here(store, judgement, stop, **asked):
    """Run a grid's trials in this process, which starts sooner than workers."""
    wanted = plan("two_baselines", **asked)
    specs = [wanted.spec(d, seed, stop) for d in wanted.dims for seed in wanted.seeds]
    run_trials(specs, judgement, wanted.task, store.add)


def test_own_and_global_baseline_follow_from_the_same_trials(tmp_path, give_reference):
    give_reference("two_baselines", 5.0, 2.5, network="mlp:4", imports=("two_baselines",))
    asked = {"network": "mlp:4", "imports": ("two_baselines",), "search": "grid"}
    many = {**asked, "dims": (1, 3), "seeds": 5, "rule": "paper"}
    store = Store(tmp_path / "store")
    run_here(store, Judgement(4.5, 2.5, 5.0, rule="paper"), None, **many)
    own = rlid.measure("two_baselines", **many, store=store.folder).to_json()
    common = rlid.measure("two_baselines", **many, store=store.folder, baseline="global").to_json()
    assert (own["threshold"], common["threshold"]) == (4.5, 3.6)
    assert own["other_baseline"]["threshold"] == 3.6
    assert (own["trials"], own["trials_run"], common["trials_run"]) == (10, 0, 0)
    for one, other in ((own, common), (common, own)):
        for name in ("d_int90", "ci_low", "ci_high", "censored", "first_crossing"):
            assert one["other_baseline"][name] == other[name]
    solved = [sum(point["successes"] for point in found["curve"]) for found in (own, common)]
    assert solved[0] < solved[1]
    few = {**asked, "dims": (1,), "seeds": 1}
    run_here(store, Judgement(4.75, 2.5, 5.0), 4.75, **few)
    early = rlid.measure("two_baselines", **few, store=store.folder).to_json()
    assert early["trials_run"] == 0
    assert early["other_baseline"] == {"baseline": "global", "threshold": pytest.approx(3.85)}


def test_trials_that_a_later_run_judged_by_another_reference_are_shown_by_that_one(
    tmp_path, give_reference
):
    asked = {"network": "mlp:4", "imports": ("two_baselines",), "search": "grid", "full": True}
    asked |= {"dims": (1, 3), "seeds": 5}
    give_reference("two_baselines", 4.9, 2.5, network="mlp:4", imports=("two_baselines",))
    store = Store(tmp_path / "store")
    run_here(store, Judgement(4.0, 2.5, 4.2), None, **asked)
    (before,) = measurements(store)
    answer = rlid.measure("two_baselines", **asked, store=store.folder).to_json()
    (after,) = measurements(store)
    assert answer["trials_run"] == 0
    assert (before.records[0].threshold, after.records[0].threshold) == (4.0, answer["threshold"])
    assert len(after.records) == 10
    assert after.asked
    assert after.estimate.d_int90 == answer["d_int90"]
    more = {**asked, "dims": (1,), "seeds": 6}
    run_here(store, Judgement(4.0, 2.5, 4.2), None, **more)
    # The new trial answers no finished run: nothing but its own threshold is known of it.
    assert {each.records[0].threshold for each in measurements(store)} == {4.0, answer["threshold"]}


def test_a_store_shows_shared_trials_by_each_threshold(tmp_path):
    store = Store(tmp_path / "store")
    for d, score in ((1, 300.0), (2, 470.0), (4, 470.0), (8, 490.0)):
        for seed in range(5):
            spec = a_spec(d=d, seed=seed, stop_score=None, candidate="last")
            status = "solved" if score >= 452.0 else "unsolved"
            record = a_record(spec=spec, score=score, status=status, rule="paper", baseline="own")
            # The last trials were run first for the other threshold.
            store.add(
                judged(record, Judgement(480.0, 22.0, 533.0, rule="paper", baseline="global"))
                if d == 8
                else record
            )
    found = {item.records[0].threshold: item for item in measurements(store)}
    assert set(found) == {452.0, 480.0}
    assert all(len(item.records) == 20 for item in found.values())
    assert found[452.0].estimate.d_int90 == 2
    assert found[480.0].estimate.d_int90 > 4
    assert found[452.0].path != found[480.0].path
    assert [to_json(found[at])["baseline"] for at in (452.0, 480.0)] == ["own", "global"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--baseline", "global"], "task 'cartpole' has none; use --baseline own"),
        (["--baseline", "best"], "use one of own, global"),
        (["--rule", "papers"], "use one of normalised, raw, paper"),
    ],
)
def test_an_impossible_rule_or_baseline_is_refused_in_one_line(
    tmp_path, monkeypatch, capsys, options, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["rlid", "run", "cartpole", "--dmax", "3", *options])
    with pytest.raises(SystemExit) as caught:
        main_here()
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert message in error
    assert error.count("\n") == 1
