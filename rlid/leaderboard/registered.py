"""Measurements that were registered before they were made: commands in a file, dated by git.

Seeds that were tried in private and left out cannot be seen in a published file. Whoever wants to
exclude this registers the command, first seed included, before the run: as a line of
`registered.txt` in the folder of the task's results, committed to git. The date of the line is that
of its commit. git itself is not asked here: in a repository of a stranger it may run programs that
the repository names.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from rlid.errors import DamagedRecord
from rlid.leaderboard.published import Published
from rlid.records import visible
from rlid.store import read_limited

FILE = "registered.txt"
MAX_BYTES = 1024 * 1024
_SEED = "--seed"


def notes(published: Published, source: Path) -> Iterator[str]:
    """Yield whether a measurement was registered beside its file, with the seed that it has.

    Args:
        published: the measurement.
        source: its file.
    """
    path = source.with_name(FILE)
    try:
        lines = read_limited(path, MAX_BYTES).decode().splitlines()
    except FileNotFoundError:
        return
    except (OSError, DamagedRecord, UnicodeDecodeError) as error:
        yield visible(f"{FILE} cannot be read: {error}")
        return
    asked, seed = _without_seed(published.command)
    seeds = {
        number: line for line in lines for command, number in [_without_seed(line)]
        if command == asked and command
    }  # fmt: skip
    if seed in seeds:
        yield visible(
            f"its first seed, {seed}, is registered in {FILE}; the commit that added the line says "
            f"when: git log -S {shlex.quote(seeds[seed])} -- {shlex.quote(str(path))}"
        )
    elif seeds:
        others = ", ".join(sorted(seeds, key=int))
        yield f"{FILE} has this measurement with first seed {others}: this file has {seed}"


def _without_seed(command: str) -> tuple[tuple[str, ...], str]:
    """Return the words of a command without its first seed, and that seed; no words for a remark.

    The order of options does not matter.
    """
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return (), "0"
    head = words[:3]
    options: list[str] = []
    seed = "0"
    rest = iter(words[3:])
    for word in rest:
        if not word.startswith("--"):
            return (), "0"
        if word == "--full":
            options.append(word)
            continue
        value = next(rest, "")
        if word == _SEED:
            seed = value if value.isascii() and value.isdigit() else "0"
        else:
            options.append(f"{word} {value}")
    return (*head, *sorted(options)), seed
