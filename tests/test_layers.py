"""Dependencies point one way: the imports of every module are read and held against the layers."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENVS, AGENTS = 40, 41
LAYERS = {
    **dict.fromkeys(["registry", "stream", "datasets", "projections", "stats", "fields"], 0),
    **dict.fromkeys(["task", "networks", "subspace", "record", "actions", "simulator"], 1),
    **dict.fromkeys(["files", "question", "paper", "state", "scalars"], 1),
    **dict.fromkeys(["mujoco_simulator", "envpool_simulator", "observation"], 1),
    **dict.fromkeys(
        [
            "problem",
            "acting",
            "two_actions",
            "rows",
            "slots",
            "rollout",
            "store",
            "journal",
            "upkeep",
            "reference",
            "control",
        ],
        2,
    ),
    "leases": 2,
    "checkpoint": 3,
    **dict.fromkeys(["agent", "sb3_bridge"], 3),
    **dict.fromkeys(["measured", "published", "policy", "policy_file", "policy_report"], 5),
    **dict.fromkeys(["trial", "course", "loop", "dimension"], 5),
    **dict.fromkeys(["threshold_model", "success_curve", "summary", "yardstick"], 5),
    **dict.fromkeys(
        [
            "search",
            "information",
            "plan",
            "engine",
            "runner",
            "measurement",
            "budget",
            "leaderboard",
            "claims",
            "report",
            "plots",
            "families",
            "export",
            "video",
            "tables",
            "site",
            "curves",
            "publisher",
            "verify",
            "rerun",
            "check",
            "ci",
        ],
        6,
    ),
    **dict.fromkeys(["cli", "commands", "console", "doctor", "__main__"], 7),
}
OPEN_TO_ENVS = {"datasets", "task"}
OPEN_TO_AGENTS = {"agent", "sb3_bridge", "problem", "networks", "subspace"}

CORE = sorted((ROOT / "rlid").rglob("*.py"))
PLUGINS = sorted([*(ROOT / "envs").glob("*.py"), *(ROOT / "agents").glob("*.py")])


def imports(path: Path) -> set[str]:
    """The modules and packages below rlid that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return {name.split(".")[1] for name in found if name.startswith("rlid.")}


def home(path: Path) -> str:
    return path.relative_to(ROOT / "rlid").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", [p for p in CORE if home(p) != "__init__"], ids=home)
def test_core_imports_its_own_layer_or_below(path):
    assert home(path) in LAYERS, f"{path} has no layer: add it"
    layer = LAYERS[home(path)]
    for name in imports(path):
        assert name not in ("envs", "agents"), f"{path} imports a plug-in by hand"
        assert name not in LAYERS or LAYERS[name] <= layer, f"{path} imports {name} from above"


def test_the_imports_of_the_core_have_no_cycle():
    edges: dict[str, set[str]] = {}
    for path in CORE:
        if home(path) != "__init__":
            edges.setdefault(home(path), set()).update(imports(path) & set(LAYERS))
    done: set[str] = set()

    def visit(name, above):
        assert name not in above, f"cycle: {[*above, name]}"
        if name not in done:
            for other in edges.get(name, set()) - {name}:
                visit(other, [*above, name])
            done.add(name)

    for name in edges:
        visit(name, [])


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_plugins_import_only_what_is_open_to_them(path):
    allowed = OPEN_TO_ENVS if path.parent.name == "envs" else OPEN_TO_AGENTS
    assert imports(path) <= allowed


@pytest.mark.parametrize("path", [*CORE, *PLUGINS], ids=lambda path: path.name)
def test_files_are_short_and_say_what_they_are(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))
    assert path.stem not in {"utils", "common", "misc", "helpers", "manager"}
