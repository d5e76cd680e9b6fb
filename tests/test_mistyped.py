"""What a new user mistypes: one clear line that says what is right, and exit code 2."""

import shlex

import pytest
from command import rlid_here

MISTYPED = {
    "rum cartpole": "Did you mean 'run'?",
    "run": "task is missing: see rlid run --help",
    "run cartpol --dmax 5": "did you mean 'cartpole'?",
    "run cartpole cartpole": "unexpected extra argument",
    "run cartpole --dmax 0": "--dmax 0: must be at least 1",
    "run cartpole --dmax ten": "--dmax ten: must be a whole number",
    "run cartpole --dmax=ten": "--dmax ten: must be a whole number",
    "run cartpole --dmax 1000000": "must be from 1 to D = 562",
    "run cartpole --dmx 5": "Possible options: --dims, --dmax",
    "run cartpole --agent cmae": "did you mean 'cmaes'?",
    "run cartpole --agent cmaes,": "a name is missing",
    "run cartpole --agent adam": "takes synthetic and supervised tasks",
    "run cartpole --network mlp": "use linear, mlp:20x20",
    "run cartpole --network mlp:0": "widths are from 1",
    "run cartpole --projection dens": "did you mean 'dense'?",
    "run cartpole --seeds 0": "--seeds 0: must be at least 1",
    "run cartpole --seed -1": "--seed -1: must be at least 0",
    "run cartpole --search bisekt": "use one of adaptive, bisect, grid",
    "run cartpole --precision 0": "must be above 0",
    "run cartpole --precision nan": "must be finite",
    "run cartpole --max-trials 0": "must be at least 1",
    "run cartpole --budget 1e5": "--budget 1e5: must be a whole number",
    "run cartpole --fraction 1.5": "must be at most 1",
    "run cartpole --rule raws": "use one of normalised, raw, paper",
    "run cartpole --baseline global": "use --baseline own",
    "run cartpole --reference 10 --jobs 1": "must be above the score of random actions",
    "run cartpole --reference-source mine": "give the score itself with --reference",
    "run cartpole --dims 5-1": "runs backwards",
    "run cartpole --dims 1,,2": "use whole numbers, ranges",
    "run cartpole --dims 0,1": "must be at least 1",
    "run cartpole --dims 1,9 --dmax 5": "9 is above --dmax 5",
    "run cartpole --jobs 0": "--jobs 0: must be at least 1",
    "run cartpole --engine rey": "did you mean 'ray'?",
    "run cartpole --gpus 1": "need --engine ray",
    "run cartpole --memory 0": "must be above 0, in gigabytes",
    "run cartpole --set sigma0": "takes NAME=VALUE",
    "run cartpole --set sigma=1": "did you mean 'sigma0'?",
    "run cartpole --set sigma0=big": "not a number",
    "run cartpole --import nosuchpackage": "No module named 'nosuchpackage'",
    "run cartpole --env-arg size": "use NAME=VALUE",
    "run cartpole --episode-cap 0": "must be a whole number from 1 on",
    "run cartpole --timeout 0": "must be above 0",
    "run cartpole --max-hours 0": "--max-hours 0: must be above 0",
    "run cartpole --data nowhere": "no such folder",
    "run CartPole-v1 --dmax 5": "did you mean 'gym:CartPole-v1'?",
    "run NoSuch-v0 --dmax 5": "is named gym:NoSuch-v0, with --import for its package",
    "run no_such:NoSuch-v0 --dmax 5": "is named gym:NoSuch-v0, with --import no_such",
    "run gym:NoSuch-v0 --dmax 5": "use --import for its package",
    "suite": "name is missing: see rlid suite --help",
    "suite clasic": "did you mean 'classic'?",
    "suite nowhere.toml": "No such file",
    "suite quick --only nothing": "fits no row",
    "suite quick --agent cmae": "did you mean 'cmaes'?",
    "suite quick --set sigma0=1": "name the one agent",
    "check cartpole": "--max-dint is missing: see rlid check --help",
    "check cartpole --max-dint 0": "must be at least 1",
    "reference cartpole --seeds 0": "must be at least 1",
    "list taks": "did you mean 'tasks'?",
    "list agents cmae": "did you mean 'cmaes'?",
    "list tasks cartpole": "only agents have settings",
    "show cartpole --store nowhere": "no store at 'nowhere'",
    "compare a": "b is missing: see rlid compare --help",
    "compare published:cartpol published:acrobot": "did you mean 'cartpole'?",
    "plot --kind curve --store nowhere": "did you mean 'curves'?",
    "export --store nowhere": "no store at 'nowhere'",
    "play nowhere.rlid": "'nowhere.rlid' cannot be read: No such file or directory",
    "play nowhere.rlid --episodes 0": "must be at least 1",
    "publish --store nowhere": "no store at 'nowhere'",
    "publish --again --by me": "leave out --store, --by and --when",
    "publish --again --store nowhere": "leave out --store, --by and --when",
    "leaderboard --out nowhere": "no published results at 'nowhere'",
    "verify nowhere.json": "there is no such file",
    "verify --rerun -1 nowhere.json": "must be at least 0",
    "store merg a b": "Did you mean 'merge'?",
    "store check nowhere": "nowhere",
    "--vers": "--version",
}


@pytest.mark.parametrize("line", MISTYPED)
def test_a_mistyped_command_is_one_clear_line(line, tmp_path):
    ran = rlid_here(*shlex.split(line), cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("rlid: ")
    assert ran.stderr.count("\n") == 1
    assert MISTYPED[line] in ran.stderr
