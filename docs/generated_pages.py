"""Pages that are written from the program itself, and figures of results/ in the documents.

`docs/site_hooks.py` adds the pages of the command line, the Python API and the file formats to the
site when it is built, so that none can be out of date. Tables of results, and the answers behind
links to published measurements, stand in the documents:

    python docs/generated_pages.py            # renew them after results/ changed
    python docs/generated_pages.py --check    # change nothing; exit with 1 where one is old
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import result_tables  # noqa: E402 (this folder is no package)
from field_meanings import MEANINGS  # noqa: E402
from published_answers import PublishedRow, linked, published_rows  # noqa: E402
from python_api import python_api  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
FORMATS = (
    ("Trial record", "trial-record", "rlid.records", "Record"),
    ("Spec of a trial", "trial-spec", "rlid.records", "TrialSpec"),
    ("Reference", "reference", "rlid.store", "Reference"),
    ("Measurement in a store", "stored-measurement", "rlid.store", "StoredMeasurement"),
    ("Published measurement", "published-measurement", "rlid.leaderboard.published", "Published"),
    ("Report of an exported policy", "policy-report", "rlid.policies.report", "PolicyReport"),
    ("Suite", "suite", "rlid.measurement.suite_file", "SuiteFile"),
)  # fmt: skip
"""Title, name of the schema's file, module and class of each format."""
FORMATS_INTRODUCTION = """# File formats

Every file that rlid writes is plain: JSON for what is described, safetensors for arrays, and a
format of its own for policies. Nothing in a file is executed. JSON is strict: no NaN, no key twice,
exact types. A field that was added later has a default, so that older files stay valid
([compatibility](compatibility.md)).

| file | format |
|---|---|
| `rlid-store/trials/` | one [trial record](#trial-record) each; z beside it as safetensors |
| `rlid-store/references/` | one [reference](#reference) for each protocol and network |
| `rlid-store/measurements/` | one [measurement](#measurement-in-a-store) for each question |
| `results/<task>/*.json` | one [published measurement](#published-measurement) each |
| `results/leaderboard.json`, `.csv` | one flat row for each measurement |
| `*.rlid` | one [policy](#policy-file) in a few bytes |
| `*.toml` for `rlid suite` | one [suite](#suite): a named list of measurements |
| `rlid-store/journals/`, `checkpoints/`, `leases/` | working files of running trials (see below) |
| `rlid-store/quarantine/` | damaged files that were set aside, each with its reason |

A later version need not read the working files of a trial that was interrupted: it then begins the
trial anew. The tables below and the schemas are made from the classes that read and write them.
"""
LINE_TITLE = """# Command line

This page is generated from the commands. `rlid COMMAND --help` prints the same.

| exit code | meaning |
|---|---|
| 0 | the command did what was asked |
| 1 | a measurement or a check failed; the reason is the last line of standard error |
| 2 | bad input: one line says what is wrong and what would be right |
| 74 | the store or an output file cannot be written |
| 130 | interrupted; finished trials are kept |
"""


def pages() -> dict[str, str]:
    """Return the pages of the site that are written from the program, by their path in `docs/`."""
    return {
        "reference/command-line.md": command_line(),
        "reference/file-formats.md": file_formats(),
        "reference/python.md": python_api(),
    }


def command_line() -> str:
    """Return the page of the command line, a section for each command in the order of `--help`."""
    import typer

    from rlid.cli.app import app

    return LINE_TITLE + "".join(_sections(typer.main.get_command(app), ()))


def _sections(command: Any, names: tuple[str, ...]) -> Iterator[str]:
    for name, child in command.commands.items():
        words = (*names, name)
        if hasattr(child, "commands"):
            yield from _sections(child, words)
            continue
        yield f"\n## rlid {' '.join(words)}\n\n{_paragraphs(child.help)}\n"
        rows = [row for row in map(_parameter, child.params) if row]
        if rows:
            yield "\n| argument or option | default | what it is |\n|---|---|---|\n" + "".join(rows)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _parameter(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = ", ".join(f"`{name}`" for name in parameter.opts) if is_option else (
        f"`{parameter.name.upper()}`"
    )  # fmt: skip
    if "--help" in parameter.opts:
        return ""
    default = "required" if parameter.required else _default(parameter.default)
    return f"| {names} | {default} | {_cell(parameter.help or '')} |\n"


def _default(value: Any) -> str:
    return "" if value in (None, False, "") or callable(value) else f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each format by the name of its file."""
    return {name: _model(module, title).model_json_schema() for _, name, module, title in FORMATS}


def _model(module: str, name: str) -> Any:
    import importlib

    return getattr(importlib.import_module(module), name)


def file_formats() -> str:
    """Return the page of the file formats, with a table of fields for each class."""
    page, parts = FORMATS_INTRODUCTION, {row[3] for row in FORMATS}
    for title, name, module, class_name in FORMATS:
        schema = _model(module, class_name).model_json_schema()
        page += f"\n## {title}\n\n{_text(schema)}\n\n[JSON schema](../schemas/{name}.json)\n\n"
        page += _fields(schema)
        for part, definition in schema.get("$defs", {}).items():
            if "properties" in definition and part not in parts:
                parts.add(part)
                page += f"\n### {part}\n\n{_text(definition)}\n\n{_fields(definition)}"
    return f"{page}\n## Policy file\n\n{_policy_file()}"


def _policy_file() -> str:
    """Return what the module of policy files says of their layout."""
    import inspect

    from rlid.policies import policy_file

    text = inspect.cleandoc(policy_file.__doc__ or "")
    before, layout = re.split(r"\n\n(?= {4})", text, maxsplit=1)
    return f"{before}\n\n```text\n{inspect.cleandoc(layout)}\n```\n"


def _text(schema: Mapping[str, Any]) -> str:
    """Return what stands before the list of attributes in a class's docstring."""
    return _paragraphs(schema.get("description", "").partition("\n\nAttributes:")[0])


def _fields(schema: Mapping[str, Any]) -> str:
    said = _attributes(schema.get("description", ""))
    rows = ["| field | type | default | what it is |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        default = "required"
        if name not in schema.get("required", ()):
            default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        what = field.get("description") or said.get(name) or MEANINGS.get(name, "")
        rows.append(f"| `{name}` | {_type(field)} | {default} | {_cell(what)} |")
    return "\n".join(rows) + "\n"


def _attributes(docstring: str) -> dict[str, str]:
    """Return the texts of a docstring's section "Attributes" by name."""
    section = docstring.partition("Attributes:\n")[2]
    entries = re.findall(r"^ {4}(\w+): (.+(?:\n {5,}.+)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`"
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(part) for part in field["anyOf"]))
    if field.get("type") == "array" and isinstance(field.get("items"), Mapping):
        return f"array of {_type(field['items'])}"
    return str(field.get("type", "any"))


def renewed(document: str, text: str, published: Mapping[str, PublishedRow]) -> str:
    """Return a document's text with its tables and the answers behind its links renewed.

    Raises:
        ValueError: a table or a link names what is not published.
    """
    return linked(result_tables.renewed(text, published), document, published)


def documents() -> list[str]:
    """Return the documents whose figures are renewed, by their paths in the repository."""
    folders = (ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"), ROOT.glob("results/**/README.md"))
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in folder)


def main() -> None:
    """Renew the figures of the documents, or exit with 1 where one is old (--check)."""
    published, old = published_rows(), []
    for name in documents():
        page = ROOT / name
        text = page.read_text()
        new = renewed(name, text, published)
        if new != text:
            old.append(name)
        if "--check" not in sys.argv[1:]:
            page.write_text(new)
    print(*(f"{name} is old" if "--check" in sys.argv[1:] else f"{name} renewed" for name in old))
    if old and "--check" in sys.argv[1:]:
        sys.exit(1)


if __name__ == "__main__":
    main()
