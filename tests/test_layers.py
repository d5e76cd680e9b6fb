"""Dependencies point one way: the imports of every file are held against the layers."""

import ast
import importlib
from pathlib import Path

import pytest
from house import House

ROOT = Path(__file__).parents[1]
LAYERS = [
    {
        "errors",
        "registry",
        "operating_system",
        "random_stream",
        "task_fields",
        "task_name",
        "world",
        "dimension",
    },
    {"records", "projections", "networks", "datasets", "task"},
    {"store", "simulators", "subspace", "wrapping"},
    {"evaluation"},
    {"problem"},
    {"agent"},
    {"sb3_bridge", "batched", "training"},
    {"engine"},
    {"measurement"},
    {"policies", "figures"},
    {"api", "leaderboard", "testing"},
    {"cli"},
]
SIDEWAYS = {("registry", "errors"), ("task_fields", "errors"), ("task_name", "errors")}
PLUGINS = {
    "envs": {"task", "world", "errors", "datasets", "registry"},
    "agents": {
        "agent",
        "problem",
        "sb3_bridge",
        "batched",
        "networks",
        "subspace",
        "evaluation",
        "errors",
    },
}
HOUSE = House(ROOT, LAYERS, SIDEWAYS, PLUGINS)

STORE = '"""Store."""\n__all__ = ["Store"]\nfrom rlid.store.files import Store'
COMMANDS = '"""Commands."""\nfrom rlid.store import Store\nfrom rlid import store\nstore.Store'
MADE_UP = {
    "rlid/__init__.py": '"""Public names."""',
    "rlid/errors.py": '"""Errors."""',
    "rlid/task.py": '"""Tasks."""\nTASKS = "rlid.envs"\nfrom rlid.errors import InputError',
    "rlid/store/__init__.py": STORE,
    "rlid/store/files.py": '"""Files."""\nfrom rlid.errors import StoreError',
    "rlid/cli.py": COMMANDS,
    "envs/tasks.py": '"""Tasks."""\nfrom rlid.task import TASKS',
}


def made_up(folder, **files):
    """Write a small house that breaks no rule, with the given files in place of its own."""
    for name, text in {**MADE_UP, **{f"{key}.py": text for key, text in files.items()}}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return House(folder, [{"errors"}, {"task"}, {"store"}, {"cli"}], set(), {"envs": {"task"}})


def test_every_room_has_one_layer_and_every_layer_its_rooms():
    assert HOUSE.naming_offences() == []


def test_rooms_import_exported_names_of_lower_layers_and_plugins_what_is_open_to_them():
    assert len(HOUSE.core()) > 100
    assert len(HOUSE.plugin_files()) > 15
    assert {"errors", "problem", "records"} <= HOUSE.rooms_imported(ROOT / "rlid/training/trial.py")
    assert HOUSE.offences() == []


def test_files_are_short_and_say_what_they_are():
    assert HOUSE.file_offences() == []


@pytest.mark.parametrize("folder", HOUSE.folders(), ids=lambda folder: folder.name)
def test_a_room_says_in_three_sentences_what_it_is_for_and_has_what_it_exports(folder):
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    assert text
    assert text.count(". ") + text.count(".\n") + text.endswith(".") == 3
    room = importlib.import_module(f"rlid.{folder.name}")
    for name in HOUSE.exported(folder.name):
        assert hasattr(room, name) or (folder / f"{name}.py").is_file(), name


def test_a_class_name_has_one_meaning():
    homes = {}
    for path in [*HOUSE.core(), *HOUSE.plugin_files()]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert len(homes) > 100
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_a_house_in_order_has_no_offence(tmp_path):
    house = made_up(tmp_path)
    assert house.offences() == house.naming_offences() == house.file_offences() == []
    assert house.rooms_imported(tmp_path / "rlid/cli.py") == {"store"}


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("rlid/store/files", "from rlid.cli import main", "cli, which is not below store"),
        ("rlid/store/files", "import rlid.cli", "cli, which is not below store"),
        ("rlid/store/files", "def f():\n    from rlid import cli", "cli, which is not below store"),
        ("rlid/store/files", "if TYPE_CHECKING:\n    from rlid.cli import main", "not below store"),
        ("rlid/store/files", "import_module('rlid.cli')", "cli, which is not below store"),
        ("rlid/store/files", "HOME = 'rlid.cli:main'", "cli, which is not below store"),
        ("rlid/store/files", "import_module(name)", "whose name is not a literal"),
        ("rlid/store/files", "__import__(f'rlid.{name}')", "whose name is not a literal"),
        ("rlid/store/files", "from . import other", "relative import"),
        ("rlid/store/files", "from rlid.envs import tasks", "imports the plug-ins envs"),
        ("rlid/store/files", "PACKAGE = 'rlid.envs'", "imports the plug-ins envs"),
        ("rlid/store/files", "import rlid", "imports rlid itself"),
        ("rlid/store/files", "from rlid import measure", "has no layer"),
        ("rlid/cli", "from rlid.store.files import Store", "store.files.Store is not exported"),
        ("rlid/cli", "import rlid.store.files", "rlid.store.files is not exported"),
        ("rlid/cli", "from rlid.store import Lease", "rlid.store.Lease is not exported"),
        ("rlid/cli", "from rlid.store import *", "import *"),
        ("rlid/cli", "from rlid import store\nstore.files.Store", "store.files is not exported"),
        ("rlid/cli", "from rlid import store as kept\nkept.Lease", "store.Lease is not exported"),
        ("rlid/cli", "import rlid.store\nrlid.store.Lease", "store.Lease is not exported"),
        ("envs/tasks", "from rlid.store import Store", "store, which is not open to envs"),
        ("envs/tasks", "from rlid.envs.other import Board", "envs, which is not open to envs"),
        ("envs/tasks", "HOME = 'rlid.envs.other:Board'", "envs, which is not open to envs"),
        ("envs/deep/tasks", "from rlid.store import Store", "store, which is not open to envs"),
    ],
)
def test_an_import_that_breaks_a_rule_is_found(tmp_path, name, line, words):
    house = made_up(tmp_path, **{name: f'"""A module."""\n{line}'})
    offences = house.offences()
    assert [offence for offence in offences if words in offence]
    assert {offence.partition(":")[0] for offence in offences} == {f"{name}.py"}


def test_an_import_between_rooms_of_one_layer_is_found_unless_it_is_named(tmp_path):
    made_up(tmp_path, **{"rlid/task": '"""Tasks."""\nfrom rlid.errors import InputError'})
    layers = [{"errors", "task"}, {"store"}, {"cli"}]
    assert House(tmp_path, layers).offences() == [
        "rlid/task.py: imports errors, which is not below task"
    ]
    assert House(tmp_path, layers, {("task", "errors")}).offences() == []


def test_a_room_without_a_layer_and_a_layer_without_a_room_are_found(tmp_path):
    house = made_up(tmp_path, **{"rlid/attic/__init__": '"""Attic."""'})
    assert house.naming_offences() == ["room attic has no layer"]
    layers = [*house.layers, {"attic", "cellar", "cli"}]
    assert House(tmp_path, layers).naming_offences() == [
        "layer names cellar, which is not there",
        "cli is in two layers",
    ]


def test_a_file_that_is_long_undocumented_or_vaguely_named_is_found(tmp_path):
    house = made_up(
        tmp_path, **{"rlid/store/utils": "x = 1", "rlid/errors": '"""Errors."""' + "\n" * 301}
    )
    assert house.file_offences() == [
        "rlid/errors.py: more than 300 lines",
        "rlid/store/utils.py: no docstring",
        "rlid/store/utils.py: the name does not tell what the module holds",
    ]
