"""What `import rlid` offers in Python: measurements as objects to look at, to draw and to compare.

`measure` runs a measurement, and `load` reads the measurements of a store.
A `Measurement` shows itself in a notebook, and gives its trials as a table and its policies.
"""

from rlid.api.comparing import compare as compare
from rlid.api.measurement import Measurement as Measurement
from rlid.api.measuring import measure as measure
from rlid.api.progress import ProgressLine as ProgressLine
from rlid.api.stored import StoredResults as StoredResults
from rlid.api.stored import load as load

__all__ = ["Measurement", "ProgressLine", "StoredResults", "compare", "load", "measure"]
