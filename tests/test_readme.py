"""The examples, paths and commands of README work as they are written."""

import re
import shlex
from pathlib import Path

import pytest
from command import rlid as run_rlid

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = dict(
    re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", README, flags=re.DOTALL)
)


def test_readme_has_a_task_and_an_agent_example():
    assert set(EXAMPLES) == {"my_task.py", "my_agent.py"}


@pytest.mark.parametrize(
    "arguments",
    [
        "run cartpole --import my_agent --agent hill_climbing --dmax 3 --seeds 1 --budget 2000",
        pytest.param(
            "run hill --import my_task --dims 2 --seeds 1 --budget 2000", marks=pytest.mark.slow
        ),
    ],
)
def test_the_examples_run_as_written(tmp_path, arguments):
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    process = run_rlid(*shlex.split(arguments), "--jobs", "1", cwd=tmp_path)
    assert "Traceback" not in process.stderr
    assert process.returncode == 0, process.stderr
    assert re.search(
        r"^(cartpole · hill_climbing|hill · cmaes) · mlp:20x20 .* d_int90", process.stdout, re.M
    )


def test_every_path_in_readme_exists():
    for path in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"`((?:rlid|envs|agents|results)/[a-z_]*(?:\.py)?/?)`", README):
        assert (ROOT / path).exists(), path


def test_every_command_in_readme_has_known_options_and_tasks(tmp_path, monkeypatch):
    from rlid.cli import measure
    from rlid.measurement.plan import plan
    from rlid.records import option_name

    commands = re.findall(r"^(?:\$ )?(rlid run [^\n#]*)", README, flags=re.MULTILINE)
    assert len(commands) >= 7
    options = set(re.findall(r"--[a-z-]+", " ".join(commands)))
    known = {option_name(name.strip("_")) for name in measure.run.__annotations__}
    assert options <= known
    for command in commands:
        assert shlex.split(command)[2].partition(":")[0] in (*_tasks(), "hill")
    assert plan("gym:Acrobot-v1", dmax=20).network.D > 0


def _tasks():
    from rlid.task import TASKS

    return list(TASKS)
