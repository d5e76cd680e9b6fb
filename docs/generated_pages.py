"""Pages that are written from the program itself: command line, file formats, headline results.

`docs/site_hooks.py` adds the pages to the site when it is built, so that none can be out of date.
The headline rows also stand in README.md:

    python docs/generated_pages.py            # renew the rows in README.md
    python docs/generated_pages.py --check    # change nothing; exit with 1 where they are old
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from field_meanings import MEANINGS  # noqa: E402 (this folder is no package)

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- headline: begin -->", "<!-- headline: end -->"
HEADLINES = (
    ("cartpole", "mlp:20x20", "cmaes", "normalised"),
    ("inverted_pendulum", "mlp:20x20", "cmaes", "normalised"),
    ("reacher", "mlp:20x20", "ppo", "normalised"),
    ("pong", "conv:16-32-256", "ppo", "normalised"),
    ("mnist", "mlp:200x200", "adam", "paper, global"),
)
"""Task, network, agent and rule of the headline rows; each with the task's own budget."""
FORMATS = (
    ("Trial record", "trial-record", "rlid.records", "Record"),
    ("Spec of a trial", "trial-spec", "rlid.records", "TrialSpec"),
    ("Reference", "reference", "rlid.store", "Reference"),
    ("Measurement in a store", "stored-measurement", "rlid.store", "StoredMeasurement"),
    ("Published measurement", "published-measurement", "rlid.leaderboard.published", "Published"),
    ("Report of an exported policy", "policy-report", "rlid.policies.report", "PolicyReport"),
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
| `*.rlid` | one policy in a few bytes; its layout is in `rlid/policies/policy_file.py` |

The tables below and the schemas are made from the classes that read and write the files.
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

DOCUMENTS = ("README.md", "docs/results.md")
"""Documents with headline rows between the markers."""


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
    return "" if value is None or value is False or callable(value) else f"`{value}`"


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
    return page


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


def headline_rows(leaderboard: list[dict[str, Any]]) -> str:
    """Return the table of headline results, between its markers.

    Args:
        leaderboard: the rows of results/leaderboard.json.

    Raises:
        ValueError: a headline names no row, or more than one.
    """
    lines = [BEGIN, "", "| task | network | D | agent | d_int90 | 95 % interval | status |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for key in HEADLINES:
        rows = [row for row in leaderboard if row["is_own_budget"] and _key(row) == key]
        if len(rows) != 1:
            raise ValueError(f"{len(rows)} published rows for {', '.join(key)}, and not one")
        lines.append(_headline(rows[0]))
    return "\n".join([*lines, "", END])


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["task"], row["network"], row["agent"], row["rule"])


def _headline(row: Mapping[str, Any]) -> str:
    low, high = row["ci_low"], row["ci_high"]
    if row["bracket_high"] is not None:
        answer = f"{row['bracket_low']:,}-{row['bracket_high']:,}"
        interval = f"a bracket, {row['seeds']} seed" + "s" * (row["seeds"] != 1)
    else:
        answer = f"{row['d_int90']:,}"
        interval = "not claimed" if low is None else f"{low:,} or more"
        if high is not None:
            interval = f"{low:,}-{high:,}"
    status = ", ".join(filter(None, (row["status"], row["edition"])))
    cells = (row["task"].replace("_", "\\_"), f"`{row['network']}`", f"{row['D']:,}",
             f"`{row['agent']}`", answer, interval, status)  # fmt: skip
    return f"| {' | '.join(cells)} |"


def renewed(readme: str, leaderboard: list[dict[str, Any]]) -> str:
    """Return a README with its headline rows replaced.

    Raises:
        ValueError: the README lacks the markers.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md needs the lines {BEGIN} and {END}")
    return before + headline_rows(leaderboard) + after


def main() -> None:
    """Renew the documents with headline rows, or exit with 1 where one is old (--check)."""
    rows = json.loads((ROOT / "results" / "leaderboard.json").read_text())
    is_old = False
    for name in DOCUMENTS:
        page = ROOT / name
        text = page.read_text()
        new = renewed(text, rows)
        is_old |= text != new
        if "--check" not in sys.argv[1:]:
            page.write_text(new)
    if "--check" in sys.argv[1:]:
        sys.exit(int(is_old))


if __name__ == "__main__":
    main()
