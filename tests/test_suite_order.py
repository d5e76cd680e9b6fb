"""The rows of a suite run longest first, and their results do not depend on that order."""

import json
from contextlib import contextmanager
from itertools import permutations

import pytest
from command import rlid_here

import rlid.measurement.suite as suites
from rlid.leaderboard import peers
from rlid.leaderboard.step_times import published_step_time
from rlid.measurement import load_suite, plan, planned_rows, run_rows
from rlid.measurement.suite_file import parse_suite
from rlid.measurement.suite_order import expected_seconds, run_order

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")

ROW = '[[row]]\ntask = "{task}"\nnetwork = "linear"\nbudget = {budget}\nreference = 1.0\n'
HEAD = '[defaults]\nagent = "cmaes"\nseeds = 2\ndmax = 3\nreference_source = "by construction"\n'
HOW_IT_WENT = {"seconds", "trials_run", "reference_record"}
"""Fields that say how a run went and not what was measured."""


def rows_of(*budgets, task="cartpole"):
    return [
        suites.PlannedRow(None, plan(task, dmax=3, agent="random", seeds=2, budget=budget))
        for budget in budgets
    ]


@pytest.fixture(scope="module")
def step_time():
    return published_step_time(peers.published_summaries(peers.published_folder()))


class TestOrder:
    def test_rows_with_more_steps_run_first(self):
        rows = [*rows_of(1000), *rows_of(3000, task="acrobot"), *rows_of(2000, task="pendulum")]
        assert run_order(rows) == [1, 2, 0]

    def test_a_slow_step_counts_as_much_as_many_steps(self):
        rows = [*rows_of(1000), *rows_of(3000, task="acrobot")]
        seconds = {"cartpole": 10.0, "acrobot": 1.0}
        assert run_order(rows, lambda wanted: seconds[wanted.task.name]) == [0, 1]

    def test_rows_without_a_plan_are_told_of_first(self):
        rows = [*rows_of(1000, 2000), suites.PlannedRow(None, None, "no such task")]
        assert run_order(rows)[0] == 2

    def test_rows_that_share_a_reference_run_by_falling_budget_though_another_is_longer(self):
        short = plan("cartpole", dmax=3, agent="random", seeds=2, budget=4000)
        long = plan("cartpole", dmax=60, agent="cmaes", seeds=10, budget=2000)
        other = plan("acrobot", dmax=3, agent="random", seeds=2, budget=4500)
        assert expected_seconds(long) > expected_seconds(other) > expected_seconds(short)
        rows = [suites.PlannedRow(None, each) for each in (long, other, short)]
        assert run_order(rows) == [2, 1, 0]

    def test_the_order_of_the_file_does_not_matter(self):
        rows = [*rows_of(2000, 1000), *rows_of(2000, task="acrobot"), *rows_of(9, task="pendulum")]
        orders = {
            tuple(shuffled[index].plan.question.digest for index in run_order(shuffled))
            for shuffled in permutations(rows)
        }
        assert len(orders) == 1

    def test_humanoid_is_the_first_and_inverted_pendulum_the_last_of_the_mujoco_suite(
        self, step_time
    ):
        rows = planned_rows(load_suite("mujoco"))
        if any(row.plan is None for row in rows):
            pytest.skip("a simulator of the suite is not installed")
        tasks = [rows[index].row.task for index in run_order(rows, step_time)]
        assert (tasks[0], tasks[-1]) == ("humanoid", "inverted_pendulum")


class TestStepTime:
    def test_a_published_measurement_gives_its_own_step_time(self, step_time):
        (published,) = [
            each
            for each in peers.published_summaries(peers.published_folder())
            if (each.spec.task, each.spec.agent, each.spec.network)
            == ("acrobot", "cmaes", "mlp:20x20")
        ]
        seconds = sum(record.seconds for record in published.records)
        steps = sum(record.search_steps for record in published.records)
        assert step_time(plan("acrobot", agent="cmaes")) == pytest.approx(seconds / steps)

    def test_another_network_of_a_published_task_takes_the_times_of_that_task(self, step_time):
        wide = step_time(plan("acrobot", agent="cmaes", network="mlp:7x7"))
        assert wide == step_time(plan("acrobot", agent="cmaes"))

    def test_without_published_measurements_every_step_counts_the_same(self):
        nothing_published = published_step_time([])
        plans = [plan(task, dmax=3, agent="random") for task in ("cartpole", "pendulum")]
        assert [nothing_published(each) for each in plans] == [1.0, 1.0]


class TestRun:
    def test_results_stand_in_the_order_of_the_file_and_are_heard_in_the_order_of_the_run(
        self, monkeypatch
    ):
        rows = [*rows_of(1000), *rows_of(3000, task="acrobot"), *rows_of(2000, task="pendulum")]
        monkeypatch.setattr(suites, "run_plan", lambda wanted: wanted.task.name)
        heard = []

        @contextmanager
        def runner_of(wanted):
            yield wanted

        results = run_rows(
            rows, runner_of, lambda number, result: heard.append((number, result.measurement))
        )
        assert [result.measurement for result in results] == ["cartpole", "acrobot", "pendulum"]
        assert heard == [(0, "acrobot"), (1, "pendulum"), (2, "cartpole")]

    @pytest.mark.slow
    def test_a_suite_and_the_same_one_backwards_measure_the_same(self, tmp_path):
        rows = [ROW.format(task=f"dials:{n}", budget=b) for n, b in ((2, 2000), (3, 4000))]
        measured = []
        for name, order in (("there", rows), ("back", rows[::-1])):
            text = HEAD + "".join(order)
            parse_suite(name, text.encode())
            (tmp_path / f"{name}.toml").write_text(text)
            ended = rlid_here(
                "suite", f"{name}.toml", "--store", name, "--jobs", "1", "--quiet", "--json",
                cwd=tmp_path,
            )  # fmt: skip
            assert ended.returncode == 0, ended.stderr
            measured.append(
                {
                    row["task"]: {key: row[key] for key in row.keys() - HOW_IT_WENT}
                    for row in json.loads(ended.stdout)["rows"]
                }
            )
        assert measured[0] == measured[1]
        assert measured[0].keys() == {"dials:2", "dials:3"}
