"""What a run is judged by: measured by a fixed rule, shown, and never of less than the run."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from here import EngineHere
from records import a_record, a_spec

from rlid.errors import InputError, ReferenceRefused
from rlid.measurement import Watcher, default_agents, measure_reference, measurements, run_plan
from rlid.measurement.plan import plan
from rlid.measurement.reference import describe, establish, why_again
from rlid.measurement.runner import Runner
from rlid.records.record import versions
from rlid.store import measurements as kept
from rlid.store import references
from rlid.store.store import Store

QUICK = {"network": "mlp:4", "imports": ("hostile",), "agent": "cmaes", "seeds": 1, "dims": (4,)}


class Listener(Watcher):
    def __init__(self):
        self.heard = []

    def note(self, text):
        self.heard.append(text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a plan in this process: what was measured, and the notes."""
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: EngineHere())

    def run(task="gym:Quick-v0", **options):
        listener = Listener()
        wanted = plan(task, **{"budget": 600, **QUICK, **options})
        with Runner(wanted, tmp_path / "store", watcher=listener) as runner:
            return run_plan(runner), listener.heard

    return run


@pytest.mark.parametrize(
    ("task", "options", "agents"),
    [
        ("cartpole", {}, ["cmaes"]),
        ("pendulum", {}, ["cmaes", "batched_ppo"]),
        ("pendulum", {"agent": "sac"}, ["cmaes", "batched_ppo"]),
        ("hopper", {}, ["batched_ppo"]),
        ("sum_constraints:10", {}, ["adam"]),
        ("gym:CartPole-v1", {}, ["cmaes", "batched_ppo"]),
        ("gym:CartPole-v1", {"agent": "random"}, ["cmaes", "batched_ppo"]),
    ],
)
def test_the_agents_of_a_reference_follow_from_the_task_alone(task, options, agents):
    assert default_agents(plan(task, dmax=3, **options)) == agents


def test_an_agent_that_cannot_take_the_task_measures_no_reference():
    wanted = plan("cartpole", dmax=3)
    with pytest.raises(ReferenceRefused, match="takes continuous|takes squashed"):
        default_agents(replace(wanted, task=replace(wanted.task, agent="sac")))


def test_the_reference_of_a_new_environment_does_not_depend_on_which_run_came_first(run):
    first, _ = run(agent="random")
    second, heard = run(agent="cmaes")
    assert second.reference == first.reference
    assert [direct.agent for direct in first.reference.direct] == ["cmaes", "batched_ppo"]
    assert "from the store" in heard[0]
    larger, heard = run(agent="random", budget=800)
    assert "measured with 600 steps, fewer than this run's 800" in heard[0]
    assert larger.reference.budget == 800
    smaller, heard = run(agent="random", budget=700)
    assert smaller.reference == larger.reference
    assert "800 steps each" in heard[0]


def test_every_run_says_by_whom_when_and_how_its_reference_was_measured(run):
    wanted = plan("cartpole", dmax=3)
    shipped, is_shipped = references.locate(
        "nowhere", "cartpole", 1, wanted.task.protocol(), "mlp:20x20"
    )
    assert is_shipped
    assert describe(shipped, wanted, "shipped with rlid") == (
        "judged by: random 22.908, reference 500 (cmaes, median of 5 seeds, 200,000 steps each, "
        f"task version 1, rlid {shipped.versions['rlid']}, {shipped.measured_at}, "
        "shipped with rlid)"
    )
    measured, heard = run()
    today = measured.reference.measured_at
    assert len(today) == len("2026-01-31")
    assert f"600 steps each, task version 1, rlid {versions()['rlid']}, {today}" in heard[-1]
    assert "first edition" not in heard[-1]


def test_a_reference_of_fewer_seeds_fewer_steps_or_another_protocol_is_measured_again(tmp_path):
    def why(task, **options):
        wanted = plan(task, dmax=3, **options)
        protocol = wanted.task.protocol()
        name = wanted.network.architecture.name
        return why_again(references.find(tmp_path, task, 1, protocol, name), wanted)

    assert why("cartpole") == ""
    assert "200,000 steps, fewer than this run's 200,001" in why("cartpole", budget=200_001)
    assert "rests on 3 seeds, fewer than 5" in why("hopper")
    assert "no reference for cartpole" in why("cartpole", observation="frozen")
    assert "no reference for cartpole" in why("cartpole", network="mlp:3")


def test_a_reference_of_ones_own_judges_and_is_marked_everywhere(run, tmp_path):
    options = {"reference": 4.5, "reference_source": "a paper, table 2", "rule": "raw"}
    measured, heard = run(**options)
    assert heard[-1] == (
        f"judged by: random {measured.judgement.random:.6g}, reference 4.5 "
        "(given: a paper, table 2)"
    )
    assert not [line for line in heard if "direct training" in line]
    assert measured.judgement.threshold == pytest.approx(0.9 * 4.5)
    assert {record.baseline for record in measured.records} == {"given"}
    assert measured.to_json()["reference_record"]["source"] == "a paper, table 2"
    (question,) = [one.question for one in kept.of_store(Store(tmp_path / "store"))]
    assert "--reference 4.5 --reference-source 'a paper, table 2'" in question.command
    assert question.judged_by == "raw, given reference 4.5"
    (shown,) = measurements(Store(tmp_path / "store"))
    assert shown.records[0].baseline == "given"
    again, heard = run(**{**options, "seed": 1})
    assert not [line for line in heard if "random actions" in line]
    assert again.reference.random == measured.reference.random
    # A run without one does not take it.
    own, _ = run()
    assert not own.reference.is_given


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": 1.0}, "must be above the score of random actions"),
        ({"reference_source": "a paper"}, "give the score itself with --reference"),
        ({"reference": 4.0, "baseline": "global"}, "takes the place of --baseline global"),
    ],
)
def test_a_reference_of_ones_own_that_makes_no_sense_is_refused(run, options, message):
    with pytest.raises(InputError, match=message):
        run("two_baselines", **{**options, "imports": ("two_baselines",)})


def test_an_agent_that_gives_no_score_leaves_the_reference_to_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: EngineHere())
    listener = Listener()
    wanted = plan("gym:Quick-v0", **{**QUICK, "imports": ("crashing",)}, budget=600)
    with Runner(wanted, tmp_path / "store", watcher=listener) as runner:
        reference = measure_reference(runner, ["crashing", "cmaes"])
        with pytest.raises(ReferenceRefused, match="gave no score: .*no_such_name.*--retry"):
            measure_reference(runner, ["crashing"])
    assert (reference.agent, reference.seeds) == ("cmaes", 5)
    assert [direct.median is None for direct in reference.direct] == [True, False]
    assert any("crashing: no score" in line and "no_such_name" in line for line in listener.heard)


def test_a_reference_by_settings_of_ones_own_names_them(tmp_path, monkeypatch):
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: EngineHere())
    wanted = plan("gym:Quick-v0", **QUICK, budget=600)
    with Runner(wanted, tmp_path / "store") as runner:
        reference = measure_reference(runner, ["cmaes"], 5, ["sigma0=0.5"])
    assert reference.best.settings["sigma0"] == 0.5
    assert reference.command.endswith("--seeds 5 --set sigma0=0.5 --import hostile")


def test_a_reference_below_the_floor_is_refused(tmp_path, give_reference):
    give_reference("cartpole", 300.0, 22.0, imports=())
    with (
        Runner(plan("cartpole", dmax=3, seeds=2), tmp_path / "store") as runner,
        pytest.raises(ReferenceRefused, match="below the floor of 475"),
    ):
        establish(runner)


def test_the_reference_takes_the_tasks_recipes_and_no_settings_of_the_run():
    wanted = plan("pendulum", agent="ppo", dmax=3, settings=["lr=0.5"])
    direct = wanted.direct("cmaes", [2**32])
    assert direct.agent.sigma0 == 0.5
    assert wanted.direct("ppo", [2**32]).agent.lr != 0.5
    assert wanted.direct("ppo", [2**32]).agent.gamma == 0.9
    assert wanted.direct("ppo", [2**32], ["lr=0.25"]).agent.lr == 0.25
    cartpole = plan("cartpole", agent="ppo", dmax=3)
    assert not cartpole.is_merged
    assert cartpole.direct("cmaes", [2**32]).is_merged
    assert not plan("cartpole", dmax=3).direct("ppo", [2**32]).is_merged
    assert "--network mlp:20x20" in wanted.reference_command(["cmaes"], 5)


def test_files_of_references_from_before_stay_readable():
    path = Path(__file__).parent / "fixtures" / "references" / "cartpole-mlp_20x20.json"
    fields = json.loads(path.read_text())
    assert not {"measured_at", "stopping", "source"} & set(fields)
    old = references.read(path)
    assert (old.measured_at, old.stopping, old.source) == (None, "look", "")
    assert describe(old, plan("cartpole", dmax=3)).endswith(
        "rlid 0.1.0, no date recorded, stopping rule of the first edition)"
    )


def test_records_are_matched_with_the_reference_that_judged_them(tmp_path, give_reference):
    store = Store(tmp_path / "store")
    protocol = plan("cartpole", dmax=1).task.protocol()
    for seed in range(6):
        spec = a_spec(seed=seed, protocol=protocol)
        store.add(a_record(spec=spec, random=22.908, reference=500.0))
        store.add(a_record(spec=spec.model_copy(update={"stop_score": 400.0}), threshold=400.0))
    by_threshold = {item.records[0].threshold: item for item in measurements(store)}
    assert by_threshold[452.0].reference.agent == "cmaes"
    assert by_threshold[400.0].reference is None
