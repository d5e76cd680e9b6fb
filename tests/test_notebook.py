"""The tutorial notebook runs from its first cell to its last, as a kernel would run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorials" / "notebook.ipynb"
RUNNER = """
import ast, json, sys

names = {"__name__": "__main__"}
for number, source in enumerate(json.load(sys.stdin)):
    block = ast.parse(source)
    last = block.body.pop() if isinstance(block.body[-1], ast.Expr) else None
    name = f"cell {number}"
    exec(compile(block, name, "exec"), names)
    if last is None:
        continue
    shown = eval(compile(ast.Expression(last.value), name, "eval"), names)
    if shown is not None:
        page = getattr(shown, "_repr_html_", lambda: None)()
        print(f"[{number}]", repr(shown) if page is None else page)
"""
"""Runs the sources of the cells on standard input in one name space; shows what each ends with."""


@pytest.fixture(scope="module")
def notebook():
    return json.loads(NOTEBOOK.read_text())


def sources(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_has_the_format_of_jupyter_and_holds_no_outputs(notebook):
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_every_cell_of_the_notebook_runs_and_shows_what_its_text_says(notebook, tmp_path):
    pytest.importorskip("pandas")
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps(sources(notebook)), cwd=tmp_path,
        capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cartpole · cmaes · mlp:20x20" in done.stdout
    assert 'src="data:image/png;base64,' in done.stdout
    assert "verdict=" in done.stdout
    assert "a return of" in done.stdout
    assert (tmp_path / "cartpole.png").is_file()
    assert (tmp_path / "notebook-store").is_dir()
