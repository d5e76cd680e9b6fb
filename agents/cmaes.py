"""CMA-ES (Hansen and Ostermeier 2001) on z, by pycma, restarted with growing populations."""

from __future__ import annotations

import importlib
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, LATER, Ask, SearchSteps
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem


VD_FROM = 10
"""Smallest d for which pycma recommends its restricted samplers."""
UNUSED = ("matplotlib", "matplotlib.pyplot", "scipy.stats")
"""Modules that pycma imports for plots and surrogate models, and that it does not need here."""


@AGENTS.add("evolution", "gradient-free", name="cmaes")
@dataclass(frozen=True)
class CMAES:
    """CMA-ES by pycma: full covariance for small d, a restricted one above `full_up_to`.

    sigma0 is in units of theta: the step in z is sigma0 * sqrt(D/d), since the columns of P have
    unit norm (`scale="none"` takes sigma0 as it is). Each question holds the population and the
    mean of the search distribution, which is a candidate too: with noisy returns it is often
    better than the luckiest sample. When pycma's own criteria stop a run, the next starts at z = 0
    with twice the population (IPOP; Auger and Hansen 2005).

    Attributes:
        sigma0: initial standard deviation of a weight's change. 0.2 is where direct training on
            cartpole takes the fewest steps (of 0.03, 0.05, 0.1, 0.2, 0.3, 0.5 and 1, 20 seeds).
        population: samples in a question, or None for pycma's 4 + 3 ln d.
        full_up_to: largest d with a full covariance matrix. At d = 200, 700 and 1500 a full matrix
            costs 0.13, 0.7 and 2.7 ms for each evaluation, and a restricted one 0.05, 0.1 and
            0.1 ms; four short episodes of cartpole cost about 0.13 ms (all on one core of the
            machine of the first edition).
        restricted: the covariance above that: "separable", "vd" (a diagonal and one direction;
            Akimoto, Auger and Hansen 2014) or "vkd" (and as many as it finds useful; Akimoto and
            Hansen 2016).
        max_doublings: restarts after which the population grows no more.
    """

    sigma0: float = 0.2
    population: int | None = None
    scale: Literal["sqrt", "none"] = "sqrt"
    full_up_to: int = 200
    max_doublings: int = 4
    restricted: Literal["separable", "vd", "vkd"] = field(default="separable", metadata=LATER)

    kinds: ClassVar[tuple[str, ...]] = ("rl", "supervised", "synthetic")
    shares_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse settings with which pycma cannot run.

        Raises:
            InputError: sigma0 is not positive, or the population is below 2.
        """
        if self.sigma0 <= 0:
            raise InputError(f"cmaes: sigma0 must be positive, not {self.sigma0}")
        if self.population is not None and self.population < 2:
            raise InputError(f"cmaes: population must be at least 2, not {self.population}")

    def notes(self, problem: Problem) -> Notes:
        """Return the covariance model and the step that d leads to."""
        return {"covariance": self._covariance(problem.dim), "sigma0_z": self._sigma(problem)}

    def _covariance(self, d: int) -> str:
        least = VD_FROM if self.restricted != "separable" else 0
        return "full" if d <= max(self.full_up_to, least - 1) else self.restricted

    def _sigma(self, problem: Problem) -> float:
        return self.sigma0 * problem.scale(self.scale)

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Ask about populations until closed."""
        cma = _pycma()
        # pycma needs two coordinates: at d = 1 the second coordinate is searched and not read.
        width = max(problem.dim, 2)
        doublings = 0
        while True:
            strategy = cma.CMAEvolutionStrategy(
                np.zeros(width), self._sigma(problem), self._options(width, doublings, rng)
            )
            # The check only asserts, and draws coordinates from numpy's global generator.
            strategy.adapt_sigma.check_consistency = lambda _: None
            while not strategy.stop():
                samples = strategy.ask()
                Z = np.vstack([*samples, strategy.mean])[:, : problem.dim]  # noqa: N806
                scores = yield Ask(Z)
                if scores is None or not np.isfinite(scores).all():
                    raise ValueError("cmaes: pycma takes finite scores only")
                strategy.tell(samples, list(-scores[:-1]))
            doublings = min(doublings + 1, self.max_doublings)

    def _options(self, width: int, doublings: int, rng: np.random.Generator) -> dict[str, Any]:
        def draw(*shape: int) -> np.ndarray[Any, Any]:
            return rng.standard_normal(shape)

        population = self.population or 4 + int(3 * np.log(width))
        options = {
            # A seed of NaN keeps pycma away from numpy's global generator.
            "seed": np.nan,
            "randn": draw,
            "popsize": population * 2**doublings,
            "CMA_diagonal": self._covariance(width) == "separable",
            "verbose": -9,
            "verb_log": 0,
            "verb_disp": 0,
        }
        if self._covariance(width) in ("vd", "vkd"):
            from cma.restricted_gaussian_sampler import (  # type: ignore[import-untyped]
                GaussVDSampler,
                GaussVkDSampler,
            )

            sampler = GaussVDSampler if self._covariance(width) == "vd" else GaussVkDSampler
            options = sampler.extend_cma_options(options)
            # pycma's own `randn` does not reach these samplers.
            options["CMA_sampler_options"] = {"randn": draw}
        return options


def _pycma() -> Any:
    """Import pycma without modules that take fifteen times as long to import as pycma itself."""
    if "cma" not in sys.modules:
        absent = [name for name in UNUSED if name not in sys.modules]
        sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module("cma")
        finally:
            for name in absent:
                del sys.modules[name]
    return sys.modules["cma"]
