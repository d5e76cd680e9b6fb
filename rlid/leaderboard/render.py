"""Pages from templates: Jinja2 with autoescape, and a Content-Security-Policy that loads nothing.

The policy allows the page's own style and script, by their hashes, and pictures from its folder.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from rlid.leaderboard import tables


def render(template: str, **values: Any) -> str:
    """Return a page from one of the templates; every value is shown as text.

    Args:
        template: file name in the folder `templates`.
        values: what the template names.
    """
    style, script = _text("page.css") + _text("chart.css"), _text("page.js")
    policy = (
        f"default-src 'none'; img-src 'self' file: data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    page: str = (
        _environment()
        .get_template(template)
        .render(style=style, script=script, policy=policy, **values)
    )
    return page


@cache
def _environment() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["short"] = lambda value: tables.short(value) or tables.MISSING
    return environment


def _text(name: str) -> str:
    return (resources.files("rlid.leaderboard") / "templates" / name).read_text()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def number(value: float | int | None) -> str:
    """Return a number with separators of thousands; a dash for None."""
    if value is None:
        return tables.MISSING
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
