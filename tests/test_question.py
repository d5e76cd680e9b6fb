"""The options of a measurement are declared once: the same in Python, commands and files."""

import inspect

import pytest

import rlid
from rlid.cli.measure import run
from rlid.errors import InputError
from rlid.measurement.plan import plan
from rlid.measurement.question import ask
from rlid.records.measurement_spec import MeasurementSpec

FIELDS = MeasurementSpec.model_fields
NAMED_BY_THE_TASK = {"task", "agent", "network"}
NAMED_BY_THE_AGENT = {"round_size"}


@pytest.mark.parametrize("function", [rlid.measure, run], ids=["rlid.measure", "rlid run"])
def test_every_option_of_the_question_is_an_option_of_the_function(function):
    parameters = inspect.signature(function).parameters
    for name in FIELDS.keys() - NAMED_BY_THE_TASK - NAMED_BY_THE_AGENT:
        default = parameters[name].default
        assert default in (FIELDS[name].default, None), name
        if FIELDS[name].default not in (None, "", ()):
            assert default == FIELDS[name].default, name


def test_the_docstring_of_measure_says_what_every_parameter_is():
    for name in inspect.signature(rlid.measure).parameters:
        assert f"\n        {name}: " in rlid.measure.__doc__ or (
            f"    {name}: " in rlid.measure.__doc__
        ), name


def test_an_option_that_does_not_exist_is_no_option():
    with pytest.raises(TypeError, match="dmox"):
        rlid.measure("cartpole", dmox=3)
    with pytest.raises(InputError, match="--dmox 3"):
        ask("cartpole", dmox=3)


def test_options_at_the_tasks_own_values_ask_the_same_question():
    plain = ask("cartpole", dmax=5)
    spelled = ask(
        "cartpole", dmax=5, agent="cmaes", network="mlp:20x20", budget=200_000, observation="raw",
        backend="gymnasium-vector", dims=None, settings=[], imports=None,
    )  # fmt: skip
    assert spelled == plain
    assert spelled.digest == plain.digest
    assert ask("cartpole", dims=[3, 1, 3]).dims == (1, 3)
    assert ask("cartpole", dmax=5, budget=1000).digest != plain.digest
    assert ask("cartpole", dmax=5, reference=480.0).digest != plain.digest


def test_the_command_of_a_question_asks_it_again():
    from typer.testing import CliRunner

    from rlid.cli.options import asked
    from rlid.measurement import read_dims

    question = ask(
        "pendulum", agent="ppo", dims=[2, 4], seeds=3, seed=7, search="grid", full=True,
        budget=5000, reference=-150.5, reference_source="my own: 3 runs", settings=["lr=0.001"],
        max_trials=9, precision=0.5, fraction=0.8,
    )  # fmt: skip
    import shlex

    import typer

    seen = []

    def command(context: typer.Context, **_):
        seen.append(asked(context) | {"dims": read_dims(context.params["dims"])})

    command.__signature__ = inspect.signature(run, eval_str=True)
    command.__annotations__ = {}
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, shlex.split(question.command)[2:])
    assert done.exit_code == 0, done.output
    assert ask(**seen[0]) == question


@pytest.mark.parametrize(("agent", "size"), [("ppo", 5), ("batched_ppo", 10), ("cmaes", 10)])
def test_agents_whose_trials_share_a_batch_are_asked_for_ten_trials_a_round(agent, size):
    wanted = plan("cartpole", agent=agent, dmax=20)
    assert wanted.question.round_size == size
    assert len(wanted.search.next_round([])) == size
    assert "round" not in wanted.question.command


def test_an_older_question_keeps_its_rounds_of_five():
    assert MeasurementSpec(task="cartpole", agent="cmaes", network="mlp:20x20").round_size == 5
