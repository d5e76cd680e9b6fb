"""Tables of results in the documents, each between `<!-- table: NAME -->` and its end.

`python docs/generated_pages.py` renews them from the files in results/.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from published_answers import ROOT, PublishedRow, as_text

BEGIN, END = "<!-- table: ", "<!-- end of table -->"
TABLE = re.compile(rf"({BEGIN}([\w-]+) -->\n)(?:(?!{BEGIN}).)*?({END})", re.DOTALL)
HEADLINES = (
    ("cartpole", "mlp:20x20", "cmaes", "normalised"),
    ("inverted_pendulum", "mlp:20x20", "cmaes", "normalised"),
    ("reacher", "mlp:20x20", "ppo", "normalised"),
    ("pong", "conv:16-32-256", "ppo", "normalised"),
    ("mnist", "mlp:200x200", "adam", "paper, global"),
)
"""Task, network, agent and rule of the headline rows; each with the task's own budget."""
RECIPES = {
    "ppo-600000": "lr 2.5e-4, clip 0.1, constant rate, advantages by minibatch, float32",
    "ppo-600000-30000": "the same",
    "ppo-1000000": "the same, 1,000,000 steps",
    "ppo-2000000": "the same, 2,000,000 steps",
    "ppo-800000-annealed": "the same with a falling rate",
    "ppo-1000000-rollout": "a falling rate, and advantages over the whole round",
    "ppo-1000000-annealed": "a falling rate, and a clip range of 0.1 alone",
}
"""What the recipes of Pong that were tried before the present one differ by, by file."""

Published = Mapping[str, PublishedRow]


def renewed(text: str, published: Published) -> str:
    """Return a text with its tables made anew.

    Raises:
        ValueError: a table has a name that is not in TABLES, or no end.
    """

    def table(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise ValueError(f"no table {match[2]!r}; the tables are {', '.join(TABLES)}")
        return f"{match[1]}\n{TABLES[match[2]](published)}\n\n{match[3]}"

    new, count = TABLE.subn(table, text)
    if not count == text.count(BEGIN) == text.count(END):
        raise ValueError("a table lacks its beginning or its end")
    return new


def headlines(published: Published) -> str:
    """Return the headline results, each by the newest edition of its measurement.

    Raises:
        ValueError: a headline names no row, or more than one.
    """
    lines = []
    for key in HEADLINES:
        matching = [
            entry
            for entry in published.values()
            if entry.row["is_own_budget"] and _key(entry) == key
        ]
        rows = [entry for entry in matching if not entry.row["edition"]] or matching
        if len(rows) != 1:
            raise ValueError(f"{len(rows)} published rows for {', '.join(key)}, and not one")
        (entry,) = rows
        status = ", ".join(filter(None, (entry.row["status"], entry.row["edition"])))
        cells = (_task(entry), _network(entry), _D(entry), _agent(entry), entry.answer,
                 entry.interval, status)  # fmt: skip
        lines.append(cells)
    return _table(("task", "network", "D", "agent", "d_int90", "95 % interval", "status"), lines)


def _key(entry: PublishedRow) -> tuple[str, ...]:
    row = entry.row
    return (row["task"], row["network"], row["agent"], row["rule"])


def agents(published: Published) -> str:
    """Return the agents on CartPole-v1 with one network, the smallest answer first."""
    rows = [
        entry
        for entry in published.values()
        if (entry.row["task"], entry.row["network"]) == ("cartpole", "mlp:20x20")
    ]
    head = ("agent", "steps of a trial", "d_int90 (95 % interval)", "first crossing", "seeds",
            "trials", "environment steps")  # fmt: skip
    return _table(head, ((
        _agent(entry), as_text(entry.row["budget"]), _link(entry),
        _or_dash(entry.content["answer"]["first_crossing"]), str(entry.row["seeds"]),
        str(entry.row["trials"]), _millions(entry.row["env_steps"]),
    ) for entry in rows))  # fmt: skip


def images(published: Published) -> str:
    """Return the supervised measurements of the networks of the paper."""
    rows = [
        entry
        for entry in published.values()
        if entry.row["kind"] == "supervised" and entry.row["network"] in ("mlp:200x200", "lenet")
    ]
    rows.sort(key=lambda entry: (entry.row["task"], -entry.row["D"]))
    head = ("task", "network", "rule", "d_int90 (95 % interval)", "trials", "Li et al. 2018")
    return _table(head, ((
        _task(entry), _network(entry), entry.row["rule"], _link(entry),
        str(entry.row["trials"]), _or_dash(entry.row["paper"]),
    ) for entry in rows))  # fmt: skip


def paper(published: Published) -> str:
    """Return every measurement of what Li et al. (2018) measured, with their figure."""
    head = (
        "task",
        "network",
        "Li et al. 2018",
        "here (95 % interval)",
        "agent",
        "rule",
        "steps of a trial",
    )
    rows = [entry for entry in published.values() if entry.row["paper"]]
    rows.sort(key=lambda entry: (int(entry.row["paper"]), entry.row["task"], entry.row["agent"]))
    return _table(head, ((
        _task(entry), _network(entry), f"{_number(entry.row['paper'])} ({entry.row['paper_note']})",
        _link(entry), _agent(entry), entry.row["rule"], as_text(entry.row["budget"]),
    ) for entry in rows))  # fmt: skip


def _number(text: str) -> str:
    return f"{int(text):,}" if str(text).isdigit() else text


def sizes(published: Published) -> str:
    """Return the measurements of one task by networks of different size."""
    families = (("cartpole", "cmaes", "normalised"), ("mnist", "adam", "paper, global"))
    rows = []
    for family in families:
        members = [
            entry
            for entry in published.values()
            if (entry.row["task"], entry.row["agent"], entry.row["rule"]) == family
            and entry.row["network"].startswith("mlp:")
        ]
        rows += sorted(members, key=lambda entry: entry.row["D"])
    head = ("task", "agent", "network", "D", "d_int90 (95 % interval)", "seeds", "trials")
    return _table(head, ((
        _task(entry), _agent(entry), _network(entry), _D(entry), _link(entry),
        str(entry.row["seeds"]), str(entry.row["trials"]),
    ) for entry in rows))  # fmt: skip


def pong(published: Published) -> str:
    """Return the trials of Pong, and its direct training."""
    (entry,) = [entry for entry in published.values() if entry.row["task"] == "pong"]
    lines = [
        (f"{trial['d']:,}", _outcome(trial), as_text(trial["score"]),
         f"{trial['seconds'] / 3600:.2f}")
        for trial in entry.content["rows"]
    ]  # fmt: skip
    record = entry.content["reference_record"]
    for trial in record["direct"][0]["trials"]:
        lines.append((f"{record['D']:,} (direct)", trial["status"], as_text(trial["score"]), ""))
    return _table(("d", "outcome", "score on fresh episodes", "hours"), lines)


def recipes(published: Published) -> str:
    """Return what each earlier recipe of Pong reached, from the curves of its validations."""
    lines = []
    for name, difference in RECIPES.items():
        for trial, curve in _curves(ROOT / "results" / "pong" / f"{name}.csv").items():
            best = max(float(point["validation_score"]) for point in curve)
            status, steps = curve[-1]["status"], int(curve[-1]["search_steps"])
            files = f"[curve](../results/pong/{name}.svg), [numbers](../results/pong/{name}.csv)"
            outcome = "stopped by hand" if status == "under way" else status
            lines.append((difference, trial, f"{outcome} after {steps:,}", as_text(best), files))
            difference = ""
    head = ("recipe", "d", "outcome, search steps", "best validation, ten episodes", "files")
    return _table(head, lines)


def references(published: Published) -> str:
    """Return the references that are part of rlid, one line for each task and network."""
    lines = []
    for path in sorted((ROOT / "rlid" / "references").glob("*/*.json")):
        record = json.loads(path.read_text())
        if not record["direct"]:
            continue
        (best,) = [row for row in record["direct"] if row["agent"] == record["agent"]]
        lines.append((
            str(record["task"]).replace("_", "\\_"), f"`{record['network']}`",
            f"`{record['agent']}`", as_text(best["budget"]), str(len(best["trials"])),
            as_text(record["random"]), as_text(record["reference"]),
        ))  # fmt: skip
    head = ("task", "network", "agent", "steps", "seeds", "random", "reference")
    return _table(head, lines)


def _curves(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the validations of each trial in a CSV file, in the order in which they came."""
    curves: dict[str, list[dict[str, str]]] = {}
    with path.open(newline="") as file:
        for point in csv.DictReader(file):
            curves.setdefault(point["trial"], []).append(point)
    return curves


def scale_rule(published: Published) -> str:
    """Return what PPO reached on CartPole with the scale rule and without it."""
    with (ROOT / "results" / "cartpole" / "scale-rule.csv").open(newline="") as file:
        points = list(csv.DictReader(file))
    dims = list(dict.fromkeys(int(point["d"]) for point in points))
    names = {"sqrt": "lr · sqrt(D/d)", "none": "lr"}
    lines = []
    for scale, name in names.items():
        own = {int(point["d"]): point for point in points if point["scale"] == scale}
        low, high, answer = (own[dims[0]][key] for key in ("ci_low", "ci_high", "d_int90"))
        shares = [f"{own[d]['solved']} of {own[d]['trials']}" for d in dims]
        interval = f"{low}-{high}" if high else f"{low} or more"
        lines.append((name, *shares, answer or "no d tried", interval))
    head = ("learning rate of z", *(f"d = {d}" for d in dims), "d_int90", "95 % interval")
    return _table(head, lines)


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    rows = [head, ("---",) * len(head), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _link(entry: PublishedRow) -> str:
    return f"[{entry.text}](../{entry.path})"


def _task(entry: PublishedRow) -> str:
    return str(entry.row["task"]).replace("_", "\\_")


def _network(entry: PublishedRow) -> str:
    return f"`{entry.row['network']}`"


def _agent(entry: PublishedRow) -> str:
    return f"`{entry.row['agent']}`"


def _D(entry: PublishedRow) -> str:
    return f"{entry.row['D']:,}"


def _or_dash(value: object) -> str:
    return "-" if value in (None, "") else str(value)


def _millions(steps: int) -> str:
    return f"{steps / 1e6:.1f} million"


def _outcome(trial: Mapping[str, object]) -> str:
    return f"{trial['status']} after {trial['search_steps']:,} steps"


TABLES: dict[str, Callable[[Published], str]] = {
    "headline": headlines,
    "agents": agents,
    "images": images,
    "paper": paper,
    "references": references,
    "sizes": sizes,
    "pong": pong,
    "recipes": recipes,
    "scale-rule": scale_rule,
}
"""What makes each table, by its name."""
