"""Values that rl-zoo's files write as Python text, such as "dict(net_arch=[64, 64])".

The text is parsed and its few allowed forms are turned into data; nothing of it is run.
"""

from __future__ import annotations

import ast
from typing import Any

from rlid.errors import brief

LONGEST = 2000
"""Characters of a text that is still parsed."""


class NotPlain(Exception):
    """The text is no plain value; the message says what it holds, in one line."""


def plain_value(value: Any) -> Any:
    """Return the value that a text stands for; anything but a text stands for itself.

    Allowed are numbers, strings, True, False, None, lists, tuples, dictionaries, dict(name=value),
    and dotted names such as nn.ReLU, which become strings.

    Raises:
        NotPlain: the text is something else.
    """
    if not isinstance(value, str):
        return value
    if len(value) > LONGEST:
        raise NotPlain(f"longer than {LONGEST} characters")
    try:
        return _value(ast.parse(value.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotPlain(f"{brief(value)} is no Python value") from None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        return {
            _value(key): _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _value(node.operand)
        if isinstance(number, int | float):
            return -number
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        if node.args or any(keyword.arg is None for keyword in node.keywords):
            raise NotPlain("dict with something else than name=value")
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Name | ast.Attribute):
        return ast.unparse(node)
    raise NotPlain(f"{ast.unparse(node):.40} is no plain value")
