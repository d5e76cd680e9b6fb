"""One measurement, from its options to d_int90.

A plan is checked before anything is trained, a reference is established, and a runner sends trials
to an engine. A summary recomputes the answer from a store.
"""

from rlid.measurement.amounts import duration as duration
from rlid.measurement.amounts import size as size
from rlid.measurement.amounts import steps_noun as steps_noun
from rlid.measurement.answer import answer as answer
from rlid.measurement.answer import answer_json as answer_json
from rlid.measurement.answer import count as count
from rlid.measurement.answer import curve_json as curve_json
from rlid.measurement.answer import details as details
from rlid.measurement.answer import details_json as details_json
from rlid.measurement.answer import figure as figure
from rlid.measurement.answer import further as further
from rlid.measurement.answer import interval as interval
from rlid.measurement.answer import is_bracket as is_bracket
from rlid.measurement.answer import reliable as reliable
from rlid.measurement.answer import span as span
from rlid.measurement.answer import value as value
from rlid.measurement.answered import answered as answered
from rlid.measurement.budget_check import check_budget as check_budget
from rlid.measurement.check import MAX_TRIALS as MAX_TRIALS
from rlid.measurement.check import Check as Check
from rlid.measurement.check import check as check
from rlid.measurement.control import Control as Control
from rlid.measurement.cost import Cost as Cost
from rlid.measurement.cost import check_hours as check_hours
from rlid.measurement.cost import cost_of as cost_of
from rlid.measurement.cost import expected_trials as expected_trials
from rlid.measurement.dims import read_dims as read_dims
from rlid.measurement.direct_training import RANDOM_EPISODES as RANDOM_EPISODES
from rlid.measurement.direct_training import REFERENCE_SEEDS as REFERENCE_SEEDS
from rlid.measurement.direct_training import measure_reference as measure_reference
from rlid.measurement.inference import as_trial as as_trial
from rlid.measurement.inference import infer as infer
from rlid.measurement.inference import reasons as reasons
from rlid.measurement.inference import under_other_references as under_other_references
from rlid.measurement.inference import why_not_published as why_not_published
from rlid.measurement.names import as_name as as_name
from rlid.measurement.names import fits as fits
from rlid.measurement.names import name_of as name_of
from rlid.measurement.names import select as select
from rlid.measurement.names import typed_parts as typed_parts
from rlid.measurement.plan import Plan as Plan
from rlid.measurement.plan import plan as plan
from rlid.measurement.plan import plan_of as plan_of
from rlid.measurement.plan import task_of as task_of
from rlid.measurement.precedent import precedents as precedents
from rlid.measurement.question import ask as ask
from rlid.measurement.recipes import agent_of as agent_of
from rlid.measurement.reference import default_agents as default_agents
from rlid.measurement.reference import describe as describe
from rlid.measurement.reference import establish as establish
from rlid.measurement.reference import needs_reference as needs_reference
from rlid.measurement.run import MeasurementRun as MeasurementRun
from rlid.measurement.run import run_plan as run_plan
from rlid.measurement.runner import Runner as Runner
from rlid.measurement.runner import Watcher as Watcher
from rlid.measurement.settings_file import with_settings_file as with_settings_file
from rlid.measurement.suite import PlannedRow as PlannedRow
from rlid.measurement.suite import RowResult as RowResult
from rlid.measurement.suite import planned_rows as planned_rows
from rlid.measurement.suite import run_rows as run_rows
from rlid.measurement.suite_file import Suite as Suite
from rlid.measurement.suite_file import load_suite as load_suite
from rlid.measurement.suite_file import suite_names as suite_names
from rlid.measurement.summary import Summary as Summary
from rlid.measurement.summary import compare_summaries as compare_summaries
from rlid.measurement.summary import improving_range as improving_range
from rlid.measurement.summary import is_first_edition as is_first_edition
from rlid.measurement.summary import measurements as measurements
from rlid.measurement.summary import summarise as summarise

__all__ = [
    "MAX_TRIALS",
    "RANDOM_EPISODES",
    "REFERENCE_SEEDS",
    "Check",
    "Control",
    "Cost",
    "MeasurementRun",
    "Plan",
    "PlannedRow",
    "RowResult",
    "Runner",
    "Suite",
    "Summary",
    "Watcher",
    "agent_of",
    "answer",
    "answer_json",
    "answered",
    "as_name",
    "as_trial",
    "ask",
    "check",
    "check_budget",
    "check_hours",
    "compare_summaries",
    "control",
    "cost_of",
    "count",
    "curve_json",
    "default_agents",
    "describe",
    "details",
    "details_json",
    "duration",
    "establish",
    "expected_trials",
    "figure",
    "fits",
    "further",
    "improving_range",
    "infer",
    "interval",
    "is_bracket",
    "is_first_edition",
    "load_suite",
    "measure_reference",
    "measurements",
    "name_of",
    "needs_reference",
    "plan",
    "plan_of",
    "planned_rows",
    "precedents",
    "read_dims",
    "reasons",
    "reliable",
    "run_plan",
    "run_rows",
    "select",
    "size",
    "span",
    "steps_noun",
    "suite_names",
    "summarise",
    "summary",
    "task_of",
    "typed_parts",
    "under_other_references",
    "value",
    "why_not_published",
    "with_settings_file",
]
