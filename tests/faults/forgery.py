"""Forged results that `rlid verify` refuses: python tests/faults/forgery.py [RESULT.json].

Each forgery changes one thing in an honest file, as somebody would who means to deceive: what
follows from the change (status, answer, curve, keys, sums, command, digest) is derived anew, so
that only what rlid knows can tell. Without an argument an honest result is measured first.
"""

import copy
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import forged_questions
import forged_rows

import rlid
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.assessment import assess
from rlid.leaderboard.from_records import largest_hidden_state, signed
from rlid.leaderboard.published import Answer, PublishedCurvePoint, parse
from rlid.leaderboard.verify import verify
from rlid.measurement import curve_json
from rlid.records import Judgement, MeasurementSpec
from rlid.store import Store

QUESTION = {"dmax": 8, "seeds": 5, "max_trials": 20, "budget": 20_000, "jobs": 1}
FORGERIES = {**forged_questions.FORGERIES, **forged_rows.FORGERIES}


def an_honest_result(folder):
    """Measure CartPole by CMA-ES and publish it below a folder; return the file."""
    rlid.measure("cartpole", store=folder / "store", **QUESTION)
    store = Store(folder / "store")
    (published,) = publisher.harvest(store).published
    return publisher.write(published, store, folder / "results")[0]


def as_if_honest(value):
    """Derive anew all that follows from rows, question and reference; return the file's text."""
    value = copy.deepcopy(value)
    leave = value.pop("leave", ())
    question = MeasurementSpec(**value["question"])
    judge = Judgement.of(question, random=value["random"], full=value["reference"])
    value["command"] = question.command
    if "threshold" not in leave:
        value["threshold"] = judge.threshold
    if "stop_score" not in leave and value["common"]["stop_score"] is not None:
        value["common"]["stop_score"] = value["threshold"]
    value["rows"].sort(key=lambda row: (row["d"], row["seed"]))
    published = parse(json.dumps(value))
    rows = value["rows"]
    for row in rows:
        score = row["score"] if row["deciding_score"] is None else row["deciding_score"]
        if row["status"] in ("solved", "unsolved") and "status" not in leave:
            row["status"] = "solved" if score >= value["threshold"] else "unsolved"
        if "key" not in leave:
            row["key"] = published.spec(row["d"], row["seed"]).key
        if "env_steps" not in leave:
            steps = ("search_steps", "validation_steps", "scoring_steps")
            row["env_steps"] = sum(row[name] for name in steps)
    published = parse(json.dumps(value))
    update = {"env_steps": sum(row["env_steps"] for row in rows)}
    if "hidden_state" not in leave:
        update["hidden_state"] = largest_hidden_state(published.rows)
    smallest = published.smallest()
    update["smallest_solved"] = None if smallest is None else smallest.d
    try:
        estimate = assess(published).estimate
    except ValueError:  # two rows of one trial: no answer follows
        leave = (*leave, "answer", "curve")
    if "answer" not in leave:
        update["answer"] = Answer.of(estimate)
    if "curve" not in leave:
        update["curve"] = [PublishedCurvePoint(**point) for point in curve_json(estimate)]
    forged = parse(published.model_copy(update=update).dump())
    if "sha256" not in leave:
        forged = signed(forged)
    return forged.dump()


def forged(name, source, folder):
    """Write one forgery of an honest file into a folder, its z beside it; return the file."""
    value = json.loads(source.read_text())
    value["rows"] = [{"deciding_score": None, **row} for row in value["rows"]]
    FORGERIES[name](value)
    target = Path(folder) / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(as_if_honest(value))
    for suffix in (".safetensors", ".rlid"):
        if source.with_suffix(suffix).exists():
            shutil.copy(source.with_suffix(suffix), target.with_suffix(suffix))
    return target


def main():
    """Print each forgery with the first reason why it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(sys.argv[1]) if sys.argv[1:] else an_honest_result(Path(folder))
        print(f"honest: {verify(source)[1]}")
        passed = []
        for name in FORGERIES:
            problems = verify(forged(name, source, Path(folder) / name))[1].problems
            passed += [] if problems else [name]
            print(f"{name}: {problems[0] if problems else 'PASSED'}")
        print(f"{len(FORGERIES) - len(passed)} of {len(FORGERIES)} forgeries refused")
        sys.exit(bool(passed))


if __name__ == "__main__":
    main()
