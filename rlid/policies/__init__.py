"""Solved policies as small files, and back.

A policy file holds names, seeds and z, rounded to as few bits as still succeed.
`Policy` rebuilds the network from it and acts in any copy of the environment.
"""

from rlid.policies.policy import Policy as Policy
from rlid.policies.report import Attempt as Attempt
from rlid.policies.report import PolicyReport as PolicyReport

__all__ = [
    "Attempt",
    "Policy",
    "PolicyReport",
    "bounds",
    "export",
    "policy",
    "policy_file",
    "report",
    "saving",
    "video",
]
