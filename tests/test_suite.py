"""Suites: what their files may say, and that one row's failure ends no other."""

import json
import time
from contextlib import contextmanager

import pytest
from command import rlid_here

import rlid.measurement.suite as suites
from rlid.errors import InputError, StoreError, TrialsFailed
from rlid.measurement import Runner, load_suite, plan, planned_rows, run_rows, suite_names
from rlid.measurement.suite_file import parse_suite
from rlid.task import resolve

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")

SMALL = """
title = "Two small measurements"

[defaults]
seeds = 5
budget = 3000

[[row]]
task = "gym:Quick-v0"
network = "mlp:4"
dmax = 5

[[row]]
task = "gym:Broken-v0"
dmax = 5
"""


def parsed(text):
    return parse_suite("mine", text.encode())


class TestShipped:
    @pytest.mark.parametrize("name", ["atari", "classic", "minatar", "mujoco", "paper", "quick"])
    def test_every_row_names_a_task_and_asks_a_question_of_it(self, name):
        suite = load_suite(name)
        assert suite.title
        for row in suite.rows:
            task = resolve(row.task)
            assert row.dmax > 0
            assert row.options.get("agent", task.agent)

    def test_the_listed_suites_are_the_shipped_ones(self):
        assert {"atari", "classic", "minatar", "mujoco", "paper", "quick"} == set(suite_names())

    def test_the_paper_suite_has_every_figure_of_the_paper(self):
        from rlid.leaderboard.paper import PAPER

        rows = {
            (row.task, row.options.get("network", resolve(row.task).network))
            for row in load_suite("paper").rows
        }
        # CartPole-v1 is not the paper's; its version 0 is.
        assert {(row.task, row.network) for row in PAPER if row.task != "cartpole"} == rows


class TestFile:
    def test_defaults_pass_to_rows_that_do_not_set_them(self):
        first, second = parsed(
            '[defaults]\nseeds = 3\ndmax = 9\n[[row]]\ntask = "a"\n'
            '[[row]]\ntask = "b"\nseeds = 4\ndims = "1-3,log:4-16:3"\n'
        ).rows
        assert first.options == {"seeds": 3, "dmax": 9, "task": "a"}
        assert second.options == {"seeds": 4, "task": "b", "dims": (1, 2, 3, 4, 8, 16)}

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[[row]]\n", "row 1: name a task"),
            ("", "name its rows, each below a line [[row]]"),
            ("row = 3", "name its rows, each below a line [[row]]"),
            ("rows = 3", "name its rows, each below a line [[row]]"),
            ('titl = "x"\n[[row]]\ntask = "a"\n', "unknown field 'titl': did you mean 'title'?"),
            ('[[row]]\ntask = "cartpole"\nsettings = "sigma0=1"', "--set sigma0=1: must be a list"),
            ('[[row]]\ntask = "cartpole"\nseeds = "many"', "--seeds many: must be a whole number"),
            ('[[row]]\ntask = "a"\nsed = 3\n', "row 1: unknown field 'sed': did you mean 'seed'?"),
            ('[[row]]\ntask = "a"\n[[row]]\ntask = "b"\nseeds = 0\n', "row 2: --seeds 0"),
            ('[[row]]\ntask = "a"\nimports = ["os"]\n', "unknown field 'imports'"),
            ('[[row]]\ntask = "a"\ndims = "5-1"\n', "runs backwards"),
            ('[[row]]\ntask = "a"\nrule = "row"\n', "row 1: --rule row"),
            ('[[row]]\ntask = "a"\n[[row]]\ntask = "a"\n', "two rows are the same"),
            ('[defaults]\ntask = "a"\n[[row]]\ntask = "a"\n', "[defaults] may not set task"),
            ('titel = "x"\n[[row]]\ntask = "a"\n', "titel"),
            ("[[row]\n", "not valid TOML"),
            ("x = " + "[" * 5000, "not valid TOML"),
            (f'[[row]]\ntask = "a"\nseeds = {"9" * 5000}\n', "not valid TOML"),
            (f'[[row]]\ntask = "a"\nseeds = 0x{"f" * 5000}\n', "--seeds a number of too many"),
            (f'[[row]]\ntask = "a"\ndims = [0x{"f" * 5000}]\n', "row 1: --dims "),
            (".".join("a" * 17) + " = 1", "a name of more than 16 parts"),
            ("[" + ".".join("a" * 20_000) + "]", "a name of more than 16 parts"),
            ("x = [{" + ".".join(['"="'] * 20_000) + " = 1}]", "a name of more than 16 parts"),
        ],
    )
    def test_a_bad_file_is_refused_in_one_line(self, text, words):
        with pytest.raises(InputError) as caught:
            parsed(text)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_values_are_kept_with_the_types_of_a_measurement(self):
        (row,) = parsed('[[row]]\ntask = "a"\ndims = ["5", 2]\nseeds = "3"\n').rows
        assert (row.options["dims"], row.dmax, row.seeds) == ((5, 2), 5, 3)

    def test_dots_in_texts_and_comments_join_no_parts_of_a_name(self):
        dots = "a." * 40
        suite = parsed(f"# {dots}\ntitle = \"{dots}\"\n[[row]]\ntask = '{dots}'\n")
        assert (suite.title, suite.rows[0].task) == (dots, dots)

    @pytest.mark.parametrize(
        "part", ['"""\\', "'''", '"', "'", "\\", '""""', 'a."', "a.'''", "#.", '\\"""', "a=1\n"]
    )
    def test_a_long_text_is_read_in_a_time_that_grows_with_its_length(self, part):
        start = time.process_time()
        with pytest.raises(InputError):
            parsed(part * (300_000 // len(part)))
        assert time.process_time() - start < 60.0

    def test_bytes_that_are_no_text_are_refused(self):
        with pytest.raises(InputError, match="not valid TOML"):
            parse_suite("mine", b"\xff\xfe")

    def test_an_unknown_suite_is_refused_with_the_nearest_name(self):
        with pytest.raises(InputError, match="did you mean 'classic'"):
            load_suite("clasic")
        with pytest.raises(InputError, match="cannot be read"):
            load_suite("no-such-file.toml")


class TestAdapted:
    def test_another_agent_takes_neither_settings_nor_budget_of_the_rows_own(self):
        suite = parsed(
            '[[row]]\ntask = "cartpole"\nagent = "cmaes"\nbudget = 5\ndmax = 4\n'
            'settings = ["sigma0=1"]\n'
        )
        (row,) = suite.adapted(agent="random").rows
        assert row.options == {"task": "cartpole", "agent": "random", "dmax": 4, "seeds": 10}
        (same,) = suite.adapted(agent="cmaes").rows
        assert same.options["budget"] == 5

    def test_rows_of_one_task_become_one_with_the_largest_d(self):
        rows = load_suite("classic").adapted(agent="random").rows
        assert [row.task for row in rows].count("cartpole") == 1
        assert {row.task: row.dmax for row in rows}["cartpole"] == 64

    @pytest.mark.parametrize(
        "field", ['search = "grid"', "seed = 100", "precision = 0.5", "max_trials = 40", "dmax = 9"]
    )
    def test_rows_that_no_option_changes_all_stay(self, field):
        suite = parsed(f'[[row]]\ntask = "a"\n[[row]]\ntask = "a"\n{field}\n')
        assert [dict(row.options) for row in suite.adapted(seeds=3).rows] == [
            {**row.options, "seeds": 3} for row in suite.rows
        ]

    @pytest.mark.parametrize("field", ['search = "grid"', "seed = 100", "precision = 0.5"])
    def test_rows_of_another_search_stay_apart_under_another_agent(self, field):
        text = f'[[row]]\ntask = "a"\nagent = "ppo"\n[[row]]\ntask = "a"\n{field}\n'
        assert len(parsed(text).adapted(agent="random").rows) == 2

    def test_a_row_under_another_agent_joins_the_row_of_that_agent(self):
        suite = parsed(
            '[[row]]\ntask = "a"\nagent = "ppo"\ndmax = 30\nseeds = 5\n'
            '[[row]]\ntask = "a"\nagent = "random"\ndmax = 3\nseeds = 7\n'
            '[[row]]\ntask = "a"\nagent = "random"\ndmax = 4\nseeds = 6\n'
        )
        rows = suite.adapted(agent="random").rows
        assert [(row.dmax, row.seeds) for row in rows] == [(30, 7), (4, 6)]

    def test_rows_that_an_option_makes_the_same_are_kept_once(self):
        suite = parsed('[[row]]\ntask = "a"\nseeds = 5\n[[row]]\ntask = "a"\nseeds = 6\n')
        assert len(suite.adapted().rows) == 2
        assert len(suite.adapted(seeds=3).rows) == 1

    def test_a_pattern_keeps_the_rows_that_it_fits(self):
        suite = load_suite("classic")
        assert {row.task for row in suite.adapted(only="cart*").rows} == {"cartpole"}
        (row,) = suite.adapted(only="pendulum/batched_ppo/*").rows
        assert row.options["agent"] == "batched_ppo"
        with pytest.raises(InputError, match="fits no row"):
            suite.adapted(only="kartpole")

    def test_unknown_agents_and_networks_are_refused(self):
        for change in ({"agent": "cmae"}, {"network": "mlp"}):
            with pytest.raises(InputError):
                load_suite("classic").adapted(**change)


class TestRun:
    @pytest.fixture
    def planned(self):
        made = [plan(task, dmax=3, agent="random") for task in ("cartpole", "acrobot", "pendulum")]
        return [suites.PlannedRow(None, each) for each in made]

    def run(self, planned, monkeypatch, raised):
        def measure(runner):
            if runner.plan.task.name == "acrobot":
                raise raised
            return f"measured {runner.plan.task.name}"

        @contextmanager
        def runner_of(plan):
            class Fake(Runner):
                def __init__(self):
                    self.plan = plan

            yield Fake()

        monkeypatch.setattr(suites, "run_plan", measure)
        return run_rows(planned, runner_of)

    def test_a_row_that_fails_ends_no_other(self, planned, monkeypatch):
        results = self.run(planned, monkeypatch, TrialsFailed("the pole fell"))
        assert [result.status for result in results] == ["measured", "failed", "measured"]
        assert results[1].reason == "the pole fell"

    @pytest.mark.parametrize("error", [StoreError("disk full"), ZeroDivisionError("a bug")])
    def test_a_store_that_cannot_be_written_and_a_bug_end_the_suite(
        self, planned, monkeypatch, error
    ):
        with pytest.raises(type(error)):
            self.run(planned, monkeypatch, error)

    def test_a_row_without_a_plan_does_not_fit(self):
        suite = parsed('[[row]]\ntask = "mnist"\ndmax = 3\n').adapted(agent="cmaes")
        (row,) = planned_rows(suite)
        (result,) = run_rows([row], lambda plan: None)
        assert result.status == "does not fit"
        assert result.reason

    def test_a_suite_gives_one_table_and_one_file_and_resumes(self, tmp_path, quick_reference):
        (tmp_path / "mine.toml").write_text(SMALL)
        quick_reference(tmp_path / "s")
        arguments = ["suite", "mine.toml", "--import", "hostile", "--store", "s", "--jobs", "1"]
        first = rlid_here(*arguments, cwd=tmp_path)
        # The second row has no such environment.
        assert first.returncode == 1
        assert "gym:Quick-v0" in first.stdout
        assert "does not fit" in first.stdout
        report = json.loads((tmp_path / "s" / "suites" / "mine.json").read_text())
        assert [row["status"] for row in report["rows"]] == ["measured", "does not fit"]
        again = rlid_here(*arguments, "--json", cwd=tmp_path)
        rows = json.loads(again.stdout)["rows"]
        assert rows[0]["trials_run"] == 0
        assert rows[0]["d_int90"] == report["rows"][0]["d_int90"]
        assert rows[0]["curve"] == report["rows"][0]["curve"]
