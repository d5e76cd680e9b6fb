"""Learning curves beside a published file: written, read, drawn; what is damaged is named."""

import pytest
from measurements import a_published
from site_folder import make, write

from rlid.errors import DamagedRecord
from rlid.leaderboard import learning_curves
from rlid.leaderboard import publish as publisher

CURVES = {(4, 1): [(10, 20.0), (20, 480.5)], (1, 0): [(10, 8.25)]}


def test_curves_that_are_written_are_read_back_in_the_order_of_d_and_seed(tmp_path):
    path = tmp_path / "x-curves.csv"
    path.write_text(learning_curves.dump(CURVES))
    assert learning_curves.load(path) == CURVES
    assert path.read_text().splitlines()[1] == "1,0,10,8.25,trial"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the first line must be d,seed,steps,score,source"),
        ("d,seed\n1,2\n", "the first line must be"),
        ("d,seed,steps,score,source\n1,0,x,3,trial\n", "line 2 is not d, seed, steps, score"),
        ("d,seed,steps,score,source\n1,0,3\n", "line 2 is not"),
        ("d,seed,steps,score,source\n1,0,3,nan,trial\n", "line 2 has a number that no trial has"),
        ("d,seed,steps,score,source\n1,-1,3,2,trial\n", "line 2 has a number"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path, text, reason):
    path = tmp_path / "x-curves.csv"
    path.write_text(text)
    with pytest.raises(DamagedRecord, match=reason):
        learning_curves.load(path)


def test_a_file_with_too_many_points_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(learning_curves, "MAX_POINTS", 2)
    path = tmp_path / "x-curves.csv"
    path.write_text(learning_curves.dump(CURVES))
    with pytest.raises(DamagedRecord, match="more than 2 points"):
        learning_curves.load(path)


def test_a_page_draws_the_curves_that_lie_beside_it_and_offers_their_points(tmp_path):
    published = a_published()
    make(tmp_path, [published])
    source = learning_curves.path_beside(publisher.path(published, tmp_path))
    page = publisher.path(published, tmp_path).with_suffix(".html")
    assert source.name not in page.read_text()
    points = {(row.d, row.seed): [(10, 30.0), (20, 450.0)] for row in published.rows}
    source.write_text(learning_curves.dump(points))
    write(tmp_path)
    assert f'<a href="{source.name}" download>' in page.read_text()
    figure = source.with_suffix(".svg")
    assert f'src="{figure.name}"' in page.read_text()
    assert figure.stat().st_size > 5_000


def test_damaged_curves_stop_no_page_and_are_named_on_it(tmp_path):
    published = a_published()
    make(tmp_path, [published])
    source = learning_curves.path_beside(publisher.path(published, tmp_path))
    source.write_text("d,seed,steps,score,source\n<b>\n")
    write(tmp_path)
    text = publisher.path(published, tmp_path).with_suffix(".html").read_text()
    assert "The learning curves are not shown: " in text
    assert "line 2 is not d, seed, steps, score" in text
