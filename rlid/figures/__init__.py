"""Pictures of measurements: pure functions from records to SVG and PNG.

The same records give the same bytes.
Success and score against d, learning curves, families of networks, the agents on one task and
d_int90 against the budget are drawn here, on light or on dark ground.
"""

__all__ = ["beside", "curves", "families", "plots", "style"]
