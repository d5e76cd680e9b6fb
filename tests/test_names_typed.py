"""A task whose own name has slashes, as a file in a folder, is typed as it is in every command."""

import json

import own_data
import pytest
from command import rlid_here

from rlid.measurement import typed_parts

TASK = "table:tables/flowers.csv,target=kind"
SHOWN = TASK.replace("/", "_")
RUN = (
    "run", TASK, "--agent", "adam", "--network", "linear", "--dims", "1,2", "--search", "grid",
    "--seeds", "1", "--budget", "20", "--jobs", "1", "--reference", "0.9", "--quiet",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    (folder / "tables").mkdir()
    own_data.write_flowers(folder / "tables" / "flowers.csv")
    ran = rlid_here(*RUN, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.mark.parametrize("name", [TASK, SHOWN, f"{TASK}/adam", f"{SHOWN}/adam/linear"])
def test_a_name_is_taken_as_it_is_typed_and_as_it_is_shown(place, name):
    said = rlid_here("show", name, "--json", cwd=place)
    assert said.returncode == 0, said.stderr
    (answer,) = json.loads(said.stdout)
    assert answer["name"].startswith(f"{SHOWN}/adam/linear/onehot/")
    assert rlid_here("plot", name, "--kind", "dimension", cwd=place).returncode == 0


def test_a_name_that_fits_nothing_is_refused_with_what_there_is(place):
    for name in (f"{TASK}/cmaes", "table:tables/iris.csv,target=kind"):
        refused = rlid_here("show", name, cwd=place)
        assert refused.returncode == 2
        assert f"name one of {SHOWN}/adam" in refused.stderr
    refused = rlid_here("show", SHOWN.replace("flowers", "iris"), cwd=place)
    assert "no measurement of" in refused.stderr


def test_comparisons_and_publications_take_it_too(place):
    compared = rlid_here("compare", f"{TASK}/adam", TASK, cwd=place)
    assert compared.returncode == 0, compared.stderr
    for name in (TASK, f"{TASK}/adam/linear"):
        published = rlid_here("publish", name, cwd=place)
        assert published.returncode == 0, published.stderr
        assert published.stdout.count(".json") == 1
    assert rlid_here("publish", "--again", TASK, cwd=place).returncode == 0
    refused = rlid_here("publish", f"{TASK}/cmaes", cwd=place)
    assert "no finished measurement" in refused.stderr


def test_the_task_with_the_longest_name_is_meant():
    tasks = ["gym:a", "gym:a/B-v0", "gym:a/B-v0?path=x/y"]
    assert typed_parts("gym:a/B-v0/cmaes", tasks) == ("gym:a_B-v0", "cmaes")
    assert typed_parts("gym:a/B-v0?path=x/y", tasks) == ("gym:a_B-v0?path=x_y",)
    assert typed_parts("gym:a/", tasks) == ("gym:a", "")
    assert typed_parts("gym:a/cmaes", tasks) == ("gym:a", "cmaes")
    assert typed_parts("gym:a_B-v0/cmaes", tasks) == ("gym:a_B-v0", "cmaes")
