"""Checks that rlid runs on its own tasks, agents and networks, for those of anyone else.

Each `check_` function raises one CheckFailed, with a line for every check that failed.
`examine_env` returns the findings about an environment, a comparison with a plain loop among them.
"""

from rlid.testing.agents import check_agent as check_agent
from rlid.testing.environments import check_env as check_env
from rlid.testing.environments import examine_env as examine_env
from rlid.testing.findings import FAILING as FAILING
from rlid.testing.findings import CheckFailed as CheckFailed
from rlid.testing.findings import Finding as Finding
from rlid.testing.networks import check_network as check_network
from rlid.testing.plain_loop import LoopComparison as LoopComparison
from rlid.testing.plain_loop import compare as compare
from rlid.testing.plain_loop import play as play
from rlid.testing.tasks import check_task as check_task

__all__ = [
    "FAILING",
    "CheckFailed",
    "LoopComparison",
    "Finding",
    "check_agent",
    "check_env",
    "check_network",
    "check_task",
    "compare",
    "examine_env",
    "play",
]
