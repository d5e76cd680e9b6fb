"""`rlid export` and `rlid play`: a solved policy as a file of a few bytes, and back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Optional

import typer

from rlid.commands.options import (
    DEFAULT_STORE,
    FAILED,
    ImportOption,
    JsonOption,
    Number,
    StoreOption,
)


def export(
    measurement: Annotated[
        str, typer.Argument(help="task/agent/network/projection; the first parts will do")
    ],
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[
        Optional[Path],  # noqa: UP007, UP045 (typer reads it)
        typer.Option(help="the file to write; default: policies in the store"),
    ] = None,
    import_: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the smallest solved policy as one file, its z rounded to a few bits an entry."""
    from rlid import export as exports
    from rlid import summary
    from rlid.store import Store

    if not store.is_dir():
        raise ValueError(f"no store at {str(store)!r}: give --store, or `rlid run` first")
    records = Store(store)
    chosen = summary.select(summary.measurements(records), measurement)
    file, report = exports.export(chosen, records, import_ or [])
    target = out or exports.path(records, chosen)
    exports.save(file, report, target)
    if as_json:
        print(report.model_dump_json(indent=1))
    else:
        print(
            f"{chosen.title}: d = {report.d}, {report.bits} bits an entry: {report.z_bytes} bytes "
            f"of z, {report.file_bytes} bytes in all, {report.compression:,.0f} times fewer than "
            f"the network's {report.network_bytes:,}"
        )
        print(
            f"score {report.score:.6g} over {report.episodes} fresh "
            f"{'episodes' if chosen.records[0].episodes > 1 else 'scoring'}, "
            f"{'at least' if report.solved else 'BELOW'} the {report.threshold:.6g} that is asked"
        )
        print(f"written: {target}")
    if not report.solved:
        raise typer.Exit(FAILED)


def play(
    file: Annotated[Path, typer.Argument(help="a policy file, as `rlid export` writes it")],
    episodes: Annotated[Number, typer.Option(help="how many; default: the task's")] = None,
    seed: Annotated[int, typer.Option(help="of the episodes")] = 0,
    video: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option(help="record one episode there, such as out.mp4 (pip install 'rlid[video]')"),
    ] = None,
    import_: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a policy from its file, check its weights, and let it play."""
    from rlid.course import standard_error
    from rlid.policy import Policy

    if episodes is not None and episodes < 1:
        raise ValueError(f"--episodes {episodes}: must be at least 1")
    if seed < 0:
        raise ValueError(f"--seed {seed}: must be at least 0")
    policy = Policy.load(file, import_ or [])
    task = policy.problem.task
    scores = policy.evaluate(episodes or task.scoring_episodes, seed)
    mean, error = float(scores.mean()), standard_error(scores)
    found = policy.file
    if as_json:
        fields = {
            "task": task.name,
            "network": found.network,
            "projection": found.projection,
            "D": policy.problem.subspace.D,
            "d": found.d,
            "seed": found.seed,
            "bits": found.bits,
            "theta_sha256": found.theta_sha256.hex(),
            "score": mean,
            "error": error,
            "episodes": len(scores),
        }
        print(json.dumps(fields, indent=1, allow_nan=False))
    else:
        print(
            f"{task.name} · {found.network} (D = {policy.problem.subspace.D}) · "
            f"{found.projection}, d = {found.d} at {found.bits} bits, seed {found.seed}: "
            "theta is as exported"
        )
        around = f" ± {error:.2g}" if len(scores) > 1 and math.isfinite(error) else ""
        print(f"score {mean:.6g}{around} over {len(scores)} episodes")
    if video is not None:
        from rlid.video import record

        total = record(policy, video, seed)
        if not as_json:
            print(f"written: {video} (an episode of score {total:.6g})")
