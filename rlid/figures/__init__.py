"""Pictures of measurements: pure functions from records to SVG and PNG.

The same records give the same bytes.
Success and score against d, learning curves, families of networks, agents and budgets side by side,
and many measurements at once are drawn here; SVG files follow the reader's colour scheme.
"""

__all__ = [
    "beside",
    "curves",
    "families",
    "overview",
    "plots",
    "relative",
    "style",
    "theme",
]
