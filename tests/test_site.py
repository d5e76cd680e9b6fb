"""The web page, opened in a real browser from its folder."""

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import MISSING, Browser
from measurements import SCRIPT, a_board, a_published

from rlid.figures import plots
from rlid.leaderboard import claims, ranking, site
from rlid.leaderboard import publish as publisher
from rlid.store.files import write_whole
from rlid.store.store import slug

RESULTS = Path(__file__).parents[1] / "results"


def make(out, measurements):
    for published in measurements:
        write_whole(publisher.path(published, out), published.dump().encode())
    return write(out)


def write(out):
    board = ranking.board(publisher.read_all(out))
    return site.write(board, claims.answers(board.chosen), out)


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
    assert len(made) == 4 * len(some) + 1
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
    chart = text[text.index('<ol class="chart">') : text.index("</ol>")]
    answered = [published for published in a_board() if not published.answer.withheld]
    assert chart.count("aria-label=") == len(answered)
    assert "inverted_pendulum: d_int90 6, 95 % interval 6-7, published elsewhere 4" in chart
    for kind in ("rl", "supervised", "synthetic"):
        rows = chart.count(f'<li class="{kind} ')
        assert rows == sum(published.kind == kind for published in answered)


def test_a_bracket_is_a_bar_without_a_dot(folder):
    text = (folder / "index.html").read_text()
    row = text[text.index("pong: d_int90 3,000-10,000, one seed") :]
    row = row[: row.index("</li>")]
    assert 'class="bracket"' in row
    assert "circle" not in row


def test_the_first_edition_is_marked_on_the_chart_in_the_table_and_on_its_page(folder):
    index = (folder / "index.html").read_text()
    for opening, closing in (("<li class", "</li>"), ("<tr class", "</tr>")):
        rows = [part.split(closing)[0] for part in index.split(opening)[1:]]
        assert [("first edition" in row) for row in rows] == [("hopper" in row) for row in rows]
    pages = {path.parent.name: path.read_text() for path in folder.glob("*/*.html")}
    assert [task for task, text in pages.items() if "first edition" in text] == ["hopper"]


def test_the_shipped_pages_follow_from_the_shipped_results(tmp_path, monkeypatch):
    shipped = sorted(RESULTS.rglob("*.html"))
    shutil.copytree(RESULTS, tmp_path / "results")
    published = publisher.read_all(tmp_path / "results")
    # The figures of one measurement stand for all: they take the time.
    draw, first = plots.draw_panels, publisher.path(published[0], RESULTS)
    figures = [first.with_suffix(".svg"), first.with_name(f"{first.stem}-scores.svg")]
    for path in (*shipped, *figures):
        (tmp_path / "results" / path.relative_to(RESULTS)).write_text("")
    monkeypatch.setattr(
        plots, "draw_panels", lambda summary, to: draw(summary, to) if to.name == first.stem else {}
    )
    write(tmp_path / "results")
    assert shipped
    for path in (*shipped, *figures):
        again = tmp_path / "results" / path.relative_to(RESULTS)
        assert again.read_bytes() == path.read_bytes(), path


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
        "return [...document.querySelectorAll('.chart li.%s .dot')]"
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


def shown(page, column=0):
    return page.run(
        "return [...document.querySelectorAll('#board tbody tr:not([hidden])')]"
        f".map((row) => row.cells[{column}].dataset.key)"
    )


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it(page):
    click = "document.querySelectorAll('#board thead button')[3].click()"
    page.run(click)
    rising = [int(key) for key in shown(page, 3) if key]
    assert rising == sorted(rising)
    assert len(rising) == len(a_board())
    page.run(click)
    keys = shown(page, 3)
    assert [int(key) for key in keys if key] == rising[::-1]
    assert keys[len(rising) :] == [""] * (len(keys) - len(rising))  # missing stays last
    state = "return document.querySelectorAll('#board th[aria-sort]').length"
    assert page.run(state) == 1


def type_into(page, name, text):
    page.run(
        "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('input', {bubbles: true}));",
        name, text,
    )  # fmt: skip


def test_filters_narrow_the_table_together(page):
    everything = shown(page)
    type_into(page, "filter", "CART cmaes")
    assert shown(page) == ["cartpole"]
    type_into(page, "filter", "")
    type_into(page, "kind", "supervised")
    type_into(page, "status", "provisional")
    assert shown(page) == ["mnist"]
    assert page.run("return document.getElementById('count').innerText").startswith("1 of ")
    type_into(page, "kind", "")
    type_into(page, "status", "")
    assert shown(page) == everything


def test_the_keyboard_reaches_links_headings_and_filters(page):
    reached = page.run(
        "return [...document.querySelectorAll('a, button, input, select, [tabindex]')]"
        ".every((element) => element.tabIndex >= 0)"
    )
    assert reached
    for _ in range(2):
        page.command("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab")
        page.command("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab")
    assert page.run("return document.activeElement.tagName") == "A"


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
