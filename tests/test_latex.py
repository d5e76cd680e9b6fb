"""The leaderboard as a LaTeX table: columns, caption, and texts that stay texts."""

import shutil
import subprocess
import sys

import pytest
from command import main_here
from measurements import SCRIPT, a_board, a_published

from rlid.errors import InputError
from rlid.leaderboard import latex, ranking
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.row import LeaderboardRow
from rlid.store.files import write_whole

HOSTILE = (
    "[9cm]x", "*x", r"\input{/etc/passwd}", "a & b", "100% {x} $y$ ^^5c", "a\n\nb", " =1",
    "#1 _x_ ~", "x--y---z", '"`', "a\x00b\x1b[31m", "\u202egnp",
)  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    return ranking.board(a_board()).rows


def row(**changes):
    return LeaderboardRow(**{"task": "cartpole", "kind": "rl", "network": "linear", **changes})


def test_a_table_is_complete_and_has_as_many_cells_as_columns(rows):
    text = latex.latex(rows)
    lines = text.splitlines()
    for part in (r"\begin{table}", r"\caption{", r"\label{", r"\toprule", r"\midrule"):
        assert text.count(part) == 1
    assert lines[-3:] == [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    of_rows = [line for line in lines if line.endswith(r"\\")]
    assert len(of_rows) == len(rows) + 1
    assert {line.replace(r"\&", "").count("&") for line in of_rows} == {len(latex.PRINTED) - 1}
    assert rf"\begin{{tabular}}{{{'llrlrlrlll'}}}" in lines


def test_columns_and_caption_are_those_that_are_asked_for():
    text = latex.latex([row(D=10)], ["D", "task"], "50 % of #1")
    assert r"\begin{tabular}{rl}" in text
    assert r"\caption{50 \% of \#1}" in text
    assert "$D$ & task \\\\\n\\midrule\n10 & cartpole \\\\\n" in text


def test_a_column_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="'d_int9'.*did you mean 'd_int90'"):
        latex.latex([row()], ["task", "d_int9"])
    with pytest.raises(InputError, match="no column is named"):
        latex.latex([row()], [])


@pytest.mark.parametrize(("task", "shown"), [("[9cm]x", "{[}9cm{]}x"), ("*x", "{}*x")])
def test_no_cell_is_an_argument_of_a_rule(task, shown):
    assert f"\\midrule\n{shown} & " in latex.latex([row(task=task)])


def test_a_script_a_command_and_a_paragraph_are_text():
    text = latex.latex([row(task=SCRIPT), row(task=r"\input{x}"), row(task="a\n\nb")])
    assert r"\textless{}script\textgreater{}alert(1)" in text
    assert r"\textbackslash{}input\{x\}" in text
    assert "\na b & " in text


def test_dashes_stay_hyphens_and_control_characters_are_left_out():
    assert latex.escape_latex("--seeds") == "-{}-seeds"
    assert latex.escape_latex("a---b") == "a-{}-{}-b"
    assert latex.escape_latex("a\x00b\x1b\u202ec") == "abc"


def test_the_command_prints_the_columns_and_the_caption_that_are_asked_for(
    tmp_path, monkeypatch, capsys
):
    published = a_published()
    write_whole(publisher.path(published, tmp_path), published.dump().encode())
    asked = ["rlid", "leaderboard", "--out", str(tmp_path), "--columns", "task, d_int90"]
    monkeypatch.setattr(sys, "argv", [*asked, "--caption", "Ours"])
    with pytest.raises(SystemExit) as ended:
        main_here()
    # The made-up file follows from no run, so that it is refused; what is written is a table.
    assert ended.value.code == 1
    text = (tmp_path / "leaderboard.tex").read_text()
    assert r"\caption{Ours}" in text
    assert r"task & $d_\mathrm{int90}$ \\" in text
    monkeypatch.setattr(sys, "argv", [*asked[:-1], "task,nothing"])
    with pytest.raises(SystemExit) as refused:
        main_here()
    assert refused.value.code == 2
    assert "no column 'nothing'" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
def test_latex_typesets_hostile_names(tmp_path):
    rows = [row(task=name, network=name, agent=name, command="x") for name in HOSTILE]
    (tmp_path / "table.tex").write_text(latex.latex(rows, latex.ALLOWED, caption=HOSTILE[0]))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table}\\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-no-shell-escape", "-halt-on-error", "-interaction=batchmode", "paper"],
        cwd=tmp_path, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, (tmp_path / "paper.log").read_text()[-2000:]
