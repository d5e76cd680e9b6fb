"""`rlid run` and `rlid reference`: the commands that train."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from rlid.cli.options import (
    DEFAULT_STORE,
    FAILED,
    AddressOption,
    AgentOption,
    BackendOption,
    CpusOption,
    DataOption,
    EngineOption,
    GpusOption,
    ImportOption,
    JsonOption,
    MemoryOption,
    Number,
    ObservationOption,
    QuietOption,
    StoreOption,
    TaskName,
    TensorboardOption,
    Text,
    TimeoutOption,
    integers,
    names,
    shown,
)
from rlid.cli.streams import print_json

BUDGET_HELP = (
    "steps of one trial's search: of the environment, or minibatches (evaluations, for agents "
    "without gradients) of a supervised or synthetic task"
)
RULE_HELP = (
    "normalised: the fraction of the way from chance to the reference; raw: the fraction of the "
    "reference; paper: raw, of the last candidate and without early stop"
)
BASELINE_HELP = (
    "the reference: own (this network's direct training) or global (the task's, for all networks)"
)


def run(
    task: TaskName,
    dmax: Annotated[Number, typer.Option(help="the largest d to try")] = None,
    agent: AgentOption = None,
    network: Annotated[Text, typer.Option(help="such as mlp:20x20; a list measures each")] = None,
    projection: Annotated[str, typer.Option(help="rlid list projections")] = "onehot",
    seeds: Annotated[int, typer.Option(help="how many seeds")] = 10,
    search: Annotated[str, typer.Option(help="adaptive, bisect or grid")] = "adaptive",
    dims: Annotated[Text, typer.Option(help="only these d, such as 1,2,4")] = None,
    budget: Annotated[Number, typer.Option(help=BUDGET_HELP)] = None,
    full: Annotated[bool, typer.Option("--full", help="no early stop")] = False,
    fraction: Annotated[float, typer.Option(help="of the reference, to succeed")] = 0.9,
    rule: Annotated[str, typer.Option(help=RULE_HELP)] = "normalised",
    baseline: Annotated[str, typer.Option(help=BASELINE_HELP)] = "own",
    seed: Annotated[int, typer.Option(help="the first seed")] = 0,
    jobs: Annotated[Number, typer.Option(help="processes; default: the cores")] = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    cpus: CpusOption = 1.0,
    gpus: GpusOption = 0.0,
    memory: MemoryOption = None,
    store: StoreOption = DEFAULT_STORE,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP007, UP045
        typer.Option("--set", help="a setting of the agent, NAME=VALUE"),
    ] = None,
    import_: ImportOption = None,
    data: DataOption = None,
    timeout: TimeoutOption = None,
    tensorboard: TensorboardOption = None,
    observation: ObservationOption = None,
    backend: BackendOption = None,
    retry: Annotated[bool, typer.Option("--retry", help="run failed trials again")] = False,
    precision: Annotated[float, typer.Option(help="relative width (adaptive)")] = 0.25,
    max_trials: Annotated[Number, typer.Option(help="at most so many (adaptive)")] = None,
    budget_check: Annotated[
        bool, typer.Option("--budget-check", help="see whether twice the budget moves the answer")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure d_int90: the smallest subspace dimension that solves the task."""
    from rlid.cli import console
    from rlid.engine import Place
    from rlid.figures import plots
    from rlid.measurement import Runner, check_budget, plan, run_plan

    place = Place(engine, jobs, address, cpus, gpus, memory)
    agents, networks = names("--agent", agent), names("--network", network)
    # All plans are checked before the first trial of any is run.
    plans = [
        plan(
            task,
            agent=name,
            network=shape,
            projection=projection,
            dmax=dmax,
            dims=integers("--dims", dims),
            seeds=seeds,
            seed=seed,
            search=search,
            budget=budget,
            full=full,
            fraction=fraction,
            rule=rule,
            baseline=baseline,
            settings=set_ or [],
            imports=import_ or [],
            precision=precision,
            max_trials=max_trials,
            observation=observation,
            backend=backend,
        )
        for name in agents
        for shape in networks
    ]
    # There is nothing to do here but to wait for the first trials.
    threading.Thread(target=plots.load).start()
    measured: list[Any] = []
    checks: list[Any] = []
    for wanted in plans:
        watcher = console.watcher(quiet=quiet)
        try:
            with Runner(
                wanted,
                store,
                place=place,
                timeout=timeout,
                watcher=watcher,
                retry=retry,
                tensorboard=tensorboard,
            ) as runner:
                measured.append(run_plan(runner))
                checks.append(check_budget(runner, measured[-1]) if budget_check else None)
        finally:
            watcher.close()
        _show_measured(measured[-1], store, as_json=as_json, quiet=quiet)
        if checks[-1] is not None and not as_json:
            print(checks[-1].sentence)
    if as_json:
        found = [one.to_json() for one in measured]
        for one, check in zip(found, checks, strict=True):
            if check is not None:
                one["budget_check"] = check.to_json()
        print_json(found[0] if len(found) == 1 else found)
    elif len(agents) > 1:
        console.print_gap(measured)
    records = [record for one in measured for record in one.records]
    records += [record for check in checks if check is not None for record in check.rerun]
    if any(record.is_missing for record in records):
        raise typer.Exit(FAILED)


def _show_measured(measurement: Any, store: Path, *, as_json: bool, quiet: bool) -> None:
    """Draw the figure; print the table and the answer, unless JSON is wanted."""
    from rlid.cli import console
    from rlid.figures import plots
    from rlid.measurement import answer, summarise

    if not as_json:
        console.print_measurement(measurement)
    if measurement.records:
        summary = summarise(measurement.records)
        if not as_json:
            console.warn_of_budget(summary)
        paths = plots.draw(summary, plots.stem(store, summary), answer(measurement.estimate))
        if not quiet:
            print("plot:", *map(shown, paths), file=sys.stderr if as_json else sys.stdout)


def reference(
    task: TaskName,
    agent: AgentOption = None,
    network: Annotated[Text, typer.Option(help="such as mlp:20x20")] = None,
    seeds: Annotated[int, typer.Option(help="how many seeds of direct training")] = 5,
    budget: Annotated[Number, typer.Option(help=BUDGET_HELP)] = None,
    jobs: Annotated[Number, typer.Option(help="processes; default: the cores")] = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    cpus: CpusOption = 1.0,
    gpus: GpusOption = 0.0,
    memory: MemoryOption = None,
    store: StoreOption = DEFAULT_STORE,
    observation: ObservationOption = None,
    backend: BackendOption = None,
    import_: ImportOption = None,
    timeout: TimeoutOption = None,
    tensorboard: TensorboardOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure the random-policy score and direct training, on seeds of their own."""
    from rlid.cli import console
    from rlid.engine import Place
    from rlid.measurement import Runner, plan
    from rlid.store import references

    place = Place(engine, jobs, address, cpus, gpus, memory)
    plans = [
        plan(
            task,
            agent=name,
            network=network,
            projection="identity",
            seeds=seeds,
            budget=budget,
            observation=observation,
            backend=backend,
            imports=import_ or [],
        )
        for name in names("--agent", agent)
    ]
    watcher = console.watcher(quiet=quiet)
    try:
        with Runner(
            plans[0], store, place=place, timeout=timeout, watcher=watcher, tensorboard=tensorboard
        ) as runner:
            found = runner.reference([one.agent_name for one in plans], seeds)
    finally:
        watcher.close()
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print(
            f"{found.task} · {found.network} (D = {found.D}): random {found.random:.6g} "
            f"(± {found.random_error:.2g}, {found.random_episodes} episodes), reference "
            f"{found.reference:.6g} ({found.agent}, median of {seeds} seeds)"
        )
        rule = found.protocol.get("observation")
        print(f"written: {shown(references.path(store, found.task, found.network, rule))}")
    references.check(plans[0].task, found.reference, found.random)
