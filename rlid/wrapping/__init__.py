"""Any torch module inside a subspace, for users with a training loop of their own.

`wrap(module, d)` returns a module whose only parameter is z; theta0 is the module's own start.
Groups of parameters may have subspaces of their own.
"""

from rlid.wrapping.groups import Groups as Groups
from rlid.wrapping.module import SubspaceModule as SubspaceModule
from rlid.wrapping.module import wrap as wrap

__all__ = ["Groups", "SubspaceModule", "wrap"]
