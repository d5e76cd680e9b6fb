"""`rlid export` and `rlid play`: a solved policy as a file of a few bytes, and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from rlid.cli.options import (
    DEFAULT_STORE,
    FAILED,
    ImportOption,
    JsonOption,
    Number,
    StoreOption,
    shown,
)
from rlid.cli.streams import print_json
from rlid.cli.terminal import say
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.measurement import Summary
    from rlid.policies import PolicyReport
    from rlid.store import Store


def export(
    measurement: Annotated[
        Optional[list[str]],  # noqa: UP007, UP045 (typer reads it)
        typer.Argument(help="task/agent/network/projection; the first parts will do"),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="of every measurement that has one; the others are named")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option(help="the file to write, for one measurement; default: policies in the store"),
    ] = None,
    imports: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the smallest solved policy as one file, its z rounded to a few bits an entry."""
    from rlid.policies import export as exports
    from rlid.policies import saving
    from rlid.store import Store

    if not store.is_dir():
        raise InputError(f"no store at {shown(store)!r}: give --store, or `rlid run` first")
    records = Store(store)
    chosen = _chosen(records, measurement or [], every)
    if out is not None and len(chosen) != 1:
        raise InputError(f"--out takes one measurement, and these are {len(chosen)}")
    if out is not None:
        saving.check_target(out)
    reports = []
    for summary in chosen:
        try:
            file, report = exports.export(summary, records, imports or [])
        except InputError as error:
            if not every:
                raise
            reason = str(error).removeprefix(f"{summary.title}: ")
            say(f"not exported: {summary.path}: {reason}", error=True)
            continue
        target = out or saving.path(records, summary)
        saving.save(file, report, target)
        reports.append(report)
        if not as_json:
            _print(summary, report, target)
    if as_json:
        fields = [report.model_dump(mode="json") for report in reports]
        print_json(fields[0] if len(fields) == 1 and not every else fields)
    if not all(report.solved for report in reports):
        raise typer.Exit(FAILED)


def _chosen(records: Store, wanted: list[str], every: bool) -> list[Summary]:
    """Return the measurements that are named, or every one.

    Raises:
        InputError: no name is given, or a name fits none or several.
    """
    from rlid.measurement import answered

    if bool(wanted) == every:
        raise InputError("name measurements (task/agent/...), or give --all")
    if every:
        return answered(records)
    return [summary for name in wanted for summary in answered(records, name)]


def _print(chosen: Summary, report: PolicyReport, target: Path) -> None:
    # A file has a header, which outweighs the smallest networks.
    is_smaller = report.file_bytes < report.network_bytes
    fewer = f"{report.compression:,.3g} times fewer" if is_smaller else "not fewer"
    say(
        f"{chosen.title}: d = {report.d}, {report.bits} bits an entry: {report.z_bytes} bytes "
        f"of z, {report.file_bytes} bytes in all, {fewer} than "
        f"the network's {report.network_bytes:,}"
    )
    say(
        f"score {report.score:.6g} over {report.episodes} fresh "
        f"{'episodes' if report.episodes > 1 else 'scoring'}, {_against_threshold(report)}"
    )
    say(f"written: {shown(target)}")


def _against_threshold(report: PolicyReport) -> str:
    """Return how an exported policy stands to its threshold, in words."""
    is_above = report.score >= report.threshold
    if is_above == report.solved:
        return f"{'at least' if is_above else 'BELOW'} the {report.threshold:.6g} that is asked"
    if report.solved:
        return f"and {report.threshold:.6g} or more in the scoring that decided"
    return f"but NOT sure to reach the {report.threshold:.6g} that is asked: no confirmation passed"


def play(
    file: Annotated[Path, typer.Argument(help="a policy file, as `rlid export` writes it")],
    episodes: Annotated[Number, typer.Option(help="how many; default: the task's")] = None,
    seed: Annotated[int, typer.Option(help="of the episodes")] = 0,
    video: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option(help="record a typical episode as out.mp4 (pip install 'rlid[video]')"),
    ] = None,
    imports: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a policy from its file, check its weights, and let it play."""
    from rlid.policies import Policy
    from rlid.policies import video as recorder
    from rlid.training import standard_error

    if episodes is not None and episodes < 1:
        raise InputError(f"--episodes {episodes}: must be at least 1")
    if seed < 0:
        raise InputError(f"--seed {seed}: must be at least 0")
    policy = Policy.load(file, imports or [])
    task = policy.problem.task
    if video is not None:
        recorder.check(policy, video)
    count = episodes or task.scoring_episodes
    scores = policy.evaluate(count, seed)
    mean, error = float(scores.mean()), standard_error(scores)
    exported = policy.file
    if as_json:
        fields = {
            "task": task.name,
            "network": exported.network,
            "projection": exported.projection,
            "D": policy.problem.subspace.D,
            "d": exported.d,
            "seed": exported.seed,
            "bits": exported.bits,
            "theta_sha256": exported.theta_sha256.hex(),
            "score": mean,
            "error": error,
            "episodes": len(scores),
        }
        print_json(fields)
    else:
        say(
            f"{task.name} · {exported.network} (D = {policy.problem.subspace.D}) · "
            f"{exported.projection}, d = {exported.d} at {exported.bits} bits, "
            f"seed {exported.seed}: theta is as exported"
        )
        around = f" ± {error:.2g}" if len(scores) > 1 and math.isfinite(error) else ""
        say(f"score {mean:.6g}{around} over {len(scores)} episodes")
    if video is not None:
        shown_episode = recorder.typical([float(score) for score in scores])
        total = recorder.record(policy, video, policy.episode_seeds(count, seed)[shown_episode])
        if not as_json:
            say(
                f"written: {shown(video)} (a typical episode, nearest the median of "
                f"{len(scores)}: return {total:.6g})"
            )
