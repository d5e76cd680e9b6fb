"""`rlid doctor`: what is installed, or what rlid finds out about an environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rlid.cli.options import (
    FAILED,
    EnvArgsOption,
    EnvsOption,
    EpisodeCapOption,
    ImportOption,
    JsonOption,
    NetworkOption,
    with_arguments,
)
from rlid.cli.streams import print_json
from rlid.cli.terminal import say, say_table

PATIENCE = 600.0
"""Seconds that the examination of an environment may take."""


def doctor(
    env: Annotated[str, typer.Argument(help="an environment to examine: gym:MyEnv-v0")] = "",
    network: NetworkOption = None,
    imports: ImportOption = None,
    envs: EnvsOption = None,
    env_args: EnvArgsOption = None,
    episode_cap: EpisodeCapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed and what is missing; or whether rlid measures an environment rightly.

    Exit code 1 where something is missing, or the environment fails a check.
    """
    if env:
        name = with_arguments(env, env_args or [], episode_cap, imports or [])
        is_fine = _examine_environment(name, imports or [], network, as_json=as_json)
    else:
        is_fine = _examine_installation(as_json=as_json)
    if not is_fine:
        raise typer.Exit(FAILED)


def _examine_installation(*, as_json: bool) -> bool:
    from rlid.cli import installation

    components = installation.examine()
    command = installation.install_command(components)
    if as_json:
        print_json({"findings": [vars(part) for part in components], "install": command})
    else:
        rows = [("ok" if part.is_fine else "BAD", part.name, part.state) for part in components]
        say_table([("", "left"), ("what", "left"), ("state", "left")], rows)
        say(f"to repair it: {command}" if command else "everything that rlid needs is there")
    return all(part.is_fine for part in components)


def _examine_environment(
    name: str, imports: Sequence[str], network: str | None, *, as_json: bool
) -> bool:
    from rlid.engine import LocalEngine
    from rlid.errors import EngineError
    from rlid.testing import FAILING, Finding

    # In a process of its own, which the environment may end.
    with LocalEngine(1, PATIENCE) as engine:
        try:
            findings = engine.call(_findings, name, list(imports), network)
        except EngineError as error:
            advice = "no call of an environment may end its process or run without end"
            findings = [Finding("process", "wrong", str(error), advice)]
    is_fine = not any(finding.verdict in FAILING for finding in findings)
    if as_json:
        print_json({"environment": name, "ok": is_fine, "findings": [vars(f) for f in findings]})
        return is_fine
    rows = [(each.verdict, each.check, each.detail, each.advice) for each in findings]
    headings = ("", "check", "seen", "what to change")
    say_table([(heading, "left") for heading in headings], rows)
    say(f"{name}: rlid {'measures' if is_fine else 'cannot measure'} it as it is")
    return is_fine


def _findings(name: str, imports: list[str], network: str | None, _report: Any) -> list[Any]:
    from rlid.testing import examine_env

    return examine_env(name, imports, network=network)
