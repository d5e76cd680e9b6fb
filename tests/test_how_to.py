"""The examples of the how-to pages do what the pages say."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from rlid.agent import AGENTS, configure, read_settings
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.task import TASKS, resolve
from rlid.training.cell import run_trials

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page, language):
    text = (DOCS / page).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Write the Python example of a page as the module that its first line names."""

    def write(page):
        (code,) = blocks(page, "python")
        name = re.match(r"# (\w+)\.py\n", code).group(1)
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        for registry in (AGENTS, TASKS):
            registry.entries()
            monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        return name, code

    return write


def test_the_two_moons_are_a_task_that_training_solves(example):
    name, code = example("how-to-data.md")
    objective = code[code.index("class TwoMoons") : code.index("@TASKS.add")]
    assert len([line for line in objective.splitlines() if line.strip()]) <= 25
    wanted = plan("two_moons", imports=[name], projection="identity")
    outcomes = []
    spec = wanted.spec(wanted.network.D, 0, None)
    run_trials([spec], Judgement(None), wanted.task, lambda *each: outcomes.append(each))
    ((record, z),) = outcomes
    assert record.reason == ""
    assert record.score > 0.9
    assert np.abs(z).max() > 0


def test_ten_lines_are_an_agent(example):
    name, code = example("how-to-algorithms.md")
    body = code[code.index("@AGENTS.add") :]
    assert len([line for line in body.splitlines() if line.strip()]) <= 10
    settings = ["learning_starts=100", "batch_size=8", "train_freq=50"]
    wanted = plan("pendulum", agent="ddpg", imports=[name], dmax=3, budget=1000, settings=settings)
    short = dataclasses.replace(wanted.task, validation_episodes=2, scoring_episodes=2)
    outcomes = []
    spec = wanted.spec(3, 0, None)
    run_trials([spec], Judgement(None), short, lambda *each: outcomes.append(each))
    ((record, z),) = outcomes
    assert record.reason == ""
    assert z.any()
    assert record.notes["trained_outside_z"] > 0


def test_the_settings_file_of_the_page_is_read(tmp_path):
    (text,) = blocks("how-to-algorithms.md", "yaml")
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    agent = configure("ppo", read_settings(path, "ppo", resolve("cartpole")).settings)
    content = yaml.safe_load(text)
    assert (agent.lr, agent.n_steps) == (content["learning_rate"], content["n_steps"])
    assert agent.target_kl == content["target_kl"]
