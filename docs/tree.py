"""Writes the layers and the tree of modules into architecture.md, from the sources themselves.

    python docs/tree.py            # rewrite both parts of docs/architecture.md
    python docs/tree.py --check    # change nothing; exit with 1 where a part is out of date

The layers are those of tests/test_layers.py; a module is described by the first line of its
docstring. Nothing of rlid is imported.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
TOPS = ("rlid", "envs", "agents")
DOORS = {"__init__", "__main__"}
"""Modules of `rlid/` that no room imports; they are no rooms."""


def summary(module: Path) -> str:
    """Return the first line of a module's docstring without its full stop."""
    text = ast.get_docstring(ast.parse(module.read_text())) or ""
    return text.partition("\n")[0].removesuffix(".")


def layers(root: Path = ROOT) -> list[set[str]]:
    """Return the rooms of each layer, lowest first, as the test of the layers names them."""
    for statement in ast.parse((root / "tests" / "test_layers.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "LAYERS":
            return [set(rooms) for rooms in ast.literal_eval(statement.value)]
    raise ValueError("tests/test_layers.py assigns no LAYERS")


def layer_lines(root: Path = ROOT) -> Iterator[str]:
    """Yield the lines of a table with one row for each room, lowest layer first."""
    yield "| layer | room | what it is for |"
    yield "|---|---|---|"
    for index, rooms in enumerate(layers(root), 1):
        for room in sorted(rooms):
            folder = root / "rlid" / room
            module = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
            yield f"| {index} | `{room}` | {summary(module)} |"


def tree_lines(root: Path = ROOT) -> Iterator[str]:
    """Yield a list of every room and module of rlid, envs and agents."""
    for top in TOPS:
        yield from _folder_lines(root / top, 0)


def _folder_lines(folder: Path, depth: int) -> Iterator[str]:
    yield f"{'  ' * depth}- `{folder.name}/`: {summary(folder / '__init__.py')}"
    for path in sorted(folder.iterdir(), key=lambda path: path.stem):
        if (path / "__init__.py").is_file():
            yield from _folder_lines(path, depth + 1)
        elif path.suffix == ".py" and path.name != "__init__.py":
            yield f"{'  ' * (depth + 1)}- `{path.name}`: {summary(path)}"


def rewritten(page: str, root: Path = ROOT) -> str:
    """Return the page with both generated parts replaced.

    Raises:
        ValueError: a part's markers are missing from the page.
    """
    for name, lines in (("layers", layer_lines(root)), ("tree", tree_lines(root))):
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        part = begin + "".join(f"{line}\n" for line in lines) + end
        page, count = pattern.subn(lambda _, part=part: part, page)
        if count != 1:
            raise ValueError(f"the page needs {begin.strip()} and {end.strip()}, once each")
    return page


def main() -> None:
    """Rewrite the page, or say where it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    old = PAGE.read_text()
    new = rewritten(old)
    if options.check:
        difference = difflib.unified_diff(
            old.splitlines(), new.splitlines(), "architecture.md", "sources", lineterm="", n=0
        )
        print(*difference, sep="\n")
        sys.exit(int(old != new))
    PAGE.write_text(new)


if __name__ == "__main__":
    main()
