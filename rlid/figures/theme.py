"""Figures that follow the reader's colour scheme: an SVG with a style for dark screens.

Each colour of the light figure has its own counterpart, so that a hue keeps its meaning. A figure
with other colours, such as those of a colour map, is left as it is, to stand on a light card.
"""

from __future__ import annotations

import re
from pathlib import Path

from rlid.store import read_limited, write_whole

DARK = {
    "#ffffff": "#10141b", "#000000": "#d3dae5", "#595959": "#a5afbf", "#999999": "#7a8596",
    "#2166ac": "#6db3f2", "#c7d9ec": "#28415e", "#1b7837": "#5ec27f", "#b2182b": "#f4777f",
    "#b3500a": "#f5a25d", "#646d7a": "#a5afbf", "#1f6fb8": "#6db3f2", "#dddddd": "#303846",
    "#e6e6e6": "#2a313c",
}  # fmt: skip
"""Colours of figures on a light page, and their counterparts on a dark one."""
INK = "#000000"
MARK = "rlid-theme"
MAX_BYTES = 64 * 1024 * 1024
"""Of a figure; those of a hundred trials have about 100,000."""


def themed(svg: str) -> str:
    """Return an SVG of matplotlib with a style for dark screens; the same where it does not fit.

    Args:
        svg: the text of the file.
    """
    used = {colour.lower() for colour in re.findall(r"(?:fill|stroke): (#[0-9a-fA-F]{6})", svg)}
    if MARK in svg or not used <= set(DARK):
        return svg
    rules = [f"text {{ fill: {DARK[INK]} }}"]
    for colour in sorted(used):
        for name in ("fill", "stroke"):
            rules.append(f'[style*="{name}: {colour}"] {{ {name}: {DARK[colour]} !important }}')
    style = (
        f'<style id="{MARK}">@media (prefers-color-scheme: dark) {{ {" ".join(rules)} }}</style>'
    )
    return re.sub(r"(<svg\b[^>]*>)", lambda opening: opening.group(1) + "\n " + style, svg, count=1)


def apply(path: Path) -> None:
    """Write the style for dark screens into an SVG file, where it fits.

    Raises:
        DamagedRecord: it is a link, or larger than any figure.
        OSError: the file cannot be read or written.
    """
    svg = read_limited(path, MAX_BYTES).decode()
    changed = themed(svg)
    if changed != svg:
        write_whole(path, changed.encode())


def is_themed(path: Path) -> bool:
    """Whether an SVG file has a style for dark screens.

    Raises:
        OSError: the file cannot be read.
    """
    return MARK in path.read_text()
