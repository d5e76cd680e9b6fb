"""The documents: their links lead somewhere, their commands exist, their tables are up to date."""

import importlib.util
import json
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import typer
from pages import COMMANDS, DOCUMENTS, ROOT, anchors, blocks, links, text_of

from rlid.cli.app import app

GENERATED = ("docs/reference/command-line.md", "docs/reference/file-formats.md")
COPIED = {"docs/changelog.md": "CHANGELOG.md", "docs/contributing.md": "CONTRIBUTING.md",
          "docs/calibration.md": "results/calibration.md"}  # fmt: skip
"""Pages that exist in the site only, and the documents that they are copies of."""
FILE_FORMATS = {
    "trial-record": "tests/fixtures/stores",
    "published-measurement": "results",
    "reference": "rlid/references",
}

_location = importlib.util.spec_from_file_location(
    "generated_pages", ROOT / "docs/generated_pages.py"
)
generated_pages = importlib.util.module_from_spec(_location)
_location.loader.exec_module(generated_pages)


@pytest.fixture(scope="module")
def site_text():
    """Return a function that gives the text behind the path of a document or page."""
    made = dict(
        zip(
            GENERATED, (generated_pages.command_line(), generated_pages.file_formats()), strict=True
        )
    )
    return lambda path: made.get(path) or text_of(COPIED.get(path, path))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file_and_a_heading(document, site_text):
    for target in links(document):
        parts = urlsplit(target)
        if parts.scheme:
            assert (parts.scheme, bool(parts.netloc)) == ("https", True), target
            continue
        path = (ROOT / document).parent / parts.path if parts.path else ROOT / document
        relative = path.resolve().relative_to(ROOT).as_posix()
        assert path.exists() or relative in (*GENERATED, *COPIED), f"{document}: {target}"
        if parts.fragment:
            text = site_text(relative)
            assert parts.fragment in anchors(text), f"{document}: {target}"


def is_run_by_a_test_of_its_own(document):
    """Return whether another test names the page: it then runs the page's blocks."""
    tests = [path for path in (ROOT / "tests").glob("test_*.py") if path.stem[:9] != "test_docs"]
    return any(f'"{Path(document).name}"' in path.read_text() for path in tests)


MARKED = [
    name for name in DOCUMENTS if name.startswith("docs/") and not is_run_by_a_test_of_its_own(name)
]


@pytest.mark.parametrize("document", MARKED)
def test_every_block_to_run_is_run_by_a_test_or_says_why_not(document):
    for block in blocks(document):
        if block.language in COMMANDS:
            reason = block.mark.removeprefix("not run: ")
            assert block.is_run or block.file or reason not in ("", block.mark), block.text


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_has_options_and_values_that_rlid_takes(document, tmp_path, monkeypatch):
    monkeypatch.setenv("RLID_DATA", "")  # which --data sets
    monkeypatch.chdir(tmp_path)
    (tmp_path / "DIR").mkdir()
    group = typer.main.get_command(app)
    for block in blocks(document):
        for line in block.lines if block.language in ("sh", "console") else ():
            words = shlex.split(line.replace("&& ", "; "), comments=True)
            while "rlid" in words:
                words = words[words.index("rlid") + 1 :]
                if words:
                    parse(group, words[: next(ends(words))], line)


def ends(words):
    """Yield the places where a command among words may end, the end of the line last."""
    for place, word in enumerate(words):
        if word in ("&", "|", ">") or word.endswith(";"):
            yield place
    yield len(words)


def parse(group, words, line):
    """Parse the words of a command as `rlid` does, without running it."""
    command, name = group, "rlid"
    while hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, line
        command = command.commands[name]
    command.make_context(name, list(words))


def test_a_command_that_does_not_exist_is_refused():
    group = typer.main.get_command(app)
    parse(group, ["store", "check", "rlid-store", "--repair"], "")
    with pytest.raises(AssertionError):
        parse(group, ["measure", "cartpole"], "")
    with pytest.raises(Exception, match="No such option"):
        parse(group, ["run", "cartpole", "--d-max", "20"], "")
    with pytest.raises(Exception, match="valid integer"):
        parse(group, ["run", "cartpole", "--dmax", "twenty"], "")


def test_the_page_of_the_command_line_has_every_command_and_option(site_text):
    page = site_text("docs/reference/command-line.md")
    group = typer.main.get_command(app)
    for name in group.commands:
        assert f"\n## rlid {name}" in page
    for parameter in group.commands["run"].params:
        if "--help" not in parameter.opts:
            assert parameter.help.split(";")[0].split("|")[0] in page, parameter.name


@pytest.mark.parametrize(("name", "folder"), FILE_FORMATS.items())
def test_files_are_valid_by_the_schema_of_their_page(name, folder):
    schema = generated_pages.schemas()[name]
    values = [json.loads(path.read_text()) for path in sorted((ROOT / folder).rglob("*.json"))]
    values = [value for value in values if is_of(schema, value)]
    assert len(values) >= 3
    for value in values[:20]:
        jsonschema.validate(value, schema)
    broken = {key: values[0][key] for key in values[0] if key != schema["required"][0]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def is_of(schema, value):
    return isinstance(value, dict) and set(schema["required"]) <= set(value)


def test_every_field_of_a_format_is_explained(site_text):
    for line in site_text("docs/reference/file-formats.md").splitlines():
        if line.startswith("| `") and line.count(" | ") == 3:
            assert line.rpartition(" | ")[2].strip(" |"), line


def test_the_headline_rows_of_the_documents_are_those_of_the_leaderboard():
    rows = json.loads((ROOT / "results/leaderboard.json").read_text())
    for document in generated_pages.DOCUMENTS:
        text = text_of(document)
        assert generated_pages.renewed(text, rows) == text, "run: python docs/generated_pages.py"
    changed = [row | {"d_int90": 999} for row in rows]
    assert "| 999 |" in generated_pages.renewed(text_of("README.md"), changed)
    with pytest.raises(ValueError, match="0 published rows"):
        generated_pages.headline_rows([])
    with pytest.raises(ValueError, match="needs the lines"):
        generated_pages.renewed("no markers", rows)


def test_the_readme_fits_two_screens():
    assert len(text_of("README.md").splitlines()) <= 100
