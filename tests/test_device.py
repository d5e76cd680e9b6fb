"""Where batches train: what is refused, what stays on its device, and how much memory it takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rlid.agent import AGENTS, choose_device
from rlid.batched.adam import BatchedAdam
from rlid.batched.critics import FullCritics, SharedCritics
from rlid.batched.onehot import OneHotRows
from rlid.batched.pairs import make_pairs
from rlid.batched.weights import SubspaceBatch
from rlid.engine import Place
from rlid.errors import InputError
from rlid.measurement import Runner, plan
from rlid.networks import Network, parse
from rlid.subspace import make_subspace

META = torch.device("meta")
CPU = torch.device("cpu")
NETWORK = Network(parse("mlp:8x8"), 4, 2)
DIMS = (5, 9)


def subspaces_on(device):
    drawn = [make_subspace(NETWORK, "onehot", d, seed) for seed, d in enumerate(DIMS)]
    return SubspaceBatch(drawn, [3.0, 2.0], device)


@pytest.mark.parametrize("critics", [FullCritics(NETWORK), SharedCritics(NETWORK)])
def test_an_update_keeps_every_tensor_on_its_device(critics):
    pairs = make_pairs(NETWORK, subspaces_on(META), critics, len(DIMS))
    adam = BatchedAdam(torch.zeros(len(DIMS), critics.size, device=META), DIMS)
    pairs.load(adam.W, adam.Phi)
    outputs, values = pairs.forward(torch.zeros(len(DIMS), 32, 4, device=META))
    gradients = pairs.backward(outputs, values)
    adam.step(*gradients, np.full((len(DIMS), 1), 1e-3), 0.5)
    for tensor in (outputs, values, *gradients, adam.W, adam.Phi):
        assert tensor.device == META
    assert [tuple(t.shape) for t in (outputs, values, gradients[0])] == [
        (2, 2, 32),
        (2, 32),
        (2, 9),
    ]


def test_the_sum_of_a_gpu_has_no_atomic_additions_and_equals_that_of_the_processor():
    subspaces = [make_subspace(NETWORK, "onehot", d, seed) for seed, d in enumerate(DIMS)]
    rows = OneHotRows(subspaces, max(DIMS), CPU)
    table = OneHotRows(subspaces, max(DIMS), CPU)
    table.tabulate()
    G = torch.randn(len(DIMS), NETWORK.D, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(table.reduce(G), rows.reduce(G), rtol=1e-5, atol=1e-6)
    assert torch.equal(table.reduce(G), table.reduce(G))


@pytest.mark.parametrize(
    ("text", "agent", "message"),
    [
        ("gpu", "batched_ppo", "--device gpu: use one of cpu, cuda, cuda:N or auto"),
        ("cuda:x", "batched_ppo", "--device cuda:x: use one of"),
        ("cuda", "cmaes", "--device cuda: agent 'cmaes' trains on the cpu: use --device cpu"),
    ],
)
def test_a_device_that_cannot_be_used_is_refused_in_one_line(text, agent, message):
    with pytest.raises(InputError, match=message):
        plan("cartpole", agent=agent, dmax=2, device=text)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused_before_anything_runs(tmp_path):
    wanted = plan("cartpole", agent="batched_ppo", dmax=2, device="cuda")
    with pytest.raises(InputError, match="torch finds no such GPU here"):
        Runner(wanted, tmp_path)


def test_a_share_of_a_gpu_that_nothing_would_use_is_refused(tmp_path):
    wanted = plan("cartpole", agent="cmaes", dmax=2)
    with pytest.raises(InputError, match="--gpus 0.5: these trials train on the cpu"):
        Runner(wanted, tmp_path, place=Place("ray", gpus=0.5))


def test_auto_means_the_cpu_for_agents_that_train_nowhere_else():
    assert choose_device("auto", "cmaes", AGENTS["cmaes"], is_large=True) == "cpu"
    assert plan("cartpole", agent="cmaes", dmax=2, device="auto").question.device == "cpu"


def test_trials_of_two_devices_never_share_a_record():
    on_cpu = plan("cartpole", agent="batched_ppo", dmax=2).spec(2, 0, None)
    on_gpu = plan("cartpole", agent="batched_ppo", dmax=2, device="cuda").spec(2, 0, None)
    assert (on_cpu.device, on_gpu.device) == ("cpu", "cuda")
    assert on_cpu.key != on_gpu.key


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_outputs_and_gradients_of_a_gpu_are_those_of_the_processor():
    critics = FullCritics(NETWORK)
    x = torch.randn(len(DIMS), 32, 4, generator=torch.Generator().manual_seed(0))
    W = 0.1 * torch.randn(len(DIMS), max(DIMS), generator=torch.Generator().manual_seed(1))
    W[0, DIMS[0] :] = 0
    Phi = torch.from_numpy(
        np.stack([critics.initial(np.random.default_rng(row)) for row in range(len(DIMS))])
    )
    results = []
    for device in (CPU, torch.device("cuda")):
        pairs = make_pairs(NETWORK, subspaces_on(device), critics, len(DIMS))
        pairs.load(W.to(device), Phi.to(device))
        outputs, values = pairs.forward(x.to(device))
        gradients = pairs.backward(outputs, values)
        results.append([t.cpu() for t in (outputs, values, *gradients)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_theta_of_a_gpu_has_the_bits_of_the_processor():
    W = 0.1 * torch.randn(len(DIMS), max(DIMS), generator=torch.Generator().manual_seed(1))
    cuda = torch.device("cuda")
    assert torch.equal(subspaces_on(CPU).expand(W), subspaces_on(cuda).expand(W.to(cuda)).cpu())


@pytest.mark.slow
def test_sixteen_trials_of_a_million_weights_take_less_than_three_gibibytes():
    script = Path(__file__).parent / "fixtures" / "wide_cell.py"
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 3 * 2**30
