"""The page of one measurement: warnings, citation, downloads, protocol, scores of the reference."""

import re
import shutil
from pathlib import Path

import pytest
from measurements import SCRIPT, a_bracket, a_published
from site_folder import make, write

from rlid.leaderboard import caveats, citation, protocol_words, ranking
from rlid.leaderboard.published import Origin

RESULTS = Path(__file__).resolve().parents[1] / "results"


def page_of(out, published):
    index, page = make(out, [published])
    return page.read_text()


def warnings_of(*published, at=0):
    board = ranking.board(published)
    assessment = board.assessments[at]
    row = board.by_page[ranking.page_of(assessment)]
    return " ".join(caveats.caveats(assessment, row, assessment in board.chosen))


@pytest.mark.parametrize(
    ("published", "warning"),
    [
        (a_published(stopping="look"), "First edition: one noisy look"),
        (a_published(seeds=4), "Provisional: 4 seeds, not 10"),
        (a_published(budget=77), "budget of 1,000 steps is not the task's own"),
        (a_published(reference=499.0, reference_source="our lab"), "given by a user: our lab"),
        (a_published(threshold_d=300, dmax=75), "No d up to 75 solves it"),
        (a_bracket(), "a bracket, no figure"),
    ],
)
def test_a_warning_is_stated_where_it_applies_and_only_there(published, warning):
    assert warning in warnings_of(published)
    assert warning not in warnings_of(a_published())


def test_a_measurement_that_another_outweighs_says_so():
    few, many = a_published(seeds=5), a_published()
    assert "Another measurement of the same thing" in warnings_of(few, many)
    assert "Another measurement of the same thing" not in warnings_of(few, many, at=1)


def test_a_page_has_citation_downloads_protocol_and_the_scores_of_the_reference(tmp_path):
    text = page_of(tmp_path, a_published())
    downloads = re.findall(r'<li><a href="([^"]+)" download>', text)
    assert {name.rpartition(".")[2] for name in downloads} == {"json", "svg"}
    folder = tmp_path / "cartpole"
    assert all((folder / name).is_file() for name in downloads)
    assert "@misc{rlid-cartpole-" in text
    assert "@inproceedings{li2018measuring" in text
    assert "A trial is solved when its score is at least 451.9" in text
    assert "<dt>Its scores</dt><dd>499.7, 499.7, 499.7, 499.7, 499.7</dd>" in text
    assert 'data-copy="rlid run cartpole ' in text


def test_an_exported_policy_that_failed_on_fresh_episodes_is_called_no_solution(tmp_path):
    stem = "cmaes-mlp_20x20-onehot-8f0a4d96"
    (tmp_path / "reacher").mkdir()
    for ending in (".json", ".rlid", ".safetensors"):
        shutil.copy(RESULTS / "reacher" / f"{stem}{ending}", tmp_path / "reacher")
    write(tmp_path)
    text = " ".join((tmp_path / "reacher" / f"{stem}.html").read_text().split())
    assert "No exported policy counts as a solution." in text
    assert "did not pass when it was played again on fresh episodes" in text
    assert "It has not been exported" not in text
    assert "none passed" in text
    assert "no export" not in text


def test_a_citation_names_author_year_answer_and_data():
    origin = Origin(rlid="0.2.0", by="Ada {L} \\input{x}", when="2027-02-03")
    published = a_published().model_copy(update={"origin": origin})
    entry = citation.bibtex(published, "d_int90 = 4 (95 % interval 3-6)").partition("\n\n")[0]
    assert r"author = {{Ada \{L\} \textbackslash{}input\{x\}}}" in entry
    assert "year = {2027}" in entry
    assert published.sha256 in entry
    assert r"d\_int90 = 4 (95 \% interval 3-6)" in entry


@pytest.mark.parametrize("task", [SCRIPT, "}}, evil = {", "a@misc{b", '"quoted"', "%x y"])
def test_no_name_ends_a_field_of_a_citation(task):
    entry = citation.bibtex(a_published(task), "d_int90 = 4").partition("\n\n")[0]
    depth = 0
    for letter in re.sub(r"\\[{}]", "", entry):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert len(re.findall(r"^  \w+ = ", entry, re.MULTILINE)) == 4


def test_the_protocol_is_told_in_sentences_by_kind():
    of_rl = protocol_words.sentences(a_published())
    assert any("frozen at a random start" in sentence for sentence in of_rl)
    assert any("an episode ends after 500 steps" in sentence for sentence in of_rl)
    assert any("a look, a confirmation and a scoring" in sentence for sentence in of_rl)
    assert any("90% of the way from the score of a random policy" in text for text in of_rl)
    first = protocol_words.sentences(a_published(stopping="look"))
    assert any("the rule of the first edition" in sentence for sentence in first)
    mnist = a_published("mnist", "supervised", agent="adam", rule="paper", baseline="global")
    of_data = protocol_words.sentences(mnist)
    assert any("The data are mnist" in sentence for sentence in of_data)
    assert any("90% of full performance" in sentence for sentence in of_data)
    assert not any("episode" in sentence for sentence in of_data)
