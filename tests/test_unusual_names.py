"""What can be measured can be exported, whatever its name; other names are refused at once."""

import pytest
from command import rlid_here
from names import LONGEST, TOO_LONG, TOO_MANY_BYTES, UMLAUTS

from rlid.measurement import plan

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.mark.parametrize("name", [UMLAUTS, LONGEST], ids=["not-ascii", "longest"])
def test_a_policy_of_an_unusual_name_is_exported_and_plays(tmp_path, give_reference, name):
    give_reference(f"gym:{name}", 5.0, 2.5, network="mlp:4", imports=("names",))
    common = ["--import", "names", "--store", tmp_path / "store"]
    done = rlid_here(
        "run", f"gym:{name}", "--network", "mlp:4", "--budget", "3000", "--seeds", "1", "--dims",
        "6", "--search", "grid", "--jobs", "1", "--quiet", *common, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    exported = rlid_here("export", "--all", *common, cwd=tmp_path)
    assert exported.returncode in (0, 1), exported.stderr
    (file,) = tmp_path.glob("store/policies/*/*.rlid")
    played = rlid_here("play", file, "--import", "names", "--episodes", "3", cwd=tmp_path)
    assert played.returncode == 0, played.stderr
    assert f"gym:{name}" in played.stdout


@pytest.mark.parametrize("name", [TOO_LONG, TOO_MANY_BYTES], ids=["too-long", "too-many-bytes"])
def test_a_name_that_no_file_holds_is_refused_when_planning(name):
    with pytest.raises(ValueError, match="at most 200 characters, and 255 bytes"):
        plan(f"gym:{name}", dmax=2, imports=["names"])
