"""What a published file says of its origin, its registration, and how its policy was taken."""

import json
import shutil
from pathlib import Path

import pytest
from command import rlid_here

from rlid.errors import InputError
from rlid.leaderboard import origin, policy_choice
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.from_records import signed
from rlid.leaderboard.published import parse
from rlid.leaderboard.verify import verify

PUBLISHED = Path(__file__).parent / "fixtures" / "published"
EXPORTED = PUBLISHED / "cartpole" / "cmaes-mlp_20x20-onehot-b4cb0ebd.json"

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.fixture(scope="module")
def written(quick_store, tmp_path_factory):
    (one,) = publisher.harvest(quick_store, by="A. N. \x1b[8mOther", when="1 April").published
    return publisher.write(one, quick_store, tmp_path_factory.mktemp("written"))[0]


@pytest.fixture
def source(written, tmp_path):
    shutil.copytree(written.parent, tmp_path / "task")
    return tmp_path / "task" / written.name


def changed(source, change):
    """Change a published file, and sign it anew; return the problems that verify finds."""
    value = json.loads(source.read_text())
    change(value)
    source.write_text(signed(parse(json.dumps(value))).dump())
    return verify(source)[1].problems


def test_a_published_file_says_by_which_rlid_processor_and_person_it_was_made(source):
    published = parse(source.read_text())
    stated = published.origin
    assert stated.rlid == published.versions[0]["rlid"]
    assert stated.processor == published.machine.processor
    assert stated.capability["torch"] == published.versions[0]["cpu torch"]
    assert stated.by == "A. N. \\x1b[8mOther"
    assert stated.when == "1 April"
    assert verify(source)[1].problems == ()


def test_the_day_of_the_run_is_stated_where_nobody_says_when(quick_store):
    (published,) = publisher.harvest(quick_store).published
    (ended,) = {json.loads(path.read_text())["ended"]
                for path in quick_store.folder.glob("measurements/*/*.json")}  # fmt: skip
    assert published.origin.when == ended
    assert len(ended) == len("2026-01-31")


def test_words_without_end_are_refused(quick_store):
    with pytest.raises(InputError, match="--by"):
        publisher.harvest(quick_store, by="x" * 201)


def test_the_commands_take_and_show_who_and_when_as_plain_text(quick_store, tmp_path):
    words = ("--by", "\x1b[8mme\u202e", "--when", "today")
    done = rlid_here("publish", "--store", quick_store.folder, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("results/*/*.json")
    shown = rlid_here("verify", file, cwd=tmp_path).stdout
    assert "by \\x1b[8mme\\u202e, today" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["origin"].update(processor="PDP-11"),
        lambda value: value["origin"]["capability"].update(torch="AVX9000"),
        lambda value: value["origin"].update(capability={}),
        lambda value: value["machine"].update(processor="PDP-11"),
    ],
)
def test_an_origin_that_contradicts_the_file_is_refused(source, change):
    (line,) = changed(source, change)
    assert line.startswith("origin: ")


def test_a_wheel_is_named_by_its_files_and_not_by_what_the_installer_adds():
    wheel = ("rlid/a.py,sha256=x,3", "rlid/b.py,sha256=y,3")
    added = ("rlid-1.dist-info/INSTALLER,sha256=z,4", "rlid/__pycache__/a.pyc,,",
             "../../bin/rlid,sha256=w,5")  # fmt: skip
    named = origin._files("\n".join(wheel))
    assert named.startswith("wheel files sha256:")
    assert origin._files("\n".join((*added, *reversed(wheel)))) == named
    assert origin._files("rlid/a.py,sha256=other,3\n" + wheel[1]) != named


REGISTERED = "its first seed, 0, is registered in registered.txt"


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("{command}", REGISTERED),
        ("# a remark\n\n  {command}  # planned", REGISTERED),
        ("{reordered}", REGISTERED),
        ("{command} --seed 7", "has this measurement with first seed 7: this file has 0"),
        ("{command} --precision 0.5", ""),
        ("rlid run 'unclosed", ""),
        ("rlid run gym:Quick-v0", ""),
    ],
)
def test_a_registered_command_is_found_beside_its_result(source, line, note):
    command = parse(source.read_text()).command
    words = command.split()
    reordered = " ".join([*words[:3], *words[5:], *words[3:5]])
    text = line.format(command=command, reordered=reordered)
    source.with_name("registered.txt").write_text(text)
    verdict = verify(source)[1]
    assert verdict.problems == ()
    notes = [text for text in verdict.notes if "registered.txt" in text]
    assert len(notes) == bool(note)
    assert all(note in text for text in notes)


def test_a_registration_that_cannot_be_read_is_a_note(source):
    source.with_name("registered.txt").write_bytes(b"\xff\xfe")
    assert any("registered.txt cannot be read" in note for note in verify(source)[1].notes)


def a_copy_of(exported, folder):
    for path in exported.parent.glob(f"{exported.stem}.*"):
        shutil.copy(path, folder)
    return folder / exported.name


def failing(value):
    """Indices of the validations that did not hold."""
    threshold = value["policy"]["threshold"]
    return [index for index, tried in enumerate(value["policy"]["attempts"])
            if tried["mean"] - tried["error"] < threshold]  # fmt: skip


def test_every_validation_of_a_policy_that_failed_must_be_in_its_report(tmp_path):
    count = len(failing(json.loads(EXPORTED.read_text())))
    assert count > 1
    for number in range(count):

        def leave_out(value, number=number):
            value["origin"] = {"rlid": "0.1.0"}
            del value["policy"]["attempts"][failing(value)[number]]

        assert changed(a_copy_of(EXPORTED, tmp_path), leave_out)


def test_a_validation_that_is_made_to_hold_changes_what_follows(tmp_path):
    def hold(value):
        value["policy"]["attempts"][failing(value)[0]]["mean"] = value["policy"]["threshold"] + 40

    assert changed(a_copy_of(EXPORTED, tmp_path), hold)


def test_a_policy_that_is_not_the_smallest_that_held_is_refused(tmp_path):
    def pick(value):
        report = value["policy"]
        taken = (report["d"], report["seed"], report["bits"])
        report["attempts"] = [
            {**tried, "mean": report["threshold"] - 100}
            if (tried["d"], tried["seed"], tried["bits"]) == taken else tried
            for tried in report["attempts"]
        ]  # fmt: skip

    lines = changed(a_copy_of(EXPORTED, tmp_path), pick)
    assert any("is not the one that follows from its validations" in line for line in lines)


def test_a_policy_of_other_trials_is_not_published_in_silence(quick_store, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(quick_store.folder, folder)
    done = rlid_here("export", "gym:Quick-v0", "--import", "hostile", "--store", folder,
                     cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    harvest = publisher.harvest(type(quick_store)(folder))
    assert harvest.published[0].policy is not None
    assert policy_choice.is_of_rows(harvest.published[0])
    (report,) = folder.glob("policies/*/*.json")
    value = json.loads(report.read_text())
    value["attempts"].append({"d": 5, "seed": 4, "bits": 2, "mean": 0.0, "error": 1.0})
    report.write_text(json.dumps(value))
    harvest = publisher.harvest(type(quick_store)(folder))
    assert harvest.published[0].policy is None
    assert "(`rlid export gym:Quick-v0/cmaes/mlp:4/onehot/" in harvest.unclaimed[0]
    assert harvest.unclaimed[0].endswith("` renews it)")
