"""Published measurements: written, verified, ranked and shown as tables and pages.

A published file is complete enough for anyone to re-derive its answer and repeat its trials.
What the paper published (Li and others, 2018) stands beside it.
"""

__all__ = [
    "chart",
    "claims",
    "collection",
    "comparable",
    "findings",
    "headlines",
    "origin",
    "latex",
    "paper",
    "peers",
    "publish",
    "published",
    "ranking",
    "rerun",
    "rerun_random",
    "sample",
    "site",
    "step_times",
    "suite_page",
    "suite_report",
    "tables",
    "unfolded",
    "verify",
    "yardstick",
]
