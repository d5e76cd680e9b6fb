"""The blocks of the documents that are marked to be run, run as a reader would, page by page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from documents import DOCUMENTS, blocks

RUN = [name for name in DOCUMENTS if any(block.is_run for block in blocks(name))]


def run_page(document, folder, marks):
    """Write the files of a page into a folder, and run its blocks with these marks in order.

    Returns:
        What the blocks printed, as one text.
    """
    for block in blocks(document):
        if block.file:
            (folder / block.file).write_text(block.text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed = ""
    for block in blocks(document):
        if block.mark in marks:
            program = ["python", "-"] if block.language == "python" else ["bash", "-eu"]
            text = "\n".join(block.lines) if block.language == "console" else block.text
            done = subprocess.run(
                program, input=text, cwd=folder, capture_output=True, text=True,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(folder)}, timeout=500,
            )  # fmt: skip
            assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr
            printed += done.stdout + done.stderr
    return printed


@pytest.mark.parametrize("document", RUN)
def test_the_quick_blocks_of_a_page_run_as_written(document, tmp_path):
    run_page(document, tmp_path, ("run",))


@pytest.mark.slow
@pytest.mark.parametrize("document", RUN)
def test_all_blocks_of_a_page_run_as_written(document, tmp_path):
    if not any(block.mark == "run: slow" for block in blocks(document)):
        pytest.skip("the page has quick blocks only")
    printed = run_page(document, tmp_path, ("run", "run: slow"))
    for block in blocks(document):
        if block.language in ("console", "text"):
            check_answers(block.text, printed)


def check_answers(shown, printed):
    """Check that each answer of a page lies in the interval of the same question that was run.

    Another processor may add in another order, so that figures need not be equal.
    """
    for question, d in re.findall(r"^(\S+ · .+): d_int90 = ([\d,]+)", shown, re.MULTILINE):
        intervals = re.findall(
            rf"^{re.escape(question)}: d_int90 = .*95 % interval (\d+)-(\d+)", printed, re.MULTILINE
        )
        assert intervals, question
        low, high = map(int, intervals[-1])
        assert low <= int(d.replace(",", "")) <= high, question


def test_an_answer_outside_the_interval_that_was_measured_is_noticed():
    question = "cartpole · cmaes · mlp:20x20 (D = 562) · onehot"
    printed = f"{question}: d_int90 = 4 (95 % interval 3-6), 10 seeds\n"
    check_answers(f"{question}: d_int90 = 5 (95 % interval 3-7), 10 seeds", printed)
    with pytest.raises(AssertionError):
        check_answers(f"{question}: d_int90 = 7 (95 % interval 6-9), 10 seeds", printed)
    with pytest.raises(AssertionError):
        check_answers(f"pong{question}: d_int90 = 5", printed)


def test_a_block_that_fails_is_noticed(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("<!-- run -->\n```sh\nrlid run nothing\n```\n")
    monkeypatch.setattr("documents.ROOT", tmp_path)
    with pytest.raises(AssertionError, match="nothing"):
        run_page("page.md", tmp_path, ("run",))
