"""Dependencies point one way: the imports of every file are held against the layers."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    {"errors", "registry", "operating_system", "random_stream", "task_name", "world", "dimension"},
    {"records", "projections", "networks", "datasets", "task"},
    {"store", "simulators", "subspace"},
    {"evaluation"},
    {"problem"},
    {"agent"},
    {"sb3_bridge", "training"},
    {"engine"},
    {"measurement"},
    {"policies", "figures"},
    {"leaderboard", "testing"},
    {"cli"},
]
SIDEWAYS = {("registry", "errors"), ("task_name", "errors")}
PLUGINS = {
    "envs": {"task", "world", "errors", "datasets", "registry"},
    "agents": {"agent", "problem", "sb3_bridge", "networks", "subspace", "evaluation", "errors"},
}
# What starts the others: it names rooms and is imported by none.
DOORS = {"__init__", "__main__"}

CORE = sorted((ROOT / "rlid").rglob("*.py"))
PLUGIN_FILES = sorted(path for folder in PLUGINS for path in (ROOT / folder).glob("*.py"))


def room(path):
    return path.relative_to(ROOT / "rlid").parts[0].removesuffix(".py")


def imports(path):
    """Yield (module, name) for each `from module import name` and (module, "") for `import`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def rooms_imported(path):
    for module, name in imports(path):
        if module == "rlid" and name:
            yield name
        elif module.startswith("rlid."):
            yield module.split(".")[1]


def layer(name):
    return next(index for index, names in enumerate(LAYERS) if name in names)


def test_every_room_has_one_layer_and_every_layer_its_rooms():
    rooms = {room(path) for path in CORE} - DOORS
    named = [name for names in LAYERS for name in names]
    assert sorted(rooms) == sorted(named)


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT / "rlid")))
def test_the_core_imports_lower_layers_only(path):
    home = room(path)
    if home in DOORS:
        return
    for other in set(rooms_imported(path)) - {home}:
        assert other not in PLUGINS, f"{path} imports a plug-in"
        is_below = layer(other) < layer(home) or (home, other) in SIDEWAYS
        assert is_below, f"{path} imports {other}, which is not below {home}"


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT / "rlid")))
def test_a_room_is_entered_by_the_names_that_it_exports(path):
    for module, name in imports(path):
        parts = module.split(".")
        if parts[0] != "rlid" or len(parts) < 2 or parts[1] in (room(path), *PLUGINS):
            continue
        folder = ROOT / "rlid" / parts[1]
        if folder.is_dir() and room(path) not in DOORS:
            assert len(parts) == 2, f"{path} reaches into {module}"
            assert name in exported(folder), f"rlid.{parts[1]} does not export {name}"


def exported(folder):
    tree = ast.parse((folder / "__init__.py").read_text())
    (names,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    return names


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_plugins_import_what_is_open_to_them_and_never_each_other(path):
    assert set(rooms_imported(path)) <= PLUGINS[path.parent.name]


@pytest.mark.parametrize(
    "path", [*CORE, *PLUGIN_FILES], ids=lambda path: str(path.relative_to(ROOT))
)
def test_files_are_short_and_say_what_they_are(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))
    assert path.stem not in {"utils", "common", "misc", "helpers", "manager"}


@pytest.mark.parametrize("folder", sorted({path.parent for path in CORE} - {ROOT / "rlid"}))
def test_a_room_says_in_three_sentences_what_it_is_for(folder):
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    assert text
    assert text.count(". ") + text.count(".\n") + text.endswith(".") == 3
