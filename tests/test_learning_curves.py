"""Learning curves beside a published file: written, read, drawn; what is damaged is named."""

import numpy as np
import pytest
from measurements import a_published
from site_folder import make, write

from rlid.errors import DamagedRecord
from rlid.figures import plots
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


def page_with(folder, points, name="-curves.csv"):
    """Write these bytes beside a measurement as its points or its figure; return its page."""
    published = a_published()
    make(folder, [published])
    target = publisher.path(published, folder)
    target.with_name(f"{target.stem}{name}").write_bytes(points)
    write(folder)
    return target.with_suffix(".html").read_text()


@pytest.mark.parametrize(
    "line",
    [f"4,0,1{'0' * 400},3", "4,0,1,1.7e308", "4,0,1,-1e101", "0,0,1,3", f"4,{2**32},1,3",
     "4,0,2000000000000000,3", f"{10**9 + 1},0,1,3"],
)  # fmt: skip
def test_a_number_that_no_trial_has_is_named_by_its_line_and_stops_no_page(tmp_path, line):
    text = page_with(tmp_path, f"d,seed,steps,score,source\n{line},trial\n".encode())
    assert "line 2 has a number that no trial has" in text


@pytest.mark.parametrize("content", [b"<svg>a stranger's</svg>", b"\xff\xfe not UTF-8", b""])
def test_a_figure_of_curves_without_its_points_is_neither_shown_nor_offered(tmp_path, content):
    text = page_with(tmp_path, content, "-curves.svg")
    assert "-curves.svg" not in text
    assert "-scores.svg" in text


def test_an_older_figure_beside_damaged_points_is_neither_shown_nor_offered(tmp_path):
    published = a_published()
    make(tmp_path, [published])
    source = learning_curves.path_beside(publisher.path(published, tmp_path))
    source.write_text("d,seed\n")
    source.with_suffix(".svg").write_text("<svg>a stranger's</svg>")
    write(tmp_path)
    text = publisher.path(published, tmp_path).with_suffix(".html").read_text()
    assert "The learning curves are not shown: " in text
    assert f'"{source.name}"' not in text
    assert source.with_suffix(".svg").name not in text


def test_points_behind_a_link_are_not_read(tmp_path):
    published = a_published()
    make(tmp_path, [published])
    source = learning_curves.path_beside(publisher.path(published, tmp_path))
    (tmp_path / "elsewhere.csv").write_text(learning_curves.dump({(4, 0): [(1, 3.0)]}))
    source.symlink_to(tmp_path / "elsewhere.csv")
    write(tmp_path)
    text = publisher.path(published, tmp_path).with_suffix(".html").read_text()
    assert "a symbolic link" in text
    assert f'"{source.name}"' not in text


def test_a_drawing_that_fails_is_named_on_its_page_and_stops_no_other(tmp_path, monkeypatch):
    def fail(*_):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(plots, "draw_panels", fail)
    pages = make(tmp_path, [a_published(), a_published("acrobot", D=642)])[1:]
    assert len(pages) == 2
    for page in pages:
        assert "Success and scores are not shown: LinAlgError: Singular matrix" in page.read_text()
        assert "-scores.svg" not in page.read_text()
