"""What `import rlid` offers in Python: measurements as objects to look at, to draw and to compare.

`measure` runs a measurement, and `load` reads the measurements of a store.
A `Measurement` shows itself in a notebook, and gives its trials as a table and its policies.
"""

from rlid.library.comparing import compare as compare
from rlid.library.measurement import Measurement as Measurement
from rlid.library.measuring import measure as measure
from rlid.library.progress import ProgressLine as ProgressLine
from rlid.library.stored import StoredResults as StoredResults
from rlid.library.stored import load as load

__all__ = ["Measurement", "ProgressLine", "StoredResults", "compare", "load", "measure"]
