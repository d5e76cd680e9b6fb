"""Whatever an agent raises makes its trial missing; a search that diverges is unsolved."""

from dataclasses import field

import hostile  # noqa: F401 (registers environments)
import numpy as np
import pytest
import torch
from scripted import run

from rlid.agent import AGENTS, Agent, Ask, Progress
from rlid.errors import InputError
from rlid.measurement import plan


def raises(error):
    """Return a search that raises after its first question."""

    def script(problem, rng):
        yield Ask(np.zeros((2, problem.dim)))
        raise error

    return script


@pytest.mark.parametrize(
    "error",
    [
        NameError("name 'lr' is not defined"),
        ZeroDivisionError("division by zero"),
        MemoryError("too big"),
        OSError(28, "No space left on device"),
        TimeoutError("timed out"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
        ImportError("No module named 'cmaes'"),
        InputError("agent: lr must be positive"),
        SystemExit(3),
        StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("task", ["gym:Quick-v0", "cartpole"])
def test_an_agent_that_raises_makes_its_trial_missing(scripted, error, task):
    ((record, z),) = run(task, scripted(raises(error)), stop=1e3)
    assert (record.status, record.is_missing) == ("error", True)
    assert record.score is None
    assert record.deciding_score is None
    assert z is None
    # Python makes a RuntimeError of a StopIteration that leaves a generator.
    name = "RuntimeError" if isinstance(error, StopIteration) else type(error).__name__
    assert f"agent scripted raised {name}" in record.reason
    assert "(test_agent_faults.py:" in record.reason


def test_a_search_that_ends_before_any_z_makes_its_trial_missing(scripted):
    def script(problem, rng):
        yield from ()

    ((record, z),) = run("gym:Quick-v0", scripted(script), stop=1e3)
    assert (record.status, record.is_missing, z) == ("error", True, None)
    assert record.reason == "agent scripted ended its search before it proposed any z"


def test_the_reason_names_the_innermost_line_of_the_agents_code(scripted):
    def script(problem, rng):
        yield Ask(np.zeros((2, problem.dim)))
        deeper()

    def deeper():
        np.linalg.cholesky(np.zeros((2, 2)))

    ((record, _),) = run("gym:Quick-v0", scripted(script))
    line = deeper.__code__.co_firstlineno + 1
    assert record.reason.endswith(f"(test_agent_faults.py:{line})")
    assert "LinAlgError" in record.reason


def _no_generator(problem, rng):
    return 3


def _no_step(problem, rng):
    yield np.zeros((2, problem.dim))


def _no_score(problem, rng):
    yield Progress(np.zeros(problem.dim), "high")


def _nan_score(problem, rng):
    yield Progress(np.zeros(problem.dim), float("nan"))


def _yields(Z):
    def script(problem, rng):
        while True:
            yield Ask(Z)

    return script


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (_no_generator, "search is a int, not a generator"),
        (_no_step, "search yielded a ndarray, not Ask, Progress or TrainingRound"),
        (_no_score, "ValueError"),
        (_nan_score, "the score of a Progress is NaN"),
        (_yields(np.zeros((2, 3))), "candidates of shape (2, 3), not (n, 2)"),
        (_yields(np.zeros(2)), "candidates of shape (2,), not (n, 2)"),
        (_yields(np.zeros((0, 2))), "candidates of shape (0, 2), not (n, 2)"),
        (_yields([["a", "b"]]), "ValueError"),
    ],
)
def test_a_step_that_is_none_makes_the_trial_missing_and_is_named(scripted, script, what):
    ((record, _),) = run("gym:Quick-v0", scripted(script))
    assert record.status == "error"
    assert what in record.reason
    assert "\n" not in record.reason
    assert "test_agent_faults.py:" in record.reason or script is _no_generator


@pytest.mark.parametrize(
    ("notes", "what"),
    [
        (lambda self, problem: 1 / 0, "ZeroDivisionError"),
        (lambda self, problem: {"lr": float("nan")}, "notes: lr"),
        (lambda self, problem: {"rates": [1, 2]}, "notes: rates"),
        (lambda self, problem: 7, "TypeError"),
        (lambda self, problem: {str(number): 0 for number in range(101)}, "at most 100"),
    ],
)
def test_notes_that_no_record_holds_make_the_trial_missing(scripted, notes, what):
    name = scripted(_yields(np.zeros((1, 2))), notes=notes)
    ((record, _),) = run("gym:Quick-v0", name)
    assert record.status == "error"
    assert what in record.reason


def test_notes_taken_during_the_search_are_held_to_the_same(scripted):
    def script(problem, rng):
        problem.notes["lr"] = np.float32(0.5)
        yield Ask(np.zeros((1, problem.dim)))
        problem.notes["lr"] = problem

    ((record, _),) = run("gym:Quick-v0", scripted(script))
    assert record.status == "error"
    assert "notes: lr" in record.reason


def test_an_agent_that_cannot_be_made_makes_its_trial_missing(scripted, monkeypatch):
    name = scripted(_yields(np.zeros((1, 2))))

    def refuse(self):
        raise KeyError("no such preset")

    # As where a worker's environment differs from that of the planning process.
    calls = iter(range(9))
    monkeypatch.setattr(
        AGENTS[name], "__init__", lambda self: None if next(calls) == 0 else refuse(self)
    )
    ((record, _),) = run("gym:Quick-v0", name)
    assert record.status == "error"
    assert "no such preset" in record.reason


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_a_search_whose_z_stops_being_finite_is_unsolved(scripted, wrong):
    def script(problem, rng):
        yield Ask(np.zeros((2, problem.dim)))
        yield Ask(np.full((2, problem.dim), wrong))

    ((record, _),) = run("gym:Quick-v0", scripted(script))
    assert (record.status, record.is_missing) == ("unsolved", False)
    assert record.reason == "diverged: z is not finite"


ON_POLICY = ["n_envs=2", "n_steps=32", "batch_size=16", "lr=1e30"]
OFF_POLICY = ["learning_starts=50", "batch_size=8", "lr=1e30"]


@pytest.mark.parametrize(
    ("agent", "task", "settings"),
    [
        ("ppo", "cartpole", ON_POLICY),
        ("ppo", "pendulum", ON_POLICY),
        ("a2c", "cartpole", ["lr=1e30"]),
        ("sac", "pendulum", OFF_POLICY),
        ("td3", "pendulum", OFF_POLICY),
        ("openai_es", "gym:Quick-v0", ["lr=1e40"]),
        ("ars", "gym:Quick-v0", ["lr=1e40"]),
    ],
)
def test_a_learning_rate_that_explodes_diverges_and_is_no_fault(agent, task, settings):
    ((record, _),) = run(task, agent, d=4, settings=settings, stop=1e6, threshold=1e6)
    assert record.status == "unsolved", record.reason
    assert record.reason == "diverged: z is not finite"


def test_a_candidate_that_ends_the_search_counts_though_the_agent_then_raises(scripted):
    """Where steps merge, the agent is asked once more before its last candidate is looked at."""

    def script(problem, rng):
        yield Ask(np.ones((1, problem.dim)))
        raise RuntimeError("one question too many")

    for task, merges in (("cartpole", True), ("gym:CartPole-v1", False)):
        ((record, _),) = run(task, scripted(script), stop=1.0, threshold=1.0)
        assert record.status == "solved", (task, merges, record.reason)


def test_a_class_needs_kinds_and_search_and_gets_the_rest(scripted):
    scripted(_yields(np.zeros((1, 2))))
    agent = AGENTS["scripted"]()
    assert Agent in type(agent).__mro__
    assert (agent.version, agent.actions, agent.notes(None)) == (1, (), {})
    assert agent.check_network(None, 3) is None


def test_a_class_that_lacks_what_an_agent_has_is_refused_in_one_line():
    with pytest.raises(InputError, match="'Idle' has no kinds and no search"):
        AGENTS.add()(type("Idle", (), {}))
    searching = type("Plain", (), {"kinds": ("rl",), "search": raises(ValueError())})
    with pytest.raises(InputError, match="'Plain' is no dataclass"):
        AGENTS.add()(searching)


def positive(self):
    if self.x < 0:
        raise ValueError("x must be positive\nand small")


UNUSABLE = {
    "refuses": (
        {"x": float},
        {"x": 1.0, "__post_init__": positive},
        ["x=-1"],
        "x must be positive",
    ),
    "raises": ({}, {"__post_init__": lambda self: 1 / 0}, [], "raised ZeroDivisionError"),
    "required": ({"x": float}, {}, [], "no default for 'x': use --set x=VALUE"),
    "undefined": ({"x": "Undefined"}, {"x": 1}, [], "cannot be read: NameError"),
    "tuple": ({"x": tuple}, {"x": (1, 2)}, [], r"x is \(1, 2\), which no record can hold"),
    "list": ({"x": list}, {"x": field(default_factory=list)}, [], r"x is \[\], which no record"),
    "infinite": ({"x": float}, {"x": float("inf")}, [], "x is inf, which no record can hold"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_agent_whose_settings_cannot_be_used_is_refused_in_one_line(scripted, case):
    annotations, attributes, settings, words = UNUSABLE[case]
    scripted(_yields(np.zeros((1, 2))), __annotations__=annotations, **attributes)
    with pytest.raises(InputError, match=words) as error:
        plan("cartpole", agent="scripted", dmax=2, settings=settings)
    assert "\n" not in str(error.value)


def test_keyboard_interrupts_are_nobodys_fault(scripted):
    with pytest.raises(KeyboardInterrupt):
        run("gym:Quick-v0", scripted(raises(KeyboardInterrupt())))
