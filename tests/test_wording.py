"""Names say what they hold, and a test's name what must be true (CONTRIBUTING.md, "Code")."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAYS_NOTHING = {"found", "one", "item", "whole"}
"""Names that fit every value, and so tell nothing of it."""
PRONOUN = re.compile(r"test_(?:one|each|what|nothing|neither|so|it|they|there|this|that)_")


def stored_names(tree):
    """Yield the names that a module binds, its functions' arguments included, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


@pytest.mark.parametrize("folder", ["rlid", "envs", "agents", "docs"])
def test_a_name_tells_what_it_holds(folder):
    poor = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in stored_names(ast.parse(path.read_text()))
        if name in SAYS_NOTHING
    ]
    assert poor == []


def test_the_name_of_a_test_does_not_begin_with_a_pronoun():
    poor = [
        f"{path.name}: {name}"
        for path in sorted((ROOT / "tests").glob("test_*.py"))
        for name in re.findall(r"def (test_\w+)", path.read_text())
        if PRONOUN.match(name)
    ]
    assert poor == []


def test_a_name_that_says_nothing_is_noticed():
    tree = ast.parse("def of(item):\n    for one in item:\n        found = one\n")
    assert sorted(name for name, _ in stored_names(tree)) == ["found", "item", "one"]
    assert PRONOUN.match("test_what_is_left_is_told")
    assert not PRONOUN.match("test_whatever_an_agent_raises")
