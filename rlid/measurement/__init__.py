"""One measurement, from its options to d_int90.

A plan is checked before anything is trained, and a runner sends its trials to an engine.
A summary recomputes the answer from a store.
"""

from rlid.measurement.budget_check import check_budget as check_budget
from rlid.measurement.check import MAX_TRIALS as MAX_TRIALS
from rlid.measurement.check import Check as Check
from rlid.measurement.check import check as check
from rlid.measurement.control import Control as Control
from rlid.measurement.measure import Measurement as Measurement
from rlid.measurement.measure import answer as answer
from rlid.measurement.measure import count as count
from rlid.measurement.measure import measure as measure
from rlid.measurement.measure import run_plan as run_plan
from rlid.measurement.plan import plan as plan
from rlid.measurement.runner import Runner as Runner
from rlid.measurement.runner import Watcher as Watcher
from rlid.measurement.summary import Summary as Summary
from rlid.measurement.summary import answer_json as answer_json
from rlid.measurement.summary import as_trial as as_trial
from rlid.measurement.summary import curve_json as curve_json
from rlid.measurement.summary import measurements as measurements
from rlid.measurement.summary import summarise as summarise

__all__ = [
    "Check",
    "Control",
    "MAX_TRIALS",
    "Measurement",
    "Runner",
    "Summary",
    "Watcher",
    "answer",
    "answer_json",
    "as_trial",
    "check",
    "check_budget",
    "control",
    "count",
    "curve_json",
    "measure",
    "measurements",
    "plan",
    "run_plan",
    "summarise",
    "summary",
]
