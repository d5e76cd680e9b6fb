"""The statistics of d_int90: which trials to run next, and what follows from them.

A trial is a row (d, seed, success), and an estimate is d_int90 with its interval.
This room imports nothing of rlid, so that it can be read, tested and reused alone.
"""

from rlid.dimension.answer import Estimate as Estimate
from rlid.dimension.comparison import Comparison as Comparison
from rlid.dimension.comparison import compare as compare
from rlid.dimension.estimate import FEWEST_SEEDS as FEWEST_SEEDS
from rlid.dimension.estimate import estimate as estimate
from rlid.dimension.evidence import Alternatives as Alternatives
from rlid.dimension.fitted_curve import fitted_curve as fitted_curve
from rlid.dimension.reference_error import reference_posterior as reference_posterior
from rlid.dimension.search import BATCH_ROUND_SIZE as BATCH_ROUND_SIZE
from rlid.dimension.search import SEARCHES as SEARCHES
from rlid.dimension.search import Search as Search
from rlid.dimension.search import make_search as make_search
from rlid.dimension.statistics import Floats as Floats
from rlid.dimension.statistics import exact_interval as exact_interval
from rlid.dimension.success_curve import CurvePoint as CurvePoint
from rlid.dimension.success_curve import TrialOutcome as TrialOutcome
from rlid.dimension.wording import bracket_in_words as bracket_in_words
from rlid.dimension.wording import figure_in_words as figure_in_words
from rlid.dimension.wording import interval_in_words as interval_in_words

__all__ = [
    "BATCH_ROUND_SIZE",
    "FEWEST_SEEDS",
    "SEARCHES",
    "Alternatives",
    "Comparison",
    "CurvePoint",
    "Estimate",
    "Floats",
    "Search",
    "TrialOutcome",
    "bracket_in_words",
    "compare",
    "estimate",
    "exact_interval",
    "figure_in_words",
    "fitted_curve",
    "interval_in_words",
    "make_search",
    "reference_posterior",
]
