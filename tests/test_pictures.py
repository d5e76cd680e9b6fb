"""Pictures of the leaderboard: what they are drawn from, both colour schemes, hostile names."""

import re
import xml.etree.ElementTree as ET

import pytest
from measurements import SCRIPT, a_board, a_published

from rlid.figures import overview, relative, style, theme
from rlid.leaderboard import pictures, ranking

NAMES = {"relative", "published", "agents", "budget", "bytes", "profile"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    out = tmp_path_factory.mktemp("pictures")
    full = a_published(
        "fashion_mnist", "supervised", D=199_210, threshold_d=300, dmax=1500, seeds=5, agent="adam",
        network="mlp:200x200",
    )  # fmt: skip
    full = full.model_copy(update={"common": {**full.common, "stop_score": None}})
    family = [a_published(network=f"mlp:{n}x{n}", D=n * n + 8 * n + 2) for n in (8, 32)]
    board = ranking.board([*a_board(), full, *family])
    return out, pictures.draw(board, out), board


def test_every_picture_is_drawn_but_that_of_files_without_policies(drawn):
    out, made, _ = drawn
    assert {picture.path for picture in made} == {
        f"figures/{name}.svg" for name in NAMES - {"bytes"}
    }
    assert min((out / picture.path).stat().st_size for picture in made) > 5_000
    assert min(min(picture.width, picture.height) for picture in made) > 150


def test_the_family_and_the_first_figure_lie_beside_their_measurements(drawn):
    out, _, board = drawn
    shown = "".join(ET.parse(out / "cartpole/family.svg").getroot().itertext())
    assert all(network in shown for network in ("mlp:8x8", "mlp:20x20", "mlp:32x32"))
    assert not list(out.rglob("*.png"))
    grid = "".join(ET.parse(out / "cartpole/grid.svg").getroot().itertext())
    (cartpole,) = [
        row for row in board.rows if (row.task, row.agent, row.network) == pictures.HERO[:3]
    ]
    assert f"d_int90 = {cartpole.d_int90} " in grid


def test_names_are_text_in_every_picture(drawn):
    out, made, _ = drawn
    for picture in made:
        root = ET.parse(out / picture.path).getroot()
        assert not [node for node in root.iter() if node.tag.endswith("script")]
    assert SCRIPT in "".join(ET.parse(out / "figures/relative.svg").getroot().itertext())


def test_a_picture_says_in_words_what_is_seen_on_it(drawn):
    _, made, board = drawn
    (published,) = [picture for picture in made if picture.path == "figures/published.svg"]
    (row,) = [row for row in board.rows if row.task == "inverted_pendulum" and row.is_measured]
    assert f"inverted_pendulum cmaes: here {row.d_int90}, published 4" in published.alt
    assert "pong ppo: here 3000-10000, published 6000" in published.alt


def test_agents_are_compared_where_task_network_and_rule_agree(drawn):
    _, made, _ = drawn
    (agents,) = [picture for picture in made if picture.path == "figures/agents.svg"]
    assert agents.alt.startswith("cartpole, mlp:20x20: cmaes ")
    assert "mnist" not in agents.alt


def test_no_picture_is_drawn_without_measurements(tmp_path):
    assert pictures.draw(ranking.board([]), tmp_path) == []


def test_a_dark_screen_gets_a_counterpart_of_every_colour(drawn):
    out, made, _ = drawn
    for picture in made:
        text = (out / picture.path).read_text()
        style = text[text.index("<style id") : text.index("</style>")]
        used = {colour.lower() for colour in re.findall(r"(?:fill|stroke): (#\w{6})", text)}
        rest = text.replace(style, "")
        of_figure = {colour.lower() for colour in re.findall(r"(?:fill|stroke): (#\w{6})", rest)}
        assert of_figure <= set(theme.DARK)
        assert all(theme.DARK[colour] in style for colour in of_figure)
        assert used
        assert "filter" not in style
        assert theme.themed(text) == text


def test_a_figure_with_a_colour_map_keeps_its_colours():
    svg = '<svg width="1"><path style="stroke: #440154"/></svg>'
    assert theme.themed(svg) == svg
    assert "<style" in theme.themed(svg.replace("#440154", "#2166ac"))


def test_dark_text_and_lines_stand_out_from_the_page():
    def light(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    page = light(theme.DARK["#ffffff"])
    for colour in ("#000000", "#595959", "#2166ac", "#1b7837", "#b2182b", "#b3500a"):
        assert (light(theme.DARK[colour]) + 0.05) / (page + 0.05) > 4.5


def test_isotonic_regression_pools_what_falls():
    assert relative.isotonic([0.0, 1.0, 0.5, 1.0], [1, 1, 1, 1]) == [0.0, 0.75, 0.75, 1.0]
    assert relative.isotonic([1.0, 0.0], [3, 1]) == [0.75, 0.75]
    assert relative.isotonic([], []) == []


def test_a_profile_names_the_d_from_which_half_of_the_trials_reach_a_share():
    scores = {1: [0.1, 0.2], 2: [0.6, 0.4], 4: [0.8, 0.75], 8: [0.95, 1.0]}
    pairs = dict(relative.profile(scores))
    assert (pairs[0.5], pairs[0.7], pairs[0.9]) == (2, 4, 8)
    assert max(pairs) == 1.0
    assert list(pairs.values()) == sorted(pairs.values())
    # What the smallest d reaches may be reached by a smaller one, and 1.2 is reached by none.
    assert relative.profile({4: [0.8], 8: [0.8]}) == []


def test_labels_keep_their_distance_and_their_order():
    places = overview.spread([0.1, 0.11, 0.12, 0.5], 0.05)
    assert [round(place, 3) for place in places] == [0.06, 0.11, 0.16, 0.5]
    gaps = [b - a for a, b in zip(places, places[1:], strict=False)]
    assert min(gaps) >= 0.05 - 1e-12


def test_a_legend_names_the_kinds_of_task_that_are_drawn(tmp_path):
    points = [
        overview.Point(x, 10.0, 5.0, 20.0, "a task", kind)
        for x, kind in ((4.0, "rl"), (900.0, "supervised"))
    ]
    drawn_to = overview.draw_points(points, tmp_path / "points", "x", "y")
    texts = "".join(ET.parse(drawn_to).getroot().itertext())
    assert "reinforcement learning" in texts
    assert "supervised" in texts
    assert "synthetic" not in texts


def test_long_labels_have_room_on_both_sides_of_the_points(tmp_path):
    label = "a name of many letters, 800,000 steps"
    points = [overview.Point(x, 10.0, None, None, label, "rl") for x in (4.0, 900.0)]
    svg = overview.draw_points(points, tmp_path / "points", "x", "y").read_text()
    width = float(re.search(r'width="([0-9.]+)pt"', svg)[1])
    left, right = (float(at) for at in re.findall(r'x="([0-9.]+)" [^>]*>a name of', svg))
    least = 4.0 * len(label)  # points of a label whose letters are half as wide as high
    assert left > least
    assert width - right > least


@pytest.mark.parametrize("change", [{"projection": "dense"}, {"settings": ("sigma0=0.2",)}])
def test_measurements_that_differ_in_one_choice_alone_are_not_drawn_as_one_more_agent(
    tmp_path, change
):
    usual = [a_published(D=562, agent=agent) for agent in ("cmaes", "random")]
    changed = a_published(D=562, threshold_d=9, **change)
    alone = pictures.draw(ranking.board(usual), tmp_path / "alone")
    beside = pictures.draw(ranking.board([*usual, changed]), tmp_path / "beside")
    for name in ("agents", "published"):
        of_name = [
            [picture.alt for picture in made if picture.path == f"figures/{name}.svg"]
            for made in (alone, beside)
        ]
        assert of_name[0] == of_name[1] != []


def test_an_agent_without_its_own_settings_is_drawn_with_those_it_has(tmp_path):
    tuned = a_published(D=562, settings=("sigma0=0.2",))
    made = pictures.draw(ranking.board([tuned, a_published(D=562, agent="random")]), tmp_path)
    (agents,) = [picture for picture in made if picture.path == "figures/agents.svg"]
    assert "cmaes, sigma0=0.2" in agents.alt


def test_a_profile_is_drawn_once_for_each_task(tmp_path):
    published = [
        each.model_copy(update={"common": {**each.common, "stop_score": None}})
        for each in (a_published(D=562), a_published(D=562, projection="dense"))
    ]
    made = pictures.draw(ranking.board(published), tmp_path)
    (profile,) = [picture for picture in made if picture.path == "figures/profile.svg"]
    assert profile.alt.count("cartpole cmaes: d = ") == 1


def test_names_of_lines_that_lie_close_do_not_overlap(tmp_path):
    points = [overview.Point(x, y, None, None, "", "rl") for x, y in ((10.0, 85.0), (1e6, 700.0))]
    lines = [overview.Line(4.0, "upper line"), overview.Line(0.04, "lower line")]
    text = overview.draw_points(points, tmp_path / "lines", "x", "y", lines).read_text()
    heights = [
        float(re.search(rf'y="([\d.]+)"[^>]*>{name}<', text)[1])
        for name in ("upper line", "lower line")
    ]
    assert heights[1] - heights[0] > 8


def test_long_labels_of_dimensions_have_more_room_than_short_ones():
    dims = [39, 209, 968, 1923, 4039, 7720, 11886]
    assert style.thinned(dims) == [39, 209, 968, 4039, 11886]
    assert style.thinned([3, 16, 74, 148, 311, 594, 914]) == [3, 16, 74, 148, 311, 594]
