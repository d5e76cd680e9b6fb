"""The leaderboard: order, what counts, what is missing, and texts that stay texts."""

import csv
import io
import json
from pathlib import Path

import pytest
from measurements import SCRIPT, a_board, a_published

from rlid.leaderboard import claims, tables
from rlid.leaderboard import publish as publisher
from rlid.leaderboard import ranking as leaderboard
from rlid.leaderboard.ranking import LeaderboardRow
from rlid.store.files import write_whole


@pytest.fixture(scope="module")
def entries():
    return leaderboard.entries(leaderboard.chosen(a_board()))


def test_measurements_are_ranked_and_what_nobody_measured_comes_last(entries):
    measured = [entry for entry in entries if entry.is_measured]
    assert entries[: len(measured)] == measured
    answers = [entry.d_int90 for entry in measured if entry.d_int90 is not None]
    assert answers == sorted(answers)
    assert all(entry.answer == "" for entry in entries[len(measured) :])
    assert "not measured here: bring the data" in {
        entry.status for entry in entries if entry.task == "cifar10"
    }
    assert not {entry.page for entry in entries if not entry.is_measured} - {""}


def test_a_row_says_what_follows_from_its_measurement():
    one = a_published("inverted_pendulum", D=541, threshold_d=6)
    (entry, *_) = leaderboard.entries([one])
    assert entry.d_int90 == one.answer.d_int90
    assert entry.compression == round(541 / entry.d_int90, 2)
    assert entry.manifold == 541 - entry.d_int90
    assert entry.ratio is None  # MNIST is not there to be held against
    assert (entry.paper, entry.paper_note) == ("4", "ES")
    assert entry.command == one.command


def test_ratios_are_to_mnist_and_only_with_enough_seeds_is_a_row_full(entries):
    of = {(entry.task, entry.network, entry.agent): entry for entry in entries}
    mnist = of["mnist", "mlp:200x200", "adam"]
    assert mnist.ratio == 1.0
    cartpole = of["cartpole", "mlp:20x20", "cmaes"]
    assert cartpole.ratio == round(cartpole.d_int90 / mnist.d_int90, 6)
    assert mnist.status == cartpole.status == "full"  # 5 seeds are enough for supervised tasks
    assert of["hopper", "mlp:20x20", "cmaes"].status == "provisional"  # 6 are not for RL


def test_of_one_thing_the_measurement_with_most_seeds_counts():
    small, large, other = a_published(seeds=5), a_published(), a_published(seed=1000)
    assert leaderboard.chosen([small, large]) == leaderboard.chosen([large, small]) == [large]
    assert len(leaderboard.chosen([small, large, other])) == 2


def test_above_dmax_is_no_number():
    assert LeaderboardRow("a", "rl", "linear", dmax=20, censored=True).answer == "> 20"
    assert LeaderboardRow("a", "rl", "linear", d_int90=7, is_least=True).answer == "at most 7"
    bound = {"d_int90": 7, "ratio": 0.14, "compression": 10.0, "manifold": 63}
    for is_least, ratio, times, rest in [
        (False, "0.14", "10", "63"),
        (True, "at most 0.14", "at least 10", "at least 63"),
    ]:
        entry = LeaderboardRow("a", "rl", "linear", is_least=is_least, **bound)
        shown = dict(zip(tables.HEADINGS, tables.cells(entry), strict=True))
        assert (shown["/ MNIST FC"], shown["D / d"], shown["D - d"]) == (ratio, times, rest)
    assert LeaderboardRow("a", "rl", "linear", dmax=20, ci_low=21).interval == "above 20"
    assert LeaderboardRow("a", "rl", "linear", dmax=20, ci_low=7).interval == "7 or more"


def test_csv_and_json_hold_the_same_rows(entries):
    rows = json.loads(tables.json_text(entries))
    table = list(csv.DictReader(io.StringIO(tables.comma_separated(entries))))
    assert len(rows) == len(table) == len(entries)
    for row, line in zip(rows, table, strict=True):
        assert line == {k: "" if v is None else str(v) for k, v in row.items()}


@pytest.mark.parametrize("text", ["=cmd()", "@x", "+1", "-1"])
def test_csv_holds_no_formula(text):
    (row,) = csv.DictReader(
        io.StringIO(tables.comma_separated([LeaderboardRow(text, "rl", "linear")]))
    )
    assert row["task"] == "'" + text


def test_a_task_named_like_a_script_is_text_in_every_format(entries):
    assert SCRIPT not in tables.markdown(entries).replace(f"rlid run '{SCRIPT}'", "")
    assert "&lt;script&gt;" in tables.markdown(entries)
    assert r"\textless{}script\textgreater{}alert(1)" in tables.latex(entries)
    row = LeaderboardRow("a|b`c` *d*", "rl", "linear", command="rlid run 'a`b'", page="p")
    text = tables.markdown([row])
    assert r"a\|b\`c\` \*d\*" in text
    assert "`` rlid run 'a`b' ``" in text
    assert {line.count(" | ") for line in text.splitlines() if line.startswith("| ")} == {19}


def test_latex_has_as_many_cells_as_columns(entries):
    lines = tables.latex(entries).splitlines()
    columns = len(lines[0].partition("{tabular}{")[2].rstrip("}"))
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == len(entries) + 1
    assert {line.replace(r"\&", "").count("&") for line in rows} == {columns - 1}


def test_the_table_in_readme_stands_between_its_markers(entries):
    text = f"before\n{tables.BEGIN}\nformer\n{tables.END}\nafter\n"
    renewed = tables.put_between_markers(text, tables.readme(entries))
    assert renewed.startswith("before\n")
    assert renewed.endswith("after\n")
    assert "former" not in renewed
    assert tables.put_between_markers(renewed, tables.readme(entries)) == renewed
    with pytest.raises(ValueError, match="no place for the leaderboard"):
        tables.put_between_markers("nothing", "table")


def test_the_shipped_leaderboard_follows_from_the_shipped_results(tmp_path):
    results = Path(__file__).parents[1] / "results"
    if not (results / "leaderboard.md").exists():
        pytest.skip("nothing is published yet")
    for source in results.glob("*/*.json"):
        write_whole(tmp_path / source.relative_to(results), source.read_bytes())
    published = leaderboard.chosen(publisher.read_all(tmp_path))
    entries = leaderboard.entries(published)
    said = claims.answers(published)
    for name, made in (
        ("leaderboard.md", lambda entries: tables.markdown(entries, said)),
        ("leaderboard.csv", tables.comma_separated),
        ("leaderboard.json", tables.json_text),
        ("leaderboard.tex", tables.latex),
    ):
        assert made(entries) == (results / name).read_text(), name
    assert tables.readme(entries) in (results.parent / "README.md").read_text()


def test_the_papers_claims_are_answered_from_the_numbers_or_left_open():
    def adam(network, threshold_d, D):
        return a_published(
            "mnist", "supervised", D=D, threshold_d=threshold_d, dmax=1500, seeds=5, agent="adam",
            network=network,
        )  # fmt: skip

    pendulum, mnist = a_published("inverted_pendulum", D=541), adam("mlp:200x200", 620, 199_210)
    family = [mnist, adam("mlp:50", 600, 39_760), adam("mlp:400", 650, 318_010)]
    assert all(one.answer.startswith("unanswered") for one in claims.answers([]))
    ratio, sizes, numbers, pong = (one.answer for one in claims.answers([pendulum, *family]))
    assert ratio.startswith(f"{mnist.answer.d_int90} for MNIST FC (rule normalised) against ")
    assert "95 % interval" in ratio
    assert "over 3 fully connected networks with D from 39,760 to 318,010" in sizes
    assert numbers.startswith("unanswered")  # no policy has been exported
    assert pong == "unanswered: not measured yet: pong and cifar10 (bring the data)"
    assert sizes != claims.answers([pendulum, mnist])[1].answer
    assert claims.answers([mnist])[0].answer == "unanswered: not measured yet: inverted_pendulum"
