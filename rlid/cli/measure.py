"""`rlid run` and `rlid reference`: the commands that train."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from rlid.cli.config import joined
from rlid.cli.cost import DryRunOption, MaxHoursOption, costs_of, print_costs
from rlid.cli.options import (
    DEFAULT_STORE,
    FAILED,
    AddressOption,
    AgentOption,
    BackendOption,
    BudgetOption,
    CpusOption,
    DataOption,
    DeviceOption,
    EngineOption,
    EnvArgsOption,
    EnvsOption,
    EpisodeCapOption,
    GpusOption,
    ImportOption,
    JobsOption,
    JsonOption,
    MemoryOption,
    NetworkOption,
    Number,
    ObservationOption,
    ProjectionOption,
    QuietOption,
    SeedOption,
    SetOption,
    StoreOption,
    TargetOption,
    TaskName,
    TensorboardOption,
    Text,
    TimeoutOption,
    asked,
    names,
    shown,
)
from rlid.cli.streams import print_json
from rlid.cli.terminal import say
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.measurement import Cost, MeasurementRun
    from rlid.records import Record

RULE_HELP = (
    "normalised: the fraction of the way from chance to the reference; raw: the fraction of the "
    "reference; paper: raw, of the last candidate and without early stop"
)
BASELINE_HELP = (
    "the reference: own (this network's direct training) or global (the task's, for all networks)"
)


def run(
    context: typer.Context,
    task: TaskName,
    dmax: Annotated[
        Number, typer.Option(help="the largest d to try; default: the task's own, where it has one")
    ] = None,
    agent: AgentOption = None,
    network: Annotated[
        Text, typer.Option(help="such as mlp:20x20; a list with commas measures each")
    ] = None,
    projection: ProjectionOption = "onehot",
    seeds: Annotated[int, typer.Option(help="how many seeds")] = 10,
    search: Annotated[str, typer.Option(help="adaptive, bisect or grid")] = "adaptive",
    dims: Annotated[
        Text, typer.Option(help="only these d: 1,2,4 or 1-10,12 or log:1-1000:12")
    ] = None,
    budget: BudgetOption = None,
    device: DeviceOption = "cpu",
    full: Annotated[bool, typer.Option("--full", help="no early stop")] = False,
    fraction: Annotated[float, typer.Option(help="of the reference, to succeed")] = 0.9,
    rule: Annotated[str, typer.Option(help=RULE_HELP)] = "normalised",
    baseline: Annotated[str, typer.Option(help=BASELINE_HELP)] = "own",
    reference: Annotated[
        Optional[float],  # noqa: UP007, UP045 (typer reads it)
        typer.Option(help="a reference score of your own, in place of direct training"),
    ] = None,
    reference_source: Annotated[Text, typer.Option(help="where that score comes from")] = None,
    seed: SeedOption = 0,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    cpus: CpusOption = 1.0,
    gpus: GpusOption = 0.0,
    memory: MemoryOption = None,
    store: StoreOption = DEFAULT_STORE,
    settings: SetOption = None,
    config: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option("--config", help="settings of the agent in YAML, such as a file of rl-zoo"),
    ] = None,
    imports: ImportOption = None,
    envs: EnvsOption = None,
    env_args: EnvArgsOption = None,
    episode_cap: EpisodeCapOption = None,
    data: DataOption = None,
    target: TargetOption = None,
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
    dry_run: DryRunOption = False,
    max_hours: MaxHoursOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure d_int90: the smallest subspace dimension that solves the task."""
    from rlid.cli import console, progress
    from rlid.engine import Place
    from rlid.figures import plots
    from rlid.measurement import Runner, check_budget, plan, read_dims, run_plan

    place = Place(engine, jobs, address, cpus, gpus, memory)
    agents, networks = names("--agent", agent), names("--network", network)
    options = asked(context) | {"dims": None if dims is None else read_dims(dims)}
    # All plans are checked before the first trial of any is run.
    plans = [
        plan(**joined(config, options | {"agent": name, "network": shape}))
        for name in agents
        for shape in networks
    ]
    if dry_run or max_hours is not None:
        costs = costs_of(plans, store, place, max_hours, retry=retry)
        if dry_run:
            _show_costs(costs, as_json=as_json)
            return
    # There is nothing to do here but to wait for the first trials.
    threading.Thread(target=plots.load).start()
    measured: list[MeasurementRun] = []
    answers: list[dict[str, Any]] = []
    records: list[Record] = []
    for wanted in plans:
        watcher = progress.watcher(quiet=quiet, plan=wanted, store=store)
        try:
            with Runner(
                wanted, store, place=place, timeout=timeout, watcher=watcher, retry=retry,
                tensorboard=tensorboard,
            ) as runner:  # fmt: skip
                measured.append(run_plan(runner))
                check = check_budget(runner, measured[-1]) if budget_check else None
        finally:
            watcher.close()
        _show_measured(measured[-1], store, as_json=as_json, quiet=quiet)
        answers.append(measured[-1].to_json())
        records += measured[-1].records
        if check is not None:
            answers[-1]["budget_check"] = check.to_json()
            records += check.rerun
            if not as_json:
                say(check.sentence)
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)
    elif len(agents) > 1:
        console.print_gap(measured)
    if any(record.is_missing for record in records):
        raise typer.Exit(FAILED)


def _show_costs(costs: list[Cost], *, as_json: bool) -> None:
    """Print what measurements will cost."""
    if as_json:
        objects = [cost.to_json() for cost in costs]
        print_json(objects[0] if len(objects) == 1 else objects)
    else:
        print_costs(costs)


def _show_measured(measurement: MeasurementRun, store: Path, *, as_json: bool, quiet: bool) -> None:
    """Draw the figure; print the table and the answer, unless JSON is wanted."""
    from rlid.cli import console
    from rlid.figures import plots
    from rlid.measurement import answer, summarise

    if not as_json:
        console.print_measurement(measurement)
    if measurement.records:
        summary = summarise(
            measurement.records, measurement.reference, (measurement.plan.question.digest,)
        )
        if not as_json:
            console.warn_of_budget(summary)
        paths = plots.draw(summary, plots.stem(store, summary), answer(measurement.estimate))
        if not quiet:
            say(f"plot: {' '.join(map(shown, paths))}", error=as_json)


def reference(
    context: typer.Context,
    task: TaskName,
    agent: Annotated[
        Text, typer.Option(help="which agents train directly, with commas; the best one counts")
    ] = None,
    network: NetworkOption = None,
    seeds: Annotated[int, typer.Option(help="how many seeds of direct training")] = 5,
    budget: BudgetOption = None,
    settings: SetOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    cpus: CpusOption = 1.0,
    gpus: GpusOption = 0.0,
    memory: MemoryOption = None,
    store: StoreOption = DEFAULT_STORE,
    observation: ObservationOption = None,
    backend: BackendOption = None,
    imports: ImportOption = None,
    envs: EnvsOption = None,
    env_args: EnvArgsOption = None,
    episode_cap: EpisodeCapOption = None,
    timeout: TimeoutOption = None,
    tensorboard: TensorboardOption = None,
    data: DataOption = None,
    target: TargetOption = None,
    retry: Annotated[bool, typer.Option("--retry", help="run failed trials again")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure the random-policy score and direct training, on seeds of their own.

    Without --agent, the agents that a run would try are tried.
    """
    from rlid.cli import progress
    from rlid.engine import Place
    from rlid.measurement import (
        REFERENCE_SEEDS,
        Runner,
        default_agents,
        describe,
        measure_reference,
        plan,
    )
    from rlid.store import references

    place = Place(engine, jobs, address, cpus, gpus, memory)
    chosen = [name for name in names("--agent", agent) if name is not None]
    if settings and len(chosen) != 1:
        raise InputError("--set: name the one agent that it is for with --agent")
    options = asked(context) | {"projection": "identity", "settings": None}
    wanted = plan(**(options | {"agent": chosen[0] if chosen else None}))
    watcher = progress.watcher(quiet=quiet)
    try:
        with Runner(
            wanted, store, place=place, timeout=timeout, watcher=watcher, retry=retry,
            tensorboard=tensorboard,
        ) as runner:  # fmt: skip
            agents = chosen or default_agents(wanted)
            measured = measure_reference(runner, agents, seeds, settings or [])
    finally:
        watcher.close()
    if as_json:
        print_json(measured.model_dump(mode="json"))
    else:
        say(f"{wanted.title}: {describe(measured, wanted)}")
        say(f"written: {shown(references.path_of(measured, store))}")
    if seeds < REFERENCE_SEEDS:
        say(
            f"a run measures it again: it needs {REFERENCE_SEEDS} seeds, not {seeds}",
            error=True,
        )
    references.check(wanted.task, measured.reference, measured.random)
