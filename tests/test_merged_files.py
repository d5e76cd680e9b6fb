"""`rlid store merge` takes published files: a run goes on with the trials that they hold."""

import json
import shutil
from pathlib import Path

import pytest
from command import rlid
from measurements import a_published

import rlid as package
from rlid.errors import InputError
from rlid.leaderboard import learning_curves
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.assessment import assess
from rlid.leaderboard.caveats import caveats
from rlid.leaderboard.from_records import signed
from rlid.leaderboard.ranking import row_of
from rlid.leaderboard.rerun import repeat
from rlid.leaderboard.unfolded import unfold
from rlid.leaderboard.verify import verify
from rlid.measurement import measurements
from rlid.policies import export
from rlid.records import MERGED_FROM
from rlid.store import Store, maintenance

FIXTURES = Path(__file__).parent / "fixtures"
CARTPOLE = FIXTURES / "published" / "cartpole" / "cmaes-mlp_20x20-onehot-b4cb0ebd.json"
QUICK = {"imports": ("hostile",), "network": "mlp:4", "budget": 3000, "jobs": 1, "search": "grid"}
OF_THE_RUN = {"seconds", "notes", "dmin", "dmax"}


def measure(folder, seeds):
    return package.measure("gym:Quick-v0", dims=[1, 2, 5], seeds=seeds, store=folder, **QUICK)


def content(store, seeds=range(100)):
    return {
        (record.spec.d, record.spec.seed): record.model_dump(exclude=OF_THE_RUN)
        for record in store.records()
        if record.spec.seed in seeds
    }


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, quick_store):
    """A published grid of three seeds at three d, and the store that it was run in."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(quick_store.folder / "references", folder / "store" / "references")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FIXTURES))
        measure(folder / "store", 3)
    store = Store(folder / "store")
    (published,) = publisher.harvest(store).published
    return publisher.write(published, store, folder / "published")[0], store


def test_a_merged_file_gives_the_trials_that_it_was_published_from(elsewhere, tmp_path):
    source, store = elsewhere
    merged = Store(tmp_path / "merged")
    outcome = maintenance.merge(merged, unfold(source, tmp_path / "unfolded"))
    assert (outcome.added, outcome.measurements, outcome.conflicts) == (9, 1, ())
    assert content(merged) == content(store, range(3))
    assert list(maintenance.examine(merged)) == []
    digest = json.loads(source.read_text())["sha256"]
    assert {record.notes[MERGED_FROM] for record in merged.records()} == {digest}
    again = maintenance.merge(merged, unfold(source, tmp_path / "again"))
    assert (again.added, again.known, again.measurements) == (0, 9, 0)


def test_a_run_trains_only_what_a_merged_file_lacks(elsewhere, tmp_path, workers_find_fixtures):
    source, store = elsewhere
    merged = Store(tmp_path / "merged")
    maintenance.merge(merged, unfold(source, tmp_path / "unfolded"))
    continued = measure(merged.folder, 4)
    new = [record for record in merged.records() if MERGED_FROM not in record.notes]
    assert sorted((record.spec.d, record.spec.seed) for record in new) == [(1, 3), (2, 3), (5, 3)]
    whole = Store(tmp_path / "whole")
    shutil.copytree(store.folder, whole.folder)
    assert continued.estimate == measure(whole.folder, 4).estimate
    assert content(merged, range(4)) == content(whole, range(4))


def test_merged_trials_are_published_again_with_a_note_of_their_file(
    elsewhere, tmp_path, workers_find_fixtures
):
    source, _ = elsewhere
    merged = Store(tmp_path / "merged")
    maintenance.merge(merged, unfold(source, tmp_path / "unfolded"))
    (published,) = publisher.harvest(merged).published
    target = publisher.write(published, merged, tmp_path / "published")[0]
    read, verdict = verify(target)
    assert verdict.problems == ()
    assert [row.key for row in read.rows] == [row.key for row in verify(source)[0].rows]
    assert target.with_suffix(publisher.Z_SUFFIX).read_bytes() == (
        source.with_suffix(publisher.Z_SUFFIX).read_bytes()
    )
    solved = next(row for row in read.rows if row.status == "solved")
    assert repeat(read, [solved], imports=("hostile",)) == [(solved, [])]
    assessment = assess(read)
    texts = caveats(assessment, row_of(assessment, None), is_chosen=True)
    assert "9 of 9 trials were merged from a published file: they were run elsewhere." in texts


def test_a_trial_that_was_run_here_stays_and_a_different_result_is_named(elsewhere, tmp_path):
    source, store = elsewhere
    unfolded = unfold(source, tmp_path / "unfolded")
    here = Store(tmp_path / "here")
    first = next(record for record in store.records() if record.spec.seed == 0)
    here.add(first.model_copy(update={"score": -1.0, "z_sha256": None, "theta_sha256": "0" * 64}))
    outcome = maintenance.merge(here, unfolded)
    assert [record.key for record in outcome.conflicts] == [first.key]
    assert here.get(first.spec).score == -1.0


def test_a_z_that_no_file_brought_is_missed_where_it_is_needed(elsewhere, tmp_path):
    source, run_in = elsewhere
    store = unfold(source, tmp_path / "unfolded")
    (summary,) = measurements(store)
    with pytest.raises(InputError, match="holds one z alone; export the policy where it was run"):
        export.export(summary, store, ("hostile",))
    # Another threshold may make another trial the smallest solved one.
    whole = Store(shutil.copytree(store.folder, tmp_path / "whole"))
    for path in store.files(".safetensors"):
        path.unlink()
    outcome = publisher.harvest(store)
    assert not outcome.published
    assert "its smallest solved trial was merged without its z (d = " in outcome.refused[0]
    # The store where the trials ran has what is missing.
    assert maintenance.merge(whole, run_in).added == 0
    assert list(maintenance.examine(whole)) == []
    assert all(whole.has_z(record) for record in summary.records if record.status == "solved")
    assert export.export(summary, whole, ("hostile",))[1].solved


def changed(change):
    value = json.loads(CARTPOLE.read_text())
    change(value)
    return json.dumps(value)


def resigned(published):
    return signed(published).dump()


SPOILED = {
    "no JSON": ("{", "{name}: not JSON"),
    "another number": (
        changed(lambda value: value["rows"][0].update(score=499.0)),
        "the content is not that of its SHA-256",
    ),
    "another number of weights": (
        resigned(a_published().model_copy(update={"D": 563})),
        "a published file is merged only where it is consistent",
    ),
}


@pytest.mark.parametrize(("text", "words"), SPOILED.values(), ids=SPOILED)
def test_a_file_that_contradicts_itself_adds_nothing(text, words, tmp_path):
    (tmp_path / "file.json").write_text(text)
    done = rlid("store", "merge", "store", "file.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words.format(name=tmp_path / "file.json") in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "store").glob("trials/*/*.json"))


def test_a_file_whose_learning_curves_are_those_of_other_trials_is_refused(elsewhere, tmp_path):
    source, _ = elsewhere
    folder = shutil.copytree(source.parent, tmp_path / "published")
    published, file = verify(source)[0], folder / source.name
    rows = [row.model_copy(update={"is_improving": not row.is_improving}) for row in published.rows]
    file.write_text(resigned(published.model_copy(update={"rows": rows})))
    name = learning_curves.path_beside(file).name
    with pytest.raises(InputError, match=f"its learning curve is not the one in {name}"):
        unfold(file, tmp_path / "unfolded")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("store nowhere.json", "'{}/nowhere.json' is neither a store nor a published file"),
        ("store published", "'{}/published' is no store: give the folder of one, or JSON files"),
        (
            "file.json store",
            "'{}/file.json' is a file: the folder of the store that grows is first",
        ),
    ],
)
def test_a_source_that_is_no_store_is_named_and_nothing_is_made(words, said, tmp_path):
    shutil.copytree(CARTPOLE.parent, tmp_path / "published" / "cartpole")
    shutil.copy(CARTPOLE, tmp_path / "file.json")
    done = rlid("store", "merge", *words.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"rlid: {said.format(tmp_path)}\n"
    assert not (tmp_path / "store").exists()


def test_the_command_merges_files_and_stores_alike(elsewhere, tmp_path, workers_find_fixtures):
    source, store = elsewhere
    done = rlid(
        "store", "merge", "new", source, store.folder, CARTPOLE, "--import", "hostile", "--json",
        cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    outcomes = json.loads(done.stdout)
    assert [outcomes[str(path)]["known"] for path in (source, store.folder, CARTPOLE)] == [0, 9, 0]
    assert outcomes[str(CARTPOLE)]["added"] == 60
    again = rlid("store", "merge", "new", CARTPOLE, cwd=tmp_path)
    assert again.stdout == f"{CARTPOLE}: 0 added, 60 there already; measurements: 0 added\n"
