import xml.etree.ElementTree as ET

import pytest
from PIL import Image
from records import a_record, a_spec

from rlid.errors import InputError
from rlid.figures import curves, plots
from rlid.measurement import answer
from rlid.measurement.summary import summarise


def summary_of(outcomes):
    """A summary of (d, seed, score) triples; a score of None is a failed trial."""
    records = []
    for d, seed, score in outcomes:
        status = "error" if score is None else "solved" if score >= 452 else "unsolved"
        spec = a_spec(d=d, seed=seed)
        records.append(a_record(spec=spec, status=status, score=score))
    return summarise(records)


CASES = {
    "usual": [(d, s, 500.0 if d + s > 4 else 30.0) for d in (1, 2, 4, 8) for s in range(5)],
    "one trial": [(3, 0, 500.0)],
    "all failed": [(3, 0, None), (4, 0, None)],
    "never solved": [(d, s, 20.0) for d in (1, 20) for s in range(5)],
}


@pytest.mark.parametrize("name", CASES)
def test_figures_are_drawn_and_the_same_records_give_the_same_bytes(tmp_path, name):
    summary = summary_of(CASES[name])
    drawn = [
        plots.draw(summary, tmp_path / folder / "figure", answer(summary.estimate))
        for folder in ("a", "b")
    ]
    for first, second in zip(*drawn, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg, png = drawn[0]
    assert "cartpole" in "".join(ET.parse(svg).getroot().itertext())
    with Image.open(png) as image:
        assert image.size[0] > 1000


def test_a_title_with_markup_is_shown_as_text(tmp_path):
    spec = a_spec(task="<script>alert(1)</script> & $x$")
    summary = summarise([a_record(spec=spec)])
    svg, _ = plots.draw(summary, tmp_path / "figure", "d_int90 = 3")
    root = ET.parse(svg).getroot()
    assert "<script>alert(1)</script>" in "".join(root.itertext())
    assert not [node for node in root.iter() if node.tag.endswith("script")]


@pytest.mark.parametrize(
    "change",
    [{"score": 1.7e308}, {"score": -1.7e308}, {"threshold": 1.7e308}, {"random": -1e101}],
)
def test_scores_that_no_axis_can_show_are_refused_in_one_line(tmp_path, change):
    summary = summarise([a_record(**change)])
    with pytest.raises(InputError, match="a figure cannot show a score of "):
        plots.draw(summary, tmp_path / "figure", "d_int90 = 3")
    assert not list(tmp_path.iterdir())


def test_learning_curves_that_no_axis_can_show_are_refused_in_one_line(tmp_path):
    records = [a_record(curve=[(1, 1.7e308), (2, -1.7e308)])]
    with pytest.raises(InputError, match="a figure cannot show a score of "):
        curves.draw(records, tmp_path / "figure.svg")
