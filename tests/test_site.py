"""The web page, opened in a real browser from its folder."""

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import MISSING, Browser
from measurements import SCRIPT, a_board, a_published
from site_folder import make, write

from rlid.figures import curves, plots, theme
from rlid.leaderboard import learning_curves, ranking
from rlid.leaderboard import publish as publisher
from rlid.store.names import slug

RESULTS = Path(__file__).parents[1] / "results"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    make(out, a_board())
    return out


@pytest.fixture(scope="module")
def browser():
    if MISSING:
        pytest.skip(MISSING)
    driven = Browser()
    yield driven
    driven.close()


@pytest.fixture
def page(browser, folder):
    browser.open((folder / "index.html").as_uri())
    browser.resize(1280, 900)
    return browser


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.events, self.styles, self.images = [], [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [given[name] for name in ("href", "src") if name in given]
        self.events += [name for name in given if name.startswith("on")]
        self.styles += [name for name in given if name == "style"]
        self.images += [given.get("alt")] if tag == "img" else []


def test_every_link_leads_to_a_file_of_the_folder_and_nothing_is_inline(folder):
    pages = list(folder.rglob("*.html"))
    assert len(pages) == len(a_board()) + 1
    made_later = {f"leaderboard.{kind}" for kind in ("md", "csv", "json", "tex")}
    for path in pages:
        links = Links()
        links.feed(path.read_text())
        assert not links.events
        assert not links.styles
        assert all(links.images)
        for link in set(links.found) - made_later - {"data:,", "#content"}:
            assert (path.parent / link).is_file(), f"{path}: {link}"


def test_a_page_made_twice_has_the_same_bytes(tmp_path):
    some = a_board()[:2]
    for name in ("a", "b"):
        make(tmp_path / name, some)
    made = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(made) > 4 * len(some) + 1
    for path in made:
        again = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == again.read_bytes()


def test_a_measurement_that_another_outweighs_has_a_page_and_no_row(tmp_path):
    few, many = a_published(seeds=5), a_published()
    index, *pages = make(tmp_path, [few, many])
    assert {path.stem for path in pages} == {slug(few.name), slug(many.name)}
    assert slug(many.name) in index.read_text()
    assert slug(few.name) not in index.read_text()


def test_every_measurement_with_an_answer_stands_on_the_chart_with_its_interval(folder):
    text = (folder / "index.html").read_text()
    board = ranking.board(publisher.read_all(folder))
    answered = [row for row in board.rows if row.is_measured and row.answer]
    tasks = {row.task for row in answered}
    assert text.count('<li class="one"') == len(answered)
    assert text.count('<li class="task ') == len(tasks)
    assert (
        'aria-label="inverted_pendulum: d_int90 6, 95 % interval: 6-7 (cmaes, mlp:20x20); '
        'published elsewhere 4"'
    ) in text
    for kind in ("rl", "supervised", "synthetic"):
        rows = text.count(f'<li class="task {kind}"')
        assert rows == len({row.task for row in answered if row.kind == kind})


def test_a_bracket_is_a_bar_without_a_dot(folder):
    text = (folder / "index.html").read_text()
    row = text[text.index("pong: d_int90 3,000-10,000, one seed") :]
    row = row[: row.index("</details>")]
    assert 'class="bracket"' in row
    assert "circle" not in row


def test_rows_that_only_the_paper_measured_are_a_list_of_their_own(folder):
    text = (folder / "index.html").read_text()
    absent = text[text.index("<h3>Not yet measured</h3>") :].partition("</ul>")[0]
    assert "humanoid (mlp:256x256): published elsewhere 700" in absent
    assert "inverted_pendulum" not in absent
    chart = text[text.index('<div class="chart">') : text.index("<h3>Not yet measured</h3>")]
    assert "humanoid" not in chart


def test_the_first_edition_is_marked_on_the_chart_in_the_table_and_on_its_page(folder):
    index = (folder / "index.html").read_text()
    for opening, closing in (('<li class="task', "</details>"), ("<tr class", "</tr>")):
        rows = [part.split(closing)[0] for part in index.split(opening)[1:]]
        assert [("first edition" in row) for row in rows] == [("hopper" in row) for row in rows]
    pages = {path.parent.name: path.read_text() for path in folder.glob("*/*.html")}
    assert [task for task, text in pages.items() if "first edition" in text] == ["hopper"]


def test_the_shipped_pages_and_pictures_follow_from_the_shipped_results(tmp_path, monkeypatch):
    shipped = sorted(RESULTS.rglob("*.html"))
    shutil.copytree(RESULTS, tmp_path / "results")
    published = publisher.read_all(tmp_path / "results")
    # The figures of one measurement stand for all: they take the time.
    draw, first = plots.draw_panels, publisher.path(published[0], RESULTS)
    figures = [
        first.with_name(f"{first.stem}{ending}.svg") for ending in ("", "-scores", "-curves")
    ]
    figures += [*RESULTS.glob("figures/*.svg"), *RESULTS.glob("*/family.svg")]
    figures += [*RESULTS.glob("*/grid.svg")]
    assert len(figures) >= 11
    for path in (*shipped, *figures):
        (tmp_path / "results" / path.relative_to(RESULTS)).write_text("")
    draw_curves = curves.draw

    def panels(summary, to):
        if to.name == first.stem:
            return draw(summary, to)
        endings = {"success": ".svg", "scores": "-scores.svg"}
        return {name: to.with_name(f"{to.name}{ending}") for name, ending in endings.items()}

    monkeypatch.setattr(plots, "draw_panels", panels)
    monkeypatch.setattr(
        curves, "draw",
        lambda records, to: draw_curves(records, to) if to.stem == f"{first.stem}-curves" else to,
    )  # fmt: skip
    write(tmp_path / "results")
    assert shipped
    for path in (*shipped, *figures):
        again = tmp_path / "results" / path.relative_to(RESULTS)
        assert again.read_bytes() == path.read_bytes(), path


@pytest.mark.slow
def test_the_shipped_figures_of_every_measurement_are_drawn_by_the_present_code(tmp_path):
    board = ranking.board(publisher.read_all(RESULTS))
    for assessment in board.assessments:
        path = RESULTS / ranking.page_of(assessment)
        target = tmp_path / path.relative_to(RESULTS)
        figures = list(plots.draw_panels(assessment.summary, target.with_suffix("")).values())
        points = learning_curves.load(learning_curves.path_beside(path))
        records = learning_curves.joined(assessment.summary.records, points)
        figures.append(curves.draw(records, target.with_name(f"{target.stem}-curves.svg")))
        for drawn in figures:
            theme.apply(drawn)
            assert drawn.read_bytes() == path.with_name(drawn.name).read_bytes(), drawn.name


def test_the_pages_open_without_a_complaint_and_ask_for_nothing_outside(page, folder):
    page.requests(), page.log("browser")
    for path in [folder / "index.html", *folder.glob("*/*.html")]:
        page.open(path.as_uri())
    assert page.log("browser") == []
    asked = page.requests()
    assert len(asked) > len(a_board())
    assert all(url.startswith(folder.as_uri()) for url in asked)


def test_only_full_measurements_have_a_filled_dot(page):
    dots = (
        "return [...document.querySelectorAll('.chart .mark.%s .dot')]"
        ".map((dot) => [getComputedStyle(dot).fill, getComputedStyle(dot).stroke])"
    )
    full, provisional = page.run(dots % "full"), page.run(dots % "provisional")
    assert full
    assert provisional
    assert all(fill == stroke for fill, stroke in full)
    assert all(fill != stroke for fill, stroke in provisional)


def test_a_task_named_like_a_script_is_shown_as_text(page, folder):
    assert SCRIPT in page.run("return document.getElementById('board').innerText")
    assert page.run("return document.scripts.length") == 1
    link = page.run(
        "return [...document.links].find((a) => a.textContent.includes('<script>')).href"
    )
    page.open(link)
    assert page.run("return document.querySelector('h1').innerText") == SCRIPT
    assert page.run("return document.querySelector('img').naturalWidth") > 300


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_the_screen_and_all_text_can_be_read(page, folder, width, scheme):
    inner = next(folder.glob("cartpole/*.html"))
    for path in (folder / "index.html", inner):
        page.open(path.as_uri())
        page.resize(width, 900, scheme)
        assert page.run("return document.documentElement.scrollWidth") <= width
        assert page.run(CONTRAST) >= 4.5  # WCAG 2, level AA


CONTRAST = """
const channel = (c) => { c /= 255;
  return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
  return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
const behind = (node) => { for (; node; node = node.parentElement) {
  const colour = getComputedStyle(node).backgroundColor;
  if (colour !== "rgba(0, 0, 0, 0)") return colour; } return "rgb(255, 255, 255)"; };
const ratios = [...document.querySelectorAll("body *")]
  .filter((node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim())
    && !["SCRIPT", "STYLE", "OPTION"].includes(node.tagName) && !node.closest("svg"))
  .map((node) => { const pair = [light(getComputedStyle(node).color), light(behind(node))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05); });
return Math.min(...ratios);
"""
