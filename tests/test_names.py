"""One name for a measurement: in the store, in published files, on screen and in every command."""

import json

import pytest
from command import rlid_here
from records import a_record, a_spec

from rlid.errors import InputError
from rlid.leaderboard import peers
from rlid.measurement import select, summarise

RUN = (
    "run", "dials:2", "--agent", "cmaes", "--network", "linear", "--dmax", "4", "--seeds", "3",
    "--budget", "200", "--max-trials", "5", "--jobs", "1", "--reference", "1",
    "--reference-source", "by construction", "--quiet",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    assert rlid_here(*RUN, cwd=folder).returncode == 0
    assert rlid_here("publish", cwd=folder).returncode == 0
    return folder


def shown_name(place):
    (answer,) = json.loads(rlid_here("show", "--json", cwd=place).stdout)
    return answer["name"]


def test_the_store_the_published_file_and_the_figure_have_one_name(place):
    digest = shown_name(place).rpartition("/")[2]
    (kept,) = (place / "rlid-store" / "measurements").glob("*/*.json")
    (published,) = (place / "results").glob("*/*.json")
    assert kept.stem == digest
    assert published.stem.endswith(digest)
    figures = list((place / "rlid-store" / "plots").iterdir())
    assert {figure.stem.endswith(digest) for figure in figures} == {True}


def test_the_shown_name_is_taken_by_every_command(place):
    name = shown_name(place)
    assert rlid_here("show", name, cwd=place).returncode == 0
    assert rlid_here("compare", name, name, cwd=place).returncode == 0
    drawn = rlid_here("plot", name, cwd=place)
    assert drawn.returncode == 0
    assert name.rpartition("/")[2] in drawn.stdout
    assert "no measurement" not in rlid_here("export", name, cwd=place).stderr


def test_two_questions_of_the_same_trials_are_two_names_for_them(tmp_path):
    for most in ("5", "6"):
        rlid_here(*(most if word == "5" else word for word in RUN), cwd=tmp_path)
    digests = [path.stem for path in tmp_path.glob("rlid-store/measurements/*/*.json")]
    assert len(digests) == 2
    start, _, shown = shown_name(tmp_path).rpartition("/")
    assert shown in digests
    for digest in digests:
        assert rlid_here("show", f"{start}/{digest}", cwd=tmp_path).returncode == 0


def test_trials_of_no_finished_run_have_a_name_of_their_own():
    summary = summarise([a_record(spec=a_spec(d=2, seed=seed)) for seed in range(3)])
    assert select([summary], summary.path) is summary
    assert summary.path.startswith("cartpole/")


class TestPublished:
    def test_the_shipped_results_stand_beside_the_own_ones(self, place):
        ran = rlid_here("compare", shown_name(place), "published:cartpole/cmaes", cwd=place)
        assert ran.returncode == 0
        assert "B: cartpole · cmaes · mlp:20x20" in ran.stdout
        names = [shown_name(place), "published:cartpole/cmaes"]
        compared = json.loads(rlid_here("compare", *names, "--json", cwd=place).stdout)
        assert compared["a"] == names[0]
        assert compared["b"].startswith("published:cartpole/cmaes/mlp:20x20/onehot/")
        assert rlid_here("compare", compared["a"], compared["b"], cwd=place).returncode == 0

    def test_published_results_need_no_store(self, tmp_path):
        names = ("published:cartpole/cmaes", "published:acrobot/cmaes")
        assert rlid_here("compare", *names, cwd=tmp_path).returncode == 0

    def test_the_names_of_published_results_are_those_of_their_files(self):
        folder = peers.published_folder()
        for source in sorted(folder.glob("*/*.json"))[:4]:
            task, digest = source.parent.name, source.stem[-8:]
            (summary,) = (
                each for each in peers.published_of_task(folder, task) if digest in each.path
            )
            assert peers.published_named(folder, summary.path).path == summary.path

    @pytest.mark.parametrize(
        ("wanted", "complaint"),
        [("cartpol", "did you mean 'cartpole'"), ("cartpole/cmaex", "no measurement is named")],
    )
    def test_an_unknown_one_is_named_with_what_there_is(self, wanted, complaint):
        with pytest.raises(InputError, match=complaint):
            peers.published_named(peers.published_folder(), wanted)

    def test_several_that_fit_are_all_named(self):
        with pytest.raises(InputError, match="several measurements are named 'cartpole'"):
            peers.published_named(peers.published_folder(), "cartpole")


def test_the_scale_of_mnist_is_there_without_a_measurement_of_it(place):
    (answer,) = json.loads(rlid_here("show", "--json", cwd=place).stdout)
    assert answer["of_mnist"] is not None or answer["d_int90"] is None or answer["bracket"]
