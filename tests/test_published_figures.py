"""Figures of results/ in the documents are those of the published files, and cannot drift."""

import csv
import importlib
import math
import re
import sys

import pytest
from documents import ROOT, text_of

from rlid.dimension import FEWEST_SEEDS
from rlid.measurement import load_suite
from rlid.records import MERGED_FROM

sys.path.insert(0, str(ROOT / "docs"))
generated_pages = importlib.import_module("generated_pages")
published_answers = importlib.import_module("published_answers")
result_tables = importlib.import_module("result_tables")

PAGE, NOT_MEASURED = "docs/results.md", "results/not-measured.toml"


@pytest.fixture(scope="module")
def published():
    return published_answers.published_rows()


@pytest.fixture
def row(published):
    """Return a function that gives the one published row of a task, an agent and more."""

    def find(task, agent, **values):
        wanted = {
            "task": task, "agent": agent, "is_own_budget": True, "projection": "onehot",
            "settings": "", **values,
        }  # fmt: skip
        rows = [
            entry
            for entry in published.values()
            if all(entry.row[key] == value for key, value in wanted.items())
        ]
        newest = [entry for entry in rows if not entry.row["edition"]] or rows
        (entry,) = newest
        return entry

    return find


def answered(**changes):
    values = {
        "bracket_low": None, "bracket_high": None, "d_int90": 4, "ci_low": 3, "ci_high": 6,
        "censored": False, "is_least": False, "dmax": 20, "seeds": 10,
    }  # fmt: skip
    return published_answers.PublishedRow("results/a/b-c.json", {**values, **changes}, {})


@pytest.mark.parametrize("document", generated_pages.documents())
def test_the_figures_of_a_document_are_those_of_the_published_files(document, published):
    text = text_of(document)
    new = generated_pages.renewed(document, text, published)
    assert new == text, "run: python docs/generated_pages.py"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "4 (3-6)"),
        ({"ci_high": None}, "4 (3 or more)"),
        ({"ci_low": None, "ci_high": None}, "4 (no interval)"),
        ({"d_int90": 4000, "ci_low": 1000, "ci_high": 9000}, "4,000 (1,000-9,000)"),
        ({"is_least": True}, "at most 4 (3-6)"),
        ({"is_open_below": True}, "4 (6 or less)"),
        ({"d_int90": None, "is_beyond": True, "ci_high": None}, "probably above 20 (3 or more)"),
        ({"d_int90": None, "censored": True, "ci_low": 21, "ci_high": None}, "above 20"),
        ({"d_int90": None}, "withheld"),
        ({"d_int90": None, "bracket_low": 3000, "bracket_high": 10_000, "seeds": 1},
         "3,000-10,000, one seed"),
    ],
)  # fmt: skip
def test_an_answer_is_written_with_its_interval_or_its_bracket(changes, text):
    assert answered(**changes).text == text


def test_a_link_says_the_answer_or_the_value_of_its_file(published):
    path, entry = next(iter(published.items()))
    dmax = f"{entry.content['question']['dmax']:,}"
    old = f"[9](../{path}), [9](../{path}#/question/dmax), [own](results.md)"
    new = f"[{entry.text}](../{path}), [{dmax}](../{path}#/question/dmax), [own](results.md)"
    assert published_answers.linked(old, PAGE, published) == new
    with pytest.raises(ValueError, match="has no /question/nothing"):
        published_answers.linked(f"[9](../{path}#/question/nothing)", PAGE, published)


def test_a_link_follows_a_measurement_whose_digest_changed(published):
    old = "[9](../results/pong/ppo-conv_16-32-256-onehot-00000000.json)"
    new = published_answers.linked(old, PAGE, published)
    assert "00000000" not in new
    assert "results/pong/ppo-conv_16-32-256-onehot-" in new
    with pytest.raises(ValueError, match="which is not published; there is results/inverted"):
        published_answers.linked(
            "[9](../results/inverted_pendulum/cmaes-mlp_20x20-onehot-00000000.json)",
            PAGE,
            published,
        )
    with pytest.raises(ValueError, match="no other file of that name"):
        published_answers.linked("[9](../results/pong/mine-a-b.json)", PAGE, published)


def test_a_table_with_another_figure_is_renewed_and_one_without_an_end_is_refused(published):
    text = text_of("README.md")
    assert "| 562 | `cmaes` |" in text
    changed = text.replace("| 562 | `cmaes` |", "| 561 | `cmaes` |")
    assert result_tables.renewed(changed, published) == text
    with pytest.raises(ValueError, match="beginning or its end"):
        result_tables.renewed(text.replace("<!-- end of table -->", ""), published)
    with pytest.raises(ValueError, match="no table 'mine'"):
        result_tables.renewed("<!-- table: mine -->\n<!-- end of table -->", published)
    with pytest.raises(ValueError, match="0 published rows for cartpole"):
        result_tables.headlines({})


def claims_of_the_page(row):
    """Return what the results page says of the rows in words, each with whether it holds."""
    pendulum, dqn = row("inverted_pendulum", "cmaes"), row("cartpole_v0", "dqn")
    discounted = row("cartpole_v0", "dqn", settings="gamma=0.95")
    given, pong = "scale=none lr=0.3 sigma=0.02", row("pong", "ppo")
    strategy, other, wider = (
        row("inverted_pendulum", "openai_es", network="mlp:20x20", settings=settings)
        for settings in (given, "", given.replace("0.02", "0.2"))
    )
    shuffled, ordered = ([row(task, "adam", network=network, rule="paper, global").row
                          for network in ("mlp:200x200", "lenet")]
                         for task in ("mnist_shuffled_pixels", "mnist"))  # fmt: skip
    alike = [row("mnist", "adam", network="mlp:200x200", projection="sparse"),
             row("mnist_shuffled_pixels", "adam", network="mlp:200x200")]  # fmt: skip
    others = [row("cartpole", agent, network="mlp:20x20").row
              for agent in ("cmaes", "random", "batched_ppo")]  # fmt: skip
    slower, constant, decayed = (
        row("mnist", "adam", network="mlp:200x200", settings=setting).row
        for setting in ("lr=1e-3", "decay=none", "weight_decay=1e-4")
    )
    colours = row("cifar10", "adam", network="mlp:200x200").row
    kinds = ("onehot", "dense", "sparse", "fastfood", "orthogonal")
    projected = [[row(task, "cmaes", network="mlp:20x20", projection=kind).row for kind in kinds]
                 for task in ("cartpole", "inverted_pendulum")]  # fmt: skip
    projected.append([
        row("mnist", "adam", network="mlp:200x200", rule="paper, global", projection=kind).row
        for kind in ("onehot", "sparse", "fastfood")
    ])  # fmt: skip
    family, by_ppo = ([row("cartpole", agent, network=f"mlp:{n}x{n}").row
                       for n in (8, 20, 32, 64, 128)]
                      for agent in ("cmaes", "batched_ppo"))  # fmt: skip
    images = [row("mnist", "adam", network=f"mlp:{widths}", rule="paper, global").row
              for widths in ("50", "100x100", "200x200", "400", "400x400")]  # fmt: skip
    fixed = [row("mnist", "adam", network="mlp:200x200", rule=rule).row
             for rule in ("normalised", "paper, global")]  # fmt: skip
    return {
        "its answer is above every d that was tried": strategy.row["censored"],
        "With rlid's settings the same strategy needs": other.row["ci_high"] < strategy.row["dmax"],
        "a larger sigma alone brings the answer far down":
            2 * wider.row["ci_high"] <= strategy.row["dmax"],
        "needs about as many dimensions as without: the intervals overlap":
            max(r[0]["ci_low"] for r in (shuffled, ordered))
            <= min(r[0]["ci_high"] for r in (shuffled, ordered)),
        "LeNet needs several times as many": shuffled[1]["ci_low"] > 3 * ordered[1]["ci_high"],
        "at figures that lie above our intervals":
            [r["ci_high"] < int(r["paper"]) for r in (*shuffled, *ordered)] == [True] * 4,
        "with three to seven seeds at each d from 4 to 8":
            {point["n"] for point in pendulum.content["curve"] if 4 <= point["d"] <= 8}
            == {3, 6, 7},
        "trial by trial the outcomes are the same, and the scores differ":
            len({entry.row["ci_high"] for entry in alike}) == 1
            and len({str([(t["d"], t["seed"], t["status"]) for t in entry.content["rows"]])
                     for entry in alike}) == 1
            and alike[0].content["rows"][0]["score"] != alike[1].content["rows"][0]["score"],
        "By `cmaes` the interval holds the paper's 4":
            pendulum.row["ci_low"] <= 4 <= pendulum.row["ci_high"],
        "above the paper's 25": dqn.row["ci_low"] > 25,
        "whose interval holds the paper's 25": discounted.row["ci_low"] <= 25
            <= discounted.row["ci_high"],
        "within the budget, and d = 100,000 reached it after 33 % of it":
            [(t["d"], t["status"]) for t in pong.content["rows"]]
            == [*((d, "unsolved") for d in (3000, 10_000, 30_000)), (100_000, "solved")]
            and round(pong.content["rows"][-1]["search_steps"] / 20_000) == 33,
        "it ended at 14.7, with single looks of up to 20 and no confirmation":
            round(pong.content["rows"][2]["score"], 1) == 14.7,
        "ran on another processor; they were merged":
            [t["d"] for t in pong.content["rows"] if MERGED_FROM in t["notes"]] == [3000, 10_000],
        "By rlid's recipe both figures are below the paper's":
            max(r["ci_high"] for r in fixed) < 750,
        "whose interval holds the paper's 750": slower["ci_low"] <= 750 <= slower["ci_high"],
        "the learning rate is enough to explain the difference":
            slower["ci_low"] > fixed[1]["ci_high"],
        "its interval is wide": constant["ci_high"] > 2 * constant["ci_low"],
        "and with weight decay of 0.0001": decayed["ci_high"] < 750,
        "The interval holds the paper's 9,000": colours["ci_low"] <= 9000 <= colours["ci_high"],
        "needs at least seven times as many dimensions as `cmaes`":
            dqn.row["ci_low"] > 7 * row("cartpole_v0", "cmaes").row["ci_high"],
        "the intervals of `cmaes`, `random` and `batched_ppo` overlap":
            max(r["ci_low"] for r in others)
            <= min(math.inf if r["ci_high"] is None else r["ci_high"] for r in others),
        "the intervals of each task overlap":
            all(max(r["ci_low"] for r in rows) <= min(r["ci_high"] for r in rows)
                for rows in projected),
        "Their intervals overlap while D grows twelvefold, and the answers lie between 576 and 624":
            max(r["ci_low"] for r in images) <= min(r["ci_high"] for r in images)
            and [min(r["d_int90"] for r in images), max(r["d_int90"] for r in images)] == [576, 624]
            and round(max(r["D"] for r in images) / min(r["D"] for r in images)) == 12,
        "All five intervals overlap":
            max(r["ci_low"] for r in family) <= min(r["ci_high"] for r in family),
        "overlap as well, at 6 alone":
            max(r["ci_low"] for r in by_ppo) == min(r["ci_high"] for r in by_ppo) == 6,
        "the answers fall from 7 for the smallest network to 4 for the largest":
            [r["d_int90"] for r in by_ppo] == [7, 5, 5, 5, 4],
        "Pong has four trials of one seed alone":
            (pong.row["seeds"], pong.row["trials"]) == (1, 4),
    }  # fmt: skip


def test_the_sentences_of_the_page_about_the_rows_hold(row):
    text = " ".join(text_of(PAGE).split())
    for sentence, holds in claims_of_the_page(row).items():
        assert sentence in text, sentence
        assert holds, sentence


def test_a_measurement_named_as_missing_has_a_cost_and_no_row_of_five_seeds(published):
    measured = {
        (entry.row["task"], entry.row["network"], entry.row["agent"])
        for entry in published.values()
        if not entry.row["edition"] and entry.row["seeds"] >= FEWEST_SEEDS
    }
    missing = [dict(row.options) for row in load_suite(str(ROOT / NOT_MEASURED)).rows]
    with (ROOT / NOT_MEASURED).with_suffix(".csv").open(newline="") as file:
        costs = {(row["task"], row["network"], row["agent"]) for row in csv.DictReader(file)}
    assert len(costs) == len(missing)
    for row in missing:
        same = [cost for cost in costs if cost[0] == row["task"]]
        assert any(
            row.get("network", network) == network and row.get("agent", agent) == agent
            for _, network, agent in same
        ), row
    assert not costs & measured


def test_every_row_of_the_paper_is_measured_or_its_cost_is_said(published):
    known = {(entry.row["task"], entry.row["network"]) for entry in published.values()}
    with (ROOT / NOT_MEASURED).with_suffix(".csv").open(newline="") as file:
        known |= {(row["task"], row["network"]) for row in csv.DictReader(file)}
    for row in load_suite("paper").rows:
        assert (row.task, row.options["network"]) in known, row.label


def test_the_early_stops_of_the_first_edition_are_counted_as_the_page_says():
    with (ROOT / "results" / "first-edition.csv").open(newline="") as file:
        first = list(csv.DictReader(file))
    stops, short = (sum(int(row[name]) for row in first) for name in ("early_stops", "fell_short"))
    said = re.search(r"in (\d+) of the (\d+) published early\s+stops", text_of(PAGE))
    assert said
    assert (int(said[1]), int(said[2])) == (short, stops)


def test_the_first_edition_is_derived_again_by_the_present_estimator(published):
    with (ROOT / "results" / "first-edition.csv").open(newline="") as file:
        first = list(csv.DictReader(file))
    kept = [
        (row["derived"], published[f"results/{row['name']}.json"].text)
        for row in first
        if f"results/{row['name']}.json" in published and row["early_stops"] == "0"
    ]
    assert len(kept) >= 6
    for derived, text in kept:
        assert derived == text


def test_the_coverage_said_in_words_is_that_of_the_table():
    page = text_of("results/calibration.md")
    table = page.partition("<!-- coverage -->")[2].partition("<!-- end of coverage -->")[0]
    covered = [
        float(line.split("|")[7].split()[0])
        for line in table.splitlines()
        if re.match(r"\| .+ \| \d+ \| 50 \|", line)
    ]
    assert len(covered) == 480
    assert f"covers in {sum(covered) / len(covered):.0f} % of the measurements" in page
    assert f"The lowest coverage is {min(covered):.0f} %" in page


def test_the_economy_of_the_search_is_that_of_the_calibration():
    replayed = re.findall(r"^\| \d+-\d+ \|.*", text_of("results/calibration.md"), re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in replayed]
    shares = [float(row[8]) for row in cells if row[4] == "10"]
    assert len(shares) == 4
    text = " ".join(text_of("docs/performance.md").split())
    mean = sum(shares) / len(shares)
    assert f"{min(shares):.2f} to {max(shares):.2f} of the steps of a grid with ten seeds" in text
    assert f"on average over four grids {mean:.2f}" in text
