"""The leaderboard's page in use: filters, address, columns, copying, keyboard, assistive names."""

import time

import pytest
from browser import MISSING, Browser
from measurements import SCRIPT, a_board
from site_folder import make

from rlid.figures import plots

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
LARGEST = 2_000_000
"""Bytes that a page may have with everything that it loads."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        # The figures of single measurements take the time, and are tested elsewhere.
        patch.setattr(plots, "draw_panels", lambda summary, to: {})
        make(out, a_board())
    return out


@pytest.fixture(scope="module")
def browser():
    driven = Browser()
    yield driven
    driven.close()


@pytest.fixture
def page(browser, folder):
    browser.open("about:blank")
    browser.open((folder / "index.html").as_uri())
    browser.resize(1280, 900)
    return browser


def shown(page, column=0):
    return page.run(
        "return [...document.querySelectorAll('#board tbody tr:not([hidden])')]"
        f".map((row) => row.cells[{column}].dataset.key)"
    )


def tasks(page):
    return page.run(
        "return [...document.querySelectorAll('.task:not([hidden]) summary b')]"
        ".map((name) => name.textContent)"
    )


def headings(page):
    return page.run(
        "return [...document.querySelectorAll('#board thead th:not([hidden])')]"
        ".map((head) => head.textContent)"
    )


def address(page):
    return page.run("return decodeURIComponent(location.hash)")


def type_into(page, name, text):
    page.run(
        "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('input', {bubbles: true}));",
        name, text,
    )  # fmt: skip


def tick(page, column):
    page.run('document.querySelector(`#columns input[value="${arguments[0]}"]`).click()', column)


def press(page, key):
    page.command("Input.dispatchKeyEvent", type="keyDown", key=key, code=key)
    page.command("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it(page):
    click = "document.querySelector('#board th[data-heading=D] button').click()"
    column = page.run("return document.querySelector('#board th[data-heading=D]').cellIndex")
    page.run(click)
    rising = [int(key) for key in shown(page, column) if key]
    assert rising == sorted(rising)
    assert len(rising) == len(a_board())
    page.run(click)
    keys = shown(page, column)
    assert [int(key) for key in keys if key] == rising[::-1]
    assert keys[len(rising) :] == [""] * (len(keys) - len(rising))  # missing stays last
    assert page.run("return document.querySelectorAll('#board th[aria-sort]').length") == 1
    assert address(page) == "#sort=-D"


def test_filters_narrow_the_table_and_the_chart_together(page):
    all_rows, all_tasks = shown(page), tasks(page)
    type_into(page, "filter", "CART cmaes")
    assert shown(page) == ["cartpole"]
    assert tasks(page) == ["cartpole"]
    type_into(page, "filter", "")
    type_into(page, "kind", "supervised")
    type_into(page, "status", "provisional")
    assert shown(page) == ["mnist"]
    assert tasks(page) == ["mnist"]
    assert page.run("return document.getElementById('count').innerText").startswith("1 of ")
    page.run("document.querySelector('#controls [type=reset]').click()")
    time.sleep(0.1)
    assert (shown(page), tasks(page)) == (all_rows, all_tasks)
    assert address(page) == ""


def test_the_measurement_that_fits_a_filter_is_drawn_large_and_named(page):
    name = (
        "const task = [...document.querySelectorAll('.task')]"
        ".find((task) => task.querySelector('b').textContent === 'cartpole');"
        "return [task.querySelector('summary .who').textContent, "
        "task.querySelectorAll('summary .best').length, "
        "[...task.querySelectorAll('summary .mark')]"
        ".filter((mark) => getComputedStyle(mark).display !== 'none').length]"
    )
    assert page.run(name) == ["cmaes · mlp:20x20", 1, 2]
    type_into(page, "agent", "ppo")
    assert page.run(name) == ["ppo · mlp:20x20", 1, 1]


def test_a_filter_that_nothing_fits_says_so(page):
    type_into(page, "filter", "no such task")
    assert tasks(page) == []
    assert page.run("return document.getElementById('nothing').checkVisibility()")


def test_an_address_opens_the_page_as_it_was_left(page, folder):
    type_into(page, "kind", "rl")
    type_into(page, "agent", "a & b")
    tick(page, "d_reliable")
    page.run("document.querySelector('#board th[data-heading=\"95 %\"] button').click()")
    before = shown(page), tasks(page), headings(page)
    assert before[0] == [SCRIPT]
    link = page.run("return location.href")
    page.open("about:blank")
    page.open(link)
    assert (shown(page), tasks(page), headings(page)) == before
    for wrong in ("#kind=none&sort=none&columns=none&agent=%3Cscript%3E", "#content", "#%"):
        page.open("about:blank")
        page.open((folder / "index.html").as_uri() + wrong)
        assert len(shown(page)) > len(a_board())
        assert page.log("browser") == []


def test_columns_can_be_chosen(page):
    assert "reference" not in headings(page)
    tick(page, "reference")
    tick(page, "agent")
    assert "reference" in headings(page)
    assert "agent" not in headings(page)
    assert "reference" in address(page)
    cells = page.run(
        "return document.querySelectorAll('#board tbody tr:first-child > :not([hidden])').length"
    )
    assert cells == len(headings(page))


def test_the_table_fits_a_screen_of_1280_pixels(page):
    widths = page.run(
        "const box = document.querySelector('.scroll'); return [box.scrollWidth, box.clientWidth]"
    )
    assert widths[0] <= widths[1]


def test_a_row_of_the_chart_opens_by_keyboard_and_shows_every_measurement(page):
    page.run("document.querySelectorAll('.task summary')[0].focus()")
    is_open = "return document.querySelector('.task details').open"
    assert page.run(is_open) is False
    page.command("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r")
    page.command("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter")
    assert page.run(is_open) is True
    assert page.run("return document.querySelector('.task .one a').checkVisibility()")


def test_copying_a_command_needs_one_click_and_says_so(page):
    page.command(
        "Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"]
    )
    wanted = page.run(
        "const button = document.querySelector('#board .copy'); button.click();"
        "return button.dataset.copy"
    )
    time.sleep(0.2)
    assert wanted.startswith("rlid run ")
    assert page.run("return document.querySelector('#board .copy').textContent") == "Copied"
    assert wanted in page.run("return document.getElementById('copied').textContent")
    pasted = page.run(
        "const box = document.createElement('textarea'); document.body.append(box); box.focus();"
        "return navigator.clipboard.readText()"
    )
    assert pasted == wanted


def test_every_control_has_a_name_for_those_who_do_not_see_it(page, folder):
    for path in (folder / "index.html", next(folder.glob("cartpole/*.html"))):
        page.open(path.as_uri())
        page.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        nodes = page.command("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "checkbox", "combobox", "searchbox", "link", "image", "region", "form"}
        named = [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"] and node["role"]["value"] in roles
        ]
        assert len(named) > 5
        assert [role for role, name in named if not name.strip()] == []


def test_the_keyboard_reaches_every_link_heading_and_filter(page):
    reached = page.run(
        "return [...document.querySelectorAll('a, button, input, select, summary, [tabindex]')]"
        ".every((element) => element.tabIndex >= 0)"
    )
    assert reached
    order = []
    for _ in range(3):
        press(page, "Tab")
        order.append(page.run("return document.activeElement.id || document.activeElement.tagName"))
    assert order == ["A", "filter", "kind"]


def test_a_page_is_small_and_opens_at_once(page, folder):
    size = sum(path.stat().st_size for path in [
        folder / "index.html", *folder.glob("figures/*.svg")
    ])  # fmt: skip
    assert size < LARGEST
    milliseconds = []
    for _ in range(3):  # the machine may be busy with something else
        page.open("about:blank")
        page.open((folder / "index.html").as_uri())
        milliseconds.append(
            page.run(
                "const [entry] = performance.getEntriesByType('navigation');"
                "return entry.domContentLoadedEventEnd"
            )
        )
    assert 0 < min(milliseconds) < 1000
