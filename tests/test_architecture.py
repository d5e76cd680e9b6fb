"""docs/architecture.md names every room and module, and functions that exist."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text()
# A row of the path of the data: | `file.py` | `function` or `Class.method` | ...
STEPS = re.findall(r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|", PAGE, flags=re.MULTILINE)

_location = importlib.util.spec_from_file_location("tree", ROOT / "docs/tree.py")
tree = importlib.util.module_from_spec(_location)
_location.loader.exec_module(tree)


def modules_named(page):
    """Return the paths of all modules in the list, which is nested by folder."""
    folders, modules = [], set()
    for indent, name, what in re.findall(r"^( *)- `([\w./]+)`: (.+)$", page, flags=re.MULTILINE):
        assert what.strip(), name
        folders[len(indent) // 2 :] = [name]
        if name.endswith(".py"):
            modules.add("".join(folders))
    return modules


def test_the_tree_names_every_module_and_none_that_is_not_there():
    there = {
        path.relative_to(ROOT).as_posix()
        for top in ("rlid", "envs", "agents")
        for path in (ROOT / top).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert len(there) > 100
    assert modules_named(PAGE) == there, "run: python docs/tree.py"


def test_the_layers_and_first_lines_are_those_of_the_sources():
    assert tree.rewritten(PAGE) == PAGE, "run: python docs/tree.py"


def test_the_table_of_layers_names_every_room_with_its_layer():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| .+ \|$", PAGE, flags=re.MULTILINE)
    rooms = [(str(index), room) for index, layer in enumerate(tree.layers(), 1) for room in layer]
    assert sorted(rows) == sorted(rooms)


def test_every_path_on_the_page_exists():
    paths = re.findall(r"`((?:rlid|envs|agents|tests|docs)/[\w./]*)`", PAGE)
    assert len(paths) > 40
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(("path", "name"), STEPS, ids=lambda value: value)
def test_every_function_of_the_path_is_in_its_file(path, name):
    body = ast.parse((ROOT / path).read_text()).body
    for part in name.split("."):
        (node,) = [node for node in body if getattr(node, "name", None) == part]
        body = getattr(node, "body", [])


def test_the_path_of_the_data_has_its_steps():
    assert len(STEPS) > 20


def test_the_tree_follows_the_sources(tmp_path):
    for name, text in {
        "rlid/__init__.py": '"""Measures."""',
        "rlid/errors.py": '"""Errors, all of them.\n\nMore of it."""',
        "rlid/store/__init__.py": '"""The store."""',
        "rlid/store/files.py": '"""Files."""',
        "envs/__init__.py": '"""Tasks."""',
        "agents/__init__.py": '"""Agents."""',
        "tests/test_layers.py": 'LAYERS = [{"errors"}, {"store"}]',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    page = (
        "<!-- layers -->\nold\n<!-- end of layers -->\ntext\n<!-- tree -->\n<!-- end of tree -->\n"
    )
    expected = """<!-- layers -->
| layer | room | what it is for |
|---|---|---|
| 1 | `errors` | Errors, all of them |
| 2 | `store` | The store |
<!-- end of layers -->
text
<!-- tree -->
- `rlid/`: Measures
  - `errors.py`: Errors, all of them
  - `store/`: The store
    - `files.py`: Files
- `envs/`: Tasks
- `agents/`: Agents
<!-- end of tree -->
"""
    assert tree.rewritten(page, tmp_path) == expected
    assert tree.rewritten(expected, tmp_path) == expected
    (tmp_path / "rlid/store/leases.py").write_text('"""Leases."""')
    assert "    - `leases.py`: Leases\n" in tree.rewritten(expected, tmp_path)
    with pytest.raises(ValueError, match="once each"):
        tree.rewritten("no markers", tmp_path)
