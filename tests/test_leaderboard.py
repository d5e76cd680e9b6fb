"""The leaderboard: order, what counts, what is missing, and texts that stay texts."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from measurements import SCRIPT, a_board, a_published, row_of

from rlid.dimension import evidence
from rlid.leaderboard import claims, findings, latex, ranking, tables
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.assessment import assess
from rlid.leaderboard.published import Origin
from rlid.leaderboard.row import LeaderboardRow
from rlid.store.files import write_whole


@pytest.fixture(scope="module")
def rows():
    return ranking.board(a_board()).rows


def test_measurements_are_ranked_and_what_nobody_measured_comes_last(rows):
    measured = [row for row in rows if row.is_measured]
    assert list(rows[: len(measured)]) == measured
    answers = [row.d_int90 for row in measured if row.d_int90 is not None]
    assert answers == sorted(answers)
    assert all(row.answer == "" for row in rows[len(measured) :])
    assert "not measured here: bring the data" in {
        row.status for row in rows if row.task == "cifar10"
    }
    assert not {row.page for row in rows if not row.is_measured} - {""}


def test_every_posterior_is_fitted_once_for_tables_and_claims():
    published = a_board()
    evidence._cached_fit.cache_clear()
    board = ranking.board(published)
    claims.answers(board.chosen)
    assert 0 < evidence._cached_fit.cache_info().misses <= len(published)


def test_a_row_says_what_follows_from_its_measurement():
    published = a_published("inverted_pendulum", D=541, threshold_d=6)
    row = row_of(published)
    assert row.d_int90 == published.answer.d_int90
    assert row.d_reliable == published.answer.d_reliable
    assert row.reliable_low <= row.d_reliable
    assert row.compression == round(541 / row.d_int90, 2)
    assert row.manifold == 541 - row.d_int90
    assert row.ratio is None  # MNIST is not there to be held against
    assert (row.paper, row.paper_note) == ("4", "ES")
    assert row.command == published.command


def test_ratios_are_to_mnist(rows):
    by_name = {(row.task, row.network, row.agent): row for row in rows}
    mnist = by_name["mnist", "mlp:200x200", "adam"]
    assert mnist.ratio == 1.0
    cartpole = by_name["cartpole", "mlp:20x20", "cmaes"]
    assert cartpole.ratio == round(cartpole.d_int90 / mnist.d_int90, 6)


def test_a_bracket_is_shown_as_a_bracket_and_nothing_is_derived_from_it(rows):
    (row,) = [row for row in rows if row.task == "pong"]
    assert row.answer == "3,000-10,000, one seed"
    assert (row.bracket_low, row.bracket_high) == (3_000, 10_000)
    assert (row.d_int90, row.ratio, row.compression, row.manifold) == (None, None, None, None)
    shown = tables.cells(row)
    assert {shown[name] for name in ("95 %", "/ MNIST FC", "D / d", "D - d", "d_reliable")} == {"–"}
    # It stands among the others by the middle of its bracket.
    measured = [row.task for row in rows if row.is_measured]
    assert measured.index("mnist") < measured.index("pong") < measured.index("swimmer")


def test_no_ratio_to_a_bracket_of_mnist_is_given():
    mnist = a_published(
        "mnist", "supervised", D=199_210, seeds=1, threshold_d=600, parts=(0.5, 1), dmax=1500,
        agent="adam", network="mlp:200x200",
    )  # fmt: skip
    assert [row.ratio for row in ranking.board([mnist, a_published()]).rows[:2]] == [None, None]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"seeds": 9}, "9 seeds, not 10"),
        ({"reference_seeds": 3}, "reference from 3 seeds, not 5"),
        ({"reference_seeds": 3, "baseline": "global"}, None),
        ({"threshold_d": 300, "dmax": 75}, "no closed interval"),
        ({"threshold_d": 20, "parts": (0.1, 2), "dmax": 200}, "interval wider than d_int90"),
        ({"seeds": 1, "parts": (0.5, 2)}, "a bracket, no figure"),
        ({"kind": "supervised", "seeds": 5}, None),
        ({"kind": "supervised", "seeds": 4}, "4 seeds, not 5"),
    ],
)
def test_full_asks_for_a_narrow_closed_interval_enough_seeds_and_reference_seeds(changes, reason):
    row = row_of(a_published(**changes))
    assert row.status == ("full" if reason is None else "provisional")
    assert (reason or "") in row.provisional_because
    assert (row.provisional_because == "") == (reason is None)


def test_trials_of_the_first_rule_are_marked_in_every_format():
    old, new = a_published(stopping="look"), a_published(agent="ppo")
    supervised = a_published("mnist", "supervised", stopping="look", seeds=5)
    paper = a_published("acrobot", stopping="look")
    paper = paper.model_copy(update={"common": {**paper.common, "candidate": "last"}})
    assert [published.is_first_edition for published in (old, new, supervised, paper)] == [
        True, False, False, False,
    ]  # fmt: skip
    rows = [row_of(old), row_of(new)]
    assert [row.edition for row in rows] == ["first edition", ""]
    for text in (tables.markdown(rows), tables.readme(rows), latex.latex(rows)):
        marked = [
            line for line in text.splitlines() if "cartpole" in line and "rlid run" not in line
        ]
        assert ["first edition" in line for line in marked] == [True, False]
    of_csv = csv.DictReader(io.StringIO(tables.comma_separated(rows)))
    assert [line["edition"] for line in of_csv] == ["first edition", ""]
    assert [row["edition"] for row in json.loads(tables.json_text(rows))] == ["first edition", ""]


def test_a_first_edition_row_gives_way_to_the_same_measured_again():
    old, new = a_published(stopping="look", seeds=20), a_published()
    other = a_published(stopping="look", budget=9)
    other = other.model_copy(update={"common": {**other.common, "budget": 9}})
    board = ranking.board([old, new, other])
    assert [assessment.published for assessment in board.chosen] == [new, other]
    assert len(board.by_page) == 3  # each keeps its page


def test_a_row_whose_unsolved_trials_still_improved_is_marked():
    rising = [(step, float(step)) for step in range(40)]
    level = [(step, 100.0 + step % 2) for step in range(40)]
    assert row_of(a_published(curve=level)).improving == 0
    row = row_of(a_published(curve=rising))
    assert row.improving > 0
    assert f"budget-limited: {row.improving} unsolved trials still improving" in row.notes


def test_another_budget_than_the_tasks_own_is_named():
    row = row_of(a_published(budget=1000))
    assert (row.budget, row.is_own_budget) == (1000, False)
    assert "budget 1,000 steps, not the task's own" in row.notes
    assert row_of(a_published()).notes == ()


def test_a_given_reference_is_named_and_its_row_is_provisional():
    published = a_published(reference=499.66666666666669, reference_source="a paper's table")
    row = row_of(published)
    assert (row.status, row.reference_seeds) == ("provisional", 0)
    assert row.provisional_because == "reference given by the user"
    assert "reference given: a paper's table" in row.notes
    assert row.rule == "normalised, given reference 499.667"
    assert {record.baseline for record in published.records()} == {"given"}


def test_a_row_names_author_date_and_version():
    published = a_published().model_copy(
        update={"origin": Origin(rlid="0.2.0", by="A. <b>", when="2026-11"), "versions": [
            {"rlid": "0.2.0"}, {"rlid": "0.1.0"},
        ]}
    )  # fmt: skip
    shown = tables.cells(row_of(published))
    assert [shown[name] for name in ("published by", "date", "rlid")] == [
        "A. <b>", "2026-11", "0.1.0, 0.2.0",
    ]  # fmt: skip
    assert "A. &lt;b&gt;" in tables.markdown([row_of(published)])
    assert tables.cells(row_of(a_published()))["published by"] == tables.MISSING


def test_a_field_that_older_files_lack_makes_no_other_measurement():
    new = a_published()
    old = a_published(stopping="look", seeds=20)
    common = {
        name: value for name, value in old.common.items() if name not in ("device", "stopping")
    }
    rows = ranking.board([old.model_copy(update={"common": common}), new]).rows
    assert [row.edition for row in rows if row.is_measured] == [""]


def test_the_measurement_with_most_seeds_stands_for_others_of_the_same_thing():
    small, large, other = a_published(seeds=5), a_published(), a_published(seed=1000)

    def chosen(*published):
        return [assessment.published for assessment in ranking.chosen(map(assess, published))]

    assert chosen(small, large) == chosen(large, small) == [large]
    assert len(chosen(small, large, other)) == 2


def test_an_answer_above_dmax_or_at_the_smallest_d_is_a_bound():
    assert LeaderboardRow("a", "rl", "linear", dmax=20, censored=True).answer == "> 20"
    assert LeaderboardRow("a", "rl", "linear", d_int90=7, is_least=True).answer == "at most 7"
    bound = {"d_int90": 7, "ratio": 0.14, "compression": 10.0, "manifold": 63}
    for is_least, ratio, times, rest in [
        (False, "0.14", "10", "63"),
        (True, "at most 0.14", "at least 10", "at least 63"),
    ]:
        shown = tables.cells(LeaderboardRow("a", "rl", "linear", is_least=is_least, **bound))
        assert (shown["/ MNIST FC"], shown["D / d"], shown["D - d"]) == (ratio, times, rest)
    assert LeaderboardRow("a", "rl", "linear", dmax=20, ci_low=21).interval == "above 20"
    assert LeaderboardRow("a", "rl", "linear", dmax=20, ci_low=7).interval == "7 or more"


def test_csv_and_json_hold_the_same_rows(rows):
    objects = json.loads(tables.json_text(rows))
    lines = list(csv.DictReader(io.StringIO(tables.comma_separated(rows))))
    assert len(objects) == len(lines) == len(rows)
    for row, line in zip(objects, lines, strict=True):
        assert line == {name: "" if value is None else str(value) for name, value in row.items()}


@pytest.mark.parametrize("text", ["=cmd()", "@x", "+1", "-1"])
def test_csv_holds_no_formula(text):
    (row,) = csv.DictReader(
        io.StringIO(tables.comma_separated([LeaderboardRow(text, "rl", "linear")]))
    )
    assert row["task"] == "'" + text


def test_a_task_named_like_a_script_is_text_in_every_format(rows):
    assert SCRIPT not in tables.markdown(rows).replace(f"rlid run '{SCRIPT}'", "")
    assert "&lt;script&gt;" in tables.markdown(rows)
    row = LeaderboardRow("a|b`c` *d*", "rl", "linear", command="rlid run 'a`b'", page="p")
    text = tables.markdown([row])
    assert r"a\|b\`c\` \*d\*" in text
    assert "`` rlid run 'a`b' ``" in text
    assert {line.count(" | ") for line in text.splitlines() if line.startswith("| ")} == {
        len(tables.HEADINGS) - 1
    }


def test_the_table_in_readme_stands_between_its_markers(rows):
    text = f"before\n{tables.BEGIN}\nformer\n{tables.END}\nafter\n"
    renewed = tables.put_between_markers(text, tables.readme(rows))
    assert renewed.startswith("before\n")
    assert renewed.endswith("after\n")
    assert "former" not in renewed
    assert tables.put_between_markers(renewed, tables.readme(rows)) == renewed
    with pytest.raises(ValueError, match="no place for the leaderboard"):
        tables.put_between_markers("nothing", "table")


def test_the_shipped_leaderboard_follows_from_the_shipped_results(tmp_path):
    results = Path(__file__).parents[1] / "results"
    for source in results.glob("*/*.json"):
        write_whole(tmp_path / source.relative_to(results), source.read_bytes())
    board = ranking.board(publisher.read_all(tmp_path))
    made = {
        "leaderboard.md": tables.markdown(
            board.rows, claims.answers(board.chosen), findings.findings(board.chosen)
        ),
        "leaderboard.csv": tables.comma_separated(board.rows),
        "leaderboard.json": tables.json_text(board.rows),
        "leaderboard.tex": latex.latex([row for row in board.rows if row.is_measured]),
    }
    for name, text in made.items():
        assert text == (results / name).read_text(), name


@pytest.mark.parametrize("text", [" =1+1", "\u3000=1", "\uff1d1+1", "\uff20SUM(1)", "\n=1", "\t-1"])
def test_csv_holds_no_formula_behind_spaces_or_in_wide_signs(text):
    lines = tables.comma_separated([LeaderboardRow(text, "rl", "linear")])
    (row,) = csv.DictReader(io.StringIO(lines, newline=""))
    assert row["task"] == "'" + text


def test_markdown_makes_no_link_of_an_address_a_name_or_a_number(rows):
    hostile = replace(rows[0], network="www.x.org https://x.org @team me@x.org #12")
    (line,) = tables.readme([hostile]).splitlines()[4:5]
    for link in ("www.", "://", "@team", "@x", "#12"):
        assert link not in line
