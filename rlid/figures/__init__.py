"""Pictures of measurements: pure functions from records to SVG and PNG.

The same records give the same bytes.
Success and score against d, learning curves, and families of networks are drawn here.
"""

__all__ = ["curves", "families", "plots"]
