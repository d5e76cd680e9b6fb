"""rlid verify: sound results pass, altered ones do not, and it claims no more than it did."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from command import rlid, rlid_here
from measurements import a_published

from rlid.errors import DamagedRecord
from rlid.leaderboard import publish as publisher
from rlid.leaderboard import rerun
from rlid.leaderboard.from_records import signed
from rlid.leaderboard.published import parse
from rlid.leaderboard.verify import verify
from rlid.records.strict_json import canonical

RESULTS = Path(__file__).parents[1] / "results"
SHIPPED = sorted(RESULTS.glob("*/*.json"))

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.fixture(scope="module")
def written(quick_store, tmp_path_factory):
    (one,) = publisher.harvest(quick_store).published
    return publisher.write(one, quick_store, tmp_path_factory.mktemp("written"))[0]


@pytest.fixture
def source(written, tmp_path):
    shutil.copytree(written.parent, tmp_path / "task")
    return tmp_path / "task" / written.name


def leaves(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        if isinstance(item, dict | list):
            yield from leaves(item, (*path, name))
        else:
            yield (*path, name), item


def altered(value, path, leaf):
    copy = json.loads(canonical(value))
    *above, last = path
    inner = copy
    for name in above:
        inner = inner[name]
    inner[last] = leaf
    return copy


def again_signed(value):
    """The value with the digest that fits it: what somebody does who means to deceive."""
    return parse(json.dumps(value)).model_copy(update={"sha256": parse(json.dumps(value)).digest()})


def test_a_published_measurement_is_consistent(source):
    one, verdict = verify(source)
    assert verdict.problems == ()
    assert {"schema", "digest", "judgement", "reference", "rows", "answer", "z", "search"} <= set(
        verdict.checked
    )
    assert one.question.digest in source.name


def test_an_altered_number_anywhere_is_caught(source):
    value = json.loads(source.read_text())
    numbers = [(p, v) for p, v in leaves(value) if type(v) in (int, float)]
    assert len(numbers) > 200
    places = {tuple(part for part in path if isinstance(part, str)): path for path, _ in numbers}
    for path in places.values():
        number = dict(numbers)[path]
        changed = altered(value, path, number + 1)
        try:
            one = parse(json.dumps(changed))
        except DamagedRecord:
            continue
        assert one.digest() != one.sha256, path


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("threshold",), lambda v: v - 0.1),
        (("random",), lambda v: v + 0.01),
        (("reference",), lambda v: v - 0.5),
        (("answer", "d_int90"), lambda v: (v or 0) + 1),
        (("answer", "ci_low"), lambda v: (v or 0) + 1),
        (("curve", 0, "successes"), lambda v: v + 1),
        (("env_steps",), lambda v: v + 1),
        (("smallest_solved",), lambda v: v + 1),
        (("rows", 0, "env_steps"), lambda v: v + 1),
        (("rows", 0, "search_steps"), lambda v: v + 1),
        (("rows", 0, "score"), lambda v: 5.0 - v if v < 2.5 else 0.0),
        (("rows", 0, "seed"), lambda v: v + 1),
        (("rows", 0, "d"), lambda v: v + 1),
        (("rows", 0, "episodes"), lambda v: v - 1),
        (("rows", 0, "status"), lambda v: "unsolved" if v == "solved" else "solved"),
        (("rows", 0, "key"), lambda v: v[::-1]),
        (("rows", 0, "theta_sha256"), lambda v: None),
        (("reference_record", "direct", 0, "median"), lambda v: v + 1),
        (("reference_record", "direct", 0, "trials", 0, "score"), lambda v: v - 4),
        (("command",), lambda v: v + " --full"),
        (("question", "seeds"), lambda v: v - 2),
        (("question", "fraction"), lambda v: 0.8),
        (("common", "budget"), lambda v: v + 1),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_an_alteration_that_is_signed_anew_does_not_follow_from_the_rows(source, path, change):
    value = json.loads(source.read_text())
    leaf = dict(leaves(value))[path]
    source.write_text(again_signed(altered(value, path, change(leaf))).dump())
    _, verdict = verify(source)
    assert verdict.problems


def confirmed(row, **scores):
    """A row of a confirmed trial, signed, in a file of such rows."""
    one = a_published()
    rows = [
        each.model_copy(update=scores) if index == row else each
        for index, each in enumerate(one.rows)
    ]
    return signed(one.model_copy(update={"rows": rows}))


@pytest.mark.parametrize(
    ("is_solved", "scores", "problem"),
    [
        (True, {"score": 400.0}, None),  # a further scoring decides nothing
        (True, {"deciding_score": 400.0}, "solved, at a score of 400.0"),
        (False, {"deciding_score": 480.0, "score": 480.0}, "unsolved, at a score of 480.0"),
        (False, {"score": 99.0}, "its score is not the one that decided"),
        (True, {"deciding_score": None}, "a score without the one that decided"),
    ],
)
def test_the_deciding_score_of_a_confirmed_trial_says_whether_it_is_solved(
    tmp_path, is_solved, scores, problem
):
    rows = a_published().rows
    row = next(i for i, each in enumerate(rows) if (each.status == "solved") == is_solved)
    path = tmp_path / "one.json"
    path.write_text(confirmed(row, **scores).dump())
    name = f"d = {rows[row].d}, seed {rows[row].seed}: "
    problems = [line for line in verify(path)[1].problems if line.startswith(name)]
    of_scores = [line for line in problems if "score" in line and "hash" not in line]
    assert [problem in line for line in of_scores] == ([] if problem is None else [True])


def test_a_trial_that_ran_its_whole_budget_is_scored_once_more_whatever_decided(tmp_path):
    one = a_published()
    ran_on = one.model_copy(update={"common": {**one.common, "stop_score": None}})
    row = next(i for i, each in enumerate(one.rows) if each.status == "unsolved")
    rows = [*one.rows]
    rows[row] = rows[row].model_copy(update={"score": 99.0})
    path = tmp_path / "one.json"
    path.write_text(signed(ran_on.model_copy(update={"rows": rows})).dump())
    _, verdict = verify(path)
    assert not any("not the one that decided" in line for line in verdict.problems)


def test_a_trial_of_the_first_rule_has_no_deciding_score(tmp_path):
    old = a_published(stopping="look")
    rows = [old.rows[0].model_copy(update={"deciding_score": old.rows[0].score}), *old.rows[1:]]
    path = tmp_path / "one.json"
    path.write_text(signed(old.model_copy(update={"rows": rows})).dump())
    _, verdict = verify(path)
    assert any("a deciding score, where one look ends a trial" in line for line in verdict.problems)
    assert any(note.startswith("first edition") for note in verdict.notes)


def test_another_z_beside_it_is_caught(source):
    z = source.with_suffix(".safetensors")
    data = bytearray(z.read_bytes())
    data[-1] ^= 1
    z.write_bytes(bytes(data))
    _, verdict = verify(source)
    assert verdict.problems == (f"{z.name}: not the z of the smallest solved row",)


def test_repeated_trials_speak_against_what_signing_hides(source):
    value = json.loads(source.read_text())
    index = max(range(len(value["rows"])), key=lambda i: value["rows"][i]["d"])
    assert value["rows"][index]["theta_sha256"]
    path = ("rows", index, "theta_sha256")
    one = again_signed(altered(value, path, "0" * 64))
    source.write_text(one.dump())
    assert verify(source)[1].is_consistent
    sound = next(row for row in one.rows if row != one.rows[index])
    outcomes = rerun.repeat(one, [one.rows[index], sound], imports=["hostile"])
    assert [differences[:1] for _, differences in outcomes][1] == []
    assert outcomes[0][1][0].startswith("theta_sha256 is ")


@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_a_trial_that_differs_on_another_processor_is_not_comparable(
    source, tmp_path, is_elsewhere
):
    value = json.loads(source.read_text())
    index = next(i for i, row in enumerate(value["rows"]) if row["theta_sha256"])
    value = altered(value, ("rows", index, "theta_sha256"), "0" * 64)
    if is_elsewhere:
        value = altered(value, ("machine", "processor"), "PDP-11")
        value = altered(value, ("origin", "processor"), "PDP-11")
    source.write_text(again_signed(value).dump())
    done = rlid_here(
        "verify", source, "--rerun", "100", "--jobs", "1", "--import", "hostile", cwd=tmp_path
    )
    assert done.returncode == (0 if is_elsewhere else 1), done.stdout
    words = "not comparable on this processor: measured on PDP-11, repeated on "
    assert (f"note: {words}" in done.stdout) == is_elsewhere


@pytest.mark.parametrize("path", [("machine", "processor"), ("versions", 0, "numpy")])
@pytest.mark.parametrize("hidden", ["\x1b[8m", "\x9b8m", "\r", "\u202e", "\u2028"])
def test_no_control_sequence_of_a_file_reaches_the_terminal(source, tmp_path, path, hidden):
    value = json.loads(source.read_text())
    forged = f"x{hidden}reproduced 3 of 3 trials"
    value = altered(value, path, forged)
    # Signed as the file would be had it been taken as it is.
    unsigned = {name: item for name, item in value.items() if name != "sha256"}
    value["sha256"] = hashlib.sha256(canonical(unsigned).encode()).hexdigest()
    source.write_text(json.dumps(value))
    done = rlid_here("verify", source, cwd=tmp_path)
    assert done.returncode == 1
    assert hidden not in done.stdout + done.stderr


def test_the_name_of_a_field_that_there_is_not_is_shown_without_its_control_sequences(
    source, tmp_path
):
    value = json.loads(source.read_text())
    value["rows"][0]["x\x1b[8m\n"] = 1
    source.write_text(json.dumps(value))
    done = rlid_here("verify", source, cwd=tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert done.stdout.count("\n") == 2


def test_a_trial_that_cannot_be_run_here_is_told_from_one_that_comes_out_otherwise(
    source, monkeypatch
):
    one = parse(source.read_text())
    # The task is known here, and its package is out of the workers' reach.
    monkeypatch.delenv("PYTHONPATH")
    here = str(Path(__file__).parent)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not path.startswith(here)])
    ((_, differences),) = rerun.repeat(one, one.rows[:1], imports=["hostile"])
    (line,) = differences
    assert line.startswith("it could not be run here: ")
    assert "hostile" in line


def test_the_command_says_no_more_than_it_did(source, tmp_path):
    done = rlid_here("verify", source, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0] == f"{source}: consistent"
    assert "reproduced" not in done.stdout
    again = rlid_here(
        "verify", source, "--rerun", "2", "--jobs", "1", "--import", "hostile", cwd=tmp_path
    )
    assert again.returncode == 0, again.stdout
    assert again.stdout.splitlines()[0] == f"{source}: reproduced 2 of 2 trials"
    assert "note: drawn with --seed " in again.stdout
    source.write_text(source.read_text().replace('"seconds"', '"secands"', 1))
    broken = rlid_here("verify", source, cwd=tmp_path)
    assert broken.returncode == 1
    assert broken.stdout.startswith(f"{source}: damaged")
    missing = rlid_here("verify", tmp_path / "none.json", source, cwd=tmp_path)
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    assert f"{tmp_path / 'none.json'}: there is no such file" in missing.stderr
    assert missing.stdout.startswith(f"{source}: damaged")


def test_a_file_whose_task_is_not_known_here_keeps_no_other_from_being_repeated(source, tmp_path):
    other = next(path for path in SHIPPED if path.parent.name == "cartpole")
    words = ["verify", source, other, "--rerun", "1", "--jobs", "1"]
    done = rlid(*words, cwd=tmp_path, PYTHONPATH="")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(source) in done.stderr
    assert done.stdout.startswith(f"{other}: reproduced 1 of 1 trials")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_result_is_consistent(path):
    one, verdict = verify(path)
    assert verdict.problems == ()
    assert path == publisher.path(one, RESULTS)
