"""Tables of results in the documents, each between `<!-- table: NAME -->` and its end.

`python docs/generated_pages.py` renews them from the files in results/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from edition_table import editions
from file_tables import recipes, recipes_in_turns, references, scale_rule, table
from not_measured import not_measured
from published_answers import PublishedRow, as_text

from rlid.measurement import load_suite

BEGIN, END = "<!-- table: ", "<!-- end of table -->"
TABLE = re.compile(
    rf"^({BEGIN}([\w-]+) -->\n)(?:(?!{BEGIN}).)*?^({END})$", re.DOTALL | re.MULTILINE
)
MARK = re.compile(rf"^(?:{BEGIN}|{END})", re.MULTILINE)
HEADLINES = (
    ("cartpole", "mlp:20x20", "cmaes", "normalised"),
    ("inverted_pendulum", "mlp:20x20", "cmaes", "normalised"),
    ("reacher", "mlp:20x20", "batched_ppo", "normalised"),
    ("pong", "conv:16-32-256", "ppo", "normalised"),
    ("mnist", "mlp:200x200", "adam", "paper, global"),
)
"""Task, network, agent and rule of the headline rows; each with the task's own budget."""
Published = Mapping[str, PublishedRow]


def renewed(text: str, published: Published) -> str:
    """Return a text with its tables made anew.

    Raises:
        ValueError: a table has a name that is not in TABLES, or no end.
    """

    def made(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise ValueError(f"no table {match[2]!r}; the tables are {', '.join(TABLES)}")
        return f"{match[1]}\n{TABLES[match[2]](published)}\n\n{match[3]}"

    new, count = TABLE.subn(made, text)
    if 2 * count != len(MARK.findall(text)):
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
            if entry.row["is_own_budget"]
            and not entry.row["settings"]
            and _key(entry) == key
            and _is_usual(entry)
        ]
        rows = [entry for entry in matching if not entry.row["edition"]] or matching
        if len(rows) != 1:
            raise ValueError(f"{len(rows)} published rows for {', '.join(key)}, and not one")
        (entry,) = rows
        status = ", ".join(filter(None, (entry.row["status"], entry.row["edition"])))
        cells = (_task(entry), _network(entry), _D(entry), _agent(entry), entry.answer,
                 entry.interval, status)  # fmt: skip
        lines.append(cells)
    return table(("task", "network", "D", "agent", "d_int90", "95 % interval", "status"), lines)


def _key(entry: PublishedRow) -> tuple[str, ...]:
    row = entry.row
    return (row["task"], row["network"], row["agent"], row["rule"])


def agents(published: Published) -> str:
    """Return the tasks that several agents were measured on, with the tasks' own settings."""
    of_task: dict[str, list[PublishedRow]] = {}
    for entry in published.values():
        row = entry.row
        is_own = row["is_own_problem"] and row["is_own_budget"] and not row["settings"]
        if row["kind"] == "rl" and is_own and _is_usual(entry):
            of_task.setdefault(row["task"], []).append(entry)
    rows = [entry for _, entries in sorted(of_task.items()) if len(entries) > 1
            for entry in entries]  # fmt: skip
    head = ("task", "agent", "steps of a trial", "d_int90 (95 % interval)", "first crossing",
            "seeds", "trials", "environment steps")  # fmt: skip
    return table(head, ((
        _task(entry), _agent(entry), as_text(entry.row["budget"]), _link(entry),
        _or_dash(entry.content["answer"]["first_crossing"]), str(entry.row["seeds"]),
        str(entry.row["trials"]), _millions(entry.row["env_steps"]),
    ) for entry in rows))  # fmt: skip


def images(published: Published) -> str:
    """Return the supervised measurements of the networks of the paper."""
    rows = [
        entry
        for entry in published.values()
        if entry.row["kind"] == "supervised"
        and entry.row["network"] in ("mlp:200x200", "lenet")
        and _is_usual(entry)
    ]
    rows.sort(key=lambda entry: (entry.row["task"], -entry.row["D"]))
    head = ("task", "network", "rule", "d_int90 (95 % interval)", "trials", "Li et al. 2018")
    return table(head, ((
        _task(entry), _network(entry), entry.row["rule"], _link(entry),
        str(entry.row["trials"]), _number(entry.row["paper"]) if entry.row["paper"] else "-",
    ) for entry in rows))  # fmt: skip


def paper(published: Published) -> str:
    """Return the measurements of what Li et al. (2018) measured, with their figure.

    Agents have the task's own settings, or those of `rlid suite paper`.
    """
    head = (
        "task",
        "network",
        "Li et al. 2018",
        "here (95 % interval)",
        "agent",
        "rule",
        "steps of a trial",
    )
    asked = {
        (row.task, row.options.get("network"), " ".join(row.options.get("settings", ())))
        for row in load_suite("paper").rows
    }
    rows = [
        entry
        for entry in published.values()
        if entry.row["paper"]
        and _is_usual(entry)
        and (
            not entry.row["settings"]
            or entry.row["is_own_budget"]
            and (entry.row["task"], entry.row["network"], entry.row["settings"]) in asked
        )
    ]
    rows.sort(key=lambda entry: (int(entry.row["paper"]), entry.row["task"], entry.row["agent"]))
    return table(head, ((
        _task(entry), _network(entry), _published_elsewhere(entry), _link(entry),
        _agent(entry), entry.row["rule"], as_text(entry.row["budget"]),
    ) for entry in rows))  # fmt: skip


def _published_elsewhere(entry: PublishedRow) -> str:
    """Return the figure of Li et al. (2018), with how they measured it where that is noted."""
    figure, note = _number(entry.row["paper"]), entry.row["paper_note"]
    return f"{figure} ({note})" if note else figure


def projections(published: Published) -> str:
    """Return what was measured by several kinds of projection with the task's own settings."""
    kinds: dict[tuple[str, ...], list[PublishedRow]] = {}
    for entry in published.values():
        row = entry.row
        if not row["edition"] and not row["settings"]:
            kinds.setdefault((*_key(entry), str(row["budget"])), []).append(entry)
    rows = [
        entry
        for _, entries in sorted(kinds.items())
        if len({entry.row["projection"] for entry in entries}) > 1
        for entry in sorted(entries, key=lambda entry: (not _is_usual(entry), _kind(entry)))
    ]
    head = ("task", "network", "agent", "projection", "d_int90 (95 % interval)", "first crossing",
            "seeds", "trials")  # fmt: skip
    return table(head, ((
        _task(entry), _network(entry), _agent(entry), _kind(entry), _link(entry),
        _or_dash(entry.content["answer"]["first_crossing"]), str(entry.row["seeds"]),
        str(entry.row["trials"]),
    ) for entry in rows))  # fmt: skip


def _is_usual(entry: PublishedRow) -> bool:
    """Whether a measurement has the projection that is the default."""
    return _kind(entry) == "onehot"


def _kind(entry: PublishedRow) -> str:
    return str(entry.row["projection"])


def _number(text: str) -> str:
    return f"{int(text):,}" if str(text).isdigit() else text


def sizes(published: Published) -> str:
    """Return the measurements of one task by networks of different size."""
    families = (("cartpole", "cmaes", "normalised"), ("cartpole", "batched_ppo", "normalised"),
                ("mnist", "adam", "paper, global"))  # fmt: skip
    rows = []
    for family in families:
        members = [
            entry
            for entry in published.values()
            if (entry.row["task"], entry.row["agent"], entry.row["rule"]) == family
            and entry.row["network"].startswith("mlp:")
            and _is_usual(entry)
        ]
        rows += sorted(members, key=lambda entry: entry.row["D"])
    head = ("task", "agent", "network", "D", "d_int90 (95 % interval)", "seeds", "trials")
    return table(head, ((
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
    return table(("d", "outcome", "score on fresh episodes", "hours"), lines)


def pendulum_budget(published: Published) -> str:
    """Return how many seeds of the inverted pendulum were solved within so many steps."""
    key = ("inverted_pendulum", 800_000)
    (entry,) = [
        entry for entry in published.values() if (entry.row["task"], entry.row["budget"]) == key
    ]
    trials = entry.content["rows"]
    dims = sorted({trial["d"] for trial in trials})
    lines = []
    for steps in (12_500, 25_000, 50_000, 100_000, 200_000, 400_000, 800_000):
        solved = [trial["d"] for trial in trials
                  if trial["status"] == "solved" and trial["search_steps"] <= steps]  # fmt: skip
        lines.append((f"{steps:,}", *(str(solved.count(d)) for d in dims)))
    return table(("steps of the search", *(f"d = {d}" for d in dims)), lines)


def _link(entry: PublishedRow) -> str:
    return f"[{entry.text}](../{entry.path})"


def _task(entry: PublishedRow) -> str:
    return str(entry.row["task"]).replace("_", "\\_")


def _network(entry: PublishedRow) -> str:
    return f"`{entry.row['network']}`"


def _agent(entry: PublishedRow) -> str:
    """Return the agent, with the settings that are not the task's own."""
    agent, settings = entry.row["agent"], entry.row["settings"]
    return f"`{agent}` ({settings})" if settings else f"`{agent}`"


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
    "editions": editions,
    "images": images,
    "paper": paper,
    "references": lambda published: references(),
    "sizes": sizes,
    "pendulum-budget": pendulum_budget,
    "projections": projections,
    "pong": pong,
    "not-measured": lambda published: not_measured(),
    "recipes": lambda published: recipes(),
    "recipes-in-turns": lambda published: recipes_in_turns(),
    "scale-rule": lambda published: scale_rule(),
}
"""What makes each table, by its name."""
