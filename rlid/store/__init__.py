"""The folder of trial records, and the rules by which several processes share it.

One immutable file holds one trial; references, leases and measurements lie beside the trials.
Everything else is recomputed from these files.
"""

from rlid.store.files import inside as inside
from rlid.store.files import plain_target as plain_target
from rlid.store.files import read_limited as read_limited
from rlid.store.files import write_whole as write_whole
from rlid.store.leases import Leases as Leases
from rlid.store.measurements import Machine as Machine
from rlid.store.measurements import StoredMeasurement as StoredMeasurement
from rlid.store.measurements import this_machine as this_machine
from rlid.store.names import distinct_slug as distinct_slug
from rlid.store.names import slug as slug
from rlid.store.references import DirectTraining as DirectTraining
from rlid.store.references import Reference as Reference
from rlid.store.store import Store as Store
from rlid.store.z_files import parse_z as parse_z

__all__ = [
    "DirectTraining",
    "Leases",
    "Machine",
    "Reference",
    "Store",
    "StoredMeasurement",
    "distinct_slug",
    "inside",
    "maintenance",
    "measurements",
    "parse_z",
    "plain_target",
    "read_limited",
    "references",
    "slug",
    "this_machine",
    "write_whole",
]
