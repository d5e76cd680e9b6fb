"""The documents: their links lead somewhere, their commands exist, their tables are up to date."""

import importlib.util
import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import typer
from documents import BLOCK, COMMANDS, DOCUMENTS, ROOT, anchors, blocks, links, text_of

import rlid
from rlid.cli.app import app

GENERATED = ("docs/reference/command-line.md", "docs/reference/file-formats.md",
             "docs/reference/python.md")  # fmt: skip
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
    made = {f"docs/{path}": text for path, text in generated_pages.pages().items()}
    assert set(made) == set(GENERATED)
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
        if parts.fragment and path.suffix != ".json":  # there a pointer to a value of the file
            text = site_text(relative)
            assert parts.fragment in anchors(text), f"{document}: {target}"


def has_a_test_of_its_own(document):
    """Return whether another test names the page: it then runs the page's own examples."""
    tests = [path for path in (ROOT / "tests").glob("test_*.py") if path.stem[:9] != "test_docs"]
    return any(f'"{Path(document).name}"' in path.read_text() for path in tests)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_to_run_is_run_by_a_test_or_says_why_not(document):
    for block in blocks(document):
        is_example = block.language == "python" and has_a_test_of_its_own(document)
        if block.language in COMMANDS and not is_example:
            reason = block.mark.removeprefix("not run: ")
            assert block.is_run or block.file or reason not in ("", block.mark), block.text


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_on_a_line_of_its_own_stands_in_a_fenced_block(document):
    text = BLOCK.sub("", text_of(document))
    assert not re.findall(r"^ {4,}(?:rlid|pip|python|make) .*", text, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_script_that_a_document_names_exists_and_takes_its_options(document):
    for command in scripts(document):
        words = shlex.split(command)
        script = ROOT / words[0]
        assert script.is_file(), command
        for word in words[1:]:
            if word.startswith("--"):
                assert f'"{word.partition("=")[0]}"' in script.read_text(), command


def scripts(document):
    """Return the commands `python FILE ...` of a document's text and blocks, from the file on."""
    text = " ".join(text_of(document).split())
    spans = re.findall(r"`(?:\.venv/bin/)?python ([\w/.-]+\.py[^`]*)`", text)
    lines = [line for block in blocks(document) for line in block.lines if block.language == "sh"]
    return spans + [line[7:] for line in lines if line.startswith("python ") and ".py" in line]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_in_a_sentence_names_commands_and_options_that_exist(document):
    group = typer.main.get_command(app)
    for span in re.findall(r"`(rlid [^`]+)`", " ".join(text_of(document).split())):
        command, words = group, shlex.split(span.replace("...", ""))[1:]
        if words and words[0].isupper():  # COMMAND stands for any command
            continue
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            assert words[0] in command.commands, span
            command, *words = command.commands[words[0]], *words[1:]
        options = {name for parameter in command.params for name in parameter.opts}
        options |= {"--help", "--version"}
        for word in words:
            if word.startswith("--"):
                assert word.partition("=")[0] in options, span


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


def test_the_page_of_the_python_api_has_every_public_name(site_text):
    page = site_text("docs/reference/python.md")
    for name in rlid.__all__:
        value = getattr(rlid, name)
        path = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
        assert f"\n::: {path}\n" in page or f"\n- `rlid.{name}`: " in page, name
    assert page.count("\n::: ") == len(set(re.findall(r"\n::: (.+)", page)))


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


def test_documents_show_the_same_answer_to_the_same_question():
    answers = {}
    for document in DOCUMENTS:
        for question, answer in re.findall(
            r"^(\S+ · .+): (d_int90 = .+)$", text_of(document), re.MULTILINE
        ):
            answers.setdefault(question, set()).add(answer)
    assert answers
    assert [question for question, texts in answers.items() if len(texts) > 1] == []


def test_the_readme_fits_two_screens():
    assert len(text_of("README.md").splitlines()) <= 100
