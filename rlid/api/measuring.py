"""`rlid.measure`: one call from the name of a task to its intrinsic dimension."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rlid.api.measurement import Measurement
from rlid.api.progress import ProgressLine, is_notebook
from rlid.engine import Place
from rlid.errors import InputError, brief
from rlid.measurement import Runner, Watcher, ask, plan_of, run_plan, with_settings_file
from rlid.records import MeasurementSpec
from rlid.registry import each_once, typed_text


def measure(
    task: str,
    *,
    agent: str | None = None,
    network: str | None = None,
    projection: str = "onehot",
    dmax: int | None = None,
    dims: Sequence[int] | None = None,
    seeds: int = 10,
    seed: int = 0,
    search: Literal["adaptive", "bisect", "grid"] = "adaptive",
    precision: float = 0.25,
    max_trials: int | None = None,
    budget: int | None = None,
    observation: str | None = None,
    backend: str | None = None,
    device: str = "cpu",
    full: bool = False,
    fraction: float = 0.9,
    rule: Literal["normalised", "raw", "paper"] = "normalised",
    baseline: Literal["own", "global"] = "own",
    reference: float | None = None,
    reference_source: str | None = None,
    settings: Sequence[str] | Mapping[str, object] = (),
    config: str | os.PathLike[str] | None = None,
    imports: str | Sequence[str] = (),
    store: str | os.PathLike[str] = "rlid-store",
    jobs: int | None = None,
    place: Place | None = None,
    timeout: float | None = None,
    tensorboard: str | os.PathLike[str] | None = None,
    watcher: Watcher | None = None,
    progress: bool = True,
    retry: bool = False,
) -> Measurement:
    """Measure the intrinsic dimension of a task.

    Args:
        task: a registered task, such as "cartpole" or "gym:MyEnv-v0".
        agent: which optimizer searches z; None for the task's own.
        network: the policy's or classifier's architecture, such as "mlp:20x20"; None for the
            task's own.
        projection: the kind of random projection.
        dmax: the largest d to try; every d up to it is open to the search.
        dims: the only d to try, in place of `dmax`.
        seeds: how many seeds.
        seed: the first seed.
        search: how trials are chosen: "adaptive" asks what narrows the interval most, "bisect"
            bisects d for each seed, "grid" runs every d with every seed.
        precision: width of the 95 % interval over d_int90 at which the adaptive search ends.
        max_trials: the most trials that the adaptive search asks for.
        budget: steps of one trial's search: environment steps, or minibatches (evaluations, for
            agents without gradients) of a supervised or synthetic task; None for the task's own.
        observation: "raw", "scaled" or "frozen" in place of the task's own rule.
        backend: what steps the environment, in place of the task's own.
        device: where a gradient agent trains: "cpu", "cuda", "cuda:N", or "auto" for a GPU where
            there is one and the work is large.
        full: run every trial to the end of its budget.
        fraction: the share of the reference that counts as solved.
        rule: "normalised" takes the fraction of the way from random actions to the reference,
            "raw" the fraction of the reference, "paper" the same of the last candidate, without
            an early stop.
        baseline: "own" judges by this network's direct training, "global" by the task's figure.
        reference: a reference score of your own, in place of direct training.
        reference_source: where that score comes from, in words; it is shown and published.
        settings: hyper-parameters of the agent, as a mapping {name: value} or as texts
            "name=value".
        config: a YAML file of settings, such as a hyper-parameter file of rl-zoo; what is given
            here comes before it.
        imports: packages that register environments, tasks, networks or agents; a text stands for
            one package.
        store: the folder of records; trials found there are not run again.
        jobs: worker processes; None for as many as there are cores.
        place: where trials run, if not in local processes: `Place("ray", address=...)` of
            `rlid.engine`.
        timeout: seconds without a sign of life after which a trial counts as hung.
        tensorboard: a folder for TensorBoard's curves of every trial.
        watcher: hears how it goes, in place of `progress`.
        progress: in a notebook, show how far it is below the cell.
        retry: run failed (missing) trials again.

    Raises:
        InputError: (a ValueError) an argument is unknown or out of range.
        ReferenceRefused: direct training does not work on this task.
        TrialsFailed: the first trials all failed.
        StoreError: the store cannot be written.
    """
    # A comprehension over locals() itself would see its own variables while a debugger traces it.
    given = dict(locals())
    # Every parameter that MeasurementSpec declares bears on the answer; the others do not.
    options = {name: value for name, value in given.items() if name in FIELDS}
    options["settings"] = _assignments(settings)
    options["imports"] = _texts("imports", imports, '"my_package", or ["my_package"]')
    # A package that is imported may change the working folder.
    folder = Path(os.path.abspath(store))
    curves = None if tensorboard is None else os.path.abspath(tensorboard)
    if not isinstance(place, Place | None):
        raise InputError(f'place={brief(place)}: give a Place of rlid.engine, such as Place("ray")')
    place = place or Place()
    if jobs is not None:
        place = replace(place, jobs=jobs)
    if watcher is None:
        watcher = ProgressLine() if progress and is_notebook() else Watcher()
    try:
        if config is not None:
            options, notes = with_settings_file(Path(config), options)
            for note in notes:
                watcher.note(f"{os.fspath(config)}: {note}")
        with Runner(
            plan_of(ask(**options)), folder, place=place, timeout=timeout, watcher=watcher,
            retry=retry, tensorboard=curves,
        ) as runner:  # fmt: skip
            return Measurement.of_run(run_plan(runner), folder)
    finally:
        watcher.close()


def _assignments(settings: Sequence[str] | Mapping[str, object]) -> tuple[str, ...]:
    """Return settings as texts "name=value", as they are typed after --set.

    Raises:
        InputError: they are neither a mapping nor texts.
    """
    if isinstance(settings, Mapping):
        return tuple(f"{name}={typed_text(value)}" for name, value in settings.items())
    texts = _texts("settings", settings, 'a mapping {"lr": 0.001}, or texts ["lr=0.001"]')
    return each_once("--set", texts)


def _texts(name: str, given: object, right: str) -> tuple[str, ...]:
    """Return an argument that is a list of texts, where one text stands for itself.

    Raises:
        InputError: it is something else; `right` says what would be right.
    """
    texts = (given,) if isinstance(given, str) else given or ()
    if not isinstance(texts, Collection) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{name}={brief(given)}: give {right}")
    return tuple(texts)


FIELDS = frozenset(MeasurementSpec.model_fields)
