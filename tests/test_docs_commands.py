"""The blocks of the documents that are marked to be run, run as a reader would, page by page."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCUMENTS, blocks

RUN = [name for name in DOCUMENTS if any(block.is_run for block in blocks(name))]


def run_page(document, folder, marks):
    """Write the files of a page into a folder, and run its blocks with these marks in order."""
    for block in blocks(document):
        if block.file:
            (folder / block.file).write_text(block.text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks(document):
        if block.mark in marks:
            program = ["python", "-"] if block.language == "python" else ["bash", "-eu"]
            done = subprocess.run(
                program, input=block.text, cwd=folder, capture_output=True, text=True,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(folder)}, timeout=500,
            )  # fmt: skip
            assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize("document", RUN)
def test_the_quick_blocks_of_a_page_run_as_written(document, tmp_path):
    run_page(document, tmp_path, ("run",))


@pytest.mark.slow
@pytest.mark.parametrize("document", RUN)
def test_all_blocks_of_a_page_run_as_written(document, tmp_path):
    if not any(block.mark == "run: slow" for block in blocks(document)):
        pytest.skip("the page has quick blocks only")
    run_page(document, tmp_path, ("run", "run: slow"))


def test_a_block_that_fails_is_noticed(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("<!-- run -->\n```sh\nrlid run nothing\n```\n")
    monkeypatch.setattr("pages.ROOT", tmp_path)
    with pytest.raises(AssertionError, match="nothing"):
        run_page("page.md", tmp_path, ("run",))
